//! The world around a session: an inbox that forgets nothing, runs that say anything, and what is known of them.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_domain::ids::{Epoch, Seq};
use switchboard_domain::outcome::{Outcome, RunFailure};
use switchboard_domain::rejected::Rejected;
use switchboard_domain::reply::Durability;
use switchboard_domain::session::{Effects, Event, HANDLE_BYTES_MAX, Hold, Rules, Session, Taken};
use switchboard_domain::settings::{Busy, ConversationSettings, TurnLimits};
use switchboard_domain::snapshot::SessionSnapshot;
use switchboard_domain::time::Timestamp;

/// Longest answer here, in characters.
pub(super) const CHARS_MAX: usize = 100;

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A message or act is stored; with the flag it is taken in at once.
    Accept(Taken, bool),
    /// The next one is taken in.
    Take,
    /// One taken in before comes once more.
    Retake(u64),
    /// A run says something.
    Run(u64, Said),
    /// A run is closed.
    Closed(u64),
    /// The channel is disabled, or enabled.
    Disable(bool),
    /// The process stops in good order, and the next begins.
    Park,
    /// The process dies, and the next begins.
    Crash,
    /// The process will die right before its next commit.
    Arm,
    /// So many milliseconds pass.
    Pass(u64),
    /// Time passes to the deadline.
    Deadline,
    /// So many milliseconds pass in which the shell waits for its store.
    Stall(u64),
}

/// What a run says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the machine's own events")]
pub enum Said {
    /// With the number of the name that its run has upstream, where it has one.
    Started(Option<u8>),
    Heard(usize),
    Completed,
    Failed(RunFailure, bool),
}

/// What a world begins with.
#[derive(Debug, Clone)]
pub struct Setting {
    /// What a message does while another is answered.
    pub busy: Busy,
    /// When a session ends by itself.
    pub idle_timeout: Duration,
    /// What a search accepts, in this order.
    pub script: Vec<Taken>,
    /// How often a search lets the process die.
    pub crashes: usize,
    /// How often a search parks it.
    pub parks: usize,
    /// How many deadlines a search passes.
    pub patience: usize,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            busy: Busy::Queue,
            idle_timeout: Duration::ZERO,
            script: Vec::new(),
            crashes: usize::MAX,
            parks: usize::MAX,
            patience: usize::MAX,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) kind: Taken,
    pub(super) at: Timestamp,
    /// The process that lived when it was accepted.
    pub(super) process: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    Open,
    Cancelled,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Asked(Timestamp),
    Heard(Timestamp),
    Pausing(Timestamp),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) seq: u64,
    pub(super) epoch: u64,
    pub(super) began_at: Timestamp,
    pub(super) step: Step,
    pub(super) retried: bool,
}

/// A session and everything around it.
#[derive(Debug, Clone)]
pub struct World {
    pub(super) session: Session,
    pub(super) rules: Rules,
    pub(super) now: Timestamp,
    // What survives a crash.
    pub(super) stored: SessionSnapshot,
    pub(super) inbox: Vec<Item>,
    pub(super) ended: BTreeMap<u64, Outcome>,
    pub(super) stored_named: Option<(u64, u8)>,
    // What the process knows.
    pub(super) process: u32,
    pub(super) taken: u64,
    pub(super) disabled: bool,
    pub(super) loading: bool,
    pub(super) turn: Option<Turn>,
    pub(super) closing: Option<(u64, Timestamp)>,
    pub(super) runs: BTreeMap<u64, Run>,
    /// The entry that is answered upstream, and the number of the name by which that run can be asked for its result.
    pub(super) named: Option<(u64, u8)>,
    pub(super) opened: Option<u64>,
    /// Ends of the step being taken, not committed yet.
    pub(super) ending: BTreeMap<u64, Outcome>,
    pub(super) armed: bool,
    // What a search may still do.
    pub(super) script: Vec<Taken>,
    pub(super) crashes: usize,
    pub(super) died: u32,
    pub(super) parks: usize,
    pub(super) patience: usize,
}

