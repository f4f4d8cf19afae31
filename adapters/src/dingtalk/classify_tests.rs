//! What each documented answer of the platform proves.

use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::reply::{CardOutcome, PartOutcome};

use super::classify::{Failure, Verdict, classify};

const MISFIT: Verdict = Verdict::Refused(ErrorCode::Misconfigured);
const DENIED: Verdict = Verdict::Refused(ErrorCode::PermissionDenied);
const CREDENTIALS: Verdict = Verdict::Refused(ErrorCode::InvalidCredentials);
const QUOTA: Verdict = Verdict::Refused(ErrorCode::QuotaExceeded);
const PLATFORM: Verdict = Verdict::Refused(ErrorCode::PlatformError);
const UNCLEAR: Verdict = Verdict::Unclear(ErrorCode::PlatformError);

const fn pause(seconds: u64) -> Verdict {
    Verdict::Throttled { retry_after: Duration::from_secs(seconds) }
}

fn verdict(status: u16, body: &str) -> Option<Verdict> {
    classify(status, body.as_bytes(), None).err().map(|failure| failure.verdict)
}

/// Every code of the new API in the fact sheet, with the status it comes with.
#[rstest]
#[case::gateway(401, &["authFailed"], CREDENTIALS)]
#[case::token(400, &["invalidClientIdOrSecret", "invalidParameter.appKey.blank", "invalid.client"], CREDENTIALS)]
#[case::token_of_a_corp(401, &["unauthorized.client"], CREDENTIALS)]
#[case::grant(400, &["unsupported.grant.type", "Missingbody"], PLATFORM)]
#[case::bad_token(400, &["InvalidAuthentication", "unauthorized"], Verdict::TokenRejected)]
#[case::server(500, &["server.error", "system.error", "systemError"], UNCLEAR)]
#[case::server_time_out(504, &["service.timeout"], UNCLEAR)]
#[case::gateway_trouble(400, &["systemError"], UNCLEAR)]
#[case::user_agent(400, &["invalidParameter"], MISFIT)]
#[case::denied(403, &["Forbidden.AccessDenied.AccessTokenPermissionDenied",
    "Forbidden.AccessDenied.IpNotInWhiteList", "Forbidden.Other"], DENIED)]
#[case::per_second(403, &["Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", "Forbidden.AccessDenied.QpsLimitForApi",
    "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi"], pause(1))]
#[case::per_minute(403, &["Forbidden.AccessDenied.QpmLimitForAppkeyAndApi",
    "Forbidden.AccessDenied.QpmLimitForSuitekeyAndOrgAndApi"], pause(60))]
#[case::per_month(403, &["Forbidden.AccessDenied.ApiCountLimitForOrg"], QUOTA)]
#[case::too_fast(400, &["send.too.fast", "send.byToken.tooFast", "too.many.group", "too.many.people"], pause(1))]
#[case::busy(429, &["system.busy", "systemBusy"], pause(1))]
#[case::busy_card(500, &["system.busy"], pause(1))]
#[case::busy_service(503, &["serviceBusy"], pause(1))]
#[case::card_exists(400, &["param.cardAlreadyExist"], Verdict::CardExists)]
#[case::card_missing(400, &["param.cardNotExist", "param.stream.outTrackId"], Verdict::CardMissing)]
#[case::card_finished(400, &["param.stream.finished", "param.cardFinished", "param.stream.isFinalized"],
    Verdict::CardFinished)]
#[case::card_parameters(400, &["param.empty", "param.cardTemplateIdEmpty", "param.outTrackIdEmpty",
    "param.userIdEmpty", "param.cardPublicDataEmpty", "param.userIdNotExist", "param.openSpaceModelInvalid",
    "param.invalid", "param.templateNotExist", "param.templateUnpublished", "param.dynamicDataInvalid",
    "param.openSpaceIdEmpty", "param.openSpaceIdInvalid", "param.openDeliverModelEmpty",
    "param.spaceDeliverModelEmpty", "param.cardDataAndPrivateDataBothEmpty", "param.stream.keyEmpty",
    "param.stream.contentEmpty", "param.stream.guidEmpty", "param.stream.isFull", "outTrackId.outOfLimit"], MISFIT)]
