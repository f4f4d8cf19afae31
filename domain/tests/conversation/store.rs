//! A store that forgets nothing it was told to keep, and objects to what no store should be told.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_domain::conversation::{Effects, Failed};
use switchboard_domain::ids::{FencingToken, MessageId, RetryNumber, Seq};
use switchboard_domain::inbox::{Control, Entry, INBOX_ENTRIES_MAX, Intake, Origin};
use switchboard_domain::message::{Chat, ChatKind, Sender, SessionAddress};
use switchboard_domain::outbound::{Format, News, Progress};
use switchboard_domain::outcome::{FailureCause, Outcome, Refusal};
use switchboard_domain::snapshot::{ConversationSnapshot, TranscriptLine};
use switchboard_domain::time::Timestamp;

/// What survives a crash.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    /// Everything ever accepted, in order.
    pub(crate) entries: Vec<Entry>,
    pub(crate) outcomes: BTreeMap<Seq, Outcome>,
    pub(crate) snapshot: Option<ConversationSnapshot>,
    pub(crate) transcript: Vec<TranscriptLine>,
    pub(crate) failures: Vec<Failed>,
    /// Records of messages that nobody asked for.
    pub(crate) records: BTreeMap<MessageId, Progress>,
    /// Failures that were retried, by their place.
    pub(crate) retried: BTreeSet<usize>,
    pub(crate) fence: FencingToken,
}

impl Store {
    pub(crate) fn accept(
        &mut self,
        intake: Intake,
        session_address: Option<SessionAddress>,
        now: Timestamp,
    ) -> Seq {
        let seq = Seq(u64::try_from(self.entries.len()).unwrap() + 1);
        let waiting = self.entries.len() - self.outcomes.len();
        let intake = match intake {
            Intake::Ask { .. } if waiting >= INBOX_ENTRIES_MAX as usize => {
                Intake::Refused(Refusal::InboxFull)
            }
            // Words that no agent says.
            Intake::Send { format, .. } => {
                self.records.insert(MessageId::new(format!("m{seq}")), Progress::default());
                let words: Vec<_> = (0..25).map(|word| format!("k{}q{word}", 900_000 + seq.0)).collect();
                Intake::Send { text: words.join(" "), format }
            }
            Intake::Ask { .. }
            | Intake::Deliver { .. }
            | Intake::Control { .. }
            | Intake::Lookup(_)
            | Intake::Refused(_) => intake,
        };
        self.entries.push(Entry {
            seq,
            accepted_at: now,
            fence: self.fence,
            message: MessageId::new(format!("m{seq}")),
            retry: RetryNumber(0),
            chat: Chat { id: "chat".to_owned(), kind: ChatKind::Private, title: None },
            sender: Sender {
                im_user_id: Some("staff".to_owned()),
                opaque_id: "person".to_owned(),
                name: String::new(),
            },
            sent_at: now,
            session_address,
            intake,
        });
        seq
    }

    /// A failure is retried, as an operator does it: `false` where there is none that was not, or no room.
    pub(crate) fn retry(&mut self, which: usize, now: Timestamp) -> bool {
        let retried = &self.retried;
        let open: Vec<_> = (0..self.failures.len()).filter(|number| !retried.contains(number)).collect();
        let waiting = self.entries.len() - self.outcomes.len();
        if open.is_empty() || waiting >= INBOX_ENTRIES_MAX as usize {
            return false;
        }
        let number = open[which % open.len()];
        let Failed { message, again, .. } = self.failures[number].clone();
        self.entries.push(Entry {
            seq: Seq(u64::try_from(self.entries.len()).unwrap() + 1),
            accepted_at: now,
            fence: self.fence,
            message,
            retry: RetryNumber(u64::try_from(number).unwrap() + 1),
            chat: again.chat,
            sender: again.sender,
            sent_at: again.sent_at,
            session_address: again.session_address,
            intake: again.intake,
        });
        self.retried.insert(number)
    }

    /// Whether a message that nobody asked for waits: nothing but a withdrawal ends it unsent.
    pub(crate) fn has_messages(&self) -> bool {
        self.open_entries(Seq(0)).iter().any(|entry| matches!(entry.intake, Intake::Send { .. }))
    }

    /// The card that answers an entry.
    pub(crate) fn card_of(&self, seq: Seq) -> MessageId {
        let entry = self.entry(seq);
        card_of(&entry.message, entry.retry)
    }

    /// What `load` hands over: entries after `after` that have not ended.
    pub(crate) fn open_entries(&self, after: Seq) -> Vec<Entry> {
        let is_open = |entry: &&Entry| entry.seq > after && !self.outcomes.contains_key(&entry.seq);
        self.entries.iter().filter(is_open).cloned().collect()
    }

    pub(crate) fn commit(&mut self, snapshot: ConversationSnapshot, effects: &Effects) {
        self.snapshot = Some(snapshot);
        for (seq, outcome) in &effects.ended {
            let before = self.outcomes.insert(*seq, *outcome);
            assert_eq!(before, None, "message {seq} ended a second time, with {outcome:?}");
        }
        for News { message, progress } in &effects.news {
            let record = self.records.get_mut(message).expect("news of a message that there is");
            assert!(!record.state().is_final(), "{message} was {:?} already", record.state());
            record.take_in(progress.clone());
        }
        self.transcript.extend(effects.transcript.iter().cloned());
        self.failures.extend(effects.failures.iter().cloned());
    }

    pub(crate) fn entry(&self, seq: Seq) -> &Entry {
        self.entries.iter().find(|entry| entry.seq == seq).unwrap()
    }

    pub(crate) fn failed_with(&self, seq: Seq, cause: FailureCause) -> bool {
        self.failures.iter().any(|failed| failed.seq == seq && failed.cause == cause)
    }

    /// Which session a message belongs to: one more after each `/new` before it.
    pub(crate) fn session_of(&self, seq: Seq) -> u64 {
        let is_new = |entry: &&Entry| {
            entry.seq < seq && matches!(entry.intake, Intake::Control { control: Control::New, .. })
        };
        1 + u64::try_from(self.entries.iter().filter(is_new).count()).unwrap()
    }
}

/// The name of the card that answers a message, or a retry of it (R8).
pub(crate) fn card_of(message: &MessageId, retry: RetryNumber) -> MessageId {
    if retry == RetryNumber(0) { message.clone() } else { MessageId::new(format!("{message} {retry}")) }
}

/// A question.
pub(crate) fn ask(text: &str) -> Intake {
    Intake::Ask { text: text.to_owned(), attachments: Vec::new(), quotes: None }
}

/// A message that nobody asked for.
pub(crate) fn send(format: Format) -> Intake {
    Intake::Send { text: String::new(), format }
}

/// A command in the chat.
pub(crate) fn command(control: Control) -> Intake {
    Intake::Control { control, origin: Origin::Chat }
}

/// Two steps that are committed together.
pub(crate) fn merge(into: &mut Effects, more: Effects) {
    let Effects { perform, durability, ended, transcript, failures, news, notes, replies_done } = more;
    into.perform.extend(perform);
    into.durability = into.durability.max(durability);
    into.ended.extend(ended);
    into.transcript.extend(transcript);
    into.failures.extend(failures);
    into.news.extend(news);
    into.notes.extend(notes);
    into.replies_done.extend(replies_done);
}
