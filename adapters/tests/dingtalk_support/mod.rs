//! What the tests of the DingTalk adapter share: a channel, targets, a platform of scripted HTTP answers.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "test support: each test binary uses its part of it, and a failure is a failed test"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use switchboard_adapters::dingtalk::DingTalk;
use switchboard_adapters::net::{Authorities, Network, Proxies};
use switchboard_domain::ids::{ChannelId, MessageId, RetryNumber, Seq, Version};
use switchboard_domain::message::{Chat, ChatKind, SessionAddress, Target};
use switchboard_domain::outbound::Format;
use switchboard_domain::reply::{CardCall, CardOutcome, Claim, PartOutcome, Way};
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::{
    AccessSettings, ConversationSettings, Locale, PrivacySettings, UserMapping,
};
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::clock::Clock;
use switchboard_ports::directory::Directories;
use switchboard_ports::provider::{CardRequest, ClaimRequest, Link, Meter, PartRequest, Provider, Unmetered};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub const OWN_TEMPLATE: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee.schema";
pub const CREATE: &str = "/v1.0/card/instances/createAndDeliver";
pub const INSTANCES: &str = "/v1.0/card/instances";
pub const STREAMING: &str = "/v1.0/card/streaming";
pub const TOKEN: &str = "/v1.0/oauth2/accessToken";
pub const PRIVATE_SEND: &str = "/v1.0/robot/oToMessages/batchSend";
pub const GROUP_SEND: &str = "/v1.0/robot/groupMessages/send";
pub const WEBHOOK: &str = "/robot/sendBySession";
pub const OPEN: &str = "/v1.0/gateway/connections/open";

pub struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000)
    }
}

/// Answers in order, the last one for ever.
struct InOrder(Mutex<Vec<ResponseTemplate>>);

impl Respond for InOrder {
    fn respond(&self, _request: &Request) -> ResponseTemplate {
        let mut answers = self.0.lock().unwrap();
        if answers.len() > 1 { answers.remove(0) } else { answers.first().cloned().unwrap() }
    }
}

/// A platform of scripted answers, and a link to it.
pub struct Platform {
    pub server: MockServer,
    pub calls: Arc<Mutex<Vec<(&'static str, &'static str)>>>,
}

impl Platform {
    /// A platform that gives out tokens and nothing else.
    pub async fn start() -> Self {
        let platform = Self { server: MockServer::start().await, calls: Arc::default() };
        platform.answers("POST", TOKEN, vec![ok(json!({"accessToken": "token-1", "expireIn": 7200}))]).await;
        platform
    }

    /// Scripts the answers of an API, replacing none.
    pub async fn answers(&self, verb: &str, at: &str, answers: Vec<ResponseTemplate>) {
        let answers = InOrder(Mutex::new(answers));
        Mock::given(method(verb)).and(path(at)).respond_with(answers).mount(&self.server).await;
    }

    /// All card APIs succeed.
    pub async fn takes_cards(&self) {
        self.answers("POST", CREATE, vec![ok(created())]).await;
        self.answers("PUT", INSTANCES, vec![ok(json!({"success": true, "result": true}))]).await;
        self.answers("PUT", STREAMING, vec![ok(json!({"success": true, "result": true}))]).await;
    }

    /// A link of a channel with these settings beside the addresses.
    pub fn link(&self, config: Value) -> Arc<dyn Link> {
        self.link_to(&self.server.uri(), config)
    }

    /// The same to another place.
    pub fn link_to(&self, base: &str, config: Value) -> Arc<dyn Link> {
        self.metered_link(base, config, Arc::new(Unmetered))
    }

    /// The same with a meter.
    pub fn metered_link(&self, base: &str, config: Value, meter: Arc<dyn Meter>) -> Arc<dyn Link> {
        let calls = Arc::clone(&self.calls);
        let observer = Arc::new(move |api, outcome| calls.lock().unwrap().push((api, outcome)));
        let provider = DingTalk::new(Arc::new(StillClock), direct(), observer).unwrap();
        provider.link(&channel(base, config), meter).unwrap()
    }

