//! What the settings of a Wegent agent must be.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value};
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::{AgentEvent, AgentUser};
use switchboard_ports::agents::{AgentConfig, AgentMode};
use switchboard_ports::clock::Clock;
use url::Url;

use super::super::http::failure::failed;
use super::super::http::settings::{FieldError, Rules, Settings, at, bearer, header_pointer};
use super::super::template::{Template, sensitive};
use super::task::is_identity;

/// Says for whom a request is made, with a service key.
pub(super) const IDENTITY_HEADER: HeaderName = HeaderName::from_static("wegent-username");

/// Carries a key; its values begin with [`KEY_PREFIX`], others are ignored by Wegent.
const KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");

/// What Wegent's own keys begin with.
const KEY_PREFIX: &str = "wg-";

const RULES: Rules = Rules {
    path: &["responses"],
    reserved_fields: &[
        ("input", "is made from the question and cannot be set"),
        ("previous_response_id", "is made from the conversation and cannot be set"),
        ("attachment_ids", "is made from what came with the question and cannot be set"),
        ("model", "is set by the agent's own field \"model\""),
        ("stream", "is set by the agent's own fields \"mode\" and \"stream\""),
    ],
    key,
    has_modes: true,
};

fn key(key: &str) -> (HeaderName, String) {
    if key.starts_with(KEY_PREFIX) { (KEY_HEADER, key.to_owned()) } else { bearer(key) }
}

/// Settings, read and checked. No `Debug`: they hold the key.
pub(super) struct WegentSettings {
    pub(super) http: Settings,
    /// The base of the API: `https://host/api/v1`.
    base: Url,
    host: String,
    /// Whom requests are made for, where that is said.
    identity: Option<Template>,
    /// `namespace#team`.
    team: String,
    /// The model of the team unless a request names one.
    model: Option<String>,
    mode: AgentMode,
}

impl WegentSettings {
    pub(super) fn read(config: &AgentConfig, clock: &Arc<dyn Clock>) -> Result<Self, FieldError> {
        let base = base(&config.base_url)?;
        let mut http =
            Settings::read(&AgentConfig { base_url: base.to_string(), ..config.clone() }, &RULES, clock)?;
        if http.system_prompt.is_some() {
            return Err(at(
                "/system_prompt",
                "has no effect on Wegent, whose teams have their own; clear it",
            ));
        }
        if config.identity.metadata {
            return Err(at("/identity/metadata", "has no effect on Wegent; use identity.token or headers"));
        }
        if config.mode == AgentMode::Stream && !config.stream {
            return Err(at("/stream", "must be true where mode is \"stream\""));
        }
        let (team, model) = model_parts(config.model.as_deref().unwrap_or_default())?;
        let place = http.headers.iter().position(|(name, _)| *name == IDENTITY_HEADER);
        let identity = place.map(|place| http.headers.swap_remove(place).1);
        if let Some(template) = identity.as_ref().filter(|template| !template.names_user()) {
            // Known now already: everybody is this one.
            let nobody = AgentUser::tester();
            if !is_identity(&template.text(&nobody)) {
                let message =
                    "must consist of letters, digits, - and _ (128 at most), as Wegent asks of user names";
                return Err(at(&header_pointer(config, &IDENTITY_HEADER), message));
            }
        }
        let host = base.origin().ascii_serialization();
        Ok(Self { http, base, host, identity, team, model, mode: config.mode })
    }

    /// The server that limits count for.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether answers are never streamed.
    pub(super) fn polls(&self) -> bool {
        self.mode == AgentMode::Poll || !self.http.stream
    }

    /// Whether a team that cannot stream is asked for its answers instead.
    pub(super) fn may_turn_to_polling(&self) -> bool {
        self.mode == AgentMode::Auto
    }

    pub(super) const fn life(&self) -> Duration {
        self.http.life
    }

    pub(super) const fn extra_body(&self) -> &Map<String, Value> {
        &self.http.extra_body
    }

