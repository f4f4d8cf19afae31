//! Turns: begun, retried, answered, failed, timed out.

use alloc::boxed::Box;
use alloc::string::String;
use core::time::Duration;

use super::state::{State, Step, Turn};
use super::{
    ATTEMPTS_MAX, Effect, Effects, Event, Finish, HANDLE_BYTES_MAX, Hold, RETRY_PAUSE, RETRY_PAUSE_MAX,
    Reason, STOPPING_WAIT_MAX, Say, Session, Waiting, Work,
};
use crate::ids::{Epoch, Seq};
use crate::outcome::{AgentFailure, AgentFailureKind, Cut, FailureCause, Outcome, RunFailure};
use crate::rejected::Rejected;
use crate::reply::Durability;
use crate::settings::{Stale, TurnLimits};
use crate::snapshot::{Attempts, KeptRun};
use crate::time::Timestamp;

/// How late a message is when its turn comes.
enum Lateness {
    /// It is not, or nobody minds.
    None,
    /// So late that the answer says so; the message's age.
    Told(Duration),
    /// Too late to be answered.
    TooLate,
}

impl Session {
    /// Begins the next turn if one waits and nothing is in its way.
    pub(super) fn begun(&mut self, mut effects: Effects, now: Timestamp) -> Effects {
        while self.state.is_idle() && self.may_begin() && !self.is_switching() && !self.is_open(now) {
            let Some(next) = self.take_next(&mut effects) else {
                break;
            };
            if next.work == Work::Deliver {
                effects.push(Effect::Open { seq: next.seq, attempt: 0, resumed: false, late: None });
                effects.push(self.finish_of(next.seq, Finish::Answered));
                effects.push(Effect::End { seq: next.seq, outcome: Outcome::Answered });
                // Whether there is room for one more answer is to be found out before anything else begins.
                self.holds.add(Hold::Replies);
                continue;
            }
            let late = match self.lateness(next, now) {
                Lateness::None => None,
                Lateness::Told(age) => Some(age),
                Lateness::TooLate => {
                    self.skip(next, &mut effects, now);
                    continue;
                }
            };
            self.told_stale = false;
            let attempt = self.count_attempt(next);
            effects.push(Effect::Open { seq: next.seq, attempt, resumed: next.resumed, late });
            if attempt > ATTEMPTS_MAX {
                effects.push(self.finish_of(next.seq, Finish::Failed(FailureCause::CrashLoop)));
                effects
                    .push(Effect::End { seq: next.seq, outcome: Outcome::Failed(FailureCause::CrashLoop) });
                self.kept.attempts = None;
                self.cancel_upstream(next.seq, &mut effects, now);
                continue;
            }
            if self.kept.run.as_ref().is_some_and(|run| run.seq != next.seq) {
                self.kept.run = None;
            }
            self.kept.epoch = self.kept.epoch.next();
            // A turn that is resumed with its run has the limits that it began with.
            let limits = self.kept.run.as_ref().and_then(|run| run.limits).unwrap_or(self.rules.limits);
            self.state = State::Running(Box::new(Turn::begun(next, self.kept.epoch, limits, now)));
            effects.push(Effect::Ask { seq: next.seq, epoch: self.kept.epoch });
        }
        effects
    }

    fn lateness(&self, next: Waiting, now: Timestamp) -> Lateness {
        let settings = &self.rules.conversation;
        let age = now.since(next.written_at);
        if settings.stale_after.is_zero() || age <= settings.stale_after {
            return Lateness::None;
        }
        match settings.stale {
            Stale::Answer => Lateness::None,
            Stale::Note => Lateness::Told(age),
            Stale::Skip => Lateness::TooLate,
        }
    }

    /// Ends a message that is too old. Its author is told once for all that come up stale together; a card that may stand
    /// open from before a crash is closed with that sentence in any case.
    fn skip(&mut self, next: Waiting, effects: &mut Effects, now: Timestamp) {
        let seq = next.seq;
        if next.resumed {
            let attempt = self.kept.attempts.filter(|it| it.seq == seq).map_or(0, |it| it.count);
            effects.push(Effect::Open { seq, attempt, resumed: true, late: None });
            effects.push(self.finish_of(seq, Finish::Failed(FailureCause::Stale)));
        } else if !self.told_stale {
            effects.push(Effect::Say { seq, what: Say::Stale });
        }
        effects.push(Effect::End { seq, outcome: Outcome::Failed(FailureCause::Stale) });
        self.told_stale = true;
        self.kept.attempts = None;
        self.cancel_upstream(seq, effects, now);
    }

