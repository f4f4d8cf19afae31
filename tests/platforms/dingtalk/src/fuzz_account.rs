//! The account of a type fuzz: which pushes have to be acknowledged and answered, and which of them were.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use crate::fuzz_traffic;
use crate::observe::Observed;
use crate::records::Violation;

/// Messages accounted for.
const MESSAGES_MAX: usize = 20_000;
/// Messages listed by name in a report.
const LISTED_MAX: usize = 100;
/// Deliveries listed of one message.
const PUSHES_MAX: usize = 20;

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

/// One delivery.
#[derive(Clone, Debug, Serialize)]
pub struct FuzzedPush {
    /// `headers.messageId`.
    pub header_id: String,
    /// What was done to it; nothing after the end of the plan.
    pub mutations: Vec<&'static str>,
    /// What is owed to it.
    pub duty: Duty,
}

/// One message with its deliveries.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FuzzedMessage {
    /// `msgId`.
    pub msg_id: String,
    /// `conversationId`.
    pub conversation: String,
    /// The most that is owed to a delivery that a connection took.
    pub duty: Duty,
    /// Deliveries that a connection took.
    pub taken: u64,
    /// It will not be repeated any more although nobody acknowledged it.
    pub given_up: bool,
    /// Its deliveries since the plan began (the first 20).
    pub pushes: Vec<FuzzedPush>,
    /// Text that an echoing robot repeats; only for messages of the plan's own traffic.
    pub marker: Option<String>,
    #[serde(skip)]
    acked: bool,
    /// The marker was found in something that is not remembered any more.
    #[serde(skip)]
    repeated: bool,
}

impl FuzzedMessage {
    /// It never arrived, or the platform gave it up although something is owed to it.
    fn is_undelivered(&self) -> bool {
        !self.acked && (self.taken == 0 || (self.given_up && self.duty > Duty::Nothing))
    }
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

/// Messages that did not get through.
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
    /// Messages pushed while the plan ran, and older ones that it disturbed: the sum of all classes.
    pub pushed: u64,
    /// Messages that have to be acknowledged and answered.
    pub answer: Kept,
    /// Messages that have to be acknowledged.
    pub acknowledge: Kept,
    /// Garbage: nothing is owed.
    pub garbage: Kept,
    /// Messages that no connection has taken, and those given up although something is owed to them.
    pub undelivered: Undelivered,
    /// Messages beyond the 20,000 that an account holds: nothing is known about them. One that is older than the plan counts
    /// with each of its deliveries.
    pub unaccounted: u64,
    /// Messages that have to be acknowledged and were not, those given up included (the first 100).
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
    /// Number of the first message of the plan.
    first: u64,
    messages: Vec<FuzzedMessage>,
    /// Where each `msgId` is in `messages`.
    numbers: HashMap<String, usize>,
    /// Where the message of each marker is in `messages`.
    markers: HashMap<u64, usize>,
    unaccounted: u64,
    mutations: BTreeMap<&'static str, u64>,
    beside: BTreeMap<&'static str, u64>,
}

impl Account {
    pub(crate) fn new(seed: u64, before: &Observed) -> Self {
        let violations_before = before.violations.next_number();
        let first = before.messages.next_number();
        Self { seed, started: true, violations_before, first, ..Self::default() }
    }

    fn known(&mut self, msg_id: &str) -> Option<&mut FuzzedMessage> {
        self.messages.get_mut(*self.numbers.get(msg_id)?)
    }

    /// A message was pushed: from here on it is accounted for.
    pub(crate) fn pushed(&mut self, msg_id: &str, conversation: &str, marker: Option<u64>) {
        if self.numbers.contains_key(msg_id) {
            return;
        }
        let number = self.messages.len();
        if number >= MESSAGES_MAX {
            self.unaccounted = self.unaccounted.saturating_add(1);
            return;
        }
        self.numbers.insert(msg_id.to_owned(), number);
        if let Some(marker) = marker {
            self.markers.insert(marker, number);
        }
        self.messages.push(FuzzedMessage {
            msg_id: msg_id.to_owned(),
            conversation: conversation.to_owned(),
            marker: marker.map(|marker| fuzz_traffic::marker(self.seed, marker)),
            ..FuzzedMessage::default()
        });
    }

