//! A simulated DingTalk platform: Stream mode, robot messages, AI cards, faults, and a small chat page.
//!
//! It is an independent judge: it depends on no Switchboard crate, and it remembers everything that people would
//! have seen. Start one with [`Simulator::start`], or run the binary `dingtalk-sim`. The control API is described in
//! the package's README.
#![expect(clippy::must_use_candidate, reason = "tests disturb the platform without caring how many were hit")]

mod api;
mod apps;
mod call_log;
mod card_api;
mod card_stream;
mod clock;
mod config;
mod connections;
mod control;
mod control_views;
mod delivery;
mod envelope;
mod faults;
mod gateway;
mod knobs;
mod listener;
mod log;
mod observe;
mod page;
mod payload;
mod push;
mod quota;
mod records;
mod request;
mod robot;
mod router;
mod simulator;
mod socket;
mod state;
mod templates;
mod timeline;
mod webhook;
mod wire;

pub use config::{
    AppConfig, Group, OWN_TEMPLATE, Person, SCOPE_CARD_STREAM, SCOPE_CARD_WRITE, SCOPE_SEND, SimulatorConfig,
};
pub use connections::Disruption;
pub use faults::{FaultAction, FaultId, FaultRule};
pub use knobs::{Knobs, ReusedOutTrackId};
pub use log::Log;
pub use observe::{Observed, Summary, WaitTimedOut};
pub use push::{AtList, ChatKind, Origin, Push, PushError, PushHandle};
pub use records::{
    Ack, CallCount, CallRecord, ConnectionPhase, ConnectionRecord, Delivery, DeliveryCause, OpenRecord,
    PushedMessage, Violation, ViolationKind,
};
pub use simulator::Simulator;
pub use templates::{StreamingKey, TemplateConfig};
pub use timeline::{Card, CardState, Conversation, Item, ItemContent, PlainReply, ShownText, Via};