    fn count_attempt(&mut self, next: Waiting) -> u32 {
        let count = match self.kept.attempts.filter(|attempts| attempts.seq == next.seq) {
            _ if !next.resumed => 0,
            Some(Attempts { count, graceful: true, .. }) => count,
            Some(Attempts { count, graceful: false, .. }) => count.saturating_add(1),
            None => 1,
        };
        self.kept.attempts = Some(Attempts { seq: next.seq, count, graceful: false });
        count
    }

    /// The turn goes by the limits of the agent that it is asked of.
    pub(super) fn asked_of(&mut self, epoch: Epoch, limits: TurnLimits) -> Result<Effects, Rejected> {
        self.turn(epoch, &Event::Asked { epoch, limits })?.limits = limits;
        Ok(Effects::default())
    }

    /// A run that can be asked for its result is stored at once: whoever resumes the turn asks for that instead.
    pub(super) fn started(
        &mut self,
        epoch: Epoch,
        handle: Option<String>,
        continuation: Option<String>,
    ) -> Result<Effects, Rejected> {
        let turn = self.turn(epoch, &Event::Started { epoch, handle: None, continuation: None })?;
        let (seq, through, limits) = (turn.seq, turn.through, Some(turn.limits));
        let mut effects = Effects::default();
        let kept = handle.filter(|it| !it.is_empty() && it.len() <= HANDLE_BYTES_MAX);
        let kept = kept.map(|handle| Box::new(KeptRun { seq, through, handle, continuation, limits }));
        if kept.is_some() && kept != self.kept.run {
            self.kept.run = kept;
            effects.durability = Durability::Now;
        }
        Ok(effects)
    }

    pub(super) fn heard(&mut self, epoch: Epoch, chars: usize, now: Timestamp) -> Result<Effects, Rejected> {
        let turn = self.turn(epoch, &Event::Heard { epoch, chars })?;
        if chars > turn.limits.output_chars_max {
            let mut effects = Effects::default();
            self.give_up(Finish::Failed(FailureCause::Agent(AgentFailureKind::TooLong)), &mut effects, now);
            return Ok(effects);
        }
        turn.step = Step::Answering { heard_at: now };
        Ok(Effects::default())
    }

    pub(super) fn completed(
        &mut self,
        epoch: Epoch,
        continuation: Option<String>,
        cut: Option<Cut>,
        now: Timestamp,
    ) -> Result<Effects, Rejected> {
        let seq = self.turn(epoch, &Event::Completed { epoch, continuation: None, cut: None })?.seq;
        let mut effects = Effects::default();
        effects.push(self.finish_of(seq, cut.map_or(Finish::Answered, Finish::Cut)));
        effects.push(Effect::End { seq, outcome: Outcome::Answered });
        self.kept.turns = self.kept.turns.saturating_add(1);
        self.kept.continuation = continuation;
        self.turn_over(now);
        self.state = State::Idle;
        Ok(self.begun(effects, now))
    }

    pub(super) fn failed(
        &mut self,
        epoch: Epoch,
        failure: RunFailure,
        shown: bool,
        now: Timestamp,
    ) -> Result<Effects, Rejected> {
        let turn = self.turn(epoch, &Event::Failed { epoch, failure, shown })?;
        if let Some(pause) = retry_pause(failure).filter(|_| !shown && !turn.retried) {
            turn.retried = true;
            turn.step = Step::Pausing { until: now.after(pause) };
            if is_over_upstream(failure) {
                self.kept.run = None;
            }
            return Ok(Effects::default());
        }
        let (how, outcome) = match failure {
            RunFailure::Agent(AgentFailure { kind, .. }) => failed_as(FailureCause::Agent(kind)),
            RunFailure::UserLookup => failed_as(FailureCause::UserLookup),
            RunFailure::Refused(refusal) => (Finish::Refused(refusal), Outcome::Refused(refusal)),
        };
        let seq = turn.seq;
        if was_stopped(failure) {
            self.go_on_after_stop(seq);
        }
        let mut effects = Effects::default();
        effects.push(self.finish_of(seq, how));
        effects.push(Effect::End { seq, outcome });
        self.turn_over(now);
        self.state = State::Idle;
        Ok(self.begun(effects, now))
    }

