//! The platform's error codes and what each proves (dingtalk §1.3, §4.4, §5.3, §6.8, §9.2).

use std::time::Duration;

use switchboard_domain::channel::ErrorCode;

use super::classify::Verdict;

/// Pause after a limit per second (dingtalk §9.2: at least 1 s).
pub(super) const SECOND_PAUSE: Duration = Duration::from_secs(1);
/// Pause after a limit per minute.
const MINUTE_PAUSE: Duration = Duration::from_mins(1);
/// Pause while the address is banned (dingtalk §9.2).
pub(super) const BAN_PAUSE: Duration = Duration::from_mins(5);

const fn throttled(retry_after: Duration) -> Verdict {
    Verdict::Throttled { retry_after }
}

/// What a code of the new API proves; `None` for codes we do not know.
pub(super) fn named(code: &str) -> Option<Verdict> {
    exact(code).or_else(|| by_family(code))
}

/// Codes by what they prove. Families of codes that share a beginning are in [`by_family`].
const EXACT: &[(Verdict, &[&str])] = &[
    (Verdict::TokenRejected, &["InvalidAuthentication", "unauthorized"]),
    (
        Verdict::Refused(ErrorCode::InvalidCredentials),
        &[
            "authFailed",
            "invalidClientIdOrSecret",
            "invalid.client",
            "unauthorized.client",
            "invalidParameter.appKey.blank",
            "invalidParameter.appSecret.blank",
        ],
    ),
    (
        throttled(SECOND_PAUSE),
        &["send.too.fast", "send.byToken.tooFast", "system.busy", "systemBusy", "serviceBusy"],
    ),
    (
        Verdict::Unclear(ErrorCode::PlatformError),
        &["system.error", "system.err", "systemError", "server.error", "service.timeout"],
    ),
    (Verdict::CardExists, &["param.cardAlreadyExist"]),
    (Verdict::CardMissing, &["param.cardNotExist", "param.stream.outTrackId"]),
    (
        Verdict::Refused(ErrorCode::PermissionDenied),
        &[
            "auth.error",
            "send.forbidden",
            "bot.forbidden.sendMessage",
            "chatbotId.notAllow.sendOTO",
            "only.groupAdmin.canAtAll",
        ],
    ),
    (
        Verdict::Refused(ErrorCode::Misconfigured),
        &[
            // Wrong key, key that cannot stream, card whose clicks do not come by stream (dingtalk §6.8).
            "unknownError",
            "invalidParameter",
            "bot.stopped",
            "group.disbanded",
            "illegal.receivers",
            "receivers.exceed",
            "resource.not.found",
            "conversation.org.notMatch",
            "sendMessage.model.notMatch",
            "robot.oto.notExist",
            "staffId.notExisted",
            // A card's id that is too long (dingtalk §6.3).
            "exceed.limit",
        ],
    ),
    (
        // Content that is not let through, and what only a mistake of ours brings about.
        Verdict::Refused(ErrorCode::PlatformError),
        &[
            "param.stream.content",
            "param.contentUnsafe",
            "invalidParameter.msgParam.tooLong",
            "resource.unavailable",
            "Missingbody",
            "unsupported.grant.type",
        ],
    ),
];

/// Beginnings of codes that name a parameter, a template or a chat that does not fit.
const MISFITS: [&str; 7] =
    ["param.", "invalidParameter.", "miss.", "invalid.", "template.", "session.", "outTrackId."];

fn exact(code: &str) -> Option<Verdict> {
    EXACT.iter().find(|(_, codes)| codes.contains(&code)).map(|(verdict, _)| *verdict)
}

fn by_family(code: &str) -> Option<Verdict> {
    let starts = |prefix: &str| code.starts_with(prefix);
    if let Some(reason) = code.strip_prefix("Forbidden.") {
        return Some(forbidden(reason.strip_prefix("AccessDenied.").unwrap_or(reason)));
    }
    if starts("too.many.") {
        Some(throttled(SECOND_PAUSE))
    } else if says_finished(code) {
        Some(Verdict::CardFinished)
    } else if starts("contain.") {
        Some(Verdict::Refused(ErrorCode::PlatformError))
    } else if MISFITS.iter().any(|prefix| starts(prefix)) {
        Some(Verdict::Refused(ErrorCode::Misconfigured))
    } else {
        None
    }
}

fn forbidden(reason: &str) -> Verdict {
    if reason.starts_with("Qps") {
        throttled(SECOND_PAUSE)
    } else if reason.starts_with("Qpm") {
        throttled(MINUTE_PAUSE)
    } else if reason.starts_with("ApiCountLimit") {
        Verdict::Refused(ErrorCode::QuotaExceeded)
    } else {
        Verdict::Refused(ErrorCode::PermissionDenied)
    }
}

/// Whether a code or message says that a card is finished already. No source states what the platform answers to a
/// streaming call after `isFinalize`, only that it is refused (dingtalk §6.6, read in bots): so any wording is taken
/// that speaks of finishing as done, and parameters of that name ("isFinalize") are not.
pub(super) fn says_finished(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    if text.contains("unfinished") || text.contains("not finished") {
        return false;
    }
    ["finished", "finalized", "finalised"].iter().any(|word| text.contains(word))
        || ["已完成", "已结束", "已终结"].iter().any(|word| text.contains(word))
}

/// What a legacy code proves (dingtalk §4.4, §5.3, §9.2). Unknown ones are refusals: the platform says that it failed.
/// `sub_code` tells apart what shares a number.
pub(super) fn legacy(code: i64, sub_code: &str) -> Verdict {
    match code {
        -1 | 45_009 | 90_002 | 90_018 => throttled(SECOND_PAUSE),
        302_033 | 410_100 => throttled(MINUTE_PAUSE),
        // A time-out between the gateway and the service behind it (dingtalk §9.2).
        15 => Verdict::Unclear(ErrorCode::PlatformError),
        88 if sub_code.is_empty() => Verdict::Unclear(ErrorCode::PlatformError),
        88 | 40_014 | 41_001 | 42_001 => Verdict::TokenRejected,
        40_001 | 40_089 => Verdict::Refused(ErrorCode::InvalidCredentials),
        90_020 => Verdict::Refused(ErrorCode::QuotaExceeded),
        60_011 | 60_020 | 400_102 => Verdict::Refused(ErrorCode::PermissionDenied),
        // The address expired, the group or the robot is gone, the request is not what this address takes.
        300_001 | 300_005 | 310_000 | 400_013 | 400_101 | 400_105 | 400_106 | 40_035 | 43_004 => {
            Verdict::Refused(ErrorCode::Misconfigured)
        }
        // Content that the platform does not let through, texts that are too long, and whatever else it refuses.
        _ => Verdict::Refused(ErrorCode::PlatformError),
    }
}

/// What a status without a code that we know proves. The last resort: 403 is used for throttling, 400 for expired
/// tokens (dingtalk §9.2).
pub(super) fn by_status(status: u16) -> Verdict {
    match status {
        401 => Verdict::TokenRejected,
        403 => Verdict::Refused(ErrorCode::PermissionDenied),
        // A wrong base address; redirects to other hosts are not followed.
        300..=399 | 404 | 405 => Verdict::Refused(ErrorCode::Misconfigured),
        429 => throttled(SECOND_PAUSE),
        400..=407 | 409..=499 => Verdict::Refused(ErrorCode::PlatformError),
        _ => Verdict::Unclear(ErrorCode::PlatformError),
    }
}
