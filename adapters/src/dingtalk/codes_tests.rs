//! The tables of codes are whole: every code of the fact sheet is known, and every error code that the platform can bring
//! about is brought about by one of its answers, with words for a cause and a remedy.

use serde_json::json;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::notice::remedy;
use switchboard_domain::settings::Locale;

use super::classify::{Verdict, classify};
use super::codes::{legacy, named};
use super::http::timed_out;

/// Codes of the new API by section of the fact sheet. Families stand for all their members: `miss.param.*`.
const NAMED: &[(&str, &[&str])] = &[
    ("§1.3", &["authFailed", "systemError", "invalidParameter", "Forbidden.AccessDenied.IpNotInWhiteList"]),
    (
        "§4.4",
        &[
            "invalidParameter.robotCode.empty",
            "invalidParameter.robotCode.auth",
            "invalidParameter.robotCode.coolApp",
            "invalidParameter.robotCode.notExsit",
            "invalidParameter.robotCode.missing",
            "invalidParameter.robotCode.invalid",
            "invalidParameter.userIds.empty",
            "invalidParameter.userIds.overMax",
            "invalidParameter.userIds.invalid",
            "invalidParameter.userId.empty",
            "invalidParameter.msgKey.empty",
            "invalidParameter.msgKey.invalid",
            "invalidParameter.msgParam.invalid",
            "invalidParameter.msgParam.tooLong",
            "invalidParameter.param.invalid",
            "invalidParameter.msg.unsupport",
            "invalidParameter.msgBody.invalid",
            "invalidParameter.token.invalid",
            "miss.openConversationId",
            "invalid.openConversationId",
            "invalidParameter.openConversationId.invalid",
            "group.disbanded",
            "bot.stopped",
            "template.not.existed",
            "template.stopped",
            "miss.param.title",
            "send.too.fast",
            "send.byToken.tooFast",
            "too.many.group",
            "too.many.people",
            "send.forbidden",
            "bot.forbidden.sendMessage",
            "only.groupAdmin.canAtAll",
            "contain.unsafe.url",
            "contain.notAllowed.text",
            "contain.notAllowed.picture",
            "contain.notAllowed.content",
            "illegal.receivers",
            "receivers.exceed",
            "session.notExisted",
            "session.expired",
            "staffId.notExisted",
            "chatbotId.notAllow.sendOTO",
            "robot.oto.notExist",
            "sendMessage.model.notMatch",
            "conversation.org.notMatch",
            "resource.not.found",
            "unauthorized",
            "auth.error",
            "resource.unavailable",
            "system.error",
        ],
    ),
    (
        "§5",
        &[
            "invalidClientIdOrSecret",
            "invalidParameter.appKey.blank",
            "invalid.client",
            "unsupported.grant.type",
            "unauthorized.client",
            "server.error",
            "InvalidAuthentication",
            "Forbidden.AccessDenied.AccessTokenPermissionDenied",
            "Forbidden.AccessDenied.IpNotInWhiteList",
        ],
    ),
    (
        "§6.3, §6.8",
        &[
            "outTrackId.outOfLimit",
            "exceed.limit",
            "param.empty",
            "param.cardTemplateIdEmpty",
            "param.outTrackIdEmpty",
            "param.userIdEmpty",
            "param.cardPublicDataEmpty",
            "param.userIdNotExist",
            "param.contentUnsafe",
            "param.openSpaceModelInvalid",
            "param.invalid",
            "param.cardAlreadyExist",
            "param.templateNotExist",
            "param.templateUnpublished",
            "param.dynamicDataSourceInvalid",
            "param.openSpaceIdEmpty",
            "param.openSpaceIdInvalid",
            "param.openDeliverModelEmpty",
            "param.spaceDeliverModelEmpty",
            "param.cardNotExist",
            "param.cardDataAndPrivateDataBothEmpty",
            "param.stream.keyEmpty",
            "param.stream.contentEmpty",
            "param.stream.guidEmpty",
            "param.stream.isFull",
            "param.stream.content",
            "param.stream.outTrackId",
            "unknownError",
            "system.busy",
            "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi",
        ],
    ),
    (
        "§7.1",
        &[
            "invalidParameter.robotCode.empty",
            "invalidParameter.robotCode.auth",
            "invalidParameter.robotCode.downloadCode",
        ],
    ),
    ("§8", &["system.err"]),
    (
        "§9",
        &[
            "Missingbody",
            "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi",
            "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi",
            "Forbidden.AccessDenied.QpmLimitForSuitekeyAndOrgAndApi",
            "Forbidden.AccessDenied.QpsLimitForApi",
            "Forbidden.AccessDenied.ApiCountLimitForOrg",
            "service.timeout",
            "systemBusy",
            "serviceBusy",
        ],
    ),
];

