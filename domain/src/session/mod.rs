//! One conversation's session: what is asked next, what stops, what starts over.
//!
//! The session decides about *turns*: which waiting message the agent is asked, when a run is given up, what `/new` and
//! `/stop` end. It holds no texts and shows nothing: that is the replies' part. Everything that a run can still say
//! late carries the [`Epoch`] it was begun with.

mod control;
mod effect;
mod event;
mod holds;
mod lookup;
mod memory;
mod merge;
mod run;
mod state;
#[cfg(test)]
pub(crate) mod tests;

pub use effect::{Deadline, Effect, Effects, Finish, Reason, Say};
pub use event::{Event, Found, Hold, Taken};
pub use lookup::{LOOKUP_WAIT_MAX, LOOKUPS_WAITING_MAX};

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::choice::Choices;
use crate::ids::{Epoch, Seq, SessionNumber};
use crate::inbox::INBOX_ENTRIES_MAX;
use crate::outcome::{Outcome, Refusal};
use crate::rejected::Rejected;
use crate::settings::{Busy, ConversationSettings, TurnLimits};
use crate::snapshot::{Attempts, SessionSnapshot};
use crate::time::Timestamp;
use holds::Holds;
use state::{State, Step, Turn};

/// How often a turn is resumed after a crash before it is given up.
pub const ATTEMPTS_MAX: u32 = 3;
/// How long the next turn waits for the closing of a run that was stopped.
pub const STOPPING_WAIT_MAX: Duration = Duration::from_secs(5);
/// A turn never takes longer than this, whatever its agent's settings say; well below the age at which a reply would be
/// closed by itself ([`crate::reply::DRAFT_AGE_MAX`]).
pub const TURN_AGE_MAX: Duration = Duration::from_hours(1);
/// The pause before a failed run is tried again, unless the agent asks for another.
pub const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Longest handle of a run that is kept, in bytes; a longer one counts as none.
pub const HANDLE_BYTES_MAX: usize = 512;
/// A longer pause asked for by an agent ends the turn instead.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Rules that may change while a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// The channel's rules for conversations.
    pub conversation: ConversationSettings,
    /// The agent's time-outs and bounds; a turn keeps those it began with.
    pub limits: TurnLimits,
}

/// One conversation's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    kept: SessionSnapshot,
    rules: Rules,
    taken: Seq,
    waiting: VecDeque<Waiting>,
    /// Whether the last message that came up was stale and its author was told so; those behind it say nothing more.
    told_stale: bool,
    /// Commands that take a look at what is outside, the first of them under way.
    lookups: VecDeque<lookup::Look>,
    holds: Holds,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    seq: Seq,
    written_at: Timestamp,
    resumed: bool,
    work: Work,
    /// Whether it belongs to the message before it.
    joins: bool,
    /// The last message whose words went with it.
    through: Seq,
    /// When it may be answered: until then more may come that belongs to it.
    ready_at: Timestamp,
}

/// What a turn consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// The agent is asked.
    Ask,
    /// An answer that there is already is delivered again.
    Deliver,
}

/// A message taken in just now.
#[derive(Debug, Clone, Copy)]
struct Arrived {
    waiting: Waiting,
    accepted_at: Timestamp,
}

impl Session {
    /// The first session of a conversation.
    #[must_use]
    pub fn new(rules: Rules, now: Timestamp) -> Self {
        Self::restore(
            SessionSnapshot {
                number: SessionNumber(1),
                epoch: Epoch(0),
                started_at: now,
                last_activity_at: now,
                turns: 0,
                choices: Choices::default(),
                continuation: None,
                attempts: None,
                run: None,
            },
            rules,
        )
    }

    /// Back from a store: idle, with nothing taken in; the inbox is fed in again.
    #[must_use]
    pub fn restore(from: SessionSnapshot, rules: Rules) -> Self {
        Self {
            kept: from,
            rules,
            taken: Seq(0),
            waiting: VecDeque::new(),
            told_stale: false,
            lookups: VecDeque::new(),
            holds: Holds::default(),
            state: State::Idle,
        }
    }

    /// What is kept of it.
    #[must_use]
    pub fn snapshot(&self) -> SessionSnapshot {
        self.kept.clone()
    }

