//! What a step of a conversation leaves behind: things to store, then things to do.

use alloc::string::String;
use alloc::vec::Vec;

use crate::channel::ErrorCode;
use crate::ids::{Epoch, MessageId, RetryNumber, Seq};
use crate::inbox::Again;
use crate::message::Target;
use crate::outbound::{Format, News};
use crate::outcome::{FailureCause, Outcome};
use crate::reply::{self, CallNumber, CardCall, Claim, Durability, Reply, Tried, Way};
use crate::snapshot::{ReplyId, ReplyRole, TranscriptLine};
use crate::time::Timestamp;

/// What a step leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    /// To do, in order, after the commit where one is due ([`Perform::Cancel`] excepted).
    pub perform: Vec<Perform>,
    /// Whether, and when, the conversation has to be stored.
    pub durability: Durability,
    /// Entries that ended; part of the commit.
    pub ended: Vec<(Seq, Outcome)>,
    /// Transcript lines; part of the commit.
    pub transcript: Vec<TranscriptLine>,
    /// Failure records; part of the commit.
    pub failures: Vec<Failed>,
    /// News of messages that nobody asked for; part of the commit.
    pub news: Vec<News>,
    /// What the channel's status should show.
    pub notes: Vec<ErrorCode>,
    /// Replies that reached their end with this step.
    pub replies_done: Vec<ReplyId>,
}

/// A failure to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The entry.
    pub seq: Seq,
    /// The platform's id of the message.
    pub message: MessageId,
    /// Which retry of it failed.
    pub retry: RetryNumber,
    /// Why.
    pub cause: FailureCause,
    /// Crash attempts by then.
    pub attempts: u32,
    /// When.
    pub at: Timestamp,
    /// The ways of answering that were tried.
    pub tried: Tried,
    /// What a retry does.
    pub again: Again,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Perform {
    /// Ask the agent; what it says comes back as `Event::Run`.
    Ask {
        /// The entry.
        seq: Seq,
        /// The run's epoch.
        epoch: Epoch,
    },
    /// Stop a run; comes back as `Event::Closed`. May be done before the commit.
    Cancel {
        /// The run's epoch.
        epoch: Epoch,
    },
    /// Stop a run that nobody here listens to; comes back as `Event::Closed`, when the agent has answered.
    CancelUpstream {
        /// The epoch that the closing is reported with.
        epoch: Epoch,
        /// What the agent calls the run.
        handle: String,
    },
    /// Look up what the entry's command asks for; comes back as `Event::LookedUp`.
    LookUp {
        /// The entry.
        seq: Seq,
    },
    /// Wait for a place in the platform's budget; comes back as `Event::Granted`.
    Claim {
        /// The reply.
        reply: ReplyId,
        /// The call.
        call: CallNumber,
        /// What for.
        claim: Claim,
        /// Since when people have seen nothing new of this reply.
        since: Timestamp,
        /// The message answered: names the card.
        message: MessageId,
        /// Which retry of it: part of the card's name.
        retry: RetryNumber,
    },
    /// Make a card call; comes back as `Event::CardDone`.
    Card {
        /// The reply.
        reply: ReplyId,
        /// The call's number.
        call: CallNumber,
        /// Where.
        target: Target,
        /// The message answered: names the card.
        message: MessageId,
        /// Which retry of it: part of the card's name.
        retry: RetryNumber,
        /// Crash attempts so far.
        attempt: u32,
        /// What.
        card: CardCall,
    },
    /// Send a plain message; comes back as `Event::PartDone`.
    Send {
        /// The reply.
        reply: ReplyId,
        /// The call's number.
        call: CallNumber,
        /// Where.
        target: Target,
        /// What.
        text: String,
        /// How it is meant.
        format: Format,
        /// Which way.
        way: Way,
    },
}

impl Effects {
    /// Adds what a reply wants.
    pub(super) fn of_reply(&mut self, reply: &Reply, effects: reply::Effects, now: Timestamp) {
        self.durability = self.durability.max(effects.durability);
        let facts = reply.facts();
        let id = facts.id;
        for effect in effects.list {
            match effect {
                reply::Effect::Claim { call, claim, since } => self.perform.push(Perform::Claim {
                    reply: id,
                    call,
                    claim,
                    since,
                    message: facts.message.clone(),
                    retry: facts.retry,
                }),
                reply::Effect::Card { call, card } => self.perform.push(Perform::Card {
                    reply: id,
                    call,
                    target: facts.target.clone(),
                    message: facts.message.clone(),
                    retry: facts.retry,
                    attempt: facts.attempt,
                    card,
                }),
                reply::Effect::Send { call, text, way } => {
                    self.perform.push(Perform::Send {
                        reply: id,
                        call,
                        target: facts.target.clone(),
                        text,
                        format: facts.format,
                        way,
                    });
                }
                // That a message waited is nothing to deliver later.
                reply::Effect::Fail { .. } if id.role == ReplyRole::Note => {}
                reply::Effect::Fail { cause, text } => self.failures.push(Failed {
                    seq: id.seq,
                    message: facts.message.clone(),
                    retry: facts.retry,
                    cause,
                    attempts: facts.attempt,
                    at: now,
                    tried: reply.tried(),
                    again: Again::deliver(text, &facts.target, now),
                }),
                reply::Effect::Tell(progress) => {
                    self.news.push(News { message: facts.message.clone(), progress });
                }
                reply::Effect::Note(code) => self.notes.push(code),
            }
        }
    }
}