    pub(super) fn closed(&mut self, epoch: Epoch, now: Timestamp) -> Result<Effects, Rejected> {
        match self.state {
            State::Stopping { epoch: stopping, .. } if stopping == epoch => {
                self.state = State::Idle;
                Ok(self.begun(Effects::default(), now))
            }
            State::Idle | State::Running(_) | State::Stopping { .. } => {
                Err(late("Closed", epoch, self.kept.epoch, self.phase()))
            }
        }
    }

    pub(super) fn overdue(&mut self, reason: Reason, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        let kind = match reason {
            Reason::FirstOutput => AgentFailureKind::FirstOutputTimeout,
            Reason::Idle => AgentFailureKind::IdleTimeout,
            Reason::Turn => AgentFailureKind::TurnTimeout,
            Reason::Closing => {
                self.state = State::Idle;
                return self.begun(effects, now);
            }
            // Due beside the turn's own.
            Reason::Lookup | Reason::Merge => return effects,
            Reason::Retry => match &mut self.state {
                // Looked at late: the whole turn is over as well.
                State::Running(turn) if turn.ends_at() <= now => AgentFailureKind::TurnTimeout,
                State::Running(turn) => {
                    // The epoch moves on: nothing that the failed run may still say counts.
                    self.kept.epoch = self.kept.epoch.next();
                    turn.epoch = self.kept.epoch;
                    turn.step = Step::Asking { since: now };
                    effects.push(Effect::Ask { seq: turn.seq, epoch: turn.epoch });
                    return effects;
                }
                State::Idle | State::Stopping { .. } => return effects,
            },
        };
        self.give_up(Finish::Failed(FailureCause::Agent(kind)), &mut effects, now);
        self.begun(effects, now)
    }

    /// Ends the running turn before its agent does. The epoch moves on, so that nothing of it counts any more.
    pub(super) fn give_up(&mut self, how: Finish, effects: &mut Effects, now: Timestamp) {
        let State::Running(turn) = &self.state else {
            return;
        };
        let (seq, epoch, has_run) = (turn.seq, turn.epoch, turn.has_run());
        if has_run {
            effects.push(Effect::Cancel { epoch });
        }
        effects.push(self.finish_of(seq, how));
        effects.push(Effect::End { seq, outcome: outcome_of(how) });
        self.kept.epoch = self.kept.epoch.next();
        if has_run {
            self.go_on_after_stop(seq);
        }
        let kept = self.kept.run.take();
        self.turn_over(now);
        if has_run {
            self.state = State::Stopping { epoch, until: now.after(STOPPING_WAIT_MAX) };
            return;
        }
        // Between two runs there is nothing to close here; upstream there may be.
        self.state = State::Idle;
        self.kept.run = kept;
        self.cancel_upstream(seq, effects, now);
    }

    /// The next turn goes on where the stopped run of this one stands, where its agent said so: a conversation that is kept
    /// upstream is not begun anew because one of its answers was not waited for.
    fn go_on_after_stop(&mut self, seq: Seq) {
        let stopped = self.kept.run.as_ref().filter(|run| run.seq == seq);
        if let Some(next) = stopped.and_then(|run| run.continuation.clone()) {
            self.kept.continuation = Some(next);
        }
    }

    /// Stops the run of a turn that was given up while nobody listened to it, if its name is known. The next turn waits for
    /// that: agents that call all runs of a conversation by one name would else take it for the next one's.
    pub(super) fn cancel_upstream(&mut self, seq: Seq, effects: &mut Effects, now: Timestamp) {
        self.go_on_after_stop(seq);
        let Some(run) = self.kept.run.take().filter(|run| run.seq == seq) else {
            return;
        };
        self.kept.epoch = self.kept.epoch.next();
        effects.push(Effect::CancelUpstream { epoch: self.kept.epoch, handle: run.handle });
        self.state = State::Stopping { epoch: self.kept.epoch, until: now.after(STOPPING_WAIT_MAX) };
    }

