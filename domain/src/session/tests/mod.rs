//! Stories, laws and the table of the session machine. What a session does together with its replies is told in
//! `domain/tests/conversation`.

mod laws;
mod limits;
mod lookups;
mod merges;
mod pollable;
mod staleness;
mod stories;
pub(crate) mod transitions;

use std::time::Duration;

use super::{Effect, Effects, Event, Rules, Session, Taken};
use crate::ids::{Epoch, Seq};
use crate::inbox::{Control, Origin};
use crate::outcome::{AgentFailure, AgentFailureKind, Outcome, RunFailure};
use crate::rejected::Rejected;
use crate::settings::{ConversationSettings, TurnLimits};
use crate::time::Timestamp;

const START: Timestamp = Timestamp::from_millis(1_000_000_000);

/// A session with a clock that only the test moves.
#[derive(Debug, Clone)]
struct Bench {
    session: Session,
    now: Timestamp,
}

impl Bench {
    fn new() -> Self {
        Self::with(rules())
    }

    fn with(rules: Rules) -> Self {
        Self { session: Session::new(rules, START), now: START }
    }

    /// A session with message 1 being answered by run 1.
    fn running() -> Self {
        let mut bench = Self::new();
        bench.ask(1);
        bench
    }

    /// Another process takes over from what was stored.
    fn restarted(&self) -> Self {
        Self { session: Session::restore(self.session.snapshot(), self.session.rules), now: self.now }
    }

    fn offer(&mut self, event: Event) -> Result<Effects, Rejected> {
        self.session.apply(event, self.now)
    }

    fn tell(&mut self, event: Event) -> Effects {
        self.offer(event).expect("the event fits")
    }

    fn take(&mut self, seq: u64, kind: Taken, resumed: bool) -> Effects {
        self.tell(Event::Taken { seq: Seq(seq), kind, accepted_at: self.now, written_at: self.now, resumed })
    }

    fn ask(&mut self, seq: u64) -> Effects {
        self.take(seq, Taken::Ask, false)
    }

    fn command(&mut self, seq: u64, control: Control) -> Effects {
        self.take(seq, Taken::Control(control, Origin::Chat), false)
    }

    fn pass(&mut self, span: Duration) -> Effects {
        self.now = self.now.after(span);
        self.session.expire(self.now)
    }

    fn pass_to_deadline(&mut self) -> Effects {
        let at = self.session.deadline().expect("there is a deadline").at;
        self.pass(at.since(self.now))
    }

    fn running_epoch(&self) -> Option<Epoch> {
        self.session.running().map(|(_, epoch)| epoch)
    }
}

fn rules() -> Rules {
    Rules {
        conversation: ConversationSettings::default(),
        limits: TurnLimits { output_chars_max: 100, ..TurnLimits::default() },
    }
}

fn completed(epoch: u64) -> Event {
    Event::Completed { epoch: Epoch(epoch), continuation: None, cut: None }
}

fn failed(epoch: u64, kind: AgentFailureKind, shown: bool) -> Event {
    let failure = RunFailure::Agent(AgentFailure::new(kind));
    Event::Failed { epoch: Epoch(epoch), failure, shown }
}

fn asked(effects: &Effects) -> Vec<Seq> {
    let asked = |effect: &Effect| match effect {
        Effect::Ask { seq, .. } => Some(*seq),
        Effect::Join { .. }
        | Effect::Open { .. }
        | Effect::Cancel { .. }
        | Effect::CancelUpstream { .. }
        | Effect::Finish { .. }
        | Effect::Say { .. }
        | Effect::LookUp { .. }
        | Effect::End { .. } => None,
    };
    effects.list.iter().filter_map(asked).collect()
}

fn ended(effects: &Effects) -> Vec<(Seq, Outcome)> {
    let ended = |effect: &Effect| match effect {
        Effect::End { seq, outcome } => Some((*seq, *outcome)),
        Effect::Join { .. }
        | Effect::Open { .. }
        | Effect::Ask { .. }
        | Effect::Cancel { .. }
        | Effect::CancelUpstream { .. }
        | Effect::Finish { .. }
        | Effect::LookUp { .. }
        | Effect::Say { .. } => None,
    };
    effects.list.iter().filter_map(ended).collect()
}
