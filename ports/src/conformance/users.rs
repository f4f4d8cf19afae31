//! The suite of `UserStore`: links are made once, and two first messages make one user.

use futures_util::future::join_all;
use switchboard_domain::ids::UserId;

use crate::conformance::{FakeClock, Fixture};
use crate::error::StoreError;
use crate::page::PageRequest;
use crate::users::{Identity, Matches, User};

/// One test per case of the user store's contract.
#[macro_export]
macro_rules! user_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (users);
            a_linked_user_comes_back_as_it_was,
            nobody_is_found_where_nobody_is,
            an_existing_link_wins,
            of_first_messages_at_once_exactly_one_makes_a_user,
            a_second_identity_is_added_to_an_existing_user,
            a_new_user_needs_a_username_of_its_own,
            users_are_matched_by_username_and_verified_address,
            users_are_listed_in_id_order,
        );
    };
}

/// A user.
#[must_use]
pub fn user(id: &str, username: &str) -> User {
    User {
        id: UserId::new(id),
        username: username.to_owned(),
        email: Some(format!("{username}@example.invalid")),
        email_verified: true,
        display_name: "Somebody 某人".to_owned(),
        auth_source: "dingtalk".to_owned(),
        disabled: false,
        identities: Vec::new(),
        created_at: FakeClock::START,
    }
}

/// An identity on DingTalk.
#[must_use]
pub fn identity(im_user_id: &str) -> Identity {
    Identity { platform: "dingtalk".to_owned(), im_user_id: im_user_id.to_owned() }
}

fn with(user: User, identities: &[Identity]) -> User {
    User { identities: identities.to_vec(), ..user }
}

/// By id, by identity, over a death.
pub async fn a_linked_user_comes_back_as_it_was(mut fixture: impl Fixture) {
    let plain = User { email: None, email_verified: false, disabled: true, ..user("usr_2", "two") };
    for (user, identity) in [(user("usr_1", "One 一"), identity("u1")), (plain, identity("u2"))] {
        // What the caller says of identities is not what is stored.
        let said = with(user.clone(), &[self::identity("forged")]);
        let linked = with(user.clone(), std::slice::from_ref(&identity));
        assert_eq!(fixture.stores().users.link(&said, &identity).await, Ok(linked.clone()));
        let survives = fixture.reopen().await;
        let users = fixture.stores().users;
        assert_eq!(users.find(&user.id).await, Ok(Some(linked.clone())), "survives: {survives}");
        assert_eq!(users.linked(&identity).await, Ok(Some(linked)));
        assert_eq!(users.linked(&self::identity("forged")).await, Ok(None));
    }
}

/// An answer, not an error.
pub async fn nobody_is_found_where_nobody_is(fixture: impl Fixture) {
    let users = fixture.stores().users;
    assert_eq!(users.find(&UserId::new("usr_1")).await, Ok(None));
    assert_eq!(users.linked(&identity("u1")).await, Ok(None));
    assert_eq!(users.matching("one", Some("one@example.invalid")).await, Ok(Matches::default()));
}

/// And no second user is made for it.
pub async fn an_existing_link_wins(fixture: impl Fixture) {
    let users = fixture.stores().users;
    let first = with(user("usr_1", "one"), &[identity("u1")]);
    users.link(&first, &identity("u1")).await.unwrap();
    assert_eq!(users.link(&user("usr_2", "two"), &identity("u1")).await, Ok(first.clone()));
    // Not even when the name would have been refused.
    assert_eq!(users.link(&user("usr_3", "one"), &identity("u1")).await, Ok(first.clone()));
    assert_eq!(users.find(&UserId::new("usr_2")).await, Ok(None));
    let listed = users.list(&PageRequest::default()).await.unwrap();
    assert_eq!(listed.items, [first]);
}

