//! What is remembered of a run while processes come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use switchboard_domain::ids::{ConversationId, MessageId, Seq};
use switchboard_domain::message::Inbound;
use switchboard_domain::outcome::Outcome;
use switchboard_ports::clock::Clock;

use crate::fakes::clock::SimClock;
use crate::fakes::store::Stored;
use crate::model::{Act, Asked, End, What};

/// When the world begins.
const BEGINNING: u64 = 1_800_000_000_000;

/// What is remembered; a clone is the same.
#[derive(Clone)]
pub(super) struct Ledger {
    clock: Arc<SimClock>,
    inner: Arc<Mutex<Pages>>,
}

/// What is written there.
#[derive(Default)]
pub(super) struct Pages {
    /// What happened, in order.
    pub(super) log: Vec<(u64, String)>,
    /// What was said and done.
    pub(super) acts: Vec<Act>,
    /// What is or was pushed: the messages of acts.
    pub(super) letters: Vec<Letter>,
    /// What the agent was asked.
    pub(super) asked: Vec<Asked>,
    /// How often each question was asked.
    pub(super) runs: BTreeMap<u64, u64>,
    /// How entries ended.
    pub(super) ends: Vec<End>,
    /// Messages given in through the API: id, key, chat.
    pub(super) given: Vec<(String, u64, String)>,
    /// Channels that are to be deleted, and whether they are.
    pub(super) deleted: BTreeMap<&'static str, bool>,
    /// Calls of which so many of a hundred go wrong.
    pub(super) platform_percent: u64,
    /// Moves made.
    pub(super) made: usize,
    /// Which entries are which messages, and which retry of them.
    entries: BTreeMap<(ConversationId, Seq), (String, u64)>,
    commits: BTreeSet<String>,
}

/// A message that the platform pushes until it is acked.
pub(super) struct Letter {
    /// The message.
    pub(super) message: Inbound,
    /// Where to.
    pub(super) channel: &'static str,
    /// Its act.
    pub(super) act: usize,
    /// When it is pushed next; `None` while a push is under way.
    pub(super) due: Option<u64>,
}

impl Ledger {
    /// An empty one.
    pub(super) fn new(clock: Arc<SimClock>) -> Self {
        Self { clock, inner: Arc::default() }
    }

    /// What is written.
    pub(super) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the beginning.
    pub(super) fn now(&self) -> u64 {
        self.clock.now().as_millis() - BEGINNING
    }

    /// Writes down what happens.
    pub(super) fn note(&self, what: impl Into<String>) {
        let now = self.now();
        self.pages().log.push((now, what.into()));
    }

    /// The whole log.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (at, what) in &self.pages().log {
            writeln!(text, "{at:>9} {what}").expect("a string");
        }
        text
    }

    /// Something is said or done now.
    pub(super) fn act(
        &self,
        id: &str,
        chat: String,
        conversation: String,
        what: What,
        in_chat: bool,
    ) -> usize {
        let id = id.to_owned();
        let at = self.now();
        let act = Act { id, chat, conversation, what, at, acked_at: None, place: None, retries: 0, in_chat };
        let mut pages = self.pages();
        pages.acts.push(act);
        pages.acts.len() - 1
    }

    /// What was said or done is known to have been taken in.
    pub(super) fn acked(&self, act: usize) {
        let now = self.now();
        self.pages().acts[act].acked_at.get_or_insert(now);
    }

    /// A retry of a message stands in the inbox.
    pub(super) fn retried(&self, conversation: &ConversationId, seq: Seq, message: &MessageId, retry: u64) {
        self.pages().entries.insert((conversation.clone(), seq), (message.to_string(), retry));
    }

    /// Takes note of what the store did.
    pub(super) fn stored(&self, stored: &Stored<'_>) {
        let now = self.now();
        let mut pages = self.pages();
        match stored {
            Stored::Taken { conversation, message, seq: Some(seq) } => {
                let act = pages.acts.iter_mut().find(|act| act.id == message.as_str());
                if let Some(act) = act {
                    act.place = Some((0, seq.0));
                }
                let entry = ((*conversation).clone(), *seq);
                pages.entries.insert(entry, (message.to_string(), 0));
                pages.log.push((now, format!("{message} is entry {seq} of {conversation}")));
            }
            Stored::Taken { message, seq: None, .. } => {
                pages.log.push((now, format!("{message} is passed over")));
            }
            Stored::Committed(commit) => {
                if !pages.commits.insert(commit.id.to_string()) {
                    return;
                }
                for (seq, outcome) in &commit.ended {
                    let entry = (commit.conversation.clone(), *seq);
                    let Some((message, retry)) = pages.entries.get(&entry).cloned() else { continue };
                    pages.log.push((now, format!("{message}, retry {retry}, ends as {outcome:?}")));
                    let outcome = match outcome {
                        Outcome::Answered => "answered",
                        Outcome::Cancelled => "cancelled",
                        Outcome::Refused(_) => "refused",
                        Outcome::Failed(_) => "failed",
                        Outcome::Joined | Outcome::HandedOver => continue,
                    };
                    pages.ends.push(End { message, retry, outcome, at: now });
                }
                for failure in &commit.failures {
                    let (message, cause) = (&failure.failure.message, failure.failure.cause.as_str());
                    pages.log.push((now, format!("{message} is recorded as {cause}")));
                }
            }
        }
    }

    /// Nothing is under way any more.
    pub(super) fn process_died(&self) {
        let now = self.now();
        let mut pages = self.pages();
        let pages = &mut *pages;
        for letter in pages.letters.iter_mut().filter(|letter| pages.acts[letter.act].acked_at.is_none()) {
            letter.due.get_or_insert(now);
        }
    }
}
