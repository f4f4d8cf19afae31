//! The simulated shell: apply, commit, perform, in this order, with a crash between any two of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use switchboard_domain::conversation::{
    ANSWERS_OPEN_MAX, Conversation, Effects, Event, NOTES_MAX, Perform, Policy, Said,
};
use switchboard_domain::ids::{Epoch, MessageId, Seq};
use switchboard_domain::inbox::Intake;
use switchboard_domain::message::SessionAddress;
use switchboard_domain::rejected::Rejected;
use switchboard_domain::reply::{CallNumber, CardCall, Durability, Way};
use switchboard_domain::snapshot::{ReplyId, ReplyRole};
use switchboard_domain::time::Timestamp;

use super::judge;
use super::laws;
use super::platform::{Luck, Platform};
use super::store::{Store, card_of, merge};

/// A call is bounded in time by the link that makes it.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the process dies next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fuse {
    /// Before the next commit.
    BeforeCommit,
    /// After the next commit, with so many of its things performed.
    AfterCommit(u8),
}

/// Everything there is: what survives a crash, and the process.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) policy: Policy,
    pub(crate) store: Store,
    pub(crate) platform: Platform,
    pub(crate) process: Process,
    pub(crate) ledger: Ledger,
    pub(crate) fuse: Option<Fuse>,
    /// How long the next commit waits for the store.
    pub(crate) stall: Duration,
    /// When what is performed now was decided.
    pub(crate) decided_at: Timestamp,
    pub(crate) disabled: bool,
    /// Decides what becomes of calls under way at a crash.
    pub(crate) dice: u64,
}

/// What dies in a crash.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) conversation: Conversation,
    pub(crate) began_at: Timestamp,
    pub(crate) claims: Vec<(ReplyId, CallNumber)>,
    pub(crate) calls: Vec<Flight>,
    pub(crate) runs: Vec<Run>,
    /// Commands that were looked up.
    pub(crate) looks: BTreeSet<Seq>,
    /// Outcomes told before, to be told again.
    pub(crate) told: Vec<Event>,
    /// When each reply of this process was seen ended.
    pub(crate) ended: BTreeMap<ReplyId, Timestamp>,
    pub(crate) numbers: BTreeSet<(ReplyId, CallNumber)>,
    pub(crate) dirty: bool,
    /// Replies that came back from the store, and entries that may have begun before.
    restored: usize,
    resumed: usize,
}

/// A call on its way.
#[derive(Debug, Clone)]
pub(crate) struct Flight {
    pub(crate) reply: ReplyId,
    pub(crate) call: CallNumber,
    pub(crate) what: Request,
    pub(crate) since: Timestamp,
}

/// What a call asks of the platform.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// A card call.
    Card(MessageId, CardCall),
    /// A plain message.
    Send(String, Way),
}

/// The agent at work.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    pub(crate) number: u32,
    pub(crate) epoch: Epoch,
    pub(crate) seq: Seq,
    pub(crate) words: u32,
    pub(crate) cancelled: bool,
    pub(crate) over: bool,
}

/// What the judge wants to know and nobody else keeps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) runs: u32,
    /// Words an agent said when nobody listened any more.
    pub(crate) late_words: BTreeSet<String>,
    /// Plain messages that were sent, or may have been.
    pub(crate) maybe_sent: BTreeSet<(ReplyId, String)>,
    /// Runs begun for each message.
    pub(crate) asked: BTreeMap<Seq, u32>,
    /// Calls in order, for stories.
    pub(crate) visible: Vec<(ReplyId, Timestamp)>,
    /// When each reply claimed its first call.
    pub(crate) claimed: BTreeMap<ReplyId, Timestamp>,
    pub(crate) crashes: u32,
    pub(crate) parks: u32,
}

