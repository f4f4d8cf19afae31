//! Searches that go beyond the conversations that were active last.

use futures_util::future::join_all;
use switchboard_domain::ids::{Seq, Version};
use switchboard_ports::conformance::samples::{accept_first, ask, ending, key, lease, line};
use switchboard_ports::conversations::Commit;
use switchboard_ports::page::PageRequest;
use switchboard_ports::transcripts::{ConversationFilter, ConversationInfo, Transcripts};

use super::super::{stores, transcripts};
use super::Place;

/// Everything that is found, page by page.
async fn found(store: &dyn Transcripts, text: &str) -> Vec<ConversationInfo> {
    let filter = ConversationFilter { text: Some(text.to_owned()), ..ConversationFilter::default() };
    let (mut found, mut page) = (Vec::new(), PageRequest { limit: 200, after: None });
    loop {
        let listed = store.conversations(&filter, &page).await.unwrap();
        found.extend(listed.items);
        match listed.next {
            Some(next) => page.after = Some(next),
            None => return found,
        }
    }
}

#[tokio::test]
async fn rare_and_frequent_words_are_found_wherever_they_were_said() {
    let place = Place::new();
    let core = place.open().unwrap();
    let all = stores(&core);
    let count = transcripts::NEAR_MAX + 100;
    let said = (0..count).map(|number| {
        let store = &all.conversations;
        async move {
            let key = key(&format!("c{number}"));
            accept_first(&**store, ask(&key, &format!("m{number}"), "hello")).await;
            let held = lease(&**store, "a", &key).await;
            let text = format!("Frequent, rare-{number}.");
            let commit = Commit {
                transcript: vec![line(1, &text)],
                ..ending(&format!("k{number}"), &key.id(), Version(0), &[Seq(1)])
            };
            store.commit(&held, commit).await.unwrap();
        }
    });
    join_all(said).await;
    let frequent = found(&*all.transcripts, "frequent").await;
    assert_eq!(frequent.len(), count as usize);
    assert!(frequent.is_sorted_by(|one, other| (one.active_at, &one.id) > (other.active_at, &other.id)));
    let oldest = frequent.last().unwrap();
    let number = oldest.key.chat.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let rare = found(&*all.transcripts, &format!("RARE-{number}.")).await;
    assert_eq!(rare.iter().map(|info| &info.id).collect::<Vec<_>>(), [&oldest.id]);
    assert_eq!(found(&*all.transcripts, "never").await, []);
}
