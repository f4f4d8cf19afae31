//! The account of a type fuzz: which pushes have to be acknowledged and answered, and which of them were.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::observe::Observed;
use crate::records::Violation;

/// Messages accounted for.
const MESSAGES_MAX: usize = 20_000;
/// Messages listed by name in a report.
const LISTED_MAX: usize = 100;

/// What a correct client owes to a push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// Nothing: it is garbage. The client must only survive it.
    #[default]
    Nothing,
    /// An acknowledgement; whether there is anything to answer is the client's business.
    Acknowledge,
    /// An acknowledgement and an end: the protocol promises that this shape can be read.
    Answer,
}

/// One disturbed delivery.
#[derive(Clone, Debug, Serialize)]
pub struct FuzzedPush {
    /// `headers.messageId`.
    pub header_id: String,
    /// What was done to it.
    pub mutations: Vec<&'static str>,
    /// What is owed to it.
    pub duty: Duty,
}

/// One message with its disturbed deliveries.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FuzzedMessage {
    /// `msgId`.
    pub msg_id: String,
    /// The most that is owed to one of its deliveries.
    pub duty: Duty,
    /// Its deliveries while the plan ran.
    pub pushes: Vec<FuzzedPush>,
    /// Text that an echoing robot repeats; only for messages of the plan's own traffic.
    pub marker: Option<String>,
}

/// How many messages owe something, and how many of these were served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Messages sent.
    pub sent: u64,
    /// Of these, acknowledged.
    pub acked: u64,
    /// Of these, with a marker.
    pub marked: u64,
    /// Of the marked ones, those whose marker the robot repeated.
    pub repeated: u64,
}

/// Messages that no connection was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Undelivered {
    /// How many.
    pub count: u64,
    /// Their `msgId`s (the first 100).
    pub msg_ids: Vec<String>,
}

/// A type fuzz, judged. Every message pushed while the plan ran is in exactly one of `answer`, `acknowledge`, `garbage`,
/// `undelivered` and `unaccounted`.
#[derive(Clone, Debug, Serialize)]
pub struct FuzzReport {
    /// Seed of the run.
    pub seed: u64,
    /// Pushes are still being disturbed.
    pub running: bool,
    /// Messages that have to be acknowledged and answered.
    pub answer: Kept,
    /// Messages that have to be acknowledged.
    pub acknowledge: Kept,
    /// Garbage: nothing is owed.
    pub garbage: Kept,
    /// Messages that were pushed and never sent to a connection.
    pub undelivered: Undelivered,
    /// Messages pushed beyond the 20,000 that an account holds: nothing is known about them.
    pub unaccounted: u64,
    /// Messages that have to be acknowledged and were not (the first 100).
    pub unacked: Vec<FuzzedMessage>,
    /// Messages that have to be answered and whose marker was not repeated (the first 100).
    pub unanswered: Vec<FuzzedMessage>,
    /// How often each thing was done to a push.
    pub mutations: BTreeMap<&'static str, u64>,
    /// Frames sent beside pushes, by kind.
    pub beside: BTreeMap<&'static str, u64>,
    /// What the client did wrong since the start.
    pub violations: Vec<Violation>,
}

/// Everything noted since a plan started.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) seed: u64,
    pub(crate) started: bool,
    violations_before: u64,
    messages: Vec<FuzzedMessage>,
    numbers: HashMap<String, usize>,
    unaccounted: u64,
    mutations: BTreeMap<&'static str, u64>,
    beside: BTreeMap<&'static str, u64>,
}

impl Account {
    pub(crate) fn new(seed: u64, forgotten: u64, kept: usize) -> Self {
        let violations_before = forgotten.saturating_add(u64::try_from(kept).unwrap_or(u64::MAX));
        Self { seed, started: true, violations_before, ..Self::default() }
    }

    fn message(&mut self, msg_id: &str) -> Option<&mut FuzzedMessage> {
        let number = match self.numbers.get(msg_id) {
            Some(number) => *number,
            None if self.messages.len() >= MESSAGES_MAX => return None,
            None => {
                let number = self.messages.len();
                self.numbers.insert(msg_id.to_owned(), number);
                self.messages.push(FuzzedMessage { msg_id: msg_id.to_owned(), ..FuzzedMessage::default() });
                number
            }
        };
        self.messages.get_mut(number)
    }

