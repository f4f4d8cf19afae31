//! What counts against the company's monthly quota, and what does not.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "test code: a test fails by panicking")]

mod dingtalk_support;

use std::sync::{Arc, Mutex};

use dingtalk_support::{
    CREATE, INSTANCES, Platform, STREAMING, WEBHOOK, card, error, finish, group, ok, open, own_template,
    private, send, update,
};
use rstest::rstest;
use serde_json::json;
use switchboard_domain::message::Target;
use switchboard_domain::reply::Way;
use switchboard_domain::usage::{Pace, QuotaRules, Standing, Usage, Used, pace};
use switchboard_ports::provider::{Link, Meter};
use wiremock::ResponseTemplate;

#[derive(Default)]
struct Tally(Mutex<Usage>, Mutex<bool>);

impl Meter for Tally {
    fn count(&self, used: Used) {
        self.0.lock().unwrap().count(used);
    }

    fn performed(&self) {
        *self.1.lock().unwrap() = false;
    }

    fn refused(&self) {
        *self.1.lock().unwrap() = true;
    }

    fn pushed(&self, _is_withheld: bool) {}

    fn pace(&self, rules: QuotaRules) -> Pace {
        pace(rules, &Standing { refused: *self.1.lock().unwrap(), ..Standing::default() }).0
    }
}

fn metered(platform: &Platform) -> (Arc<dyn Link>, Arc<Tally>) {
    let tally = Arc::new(Tally::default());
    (platform.metered_link(&platform.server.uri(), own_template(), Arc::clone(&tally) as _), tally)
}

fn calls(tally: &Tally) -> u64 {
    tally.0.lock().unwrap().api_calls
}

#[tokio::test]
async fn each_authorised_call_counts_and_the_token_does_not() {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    let (link, tally) = metered(&platform);
    card(&link, &group(), open("Thinking...")).await;
    card(&link, &group(), update("text")).await;
    card(&link, &group(), finish("text")).await;
    let mut asked = 0;
    for api in [CREATE, INSTANCES, STREAMING] {
        asked += u64::try_from(platform.sent(api).await.len()).unwrap();
    }
    assert!(asked >= 3);
    assert_eq!(calls(&tally), asked);
}

#[tokio::test]
async fn an_answer_posted_to_its_message_needs_no_token_and_counts_nothing() {
    let platform = Platform::start().await;
    platform.answers("POST", WEBHOOK, vec![ok(json!({"errcode": 0, "errmsg": "ok"}))]).await;
    let (link, tally) = metered(&platform);
    let target = Target { session_address: Some(platform.webhook()), ..private() };
    send(&link, target, Way::SessionAddress, "hi").await;
    assert_eq!(platform.asked().await, [WEBHOOK]);
    assert_eq!(calls(&tally), 0);
}

#[rstest]
// Kept away by the gateway in front of the APIs.
#[case(error(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"), 0)]
#[case(error(403, "Forbidden.AccessDenied.ApiCountLimitForOrg"), 0)]
#[case(error(403, "Forbidden.AccessDenied.AccessTokenPermissionDenied"), 0)]
#[case(error(403, "Forbidden.AccessDenied.IpNotInWhiteList"), 0)]
#[case(ok(json!({"errcode": 60011, "errmsg": "m"})), 0)]
#[case(ok(json!({"errcode": 90018, "errmsg": "m"})), 0)]
#[case(error(429, "whatever"), 0)]
#[case(error(400, "InvalidAuthentication"), 0)]
// Taken, and refused; or nobody knows.
#[case(error(400, "param.stream.content"), 1)]
#[case(error(400, "send.forbidden"), 1)]
#[case(error(500, "server.error"), 1)]
#[case(ResponseTemplate::new(502), 1)]
#[tokio::test]
async fn a_call_counts_that_reached_its_api(#[case] answer: ResponseTemplate, #[case] expected: u64) {
    let platform = Platform::start().await;
    platform.answers("PUT", STREAMING, vec![answer]).await;
    platform.answers("PUT", INSTANCES, vec![ok(json!({"success": true, "result": true}))]).await;
    let (link, tally) = metered(&platform);
    card(&link, &group(), update("text")).await;
    let begun = u64::try_from(platform.sent(INSTANCES).await.len()).unwrap();
    assert_eq!(calls(&tally) - begun, expected);
}

#[tokio::test]
async fn a_platform_that_cannot_be_reached_counts_nothing() {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    let tally = Arc::new(Tally::default());
    let link = platform.metered_link("http://127.0.0.1:1", own_template(), Arc::clone(&tally) as _);
    card(&link, &group(), update("text")).await;
    assert_eq!(calls(&tally), 0);
}

#[rstest]
#[case(error(403, "Forbidden.AccessDenied.ApiCountLimitForOrg"), Pace::FinalOnly)]
#[case(ok(json!({"errcode": 90_020, "errmsg": "m"})), Pace::FinalOnly)]
#[case(error(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"), Pace::Normal)]
#[case(error(400, "param.stream.content"), Pace::Normal)]
#[tokio::test]
async fn after_the_platforms_quota_answer_only_whole_answers_are_shown(
    #[case] answer: ResponseTemplate,
    #[case] expected: Pace,
) {
    let platform = Platform::start().await;
    platform.answers("PUT", STREAMING, vec![answer]).await;
    platform.answers("PUT", INSTANCES, vec![ok(json!({"success": true, "result": true}))]).await;
    let (link, _) = metered(&platform);
    assert_eq!(link.limits().pace, Pace::Normal);
    card(&link, &group(), update("text")).await;
    assert_eq!(link.limits().pace, expected);
}

#[rstest]
#[case::nobody_knows(error(500, "server.error"), Pace::FinalOnly)]
#[case::in_front_of_the_api(ResponseTemplate::new(502), Pace::FinalOnly)]
#[case::no_such_card(error(400, "param.cardNotExist"), Pace::FinalOnly)]
#[case::refused(error(400, "param.stream.content"), Pace::FinalOnly)]
#[case::throttled(error(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"), Pace::FinalOnly)]
#[case::done(ok(json!({"success": true, "result": true})), Pace::Normal)]
#[tokio::test]
async fn only_a_call_that_was_surely_performed_says_that_there_is_quota_again(
    #[case] answer: ResponseTemplate,
    #[case] expected: Pace,
) {
    let platform = Platform::start().await;
    let used_up = error(403, "Forbidden.AccessDenied.ApiCountLimitForOrg");
    platform.answers("PUT", INSTANCES, vec![ok(json!({"success": true, "result": true}))]).await;
    platform.answers("PUT", STREAMING, vec![used_up, answer]).await;
    let (link, _) = metered(&platform);
    card(&link, &group(), update("text")).await;
    assert_eq!(link.limits().pace, Pace::FinalOnly);
    card(&link, &group(), update("text")).await;
    assert_eq!(link.limits().pace, expected);
}
