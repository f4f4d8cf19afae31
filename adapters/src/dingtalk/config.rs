//! A DingTalk channel's settings: what is allowed, what is assumed (contract, "Channel").

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use switchboard_domain::secret::Secret;
use switchboard_domain::usage::{Pace, QuotaRules};
use switchboard_ports::provider::FieldError;
use url::Url;

use super::config_reader::Reader;
use super::fields::FIELDS;
use crate::net::downloads::Reach;

/// JSON pointers of secret settings.
pub(super) const SECRET_FIELDS: &[&str] = &[CLIENT_SECRET];

/// JSON pointers of settings whose change needs a new connection: with a template of one's own, presses on cards are
/// subscribed to as well.
pub(super) const CONNECTION_FIELDS: &[&str] = &[
    "/client_id",
    CLIENT_SECRET,
    "/api_base_url",
    "/oapi_base_url",
    "/ai_card/enabled",
    "/ai_card/template_id",
];

/// JSON pointers of settings that together name the bot: an app, and the platform it lives on. Each connection with the same
/// app gets a share of its messages, redeliveries included (dingtalk §2).
pub(super) const IDENTITY_FIELDS: &[&str] = &["/client_id", "/api_base_url"];

/// The public template that any app may use (dingtalk §6.7); its text is in `msgContent`, `flowStatus` drives it.
pub(super) const PUBLIC_TEMPLATE: &str = "02fcf2f4-5e02-4a85-b672-46d1f715543e.schema";

/// Public templates that are driven like [`PUBLIC_TEMPLATE`] (dingtalk §6.7): the one of the platform's own SDK.
pub(super) const STATUS_TEMPLATES: [&str; 2] =
    [PUBLIC_TEMPLATE, "382e4302-551d-4880-bf29-a30acfab2e71.schema"];

/// A public template that is only streamed, and its variable (dingtalk §6.7).
pub(super) const STREAMED_TEMPLATE: (&str, &str) = ("675cde2f-f526-40cb-b828-f5b2b57b8b77.schema", "content");

pub(super) const CLIENT_SECRET: &str = "/client_secret";
pub(super) const TEMPLATE_ID: &str = "/ai_card/template_id";
pub(super) const CONTENT_KEY: &str = "/ai_card/content_key";
pub(super) const STOP_KEY: &str = "/ai_card/stop_key";
pub(super) const QUOTA_CALLS: &str = "/quota/calls_per_month";
pub(super) const QUOTA_SAVER: &str = "/quota/saver";
/// The pace follows from the quota.
pub(super) const SAVER_AUTO: &str = "auto";
/// The standard edition's limit per app and API (dingtalk §9.2).
pub(super) const CALLS_PER_SECOND: u32 = 20;
/// The variable that we fill for the card's layout (dingtalk §6.4).
const LAYOUT_KEY: &str = "config";

/// A channel's settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// `AppKey`; for an app of the company's own also the robot's code (dingtalk §0).
    pub(super) client_id: String,
    /// `AppSecret`.
    pub(super) client_secret: Secret,
    /// How answers are shown.
    pub(super) card: CardSettings,
    /// Calls per second and API; 0: no limit of ours.
    pub(super) calls_per_second: u32,
    /// What is known of the company's monthly quota.
    pub(super) quota: QuotaRules,
    /// Base address of the new API, without a slash at its end.
    pub(super) api_base: String,
    /// Base address of the legacy API and of session webhooks, without a slash at its end.
    pub(super) oapi_base: String,
}

/// How answers are shown in cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CardSettings {
    /// Whether cards are used at all.
    pub(super) enabled: bool,
    /// The template's id.
    pub(super) template: String,
    /// The variable that holds the text, as the operator named it.
    pub(super) content_key: String,
    /// Pause between two updates.
    pub(super) update_interval: Duration,
    /// The stop button; `None` where the template has none for certain: without cards, and on the public template.
    pub(super) stop: Option<StopButton>,
}

/// The stop button of a template of the operator's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StopButton {
    /// The variable that shows the button: `"true"` while the answer is written, then `"false"`.
    pub(super) key: Option<String>,
    /// Which action of the card means "stop".
    pub(super) action: String,
}

/// Checks settings and fills in defaults. `secrets_set` holds the pointers of secrets that are there.
pub(super) fn check(config: &Value, secrets_set: &[String]) -> Result<Value, Vec<FieldError>> {
    let (mut reader, read) = Reader::read(config, FIELDS, secrets_set);
    check_stop_key(&mut reader, &read);
    let errors = reader.errors();
    if errors.is_empty() { Ok(read) } else { Err(errors) }
}

