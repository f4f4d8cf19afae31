//! Plain messages: by session webhook or by the robot API, each tried once (R10, R13; dingtalk §4).

use serde_json::{Value, json};
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::message::{ChatKind, Target};
use switchboard_domain::outbound::Format;
use switchboard_domain::reply::{PartOutcome, Way};
use switchboard_ports::provider::{Came, PartRequest};
use tokio::time::Instant;
use url::Url;

use super::api::Api;
use super::card::message_key;
use super::classify::{Failure, Verdict};
use super::codes::SECOND_PAUSE;
use super::http::Request;
use super::markdown::for_message;
use super::platform::Platform;
use super::text::{clean, title};
use crate::net::same_origin;

/// Longest plain message, in characters: longer Markdown stops rendering (dingtalk §4.5).
pub(super) const PART_CHARS_MAX: usize = 3_500;

/// Longest plain message, in bytes. `msgParam`, which holds text and title as JSON in a text, takes 15,000
/// (dingtalk §4.3); what JSON adds (two bytes for a line break or a quote) fits beside [`PART_CHARS_MAX`] short characters.
pub(super) const PART_BYTES_MAX: usize = 14_000;

/// Most characters of a message once its Markdown is adapted: what other clients of the platform send (dingtalk §4.5).
const ADAPTED_CHARS_MAX: usize = 3_800;

/// Longest `msgParam`, in bytes (dingtalk §4.3). Webhooks take more.
const PARAMETERS_BYTES_MAX: usize = 15_000;

/// Hosts that session webhooks may be on, with their subdomains, besides the configured one.
const WEBHOOK_HOSTS: [&str; 2] = ["dingtalk.com", "dingtalk.io"];

impl Platform {
    /// Sends one plain message by one way, once.
    pub(super) async fn send_part(&self, request: &PartRequest, deadline: Instant) -> Came<PartOutcome> {
        let cleaned = clean(&request.text);
        if cleaned.trim().is_empty() {
            return PartOutcome::Refused(ErrorCode::Misconfigured).into();
        }
        let content = Content::of(cleaned, request.format);
        let result = match request.way {
            Way::SessionAddress => self.post_to_session(&request.target, &content, deadline).await,
            Way::Api => self.send_by_robot(&request.target, &content, deadline).await,
        };
        match result {
            Ok(key) => Came { key, ..Came::from(PartOutcome::Sent) },
            Err(failure) => failure.came(failure.part_outcome()),
        }
    }

    /// Such a message has no name (dingtalk §8).
    async fn post_to_session(
        &self,
        target: &Target,
        content: &Content,
        deadline: Instant,
    ) -> Result<Option<String>, Failure> {
        let address = target.session_address.as_ref().ok_or_else(|| misfit("no session webhook"))?;
        let url = Url::parse(address.url.expose()).ok().filter(|url| self.may_post_to(url));
        let url = url.ok_or_else(|| misfit("a session webhook that is not the platform's"))?;
        let body = content.for_session();
        let request = Request { api: Api::SessionWebhook, url: url.as_str(), token: None, body: &body };
        let answer = self.exchange(request, deadline).await.map_err(without_token)?;
        // A success says so; an answer without a verdict proves nothing (dingtalk §4.1).
        if answer.get("errcode").is_none() {
            return Err(Failure::new(
                Verdict::Unclear(ErrorCode::PlatformError),
                "an answer without an errcode",
            ));
        }
        Ok(None)
    }

    /// Answers are posted to the configured legacy API or to the platform's own hosts, nowhere else, whatever a
    /// message says.
    fn may_post_to(&self, url: &Url) -> bool {
        let configured = Url::parse(&self.settings.oapi_base).is_ok_and(|base| same_origin(&base, url));
        let own = url.scheme() == "https"
            && url.port_or_known_default() == Some(443)
            && url.domain().is_some_and(is_platform_host);
        url.username().is_empty() && url.password().is_none() && (configured || own)
    }

    async fn send_by_robot(
        &self,
        target: &Target,
        content: &Content,
        deadline: Instant,
    ) -> Result<Option<String>, Failure> {
        let (key, parameters) = content.for_robot();
        let robot_code = &self.settings.client_id;
        match target.chat.kind {
            ChatKind::Group => {
                let body = json!({
                    "robotCode": robot_code, "openConversationId": target.chat.id,
                    "msgKey": key, "msgParam": parameters,
                });
                self.call(Api::GroupSend, &body, deadline).await.map(|answer| query_key(&answer))
            }
            ChatKind::Private => {
                let person = target.im_user_id.as_deref().ok_or_else(|| misfit("no staff id"))?;
                let body = json!({
                    "robotCode": robot_code, "userIds": [person],
                    "msgKey": key, "msgParam": parameters,
                });
                let answer = self.call(Api::PrivateSend, &body, deadline).await?;
                // A limit of one person's messages holds nobody else's: the reply alone waits.
                reached(&answer)?;
                Ok(query_key(&answer))
            }
        }
    }
}