#[case::wrong_key(500, &["unknownError"], MISFIT)]
#[case::content(400, &["param.stream.content", "param.contentUnsafe", "contain.unsafe.url",
    "contain.notAllowed.text", "contain.notAllowed.picture", "contain.notAllowed.content",
    "invalidParameter.msgParam.tooLong", "resource.unavailable"], PLATFORM)]
#[case::send_parameters(400, &["invalidParameter.robotCode.empty", "invalidParameter.robotCode.auth",
    "invalidParameter.robotCode.notExsit", "invalidParameter.userIds.overMax", "invalidParameter.userId.empty",
    "invalidParameter.msgKey.invalid", "invalidParameter.msgParam.invalid", "invalidParameter.msg.unsupport",
    "invalidParameter.openConversationId.invalid", "miss.openConversationId", "invalid.openConversationId",
    "group.disbanded", "bot.stopped", "template.not.existed", "template.stopped", "miss.param.text",
    "illegal.receivers", "receivers.exceed", "session.notExisted", "session.expired", "staffId.notExisted",
    "robot.oto.notExist", "sendMessage.model.notMatch", "conversation.org.notMatch", "resource.not.found"], MISFIT)]
#[case::send_denied(400, &["send.forbidden", "bot.forbidden.sendMessage", "only.groupAdmin.canAtAll",
    "chatbotId.notAllow.sendOTO", "auth.error"], DENIED)]
fn codes_of_the_new_api(#[case] status: u16, #[case] codes: &[&str], #[case] expected: Verdict) {
    for code in codes {
        let body = json!({"code": code, "message": "m", "requestid": "r"}).to_string();
        assert_eq!(verdict(status, &body), Some(expected), "{code}");
        let other_status = if status == 400 { 403 } else { 400 };
        assert_eq!(verdict(other_status, &body), Some(expected), "{code}: the code counts, not the status");
    }
}

#[rstest]
#[case(&[-1, 45_009, 90_002, 90_018], pause(1))]
#[case(&[302_033, 410_100], pause(60))]
#[case(&[40_014, 41_001, 42_001], Verdict::TokenRejected)]
#[case(&[15, 88], UNCLEAR)]
#[case(&[40_001, 40_089], CREDENTIALS)]
#[case(&[60_011, 60_020, 400_102], DENIED)]
#[case(&[90_020], QUOTA)]
#[case(&[300_001, 300_005, 310_000, 400_013, 400_101, 400_105, 400_106, 40_035, 43_004], MISFIT)]
#[case(&[430_101, 430_102, 430_103, 430_104, 460_101, 999_999], PLATFORM)]
fn codes_of_the_legacy_api(#[case] codes: &[i64], #[case] expected: Verdict) {
    for code in codes {
        let body = json!({"errcode": code, "errmsg": "m", "request_id": "r"});
        assert_eq!(verdict(200, &body.to_string()), Some(expected), "{code}");
        let body = json!({"errcode": code.to_string(), "errmsg": "m"});
        assert_eq!(verdict(200, &body.to_string()), Some(expected), "{code} as a text");
    }
}

#[test]
fn code_88_is_told_apart_by_its_sub_code() {
    let body = json!({"errcode": 88, "errmsg": "m", "sub_code": "40014"}).to_string();
    assert_eq!(verdict(200, &body), Some(Verdict::TokenRejected));
}

