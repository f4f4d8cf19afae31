//! Forgetting what was said, the oldest first.

use switchboard_domain::ids::{SessionNumber, Version};
use switchboard_domain::snapshot::TranscriptLine;
use switchboard_domain::time::Timestamp;

use crate::conformance::Fixture;
use crate::conformance::samples::{key, lease, line, telling};
use crate::transcripts::{ConversationFilter, Forget};

use super::{found, page, tell};

fn at(n: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + n * 1_000)
}

fn lines(sessions: &[u64]) -> Vec<TranscriptLine> {
    let line = |(session, n): (&u64, u64)| TranscriptLine {
        session: SessionNumber(*session),
        at: at(n),
        ..line(n, &format!("word{n}"))
    };
    sessions.iter().zip(1..).map(line).collect()
}

/// By time; and whatever is said later is read as ever, in pages too.
pub async fn the_oldest_lines_are_forgotten_and_no_others(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (key, told) = (key("c"), lines(&[1; 7]));
    tell(&stores, &key, &told[..6]).await;
    let forget = async |which| stores.transcripts.forget(&key.id(), which).await.unwrap();
    assert!(!forget(Forget::Before(at(1))).await);
    let first = stores.transcripts.lines(&key.id(), &page(3, None)).await.unwrap();
    assert_eq!(first.items, told[..3]);
    assert!(!forget(Forget::Before(at(3))).await);
    assert!(!forget(Forget::Before(at(3))).await, "there is no more");
    // A reader in the middle goes on where it was.
    let second = stores.transcripts.lines(&key.id(), &page(3, first.next)).await.unwrap();
    assert_eq!(second.items, told[3..6]);
    let lease = lease(&*stores.conversations, "a", &key).await;
    let step = telling("k2", &key.id(), Version(1), &told[6..]);
    stores.conversations.commit(&lease, step).await.unwrap();
    let all = stores.transcripts.lines(&key.id(), &page(50, None)).await.unwrap();
    assert_eq!(all.items, told[2..]);
    let recent =
        async |lines_max| stores.transcripts.recent(&key.id(), SessionNumber(1), lines_max).await.unwrap();
    assert_eq!((recent(2).await, recent(50).await), (told[5..].to_vec(), told[2..].to_vec()));
}

/// What multi-turn needs stays.
pub async fn lines_of_earlier_sessions_are_forgotten(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (key, told) = (key("c"), lines(&[1, 1, 2, 3, 3]));
    tell(&stores, &key, &told).await;
    assert_eq!(
        stores.transcripts.forget(&key.id(), Forget::SessionsBefore(SessionNumber(3))).await,
        Ok(false)
    );
    let all = stores.transcripts.lines(&key.id(), &page(50, None)).await.unwrap();
    assert_eq!(all.items, told[3..]);
    let recent =
        async |session| stores.transcripts.recent(&key.id(), SessionNumber(session), 50).await.unwrap();
    assert_eq!((recent(3).await, recent(1).await), (told[3..].to_vec(), vec![]));
}

/// Neither by its words nor in another conversation's place; the conversation itself is still there.
pub async fn what_is_forgotten_is_found_nowhere(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (one, other) = (key("c"), key("d"));
    tell(&stores, &one, &lines(&[1, 1])).await;
    tell(&stores, &other, &lines(&[1])).await;
    assert_eq!(stores.transcripts.forget(&one.id(), Forget::All).await, Ok(false));
    assert_eq!(stores.transcripts.forget(&key("x").id(), Forget::All).await, Ok(false), "nobody wrote there");
    let by_word = ConversationFilter { text: Some("word1".to_owned()), ..ConversationFilter::default() };
    assert_eq!(found(&stores, &by_word).await, [other.id()]);
    assert_eq!(found(&stores, &ConversationFilter::default()).await.len(), 2);
    let lease = lease(&*stores.conversations, "a", &one).await;
    let step = telling("k2", &one.id(), Version(1), &lines(&[2]));
    stores.conversations.commit(&lease, step).await.unwrap();
    let all = stores.transcripts.lines(&one.id(), &page(50, None)).await.unwrap();
    assert_eq!(all.items, lines(&[2]));
}

/// A long transcript holds up nobody else.
pub async fn many_lines_are_forgotten_in_steps(fixture: impl Fixture) {
    let stores = fixture.stores();
    let key = key("c");
    let told = lines(&[1; 1_500]);
    tell(&stores, &key, &told).await;
    let mut steps = 1;
    while stores.transcripts.forget(&key.id(), Forget::Before(at(1_400))).await.unwrap() {
        steps += 1;
        assert!(steps < 1_000, "forgetting does not come to an end");
    }
    assert!(steps > 1, "1,399 lines are more than one step");
    let all = stores.transcripts.lines(&key.id(), &page(200, None)).await.unwrap();
    assert_eq!(all.items, told[1_399..]);
}
