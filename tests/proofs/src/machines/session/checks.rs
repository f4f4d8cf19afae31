//! The naive reference: what must follow from what was taken in, said and waited for.

use switchboard_domain::inbox::{Control, INBOX_ENTRIES_MAX};
use switchboard_domain::outcome::{
    AgentFailure, AgentFailureKind, FailureCause, Outcome, Refusal, RunFailure,
};
use switchboard_domain::session::{
    ATTEMPTS_MAX, Effect, Effects, RETRY_PAUSE, RETRY_PAUSE_MAX, STOPPING_WAIT_MAX, Session, TURN_AGE_MAX,
    Taken,
};
use switchboard_domain::settings::Busy;
use switchboard_domain::time::Timestamp;

use super::world::{CHARS_MAX, Item, Run, Said, Step, Turn, World, name};

/// A failure that may pass, and one that does not.
pub(super) fn failures() -> [RunFailure; 2] {
    [AgentFailureKind::ServerError, AgentFailureKind::Unauthorized]
        .map(|kind| RunFailure::Agent(AgentFailure::new(kind)))
}

impl World {
    /// Looks at what is wanted, one thing after the other.
    pub(super) fn see(&mut self, effects: &Effects) {
        for effect in &effects.list {
            match effect {
                Effect::Open { seq, attempt, .. } => self.opens(seq.0, *attempt),
                Effect::Ask { seq, epoch } => self.asks(seq.0, epoch.0),
                Effect::Cancel { epoch } => {
                    let run = self.runs.get_mut(&epoch.0).expect("a run there is");
                    assert_eq!(std::mem::replace(run, Run::Cancelled), Run::Open, "cancelled for nothing");
                    self.named = None;
                    self.closing = Some((epoch.0, self.now.after(STOPPING_WAIT_MAX)));
                }
                Effect::Join { .. } | Effect::LookUp { .. } => {
                    panic!("comes in the conversation's world alone")
                }
                Effect::CancelUpstream { epoch, handle } => self.stops_by_name(epoch.0, handle),
                Effect::Finish { seq, session, .. } => {
                    assert_eq!(self.opened.take(), Some(seq.0), "a reply ends that is not open");
                    self.turn = self.turn.filter(|turn| turn.seq != seq.0);
                    assert!(session.0 >= 1);
                }
                Effect::Say { seq, .. } => assert!(seq.0 <= self.taken && !self.is_ended(seq.0)),
                Effect::End { seq, outcome } => {
                    assert!((1..=self.taken).contains(&seq.0), "an end of what was never taken");
                    assert!(!self.is_ended(seq.0), "{seq} ends twice");
                    assert_ne!(self.opened, Some(seq.0), "{seq} ends, its reply does not");
                    self.ending.insert(seq.0, *outcome);
                }
            }
        }
    }

    /// Only a run that nobody here listens to, whose turn ends with this step, by the name it was stored under.
    fn stops_by_name(&mut self, epoch: u64, handle: &str) {
        let (seq, number) = self.named.take().expect("a run is stopped by a name that nobody gave it");
        assert_eq!(handle, name(number), "another run's name");
        assert!(self.ending.contains_key(&seq), "the run of a turn that goes on is stopped");
        assert!(!self.runs.values().any(|run| *run == Run::Open), "a run that is listened to needs no name");
        assert!(self.closing.is_none() && self.runs.keys().all(|older| *older < epoch), "an epoch twice");
        self.closing = Some((epoch, self.now.after(STOPPING_WAIT_MAX)));
    }

    fn opens(&mut self, seq: u64, attempt: u32) {
        assert!(self.is_question(seq) && !self.is_ended(seq));
        assert_eq!(self.open_questions().first(), Some(&seq), "out of order");
        assert!(self.opened.is_none() && attempt <= ATTEMPTS_MAX + 1);
        self.opened = Some(seq);
    }

    fn asks(&mut self, seq: u64, epoch: u64) {
        assert_eq!(self.opened, Some(seq), "asked without a reply");
        assert!(
            self.closing.is_none() && !self.runs.values().any(|run| *run == Run::Open),
            "two runs at once"
        );
        assert!(self.runs.keys().all(|older| *older < epoch), "an epoch twice");
        self.runs.insert(epoch, Run::Open);
        let step = Step::Asked(self.now);
        if let Some(turn) = &mut self.turn {
            let is_over = matches!(turn.step, Step::Pausing(until) if until <= self.now);
            assert!(turn.seq == seq && is_over, "asked again too early");
            (turn.epoch, turn.step) = (epoch, step);
        } else {
            // What runs may go on, its second try included.
            let goes_on = self.stored_begun() == Some(seq);
            assert!(
                (!self.disabled || goes_on) && !self.loading,
                "a turn begins although something holds it"
            );
            self.turn = Some(Turn { seq, epoch, began_at: self.now, step, retried: false });
        }
    }

