//! The stop button of a card: which turn a card answers, who may press, and the act that ends the turn (R3).
//!
//! A card is known from the moment its turn begins, or begins again after a restart, until the turn has ended. The act is
//! stored before the press is answered that it is, under an id made from the card's: pressed twice or reported twice, it is
//! one act. While the store is away it goes on being offered behind the answer, which then says nothing either way.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use switchboard_domain::access::{self, Decision, Facts, Who};
use switchboard_domain::admission::Asked;
use switchboard_domain::ids::{ChannelId, ConversationKey, MessageId, Seq};
use switchboard_domain::inbox::{Control, Entry, Intake, Origin, Verdict};
use switchboard_domain::message::{Chat, ChatKind, Sender};
use switchboard_ports::conversations::{Accepted, Arrival};
use switchboard_ports::provider::{Press, Pressed};
use switchboard_ports::replicas::Note;
use tokio::sync::Semaphore;

use super::channel::ChannelHandle;
use super::fast_lane;
use super::gate::Admitted;
use super::shared::{Shared, lock};
use super::troubles::Kind;

/// Cards known at once, one for each running turn; the buttons of further ones do nothing.
const CARDS_MAX: usize = 65_536;

/// A press is answered within this, stored or not: platforms wait two seconds for its answer.
const PRESS_PATIENCE: Duration = Duration::from_millis(1_500);

/// Presses on their way to the store at once; further ones are not taken.
const OFFERS_MAX: usize = 1_024;

/// The pause before a press is offered to the store again.
const OFFER_PAUSE: Duration = Duration::from_millis(200);

type CardKey = (ChannelId, String);

/// The cards of running turns.
pub(crate) struct Cards {
    turns: Mutex<BTreeMap<CardKey, CardTurn>>,
    /// Places for presses on their way to the store.
    offers: Arc<Semaphore>,
}

impl Default for Cards {
    fn default() -> Self {
        Self { turns: Mutex::default(), offers: Arc::new(Semaphore::new(OFFERS_MAX)) }
    }
}

/// The turn that a card answers.
#[derive(Clone)]
pub(crate) struct CardTurn {
    key: ConversationKey,
    chat: Chat,
    asker: Sender,
    seq: Seq,
}

impl CardTurn {
    /// The turn that answers an entry.
    pub(crate) fn of(key: ConversationKey, entry: &Entry) -> Self {
        Self { key, chat: entry.chat.clone(), asker: entry.sender.clone(), seq: entry.seq }
    }
}

impl Cards {
    /// Remembers a card as long as the answer is kept; `None` where there are too many.
    pub(crate) fn learn(cards: &Arc<Self>, card: String, turn: CardTurn) -> Option<Known> {
        let mut known = lock(&cards.turns);
        let (full, seq) = (known.len() >= CARDS_MAX, turn.seq);
        match known.entry((turn.key.channel.clone(), card)) {
            Place::Vacant(place) if !full => {
                let key = place.key().clone();
                place.insert(turn);
                drop(known);
                Some(Known { cards: Arc::clone(cards), key, seq })
            }
            Place::Vacant(_) | Place::Occupied(_) => None,
        }
    }

    /// Whether the card answers a turn that runs here.
    pub(crate) fn knows(&self, channel: &ChannelId, card: &str) -> bool {
        self.find(channel, card).is_some()
    }

    fn find(&self, channel: &ChannelId, card: &str) -> Option<CardTurn> {
        lock(&self.turns).get(&(channel.clone(), card.to_owned())).cloned()
    }
}

/// A card that is known; forgotten when this is dropped.
pub(crate) struct Known {
    cards: Arc<Cards>,
    key: CardKey,
    seq: Seq,
}

impl Known {
    /// The entry that the card answers.
    pub(crate) const fn seq(&self) -> Seq {
        self.seq
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        lock(&self.cards.turns).remove(&self.key);
    }
}