    pub(super) fn parked(&mut self) -> Effects {
        let mut effects = Effects::default();
        self.holds.add(Hold::Stopping);
        if let State::Running(turn) = &self.state {
            let count =
                self.kept.attempts.filter(|attempts| attempts.seq == turn.seq).map_or(0, |it| it.count);
            self.kept.attempts = Some(Attempts { seq: turn.seq, count, graceful: true });
            if turn.has_run() {
                effects.push(Effect::Cancel { epoch: turn.epoch });
            }
            effects.durability = Durability::Now;
            self.kept.epoch = self.kept.epoch.next();
            // Back in front, so that a `/stop` or `/new` that is still taken in ends it.
            self.waiting.push_front(Waiting {
                seq: turn.seq,
                written_at: turn.written_at,
                resumed: true,
                work: Work::Ask,
                joins: false,
                through: turn.through,
                ready_at: turn.began_at,
            });
            self.state = State::Idle;
        }
        effects
    }

    pub(super) const fn finish_of(&self, seq: Seq, how: Finish) -> Effect {
        Effect::Finish { seq, how, session: self.kept.number }
    }

    fn turn_over(&mut self, now: Timestamp) {
        self.kept.last_activity_at = now;
        self.kept.attempts = None;
        self.kept.run = None;
    }

    fn turn(&mut self, epoch: Epoch, event: &Event) -> Result<&mut Turn, Rejected> {
        let phase = self.phase();
        let newest = self.kept.epoch;
        match &mut self.state {
            State::Running(turn) if turn.epoch == epoch => match turn.step {
                Step::Asking { .. } | Step::Answering { .. } => Ok(turn),
                // The run has failed; nothing of it counts.
                Step::Pausing { .. } => Err(Rejected::Stale { event: event.name(), phase }),
            },
            State::Idle | State::Running(_) | State::Stopping { .. } => {
                Err(late(event.name(), epoch, newest, phase))
            }
        }
    }

    /// The resumed entry at the head of the inbox: its card may stand open.
    pub(super) fn begun_before(&self) -> Option<Seq> {
        self.waiting.front().filter(|head| head.resumed && self.state.is_idle()).map(|head| head.seq)
    }
}

/// Something of a run that is not the present one: of an older one, or of none there ever was.
fn late(event: &'static str, epoch: Epoch, newest: Epoch, phase: &'static str) -> Rejected {
    if epoch <= newest {
        Rejected::Stale { event, phase }
    } else {
        Rejected::Illegal { event, phase, expected: "an epoch given out before" }
    }
}

const fn failed_as(cause: FailureCause) -> (Finish, Outcome) {
    (Finish::Failed(cause), Outcome::Failed(cause))
}

const fn outcome_of(how: Finish) -> Outcome {
    match how {
        Finish::Answered | Finish::Cut(_) => Outcome::Answered,
        Finish::Stopped | Finish::Interrupted | Finish::Withdrawn => Outcome::Cancelled,
        Finish::Failed(cause) => Outcome::Failed(cause),
        Finish::Refused(refusal) => Outcome::Refused(refusal),
    }
}

/// Whether the run itself failed, so that asking for its result again would only tell the same.
const fn is_over_upstream(failure: RunFailure) -> bool {
    match failure {
        RunFailure::Agent(failure) => matches!(failure.kind, AgentFailureKind::ServerError),
        RunFailure::Refused(_) | RunFailure::UserLookup => false,
    }
}

/// Whether somebody stopped the run on the agent's side.
const fn was_stopped(failure: RunFailure) -> bool {
    match failure {
        RunFailure::Agent(failure) => matches!(failure.kind, AgentFailureKind::Cancelled),
        RunFailure::Refused(_) | RunFailure::UserLookup => false,
    }
}

/// The pause before a failed run is tried again; `None` where that is pointless or would take too long.
fn retry_pause(failure: RunFailure) -> Option<core::time::Duration> {
    match failure {
        RunFailure::Agent(failure) if failure.kind.is_transient() => {
            Some(failure.retry_after.unwrap_or(RETRY_PAUSE)).filter(|pause| *pause <= RETRY_PAUSE_MAX)
        }
        RunFailure::Agent(_) | RunFailure::Refused(_) | RunFailure::UserLookup => None,
    }
}