    /// After an entry was taken in.
    pub(super) fn took(&self, before: &Self, seq: u64, item: Item) {
        let waiting = before.open_questions();
        let ended_now = |seq: u64| self.ending.get(&seq).copied();
        match item.kind {
            Taken::Message => assert!(self.ending.is_empty(), "a message ends something"),
            Taken::Deliver | Taken::More | Taken::Lookup { .. } => {
                panic!("comes in the conversation's world alone")
            }
            Taken::Ask | Taken::AskedAgain => {
                let again = item.kind == Taken::AskedAgain;
                let is_full = waiting.len() >= INBOX_ENTRIES_MAX as usize;
                let is_busy = before.turn.is_some() || before.closing.is_some();
                let busy = self.rules.conversation.busy;
                let is_resumed = item.process < self.process;
                let refused = if is_full {
                    Some(Refusal::InboxFull)
                } else {
                    (busy == Busy::Reject && is_busy && !is_resumed && !again).then_some(Refusal::Busy)
                };
                assert_eq!(ended_now(seq), refused.map(Outcome::Refused));
                let is_interrupted = busy == Busy::Interrupt && refused.is_none() && !again;
                for other in waiting {
                    let is_running = before.turn.is_some_and(|turn| turn.seq == other);
                    let expected = (is_interrupted && is_running).then_some(Outcome::Cancelled);
                    assert_eq!(ended_now(other), expected, "a message ends another that is not its business");
                }
            }
            Taken::Refused(refusal) | Taken::Passed(refusal) => {
                assert_eq!(self.ending.iter().collect::<Vec<_>>(), [(&seq, &Outcome::Refused(refusal))]);
            }
            Taken::Control(control, _) => {
                assert_eq!(ended_now(seq), Some(Outcome::Answered));
                self.controlled(before, control, &waiting);
            }
        }
    }

    fn controlled(&self, before: &Self, control: Control, waiting: &[u64]) {
        let ended: Vec<u64> = waiting.iter().copied().filter(|seq| self.is_ended(*seq)).collect();
        match control {
            Control::Help => assert!(ended.is_empty(), "a question ends something"),
            Control::Stop { all: false } => {
                let running = before.turn.map(|turn| turn.seq);
                assert!(ended.len() <= 1 && running.is_none_or(|seq| ended == [seq]), "{ended:?}");
            }
            Control::StopAnswer { seq: answered } => {
                let is_running = before.turn.is_some_and(|turn| turn.seq == answered.0);
                // One that an earlier process may have begun has a card with a button.
                let may_have_begun = before.turn.is_none()
                    && waiting.first() == Some(&answered.0)
                    && self.item(answered.0).process < self.process;
                match ended.as_slice() {
                    [] => assert!(!is_running, "the button of the running answer does nothing"),
                    [seq] => {
                        assert!(*seq == answered.0 && (is_running || may_have_begun), "{seq} is stopped");
                    }
                    [..] => panic!("a button stops {ended:?}"),
                }
            }
            Control::New | Control::Stop { all: true } | Control::Withdraw => {
                assert_eq!(ended, waiting, "something before it does not end");
                assert!(self.turn.is_none());
            }
        }
        let is_new = control == Control::New;
        let numbers = (before.session.number(), self.session.number());
        assert_eq!(numbers.1, if is_new { numbers.0.next() } else { numbers.0 }, "another session");
    }

    /// What is known once a run has been listened to, before anything is done about it.
    pub(super) fn said(&mut self, epoch: u64, said: Said) {
        let now = self.now;
        let Some(turn) = &mut self.turn else { panic!("a run without a turn is listened to") };
        match said {
            Said::Started(None | Some(0 | u8::MAX)) => {}
            Said::Started(Some(number)) => self.named = Some((turn.seq, number)),
            Said::Heard(chars) if chars > CHARS_MAX => {}
            Said::Heard(_) => turn.step = Step::Heard(now),
            Said::Completed => {
                self.named = None;
                self.runs.insert(epoch, Run::Over);
            }
            Said::Failed(failure, shown) => {
                self.runs.insert(epoch, Run::Over);
                if let Some(pause) = pause(failure).filter(|_| !shown && !turn.retried) {
                    turn.retried = true;
                    turn.step = Step::Pausing(now.after(pause));
                    // A run that failed by itself has no result to ask for; one that was lost sight of may have.
                    let is_over =
                        matches!(failure, RunFailure::Agent(it) if it.kind == AgentFailureKind::ServerError);
                    self.named = self.named.filter(|_| !is_over);
                } else {
                    self.named = None;
                }
            }
        }
    }

