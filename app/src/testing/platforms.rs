//! A platform with a secret, and agents that behave as their model's name says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use serde_json::{Value, json};
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind};
use switchboard_ports::agent::{Agent, AgentEvent, AgentKind, KindForm, RunRequest};
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::config_field::{ConfigField, ConfigKind};
use switchboard_ports::form::Words;
use switchboard_ports::provider::{Description, FieldError, Link, Meter, Provider};

use crate::http::dto::agent_input::Kinds;
use crate::http::dto::channel_input::Providers;

/// The platforms of tests.
pub(crate) fn providers() -> Providers {
    let provider: Arc<dyn Provider> = Arc::new(FakeProvider);
    [("dingtalk", provider)].into()
}

/// The kinds of agents of tests.
pub(crate) fn kinds() -> Kinds {
    let echo: Arc<dyn AgentKind> = Arc::new(FakeKind { kind: "echo", needs_base_url: false });
    let chat: Arc<dyn AgentKind> = Arc::new(FakeKind { kind: "openai-chat", needs_base_url: true });
    [("echo", echo), ("openai-chat", chat)].into()
}

const GUIDE: &[Words] = &[Words::new("Make an application.", "创建应用。")];

const FIELDS: &[ConfigField] = &[
    ConfigField {
        pointer: "/client_id",
        kind: ConfigKind::Word { chars_max: 200, default: None },
        required: true,
        label: Words::same("Client ID"),
        help: Words::new("The app's id.", "应用的 ID。"),
        advanced: false,
    },
    ConfigField {
        pointer: "/client_secret",
        kind: ConfigKind::Secret,
        required: true,
        label: Words::same("Client Secret"),
        help: Words::new("The app's secret.", "应用的密钥。"),
        advanced: false,
    },
    ConfigField {
        pointer: "/calls_per_second",
        kind: ConfigKind::Number { min: 0, max: 1_000, default: 20 },
        required: false,
        label: Words::new("Calls per second", "每秒调用次数"),
        help: Words::new("0: no limit of ours.", "0 表示不限制。"),
        advanced: true,
    },
];

/// Takes `client_id`, `client_secret` (secret) and `calls_per_second`.
struct FakeProvider;

impl Provider for FakeProvider {
    fn description(&self) -> Description {
        Description {
            platform: "dingtalk",
            title: Words::new("DingTalk", "钉钉"),
            guide: GUIDE,
            exclusive: false,
            everywhere: false,
            hears_all: false,
            config_fields: FIELDS,
            secret_fields: &["/client_secret"],
            connection_fields: &["/client_id", "/client_secret"],
            identity_fields: &["/client_id"],
            quota: None,
        }
    }

    fn check_config(&self, config: &Value, secrets_set: &[String]) -> Result<Value, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut wrong = |pointer: &str, message: &str| {
            errors.push(FieldError { pointer: pointer.to_owned(), message: message.to_owned() });
        };
        if config["client_id"].as_str().is_none_or(str::is_empty) {
            wrong("/client_id", "is required");
        }
        if !secrets_set.iter().any(|pointer| pointer == "/client_secret") {
            wrong("/client_secret", "is required");
        }
        let rate = config.get("calls_per_second").cloned().unwrap_or(json!(20));
        if !rate.is_u64() {
            wrong("/calls_per_second", "must be a whole number");
        }
        for key in config.as_object().unwrap().keys() {
            if key != "client_id" && key != "calls_per_second" {
                wrong(&format!("/{key}"), "is unknown");
            }
        }
        if errors.is_empty() {
            return Ok(json!({"client_id": config["client_id"], "calls_per_second": rate}));
        }
        Err(errors)
    }

    fn link(&self, _channel: &Channel, _meter: Arc<dyn Meter>) -> Result<Arc<dyn Link>, Vec<FieldError>> {
        panic!("the shell asks the driver")
    }
}

struct FakeKind {
    kind: &'static str,
    needs_base_url: bool,
}

impl AgentKind for FakeKind {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn needs_base_url(&self) -> bool {
        self.needs_base_url
    }

    fn form(&self) -> KindForm {
        KindForm {
            title: Words::same(self.kind),
            about: Words::same("Says what it is told to."),
            fields: &[],
        }
    }

    fn build(&self, config: &AgentConfig) -> Result<Arc<dyn Agent>, (String, String)> {
        if config.headers.contains_key("Host") {
            return Err((String::from("/headers/Host"), String::from("is set by the client itself")));
        }
        Ok(Arc::new(FakeAgent { script: config.model.clone().unwrap_or_default() }))
    }
}

struct FakeAgent {
    script: String,
}

#[async_trait]
impl Agent for FakeAgent {
    fn run(&self, request: RunRequest) -> BoxStream<'static, AgentEvent> {
        let started = AgentEvent::Started { run: None };
        let completed = AgentEvent::Completed { continuation: None, cut: None };
        let delta = AgentEvent::Delta(request.text);
        let slow = |event| async move {
            tokio::time::sleep(Duration::from_millis(250)).await;
            event
        };
        match self.script.as_str() {
            "hang" => stream::iter([started]).chain(stream::pending()).boxed(),
            "stall" => stream::iter([started, delta]).chain(stream::pending()).boxed(),
            "cut" => stream::iter([started, delta]).boxed(),
            "empty" => stream::iter([started, completed]).boxed(),
            "refuse" => {
                let failure = AgentFailure::new(AgentFailureKind::Unauthorized);
                stream::iter([AgentEvent::Failed { failure, detail: String::from("HTTP 401") }]).boxed()
            }
            "makes users" if request.user.is_tester() => {
                let failure = AgentFailure::new(AgentFailureKind::UserNameRefused);
                stream::iter([AgentEvent::Failed { failure, detail: String::from("HTTP 400") }]).boxed()
            }
            _ => stream::iter([started])
                .chain(stream::once(slow(delta)))
                .chain(stream::iter([completed]))
                .boxed(),
        }
    }

    async fn cancel(&self, _run: &str) {}

    fn makes_users(&self) -> bool {
        self.script == "makes users"
    }
}
