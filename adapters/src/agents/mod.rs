//! Agents: what answers the questions. One module per kind, and what the kinds share.

mod attachments;
pub mod echo;
mod forms;
mod http;
#[cfg(not(feature = "fuzzing"))]
mod openai_chat;
#[cfg(feature = "fuzzing")]
pub mod openai_chat;
mod openai_responses;
mod responses;
pub mod sse;
mod template;
mod text;
mod thinking;
mod token;
mod transport;
mod wegent;

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_ports::agent::AgentKind;
use switchboard_ports::clock::Clock;

use self::echo::EchoKind;
use self::http::Surroundings;
use self::openai_chat::OpenAiChatKind;
use self::openai_responses::OpenAiResponsesKind;
use self::wegent::WegentKind;
use crate::net::Network;

/// The names of every kind there is, in the order of the alphabet.
pub const NAMES: [&str; 4] = ["echo", "openai-chat", "openai-responses", "wegent"];

/// Every kind there is, by its name in settings; those over HTTP take this way out.
#[must_use]
pub fn kinds(clock: Arc<dyn Clock>, network: &Network) -> BTreeMap<&'static str, Arc<dyn AgentKind>> {
    let surroundings = Surroundings { clock, network: network.clone() };
    let kinds: [Arc<dyn AgentKind>; 4] = [
        Arc::new(EchoKind::default()),
        Arc::new(OpenAiChatKind::new(surroundings.clone())),
        Arc::new(OpenAiResponsesKind::new(surroundings.clone())),
        Arc::new(WegentKind::new(surroundings)),
    ];
    kinds.into_iter().map(|kind| (kind.kind(), kind)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{NAMES, kinds};
    use crate::clock::SystemClock;
    use crate::net::{Authorities, Network, Proxies};

    #[test]
    fn the_names_are_those_of_the_kinds() {
        let network = Network::new(&Authorities::default(), Proxies::default()).unwrap();
        let kinds = kinds(Arc::new(SystemClock::start()), &network);
        assert_eq!(kinds.into_keys().collect::<Vec<_>>(), NAMES);
    }
}