    /// What must have come of it.
    pub(super) fn heard(&self, before: &Self, said: Said) {
        let Some(turn) = before.turn else { return };
        let outcome = self.ending.get(&turn.seq).copied();
        let agent = |kind| Some(Outcome::Failed(FailureCause::Agent(kind)));
        let expected = match said {
            Said::Completed => Some(Outcome::Answered),
            Said::Heard(chars) if chars > CHARS_MAX => agent(AgentFailureKind::TooLong),
            Said::Started(_) | Said::Heard(_) => None,
            Said::Failed(failure, shown) if pause(failure).is_some() && !shown && !turn.retried => None,
            Said::Failed(RunFailure::Agent(failure), _) => agent(failure.kind),
            Said::Failed(RunFailure::UserLookup, _) => Some(Outcome::Failed(FailureCause::UserLookup)),
            Said::Failed(RunFailure::Refused(refusal), _) => Some(Outcome::Refused(refusal)),
        };
        assert_eq!(outcome, expected, "{said:?}");
    }

    /// What holds after every step.
    pub(super) fn check(&self, died: u32) {
        assert!(self.ending.is_empty());
        let running = self.session.running().map(|(seq, epoch)| (seq.0, epoch.0));
        assert_eq!(running, self.turn.map(|turn| (turn.seq, turn.epoch)));
        assert!(
            self.named.is_none_or(|(seq, _)| !self.is_ended(seq)),
            "a run with a name goes on for nobody"
        );
        let kept = self.session.snapshot().run.map(|run| (run.seq.0, run.handle));
        assert_eq!(kept, self.named.map(|(seq, number)| (seq, name(number))), "another run is kept");
        let goes_on = self.turn.is_some_and(|turn| self.named.is_some_and(|(seq, _)| seq == turn.seq));
        assert_eq!(self.session.resume().is_some(), goes_on, "the run that is there is not gone on with");
        assert_eq!(self.session.deadline().map(|deadline| deadline.at), self.due(), "another deadline");
        let waiting = self.open_questions();
        let is_idle = self.turn.is_none() && self.closing.is_none();
        assert_eq!(self.session.is_at_rest(), is_idle && waiting.is_empty());
        let goes_on = waiting.first().is_some_and(|head| self.stored_begun() == Some(*head));
        let is_held = self.disabled && !goes_on;
        assert!(!is_idle || is_held || waiting.is_empty(), "something waits, and nothing holds it");
        assert!(waiting.len() <= INBOX_ENTRIES_MAX as usize);
        let kept = self.session.snapshot();
        assert_eq!(Session::restore(kept.clone(), self.rules).snapshot(), kept);
        let given_up = |outcome: &Outcome| *outcome == Outcome::Failed(FailureCause::CrashLoop);
        assert!(died >= ATTEMPTS_MAX || !self.ended.values().any(given_up), "given up too early");
    }

    /// When the session must be looked at, reckoned anew.
    fn due(&self) -> Option<Timestamp> {
        let limits = self.rules.limits;
        if let Some((_, until)) = self.closing {
            return Some(until);
        }
        let turn = self.turn?;
        let whole = turn.began_at.after(limits.turn_timeout.min(TURN_AGE_MAX));
        let step = match turn.step {
            Step::Asked(at) => at.after(limits.first_output_timeout),
            Step::Heard(at) => at.after(limits.idle_timeout),
            Step::Pausing(until) => until,
        };
        Some(step.min(whole))
    }
}

/// The pause after a failure that may pass.
fn pause(failure: RunFailure) -> Option<std::time::Duration> {
    let RunFailure::Agent(AgentFailure { kind, retry_after }) = failure else { return None };
    let passes = matches!(
        kind,
        AgentFailureKind::Unreachable
            | AgentFailureKind::RateLimited
            | AgentFailureKind::ServerError
            | AgentFailureKind::CutStream
    );
    let pause = retry_after.unwrap_or(RETRY_PAUSE);
    (passes && pause <= RETRY_PAUSE_MAX).then_some(pause)
}