fn check_stop_key(reader: &mut Reader<'_>, read: &Value) {
    let text = |pointer: &str| read.pointer(pointer).and_then(Value::as_str);
    let Some(key) = text(STOP_KEY) else { return };
    if !reader.value(TEMPLATE_ID).is_some_and(|id| id != PUBLIC_TEMPLATE) {
        reader.refuse(STOP_KEY, "needs a template of your own in template_id: the public one has no button");
    } else if text(CONTENT_KEY) == Some(key) {
        reader.refuse(STOP_KEY, "must be another variable than content_key");
    } else if key == LAYOUT_KEY {
        reader.refuse(STOP_KEY, "must not be \"config\", the variable of the card's layout");
    }
}

/// The pace of this name; none for the pace that follows from the quota.
fn pace_named(name: &str) -> Option<Pace> {
    Pace::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, pace)| pace)
}

impl Settings {
    /// The settings of a stored channel, checked once more: the store is not trusted to be of this version.
    pub(super) fn of(config: &Value, secrets: &BTreeMap<String, Secret>) -> Result<Self, Vec<FieldError>> {
        let secrets_set: Vec<String> = secrets.keys().cloned().collect();
        let config = check(config, &secrets_set)?;
        let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let number = |pointer: &str| config.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
        let enabled = config.pointer("/ai_card/enabled").and_then(Value::as_bool).unwrap_or_default();
        let template = text("/ai_card/template_id").unwrap_or_else(|| PUBLIC_TEMPLATE.to_owned());
        let stop = (enabled && template != PUBLIC_TEMPLATE).then(|| StopButton {
            key: text("/ai_card/stop_key"),
            action: text("/ai_card/stop_action").unwrap_or_default(),
        });
        let card = CardSettings {
            enabled,
            template,
            stop,
            content_key: text("/ai_card/content_key").unwrap_or_default(),
            update_interval: Duration::from_millis(number("/ai_card/update_interval_ms")),
        };
        Ok(Self {
            client_id: text("/client_id").unwrap_or_default(),
            client_secret: secrets.get(CLIENT_SECRET).cloned().unwrap_or_default(),
            card,
            quota: QuotaRules {
                calls_per_month: Some(number(QUOTA_CALLS)).filter(|calls| *calls > 0),
                pace: text(QUOTA_SAVER).and_then(|name| pace_named(&name)),
            },
            calls_per_second: u32::try_from(number("/calls_per_second")).unwrap_or(CALLS_PER_SECOND),
            api_base: text("/api_base_url").unwrap_or_default(),
            oapi_base: text("/oapi_base_url").unwrap_or_default(),
        })
    }