#[test]
fn every_code_of_the_fact_sheet_has_a_verdict_of_its_own() {
    for (section, codes) in NAMED {
        for code in *codes {
            assert!(named(code).is_some(), "{code} of dingtalk {section} would be judged by its status");
        }
    }
    assert_eq!(named("brand.new"), None, "what nobody has seen is judged by its status");
}

#[test]
fn every_legacy_code_of_the_fact_sheet_has_its_verdict() {
    let misfit = Verdict::Refused(ErrorCode::Misconfigured);
    let denied = Verdict::Refused(ErrorCode::PermissionDenied);
    let content = Verdict::Refused(ErrorCode::PlatformError);
    let credentials = Verdict::Refused(ErrorCode::InvalidCredentials);
    let unclear = Verdict::Unclear(ErrorCode::PlatformError);
    let quota = Verdict::Refused(ErrorCode::QuotaExceeded);
    let expected: [(&[i64], Verdict); 8] = [
        (&[300_001, 300_005, 400_101, 310_000, 40_035, 43_004, 400_013, 400_105, 400_106], misfit),
        (&[430_101, 430_102, 430_103, 430_104, 460_101], content),
        (&[40_001, 40_089], credentials),
        (&[40_014, 41_001, 42_001], Verdict::TokenRejected),
        (&[60_011, 60_020, 400_102], denied),
        (&[90_020], quota),
        (&[15, 88], unclear),
        // What an upload is refused for: the file.
        (&[40_004, 40_005, 40_006, 45_001, 44_001, 43_008], content),
    ];
    for (codes, verdict) in expected {
        for code in codes {
            assert_eq!(legacy(*code, ""), verdict, "{code}");
        }
    }
    for code in [-1, 302_033, 410_100, 90_002, 90_018, 45_009] {
        assert!(matches!(legacy(code, ""), Verdict::Throttled { .. }), "{code}");
    }
    assert_eq!(legacy(88, "isv.sub"), Verdict::TokenRejected);
}

/// An answer of the platform that leads to the error code; `None`: it comes from elsewhere (see `tests/tests/remedies.rs`).
fn answer(code: ErrorCode) -> Option<(u16, &'static str)> {
    match code {
        ErrorCode::InvalidCredentials => Some((401, "authFailed")),
        ErrorCode::PlatformError => Some((500, "system.error")),
        ErrorCode::RateLimited => Some((403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi")),
        ErrorCode::QuotaExceeded => Some((403, "Forbidden.AccessDenied.ApiCountLimitForOrg")),
        ErrorCode::PermissionDenied => Some((403, "Forbidden.AccessDenied.AccessTokenPermissionDenied")),
        ErrorCode::Misconfigured => Some((400, "param.templateNotExist")),
        ErrorCode::NetworkUnreachable
        | ErrorCode::ConnectionLost
        | ErrorCode::StoreUnavailable
        | ErrorCode::NoAgent
        | ErrorCode::AgentUnreachable
        | ErrorCode::AgentMisconfigured => None,
    }
}

#[test]
fn every_error_code_of_the_platform_comes_from_an_answer_and_has_cause_and_remedy() {
    for code in ErrorCode::ALL {
        if let Some((status, name)) = answer(code) {
            let body = json!({"code": name, "message": "m", "requestid": "r"}).to_string();
            let failure = classify(status, body.as_bytes(), None).unwrap_err();
            assert_eq!(failure.error_code(), code, "{name}");
        }
        for locale in [Locale::En, Locale::ZhCn] {
            let words = remedy(code, locale);
            assert!(!words.message.is_empty() && !words.remedy.is_empty(), "{code:?}");
        }
    }
    assert_eq!(timed_out().error_code(), ErrorCode::NetworkUnreachable);
}

#[test]
fn a_missing_permission_is_named() {
    let body = json!({"code": "Forbidden.AccessDenied.AccessTokenPermissionDenied", "message": "m",
        "requestid": "r", "accessdenieddetail": {"requiredScopes": ["Card.Streaming.Write"]}});
    let failure = classify(403, body.to_string().as_bytes(), None).unwrap_err();
    assert_eq!(
        failure.detail,
        "Forbidden.AccessDenied.AccessTokenPermissionDenied: m (required: Card.Streaming.Write)"
    );
    // Beside a call it is named without the platform's words, which may quote what was to be shown.
    assert_eq!(
        failure.came(()).detail,
        "Forbidden.AccessDenied.AccessTokenPermissionDenied (required: Card.Streaming.Write)"
    );
}
