//! Reading transcripts.

use switchboard_domain::ids::SessionNumber;
use switchboard_domain::snapshot::TranscriptLine;

use crate::conformance::Fixture;
use crate::conformance::generate::{lines as any_lines, values};
use crate::conformance::samples::{key, line};
use crate::page::{PAGE_ROWS_MAX, Page};
use crate::transcripts::ConversationFilter;

use super::{page, tell};

/// By conversation, over all sessions, in pages.
pub async fn lines_come_in_the_order_they_were_written(fixture: impl Fixture) {
    let stores = fixture.stores();
    let mut told: Vec<_> = (1..=7).map(|n| line(n, &format!("line {n}"))).collect();
    told[4].session = SessionNumber(2);
    tell(&stores, &key("c"), &told).await;
    tell(&stores, &key("d"), &[line(1, "elsewhere")]).await;
    let mut read = Vec::new();
    let mut after = None;
    let mut pages = 0;
    loop {
        let page = stores.transcripts.lines(&key("c").id(), &page(3, after)).await.unwrap();
        read.extend(page.items);
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((read, pages), (told, 3));
    let nobody = stores.transcripts.lines(&key("x").id(), &page(3, None)).await.unwrap();
    assert_eq!(nobody, Page { items: vec![], next: None });
}

/// All roles, all marks, all scripts.
pub async fn every_line_comes_back_as_it_was(fixture: impl Fixture) {
    let stores = fixture.stores();
    let told = values(&any_lines(), 100);
    tell(&stores, &key("c"), &told).await;
    let read = stores.transcripts.lines(&key("c").id(), &page(200, None)).await.unwrap();
    assert_eq!(read.items, told);
}

/// What an agent gets as context.
pub async fn recent_lines_are_the_last_of_one_session(fixture: impl Fixture) {
    let stores = fixture.stores();
    let told: Vec<_> = (1..=9)
        .map(|n| TranscriptLine { session: SessionNumber(if n <= 6 { 1 } else { 2 }), ..line(n, "text") })
        .collect();
    tell(&stores, &key("c"), &told).await;
    let recent = async |session, lines_max| {
        let id = key("c").id();
        stores.transcripts.recent(&id, SessionNumber(session), lines_max).await.unwrap()
    };
    assert_eq!(recent(1, 2).await, told[4..6]);
    assert_eq!(recent(2, 50).await, told[6..]);
    assert_eq!(recent(3, 50).await, []);
    assert_eq!(recent(1, 0).await, []);
}

/// Whatever the API's callers send.
pub async fn an_unknown_cursor_gives_an_empty_page(fixture: impl Fixture) {
    let stores = fixture.stores();
    tell(&stores, &key("c"), &[line(1, "hello")]).await;
    for cursor in ["", "x", "-1", "99999999999999999999999", "1:2:3", "你好"] {
        let request = page(10, Some(cursor.to_owned()));
        let lines = stores.transcripts.lines(&key("c").id(), &request).await.unwrap();
        assert_eq!((lines.items.len(), lines.next), (0, None), "lines after {cursor:?}");
        let failures = stores.failures.list(&request).await.unwrap();
        assert_eq!((failures.items.len(), failures.next), (0, None), "failures after {cursor:?}");
        let all = ConversationFilter::default();
        let listed = stores.transcripts.conversations(&all, &request).await.unwrap();
        assert_eq!((listed.items.len(), listed.next), (0, None), "conversations after {cursor:?}");
    }
}

/// Limits are clamped; the last full page does not promise another.
pub async fn a_page_is_never_larger_than_allowed_and_never_empty_for_nothing(fixture: impl Fixture) {
    let stores = fixture.stores();
    let count = u64::from(PAGE_ROWS_MAX) + 1;
    let told: Vec<_> = (1..=count).map(|n| line(n, "x")).collect();
    tell(&stores, &key("c"), &told).await;
    let id = key("c").id();
    let first = stores.transcripts.lines(&id, &page(u32::MAX, None)).await.unwrap();
    assert_eq!(first.items.len(), usize::try_from(PAGE_ROWS_MAX).unwrap());
    let second = stores.transcripts.lines(&id, &page(1, first.next)).await.unwrap();
    assert_eq!((second.items.len(), second.next), (1, None));
    let least = stores.transcripts.lines(&id, &page(0, None)).await.unwrap();
    assert_eq!(least.items.len(), 1);
}
