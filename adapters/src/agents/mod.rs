//! Agents: what answers the questions. One module per kind, and what the kinds share.

pub mod echo;
pub mod openai_chat;
pub mod sse;
mod template;
mod text;
mod transport;

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_ports::agent::AgentKind;
use switchboard_ports::clock::Clock;

use self::echo::EchoKind;
use self::openai_chat::OpenAiChatKind;
use crate::net::Network;

/// Every kind there is, by its name in settings; those over HTTP take this way out.
#[must_use]
pub fn kinds(clock: Arc<dyn Clock>, network: &Network) -> BTreeMap<&'static str, Arc<dyn AgentKind>> {
    let kinds: [Arc<dyn AgentKind>; 2] =
        [Arc::new(EchoKind::default()), Arc::new(OpenAiChatKind::new(clock, network.clone()))];
    kinds.into_iter().map(|kind| (kind.kind(), kind)).collect()
}
