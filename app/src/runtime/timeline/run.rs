//! What is told of one run: who asks, whom, and how the agent does.

use std::borrow::Cow;

use switchboard_domain::ids::UserId;
use switchboard_domain::mapping::Rule;
use switchboard_domain::outcome::{AgentFailureKind, Cut};
use switchboard_ports::agents::AgentConfig;

use super::Happened;
use crate::runtime::shared::Shared;

/// The story of a run, told as it goes on.
pub(crate) struct RunStory<'a> {
    shared: &'a Shared,
    message: String,
}

impl<'a> RunStory<'a> {
    /// A run for this message.
    pub(crate) const fn new(shared: &'a Shared, message: String) -> Self {
        Self { shared, message }
    }

    fn tell(&self, happened: &Happened) {
        self.shared.tell(self.message.as_str(), happened);
    }

    /// Who asks was found out.
    pub(crate) fn mapped(&self, user: &UserId, rule: Rule) {
        self.tell(&Happened::Mapped { user: Cow::Owned(user.to_string()), rule: rule.as_str() });
    }

    /// The agent is asked; with `goes_on` for the result of an earlier run.
    pub(crate) fn asked(&self, agent: &AgentConfig, model: Option<&str>, goes_on: bool) {
        let model = model.or(agent.model.as_deref());
        self.tell(&Happened::Asked {
            agent: Cow::Owned(agent.name.clone()),
            agent_id: Cow::Owned(agent.id.to_string()),
            model: model.map(|model| Cow::Owned(model.to_owned())),
            goes_on,
            replica: self.shared.replica_name(),
        });
    }

    /// The agent said its first words.
    pub(crate) fn first_output(&self) {
        self.tell(&Happened::FirstOutput);
    }

    /// The agent came to its end.
    pub(crate) fn finished(&self, cut: Option<Cut>) {
        let cut = cut.map(|cut| match cut {
            Cut::Length => "length",
            Cut::Filter => "filter",
        });
        self.tell(&Happened::AgentFinished { cut });
    }

    /// The agent failed.
    pub(crate) fn failed(&self, kind: AgentFailureKind) {
        self.tell(&Happened::AgentFailed { cause: kind.as_str() });
    }
}
