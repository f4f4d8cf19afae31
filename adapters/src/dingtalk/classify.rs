//! What an answer of the platform proves: done, surely not done, or unclear (R10; dingtalk §9).
//!
//! Judged by the `code` in the body; the HTTP status decides only where there is no code that we know: the platform
//! uses 403 for throttling, 400 for expired tokens and 200 for failures.

use std::time::Duration;

use serde_json::Value;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::reply::{CardOutcome, PartOutcome};
use switchboard_ports::provider::Came;

use super::codes::{BAN_PAUSE, by_status, legacy, named, says_finished};
use super::text::cut_chars;

/// Longest detail of a failure, in characters.
const DETAIL_CHARS_MAX: usize = 300;

/// The status in the body that says that our address is banned (dingtalk §9.2).
const BAN_CODE: &str = "1111";

/// What a failure's detail begins with where a page came in place of an answer: a ban, most likely (dingtalk §9.1).
const BAN_PAGE: &str = "a page with status";

/// Codes that say that an API has too many calls from all apps together (dingtalk §9.2).
const OVERLOAD_CODES: [&str; 2] = ["Forbidden.AccessDenied.QpsLimitForApi", "90002"];

/// Codes that say that this app makes more calls a second than it may (dingtalk §9.2).
const APP_LIMIT_CODES: [&str; 3] = [
    "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi",
    "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi",
    "90018",
];

/// Codes that say that a chat, or whoever writes into it, has too many messages (dingtalk §4.4, §9.2); families by their beginning.
const CHAT_LIMIT_CODES: [&str; 3] = ["send.too.fast", "302033", "410100"];
const CHAT_LIMIT_FAMILY: &str = "too.many.";

/// Legacy codes of a missing permission and of an address that is not on the list (dingtalk §5.3).
const LEGACY_GATEWAY_CODES: [&str; 2] = ["60011", "60020"];

/// What is known about a call that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Surely not done: no connection was made.
    NotSent,
    /// Surely not done: too many calls.
    Throttled {
        /// When to try again.
        retry_after: Duration,
    },
    /// Surely not done: the access token is bad or expired.
    TokenRejected,
    /// Surely not done, and it will not be.
    Refused(ErrorCode),
    /// The card does not exist.
    CardMissing,
    /// A card of that id exists already.
    CardExists,
    /// The card is finished already.
    CardFinished,
    /// It may have been done: time-out, 5xx, cut connection, an answer that cannot be read.
    Unclear(ErrorCode),
}

/// A call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// What that proves.
    pub(super) verdict: Verdict,
    /// The platform's code and words, at most 300 characters; no secret.
    pub(super) detail: String,
    /// The permissions that the platform says are missing, in brackets, at most 300 characters; empty where it names none.
    missing: String,
}

impl Failure {
    pub(super) fn new(verdict: Verdict, detail: impl AsRef<str>) -> Self {
        Self { verdict, detail: cut_chars(detail.as_ref(), DETAIL_CHARS_MAX), missing: String::new() }
    }

    /// What came of a call that shows something. Its words are left out, because they may quote what was to be shown.
    pub(super) fn came<T>(&self, outcome: T) -> Came<T> {
        let detail = match self.verdict {
            Verdict::TokenRejected | Verdict::Refused(_) => format!("{}{}", self.code(), self.missing),
            Verdict::NotSent
            | Verdict::Throttled { .. }
            | Verdict::CardMissing
            | Verdict::CardExists
            | Verdict::CardFinished
            | Verdict::Unclear(_) => String::new(),
        };
        Came { outcome, key: None, detail }
    }

    /// The platform's code, or what happened, without the words behind it: fit for logs.
    pub(super) fn code(&self) -> &str {
        self.detail.split_once(": ").map_or(self.detail.as_str(), |(code, _words)| code)
    }

    /// Whether the platform lets nothing through from our address for a while.
    pub(super) fn is_ban(&self) -> bool {
        self.names_ban() || self.is_page()
    }

    /// Whether the platform's own code says so. A page says it less surely: something in between may refuse this one call.
    pub(super) fn names_ban(&self) -> bool {
        self.code() == BAN_CODE
    }

