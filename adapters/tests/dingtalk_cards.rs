//! Cards over HTTP: which calls are made, with which bodies, and what their answers mean.
#![allow(clippy::indexing_slicing, reason = "assertions on JSON bodies: a missing field is a failed test")]

mod dingtalk_support;

use std::time::Duration;

use dingtalk_support::{
    CREATE, INSTANCES, OWN_TEMPLATE, Platform, STREAMING, card, claim, created, error, finish, group, ok,
    open, own_template, private, update,
};
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::{MessageId, RetryNumber, Seq};
use switchboard_domain::message::Target;
use switchboard_domain::reply::{CardCall, CardOutcome, Claim};
use switchboard_ports::provider::CardRequest;
use wiremock::ResponseTemplate;

#[tokio::test]
async fn a_card_of_the_public_template_goes_through_its_states() {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    let link = platform.link(json!({}));
    for call in [open("Thinking..."), update("Hel"), update("Hello"), finish("Hello!")] {
        assert_eq!(card(&link, &group(), call).await, CardOutcome::Done);
    }
    assert_eq!(platform.asked().await, [CREATE, INSTANCES, STREAMING, STREAMING, INSTANCES]);

    assert_is_public_card(&platform.sent(CREATE).await[0]);
    assert_are_public_states(&platform.sent(INSTANCES).await);
    assert_are_public_strokes(&platform.sent(STREAMING).await);
}

/// While it is "processing" a public card shows the template's own words: what is to be read comes in the next state.
#[tokio::test]
async fn a_card_that_says_that_its_message_waits_can_be_read_and_becomes_the_answer() {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    let link = platform.link(json!({}));
    let waits = CardCall::Open { text: "Your message waits.".into(), thinking: false };
    for call in [waits, update("Thinking..."), finish("Hello!")] {
        assert_eq!(card(&link, &group(), call).await, CardOutcome::Done);
    }
    let params = &platform.sent(CREATE).await[0]["cardData"]["cardParamMap"];
    assert_eq!((&params["flowStatus"], &params["msgContent"]), (&json!("2"), &json!("Your message waits.")));
    assert_eq!(platform.asked().await, [CREATE, INSTANCES, STREAMING, INSTANCES]);
    let states = platform.sent(INSTANCES).await;
    let states = states.iter().map(|state| &state["cardData"]["cardParamMap"]["flowStatus"]);
    assert_eq!(states.collect::<Vec<_>>(), ["2", "3"]);
}

fn assert_is_public_card(create: &Value) {
    assert_eq!(create["cardTemplateId"], "02fcf2f4-5e02-4a85-b672-46d1f715543e.schema");
    assert_eq!(create["openSpaceId"], "dtv1.card//IM_GROUP.cidG1==");
    assert_eq!(create["imGroupOpenDeliverModel"], json!({"robotCode": "dingabc"}));
    assert_eq!(create["imGroupOpenSpaceModel"], json!({"supportForward": true}));
    assert_eq!(create["callbackType"], "STREAM");
    let params = &create["cardData"]["cardParamMap"];
    assert_eq!(params["msgContent"], "Thinking...");
    assert_eq!(params["content"], "Thinking...", "the contract's content_key carries the first text, too");
    assert_eq!(params["flowStatus"], "1");
    assert!(params.as_object().is_some_and(|params| params.values().all(Value::is_string)));
    assert_eq!(create["outTrackId"].as_str().map(str::len), Some(64));
}

fn assert_are_public_states(states: &[Value]) {
    assert_eq!(states[0]["cardData"]["cardParamMap"]["flowStatus"], "2");
    assert_eq!(
        states[0]["cardData"]["cardParamMap"]["msgContent"], "Hel",
        "the first text needs no call of its own"
    );
    assert_eq!(states[0]["cardData"]["cardParamMap"]["sys_full_json_obj"], "{\"order\":[\"msgContent\"]}");
    assert_eq!(states[1]["cardData"]["cardParamMap"]["flowStatus"], "3");
    assert_eq!(states[1]["cardData"]["cardParamMap"]["msgContent"], "Hello!");
    assert!(states.iter().all(|state| state["cardUpdateOptions"]["updateCardDataByKey"] == true));
}

fn assert_are_public_strokes(strokes: &[Value]) {
    assert!(strokes.iter().all(|stroke| stroke["key"] == "msgContent" && stroke["isFull"] == true));
    let shown: Vec<_> = strokes.iter().map(|stroke| (&stroke["content"], &stroke["isFinalize"])).collect();
    assert_eq!(shown, [(&json!("Hello"), &json!(false)), (&json!("Hello!"), &json!(true))]);
    assert!(strokes.iter().all(|stroke| stroke["outTrackId"] == strokes[0]["outTrackId"]));
    assert_ne!(strokes[0]["guid"], strokes[1]["guid"]);
}

