//! The inbox: what was accepted and has not ended yet. The store keeps it (R2); machines take it in by sequence.

use alloc::string::String;
use alloc::vec::Vec;

use crate::choice::Lookup;
use crate::content::Attachment;
use crate::ids::{FencingToken, MessageId, RetryNumber, Seq};
use crate::message::{Chat, Sender, SessionAddress, Target};
use crate::outbound::Format;
use crate::outcome::Refusal;
use crate::time::Timestamp;

/// Asks waiting in one conversation, at most; the next one is refused with a sentence.
pub const INBOX_ENTRIES_MAX: u32 = 50;

/// One accepted message or control act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Position in the conversation's inbox.
    pub seq: Seq,
    /// When it was stored.
    pub accepted_at: Timestamp,
    /// The partition's fence at that moment: older than the reader's lease means that an earlier owner may have begun it.
    pub fence: FencingToken,
    /// The platform's id, or a made-up one for control through the API.
    pub message: MessageId,
    /// Which retry of it this is.
    pub retry: RetryNumber,
    /// Where it was written.
    pub chat: Chat,
    /// Who wrote it.
    pub sender: Sender,
    /// When the platform says it was sent.
    pub sent_at: Timestamp,
    /// A short-lived address for answers.
    pub session_address: Option<SessionAddress>,
    /// What it asks for.
    pub intake: Intake,
}

/// What a retry puts into the inbox: an entry without its place, its message and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// Where it was written.
    pub chat: Chat,
    /// Who wrote it.
    pub sender: Sender,
    /// When the platform says it was sent; for an answer that did not arrive, when that was found out.
    pub sent_at: Timestamp,
    /// The short-lived address that came with the message; most likely it works no more.
    pub session_address: Option<SessionAddress>,
    /// What to do again: [`Intake::Ask`] or [`Intake::Deliver`].
    pub intake: Intake,
}

impl Again {
    /// Asks an entry's question again.
    #[must_use]
    pub fn ask(entry: Entry) -> Self {
        let Entry { chat, sender, sent_at, session_address, intake, .. } = entry;
        Self { chat, sender, sent_at, session_address, intake }
    }

    /// Delivers a text again.
    #[must_use]
    pub fn deliver(text: String, target: &Target, at: Timestamp) -> Self {
        let im_user_id = target.im_user_id.clone();
        let opaque_id = im_user_id.clone().unwrap_or_default();
        Self {
            chat: target.chat.clone(),
            sender: Sender { im_user_id, opaque_id, name: String::new() },
            sent_at: at,
            session_address: target.session_address.clone(),
            intake: Intake::Deliver { text },
        }
    }
}

/// What an inbox entry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intake {
    /// A question for the agent.
    Ask {
        /// The text; names the files where they stood. See [`crate::content::Content::into_question`].
        text: String,
        /// The files, at most [`crate::content::ATTACHMENTS_MAX`].
        attachments: Vec<Attachment>,
        /// What the platform calls the bot's own answer that is quoted without its words, at most
        /// [`crate::content::KEY_BYTES_MAX`] bytes; the turn puts them in.
        quotes: Option<String>,
    },
    /// An answer that was given and did not arrive: it is delivered again, without asking the agent (R9).
    Deliver {
        /// What did not arrive; not blank.
        text: String,
    },
    /// A message that nobody asked for: it waits for no agent, and its own record tells what becomes of it.
    Send {
        /// Its text; not blank.
        text: String,
        /// How it is meant.
        format: Format,
    },
    /// A control act (R3): affects only entries with a smaller sequence.
    Control {
        /// What to do.
        control: Control,
        /// Where it came from: the chat gets a notice, the API gets its own answer.
        origin: Origin,
    },
    /// A command whose answer takes a look at what is outside the conversation.
    Lookup(Lookup),
    /// Not taken on; the author is told once.
    Refused(Refusal),
}

/// Control acts, from chat commands and from the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    /// `/new`, `/reset`: a new session.
    New,
    /// `/stop`, `/stop all`.
    Stop {
        /// Whether waiting messages are withdrawn too.
        all: bool,
    },
    /// The stop button on one answer's card: ends that turn if it still runs, and touches nothing else.
    StopAnswer {
        /// The entry that the card answers.
        seq: Seq,
    },
    /// `/help`.
    Help,
    /// The channel is being deleted: running replies end, waiting messages are refused.
    Withdraw,
}

/// Where a control act came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A command in the chat.
    Chat,
    /// The HTTP API.
    Api,
}

/// What was decided about a first delivery (R1); stored with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Taken in.
    Admit,
    /// Refused with one sentence to the author.
    Refuse(Refusal),
    /// Refused without a word: the author was told about earlier ones already, or it is not for the bot. Nothing but
    /// the deduplication mark is kept.
    Pass(Refusal),
}
