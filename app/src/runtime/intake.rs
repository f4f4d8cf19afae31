//! From a platform's push to an entry in the inbox: decide what it asks for, accept, ack, wake (R1 to R5).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::command;
use switchboard_domain::content::{Content, Question};
use switchboard_domain::ids::{ConnectionId, ConversationKey, FencingToken, Seq};
use switchboard_domain::inbox::{Control, Entry, Intake, Origin, Verdict};
use switchboard_domain::message::{Body, ChatKind, Inbound};
use switchboard_domain::outcome::Refusal;
use switchboard_domain::settings::GroupScope;
use switchboard_domain::time::Timestamp;
use switchboard_domain::username::reads_as_it_is;
use switchboard_ports::conversations::{Accepted, Arrival};
use switchboard_ports::error::StoreError;
use switchboard_ports::provider::{Ack, ConnectionSink, Press, Pressed, Signal};
use tokio::sync::Mutex as FairMutex;
use tokio::time::Instant;

use super::channel::{Bot, ChannelHandle, Message};
use super::fast_lane;
use super::files::Job;
use super::gate::Gate;
use super::lines::{Lines, Place};
use super::shared::Shared;
use super::timeline;
use super::troubles::Kind;
use crate::telemetry::metrics as names;

/// Pushes of one connection held un-acked while the store is away (R4).
const HELD_MAX: u32 = 64;
/// Pushes of one connection that the store has not answered yet: a store that is slow is not away, but one that takes
/// this long for so many cannot be told from it.
const UNANSWERED_MAX: u32 = 1_024;
/// Signs of life passed on per connection: one in this time is enough for every watchdog.
const HEARD_INTERVAL: Duration = Duration::from_secs(1);
/// The pause before a push is offered to the store again.
const OFFER_PAUSE: Duration = Duration::from_millis(200);

/// Where one connection reports to.
pub(crate) struct Sink {
    shared: Arc<Shared>,
    handle: Arc<ChannelHandle>,
    connection: ConnectionId,
    heard_at: AtomicU64,
    trouble: Arc<Trouble>,
}

/// What the pushes of one connection share.
#[derive(Default)]
struct Trouble {
    /// Pushes offered to the store and not answered.
    unanswered: AtomicU32,
    /// Pushes that the store refused once.
    held: AtomicU32,
    /// While the store is away, pushes queue here.
    queue: FairMutex<()>,
    /// Of one conversation, in frame order.
    lines: Arc<Lines>,
}

impl Sink {
    pub(crate) fn new(shared: &Arc<Shared>, handle: &Arc<ChannelHandle>, connection: ConnectionId) -> Self {
        Self {
            shared: Arc::clone(shared),
            handle: Arc::clone(handle),
            connection,
            heard_at: AtomicU64::new(0),
            trouble: Arc::default(),
        }
    }
}

impl ConnectionSink for Sink {
    fn signal(&self, signal: Signal) {
        if signal == Signal::Heard {
            let now = self.shared.now().as_millis();
            let last = self.heard_at.load(Ordering::Relaxed);
            let interval = u64::try_from(HEARD_INTERVAL.as_millis()).unwrap_or(u64::MAX);
            if last != 0 && now.saturating_sub(last) < interval {
                return;
            }
            self.heard_at.store(now.max(1), Ordering::Relaxed);
        }
        if !self.handle.tell(Message::Signal(self.connection, signal)) {
            tracing::warn!(channel = %self.handle.id, "the channel's task is busy; a signal was dropped");
        }
    }

    fn offer(&self, message: Inbound) -> BoxFuture<'static, Ack> {
        let bot = self.handle.bot();
        self.shared.tally.message();
        metrics::counter!(names::MESSAGES_RECEIVED, "channel" => self.handle.id.to_string()).increment(1);
        if message.body == Body::Withheld {
            // There is nothing to answer; the company's quota is the message.
            self.handle.note(ErrorCode::QuotaExceeded, "a message came without its content".to_owned());
            return futures_util::future::ready(Ack::Stored).boxed();
        }
        if self.shared.stopping.is_cancelled() || self.handle.is_withdrawn() {
            return futures_util::future::ready(Ack::Withheld).boxed();
        }
        let (arrival, gate) = arrival(&self.shared, &self.handle, &bot, message);
        let waiting = Waiting {
            received_at: self.shared.now(),
            arrival,
            gate,
            shared: Arc::clone(&self.shared),
            handle: Arc::clone(&self.handle),
            trouble: Arc::clone(&self.trouble),
        };
        // The call enqueues: order of calls is order of acceptance. In trouble, order is kept by the lines instead.
        let mut place = self.trouble.lines.enter(&waiting.arrival.key);
        let unanswered = Counted::one_more(&self.trouble, |trouble| &trouble.unanswered);
        let is_calm = self.trouble.held.load(Ordering::Relaxed) == 0 && !waiting.is_pointless();
        let calm = is_calm && !self.shared.is_behind();
        let first = calm.then(|| waiting.submit());
        async move {
            let _unanswered = unanswered;
            waiting.accept(first, &mut place).await
        }
        .boxed()
    }

    fn press(&self, press: Press) -> BoxFuture<'static, Pressed> {
        super::press::press(&self.shared, &self.handle, &press)
    }
}