    /// A message from before the plan is about to be disturbed.
    pub(crate) fn enter_older(&mut self, seen: &Observed, msg_id: &str) {
        let number = seen.message_numbers.get(msg_id).copied().filter(|number| *number < self.first);
        let Some(older) = number.and_then(|number| seen.messages.numbered(number)) else {
            return;
        };
        self.pushed(msg_id, &older.conversation, None);
        if let Some(message) = self.known(msg_id) {
            message.acked = older.acked.is_some();
            message.given_up = older.given_up;
        }
    }

    /// A delivery is on its way to a connection.
    pub(crate) fn push(&mut self, msg_id: &str, push: FuzzedPush) {
        for name in &push.mutations {
            let count = self.mutations.entry(name).or_default();
            *count = count.saturating_add(1);
        }
        if let Some(message) = self.known(msg_id).filter(|message| message.pushes.len() < PUSHES_MAX) {
            message.pushes.push(push);
        }
    }

    /// A connection took a delivery.
    pub(crate) fn taken(&mut self, msg_id: &str, duty: Duty) {
        if let Some(message) = self.known(msg_id) {
            message.taken = message.taken.saturating_add(1);
            message.duty = message.duty.max(duty);
        }
    }

    pub(crate) fn acked(&mut self, msg_id: &str) {
        if let Some(message) = self.known(msg_id) {
            message.acked = true;
        }
    }

    pub(crate) fn given_up(&mut self, msg_id: &str) {
        if let Some(message) = self.known(msg_id) {
            message.given_up = true;
        }
    }

    /// A robot said this, and it will not be found when the account is judged.
    pub(crate) fn said(&mut self, conversation: &str, text: &str) {
        if !self.started {
            return;
        }
        for number in self.repeated_in(conversation, text) {
            if let Some(message) = self.messages.get_mut(number) {
                message.repeated = true;
            }
        }
    }

    /// Which messages of the conversation have their markers in the text.
    fn repeated_in(&self, conversation: &str, text: &str) -> Vec<usize> {
        let markers = fuzz_traffic::markers_in(self.seed, text).into_iter();
        let numbers = markers.filter_map(|marker| self.markers.get(&marker).copied());
        let is_here = |number: &usize| {
            self.messages.get(*number).is_some_and(|message| message.conversation == conversation)
        };
        numbers.filter(is_here).collect()
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
            pushed: self.unaccounted.saturating_add(u64::try_from(self.messages.len()).unwrap_or(u64::MAX)),
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
        let shown: HashSet<usize> = seen
            .conversations
            .keys()
            .flat_map(|id| seen.robot_texts(id).into_iter().flat_map(move |text| self.repeated_in(id, &text)))
            .collect();
        for (number, message) in self.messages.iter().enumerate() {
            report.add(message, message.repeated || shown.contains(&number));
        }
        let before = self.violations_before.saturating_sub(seen.violations.forgotten());
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        report.violations = seen.violations.iter().skip(before).take(LISTED_MAX).cloned().collect();
        report
    }
}

