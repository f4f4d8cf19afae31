//! Whose a name is that an agent gave to a run, or to where the next turn goes on from, and which agent a run is asked of.
//!
//! Such names are kept with the session and outlive a change of the channel's agent, or of the agent's address. To another
//! server they mean nothing, or, where it counts its tasks from 1, somebody else's task. So a run that can be asked for its
//! result belongs to the agent that gave its name: it is gone on with, and stopped, there and nowhere else, as long as that
//! agent is what it was; else the turn is asked anew, of the agent that the channel has now.

use std::sync::Arc;

use switchboard_domain::choice::Choices;
use switchboard_domain::hash::stable_hash;
use switchboard_domain::ids::{AgentId, ChannelId, ConversationId, Seq};
use switchboard_domain::outcome::RunFailure;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::error::StoreError;

use super::choosing::agent_for_turn;
use crate::ports::SharedAgent;
use crate::runtime::channel::{Bot, build_agent};
use crate::runtime::shared::{Patience, Shared};
use crate::runtime::timeline::{message_id, trace_id};

/// Digits of the hash in a name's signature.
const HASH_DIGITS: usize = 16;

/// An agent as far as its names go: which one, what it speaks, where, and which model of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner(String);

impl Owner {
    /// The owner of the names that this agent gives.
    pub(super) fn of(agent: &AgentConfig) -> Self {
        let model = agent.model.as_deref().unwrap_or_default();
        let hash = stable_hash(&[agent.id.as_str(), &agent.kind, &agent.base_url, model]);
        // Half of it tells a few agents apart, and leaves names most of their room.
        Self(format!("{:016x}{} ", hash >> 64, agent.id))
    }

    /// The name as it is kept.
    pub(super) fn sign(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }

    /// A kept name as the agent gave it; `None` where another agent did.
    pub(super) fn own(&self, kept: &str) -> Option<String> {
        kept.strip_prefix(self.0.as_str()).map(str::to_owned)
    }

    /// Which agent gave a kept name, whatever became of it since.
    fn agent_of(kept: &str) -> Option<AgentId> {
        let (signature, _) = kept.split_once(' ')?;
        signature.get(HASH_DIGITS..).filter(|id| !id.is_empty()).map(AgentId::new)
    }
}

/// An agent that a run is asked of.
pub(super) struct Asked {
    pub(super) config: AgentConfig,
    pub(super) agent: SharedAgent,
    /// Whose the names are that it gives.
    pub(super) owner: Owner,
    /// Whether it is the one that the channel has now: only then its troubles are the channel's.
    pub(super) is_present: bool,
}

impl Asked {
    pub(super) fn new(config: &AgentConfig, agent: &SharedAgent, is_present: bool) -> Self {
        let owner = Owner::of(config);
        Self { config: config.clone(), agent: Arc::clone(agent), owner, is_present }
    }

    /// The agent that the channel has now, if it has one.
    pub(super) fn present(bot: &Bot) -> Option<Self> {
        bot.agent.as_ref().map(|(config, agent)| Self::new(config, agent, true))
    }

    /// The agent that gave this name to a run, with the name as it gave it.
    pub(super) async fn owner(shared: &Shared, bot: &Bot, kept: &str) -> Option<(Self, String)> {
        if let Some(present) = Self::present(bot)
            && let Some(name) = present.owner.own(kept)
        {
            return Some((present, name));
        }
        let config = find(shared, &Owner::agent_of(kept)?).await?;
        // Built only where the name is its own: what became of it since may be another server.
        let name = Owner::of(&config).own(kept)?;
        let (config, agent) = build_agent(shared, config)?;
        Some((Self::new(&config, &agent, false), name))
    }

    /// What the agent's own log lines are found by; the turn where it is known.
    pub(super) fn span(
        &self,
        channel: &ChannelId,
        conversation: &ConversationId,
        turn: Option<Seq>,
    ) -> tracing::Span {
        let trace_id = turn.map(|seq| trace_id(&message_id(conversation, seq)));
        let turn = turn.map(|seq| seq.0);
        // At the highest level: whatever filter lets a line through lets its span through.
        tracing::error_span!("agent", %channel, %conversation, turn, trace_id, agent = self.config.name)
    }

    /// The owner of what the next turn goes on from: where a model was chosen, a conversation with another one is another
    /// one, since some agents keep it by model (Wegent's are teams).
    pub(super) fn thread(&self, choices: &Choices) -> Owner {
        match choices.model_of(&self.config.id) {
            Some(model) => Owner::of(&AgentConfig { model: Some(model.to_owned()), ..self.config.clone() }),
            None => self.owner.clone(),
        }
    }

    /// Whom a turn is asked of, with the name of its run where that one can be gone on with.
    pub(super) async fn of_turn(
        shared: &Shared,
        bot: &Bot,
        conversation: &ConversationId,
        kept: Option<&str>,
        choices: &Choices,
    ) -> Result<Option<(Self, Option<String>)>, RunFailure> {
        if let Some(kept) = kept {
            if let Some((owner, name)) = Self::owner(shared, bot, kept).await {
                return Ok(Some((owner, Some(name))));
            }
            tracing::info!(
                channel = %bot.channel.id,
                %conversation,
                "a turn's run belongs to an agent that was changed or deleted meanwhile; the turn is asked anew"
            );
        }
        Ok(agent_for_turn(shared, bot, choices).await?.map(|asked| (asked, None)))
    }
}

/// An agent's settings as they are now; none when the store stays away.
async fn find(shared: &Shared, id: &AgentId) -> Option<AgentConfig> {
    let mut patience = Patience::of_turn(shared);
    loop {
        match shared.ports.agents.find(id).await {
            Ok(found) => return found,
            Err(StoreError::Unavailable(_)) if patience.waits().await => {}
            Err(error) => {
                tracing::warn!(agent = %id, %error, "failed to read the agent that a run belongs to");
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use switchboard_domain::ids::AgentId;
    use switchboard_domain::time::Timestamp;

    use super::Owner;
    use crate::http::dto::agent_input;
    use crate::testing::kinds;

    #[test]
    fn a_name_is_given_back_to_the_agent_it_came_from_and_to_no_other() {
        let document = serde_json::json!({"name": "one", "kind": "echo"});
        let agent =
            agent_input::created(&document, AgentId::new("agt_1"), Timestamp::default(), &kinds()).unwrap();
        let kept = Owner::of(&agent).sign("wegent1 resp_42 - -");
        assert_eq!(Owner::of(&agent).own(&kept).as_deref(), Some("wegent1 resp_42 - -"));
        assert_eq!(Owner::agent_of(&kept), Some(agent.id.clone()));
        let mut others = [(); 4].map(|()| agent.clone());
        others[0].id = AgentId::new("agt_2");
        others[1].base_url.push_str("/elsewhere");
        others[2].model = Some("another team".to_owned());
        others[3].kind = "openai-responses".to_owned();
        for other in others {
            assert_eq!(Owner::of(&other).own(&kept), None);
        }
        for unsigned in ["resp_42", "", "0123456789abcdef resp_42", "wegent1 resp_42 - -"] {
            assert_eq!(Owner::of(&agent).own(unsigned), None);
            assert_eq!(Owner::agent_of(unsigned), None, "{unsigned}");
        }
    }
}