    /// A message was pushed.
    pub(crate) fn pushed(&mut self, msg_id: &str) {
        if self.message(msg_id).is_none() {
            self.unaccounted = self.unaccounted.saturating_add(1);
        }
    }

    /// A message went out under this id. If it was not disturbed, it is one like any other: to be answered.
    pub(crate) fn delivered(&mut self, msg_id: &str, header_id: &str) {
        if let Some(number) = self.numbers.get(msg_id).copied()
            && let Some(message) = self.messages.get_mut(number)
            && message.pushes.last().is_none_or(|last| last.header_id != header_id)
        {
            message.duty = Duty::Answer;
            message.pushes.push(FuzzedPush {
                header_id: header_id.to_owned(),
                mutations: Vec::new(),
                duty: Duty::Answer,
            });
        }
    }

    /// A delivery was disturbed.
    pub(crate) fn push(&mut self, msg_id: &str, push: FuzzedPush) {
        for name in &push.mutations {
            let count = self.mutations.entry(name).or_default();
            *count = count.saturating_add(1);
        }
        if let Some(message) = self.message(msg_id) {
            message.duty = message.duty.max(push.duty);
            message.pushes.push(push);
        }
    }

    /// The robot is expected to repeat the marker.
    pub(crate) fn expect(&mut self, msg_id: &str, marker: Option<String>) {
        if let Some(number) = self.numbers.get(msg_id).copied()
            && let Some(message) = self.messages.get_mut(number)
        {
            message.marker = marker;
        }
    }

    /// A frame was sent that is no push.
    pub(crate) fn beside(&mut self, name: &'static str) {
        let count = self.beside.entry(name).or_default();
        *count = count.saturating_add(1);
    }

    pub(crate) fn judge(&self, seen: &Observed, running: bool) -> FuzzReport {
        let mut report = FuzzReport {
            seed: self.seed,
            running,
            answer: Kept::default(),
            acknowledge: Kept::default(),
            garbage: Kept::default(),
            undelivered: Undelivered::default(),
            unaccounted: self.unaccounted,
            unacked: Vec::new(),
            unanswered: Vec::new(),
            mutations: self.mutations.clone(),
            beside: self.beside.clone(),
            violations: Vec::new(),
        };
        let said = said_by_conversation(seen);
        for message in &self.messages {
            if message.pushes.is_empty() {
                report.undelivered.count = report.undelivered.count.saturating_add(1);
                if report.undelivered.msg_ids.len() < LISTED_MAX {
                    report.undelivered.msg_ids.push(message.msg_id.clone());
                }
                continue;
            }
            let pushed = seen.message(&message.msg_id);
            let acked = pushed.is_some_and(|pushed| pushed.acked.is_some());
            let conversation = pushed.map(|pushed| pushed.conversation.as_str());
            let texts = conversation.and_then(|id| said.get(id)).map(String::as_str).unwrap_or_default();
            let repeated = message.marker.as_ref().map(|marker| texts.contains(marker.as_str()));
            let kept = match message.duty {
                Duty::Answer => &mut report.answer,
                Duty::Acknowledge => &mut report.acknowledge,
                Duty::Nothing => &mut report.garbage,
            };
            kept.sent = kept.sent.saturating_add(1);
            kept.acked = kept.acked.saturating_add(u64::from(acked));
            kept.marked = kept.marked.saturating_add(u64::from(repeated.is_some()));
            kept.repeated = kept.repeated.saturating_add(u64::from(repeated == Some(true)));
            if message.duty > Duty::Nothing && !acked && report.unacked.len() < LISTED_MAX {
                report.unacked.push(message.clone());
            }
            let unanswered = message.duty == Duty::Answer && repeated == Some(false);
            if unanswered && report.unanswered.len() < LISTED_MAX {
                report.unanswered.push(message.clone());
            }
        }
        let before = self.violations_before.saturating_sub(seen.violations.forgotten());
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        report.violations = seen.violations.iter().skip(before).take(LISTED_MAX).cloned().collect();
        report
    }
}

/// Everything that robots said, by conversation.
fn said_by_conversation(seen: &Observed) -> HashMap<&str, String> {
    seen.conversations.keys().map(|id| (id.as_str(), seen.robot_texts(id).join("\n"))).collect()
}