    /// Whether a page came in place of an answer.
    pub(super) fn is_page(&self) -> bool {
        self.detail.starts_with(BAN_PAGE)
    }

    /// Whether the platform will say the same of this call whenever it is made.
    pub(super) const fn is_final(&self) -> bool {
        match self.verdict {
            Verdict::Refused(code) => !matches!(code, ErrorCode::QuotaExceeded),
            Verdict::NotSent
            | Verdict::Throttled { .. }
            | Verdict::TokenRejected
            | Verdict::CardMissing
            | Verdict::CardExists
            | Verdict::CardFinished
            | Verdict::Unclear(_) => false,
        }
    }

    /// Whether the API has too many calls from everybody, not from us alone.
    pub(super) fn is_overload(&self) -> bool {
        OVERLOAD_CODES.contains(&self.code())
    }

    /// Whether the app makes more calls a second than it may.
    pub(super) fn is_of_app(&self) -> bool {
        APP_LIMIT_CODES.contains(&self.code())
    }

    /// Whether a limit was met that may be one chat's alone.
    pub(super) fn is_of_one_chat(&self) -> bool {
        CHAT_LIMIT_CODES.contains(&self.code()) || self.code().starts_with(CHAT_LIMIT_FAMILY)
    }

    /// Whether the call counts against the monthly quota all the same: it did, where an API took it and refused it, and it may
    /// have where nobody knows. What the gateway in front keeps from the APIs does not: throttles say so (dingtalk §9.2),
    /// and a missing token, permission or address is found out in the same place.
    pub(super) fn is_metered(&self) -> bool {
        match self.verdict {
            Verdict::NotSent
            | Verdict::Throttled { .. }
            | Verdict::TokenRejected
            | Verdict::Refused(ErrorCode::QuotaExceeded | ErrorCode::InvalidCredentials) => false,
            Verdict::Refused(_) => {
                !self.code().starts_with("Forbidden.") && !LEGACY_GATEWAY_CODES.contains(&self.code())
            }
            Verdict::CardMissing | Verdict::CardExists | Verdict::CardFinished | Verdict::Unclear(_) => true,
        }
    }

    /// The failure as a channel's status names it.
    pub(super) const fn error_code(&self) -> ErrorCode {
        match self.verdict {
            Verdict::NotSent => ErrorCode::NetworkUnreachable,
            Verdict::Throttled { .. } => ErrorCode::RateLimited,
            Verdict::TokenRejected => ErrorCode::InvalidCredentials,
            Verdict::Refused(code) | Verdict::Unclear(code) => code,
            Verdict::CardMissing | Verdict::CardExists | Verdict::CardFinished => ErrorCode::PlatformError,
        }
    }

    /// The pause that the platform asked for.
    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self.verdict {
            Verdict::Throttled { retry_after } => Some(retry_after),
            Verdict::NotSent
            | Verdict::TokenRejected
            | Verdict::Refused(_)
            | Verdict::CardMissing
            | Verdict::CardExists
            | Verdict::CardFinished
            | Verdict::Unclear(_) => None,
        }
    }

    /// The failure as the outcome of a card call.
    pub(super) const fn card_outcome(&self) -> CardOutcome {
        match self.verdict {
            Verdict::NotSent => CardOutcome::NotSent,
            Verdict::Throttled { retry_after } => CardOutcome::Throttled { retry_after },
            Verdict::TokenRejected => CardOutcome::Refused(ErrorCode::InvalidCredentials),
            Verdict::Refused(code) => CardOutcome::Refused(code),
            Verdict::CardMissing => CardOutcome::Missing,
            Verdict::CardExists => CardOutcome::Done,
            Verdict::CardFinished => CardOutcome::AlreadyFinished,
            Verdict::Unclear(_) => CardOutcome::Unknown,
        }
    }

    /// The failure as the outcome of a plain message.
    pub(super) const fn part_outcome(&self) -> PartOutcome {
        match self.verdict {
            Verdict::NotSent => PartOutcome::NotSent,
            Verdict::Throttled { retry_after } => PartOutcome::Throttled { retry_after },
            Verdict::TokenRejected => PartOutcome::Refused(ErrorCode::InvalidCredentials),
            Verdict::Refused(code) => PartOutcome::Refused(code),
            Verdict::CardMissing | Verdict::CardExists | Verdict::CardFinished => {
                PartOutcome::Refused(ErrorCode::PlatformError)
            }
            Verdict::Unclear(_) => PartOutcome::Unknown,
        }
    }
}

