//! What is told of one run: who asks, whom, and how the agent does.

use std::borrow::Cow;

use switchboard_domain::ids::UserId;
use switchboard_domain::mapping::Rule;
use switchboard_domain::outcome::{AgentFailureKind, Cut};
use switchboard_domain::time::Timestamp;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::traces::{Attribute, Span, SpanKind};
use tokio::time::Instant;

use super::Happened;
use super::spans::{part, span_id, traceparent};
use crate::runtime::shared::Shared;
use crate::telemetry::metrics as names;

/// The story of a run, told as it goes on. Dropped before the agent's end, the run was stopped.
pub(crate) struct RunStory<'a> {
    shared: &'a Shared,
    message: String,
    began: Timestamp,
    /// Its span's name.
    span: u64,
    /// What is known of it; nothing before the agent is asked.
    known: Vec<(&'static str, Attribute)>,
    /// When the agent was asked, until it says something.
    asked_at: Option<Instant>,
    first_output_at: Option<Timestamp>,
    outcome: &'static str,
    failed: Option<&'static str>,
}

impl<'a> RunStory<'a> {
    /// A run for this message, which begins now.
    pub(crate) fn new(shared: &'a Shared, message: String) -> Self {
        let began = shared.now();
        // One conversation has one run at a time: no other one of this process begins now.
        let span = span_id(&message, &["agent", shared.replica.as_str(), &began.to_string()]);
        let (known, asked_at, first_output_at) = (Vec::new(), None, None);
        let (outcome, failed) = ("stopped", None);
        Self { shared, message, began, span, known, asked_at, first_output_at, outcome, failed }
    }

    /// What the header `traceparent` of its request says.
    pub(crate) fn traceparent(&self) -> String {
        traceparent(&self.message, self.span, self.shared.tracer.is_on())
    }

    fn tell(&self, happened: &Happened) {
        self.shared.tell(self.message.as_str(), happened);
    }

    /// Who asks was found out.
    pub(crate) fn mapped(&self, user: &UserId, rule: Rule) {
        self.tell(&Happened::Mapped { user: Cow::Owned(user.to_string()), rule: rule.as_str() });
    }

    /// The agent is asked; with `goes_on` for the result of an earlier run.
    pub(crate) fn asked(&mut self, agent: &AgentConfig, model: Option<&str>, goes_on: bool) {
        self.asked_at = Some(Instant::now());
        let model = model.or(agent.model.as_deref()).map(str::to_owned);
        self.known = vec![
            ("switchboard.agent", agent.name.as_str().into()),
            ("switchboard.agent_id", agent.id.as_str().into()),
            ("switchboard.agent_kind", agent.kind.as_str().into()),
        ];
        self.known.extend(model.clone().map(|model| ("switchboard.model", model.into())));
        self.tell(&Happened::Asked {
            agent: Cow::Owned(agent.name.clone()),
            agent_id: Cow::Owned(agent.id.to_string()),
            model: model.map(Cow::Owned),
            goes_on,
            replica: self.shared.replica_name(),
        });
    }

    /// The agent said something; its first words are told and measured.
    pub(crate) fn spoke(&mut self) {
        if let Some(asked) = self.asked_at.take() {
            let after = asked.elapsed();
            metrics::histogram!(names::TIME_TO_FIRST_OUTPUT).record(after.as_secs_f64());
            self.shared.tally.first_output(after);
            self.first_output_at = Some(self.shared.now());
            self.tell(&Happened::FirstOutput);
        }
    }

    /// The agent came to its end.
    pub(crate) fn finished(&mut self, cut: Option<Cut>) {
        self.outcome = "completed";
        let cut = cut.map(|cut| match cut {
            Cut::Length => "length",
            Cut::Filter => "filter",
        });
        self.tell(&Happened::AgentFinished { cut });
    }

    /// The agent failed.
    pub(crate) fn failed(&mut self, kind: AgentFailureKind) {
        (self.outcome, self.failed) = ("failed", Some(kind.as_str()));
        self.tell(&Happened::AgentFailed { cause: kind.as_str() });
    }

    fn span(&mut self) -> Span {
        let mut known = std::mem::take(&mut self.known);
        known.push(("switchboard.outcome", self.outcome.into()));
        if let Some(at) = self.first_output_at {
            let after = at.as_millis().saturating_sub(self.began.as_millis());
            known.push(("switchboard.first_output_ms", after.into()));
        }
        let times = (self.began, self.shared.now());
        let span = part(&self.message, ("agent.run", self.span), SpanKind::Client, times, known);
        Span { failed: self.failed, ..span }
    }
}

impl Drop for RunStory<'_> {
    fn drop(&mut self) {
        // A turn that ended before its agent was asked has no run.
        if !self.known.is_empty() {
            let shared = self.shared;
            shared.tracer.ended(|| self.span());
        }
    }
}
