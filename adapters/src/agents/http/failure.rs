//! What went wrong, out of statuses, error objects and headers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde_json::Value;
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind};
use switchboard_domain::time::Timestamp;
use switchboard_ports::agent::AgentEvent;

/// Longest pause an agent may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// Longest error code or type that is kept, in bytes.
const WORD_BYTES_MAX: usize = 64;

/// Codes and types by which servers say that they do not have the model.
const UNKNOWN_MODEL_WORDS: [&str; 6] = [
    "model_not_found",
    "modelnotfound",
    "model_not_found_error",
    "deploymentnotfound",
    "invalid_model",
    "unknown_model",
];

/// Codes and types by which servers refuse a key with another status than 401. The last one is a gateway's without a
/// database, which cannot look an unknown key up.
const UNAUTHORIZED_WORDS: [&str; 4] =
    ["invalid_api_key", "authentication_error", "auth_error", "no_db_connection"];

/// Wordings by which servers say it that have no code for it.
const UNKNOWN_MODEL_PHRASES: [&str; 4] = ["not found", "not exist", "unknown model", "invalid model"];

/// A failure without a pause asked for.
pub(in crate::agents) fn failed(kind: AgentFailureKind, detail: String) -> AgentEvent {
    AgentEvent::Failed { failure: AgentFailure::new(kind), detail }
}

/// What is known of an error: words for the log, and the message, which is looked at and never handed on because it
/// may quote what a person wrote.
#[derive(Debug, Default)]
pub(in crate::agents) struct ErrorObject {
    code: Option<String>,
    kind: Option<String>,
    param: Option<String>,
    message: String,
}

