//! The stop button of a card: when it is there, and when it goes.
#![allow(clippy::indexing_slicing, reason = "assertions on JSON bodies: a missing field is a failed test")]

mod dingtalk_support;

use std::time::Duration;

use dingtalk_support::{
    CREATE, INSTANCES, OWN_TEMPLATE, Platform, STREAMING, card, error, finish, group, ok, open, own_template,
    private, update,
};
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::ids::{MessageId, RetryNumber};
use switchboard_domain::reply::CardOutcome;
use wiremock::ResponseTemplate;

fn with_button() -> Value {
    json!({"ai_card": {"template_id": OWN_TEMPLATE, "content_key": "answer", "stop_key": "canStop"}})
}

#[tokio::test]
async fn the_stop_button_is_shown_from_the_beginning_and_goes_after_the_end() {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    let link = platform.link(with_button());
    for call in [open("Thinking..."), update("Hel"), finish("Hello!")] {
        assert_eq!(card(&link, &private(), call).await, CardOutcome::Done);
    }
    assert_eq!(platform.asked().await, [CREATE, STREAMING, STREAMING, INSTANCES]);
    let create = platform.sent(CREATE).await.remove(0);
    assert_eq!(create["cardData"]["cardParamMap"]["canStop"], "true");
    assert_eq!(
        link.card_id(&MessageId::new("msgA=="), RetryNumber(0)).as_deref(),
        create["outTrackId"].as_str()
    );
    let hide = platform.sent(INSTANCES).await.remove(0);
    assert_eq!(hide["outTrackId"], create["outTrackId"]);
    assert_eq!(hide["cardData"]["cardParamMap"], json!({"canStop": "false"}));
    assert_eq!(hide["cardUpdateOptions"]["updateCardDataByKey"], true, "or all other variables were lost");
}

/// The end of a card does not depend on its button.
#[rstest]
#[case(error(403, "Forbidden.AccessDenied.AccessTokenPermissionDenied"))]
#[case(error(400, "param.cardNotExist"))]
#[case(error(500, "system.error"))]
#[case(error(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"))]
#[case(ok(json!({"success": true})).set_delay(Duration::from_secs(30)))]
#[tokio::test]
async fn a_button_that_does_not_go_changes_no_outcome(#[case] answer: ResponseTemplate) {
    let platform = Platform::start().await;
    platform.answers("PUT", STREAMING, vec![ok(json!({"success": true}))]).await;
    platform.answers("PUT", INSTANCES, vec![answer]).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(card(&platform.link(with_button()), &group(), finish("Hello!")).await, CardOutcome::Done);
    assert!(begun.elapsed() < Duration::from_secs(5), "took {:?}", begun.elapsed());
    assert_eq!(platform.asked().await, [STREAMING, INSTANCES]);
}

#[tokio::test]
async fn a_card_finished_before_a_restart_loses_its_button_then_and_one_not_finished_keeps_it() {
    let platform = Platform::start().await;
    let finished = error(400, "card already finished");
    let answers = vec![error(500, "system.error"), finished];
    platform.answers("PUT", STREAMING, answers).await;
    platform.answers("PUT", INSTANCES, vec![ok(json!({"success": true}))]).await;
    let link = platform.link(with_button());
    assert_eq!(card(&link, &group(), finish("Hello!")).await, CardOutcome::Unknown);
    assert_eq!(platform.asked().await, [STREAMING]);
    assert_eq!(card(&link, &group(), finish("Hello!")).await, CardOutcome::AlreadyFinished);
    assert_eq!(platform.asked().await, [STREAMING, STREAMING, INSTANCES]);
}

#[tokio::test]
async fn without_a_template_of_ones_own_no_card_has_a_button() {
    let platform = Platform::start().await;
    let message = MessageId::new("msgA==");
    assert_eq!(platform.link(json!({})).card_id(&message, RetryNumber(0)), None);
    assert!(
        platform.link(own_template()).card_id(&message, RetryNumber(0)).is_some(),
        "its template may always show one"
    );
}