    /// Takes in changed rules; they count from the next decision on.
    pub const fn configure(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Which session of the conversation this is.
    #[must_use]
    pub const fn number(&self) -> SessionNumber {
        self.kept.number
    }

    /// What was chosen in the chat.
    #[must_use]
    pub const fn choices(&self) -> &Choices {
        &self.kept.choices
    }

    /// Where the agent can go on from.
    #[must_use]
    pub fn continuation(&self) -> Option<&str> {
        self.kept.continuation.as_deref()
    }

    /// Crash attempts of the turn at the head of the inbox.
    #[must_use]
    pub const fn attempts(&self) -> Option<Attempts> {
        self.kept.attempts
    }

    /// What the running turn's run is called upstream, where one was begun before and can be asked for its result.
    #[must_use]
    pub fn resume(&self) -> Option<&str> {
        let (seq, _) = self.running()?;
        self.kept.run.as_ref().filter(|run| run.seq == seq).map(|run| run.handle.as_str())
    }

    /// Whether nothing may begin at all: the inbox is being read, the channel is disabled, the process stops.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.holds.any_but(Hold::Replies)
    }

    /// Whether this one thing keeps it from beginning anything.
    #[must_use]
    pub const fn is_held_by(&self, hold: Hold) -> bool {
        self.holds.has(hold)
    }

    /// The last inbox entry taken in.
    #[must_use]
    pub const fn taken(&self) -> Seq {
        self.taken
    }

    /// The entry being answered, and its run's epoch.
    #[must_use]
    pub const fn running(&self) -> Option<(Seq, Epoch)> {
        match &self.state {
            State::Running(turn) => Some((turn.seq, turn.epoch)),
            State::Idle | State::Stopping { .. } => None,
        }
    }

    /// The command that takes a look at what is outside.
    #[must_use]
    pub fn looking(&self) -> Option<Seq> {
        self.lookups.front().map(lookup::Look::seq)
    }