    /// Where files of messages and images of answers may come from: the widest that either address of the platform allows.
    pub(super) fn reach(&self) -> Reach {
        let bases = [&self.api_base, &self.oapi_base];
        let reaches =
            bases.into_iter().filter_map(|base| Url::parse(base).ok()).map(|base| Reach::of_platform(&base));
        reaches.fold(Reach::Public, |widest, reach| match (widest, reach) {
            (widest @ Reach::Anywhere { plain: true }, _) | (widest, Reach::Public) => widest,
            (_, reach @ Reach::Anywhere { .. }) => reach,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;
    use serde_json::{Value, json};
    use switchboard_domain::secret::Secret;

    use super::{PUBLIC_TEMPLATE, Settings, check};

    fn secrets() -> Vec<String> {
        vec!["/client_secret".to_owned()]
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let expected = json!({
            "client_id": "dingxxx",
            "ai_card": {"enabled": true, "template_id": null, "content_key": "content", "update_interval_ms": 800,
                "stop_key": null, "stop_action": "stop"},
            "calls_per_second": 20,
            "quota": {"calls_per_month": 0, "saver": "auto"},
            "api_base_url": "https://api.dingtalk.com", "oapi_base_url": "https://oapi.dingtalk.com",
        });
        assert_eq!(check(&json!({"client_id": "dingxxx"}), &secrets()), Ok(expected.clone()));
        assert_eq!(check(&expected, &secrets()), Ok(expected));
    }

    #[test]
    fn null_clears_what_may_be_empty() {
        let config =
            json!({"client_id": "d", "ai_card": null, "calls_per_second": null, "api_base_url": null});
        assert_eq!(check(&config, &secrets()).unwrap()["calls_per_second"], 20);
    }

    #[rstest]
    #[case(json!({}), "/client_id")]
    #[case(json!({"client_id": ""}), "/client_id")]
    #[case(json!({"client_id": "a b"}), "/client_id")]
    #[case(json!({"client_id": 7}), "/client_id")]
    #[case(json!({"client_id": "x".repeat(201)}), "/client_id")]
    #[case(json!({"client_id": "d", "colour": 1}), "/colour")]
    #[case(json!({"client_id": "d", "a/b~c": 1}), "/a~1b~0c")]
    #[case(json!({"client_id": "d", "client_secret": "s"}), "/client_secret")]
    #[case(json!({"client_id": "d", "ai_card": true}), "/ai_card")]
    #[case(json!({"client_id": "d", "ai_card": {"enabled": "yes"}}), "/ai_card/enabled")]
    #[case(json!({"client_id": "d", "ai_card": {"template_id": ""}}), "/ai_card/template_id")]
    #[case(json!({"client_id": "d", "ai_card": {"content_key": "x".repeat(101)}}), "/ai_card/content_key")]
    #[case(json!({"client_id": "d", "quota": {"saver": "often"}}), "/quota/saver")]
    #[case(json!({"client_id": "d", "quota": {"calls_per_month": -1}}), "/quota/calls_per_month")]
    #[case(json!({"client_id": "d", "ai_card": {"update_interval_ms": 1}}), "/ai_card/update_interval_ms")]
    #[case(json!({"client_id": "d", "ai_card": {"update_interval_ms": 800.5}}), "/ai_card/update_interval_ms")]
    #[case(json!({"client_id": "d", "ai_card": {"speed": 1}}), "/ai_card/speed")]
    #[case(json!({"client_id": "d", "ai_card": {"stop_key": "s"}}), "/ai_card/stop_key")]
    #[case(json!({"client_id": "d", "ai_card": {"stop_key": "s", "template_id": PUBLIC_TEMPLATE}}), "/ai_card/stop_key")]
    #[case(json!({"client_id": "d", "ai_card": {"stop_key": "content", "template_id": "t"}}), "/ai_card/stop_key")]
    #[case(json!({"client_id": "d", "ai_card": {"stop_key": "a", "content_key": "a", "template_id": "t"}}), "/ai_card/stop_key")]
    #[case(json!({"client_id": "d", "ai_card": {"stop_key": "config", "template_id": "t"}}), "/ai_card/stop_key")]
    #[case(json!({"client_id": "d", "ai_card": {"stop_key": "a b", "template_id": "t"}}), "/ai_card/stop_key")]
    #[case(json!({"client_id": "d", "ai_card": {"stop_key": true, "template_id": "t"}}), "/ai_card/stop_key")]
    #[case(json!({"client_id": "d", "ai_card": {"stop_action": ""}}), "/ai_card/stop_action")]
    #[case(json!({"client_id": "d", "calls_per_second": -1}), "/calls_per_second")]
    #[case(json!({"client_id": "d", "calls_per_second": 1001}), "/calls_per_second")]
    #[case(json!({"client_id": "d", "api_base_url": "ftp://x"}), "/api_base_url")]
    #[case(json!({"client_id": "d", "oapi_base_url": "https://u:p@x"}), "/oapi_base_url")]
    #[case(json!({"client_id": "d", "oapi_base_url": "https://x?session=1"}), "/oapi_base_url")]
    #[case(json!([]), "")]
    #[case(json!(null), "")]
    fn a_bad_field_is_named_by_its_pointer(#[case] config: Value, #[case] pointer: &str) {
        let errors = check(&config, &secrets()).unwrap_err();
        assert_eq!(errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(), [pointer]);
    }

    #[test]
    fn all_bad_fields_are_named_at_once() {
        let config = json!({"x": 1, "ai_card": {"enabled": 1, "y": 2}, "calls_per_second": "20"});
        let errors = check(&config, &[]).unwrap_err();
        let mut pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(
            pointers,
            ["/ai_card/enabled", "/ai_card/y", "/calls_per_second", "/client_id", "/client_secret", "/x"]
        );
    }

    #[test]
    fn stored_settings_are_read_with_their_secret() {
        let stored = json!({"client_id": "d", "oapi_base_url": "http://127.0.0.1:9/x/"});
        let settings = Settings::of(&stored, &secret()).unwrap();
        assert_eq!(settings.client_secret.expose(), "s");
        assert_eq!(settings.oapi_base, "http://127.0.0.1:9/x");
        assert_eq!(settings.card.template, PUBLIC_TEMPLATE);
        assert_eq!(settings.card.update_interval.as_millis(), 800);
        assert_eq!(settings.card.stop, None, "the public template has no button");
    }

    #[rstest]
    #[case(json!({"template_id": "t"}), Some((None, "stop")))]
    #[case(json!({"template_id": "t", "stop_key": "canStop", "stop_action": "halt"}), Some((Some("canStop"), "halt")))]
    #[case(json!({"template_id": "t", "enabled": false}), None)]
    #[case(json!({"template_id": PUBLIC_TEMPLATE}), None)]
    fn a_template_of_ones_own_may_have_a_stop_button(
        #[case] card: Value,
        #[case] expected: Option<(Option<&str>, &str)>,
    ) {
        let settings = Settings::of(&json!({"client_id": "d", "ai_card": card}), &secret()).unwrap();
        let stop = settings.card.stop;
        let stop = stop.as_ref().map(|stop| (stop.key.as_deref(), stop.action.as_str()));
        assert_eq!(stop, expected);
    }

    fn secret() -> BTreeMap<String, Secret> {
        [("/client_secret".to_owned(), Secret::new("s"))].into()
    }
}