type Submitted = BoxFuture<'static, Result<Accepted, StoreError>>;

/// An arrival that may have to be offered more than once.
struct Waiting {
    received_at: Timestamp,
    arrival: Arrival,
    gate: Arc<Gate>,
    shared: Arc<Shared>,
    handle: Arc<ChannelHandle>,
    trouble: Arc<Trouble>,
}

impl Waiting {
    fn submit(&self) -> Submitted {
        self.shared.ports.conversations.accept(self.arrival.clone())
    }

    /// Stores the message, if the store can be reached before the patience with it is over (R4).
    async fn accept(self, first: Option<Submitted>, place: &mut Place) -> Ack {
        let patience = self.shared.settings.store_patience;
        // Dropping an `accept` does not undo it: what was stored all the same is a duplicate when it comes again, and the
        // scan finds it.
        match tokio::time::timeout(patience, self.stored(first, place)).await {
            Ok(Some(stored)) => {
                self.shared.troubles.done(Kind::Message, self.shared.now());
                self.gate.passed(&stored.accepted);
                timeline::accepted(&self.shared, &self.arrival, &stored.accepted, self.received_at);
                return taken_in(&self.shared, &self.handle, &self.arrival, &stored);
            }
            // Nobody wants it any more; the store may be well.
            Ok(None) if self.is_unwanted() => {}
            Ok(None) | Err(_) => super::scan::store_lost(&self.shared, &self.handle).await,
        }
        self.arrival.admission.unused();
        Ack::Withheld
    }

    /// Offers the message until it is stored; `None` once that is pointless.
    async fn stored(&self, first: Option<Submitted>, place: &mut Place) -> Option<Stored> {
        let (mut offered, mut doubted) = (false, false);
        if let Some(first) = first {
            let asked = Instant::now();
            match first.await {
                Ok(accepted) => {
                    names::stored("accept", asked.elapsed());
                    return Some(Stored { accepted, offered });
                }
                Err(error) => {
                    offered = true;
                    self.shared.troubles.refused(Kind::Message, &error, self.shared.now());
                    doubted = true;
                }
            }
        }
        let _held = Counted::one_more(&self.trouble, |trouble| &trouble.held);
        let _held_in_all = Held::one_more(&self.shared);
        if doubted {
            // Held first: nobody says that the store is sound again while this message is not stored.
            super::scan::store_doubted(&self.shared).await;
        }
        if self.is_pointless() {
            return None;
        }
        // A process that was frozen does not know yet that the channel is gone.
        self.shared.catch_up().await;
        place.first().await;
        let _turn = self.trouble.queue.lock().await;
        while !self.is_pointless() {
            match self.submit().await {
                Ok(accepted) => return Some(Stored { accepted, offered }),
                Err(_) => tokio::time::sleep(OFFER_PAUSE).await,
            }
            offered = true;
        }
        None
    }

    fn is_pointless(&self) -> bool {
        self.trouble.held.load(Ordering::Relaxed) > HELD_MAX
            || self.trouble.unanswered.load(Ordering::Relaxed) > UNANSWERED_MAX
            || self.is_unwanted()
    }

    fn is_unwanted(&self) -> bool {
        self.shared.stopping.is_cancelled() || self.handle.is_withdrawn()
    }
}

/// What the store answered in the end.
struct Stored {
    accepted: Accepted,
    /// Whether the message had been offered before, with an answer that leaves its fate open.
    offered: bool,
}

/// Counts a push, also when its future is dropped.
struct Counted {
    trouble: Arc<Trouble>,
    count: fn(&Trouble) -> &AtomicU32,
}