#[tokio::test]
async fn the_platforms_name_of_a_card_is_kept_for_quotes_of_it() {
    let platform = Platform::start().await;
    let answer =
        json!({"success": true, "result": {"deliverResults": [{"success": true, "carrierId": "4v+Az="}]}});
    platform.answers("POST", CREATE, vec![ok(answer), error(400, "param.error")]).await;
    platform.answers("PUT", STREAMING, vec![ok(json!({"success": true, "result": true}))]).await;
    let link = platform.link(own_template());
    let message = MessageId::new("msgA==");
    let request = |call| CardRequest {
        target: group(),
        message: message.clone(),
        retry: RetryNumber(0),
        seq: Seq(1),
        attempt: 0,
        call,
        within: Duration::from_secs(12),
    };
    let opened = link.card(request(open("Thinking..."))).await;
    assert_eq!((opened.outcome, opened.key.as_deref()), (CardOutcome::Done, Some("4v+Az=")));
    assert_eq!(link.card(request(finish("Hello"))).await.key, None);
    assert_eq!(link.card(request(open("Thinking..."))).await.key, None, "a card that was not made");
}

#[tokio::test]
async fn a_refused_card_comes_back_with_the_platforms_code_and_not_with_its_words() {
    let platform = Platform::start().await;
    platform.answers("POST", CREATE, vec![error(400, "param.templateNotExist")]).await;
    platform.answers("PUT", STREAMING, vec![error(500, "unknownError")]).await;
    let link = platform.link(own_template());
    for (call, code) in [
        (open("Thinking..."), "param.templateNotExist"),
        (update("Hel"), "unknownError"),
        (finish("Hello"), "unknownError"),
    ] {
        let request = CardRequest {
            target: group(),
            message: MessageId::new("msgA=="),
            retry: RetryNumber(0),
            seq: Seq(1),
            attempt: 0,
            call,
            within: Duration::from_secs(12),
        };
        let came = link.card(request).await;
        assert_eq!(
            (came.outcome, came.detail.as_str()),
            (CardOutcome::Refused(ErrorCode::Misconfigured), code)
        );
    }
}

#[tokio::test]
async fn a_card_of_an_own_template_is_only_streamed() {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    let link = platform.link(own_template());
    for call in [open("Thinking..."), update("Hel"), finish("Hello!")] {
        assert_eq!(card(&link, &private(), call).await, CardOutcome::Done);
    }
    assert_eq!(platform.asked().await, [CREATE, STREAMING, STREAMING]);
    let create = platform.sent(CREATE).await.remove(0);
    assert_eq!(create["cardTemplateId"], OWN_TEMPLATE);
    assert_eq!(create["openSpaceId"], "dtv1.card//IM_ROBOT.manager807");
    assert_eq!(create["imRobotOpenDeliverModel"], json!({"spaceType": "IM_ROBOT", "robotCode": "dingabc"}));
    assert_eq!(
        create["cardData"]["cardParamMap"],
        json!({"answer": "Thinking...", "config": "{\"autoLayout\":true}"})
    );
    assert_eq!(platform.sent(STREAMING).await[1]["key"], "answer");
}

#[rstest]
#[case("382e4302-551d-4880-bf29-a30acfab2e71.schema", "msgContent", true)]
#[case("02fcf2f4-5e02-4a85-b672-46d1f715543e.schema", "msgContent", true)]
#[case("675cde2f-f526-40cb-b828-f5b2b57b8b77.schema", "content", false)]
#[tokio::test]
async fn public_templates_are_driven_in_their_own_way_whatever_key_is_configured(
    #[case] template: &str,
    #[case] key: &str,
    #[case] by_status: bool,
) {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    let link = platform.link(json!({"ai_card": {"template_id": template, "content_key": "mine"}}));
    for call in [open("Thinking..."), update("Hel"), finish("Hello!")] {
        assert_eq!(card(&link, &group(), call).await, CardOutcome::Done);
    }
    let params = &platform.sent(CREATE).await[0]["cardData"]["cardParamMap"];
    assert_eq!((&params[key], &params["mine"]), (&json!("Thinking..."), &json!("Thinking...")));
    assert!(platform.sent(STREAMING).await.iter().all(|stroke| stroke["key"] == key));
    let states: Vec<_> = platform.sent(INSTANCES).await;
    let states: Vec<_> =
        states.iter().map(|state| &state["cardData"]["cardParamMap"]["flowStatus"]).collect();
    assert_eq!(states, if by_status { vec!["2", "3"] } else { Vec::new() });
}