    /// Whether nothing runs, stops or waits for a turn.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        match &self.state {
            State::Idle => self.waiting.is_empty(),
            State::Running(_) | State::Stopping { .. } => false,
        }
    }

    /// The state's name, for logs, metrics and the panel.
    #[must_use]
    pub const fn phase(&self) -> &'static str {
        self.state.phase()
    }

    /// Takes an event in. A rejected event leaves the session as it was.
    ///
    /// # Errors
    /// [`Rejected`] says whether the event came twice, too late, or cannot come here at all.
    pub fn apply(&mut self, event: Event, now: Timestamp) -> Result<Effects, Rejected> {
        match event {
            Event::Taken { seq, kind, accepted_at, written_at, resumed } => {
                let waiting = Waiting {
                    seq,
                    written_at,
                    resumed,
                    work: Work::Ask,
                    joins: false,
                    through: seq,
                    ready_at: now,
                };
                let arrived = Arrived { waiting, accepted_at };
                self.take_in(kind, arrived, now)
            }
            Event::Asked { epoch, limits } => self.asked_of(epoch, limits),
            Event::LookedUp { seq, found } => self.looked_up(seq, found, now),
            Event::Started { epoch, handle, continuation } => self.started(epoch, handle, continuation),
            Event::Heard { epoch, chars } => self.heard(epoch, chars, now),
            Event::Completed { epoch, continuation, cut } => self.completed(epoch, continuation, cut, now),
            Event::Failed { epoch, failure, shown } => self.failed(epoch, failure, shown, now),
            Event::Closed { epoch } => self.closed(epoch, now),
            Event::Held(hold) => Ok(self.held(hold)),
            Event::Released(hold) => {
                self.holds.remove(hold);
                Ok(self.begun(Effects::default(), now))
            }
            Event::Parked => Ok(self.parked()),
        }
    }

    fn take_in(&mut self, kind: Taken, arrived: Arrived, now: Timestamp) -> Result<Effects, Rejected> {
        let seq = arrived.waiting.seq;
        if seq <= self.taken {
            return Err(Rejected::Duplicate { event: "Taken", phase: self.phase() });
        }
        self.taken = seq;
        let mut effects = Effects::default();
        match kind {
            Taken::Ask => self.asked(arrived, &mut effects, now),
            Taken::More => {
                let joins = self.waiting.back().is_some_and(|before| before.work == Work::Ask);
                let waiting = Waiting { joins, ..arrived.waiting };
                self.asked(Arrived { waiting, ..arrived }, &mut effects, now);
            }
            Taken::AskedAgain if self.is_full() => refuse(seq, Refusal::InboxFull, &mut effects),
            Taken::AskedAgain => self.queued(arrived, now),
            Taken::Deliver => {
                let waiting = Waiting { resumed: false, work: Work::Deliver, ..arrived.waiting };
                self.waiting.push_back(waiting);
            }
            Taken::Message => {}
            Taken::Control(control, origin) => self.control(seq, control, origin, &mut effects, now),
            Taken::Lookup { switches } => self.look_up(seq, switches, &mut effects, now),
            Taken::Refused(refusal) => refuse(seq, refusal, &mut effects),
            Taken::Passed(refusal) => {
                effects.push(Effect::End { seq, outcome: Outcome::Refused(refusal) });
            }
        }
        Ok(self.begun(effects, now))
    }

    fn asked(&mut self, arrived: Arrived, effects: &mut Effects, now: Timestamp) {
        let Waiting { seq, resumed, .. } = arrived.waiting;
        let busy = !self.state.is_idle();
        if self.is_full() {
            return refuse(seq, Refusal::InboxFull, effects);
        }
        match self.rules.conversation.busy {
            Busy::Reject if busy && !resumed => return refuse(seq, Refusal::Busy, effects),
            Busy::Interrupt if busy => self.stop_running(Finish::Interrupted, effects, now),
            Busy::Queue | Busy::Reject | Busy::Interrupt => {}
        }
        self.queued(arrived, now);
    }

    /// Whether no more questions can wait. The running one counts too: parking puts it back in front of those that wait.
    fn is_full(&self) -> bool {
        self.waiting.len().saturating_add(usize::from(self.running().is_some())) >= INBOX_ENTRIES_MAX as usize
    }

    /// A question waits for its turn.
    fn queued(&mut self, arrived: Arrived, now: Timestamp) {
        let Arrived { waiting, accepted_at } = arrived;
        let idle = self.rules.conversation.idle_timeout;
        let slept = accepted_at.since(self.kept.last_activity_at);
        if !idle.is_zero() && slept > idle && self.is_at_rest() {
            self.start_over(now);
        }
        self.kept.last_activity_at = now;
        // Turns begin in order, and the end of one is stored before the next begins: only the first can have begun.
        let resumed = waiting.resumed && self.is_at_rest();
        // However far apart the clocks are: never longer than the window from now on.
        let window = self.rules.conversation.merge_window;
        let ready_at = accepted_at.after(window).min(now.after(window));
        self.waiting.push_back(Waiting { resumed, ready_at, ..waiting });
    }

    /// A new session: the context is gone, choices stay.
    fn start_over(&mut self, now: Timestamp) {
        self.kept.number = self.kept.number.next();
        self.kept.started_at = now;
        self.kept.turns = 0;
        self.kept.continuation = None;
    }

    /// When the session has to be looked at next, derived from its state.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let (turn, look) = (self.state.deadline(), self.look_deadline());
        turn.into_iter().chain(look).chain(self.merge_deadline()).min_by_key(|deadline| deadline.at)
    }

    /// For so long, up to now, nothing could be performed and nothing heard: the shell waited for its store. No time-out of
    /// somebody else's counts it. Memory only: after a crash every time-out begins anew.
    pub fn stalled(&mut self, span: Duration) {
        self.state.stalled(span);
        self.look_stalled(span);
    }

    /// For so long, up to now, the running turn's question could not be asked: who asks, and whom, was still to be found out. No
    /// time-out of the agent's counts it.
    pub fn unasked(&mut self, span: Duration) {
        self.state.stalled(span);
    }

    /// Does what is due at `now`; nothing before the deadline.
    pub fn expire(&mut self, now: Timestamp) -> Effects {
        let is_due = |deadline: &Deadline| deadline.at <= now;
        let mut effects = match self.state.deadline().filter(is_due) {
            Some(deadline) => self.overdue(deadline.reason, now),
            None => Effects::default(),
        };
        if self.look_deadline().as_ref().is_some_and(is_due) {
            effects.follow(self.look_overdue(now));
        }
        if self.merge_deadline().as_ref().is_some_and(is_due) {
            effects = self.begun(effects, now);
        }
        effects
    }
}

fn refuse(seq: Seq, refusal: Refusal, effects: &mut Effects) {
    effects.push(Effect::Say { seq, what: Say::Refused(refusal) });
    effects.push(Effect::End { seq, outcome: Outcome::Refused(refusal) });
}

/// A turn that has just begun.
const fn first_step(now: Timestamp) -> Step {
    Step::Asking { since: now }
}

impl Turn {
    const fn begun(next: Waiting, epoch: Epoch, limits: TurnLimits, now: Timestamp) -> Self {
        Self {
            seq: next.seq,
            through: next.through,
            written_at: next.written_at,
            epoch,
            limits,
            began_at: now,
            retried: false,
            step: first_step(now),
        }
    }
}