impl World {
    pub(crate) fn new(policy: Policy, dice: u64) -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let mut store = Store::default();
        store.fence = store.fence.next();
        let process = Process::new(Conversation::restore(None, policy, now), now);
        let mut world = Self {
            now,
            policy,
            store,
            platform: Platform::default(),
            process,
            ledger: Ledger::default(),
            fuse: None,
            stall: Duration::ZERO,
            decided_at: now,
            disabled: false,
            dice,
        };
        world.step(&Event::Loaded).unwrap();
        world
    }

    pub(crate) fn accept(&mut self, intake: Intake, session_address: Option<SessionAddress>) -> Seq {
        self.store.accept(intake, session_address, self.now)
    }

    /// Takes in what is new in the inbox.
    pub(crate) fn feed(&mut self) {
        loop {
            let next = self.store.open_entries(self.process.conversation.session().taken());
            let Some(entry) = next.into_iter().next() else { return };
            // A crash on the way takes the rest in with the restart.
            self.step(&Event::Taken { entry, resumed: false, locale: None }).unwrap();
        }
    }

    /// One event through the machine, with every law checked.
    pub(crate) fn step(&mut self, event: &Event) -> Result<(), Rejected> {
        let effects = laws::apply(&mut self.process.conversation, event, self.now)?;
        self.finish_step(effects);
        Ok(())
    }

    /// The end of every step: cancel, commit, perform.
    pub(crate) fn finish_step(&mut self, effects: Effects) {
        for perform in &effects.perform {
            if let Perform::Cancel { epoch } = perform {
                let run = self.process.runs.iter_mut().find(|run| run.epoch == *epoch);
                run.expect("a run that was begun").cancelled = true;
            }
        }
        let commits = effects.durability == Durability::Now;
        if commits && self.fuse == Some(Fuse::BeforeCommit) {
            return self.crash();
        }
        self.decided_at = self.now;
        match effects.durability {
            Durability::Now => {
                let stall = std::mem::take(&mut self.stall);
                self.now = self.now.after(stall);
                self.process.conversation.stalled(stall);
                self.store.commit(self.process.conversation.snapshot(), &effects);
                self.process.dirty = false;
            }
            Durability::Lazy => self.process.dirty = true,
            Durability::None => assert!(
                effects.ended.is_empty() && effects.transcript.is_empty() && effects.failures.is_empty(),
                "something to store without a commit: {effects:?}"
            ),
        }
        self.bounds_hold();
        for reply in self.process.conversation.replies().iter().filter(|reply| reply.is_ended()) {
            self.process.ended.entry(reply.facts().id).or_insert(self.now);
        }
        let mut left = match self.fuse {
            Some(Fuse::AfterCommit(count)) if commits => Some(count),
            Some(Fuse::AfterCommit(_) | Fuse::BeforeCommit) | None => None,
        };
        for perform in effects.perform {
            match &mut left {
                Some(0) => return self.crash(),
                Some(count) => *count -= 1,
                None => {}
            }
            self.perform(perform);
        }
        if left.is_some() {
            self.crash();
        }
    }

    fn perform(&mut self, perform: Perform) {
        match perform {
            Perform::Ask { seq, epoch } => self.begin_run(seq, epoch),
            // Done before the commit.
            Perform::Cancel { .. } => {}
            Perform::CancelUpstream { epoch, .. } => {
                // Nothing but its closing counts.
                self.process.runs.push(Run { epoch, cancelled: true, ..Run::default() });
            }
            Perform::LookUp { seq } => {
                assert!(self.process.looks.insert(seq), "{seq} is looked up twice");
            }
            Perform::Claim { reply, call, .. } => {
                assert!(self.process.numbers.insert((reply, call)), "call {call} of {reply:?} twice");
                self.ledger.claimed.entry(reply).or_insert(self.now);
                self.process.claims.push((reply, call));
            }
            Perform::Card { reply, call, message, retry, card, .. } => {
                judge::card_call_is_allowed(self, reply, &card);
                self.take_off(reply, call, Request::Card(card_of(&message, retry), card));
            }
            Perform::Send { reply, call, text, way, .. } => {
                judge::send_is_allowed(self, reply, &text, way);
                self.take_off(reply, call, Request::Send(text, way));
            }
        }
    }

    fn begin_run(&mut self, seq: Seq, epoch: Epoch) {
        // A run stopped by the same batch of events is not begun at all.
        if self.process.conversation.session().running() != Some((seq, epoch)) {
            return;
        }
        judge::ask_is_allowed(self, seq);
        *self.ledger.asked.entry(seq).or_default() += 1;
        self.ledger.runs += 1;
        let number = self.ledger.runs;
        self.process.runs.push(Run { number, epoch, seq, words: 0, cancelled: false, over: false });
    }

    fn take_off(&mut self, reply: ReplyId, call: CallNumber, what: Request) {
        judge::order_is_kept(self, reply);
        let is_card = |what: &Request| matches!(what, Request::Card(..));
        let is_same = |other: &&Flight| {
            let same_card = other.reply.seq == reply.seq && is_card(&other.what) && is_card(&what);
            other.reply == reply || same_card
        };
        let flights = self.process.calls.iter().filter(is_same);
        assert_eq!(flights.count(), 0, "two calls of {reply:?} at once");
        self.ledger.visible.push((reply, self.now));
        self.process.calls.push(Flight { reply, call, what, since: self.now });
    }

    /// A call comes back.
    pub(crate) fn land(&mut self, index: usize, luck: Luck) {
        let flight = self.process.calls.remove(index);
        let event = self.arrive(&flight, luck);
        self.process.told.push(event.clone());
        self.step(&event).unwrap();
    }

    pub(crate) fn arrive(&mut self, flight: &Flight, luck: Luck) -> Event {
        let (reply, call) = (flight.reply, flight.call);
        match &flight.what {
            Request::Card(message, card) => {
                Event::CardDone { reply, call, outcome: self.platform.card(message, card, luck) }
            }
            Request::Send(text, way) => {
                let outcome = self.platform.send(reply, text, *way, luck);
                match luck {
                    Luck::Works | Luck::WorksUnheard | Luck::LostUnheard => {
                        self.ledger.maybe_sent.insert((reply, text.clone()));
                    }
                    Luck::Throttled(_) | Luck::NotSent | Luck::Refused => {}
                }
                Event::PartDone { reply, call, outcome }
            }
        }
    }

    /// The process dies, and another one goes on from what was stored.
    pub(crate) fn crash(&mut self) {
        self.ledger.crashes += 1;
        for flight in std::mem::take(&mut self.process.calls) {
            self.dice =
                self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let arrives = self.dice >> 63 == 1;
            let _ = self.arrive(&flight, if arrives { Luck::WorksUnheard } else { Luck::LostUnheard });
        }
        self.restart();
    }

    /// A new process: everything that has not ended is taken in, then work begins.
    pub(crate) fn restart(&mut self) {
        self.fuse = None;
        self.store.fence = self.store.fence.next();
        let restored = Conversation::restore(self.store.snapshot.clone(), self.policy, self.now);
        self.process = Process::new(restored, self.now);
        let mut effects = Effects::default();
        let fence = self.store.fence;
        let taken = self.store.open_entries(Seq(0)).into_iter().map(|entry| {
            let resumed = entry.fence < fence;
            Event::Taken { entry, resumed, locale: None }
        });
        let held = self.disabled.then_some(Event::Held(switchboard_domain::session::Hold::Disabled));
        for event in taken.chain(held).chain([Event::Loaded]) {
            self.process.resumed += usize::from(matches!(event, Event::Taken { resumed: true, .. }));
            let more = laws::apply(&mut self.process.conversation, &event, self.now).unwrap();
            merge(&mut effects, more);
        }
        self.finish_step(effects);
    }

    /// Something the run says.
    pub(crate) fn say(&mut self, index: usize, said: Said) -> Result<(), Rejected> {
        let epoch = self.process.runs[index].epoch;
        self.step(&Event::Run { epoch, said })
    }

    /// Lets time pass; what becomes due on the way is done when it is due.
    pub(crate) fn wait(&mut self, span: Duration) {
        let until = self.now.after(span);
        loop {
            let overdue =
                self.process.calls.iter().position(|flight| flight.since.after(CALL_TIMEOUT) <= until);
            let due =
                self.process.conversation.deadline().map(|deadline| deadline.at).filter(|at| *at <= until);
            match (overdue, due) {
                (Some(index), due)
                    if due.is_none_or(|at| self.process.calls[index].since.after(CALL_TIMEOUT) <= at) =>
                {
                    self.now = self.now.max(self.process.calls[index].since.after(CALL_TIMEOUT));
                    self.land(index, Luck::LostUnheard);
                }
                (_, Some(at)) => {
                    self.now = self.now.max(at);
                    self.expire();
                }
                (_, None) => break,
            }
        }
        // A commit on the way may have waited for longer than that.
        self.now = self.now.max(until);
    }

    pub(crate) fn expire(&mut self) {
        let effects = laws::expire(&mut self.process.conversation, self.now);
        self.finish_step(effects);
    }

    fn bounds_hold(&self) {
        let replies = self.process.conversation.replies().iter();
        let answers = replies.filter(|reply| reply.facts().id.role == ReplyRole::Answer).count();
        // What came back from the store is there; a turn found begun is closed by a `/stop` however many are open.
        assert!(
            answers <= ANSWERS_OPEN_MAX.max(self.process.restored) + self.process.resumed + NOTES_MAX,
            "{answers} answers"
        );
    }
}

impl Process {
    fn new(conversation: Conversation, began_at: Timestamp) -> Self {
        let restored = conversation.replies().len();
        Self {
            conversation,
            began_at,
            claims: Vec::new(),
            calls: Vec::new(),
            runs: Vec::new(),
            looks: BTreeSet::new(),
            told: Vec::new(),
            ended: BTreeMap::new(),
            numbers: BTreeSet::new(),
            dirty: false,
            restored,
            resumed: 0,
        }
    }
}
