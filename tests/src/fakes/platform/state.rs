//! What the platform remembers.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_domain::channel::CloseCause;
use switchboard_domain::ids::{ChannelId, ConnectionId, MessageId, RetryNumber};
use switchboard_domain::reply::{CardCall, CardOutcome, Claim};
use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::Used;
use switchboard_ports::provider::{CardRequest, ConnectionSink, Meter};
use tokio_util::sync::CancellationToken;

use super::{Called, Card, FakePlatform, Manner, Seen};

/// An open connection.
pub(super) struct Socket {
    pub(super) id: ConnectionId,
    pub(super) driver: usize,
    pub(super) channel: ChannelId,
    pub(super) sink: Arc<dyn ConnectionSink>,
    pub(super) cut: CancellationToken,
    pub(super) meter: Arc<dyn Meter>,
}

impl Socket {
    /// Something is pushed over it.
    pub(super) fn pushed(&self) -> Arc<dyn ConnectionSink> {
        self.meter.count(Used::Push);
        Arc::clone(&self.sink)
    }
}

pub(super) struct State {
    pub(super) manner: Manner,
    pub(super) connections_at_once: usize,
    pub(super) cards_on: bool,
    pub(super) cards: BTreeMap<MessageId, Card>,
    pub(super) seen: Vec<Seen>,
    pub(super) calls: Vec<Called>,
    pub(super) claims: Vec<Claim>,
    pub(super) claims_waiting: usize,
    pub(super) tested: Vec<bool>,
    pub(super) sockets: Vec<Socket>,
    pub(super) opened: BTreeMap<ChannelId, u32>,
    pub(super) connections_panicked_at: u32,
    pub(super) refuse_connections: Option<CloseCause>,
    pub(super) secret_taken: Option<String>,
    pub(super) under_way: BTreeMap<MessageId, u32>,
    pub(super) overlapping: u32,
    pub(super) cut_calls: u32,
    pub(super) fetches: Vec<String>,
    pub(super) fetching: u32,
    pub(super) fetches_at_once: u32,
}

/// The card that answers a message, or a retry of it.
pub(super) fn card_of(message: &MessageId, retry: RetryNumber) -> MessageId {
    if retry == RetryNumber(0) {
        message.clone()
    } else {
        MessageId::new(format!("{message}, retry {retry}"))
    }
}

/// The card that a call is for.
pub(super) fn named(request: &CardRequest) -> MessageId {
    card_of(&request.message, request.retry)
}

impl State {
    /// A connection is open. Where the platform keeps the newest only, the others are closed.
    pub(super) fn connected(&mut self, socket: Socket) {
        *self.opened.entry(socket.channel.clone()).or_default() += 1;
        if self.manner == Manner::Newest {
            let older = self.sockets.extract_if(.., |other| other.channel == socket.channel);
            older.for_each(|other| other.cut.cancel());
        }
        let of_channel = self.sockets.iter().filter(|other| other.channel == socket.channel).count();
        self.connections_at_once = self.connections_at_once.max(of_channel + 1);
        self.sockets.push(socket);
    }

    pub(super) fn new() -> Self {
        Self {
            manner: Manner::default(),
            connections_at_once: 0,
            cards_on: true,
            cards: BTreeMap::new(),
            seen: Vec::new(),
            calls: Vec::new(),
            claims: Vec::new(),
            claims_waiting: 0,
            tested: Vec::new(),
            sockets: Vec::new(),
            opened: BTreeMap::new(),
            connections_panicked_at: 0,
            refuse_connections: None,
            secret_taken: None,
            under_way: BTreeMap::new(),
            overlapping: 0,
            cut_calls: 0,
            fetches: Vec::new(),
            fetching: 0,
            fetches_at_once: 0,
        }
    }

    /// Does a card call, as the platform understands it.
    pub(super) fn show(&mut self, request: &CardRequest, at: Timestamp) -> CardOutcome {
        let name = named(request);
        let exists = self.cards.contains_key(&name);
        let (text, last) = match &request.call {
            CardCall::Open { .. } if exists => return CardOutcome::Done,
            CardCall::Update { .. } | CardCall::Finish { .. } if !exists => return CardOutcome::Missing,
            CardCall::Open { text, .. } | CardCall::Update { text } => (text.clone(), false),
            CardCall::Finish { text, .. } => (text.clone(), true),
        };
        let card = self.cards.entry(name.clone()).or_default();
        if card.finished {
            // The same call again is the same call; anything else comes too late.
            return if card.text == text { CardOutcome::Done } else { CardOutcome::AlreadyFinished };
        }
        card.text.clone_from(&text);
        card.finished = last;
        card.finishes += u32::from(last);
        let chat = request.target.chat.id.clone();
        self.seen.push(Seen { at, chat, card: Some(name), text, last });
        CardOutcome::Done
    }
}

impl FakePlatform {
    /// Whether claims on the budget wait from now on.
    pub fn hold_claims(&self, held: bool) {
        self.inner.claims_held.set(held);
    }

    /// Whether the platform lets nobody's calls through, and with which words. Hold the claims as well.
    pub fn bar(&self, words: Option<&str>) {
        self.inner.barred.set(words.map(str::to_owned));
    }

    /// Of each test of settings, whether the channel was enabled.
    pub fn tested(&self) -> Vec<bool> {
        self.state().tested.clone()
    }

    /// Claims that wait now.
    pub fn claims_waiting(&self) -> usize {
        self.state().claims_waiting
    }

    /// All claims, in order, granted or not.
    pub fn claims(&self) -> Vec<Claim> {
        self.state().claims.clone()
    }
}
