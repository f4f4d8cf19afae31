//! A simulated DingTalk platform: Stream mode, robot messages, AI cards, faults, and a small chat page.
//!
//! It is an independent judge: it depends on no Switchboard crate, and it remembers everything that people would
//! have seen. Start one with [`Simulator::start`], or run the binary `dingtalk-sim`. The control API is described in
//! the package's README.
#![expect(clippy::must_use_candidate, reason = "tests disturb the platform without caring how many were hit")]

mod acts;
mod api;
mod apps;
mod call_log;
mod card_api;
mod card_stream;
mod clicks;
mod clock;
mod config;
mod connections;
mod contents;
mod control;
mod control_acts;
mod control_views;
mod delivery;
mod emotion;
mod envelope;
mod events;
mod fault_rules;
mod faults;
mod files;
mod fuzz;
mod fuzz_account;
mod fuzz_mutations;
mod fuzz_traffic;
mod gateway;
mod knobs;
mod listener;
pub mod load;
mod lock;
mod log;
mod media;
mod multipart;
mod objects;
mod observe;
mod page;
mod payload;
mod people;
mod proxy;
mod push;
mod quota;
mod records;
mod request;
mod robot;
mod router;
mod routing;
mod sent;
mod simulator;
mod socket;
mod state;
mod templates;
mod timeline;
mod tls;
mod webhook;
mod wire;

pub use clicks::{Click, ClickOutcome, ClickRecord, UnknownCard};
pub use config::{
    AppConfig, Group, OWN_TEMPLATE, Person, SCOPE_CARD_STREAM, SCOPE_CARD_WRITE, SCOPE_CHAT, SCOPE_MEDIA,
    SCOPE_SEND, SimulatorConfig,
};
pub use connections::Disruption;
pub use contents::{Content, Element, Quote, Quoted, SharedFile};
pub use emotion::Reaction;
pub use events::{EventAttempt, EventOutcome, EventRecord, PlatformEvent};
pub use fault_rules::Limit;
pub use faults::{FaultAction, FaultId, FaultRule};
pub use files::FileSpec;
pub use fuzz::FuzzPlan;
pub use fuzz_account::{Duty, FuzzReport, FuzzedMessage, FuzzedPush, Kept, Undelivered};
pub use fuzz_traffic::Traffic;
pub use knobs::{ClickShape, Knobs, ReusedOutTrackId};
pub use log::Log;
pub use media::Media;
pub use observe::{Observed, Summary, WaitTimedOut};
pub use proxy::{Proxy, ProxyConfig, ProxyCounts};
pub use push::{AtList, ChatKind, Origin, Push, PushError, PushHandle, QuotaShape};
pub use records::{
    Ack, CallCount, CallRecord, ConnectionPhase, ConnectionRecord, Delivery, DeliveryCause, OpenRecord,
    PushedMessage, Violation, ViolationKind,
};
pub use sent::SentMessage;
pub use simulator::Simulator;
pub use templates::{StreamingKey, TemplateConfig};
pub use timeline::{Card, CardState, Carrier, Conversation, Item, ItemContent, PlainReply, ShownText, Via};
pub use tls::TlsConfig;