#[tokio::test]
async fn what_a_card_shows_is_adapted_to_the_platform() {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    let link = platform.link(own_template());
    card(&link, &group(), update("a\n- [x] b\n![c](https://e")).await;
    card(&link, &group(), finish("a <name>\n| x |\n|---|\n| 1 |")).await;
    let shown: Vec<_> = platform.sent(STREAMING).await.into_iter().map(|it| it["content"].clone()).collect();
    assert_eq!(shown, ["a\n\n- ☑ b", "a &lt;name>\n\n| x |\n|---|\n| 1 |"]);
}

#[tokio::test]
async fn a_failed_answer_closes_the_card_as_failed_with_its_sentence() {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    let link = platform.link(json!({}));
    card(&link, &group(), open("Thinking...")).await;
    card(&link, &group(), update("So far")).await;
    let call = CardCall::Finish { text: "Please try again.".into(), failed: true };
    assert_eq!(card(&link, &group(), call).await, CardOutcome::Done);
    let stroke = platform.sent(STREAMING).await.remove(0);
    assert_eq!((&stroke["isError"], &stroke["isFinalize"]), (&json!(true), &json!(true)));
    assert_eq!(stroke["content"], "Please try again.");
    let states = platform.sent(INSTANCES).await;
    assert_eq!(states.last().unwrap()["cardData"]["cardParamMap"]["flowStatus"], "5");
    assert_eq!(states.last().unwrap()["cardData"]["cardParamMap"]["msgContent"], "Please try again.");
}

#[rstest]
#[case(false, "3")]
#[case(true, "5")]
#[tokio::test]
async fn a_card_without_text_takes_its_last_one_with_its_last_state(
    #[case] failed: bool,
    #[case] state: &str,
) {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    let link = platform.link(json!({}));
    card(&link, &group(), open("Thinking...")).await;
    let call = CardCall::Finish { text: "Hello!".into(), failed };
    assert_eq!(card(&link, &group(), call).await, CardOutcome::Done);
    assert_eq!(platform.asked().await, [CREATE, INSTANCES]);
    let params = &platform.sent(INSTANCES).await[0]["cardData"]["cardParamMap"];
    assert_eq!((&params["flowStatus"], &params["msgContent"]), (&json!(state), &json!("Hello!")));
}

/// Nobody says that a platform takes a last state at once.
#[tokio::test]
async fn a_platform_that_wants_a_card_streamed_before_its_last_state_gets_that() {
    let platform = Platform::start().await;
    let taken = || ok(json!({"success": true}));
    platform.answers("POST", CREATE, vec![ok(created())]).await;
    platform.answers("PUT", STREAMING, vec![taken()]).await;
    platform.answers("PUT", INSTANCES, vec![error(400, "param.flowStatus"), taken(), taken()]).await;
    let link = platform.link(json!({}));
    card(&link, &group(), open("Thinking...")).await;
    assert_eq!(card(&link, &group(), finish("Hello!")).await, CardOutcome::Done);
    assert_eq!(platform.asked().await, [CREATE, INSTANCES, INSTANCES, STREAMING, INSTANCES]);
}

