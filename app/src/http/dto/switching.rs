//! Who may choose agent and model in the chat, on the wire both ways.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use switchboard_domain::ids::{AgentId, UserId};
use switchboard_domain::settings::{Remember, Switchers, SwitchingSettings};
use utoipa::ToSchema;

use super::agent_input::NAME_CHARS_MAX;
use super::channel::word;
use super::channel_input::References;
use super::fields::Reader;

/// Users who may choose, and agents offered, at most.
const NAMED_MAX: usize = 200;

/// Who may choose; numbers, because one of them needs users.
pub(super) const WHO: [(&str, u8); 3] = [("everyone", 0), ("listed", 1), ("nobody", 2)];
pub(super) const REMEMBER: [(&str, Remember); 2] =
    [("conversation", Remember::Conversation), ("user", Remember::User)];

/// Who may choose agent and model in the chat.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SwitchingView {
    /// `everyone`, `listed` or `nobody`.
    pub who: &'static str,
    /// The users who may, with `listed`.
    pub users: Vec<String>,
    /// The agents offered beside the channel's own; empty: all there are.
    pub agents: Vec<String>,
    /// For whom a choice counts: `conversation` or `user`. So long is the language of `/lang` remembered too.
    pub remember: &'static str,
}

/// Who may choose agent and model in the chat.
#[derive(Debug, ToSchema)]
#[schema(as = SwitchingInput)]
pub struct SwitchingInput {
    /// `everyone`, `listed` or `nobody`.
    #[schema(default = "everyone")]
    pub who: Option<String>,
    /// Ids of the users who may; required with `listed`.
    #[schema(max_items = 200)]
    pub users: Option<Vec<String>>,
    /// Ids of the agents offered beside the channel's own; empty: all there are.
    #[schema(max_items = 200)]
    pub agents: Option<Vec<String>>,
    /// For whom a choice counts: `conversation` or `user` (in all conversations of the channel).
    #[schema(default = "conversation")]
    pub remember: Option<String>,
}

impl From<&SwitchingSettings> for SwitchingView {
    fn from(settings: &SwitchingSettings) -> Self {
        let (who, users) = match &settings.who {
            Switchers::Everyone => ("everyone", Vec::new()),
            Switchers::Listed(users) => ("listed", users.iter().map(UserId::to_string).collect()),
            Switchers::Nobody => ("nobody", Vec::new()),
        };
        Self {
            who,
            users,
            agents: settings.agents.iter().map(AgentId::to_string).collect(),
            remember: word(&REMEMBER, &settings.remember),
        }
    }
}

/// Reads the section. What is stored already may be gone by now: it counts for nothing then, and keeps nobody from changing
/// something else.
pub(super) fn read(
    reader: &mut Reader<'_>,
    stored: Option<&SwitchingSettings>,
    references: &References,
) -> SwitchingSettings {
    let stored_users = match stored.map(|stored| &stored.who) {
        Some(Switchers::Listed(users)) => users.as_slice(),
        Some(Switchers::Everyone | Switchers::Nobody) | None => &[],
    };
    let stored_agents = stored.map_or(&[][..], |stored| &stored.agents);
    let who = reader.choice("who", &WHO, 0);
    let users: Vec<_> =
        reader.lines("users", NAMED_MAX, NAME_CHARS_MAX).into_iter().map(UserId::new).collect();
    if users.iter().any(|id| !references.users.contains(id) && !stored_users.contains(id)) {
        reader.wrong("users", "must name users there are, by their ids");
    }
    let agents: Vec<_> =
        reader.lines("agents", NAMED_MAX, NAME_CHARS_MAX).into_iter().map(AgentId::new).collect();
    if agents.iter().any(|id| !references.agents.contains(id) && !stored_agents.contains(id)) {
        reader.wrong("agents", "must name agents there are, by their ids");
    }
    let who = match who {
        0 => Switchers::Everyone,
        1 => {
            if users.is_empty() {
                reader.wrong("users", "must name somebody with \"listed\"");
            }
            Switchers::Listed(users)
        }
        _ => Switchers::Nobody,
    };
    SwitchingSettings { who, agents, remember: reader.choice("remember", &REMEMBER, Remember::Conversation) }
}

/// The users that a document names.
pub(super) fn users_in(document: &Value) -> BTreeSet<UserId> {
    let listed = document.pointer("/switching/users").and_then(Value::as_array);
    let ids = listed.into_iter().flatten().filter_map(Value::as_str);
    ids.take(NAMED_MAX).map(UserId::new).collect()
}
