//! Whose a name is that an agent gave to a run, or to where the next turn goes on from.
//!
//! Such names are kept with the session and outlive a change of the channel's agent, or of the agent's address. To another
//! server they mean nothing, or, where it counts its tasks from 1, somebody else's task.

use switchboard_domain::hash::stable_hash;
use switchboard_ports::agents::AgentConfig;

/// An agent as far as its names go: which one, what it speaks, where, and which model of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner(String);

impl Owner {
    /// The owner of the names that this agent gives.
    pub(super) fn of(agent: &AgentConfig) -> Self {
        let model = agent.model.as_deref().unwrap_or_default();
        let hash = stable_hash(&[agent.id.as_str(), &agent.kind, &agent.base_url, model]);
        // Half of it tells a few agents apart, and leaves names most of their room.
        Self(format!("{:016x} ", hash >> 64))
    }

    /// The name as it is kept.
    pub(super) fn sign(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }

    /// A kept name as the agent gave it; `None` where another agent did.
    pub(super) fn own(&self, kept: &str) -> Option<String> {
        kept.strip_prefix(self.0.as_str()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use switchboard_domain::time::Timestamp;

    use super::Owner;
    use crate::http::dto::agent_input;
    use crate::testing::kinds;

    #[test]
    fn a_name_is_given_back_to_the_agent_it_came_from_and_to_no_other() {
        let document = serde_json::json!({"name": "one", "kind": "echo"});
        let id = switchboard_domain::ids::AgentId::new("agt_1");
        let agent = agent_input::created(&document, id, Timestamp::default(), &kinds()).unwrap();
        let kept = Owner::of(&agent).sign("resp_42");
        assert_eq!(Owner::of(&agent).own(&kept).as_deref(), Some("resp_42"));
        let mut others = [(); 4].map(|()| agent.clone());
        others[0].id = switchboard_domain::ids::AgentId::new("agt_2");
        others[1].base_url.push_str("/elsewhere");
        others[2].model = Some("another team".to_owned());
        others[3].kind = "openai-responses".to_owned();
        for other in others {
            assert_eq!(Owner::of(&other).own(&kept), None);
        }
        assert_eq!(Owner::of(&agent).own("resp_42"), None);
    }
}
