//! The suite of `UserStore`: links are made once, and two first messages make one user.

use futures_util::future::join_all;
use switchboard_domain::ids::{UserId, Version};
use switchboard_domain::time::Timestamp;

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
            a_user_is_made_without_a_link_too,
            nobody_is_found_where_nobody_is,
            an_existing_link_wins,
            of_first_messages_at_once_exactly_one_makes_a_user,
            a_second_identity_is_added_to_an_existing_user,
            a_new_user_needs_a_username_and_an_id_of_its_own,
            an_update_counts_the_version_and_leaves_the_links,
            an_update_of_another_version_is_a_conflict,
            an_update_to_a_taken_username_is_refused,
            an_updated_user_is_found_by_what_it_has_now,
            of_updates_at_once_exactly_one_wins,
            deleting_takes_the_links_along_and_frees_the_names,
            nobody_is_linked_to_a_user_who_is_not_there,
            an_identity_is_taken_away_from_its_own_user_alone,
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
        department: None,
        directory: None,
        shut_out_by: None,
        identities: Vec::new(),
        version: Version(1),
        created_at: FakeClock::START,
        updated_at: FakeClock::START,
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
    let plain = User {
        email: None,
        email_verified: false,
        disabled: true,
        department: Some("Sales 销售".to_owned()),
        directory: Some("corp".to_owned()),
        shut_out_by: Some("hq".to_owned()),
        updated_at: Timestamp::from_millis(1_800_000_000_001),
        ..user("usr_2", "two")
    };
    for (user, identity) in [(user("usr_1", "One 一"), identity("u1")), (plain, identity("u2"))] {
        let linked = with(user.clone(), std::slice::from_ref(&identity));
        assert_eq!(fixture.stores().users.create(&linked, &[]).await, Ok(linked.clone()));
        let survives = fixture.reopen().await;
        let users = fixture.stores().users;
        assert_eq!(users.find(&user.id).await, Ok(Some(linked.clone())), "survives: {survives}");
        assert_eq!(users.linked(&identity).await, Ok(Some(linked)));
    }
}

/// An answer, not an error.
pub async fn nobody_is_found_where_nobody_is(fixture: impl Fixture) {
    let users = fixture.stores().users;
    assert_eq!(users.find(&UserId::new("usr_1")).await, Ok(None));
    assert_eq!(users.linked(&identity("u1")).await, Ok(None));
    assert_eq!(users.matching("one", Some("one@example.invalid")).await, Ok(Matches::default()));
}

/// As an administrator makes them, before their first message.
pub async fn a_user_is_made_without_a_link_too(mut fixture: impl Fixture) {
    let one = user("usr_1", "one");
    assert_eq!(fixture.stores().users.create(&one, &[]).await, Ok(one.clone()));
    fixture.reopen().await;
    let users = fixture.stores().users;
    let linked = with(one.clone(), &[identity("u1")]);
    if users.find(&one.id).await.unwrap().is_some() {
        assert_eq!(users.link(&one.id, &identity("u1"), &[]).await, Ok(Some(linked.clone())));
        assert_eq!(users.linked(&identity("u1")).await, Ok(Some(linked)));
    }
}

/// And no second user is made for it.
pub async fn an_existing_link_wins(fixture: impl Fixture) {
    let users = fixture.stores().users;
    let u1 = identity("u1");
    let first = with(user("usr_1", "one"), std::slice::from_ref(&u1));
    users.create(&first, &[]).await.unwrap();
    let more = with(user("usr_2", "two"), &[identity("u0"), u1.clone()]);
    assert_eq!(users.create(&more, &[]).await, Ok(first.clone()));
    assert_eq!(users.linked(&identity("u0")).await, Ok(None));
    // Not even when the name would have been refused, or the id.
    for (id, username) in [("usr_3", "one"), ("usr_1", "four")] {
        let other = with(user(id, username), std::slice::from_ref(&u1));
        assert_eq!(users.create(&other, &[]).await, Ok(first.clone()));
    }
    assert_eq!(users.find(&UserId::new("usr_2")).await, Ok(None));
    users.create(&user("usr_5", "five"), &[]).await.unwrap();
    assert_eq!(users.link(&UserId::new("usr_5"), &u1, &[]).await, Ok(Some(first.clone())));
    let listed = users.list(&PageRequest::default()).await.unwrap();
    assert_eq!(listed.items, [first, user("usr_5", "five")]);
}

/// The race at somebody's first two messages.
pub async fn of_first_messages_at_once_exactly_one_makes_a_user(fixture: impl Fixture) {
    let users = fixture.stores().users;
    let identity = identity("u1");
    let made = |n| with(user(&format!("usr_{n}"), "one"), std::slice::from_ref(&identity));
    let made: Vec<_> = (0..6).map(made).collect();
    let answers = join_all(made.iter().map(|user| users.create(user, &[]))).await;
    let listed = users.list(&PageRequest::default()).await.unwrap().items;
    assert_eq!(listed.len(), 1);
    assert!(answers.iter().all(|answer| answer.as_ref() == Ok(&listed[0])));
}