/// Takes a press: stores the act if the card's turn runs and the person may end it.
pub(super) fn press(
    shared: &Arc<Shared>,
    handle: &Arc<ChannelHandle>,
    press: &Press,
) -> BoxFuture<'static, Pressed> {
    let Some(turn) = shared.cards.find(&handle.id, &press.card) else {
        if shared.peers.is_alone() {
            return ready(Pressed::Over).boxed();
        }
        // It may be a card of another replica's, which does what is to be done.
        let (channel, card, person) = (handle.id.clone(), press.card.clone(), press.person.clone());
        shared.peers.post(Note::Pressed { channel, card, person });
        return ready(Pressed::Underway).boxed();
    };
    if handle.is_withdrawn() {
        // The channel is being deleted, and its answers with it.
        return ready(Pressed::Over).boxed();
    }
    if !may_press(shared, handle, &turn, &press.person) {
        return ready(Pressed::Foreign).boxed();
    }
    let Ok(place) = Arc::clone(&shared.cards.offers).try_acquire_owned() else {
        return ready(Pressed::Withheld).boxed();
    };
    let arrival = arrival(shared, &press.card, turn);
    let (shared, card) = (Arc::clone(shared), press.card.clone());
    let tracker = shared.tasks.clone();
    let offered = tracker.spawn(async move {
        let _place = place;
        let patience = shared.settings.store_patience;
        tokio::select! {
            biased;
            () = shared.parking.cancelled() => Pressed::Withheld,
            pressed = tokio::time::timeout(patience, store(&shared, &card, &arrival)) => {
                pressed.unwrap_or_else(|_| {
                    // An act whose answer comes too late may be stored all the same: the scan finds it.
                    tracing::warn!(channel = %arrival.key.channel, "a press could not be stored in time; the button is still there");
                    Pressed::Withheld
                })
            }
        }
    });
    async move {
        match tokio::time::timeout(PRESS_PATIENCE, offered).await {
            Ok(Ok(pressed)) => pressed,
            // The store's code panicked: nobody knows what became of it.
            Ok(Err(_)) | Err(_) => Pressed::Underway,
        }
    }
    .boxed()
}

/// Whoever asked; where a group shares one session, everybody there whom the channel listens to.
fn may_press(shared: &Shared, handle: &ChannelHandle, turn: &CardTurn, person: &str) -> bool {
    if turn.asker.im_user_id.as_deref() == Some(person) {
        return true;
    }
    if turn.chat.kind != ChatKind::Group || turn.key.member.is_some() {
        return false;
    }
    let access = &handle.bot().channel.access;
    // Platforms wait two seconds for the answer: nobody is asked who this is. Where that counts, only whoever asked may.
    let sender =
        Sender { im_user_id: Some(person.to_owned()), opaque_id: String::new(), name: String::new() };
    let facts = Facts { chat: &turn.chat, sender: &sender, who: Who::NotAsked };
    if access::decide(access, &facts) != Decision::Allow {
        return false;
    }
    // A press is meant for the bot, and counts like a command.
    let chat = turn.chat.kind;
    let asked =
        Asked { author: person, chat, mentioned: Some(true), control: true, denied: None, waiting: 0 };
    lock(&handle.admission).decide(&asked, access, shared.now()).verdict == Verdict::Admit
}

/// The act, as an entry of the conversation's inbox.
fn arrival(shared: &Shared, card: &str, turn: CardTurn) -> Arrival {
    Arrival {
        key: turn.key,
        message: MessageId::new(format!("press_{card}")),
        chat: turn.chat,
        sender: turn.asker,
        sent_at: shared.now(),
        session_address: None,
        intake: Intake::Control { control: Control::StopAnswer { seq: turn.seq }, origin: Origin::Chat },
        admission: Arc::new(Admitted),
    }
}

/// Offers the act until it is stored, then has it obeyed at once; or until there is nothing more to stop.
async fn store(shared: &Arc<Shared>, card: &str, arrival: &Arrival) -> Pressed {
    loop {
        let accepted = shared.ports.conversations.accept(arrival.clone()).await;
        if accepted.is_ok() {
            shared.troubles.done(Kind::Press, shared.now());
        }
        match accepted {
            Ok(Accepted::First { seq: Some(seq), .. }) => {
                fast_lane::wake_for(shared, &arrival.key, &arrival.intake, seq);
                return Pressed::Stored;
            }
            Ok(Accepted::First { seq: None, .. } | Accepted::Duplicate) => {
                // Stored by an earlier press, or by an offer whose answer was lost.
                super::wake(shared, arrival.key.partition(), arrival.key.id());
                return Pressed::Stored;
            }
            Err(_) if shared.cards.find(&arrival.key.channel, card).is_none() => return Pressed::Over,
            Err(error) => {
                shared.troubles.refused(Kind::Press, &error, shared.now());
                tokio::time::sleep(OFFER_PAUSE).await;
            }
        }
    }
}
