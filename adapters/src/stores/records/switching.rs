//! The record of who may choose agent and model in the chat.

use serde::{Deserialize, Serialize};
use switchboard_domain::ids::{AgentId, UserId};
use switchboard_domain::settings::{Remember, Switchers, SwitchingSettings};

use super::mirrored;

/// Who may choose, among what, and for whom it counts.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SwitchingRecord {
    who: WhoRecord,
    agents: Vec<String>,
    remember: RememberRecord,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WhoRecord {
    Everyone,
    Listed(Vec<String>),
    Nobody,
}

mirrored!(RememberRecord = Remember { Conversation, User });

impl From<&SwitchingSettings> for SwitchingRecord {
    fn from(from: &SwitchingSettings) -> Self {
        let who = match &from.who {
            Switchers::Everyone => WhoRecord::Everyone,
            Switchers::Listed(users) => WhoRecord::Listed(users.iter().map(UserId::to_string).collect()),
            Switchers::Nobody => WhoRecord::Nobody,
        };
        let agents = from.agents.iter().map(AgentId::to_string).collect();
        Self { who, agents, remember: from.remember.into() }
    }
}

impl From<SwitchingRecord> for SwitchingSettings {
    fn from(from: SwitchingRecord) -> Self {
        let who = match from.who {
            WhoRecord::Everyone => Switchers::Everyone,
            WhoRecord::Listed(users) => Switchers::Listed(users.into_iter().map(UserId::new).collect()),
            WhoRecord::Nobody => Switchers::Nobody,
        };
        let agents = from.agents.into_iter().map(AgentId::new).collect();
        Self { who, agents, remember: from.remember.into() }
    }
}