impl FuzzReport {
    /// Puts a message into its class, and into the lists of what is still owed.
    fn add(&mut self, message: &FuzzedMessage, repeated: bool) {
        let repeated = message.marker.as_ref().map(|_| repeated);
        if message.duty > Duty::Nothing && !message.acked && self.unacked.len() < LISTED_MAX {
            self.unacked.push(message.clone());
        }
        let unanswered = message.duty == Duty::Answer && repeated == Some(false);
        if unanswered && self.unanswered.len() < LISTED_MAX {
            self.unanswered.push(message.clone());
        }
        if message.is_undelivered() {
            self.undelivered.count = self.undelivered.count.saturating_add(1);
            if self.undelivered.msg_ids.len() < LISTED_MAX {
                self.undelivered.msg_ids.push(message.msg_id.clone());
            }
            return;
        }
        let kept = match message.duty {
            Duty::Answer => &mut self.answer,
            Duty::Acknowledge => &mut self.acknowledge,
            Duty::Nothing => &mut self.garbage,
        };
        kept.sent = kept.sent.saturating_add(1);
        kept.acked = kept.acked.saturating_add(u64::from(message.acked));
        kept.marked = kept.marked.saturating_add(u64::from(repeated.is_some()));
        kept.repeated = kept.repeated.saturating_add(u64::from(repeated == Some(true)));
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Duty, FuzzedPush, LISTED_MAX, MESSAGES_MAX, PUSHES_MAX};
    use crate::observe::{KEPT, Observed};

    #[test]
    fn what_is_beyond_the_bounds_is_counted_and_not_kept() {
        let seen = Observed::new(KEPT);
        let mut account = Account::new(1, &seen);
        for number in 0..MESSAGES_MAX + 3 {
            account.pushed(&format!("m{number}"), "c", None);
        }
        account.pushed("m0", "c", None);
        let push = || FuzzedPush { header_id: "h".to_owned(), mutations: vec![], duty: Duty::Answer };
        for _ in 0..PUSHES_MAX + 5 {
            account.push("m0", push());
            account.taken("m0", Duty::Answer);
        }
        // Beyond the bound: it stays in its class, whatever happens to it.
        account.push("m20001", push());
        account.taken("m20001", Duty::Answer);
        let report = account.judge(&seen, false);
        let kept = u64::try_from(MESSAGES_MAX).unwrap();
        assert_eq!((report.pushed, report.unaccounted), (kept + 3, 3));
        assert_eq!((report.answer.sent, report.undelivered.count), (1, kept - 1));
        assert_eq!(report.undelivered.msg_ids.len(), LISTED_MAX);
        assert_eq!(report.undelivered.msg_ids[0], "m1");
        let taken = u64::try_from(PUSHES_MAX + 5).unwrap();
        assert_eq!((report.unacked[0].pushes.len(), report.unacked[0].taken), (PUSHES_MAX, taken));
    }

    #[test]
    fn a_marker_counts_in_its_own_conversation_also_when_the_text_is_not_remembered() {
        let seen = Observed::new(KEPT);
        let mut account = Account::new(10, &seen);
        for (number, msg_id) in [(1, "one"), (12, "twelve"), (3, "three")] {
            account.pushed(msg_id, "here", Some(number));
            account.taken(msg_id, Duty::Answer);
        }
        account.said("elsewhere", "You said: fuzz-a-1.");
        account.said("here", "You said: fuzz-a-12.长 fuzz-b-3. fuzz-a-3");
        let report = account.judge(&seen, false);
        assert_eq!((report.answer.marked, report.answer.repeated), (3, 1));
        let missing: Vec<&str> = report.unanswered.iter().map(|it| it.msg_id.as_str()).collect();
        assert_eq!(missing, ["one", "three"]);
    }

    #[test]
    fn garbage_that_was_given_up_is_still_garbage_and_what_was_acked_in_the_end_got_through() {
        let seen = Observed::new(KEPT);
        let mut account = Account::new(1, &seen);
        for (msg_id, duty) in [("ruined", Duty::Nothing), ("owed", Duty::Acknowledge), ("late", Duty::Answer)]
        {
            account.pushed(msg_id, "c", None);
            account.taken(msg_id, duty);
            account.given_up(msg_id);
        }
        account.acked("late");
        let report = account.judge(&seen, false);
        assert_eq!(report.undelivered.msg_ids, ["owed"]);
        assert_eq!((report.garbage.sent, report.acknowledge.sent, report.answer.acked), (1, 0, 1));
        assert!(report.unacked[0].given_up && report.unacked.len() == 1);
    }
}
