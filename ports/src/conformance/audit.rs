//! The suite of the audit list: a line for each act and none without one, as they were, the newest first, never too many.

use futures_util::future::join_all;
use switchboard_domain::ids::{ChannelId, UserId, Version};

use crate::audit::{AUDIT_LINES_MAX, AuditAct, AuditInfo, AuditLine};
use crate::conformance::users::{identity, user};
use crate::conformance::{FakeClock, Fixture, Stores};
use crate::page::PageRequest;
use crate::users::User;

/// One test per case of the audit store's contract.
#[macro_export]
macro_rules! audit_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (audit);
            every_line_comes_back_as_it_was,
            lines_are_listed_newest_first_in_pages,
            a_line_is_written_exactly_where_something_was_done,
            of_first_messages_at_once_exactly_one_is_told,
            of_too_many_lines_the_oldest_go,
        );
    };
}

/// A line about a user.
#[must_use]
pub fn line(act: AuditAct, user: &str) -> AuditLine {
    AuditLine {
        at: FakeClock::START,
        act,
        rule: "directory".to_owned(),
        source: "corp".to_owned(),
        channel: Some(ChannelId::new("chn_1")),
        platform: "dingtalk".to_owned(),
        im_user_id: "staff1".to_owned(),
        user: UserId::new(user),
        username: "one 一".to_owned(),
    }
}

/// Of each act, and with nothing that can be missing.
#[must_use]
pub fn lines() -> Vec<AuditLine> {
    let each = AuditAct::ALL.map(|(_, act)| line(act, "usr_1"));
    let bare = AuditLine {
        rule: "api".to_owned(),
        source: "api".to_owned(),
        channel: None,
        platform: String::new(),
        im_user_id: String::new(),
        ..line(AuditAct::Deleted, "usr_2")
    };
    each.into_iter().chain([bare]).collect()
}

async fn listed(stores: &Stores, limit: u32) -> Vec<AuditInfo> {
    let (mut read, mut after) = (Vec::new(), None);
    loop {
        let page = stores.audit.list(&PageRequest { limit, after }).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        read.extend(page.items);
        after = page.next;
        if after.is_none() {
            return read;
        }
    }
}

/// Over a death.
pub async fn every_line_comes_back_as_it_was(mut fixture: impl Fixture) {
    fixture.stores().users.create(&user("usr_1", "one"), &lines()).await.unwrap();
    let survives = fixture.reopen().await;
    let listed = listed(&fixture.stores(), 50).await;
    if survives || !listed.is_empty() {
        let read: Vec<_> = listed.into_iter().rev().map(|info| info.line).collect();
        assert_eq!(read, lines());
    }
}

/// With numbers that grow; an unknown cursor gives an empty page.
pub async fn lines_are_listed_newest_first_in_pages(fixture: impl Fixture) {
    let stores = fixture.stores();
    for n in 0..5 {
        let (id, line) = (format!("usr_{n}"), line(AuditAct::Created, &format!("usr_{n}")));
        stores.users.create(&user(&id, &id), &[line]).await.unwrap();
    }
    let read = listed(&stores, 2).await;
    assert!(read.is_sorted_by(|one, next| one.number > next.number));
    let users: Vec<_> = read.iter().map(|info| info.line.user.to_string()).collect();
    assert_eq!(users, ["usr_4", "usr_3", "usr_2", "usr_1", "usr_0"]);
    let nowhere = PageRequest { limit: 2, after: Some("nowhere".to_owned()) };
    assert_eq!(stores.audit.list(&nowhere).await.unwrap().items, []);
}

/// What was refused, was there already, or was another's, is not told.
pub async fn a_line_is_written_exactly_where_something_was_done(fixture: impl Fixture) {
    let (stores, id) = (fixture.stores(), UserId::new("usr_1"));
    let (users, u1, u2) = (&stores.users, identity("u1"), identity("u2"));
    let [created, linked, unlinked, disabled, _, deleted, ..] =
        AuditAct::ALL.map(|(_, act)| [line(act, "usr_1")]);
    let one = User { identities: vec![u1.clone()], ..user("usr_1", "one") };
    for _ in 0..2 {
        assert_eq!(users.create(&one, &created).await.unwrap().id, id);
    }
    users.create(&user("usr_2", "ONE"), &created).await.unwrap_err();
    users.create(&user("usr_1", "other"), &created).await.unwrap_err();
    let other = User { identities: vec![u1.clone()], ..user("usr_3", "three") };
    assert_eq!(users.create(&other, &created).await.unwrap().id, id);
    for _ in 0..2 {
        assert_eq!(users.link(&id, &u2, &linked).await.unwrap().unwrap().id, id);
    }
    assert_eq!(users.link(&UserId::new("usr_9"), &identity("u9"), &linked).await, Ok(None));
    users.create(&user("usr_4", "four"), &[]).await.unwrap();
    assert_eq!(users.link(&UserId::new("usr_4"), &u2, &linked).await.unwrap().unwrap().id, id);
    users.update(&one, Version(7), &disabled).await.unwrap_err();
    users
        .update(&User { username: "four".to_owned(), ..one.clone() }, Version(1), &disabled)
        .await
        .unwrap_err();
    users.update(&one, Version(1), &disabled).await.unwrap();
    users.unlink(&UserId::new("usr_4"), &u2, &unlinked).await.unwrap();
    for _ in 0..2 {
        users.unlink(&id, &u2, &unlinked).await.unwrap();
    }
    for _ in 0..2 {
        users.delete(&id, &deleted).await.unwrap();
    }
    let read = listed(&stores, 50).await.into_iter().rev().map(|info| info.line);
    assert_eq!(read.collect::<Vec<_>>(), [created, linked, disabled, unlinked, deleted].concat());
}

/// One user, one line.
pub async fn of_first_messages_at_once_exactly_one_is_told(fixture: impl Fixture) {
    let stores = fixture.stores();
    let made = |n| User { identities: vec![identity("u1")], ..user(&format!("usr_{n}"), "one") };
    let made: Vec<_> = (0..6).map(made).collect();
    let told: Vec<_> = made.iter().map(|user| [line(AuditAct::Created, user.id.as_str())]).collect();
    join_all(made.iter().zip(&told).map(|(user, line)| stores.users.create(user, line))).await;
    let linked = stores.users.linked(&identity("u1")).await.unwrap().unwrap();
    let read = listed(&stores, 50).await;
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].line.user, linked.id);
}

/// Whoever floods it pushes out the past, never more.
pub async fn of_too_many_lines_the_oldest_go(fixture: impl Fixture) {
    let stores = fixture.stores();
    let one = user("usr_1", "one");
    stores.users.create(&one, &[line(AuditAct::Created, "usr_first")]).await.unwrap();
    let flood = line(AuditAct::Enabled, "usr_1");
    let (mut left, mut version) = (AUDIT_LINES_MAX as usize, Version(1));
    while left > 0 {
        let count = left.min(500);
        version = stores.users.update(&one, version, &vec![flood.clone(); count]).await.unwrap();
        left -= count;
    }
    let read = listed(&stores, 200).await;
    assert!(read.iter().all(|info| info.line == flood));
    assert_eq!(read.len(), AUDIT_LINES_MAX as usize);
}
