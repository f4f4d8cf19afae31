//! A store that forgets nothing it was told to keep, and objects to what no store should be told.

use std::collections::BTreeMap;

use switchboard_domain::conversation::{Effects, Failed};
use switchboard_domain::ids::{FencingToken, MessageId, Seq};
use switchboard_domain::inbox::{Control, Entry, INBOX_ENTRIES_MAX, Intake, Origin};
use switchboard_domain::message::{Chat, ChatKind, Sender, SessionAddress};
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
            Intake::Ask { .. } | Intake::Control { .. } | Intake::Refused(_) => intake,
        };
        self.entries.push(Entry {
            seq,
            accepted_at: now,
            fence: self.fence,
            message: MessageId::new(format!("m{seq}")),
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

/// A question.
pub(crate) fn ask(text: &str) -> Intake {
    Intake::Ask { text: text.to_owned(), attachments: Vec::new(), quotes: None }
}

/// A command in the chat.
pub(crate) fn command(control: Control) -> Intake {
    Intake::Control { control, origin: Origin::Chat }
}
