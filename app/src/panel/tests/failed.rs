//! What the page of failures tells of each.

use switchboard_domain::ids::{ChannelId, ConversationId, MessageId, RetryNumber, Seq};
use switchboard_domain::outcome::FailureCause;
use switchboard_domain::reply::Tried;
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::Failure;
use switchboard_ports::failures::FailureInfo;
use switchboard_ports::tokens::Role;

use super::Browser;
use crate::testing::{START_MS, TestApi};

fn failure(id: &str, retried_at: Option<Timestamp>) -> FailureInfo {
    FailureInfo {
        id: id.to_owned(),
        conversation: ConversationId::new("cnv_1"),
        channel: ChannelId::new("chn_1"),
        failure: Failure {
            seq: Seq(3),
            message: MessageId::new("msg3"),
            retry: RetryNumber(0),
            cause: FailureCause::DeliveryRefused,
            attempts: 1,
            at: Timestamp::from_millis(START_MS),
            tried: Tried::default(),
        },
        retried_at,
        can_be_retried: true,
    }
}

#[tokio::test]
async fn a_failure_that_was_retried_says_so_and_when() {
    let api = TestApi::new().await;
    let retried_at = Timestamp::from_millis(START_MS + 61_000);
    let failures = [failure("flr_1", None), failure("flr_2", Some(retried_at))];
    api.stores.state().failures.extend(failures);
    let browser = Browser::signed_in(&api, Role::Operator).await;
    let page = browser.get("/panel/failures").await.text;
    let cards: Vec<&str> = page.split("<article").skip(1).collect();
    let card = |id: &str| *cards.iter().find(|card| card.contains(&format!("/failures/{id}/retry"))).unwrap();
    assert!(!card("flr_1").contains("Retried:"), "{}", card("flr_1"));
    let retried = card("flr_2").split("Retried:").nth(1).unwrap();
    assert!(retried.starts_with(" <time datetime=\"2026-01-02T03:05:06.678Z\""), "{retried}");
}