/// A user is not changed by a link.
pub async fn a_second_identity_is_added_to_an_existing_user(fixture: impl Fixture) {
    let users = fixture.stores().users;
    let one = user("usr_1", "one");
    users.create(&with(one.clone(), &[identity("u2")]), &[]).await.unwrap();
    let both = with(one.clone(), &[identity("u1"), identity("u2")]);
    assert_eq!(users.link(&one.id, &identity("u1"), &[]).await, Ok(Some(both.clone())));
    assert_eq!(users.link(&one.id, &identity("u1"), &[]).await, Ok(Some(both.clone())), "repeated");
    assert_eq!(users.linked(&identity("u2")).await, Ok(Some(both)));
}

/// Names are compared without regard to case; nothing is written.
pub async fn a_new_user_needs_a_username_and_an_id_of_its_own(fixture: impl Fixture) {
    let users = fixture.stores().users;
    users.create(&with(user("usr_1", "Größe"), &[identity("u1")]), &[]).await.unwrap();
    let taken = users.create(&with(user("usr_2", "GRÖßE"), &[identity("u2")]), &[]).await;
    assert_eq!(taken, Err(StoreError::Duplicate("username")));
    let taken = users.create(&with(user("usr_1", "two"), &[identity("u2")]), &[]).await;
    assert_eq!(taken, Err(StoreError::Duplicate("id")));
    let taken = users.create(&user("usr_3", "größe"), &[]).await;
    assert_eq!(taken, Err(StoreError::Duplicate("username")));
    assert_eq!(users.linked(&identity("u2")).await, Ok(None));
    assert_eq!(users.find(&UserId::new("usr_2")).await, Ok(None));
}

/// Whatever the caller wrote into the record as its version and its links.
pub async fn an_update_counts_the_version_and_leaves_the_links(mut fixture: impl Fixture) {
    let users = fixture.stores().users;
    users.create(&with(user("usr_1", "one"), &[identity("u1")]), &[]).await.unwrap();
    let changed = User {
        email: None,
        email_verified: false,
        display_name: "Other".to_owned(),
        disabled: true,
        department: Some("R&D".to_owned()),
        version: Version(77),
        identities: vec![identity("forged")],
        updated_at: Timestamp::from_millis(5),
        ..user("usr_1", "renamed")
    };
    assert_eq!(users.update(&changed, Version(1), &[]).await, Ok(Version(2)));
    let expected = User { version: Version(2), identities: vec![identity("u1")], ..changed.clone() };
    if fixture.reopen().await {
        let found = fixture.stores().users.linked(&identity("u1")).await;
        assert_eq!(found, Ok(Some(expected.clone())));
    }
    let users = fixture.stores().users;
    if users.find(&expected.id).await.unwrap().is_some() {
        assert_eq!(users.update(&changed, Version(2), &[]).await, Ok(Version(3)));
    }
}

/// Changed or deleted meanwhile.
pub async fn an_update_of_another_version_is_a_conflict(fixture: impl Fixture) {
    let users = fixture.stores().users;
    let one = user("usr_1", "one");
    users.create(&one, &[]).await.unwrap();
    for wrong in [0, 2, 9] {
        let answer = users.update(&user("usr_1", "renamed"), Version(wrong), &[]).await;
        assert_eq!(answer, Err(StoreError::Conflict));
    }
    assert_eq!(users.update(&user("usr_9", "nine"), Version(1), &[]).await, Err(StoreError::Conflict));
    assert_eq!(users.find(&one.id).await, Ok(Some(one)));
}

/// And nothing is changed.
pub async fn an_update_to_a_taken_username_is_refused(fixture: impl Fixture) {
    let users = fixture.stores().users;
    users.create(&user("usr_1", "one"), &[]).await.unwrap();
    users.create(&user("usr_2", "two"), &[]).await.unwrap();
    let answer = users.update(&user("usr_2", "ONE"), Version(1), &[]).await;
    assert_eq!(answer, Err(StoreError::Duplicate("username")));
    assert_eq!(users.find(&UserId::new("usr_2")).await, Ok(Some(user("usr_2", "two"))));
    // Only the case of its own name changes.
    assert_eq!(users.update(&user("usr_2", "TWO"), Version(1), &[]).await, Ok(Version(2)));
}

/// And no longer by what it had.
pub async fn an_updated_user_is_found_by_what_it_has_now(fixture: impl Fixture) {
    let users = fixture.stores().users;
    users.create(&user("usr_1", "one"), &[]).await.unwrap();
    let renamed = User { email: Some("New@example.invalid".to_owned()), ..user("usr_1", "new") };
    users.update(&renamed, Version(1), &[]).await.unwrap();
    let renamed = User { version: Version(2), ..renamed };
    let before = users.matching("one", Some("one@example.invalid")).await;
    assert_eq!(before, Ok(Matches::default()));
    let now = users.matching("NEW", Some("new@example.invalid")).await.unwrap();
    assert_eq!((now.username.as_ref(), &now.email[..]), (Some(&renamed), &[renamed.clone()][..]));
    let doubtful = User { email_verified: false, ..renamed.clone() };
    users.update(&doubtful, Version(2), &[]).await.unwrap();
    assert_eq!(users.matching("x", Some("new@example.invalid")).await, Ok(Matches::default()));
    // The name it had is free.
    assert_eq!(users.create(&user("usr_2", "one"), &[]).await, Ok(user("usr_2", "one")));
}