/// The first two of flow A have their place among other calls than the rest.
#[tokio::test]
async fn a_claim_waits_for_the_api_that_its_call_goes_to() {
    let platform = Platform::start().await;
    platform.answers("POST", CREATE, vec![ok(created())]).await;
    platform.answers("PUT", INSTANCES, vec![ok(json!({"success": true}))]).await;
    let throttled = error(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi");
    platform.answers("PUT", STREAMING, vec![throttled]).await;
    let link = platform.link(json!({}));
    card(&link, &group(), open("Thinking...")).await;
    let waits =
        async |claim| tokio::time::timeout(Duration::from_millis(200), link.claim(claim)).await.is_err();
    let another = |call| CardRequest {
        target: group(),
        message: MessageId::new("msgB=="),
        retry: RetryNumber(0),
        seq: Seq(2),
        attempt: 0,
        call,
        within: Duration::from_secs(12),
    };
    link.card(another(update("another"))).await;
    let streamed = link.card(another(update("another card"))).await;
    assert!(matches!(streamed.outcome, CardOutcome::Throttled { .. }));
    assert!(!waits(claim(Claim::Update)).await, "the first text goes with the state");
    assert!(!waits(claim(Claim::Finish)).await, "so does the last one of a card without text");
    card(&link, &group(), update("Hel")).await;
    assert!(waits(claim(Claim::Update)).await);
    assert!(waits(claim(Claim::Finish)).await);
}

#[tokio::test]
async fn after_a_restart_an_update_begins_again_and_a_finish_does_not_reopen() {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    assert_eq!(card(&platform.link(json!({})), &group(), update("text")).await, CardOutcome::Done);
    assert_eq!(platform.asked().await, [INSTANCES]);
    assert_eq!(card(&platform.link(json!({})), &group(), finish("text")).await, CardOutcome::Done);
    assert_eq!(platform.asked().await, [INSTANCES, INSTANCES]);
    assert_eq!(platform.sent(INSTANCES).await[1]["cardData"]["cardParamMap"]["flowStatus"], "3");
}

#[tokio::test]
async fn a_finish_repeated_after_half_of_it_makes_only_the_other_half() {
    let platform = Platform::start().await;
    platform.answers("PUT", STREAMING, vec![ok(json!({"success": true}))]).await;
    let taken = || ok(json!({"success": true}));
    platform.answers("PUT", INSTANCES, vec![taken(), error(500, "system.error"), taken()]).await;
    let link = platform.link(json!({}));
    assert_eq!(card(&link, &group(), update("te")).await, CardOutcome::Done);
    assert_eq!(card(&link, &group(), finish("text")).await, CardOutcome::Unknown);
    assert_eq!(card(&link, &group(), finish("text")).await, CardOutcome::Done);
    assert_eq!(platform.asked().await, [INSTANCES, STREAMING, INSTANCES, INSTANCES]);
    assert_eq!(card(&link, &group(), update("late")).await, CardOutcome::AlreadyFinished);
}

#[tokio::test]
async fn a_final_text_that_stands_is_not_given_up_for_its_state() {
    let platform = Platform::start().await;
    platform.answers("PUT", STREAMING, vec![error(400, "param.stream.finished")]).await;
    platform
        .answers("PUT", INSTANCES, vec![error(403, "Forbidden.AccessDenied.AccessTokenPermissionDenied")])
        .await;
    assert_eq!(card(&platform.link(json!({})), &group(), finish("text")).await, CardOutcome::Done);
}

#[rstest]
#[case(error(400, "param.cardAlreadyExist"), CardOutcome::Done)]
#[case(
    error(403, "Forbidden.AccessDenied.AccessTokenPermissionDenied"),
    CardOutcome::Refused(ErrorCode::PermissionDenied)
)]
#[case(
    error(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"),
    CardOutcome::Throttled { retry_after: Duration::from_secs(1) },
)]
#[case(error(400, "param.templateNotExist"), CardOutcome::Refused(ErrorCode::Misconfigured))]
#[case(error(504, "service.timeout"), CardOutcome::Unknown)]
#[case(
    ok(json!({"success": true, "result": {"deliverResults": [{"success": false, "errorMsg": "robot not in group"}]}})),
    CardOutcome::Refused(ErrorCode::Misconfigured),
)]
#[case(ok(created()), CardOutcome::Done)]
#[tokio::test]
async fn outcomes_of_opening(#[case] answer: ResponseTemplate, #[case] expected: CardOutcome) {
    let platform = Platform::start().await;
    platform.answers("POST", CREATE, vec![answer]).await;
    assert_eq!(card(&platform.link(json!({})), &group(), open("Thinking...")).await, expected);
}

#[rstest]
#[case(error(400, "param.stream.outTrackId"), CardOutcome::Missing)]
#[case(error(400, "param.stream.finished"), CardOutcome::AlreadyFinished)]
#[case(error(500, "unknownError"), CardOutcome::Refused(ErrorCode::Misconfigured))]
#[case(error(500, "system.busy"), CardOutcome::Throttled { retry_after: Duration::from_secs(1) })]
#[case(error(400, "param.stream.content"), CardOutcome::Refused(ErrorCode::PlatformError))]
#[tokio::test]
async fn outcomes_of_updating_and_finishing(#[case] answer: ResponseTemplate, #[case] expected: CardOutcome) {
    let platform = Platform::start().await;
    platform.answers("PUT", STREAMING, vec![answer]).await;
    let link = platform.link(own_template());
    assert_eq!(card(&link, &group(), update("text")).await, expected);
    assert_eq!(card(&link, &group(), finish("text")).await, expected);
}

#[tokio::test]
async fn a_card_that_is_not_there_is_missing_in_the_public_flow_too() {
    let platform = Platform::start().await;
    platform.answers("PUT", INSTANCES, vec![error(400, "param.cardNotExist")]).await;
    assert_eq!(card(&platform.link(json!({})), &group(), update("text")).await, CardOutcome::Missing);
}

#[tokio::test]
async fn an_outsider_gets_no_card_in_a_private_chat() {
    let platform = Platform::start().await;
    let outsider = Target { im_user_id: None, ..private() };
    let outcome = card(&platform.link(json!({})), &outsider, open("Thinking...")).await;
    assert_eq!(outcome, CardOutcome::Refused(ErrorCode::Misconfigured));
    assert!(platform.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_empty_text_is_never_streamed() {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    let link = platform.link(own_template());
    assert_eq!(card(&link, &group(), update("")).await, CardOutcome::Done);
    assert_eq!(card(&link, &group(), finish("")).await, CardOutcome::Done);
    let strokes = platform.sent(STREAMING).await;
    assert_eq!(strokes.len(), 1);
    assert_ne!(strokes[0]["content"], "");
}