impl ErrorObject {
    /// The error in the body of a refusal; nothing is known where the body is something else.
    pub(in crate::agents) fn read(body: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return Self::default();
        };
        Self::find(&value).unwrap_or_else(|| Self::of(&value))
    }

    /// The error that an answer or a piece of it carries, if it is one: `{"error":{…}}`, `{"error":"…"}` or
    /// `{"object":"error",…}`.
    pub(in crate::agents) fn find(value: &Value) -> Option<Self> {
        match value.get("error") {
            None | Some(Value::Null | Value::Bool(false)) => {
                (value.get("object").and_then(Value::as_str) == Some("error")).then(|| Self::of(value))
            }
            Some(Value::String(message)) => Some(Self { message: message.clone(), ..Self::default() }),
            Some(error @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
                Some(Self::of(error))
            }
        }
    }

    /// `status 400, code x, type y`, as far as known.
    pub(in crate::agents) fn detail(&self, status: Option<u16>) -> String {
        let parts = [
            status.map(|status| format!("status {status}")),
            self.code.as_ref().map(|code| format!("code {code}")),
            self.kind.as_ref().map(|kind| format!("type {kind}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "an error without a code".to_owned() } else { parts.join(", ") }
    }

    /// Whether the message has this in it, in lower case.
    pub(in crate::agents) fn mentions(&self, phrase: &str) -> bool {
        self.message.contains(phrase)
    }

    /// Whether the error is about this field of the request.
    pub(in crate::agents) fn is_about(&self, field: &str) -> bool {
        self.param.as_deref() == Some(field)
    }

    /// What an error object says; also one that stands alone.
    pub(in crate::agents) fn of(error: &Value) -> Self {
        let message = error.get("message").or_else(|| error.get("detail"));
        Self {
            code: error.get("code").and_then(word),
            kind: error.get("type").and_then(word),
            param: error.get("param").and_then(word),
            message: message.map(text_of).unwrap_or_default().to_lowercase(),
        }
    }

    /// What an error event of a stream says: its `type` is the event's.
    pub(in crate::agents) fn of_event(event: &Value) -> Self {
        Self { kind: None, ..Self::of(event) }
    }

    /// The failure of a run that failed by itself.
    pub(in crate::agents) fn of_run(&self) -> AgentFailureKind {
        if self.says(&["rate_limit_exceeded", "rate_limit_error"]) {
            AgentFailureKind::RateLimited
        } else if self.is_unknown_model() {
            AgentFailureKind::UnknownModel
        } else {
            AgentFailureKind::ServerError
        }
    }

    /// Whether code or type is one of these words.
    pub(in crate::agents) fn says(&self, words: &[&str]) -> bool {
        [&self.code, &self.kind]
            .into_iter()
            .flatten()
            .any(|own| words.iter().any(|word| own.eq_ignore_ascii_case(word)))
    }

    /// Whether it is the model that the server does not know.
    pub(in crate::agents) fn is_unknown_model(&self) -> bool {
        let names_another_field = self.param.as_ref().is_some_and(|param| param != "model");
        self.says(&UNKNOWN_MODEL_WORDS)
            || !names_another_field
                && self.message.contains("model")
                && UNKNOWN_MODEL_PHRASES.iter().any(|phrase| self.message.contains(phrase))
    }
}

/// The words of a message: text, or the list of mistakes that some frameworks put there (`[{"msg": "…"}]`).
fn text_of(message: &Value) -> String {
    match message {
        Value::String(text) => text.clone(),
        Value::Array(mistakes) => {
            let words = mistakes.iter().filter_map(|it| it.get("msg").unwrap_or(it).as_str());
            words.collect::<Vec<_>>().join("; ")
        }
        Value::Object(fields) => fields.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// The failure that a status other than 2xx stands for.
///
/// `with_attachments`: the request had files in it, so that a refusal of the request most likely means them. It is then
/// no fault of the agent's settings.
pub(in crate::agents) fn refused(
    status: u16,
    error: &ErrorObject,
    pause: Option<Duration>,
    with_attachments: bool,
) -> AgentEvent {
    let kind = match status {
        401 | 403 => AgentFailureKind::Unauthorized,
        400 if error.says(&UNAUTHORIZED_WORDS) => AgentFailureKind::Unauthorized,
        400 | 404 if error.is_unknown_model() => AgentFailureKind::UnknownModel,
        400 | 413 | 415 | 422 if with_attachments => AgentFailureKind::AttachmentRefused,
        429 => AgentFailureKind::RateLimited,
        500.. => AgentFailureKind::ServerError,
        // Redirects are followed within one origin only; what is left is a wrong address.
        _ => AgentFailureKind::BadRequest,
    };
    // A pause asked for counts where asking again makes sense (503 may carry one too).
    let retry_after = pause.filter(|_| kind.is_transient());
    AgentEvent::Failed { failure: AgentFailure { kind, retry_after }, detail: error.detail(Some(status)) }
}

/// The pause asked for by `Retry-After`: seconds, or a date (RFC 9110 §10.2.3), which counts from the answer's own
/// `Date` where it has one, since the server's clock is the one it was reckoned with. At most an hour.
pub(in crate::agents) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // What does not fit into a number is longer than the bound anyway.
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let from = date(headers, DATE).unwrap_or_else(|| UNIX_EPOCH + Duration::from_millis(now.as_millis()));
    Some(until.duration_since(from).unwrap_or_default().min(RETRY_AFTER_MAX))
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// A code as it may stand in a log: one word of plain letters, so that no sentence of anybody's gets there.
pub(in crate::agents) fn word(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    (!text.is_empty() && text.len() <= WORD_BYTES_MAX && text.bytes().all(plain)).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};
    use rstest::rstest;
    use serde_json::json;
    use switchboard_domain::outcome::AgentFailureKind as Kind;
    use switchboard_domain::time::Timestamp;
    use switchboard_ports::agent::AgentEvent;

    use super::{ErrorObject, refused, retry_after, word};

    #[rstest]
    #[case(
        401,
        r#"{"error":{"code":"invalid_api_key","message":"bad sk-1"}}"#,
        Kind::Unauthorized,
        "status 401, code invalid_api_key"
    )]
    #[case(403, "", Kind::Unauthorized, "status 403")]
    #[case(
        400,
        r#"{"error":{"message":"No connected db.","type":"no_db_connection","param":null,"code":"400"}}"#,
        Kind::Unauthorized,
        "status 400, code 400, type no_db_connection"
    )]
    #[case(
        404,
        r#"{"error":{"code":"model_not_found"}}"#,
        Kind::UnknownModel,
        "status 404, code model_not_found"
    )]
    #[case(
        404,
        r#"{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error"}}"#,
        Kind::UnknownModel,
        "status 404, type api_error"
    )]
    #[case(
        404,
        r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#,
        Kind::UnknownModel,
        "status 404, code 404, type NotFoundError"
    )]
    #[case(
        400,
        r#"{"error":{"message":"Invalid model name passed in model=x","code":"400"}}"#,
        Kind::UnknownModel,
        "status 400, code 400"
    )]
    #[case(404, "<html>not found: no such model page</html>", Kind::BadRequest, "status 404")]
    #[case(404, r#"{"detail":"Not Found"}"#, Kind::BadRequest, "status 404")]
    #[case(400, r#"{"error":{"message":"This model's maximum context length is 8192","code":"context_length_exceeded","type":"invalid_request_error"}}"#, Kind::BadRequest, "status 400, code context_length_exceeded, type invalid_request_error")]
    #[case(
        400,
        r#"{"error":{"message":"model file_1 not found","param":"file_id"}}"#,
        Kind::BadRequest,
        "status 400"
    )]
    #[case(400, r#"{"error":{"message":"x","code":"you wrote: hello"}}"#, Kind::BadRequest, "status 400")]
    #[case(413, "", Kind::BadRequest, "status 413")]
    #[case(422, r#"{"detail":[{"msg":"x"}]}"#, Kind::BadRequest, "status 422")]
    #[case(
        429,
        r#"{"error":{"code":"rate_limit_exceeded"}}"#,
        Kind::RateLimited,
        "status 429, code rate_limit_exceeded"
    )]
    #[case(500, "oops", Kind::ServerError, "status 500")]
    #[case(503, r#"{"error":"overloaded"}"#, Kind::ServerError, "status 503")]
    #[case(599, "[]", Kind::ServerError, "status 599")]
    #[case(302, "", Kind::BadRequest, "status 302")]
    fn each_refusal_has_its_kind_and_quotes_no_message(
        #[case] status: u16,
        #[case] body: &str,
        #[case] kind: Kind,
        #[case] expected: &str,
    ) {
        let event = refused(status, &ErrorObject::read(body.as_bytes()), Some(Duration::from_secs(5)), false);
        let AgentEvent::Failed { failure, detail } = event else { panic!("{event:?}") };
        assert_eq!((failure.kind, detail.as_str()), (kind, expected));
        assert_eq!(failure.retry_after.is_some(), kind.is_transient());
    }

    #[rstest]
    #[case("7", None, Some(7))]
    #[case(" 0 ", None, Some(0))]
    #[case("86400", None, Some(3600))]
    #[case("99999999999999999999999", None, Some(3600))]
    #[case("-1", None, None)]
    #[case("soon", None, None)]
    #[case("", None, None)]
    #[case("Sun, 06 Nov 1994 08:49:37 GMT", None, Some(37))]
    #[case("Sunday, 06-Nov-94 08:49:37 GMT", None, Some(37))]
    #[case("Sun, 06 Nov 1994 08:48:37 GMT", None, Some(0))]
    #[case("Sun, 06 Nov 1994 08:49:37 GMT", Some("Sun, 06 Nov 1994 08:49:30 GMT"), Some(7))]
    #[case("Mon, 07 Nov 1994 08:49:37 GMT", None, Some(3600))]
    fn a_pause_is_seconds_or_a_date(
        #[case] value: &str,
        #[case] date: Option<&str>,
        #[case] expected_s: Option<u64>,
    ) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        // Sun, 06 Nov 1994 08:49:00 GMT.
        let now = Timestamp::from_millis(784_111_740_000);
        assert_eq!(retry_after(&headers, now), expected_s.map(Duration::from_secs));
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn only_a_plain_word_is_kept_of_a_code() {
        assert_eq!(word(&json!("invalid_request_error")).as_deref(), Some("invalid_request_error"));
        assert_eq!(word(&json!(42)).as_deref(), Some("42"));
        for value in [json!("a b"), json!("你好"), json!("x".repeat(65)), json!(""), json!(null), json!({})]
        {
            assert_eq!(word(&value), None);
        }
    }
}
