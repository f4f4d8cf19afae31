//! A platform that keeps its promises and nothing more: card calls are idempotent by card, plain messages are not.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::MessageId;
use switchboard_domain::reply::{CardCall, CardOutcome, PartOutcome, Way};
use switchboard_domain::snapshot::ReplyId;

/// How a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Luck {
    /// It works, and says so.
    Works,
    /// It works, and the answer is lost.
    WorksUnheard,
    /// It does not work, and the answer is lost.
    LostUnheard,
    /// The platform is busy for so many milliseconds.
    Throttled(u32),
    /// No connection.
    NotSent,
    /// Not allowed.
    Refused,
}

/// What the platform shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Platform {
    pub(crate) cards: BTreeMap<MessageId, Card>,
    /// Plain messages people see, in order.
    pub(crate) messages: Vec<Message>,
}

/// A card people see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) text: String,
    pub(crate) finished: bool,
    pub(crate) failed: bool,
}

/// A plain message people see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) reply: ReplyId,
    pub(crate) text: String,
    pub(crate) way: Way,
}

impl Platform {
    pub(crate) fn card(&mut self, message: &MessageId, call: &CardCall, luck: Luck) -> CardOutcome {
        match luck {
            Luck::Works => self.on_card(message, call),
            Luck::WorksUnheard => {
                let _ = self.on_card(message, call);
                CardOutcome::Unknown
            }
            Luck::LostUnheard => CardOutcome::Unknown,
            Luck::Throttled(millis) => CardOutcome::Throttled { retry_after: pause(millis) },
            Luck::NotSent => CardOutcome::NotSent,
            Luck::Refused => CardOutcome::Refused(ErrorCode::PermissionDenied),
        }
    }

    fn on_card(&mut self, message: &MessageId, call: &CardCall) -> CardOutcome {
        let card = self.cards.get_mut(message);
        match (call, card) {
            (CardCall::Open { .. }, Some(_)) => CardOutcome::Done,
            (CardCall::Open { text, .. }, None) => {
                let card = Card { text: text.clone(), finished: false, failed: false };
                self.cards.insert(message.clone(), card);
                CardOutcome::Done
            }
            (CardCall::Update { .. } | CardCall::Finish { .. }, None) => CardOutcome::Missing,
            (CardCall::Update { .. } | CardCall::Finish { .. }, Some(card)) if card.finished => {
                CardOutcome::AlreadyFinished
            }
            (CardCall::Update { text }, Some(card)) => {
                card.text.clone_from(text);
                CardOutcome::Done
            }
            (CardCall::Finish { text, failed }, Some(card)) => {
                *card = Card { text: text.clone(), finished: true, failed: *failed };
                CardOutcome::Done
            }
        }
    }

    pub(crate) fn send(&mut self, reply: ReplyId, text: &str, way: Way, luck: Luck) -> PartOutcome {
        match luck {
            Luck::Works => {
                self.messages.push(Message { reply, text: text.to_owned(), way });
                PartOutcome::Sent
            }
            Luck::WorksUnheard => {
                self.messages.push(Message { reply, text: text.to_owned(), way });
                PartOutcome::Unknown
            }
            Luck::LostUnheard => PartOutcome::Unknown,
            Luck::Throttled(millis) => PartOutcome::Throttled { retry_after: pause(millis) },
            Luck::NotSent => PartOutcome::NotSent,
            Luck::Refused => PartOutcome::Refused(ErrorCode::PermissionDenied),
        }
    }
}

fn pause(millis: u32) -> Duration {
    Duration::from_millis(u64::from(millis))
}