impl Counted {
    fn one_more(trouble: &Arc<Trouble>, count: fn(&Trouble) -> &AtomicU32) -> Self {
        count(trouble).fetch_add(1, Ordering::Relaxed);
        Self { trouble: Arc::clone(trouble), count }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.count)(&self.trouble).fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a push that the store has refused, among those of all connections.
struct Held(Arc<Shared>);

impl Held {
    fn one_more(shared: &Arc<Shared>) -> Self {
        shared.held.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
    }
}

fn taken_in(shared: &Arc<Shared>, handle: &Arc<ChannelHandle>, arrival: &Arrival, stored: &Stored) -> Ack {
    handle.received(shared.now());
    match &stored.accepted {
        // Stored by an offer of ours whose answer was lost, most likely: what it cost stays spent.
        Accepted::Duplicate if stored.offered => {
            super::wake(shared, arrival.key.partition(), arrival.key.id());
        }
        Accepted::Duplicate => {
            arrival.admission.unused();
            metrics::counter!(names::MESSAGES_DUPLICATE).increment(1);
        }
        Accepted::First { seq: Some(seq), verdict, at } => {
            if *verdict == Verdict::Admit {
                fetch_files(shared, handle, arrival, *seq);
            }
            fast_lane::wake_for_arrival(shared, handle, arrival, entry_of(arrival, *seq, *verdict, *at));
        }
        Accepted::First { seq: None, .. } => {}
    }
    Ack::Stored
}

/// What was stored for an arrival. Its fence is known to the store alone; whoever has it from here has the partition.
pub(super) fn entry_of(arrival: &Arrival, seq: Seq, verdict: Verdict, accepted_at: Timestamp) -> Entry {
    arrival.clone().into_entry(seq, verdict, FencingToken::default(), accepted_at)
}

/// Platforms keep files for a while only, so they are fetched before it is the message's turn (R6).
fn fetch_files(shared: &Arc<Shared>, handle: &Arc<ChannelHandle>, arrival: &Arrival, seq: Seq) {
    match &arrival.intake {
        Intake::Ask { attachments, .. } if !attachments.is_empty() => {
            let (conversation, attachments) = (arrival.key.id(), attachments.clone());
            shared.files.begin(shared, handle, Job { conversation, seq, attachments });
        }
        Intake::Ask { .. }
        | Intake::Deliver { .. }
        | Intake::Send { .. }
        | Intake::Control { .. }
        | Intake::Lookup(_)
        | Intake::Refused(_) => {}
    }
}

/// What a message asks for, and who decides whether it is taken on.
fn arrival(
    shared: &Arc<Shared>,
    handle: &Arc<ChannelHandle>,
    bot: &Bot,
    mut message: Inbound,
) -> (Arrival, Arc<Gate>) {
    let body = std::mem::replace(&mut message.body, Body::Unknown);
    // An id becomes a name: one that reads as somebody else's is none, and its author a guest.
    message.sender.im_user_id.take_if(|id| !reads_as_it_is(id));
    let (intake, kind_refused) = intake_of(body);
    let member = match (message.chat.kind, bot.channel.conversation.group_scope) {
        (ChatKind::Private, GroupScope::PerUser | GroupScope::Shared)
        | (ChatKind::Group, GroupScope::Shared) => None,
        (ChatKind::Group, GroupScope::PerUser) => Some(message.sender.key().to_owned()),
    };
    let control = matches!(intake, Intake::Control { .. } | Intake::Lookup(_));
    let gate = Arc::new(Gate::of(shared, handle, &message, control, kind_refused));
    let arrival = Arrival {
        key: ConversationKey { channel: handle.id.clone(), chat: message.chat.id.clone(), member },
        message: message.id,
        chat: message.chat,
        sender: message.sender,
        sent_at: message.sent_at,
        session_address: message.session_address,
        intake,
        admission: Arc::clone(&gate) as _,
    };
    (arrival, gate)
}

/// What a message asks for; what nobody can read is refused with a friendly sentence.
fn intake_of(body: Body) -> (Intake, Option<Refusal>) {
    match body {
        Body::Content(content) => (asks(content), None),
        Body::Unknown | Body::Withheld => {
            let nothing = Intake::Ask { text: String::new(), attachments: Vec::new(), quotes: None };
            (nothing, Some(Refusal::Unsupported))
        }
    }
}

fn asks(content: Content) -> Intake {
    if let Some(command) = content.words().and_then(|words| command::parse(&words)) {
        return command.into_intake();
    }
    let Question { text, attachments, quotes } = content.into_question();
    if text.is_empty() {
        // Somebody called the bot without a word: tell them what it can do.
        return Intake::Control { control: Control::Help, origin: Origin::Chat };
    }
    Intake::Ask { text, attachments, quotes }
}
