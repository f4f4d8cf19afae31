//! The suite of `AuditStore`: lines come back as they were, the newest first, and there are never too many.

use futures_util::future::join_all;
use switchboard_domain::ids::{ChannelId, UserId};

use crate::audit::{AUDIT_LINES_MAX, AuditAct, AuditLine};
use crate::conformance::{FakeClock, Fixture};
use crate::page::PageRequest;

/// One test per case of the audit store's contract.
#[macro_export]
macro_rules! audit_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (audit);
            every_line_comes_back_as_it_was,
            lines_are_listed_newest_first_in_pages,
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

/// Over a death.
pub async fn every_line_comes_back_as_it_was(mut fixture: impl Fixture) {
    for line in lines() {
        fixture.stores().audit.append(&line).await.unwrap();
    }
    let survives = fixture.reopen().await;
    let listed = fixture.stores().audit.list(&PageRequest::default()).await.unwrap();
    if survives || !listed.items.is_empty() {
        let read: Vec<_> = listed.items.into_iter().rev().map(|info| info.line).collect();
        assert_eq!(read, lines());
    }
}

/// With numbers that grow; an unknown cursor gives an empty page.
pub async fn lines_are_listed_newest_first_in_pages(fixture: impl Fixture) {
    let audit = fixture.stores().audit;
    for n in 0..5 {
        audit.append(&line(AuditAct::Linked, &format!("usr_{n}"))).await.unwrap();
    }
    let (mut read, mut after) = (Vec::new(), None);
    loop {
        let page = audit.list(&PageRequest { limit: 2, after }).await.unwrap();
        assert!(page.items.len() <= 2);
        read.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(read.is_sorted_by(|one, next| one.number > next.number));
    let users: Vec<_> = read.iter().map(|info| info.line.user.to_string()).collect();
    assert_eq!(users, ["usr_4", "usr_3", "usr_2", "usr_1", "usr_0"]);
    let nowhere = audit.list(&PageRequest { limit: 2, after: Some("nowhere".to_owned()) }).await.unwrap();
    assert_eq!(nowhere.items, []);
}

/// Whoever floods it pushes out the past, never more.
pub async fn of_too_many_lines_the_oldest_go(fixture: impl Fixture) {
    let audit = fixture.stores().audit;
    audit.append(&line(AuditAct::Created, "usr_first")).await.unwrap();
    let one = line(AuditAct::Linked, "usr_1");
    let mut left = AUDIT_LINES_MAX as usize;
    while left > 0 {
        let count = left.min(500);
        for appended in join_all((0..count).map(|_| audit.append(&one))).await {
            appended.unwrap();
        }
        left -= count;
    }
    let (mut count, mut after) = (0, None);
    loop {
        let page = audit.list(&PageRequest { limit: 200, after }).await.unwrap();
        assert!(page.items.iter().all(|info| info.line == one));
        count += page.items.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(count, AUDIT_LINES_MAX as usize);
}