/// Two editors.
pub async fn of_updates_at_once_exactly_one_wins(fixture: impl Fixture) {
    let users = fixture.stores().users;
    let one = user("usr_1", "one");
    users.create(&one, &[]).await.unwrap();
    let answers = join_all((0..5).map(|_| users.update(&one, Version(1), &[]))).await;
    let won = answers.iter().filter(|answer| **answer == Ok(Version(2))).count();
    let lost = answers.iter().filter(|answer| **answer == Err(StoreError::Conflict)).count();
    assert_eq!((won, lost), (1, 4));
}

/// A later message is mapped anew.
pub async fn deleting_takes_the_links_along_and_frees_the_names(fixture: impl Fixture) {
    let users = fixture.stores().users;
    let one = user("usr_1", "one");
    users.create(&with(one.clone(), &[identity("u1")]), &[]).await.unwrap();
    users.link(&one.id, &identity("u2"), &[]).await.unwrap();
    users.create(&with(user("usr_2", "two"), &[identity("u3")]), &[]).await.unwrap();
    assert_eq!(users.delete(&one.id, &[]).await, Ok(true));
    assert_eq!(users.delete(&one.id, &[]).await, Ok(false));
    assert_eq!(users.find(&one.id).await, Ok(None));
    for gone in ["u1", "u2"] {
        assert_eq!(users.linked(&identity(gone)).await, Ok(None));
    }
    assert_eq!(users.matching("one", Some("one@example.invalid")).await, Ok(Matches::default()));
    let listed = users.list(&PageRequest::default()).await.unwrap().items;
    assert_eq!(listed, [with(user("usr_2", "two"), &[identity("u3")])]);
    let again = with(user("usr_1", "one"), &[identity("u1")]);
    assert_eq!(users.create(&again, &[]).await, Ok(again));
}

/// Deleted a moment ago, for example.
pub async fn nobody_is_linked_to_a_user_who_is_not_there(fixture: impl Fixture) {
    let users = fixture.stores().users;
    assert_eq!(users.link(&UserId::new("usr_1"), &identity("u1"), &[]).await, Ok(None));
    assert_eq!(users.linked(&identity("u1")).await, Ok(None));
}

/// And not from somebody who has it by now.
pub async fn an_identity_is_taken_away_from_its_own_user_alone(fixture: impl Fixture) {
    let users = fixture.stores().users;
    let one = user("usr_1", "one");
    users.create(&with(one.clone(), &[identity("u1")]), &[]).await.unwrap();
    users.create(&user("usr_2", "two"), &[]).await.unwrap();
    assert_eq!(users.unlink(&UserId::new("usr_2"), &identity("u1"), &[]).await, Ok(false));
    assert_eq!(users.unlink(&one.id, &identity("u9"), &[]).await, Ok(false));
    assert_eq!(users.unlink(&one.id, &identity("u1"), &[]).await, Ok(true));
    assert_eq!(users.unlink(&one.id, &identity("u1"), &[]).await, Ok(false));
    assert_eq!(users.linked(&identity("u1")).await, Ok(None));
    assert_eq!(users.find(&one.id).await, Ok(Some(one)));
    let two = with(user("usr_2", "two"), &[identity("u1")]);
    assert_eq!(users.link(&two.id, &identity("u1"), &[]).await, Ok(Some(two)));
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
        users.create(user, &[]).await.unwrap();
    }
    let by = async |username: &str, email| users.matching(username, email).await.unwrap();
    let one = by("USR_3", Some("shared@example.INVALID")).await;
    assert_eq!((one.username, one.email), (Some(unverified.clone()), vec![first.clone()]));
    users.create(&second, &[]).await.unwrap();
    let fourth = with(shared("usr_4", true), &[identity("u4"), identity("u5")]);
    users.create(&fourth, &[]).await.unwrap();
    let many = by("nobody", Some("shared@example.invalid")).await;
    assert_eq!((many.username, many.email.len()), (None, 2));
    assert_eq!(by("usr_1", None).await.email, []);
}

/// In pages.
pub async fn users_are_listed_in_id_order(fixture: impl Fixture) {
    let users = fixture.stores().users;
    let mut expected = Vec::new();
    for n in [4, 1, 3, 0, 2] {
        let user = with(user(&format!("usr_{n}"), &format!("name{n}")), &[identity(&format!("u{n}"))]);
        expected.push(users.create(&user, &[]).await.unwrap());
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