/// Judges an answer. `Ok` holds the body of a success. Never panics.
///
/// `retry_after` is the pause of a `Retry-After` header; it can only lengthen a pause.
pub(super) fn classify(status: u16, body: &[u8], retry_after: Option<Duration>) -> Result<Value, Failure> {
    let failure = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(fields)) => {
            let answer = Value::Object(fields);
            match judge(status, &answer) {
                None => return Ok(answer),
                Some(failure) => failure,
            }
        }
        Ok(_) | Err(_) => unreadable(status, body),
    };
    Err(match (failure.verdict, retry_after) {
        (Verdict::Throttled { retry_after: ours }, Some(theirs)) => Failure {
            verdict: Verdict::Throttled { retry_after: ours.max(theirs.min(BAN_PAUSE)) },
            ..failure
        },
        _ => failure,
    })
}

fn judge(status: u16, answer: &Value) -> Option<Failure> {
    let message = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    if answer.get("status").and_then(Value::as_u64) == Some(1111) {
        let verdict = Verdict::Throttled { retry_after: BAN_PAUSE };
        return Some(Failure::new(verdict, format!("{BAN_CODE}: our address is banned for five minutes")));
    }
    if let Some(code) = answer.get("errcode").and_then(number) {
        let detail = format!("{code}: {}", message("errmsg"));
        let sub_code = if message("sub_code").is_empty() { message("subcode") } else { message("sub_code") };
        return (code != 0).then(|| Failure::new(legacy(code, sub_code), detail));
    }
    if let Some(code) = answer.get("code").and_then(Value::as_str).filter(|code| !code.is_empty()) {
        let missing = cut_chars(&scopes(answer), DETAIL_CHARS_MAX);
        let detail = format!("{code}: {}{missing}", message("message"));
        let verdict = match named(code) {
            // Codes of the card APIs are worded in the message, too.
            Some(Verdict::Refused(_)) | None if says_finished(message("message")) => Verdict::CardFinished,
            Some(verdict) => verdict,
            None if (200..300).contains(&status) => Verdict::Refused(ErrorCode::PlatformError),
            None => by_status(status),
        };
        return Some(Failure { missing, ..Failure::new(verdict, detail) });
    }
    if !(200..300).contains(&status) {
        return Some(Failure::new(by_status(status), format!("status {status} without a code")));
    }
    (answer.get("success") == Some(&Value::Bool(false))).then(|| {
        Failure::new(
            Verdict::Refused(ErrorCode::PlatformError),
            "an answer that says that it did not succeed",
        )
    })
}

/// Which permissions are missing, where the platform says so (dingtalk §5.3).
fn scopes(answer: &Value) -> String {
    let scopes = answer.pointer("/accessdenieddetail/requiredScopes").and_then(Value::as_array);
    let names: Vec<_> = scopes.into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() { String::new() } else { format!(" (required: {})", names.join(", ")) }
}

/// A body that is no JSON object: a gateway's or a proxy's page, or nothing.
fn unreadable(status: u16, body: &[u8]) -> Failure {
    let page = body.trim_ascii_start().starts_with(b"<");
    match status {
        403 | 429 if page => {
            let verdict = Verdict::Throttled { retry_after: BAN_PAUSE };
            Failure::new(
                verdict,
                format!("{BAN_PAGE} {status}: our address is banned, or a proxy is in between"),
            )
        }
        200..300 => Failure::new(Verdict::Unclear(ErrorCode::PlatformError), "an answer that is not JSON"),
        _ => Failure::new(by_status(status), format!("status {status} without JSON")),
    }
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}