impl World {
    /// A new conversation.
    #[must_use]
    pub fn new(setting: &Setting) -> Self {
        let now = Timestamp::from_millis(1_000_000_000);
        let rules = Rules {
            conversation: ConversationSettings {
                busy: setting.busy,
                idle_timeout: setting.idle_timeout,
                ..ConversationSettings::default()
            },
            limits: TurnLimits { output_chars_max: CHARS_MAX, ..TurnLimits::default() },
        };
        let session = Session::new(rules, now);
        Self {
            stored: session.snapshot(),
            session,
            rules,
            now,
            inbox: Vec::new(),
            ended: BTreeMap::new(),
            process: 0,
            taken: 0,
            disabled: false,
            loading: false,
            turn: None,
            closing: None,
            runs: BTreeMap::new(),
            named: None,
            stored_named: None,
            opened: None,
            ending: BTreeMap::new(),
            armed: false,
            script: setting.script.clone(),
            crashes: setting.crashes,
            died: 0,
            parks: setting.parks,
            patience: setting.patience,
        }
    }

    /// The epoch so many before the last one given out; one there never was for `u64::MAX`.
    #[must_use]
    pub fn epoch(&self, back: u64) -> u64 {
        let newest = self.session.snapshot().epoch.0;
        if back == u64::MAX { newest + 1 } else { newest.saturating_sub(back) }
    }

    pub(super) fn item(&self, seq: u64) -> Item {
        let index = usize::try_from(seq).ok().and_then(|seq| seq.checked_sub(1));
        *index.and_then(|index| self.inbox.get(index)).expect("something of the inbox")
    }

    pub(super) fn is_ended(&self, seq: u64) -> bool {
        self.ended.contains_key(&seq) || self.ending.contains_key(&seq)
    }

    /// Questions taken in that have not ended, the running one included.
    pub(super) fn open_questions(&self) -> Vec<u64> {
        (1..=self.taken).filter(|seq| self.is_question(*seq) && !self.is_ended(*seq)).collect()
    }

    pub(super) fn is_question(&self, seq: u64) -> bool {
        matches!(self.item(seq).kind, Taken::Ask | Taken::AskedAgain)
    }

    pub(super) fn last(&self) -> u64 {
        self.inbox.len() as u64
    }

    pub(super) fn tell(&mut self, event: Event) -> Result<Effects, Rejected> {
        let before = self.session.clone();
        let mut twin = before.clone();
        let result = self.session.apply(event.clone(), self.now);
        assert_eq!(twin.apply(event, self.now), result, "not the same twice");
        assert_eq!(twin, self.session);
        if result.is_err() {
            assert_eq!(self.session, before, "rejected, but changed");
        }
        result
    }

    pub(super) fn next(&self) -> Option<u64> {
        (self.taken + 1..=self.last()).find(|seq| !self.ended.contains_key(seq))
    }

    pub(super) fn take(&mut self) {
        let Some(seq) = self.next() else { return };
        let (before, item) = (self.clone(), self.item(seq));
        self.taken = seq;
        let effects = self.tell(self.taken_event(seq)).expect("the next entry is taken");
        self.see(&effects);
        self.took(&before, seq, item);
        self.commit(effects.durability);
    }

    pub(super) fn taken_event(&self, seq: u64) -> Event {
        let item = self.item(seq);
        let resumed = item.process < self.process;
        Event::Taken { seq: Seq(seq), kind: item.kind, accepted_at: item.at, written_at: item.at, resumed }
    }

    /// What is stored as begun.
    pub(super) fn stored_begun(&self) -> Option<u64> {
        self.stored.attempts.map(|it| it.seq.0)
    }

    /// The end of a step: stored, or lost with the process.
    pub(super) fn commit(&mut self, durability: Durability) {
        if durability != Durability::Now {
            assert!(self.ending.is_empty(), "an end without a commit");
            return;
        }
        if self.armed {
            return self.crash();
        }
        for (seq, outcome) in std::mem::take(&mut self.ending) {
            assert_eq!(self.ended.insert(seq, outcome), None, "{seq} ends twice");
        }
        let stored = std::mem::replace(&mut self.stored, self.session.snapshot());
        let (before, now) = (stored.attempts.map(|it| it.seq.0), self.stored_begun());
        assert!(now.is_none() || now == before || now == self.opened, "stored as begun, and is not");
        self.stored_named = self.named;
    }

    pub(super) fn crash(&mut self) {
        self.crashes = self.crashes.saturating_sub(1);
        self.died += 1;
        self.restart();
    }