    /// An address below the API's base.
    pub(super) fn address(&self, parts: &[&str]) -> Option<Url> {
        let mut url = self.base.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend(parts);
        Some(url)
    }

    /// `namespace#team`, with the model that the chat or the agent chose.
    ///
    /// # Errors
    /// The chosen model cannot be named: `#` stands between the parts.
    pub(super) fn model(&self, chosen: Option<&str>) -> Result<String, AgentEvent> {
        match chosen.or(self.model.as_deref()) {
            Some(model) if model.contains('#') || model.trim().is_empty() => {
                let detail = "the chosen model is not the id of one: it is empty or has a # in it";
                Err(failed(AgentFailureKind::UnknownModel, detail.to_owned()))
            }
            Some(model) => Ok(format!("{}#{model}", self.team)),
            None => Ok(self.team.clone()),
        }
    }

    /// Whether requests are made for whoever asks. With a service key Wegent makes a user of each name it does not know.
    pub(super) fn names_user(&self) -> bool {
        self.identity.as_ref().is_some_and(Template::names_user)
    }

    /// Whom a user's requests are made for. A test is nobody's: with a personal key, which names its owner, that is as good,
    /// and with a service key Wegent says that it wants a name.
    ///
    /// # Errors
    /// Wegent takes no such name.
    pub(super) fn identity(&self, user: &AgentUser) -> Result<Option<String>, AgentEvent> {
        let Some(template) = &self.identity else {
            return Ok(None);
        };
        if user.is_tester() && template.names_user() {
            return Ok(None);
        }
        let identity = template.text(user);
        if is_identity(&identity) {
            return Ok(Some(identity));
        }
        let detail =
            "wegent-username would have other characters than letters, digits, - and _, or be too long";
        Err(failed(AgentFailureKind::UserNameRefused, detail.to_owned()))
    }

    /// Whether a turn goes on in a task of this identity, and is asked as it. Where the identity differs from one user to the
    /// next, whoever began the task counts; else the settings, which may have changed since.
    pub(super) fn goes_on_as(&self, of_task: Option<&str>, own: Option<&str>) -> bool {
        if self.names_user() { of_task.is_some() } else { of_task == own }
    }
}

/// A header's value for a name that was checked.
pub(super) fn identity_value(identity: &str) -> Option<HeaderValue> {
    sensitive(identity)
}

/// The base of the API out of what people write: the host, with or without `/api` or `/api/v1`, behind any prefix.
fn base(base_url: &str) -> Result<Url, FieldError> {
    // What is wrong with it otherwise is said where all kinds of agents are checked.
    let Ok(mut url) = Url::parse(base_url) else {
        return Err(at("/base_url", "must be an address like https://host or https://host/api/v1"));
    };
    let path = url.path().trim_end_matches('/').to_owned();
    let path = match path.rsplit('/').next() {
        Some("v1" | "responses") => path,
        Some("api") => format!("{path}/v1"),
        Some(_) | None => format!("{path}/api/v1"),
    };
    url.set_path(&path);
    Ok(url)
}

/// `namespace#team` and the model out of `namespace#team#model`.
fn model_parts(text: &str) -> Result<(String, Option<String>), FieldError> {
    const SHAPE: &str = "must be \"namespace#team\" or \"namespace#team#model\", as Wegent names its teams";
    let mut parts = text.split('#');
    let sound = |part: &&str| !part.trim().is_empty() && part.trim() == *part;
    let mut next = || parts.next().filter(sound);
    let (Some(namespace), Some(team)) = (next(), next()) else {
        return Err(at("/model", SHAPE));
    };
    match text.split('#').nth(2) {
        None => Ok((format!("{namespace}#{team}"), None)),
        Some(model) if sound(&model) && text.split('#').count() == 3 => {
            Ok((format!("{namespace}#{team}"), Some(model.to_owned())))
        }
        Some(_) => Err(at("/model", SHAPE)),
    }
}
