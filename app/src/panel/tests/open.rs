//! What is being said in a conversation while somebody looks at it.

use switchboard_domain::ids::{ConversationId, Seq};
use switchboard_domain::time::Timestamp;
use switchboard_ports::tokens::Role;

use super::{Browser, HOSTILE, assert_harmless, talked};
use crate::runtime::operations::OpenMessage;
use crate::testing::{START_MS, TestApi};

#[tokio::test]
async fn a_question_that_is_open_is_shown_with_what_its_answer_has_so_far() {
    let api = TestApi::new().await;
    let channel = api.channel("one").await;
    let id = talked(&api, channel.rsplit('/').next().unwrap());
    let browser = Browser::signed_in(&api, Role::Viewer).await;
    let (page, piece) = (format!("/panel/conversations/{id}"), format!("/panel/pieces/conversations/{id}"));
    for path in [&page, &piece] {
        let elsewhere = browser.get(path).await.text;
        assert!(elsewhere.contains("One message is under way") && elsewhere.contains("data-again"), "{path}");
    }
    let message = |seq, text: &str, runs, written: &str| OpenMessage {
        seq: Seq(seq),
        at: Timestamp::from_millis(START_MS),
        text: text.to_owned(),
        runs,
        written: written.to_owned(),
    };
    let open = vec![
        // It has ended since it was told.
        message(1, "over", true, "over, too"),
        message(2, HOSTILE, true, &format!("so far {HOSTILE}")),
        message(3, "behind it", false, ""),
    ];
    api.operations.open.lock().unwrap().insert(ConversationId::new(&id), open);
    for path in [&page, &piece] {
        let answer = browser.get(path).await;
        assert_harmless(path, &answer);
        let text = answer.text;
        assert!(text.contains("so far ") && text.contains("being written") && text.contains("data-again"));
        assert!(text.contains("behind it") && text.contains("waiting") && !text.contains("over, too"));
        assert!(text.contains(&format!("/panel/messages/{id}-2")), "{text}");
    }
}