/// What a plain message says, in the platform's own terms (dingtalk §4.1, §4.3).
enum Content {
    /// Adapted to what its clients render.
    Markdown(String),
    /// Shown as it stands.
    Text(String),
}

impl Content {
    fn of(text: String, format: Format) -> Self {
        match format {
            Format::Markdown => Self::Markdown(adapted(&text)),
            Format::Text => Self::Text(text),
        }
    }

    fn for_session(&self) -> Value {
        match self {
            Self::Markdown(text) => {
                json!({"msgtype": "markdown", "markdown": {"title": title(text), "text": text}})
            }
            Self::Text(text) => json!({"msgtype": "text", "text": {"content": text}}),
        }
    }

    /// The kind of message, and its parameters as a JSON text.
    fn for_robot(&self) -> (&'static str, String) {
        match self {
            Self::Markdown(text) => ("sampleMarkdown", parameters(text)),
            Self::Text(text) => ("sampleText", json!({"content": text}).to_string()),
        }
    }
}

/// What the platform calls the message (dingtalk §4.2, §4.3).
fn query_key(answer: &Value) -> Option<String> {
    message_key(answer.get("processQueryKey"))
}

fn parameters(text: &str) -> String {
    json!({"title": title(text), "text": text}).to_string()
}

/// The text as plain messages show it, never longer than the platform takes.
fn adapted(text: &str) -> String {
    let fits = |adapted: &str| {
        adapted.chars().count() <= ADAPTED_CHARS_MAX && parameters(adapted).len() <= PARAMETERS_BYTES_MAX
    };
    let adapted = for_message(text, fits);
    if adapted.trim().is_empty() { text.to_owned() } else { adapted }
}

/// HTTP 200 does not mean delivered: people who were not reached stand in lists (dingtalk §4.2).
fn reached(answer: &Value) -> Result<(), Failure> {
    let names = |list: &str| answer.get(list).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if names("flowControlledStaffIdList") {
        return Err(Failure::new(
            Verdict::Throttled { retry_after: SECOND_PAUSE },
            "the person's messages are limited",
        ));
    }
    if names("invalidStaffIdList") || names("filteredStaffIdList") {
        return Err(misfit("the platform does not reach this person"));
    }
    Ok(())
}

/// No token went with a webhook call: what speaks of one means the address.
fn without_token(failure: Failure) -> Failure {
    if failure.verdict == Verdict::TokenRejected { misfit(&failure.detail) } else { failure }
}

fn misfit(detail: &str) -> Failure {
    Failure::new(Verdict::Refused(ErrorCode::Misconfigured), detail)
}

fn is_platform_host(domain: &str) -> bool {
    WEBHOOK_HOSTS.iter().any(|host| {
        domain.strip_suffix(host).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::{
        ADAPTED_CHARS_MAX, PARAMETERS_BYTES_MAX, PART_BYTES_MAX, PART_CHARS_MAX, adapted, clean,
        is_platform_host, parameters, title,
    };

    #[rstest]
    #[case("oapi.dingtalk.com", true)]
    #[case("dingtalk.com", true)]
    #[case("oapi.dingtalk.io", true)]
    #[case("evildingtalk.com", false)]
    #[case("dingtalk.com.evil.org", false)]
    #[case("", false)]
    fn only_the_platforms_hosts_are_its_hosts(#[case] domain: &str, #[case] expected: bool) {
        assert_eq!(is_platform_host(domain), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_part_becomes_too_long_by_being_adapted(
            bit in proptest::sample::select(vec![
                "a\n", "<x>", "<a ", "\"\n", "|a|b|\n|-|-|\n", "- a\n", "你\n", "😀", "[a][b] ", "`", "\\", "# a\n", "> a\n",
            ]),
            beside in proptest::sample::select(vec!["", "\n[b]: https://example.org/long/address\n", "word ", "\n"]),
        ) {
            let mut text = String::new();
            while text.chars().count() < PART_CHARS_MAX && text.len() < PART_BYTES_MAX {
                text.push_str(bit);
                if text.len().is_multiple_of(7) {
                    text.push_str(beside);
                }
            }
            while text.chars().count() > PART_CHARS_MAX || text.len() > PART_BYTES_MAX {
                text.pop();
            }
            let adapted = adapted(&text);
            prop_assert!(parameters(&adapted).len() <= PARAMETERS_BYTES_MAX);
            prop_assert!(adapted.chars().count() <= ADAPTED_CHARS_MAX);
        }

        #[test]
        fn a_part_within_the_limits_fits_the_platforms(c in proptest::sample::select(vec![
            '\n', '"', '\\', '你', '😀', 'a', '\u{1}', '\t',
        ])) {
            let mut text: String = std::iter::repeat_n(c, PART_CHARS_MAX).collect();
            while text.len() > PART_BYTES_MAX {
                text.pop();
            }
            let text = clean(&text);
            let param = json!({"title": title(&text), "text": text}).to_string();
            prop_assert!(param.len() <= 15_000);
        }
    }
}