/// The race at somebody's first two messages.
pub async fn of_first_messages_at_once_exactly_one_makes_a_user(fixture: impl Fixture) {
    let users = fixture.stores().users;
    let made: Vec<_> = (0..6).map(|n| user(&format!("usr_{n}"), "one")).collect();
    let identity = identity("u1");
    let answers = join_all(made.iter().map(|user| users.link(user, &identity))).await;
    let listed = users.list(&PageRequest::default()).await.unwrap().items;
    assert_eq!(listed.len(), 1);
    assert!(answers.iter().all(|answer| answer.as_ref() == Ok(&listed[0])));
}

/// A user who exists is not changed by a link.
pub async fn a_second_identity_is_added_to_an_existing_user(fixture: impl Fixture) {
    let users = fixture.stores().users;
    users.link(&user("usr_1", "one"), &identity("u2")).await.unwrap();
    let changed = User { username: "changed".to_owned(), disabled: true, ..user("usr_1", "one") };
    let both = with(user("usr_1", "one"), &[identity("u1"), identity("u2")]);
    assert_eq!(users.link(&changed, &identity("u1")).await, Ok(both.clone()));
    assert_eq!(users.link(&changed, &identity("u1")).await, Ok(both.clone()), "repeated");
    assert_eq!(users.linked(&identity("u2")).await, Ok(Some(both)));
}

/// Compared without regard to case; nothing is written.
pub async fn a_new_user_needs_a_username_of_its_own(fixture: impl Fixture) {
    let users = fixture.stores().users;
    users.link(&user("usr_1", "Größe"), &identity("u1")).await.unwrap();
    let taken = users.link(&user("usr_2", "GRÖßE"), &identity("u2")).await;
    assert_eq!(taken, Err(StoreError::Duplicate("username")));
    assert_eq!(users.linked(&identity("u2")).await, Ok(None));
    assert_eq!(users.find(&UserId::new("usr_2")).await, Ok(None));
}

/// An unverified address matches nobody; two by address are enough to know.
pub async fn users_are_matched_by_username_and_verified_address(fixture: impl Fixture) {
    let users = fixture.stores().users;
    let shared = |id: &str, verified| User {
        email: Some("Shared@Example.invalid".to_owned()),
        email_verified: verified,
        ..user(id, id)
    };
    let first = with(shared("usr_1", true), &[identity("u1")]);
    let second = with(shared("usr_2", true), &[identity("u2")]);
    let unverified = with(shared("usr_3", false), &[identity("u3")]);
    for user in [&unverified, &first] {
        users.link(user, &user.identities[0]).await.unwrap();
    }
    let by = async |username: &str, email| users.matching(username, email).await.unwrap();
    let one = by("USR_3", Some("shared@example.INVALID")).await;
    assert_eq!((one.username, one.email), (Some(unverified.clone()), vec![first.clone()]));
    users.link(&second, &identity("u2")).await.unwrap();
    let fourth = shared("usr_4", true);
    users.link(&fourth, &identity("u4")).await.unwrap();
    let many = by("nobody", Some("shared@example.invalid")).await;
    assert_eq!((many.username, many.email.len()), (None, 2));
    assert_eq!(by("usr_1", None).await.email, []);
}

/// In pages.
pub async fn users_are_listed_in_id_order(fixture: impl Fixture) {
    let users = fixture.stores().users;
    let mut expected = Vec::new();
    for n in [4, 1, 3, 0, 2] {
        let (user, identity) = (user(&format!("usr_{n}"), &format!("name{n}")), identity(&format!("u{n}")));
        expected.push(users.link(&user, &identity).await.unwrap());
    }
    expected.sort_by(|a, b| a.id.cmp(&b.id));
    let mut read = Vec::new();
    let mut after = None;
    loop {
        let page = users.list(&PageRequest { limit: 2, after }).await.unwrap();
        assert!(page.items.len() <= 2);
        read.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(read, expected);
    let unknown = PageRequest { limit: 10, after: Some("usr_00".to_owned()) };
    assert_eq!(users.list(&unknown).await.unwrap().items, []);
}