    /// The bodies sent to an API, in order.
    pub async fn sent(&self, at: &str) -> Vec<Value> {
        let requests = self.server.received_requests().await.unwrap();
        requests
            .iter()
            .filter(|request| request.url.path() == at)
            .map(|request| request.body_json().unwrap())
            .collect()
    }

    /// The paths asked, in order, tokens left out.
    pub async fn asked(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().map(|request| request.url.path().to_owned()).filter(|path| path != TOKEN).collect()
    }

    /// An address for answers on this platform.
    pub fn webhook(&self) -> SessionAddress {
        webhook(&format!("{}{WEBHOOK}?session=s", self.server.uri()))
    }
}

/// The way out without proxies.
pub fn direct() -> Network {
    Network::new(&Authorities::default(), Proxies::default()).unwrap()
}

pub fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

pub fn error(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"code": code, "message": "m", "requestid": "r"}))
}

pub fn created() -> Value {
    json!({"success": true, "result": {"outTrackId": "t", "deliverResults": [{"spaceType": "IM_GROUP", "success": true}]}})
}

pub fn webhook(url: &str) -> SessionAddress {
    SessionAddress { url: Secret::new(url), until: Timestamp::MAX }
}

pub fn channel(base: &str, config: Value) -> Channel {
    let mut config = config;
    config["client_id"] = json!("dingabc");
    config["api_base_url"] = json!(base);
    config["oapi_base_url"] = json!(base);
    Channel {
        id: ChannelId::new("chn_1"),
        name: "bot".into(),
        platform: "dingtalk".into(),
        enabled: true,
        default_agent: None,
        default_model: None,
        locale: Locale::En,
        config,
        secrets: BTreeMap::from([("/client_secret".into(), Secret::new("s3cr3t"))]),
        user_mapping: UserMapping::default(),
        directories: Directories::default(),
        switching: switchboard_domain::settings::SwitchingSettings::default(),
        conversation: ConversationSettings::default(),
        access: AccessSettings::default(),
        privacy: PrivacySettings::default(),
        managed_by_file: false,
        version: Version(1),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
    }
}

pub fn own_template() -> Value {
    json!({"ai_card": {"template_id": OWN_TEMPLATE, "content_key": "answer"}})
}

pub fn private() -> Target {
    Target {
        chat: Chat { id: "cidP1==".into(), kind: ChatKind::Private, title: None },
        im_user_id: Some("manager807".into()),
        session_address: None,
    }
}

pub fn group() -> Target {
    Target {
        chat: Chat { id: "cidG1==".into(), kind: ChatKind::Group, title: Some("G".into()) },
        im_user_id: Some("manager807".into()),
        session_address: None,
    }
}

pub async fn card(link: &Arc<dyn Link>, target: &Target, call: CardCall) -> CardOutcome {
    let request = CardRequest {
        target: target.clone(),
        message: MessageId::new("msgA=="),
        retry: RetryNumber(0),
        seq: Seq(1),
        attempt: 0,
        call,
        within: Duration::from_secs(12),
    };
    link.card(request).await.outcome
}

/// A claim for a call of the card that [`card`] draws, of which people have just seen something new.
pub fn claim(claim: Claim) -> ClaimRequest {
    ClaimRequest { claim, still: Duration::ZERO, message: MessageId::new("msgA=="), retry: RetryNumber(0) }
}

pub fn open(text: &str) -> CardCall {
    CardCall::Open { text: text.into(), thinking: true }
}

pub fn update(text: &str) -> CardCall {
    CardCall::Update { text: text.into() }
}

pub fn finish(text: &str) -> CardCall {
    CardCall::Finish { text: text.into(), failed: false }
}

pub async fn send(link: &Arc<dyn Link>, target: Target, way: Way, text: &str) -> PartOutcome {
    let request = PartRequest {
        target,
        seq: Seq(1),
        text: text.into(),
        format: Format::Markdown,
        way,
        within: Duration::from_secs(12),
    };
    link.send(request).await.outcome
}