#[rstest]
#[case::ban(200, r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"u"}"#, pause(300))]
#[case::ban_page(403, "\n<html>denied</html>", pause(300))]
#[case::broken_proxy(400, "<html>The plain HTTP request was sent to HTTPS port</html>", PLATFORM)]
#[case::gateway_page(503, "<html></html>", UNCLEAR)]
#[case::gateway_time_out(504, "", UNCLEAR)]
#[case::page_instead_of_json(200, "<html></html>", UNCLEAR)]
#[case::nothing(200, "", UNCLEAR)]
#[case::no_object(200, "[]", UNCLEAR)]
#[case::bare_unauthorised(401, "{}", Verdict::TokenRejected)]
#[case::bare_forbidden(403, "{}", DENIED)]
#[case::bare_too_many(429, "", pause(1))]
#[case::redirect(302, "", MISFIT)]
#[case::wrong_base(404, "404 page not found", MISFIT)]
#[case::request_time_out(408, "", UNCLEAR)]
#[case::new_code(400, r#"{"code":"brand.new","message":"m"}"#, PLATFORM)]
#[case::new_code_of_the_server(500, r#"{"code":"brand.new","message":"m"}"#, UNCLEAR)]
#[case::code_with_200(200, r#"{"code":"brand.new","message":"m"}"#, PLATFORM)]
#[case::unsuccessful(200, r#"{"success":false}"#, PLATFORM)]
#[case::finished_in_words(
    400,
    r#"{"code":"param.invalid","message":"card is finished"}"#,
    Verdict::CardFinished
)]
#[case::finished_in_chinese(400, r#"{"code":"brand.new","message":"卡片已完成"}"#, Verdict::CardFinished)]
#[case::unfinished(400, r#"{"code":"param.invalid","message":"card is not finished"}"#, MISFIT)]
fn answers_without_a_known_code(#[case] status: u16, #[case] body: &str, #[case] expected: Verdict) {
    assert_eq!(verdict(status, body), Some(expected));
}

#[rstest]
#[case(r#"{"errcode":0,"errmsg":"ok"}"#)]
#[case(r#"{"errcode":"0","errmsg":"ok"}"#)]
#[case(r#"{"success":true,"result":true}"#)]
#[case(r#"{"processQueryKey":"pqk"}"#)]
#[case(r#"{"accessToken":"fw8ef8","expireIn":7200}"#)]
fn successes_are_successes(#[case] body: &str) {
    assert_eq!(classify(200, body.as_bytes(), None), Ok(serde_json::from_str::<Value>(body).unwrap()));
}

#[test]
fn a_retry_after_header_lengthens_a_pause_but_not_beyond_five_minutes() {
    let after = |seconds| {
        classify(429, b"{\"code\":\"system.busy\"}", Some(Duration::from_secs(seconds))).unwrap_err().verdict
    };
    assert_eq!(after(0), pause(1));
    assert_eq!(after(7), pause(7));
    assert_eq!(after(86_400), pause(300));
}

#[test]
fn a_detail_is_short() {
    let body = json!({"code": "brand.new", "message": "好".repeat(10_000)}).to_string();
    assert_eq!(classify(400, body.as_bytes(), None).unwrap_err().detail.chars().count(), 300);
}

#[test]
fn only_proof_that_nothing_was_sent_lets_a_plain_message_be_sent_again() {
    let part = |verdict| Failure::new(verdict, "").part_outcome();
    assert_eq!(part(UNCLEAR), PartOutcome::Unknown);
    assert_eq!(part(Verdict::NotSent), PartOutcome::NotSent);
    assert_eq!(part(MISFIT), PartOutcome::Refused(ErrorCode::Misconfigured));
    assert_eq!(part(Verdict::TokenRejected), PartOutcome::Refused(ErrorCode::InvalidCredentials));
}

#[test]
fn a_card_that_exists_counts_as_made() {
    let card = |verdict| Failure::new(verdict, "").card_outcome();
    assert_eq!(card(Verdict::CardExists), CardOutcome::Done);
    assert_eq!(card(Verdict::CardMissing), CardOutcome::Missing);
    assert_eq!(card(Verdict::CardFinished), CardOutcome::AlreadyFinished);
    assert_eq!(card(UNCLEAR), CardOutcome::Unknown);
}

proptest! {
    #[test]
    fn judging_never_panics(status in 0_u16..1000, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = classify(status, &body, None);
    }
}
