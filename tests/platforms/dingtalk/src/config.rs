//! What a simulator is started with: apps, people, groups, card templates and knobs.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::knobs::Knobs;
use crate::observe::{ITEMS_KEPT, KEPT, TEXTS_KEPT};
use crate::templates::TemplateConfig;
use crate::tls::TlsConfig;

/// Scope for sending messages by API (dingtalk §5.3).
pub const SCOPE_SEND: &str = "qyapi_robot_sendmsg";
/// Scope for creating, delivering and updating cards (dingtalk §5.3).
pub const SCOPE_CARD_WRITE: &str = "Card.Instance.Write";
/// Scope for streaming into cards (dingtalk §5.3).
pub const SCOPE_CARD_STREAM: &str = "Card.Streaming.Write";

/// Scope for uploading media (dingtalk §5.3).
pub const SCOPE_MEDIA: &str = "qyapi_base";
/// Scope for listing the robots of a group (dingtalk §5.3).
pub const SCOPE_CHAT: &str = "qyapi_chat_manage";

/// Everything a simulator needs to start. Every field has a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulatorConfig {
    /// Address to listen on; port 0 takes a free one. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// Base address written into endpoints and webhooks when clients reach the simulator under another name.
    pub public_url: Option<String>,
    /// Serve https and wss (and still http and ws, on the same port); every address handed out is then https or wss.
    pub tls: Option<TlsConfig>,
    /// Seed of every random choice (routing, ids, fault probabilities).
    pub seed: u64,
    /// Registered apps; default one, `ding-sim-app`.
    pub apps: Vec<AppConfig>,
    /// People known from the start; whoever sends a message becomes known too.
    pub people: Vec<Person>,
    /// Groups known from the start; a group somebody writes in becomes known too.
    pub groups: Vec<Group>,
    /// Card templates besides the public ones of dingtalk §6.7.
    pub templates: Vec<TemplateConfig>,
    /// Pushed messages and cards kept for judges (the oldest leave), and conversations known at the same time (each).
    pub kept: usize,
    /// Entries kept of one conversation; the oldest leave.
    pub kept_items: usize,
    /// Texts kept of one card; those in the middle leave.
    pub kept_texts: usize,
    /// Periods, limits and rates; all can be changed while running.
    pub knobs: Knobs,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            tls: None,
            seed: 1,
            apps: vec![AppConfig::new("ding-sim-app", "sim-secret")],
            people: ["Ann", "Bob", "Chen", "Dana"].into_iter().map(Person::named).collect(),
            groups: vec![
                Group::new("cid-team==", "Team / 项目组"),
                Group::new("cid-support==", "Support / 客服群"),
            ],
            templates: vec![TemplateConfig::own(OWN_TEMPLATE)],
            kept: KEPT,
            kept_items: ITEMS_KEPT,
            kept_texts: TEXTS_KEPT,
            knobs: Knobs::default(),
        }
    }
}

/// The app-owned template present by default: one streaming Markdown variable `content`.
pub const OWN_TEMPLATE: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee.schema";

/// One internal app with its robot (dingtalk §0).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppConfig {
    /// Client id (`AppKey`).
    pub client_id: String,
    /// Client secret (`AppSecret`).
    pub client_secret: String,
    /// Robot code; for internal apps the client id. Empty = the client id.
    #[serde(default)]
    pub robot_code: String,
    /// Name people see.
    #[serde(default = "default_robot_name")]
    pub robot_name: String,
    /// Granted scopes; default all that the simulator knows.
    #[serde(default = "all_scopes")]
    pub scopes: Vec<String>,
}

impl AppConfig {
    /// An app with every scope, whose robot code is its client id.
    #[must_use]
    pub fn new(client_id: &str, client_secret: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            robot_code: client_id.to_owned(),
            robot_name: default_robot_name(),
            scopes: all_scopes(),
        }
    }
}

fn default_robot_name() -> String {
    "Switchboard".to_owned()
}

fn all_scopes() -> Vec<String> {
    [SCOPE_SEND, SCOPE_CARD_WRITE, SCOPE_CARD_STREAM, SCOPE_MEDIA, SCOPE_CHAT].map(str::to_owned).to_vec()
}

/// A person inside the organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// `userId` = staff id, unique in the organisation.
    pub staff_id: String,
    /// Shown name.
    pub nick: String,
}

impl Person {
    /// A person whose staff id is the lower-case name.
    #[must_use]
    pub fn named(nick: &str) -> Self {
        Self { staff_id: nick.to_lowercase(), nick: nick.to_owned() }
    }
}

/// A group conversation with every robot of the simulator in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// `openConversationId` = `conversationId`.
    pub conversation: String,
    /// Shown title.
    pub title: String,
}

impl Group {
    /// A group with an id and a title.
    #[must_use]
    pub fn new(conversation: &str, title: &str) -> Self {
        Self { conversation: conversation.to_owned(), title: title.to_owned() }
    }
}