    pub(super) fn restart(&mut self) {
        self.process += 1;
        self.session = Session::restore(self.stored.clone(), self.rules);
        (self.turn, self.closing, self.opened, self.armed) = (None, None, None, false);
        self.runs.clear();
        self.named = self.stored_named;
        self.ending.clear();
        (self.taken, self.loading) = (0, true);
        let mut merged = self.tell(Event::Held(Hold::Loading)).expect("held");
        if self.disabled {
            self.tell(Event::Held(Hold::Disabled)).expect("held");
        }
        while let Some(seq) = self.next() {
            self.taken = seq;
            let more = self.tell(self.taken_event(seq)).expect("what has not ended is taken in again");
            self.see(&more);
            merged.durability = merged.durability.max(more.durability);
        }
        self.loading = false;
        let more = self.tell(Event::Released(Hold::Loading)).expect("released");
        self.see(&more);
        self.commit(merged.durability.max(more.durability));
    }

    pub(super) fn run(&mut self, epoch: u64, said: Said) {
        let event = match said {
            Said::Started(number) => {
                Event::Started { epoch: Epoch(epoch), handle: number.map(name), continuation: None }
            }
            Said::Heard(chars) => Event::Heard { epoch: Epoch(epoch), chars },
            Said::Completed => Event::Completed { epoch: Epoch(epoch), continuation: None, cut: None },
            Said::Failed(failure, shown) => Event::Failed { epoch: Epoch(epoch), failure, shown },
        };
        let (is_heard, newest) = (self.runs.get(&epoch) == Some(&Run::Open), self.epoch(0));
        match self.tell(event) {
            Ok(effects) => {
                assert!(is_heard, "a run that is over or was given up changes something");
                let before = self.clone();
                self.said(epoch, said);
                self.see(&effects);
                self.heard(&before, said);
                self.commit(effects.durability);
            }
            Err(rejected) => {
                assert!(!is_heard, "a run is not listened to: {rejected}");
                assert_eq!(rejected.is_alarm(), epoch > newest, "{rejected}");
            }
        }
    }

    pub(super) fn closed(&mut self, epoch: u64) {
        let is_awaited = self.closing.is_some_and(|(awaited, _)| awaited == epoch);
        match self.tell(Event::Closed { epoch: Epoch(epoch) }) {
            Ok(effects) => {
                assert!(is_awaited, "the closing of another run counts");
                self.closing = None;
                self.see(&effects);
                self.commit(effects.durability);
            }
            Err(rejected) => assert!(!is_awaited, "the closing does not count: {rejected}"),
        }
    }

    pub(super) fn pass(&mut self, millis: u64) {
        self.now = self.now.after(Duration::from_millis(millis));
        let due = self.session.deadline().is_some_and(|deadline| deadline.at <= self.now);
        let before = self.session.clone();
        let effects = self.session.expire(self.now);
        if !due {
            assert_eq!((&self.session, &effects), (&before, &Effects::default()), "before the deadline");
        }
        self.closing = self.closing.filter(|(_, until)| *until > self.now);
        self.see(&effects);
        if let Some(deadline) = self.session.deadline() {
            assert!(deadline.at > self.now, "still due: {deadline:?}");
        }
        let after = self.session.clone();
        assert_eq!((self.session.expire(self.now), &self.session), (Effects::default(), &after), "twice");
        self.commit(effects.durability);
    }

    /// As if the clock of everybody who owes something had stood still; pauses go on.
    pub(super) fn stall(&mut self, millis: u64) {
        let span = Duration::from_millis(millis);
        self.now = self.now.after(span);
        self.session.stalled(span);
        self.closing = self.closing.map(|(epoch, until)| (epoch, until.after(span)));
        if let Some(turn) = &mut self.turn {
            turn.began_at = turn.began_at.after(span);
            match &mut turn.step {
                Step::Asked(at) | Step::Heard(at) => *at = at.after(span),
                Step::Pausing(_) => {}
            }
        }
        self.pass(0);
    }
}

/// The name of a run upstream: nothing for 0, too long to be kept for 255.
pub(super) fn name(number: u8) -> String {
    match number {
        0 => String::new(),
        u8::MAX => "x".repeat(HANDLE_BYTES_MAX + 1),
        1..u8::MAX => format!("run {number}"),
    }
}
