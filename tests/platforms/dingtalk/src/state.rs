//! The platform's state behind one lock, and the one way to change it: every change wakes waiters and pages.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::apps::Apps;
use crate::clock::Clock;
use crate::config::{Group, SimulatorConfig};
use crate::connections::Connection;
use crate::faults::Faults;
use crate::files::Files;
use crate::fuzz::Fuzz;
use crate::gateway::Ticket;
use crate::knobs::Knobs;
use crate::load::Judge;
use crate::lock::{Held, Lock};
use crate::media::MediaStore;
use crate::observe::Observed;
use crate::people::{PEOPLE_MAX, People};
use crate::push::ChatKind;
use crate::quota::Buckets;
use crate::records::ViolationKind;
use crate::templates::{TemplateConfig, public_templates};
use crate::timeline::{Card, Conversation, Item, ItemContent};
use crate::webhook::Session;

/// Live page events buffered for a slow page before it is told to reload.
const EVENTS_BUFFERED: usize = 1_024;

/// Shared by the server's tasks and the [`crate::Simulator`].
#[derive(Debug)]
pub(crate) struct Inner {
    state: Lock<State>,
    /// Bumped after every change.
    version: watch::Sender<u64>,
    /// Page events as JSON text.
    pub(crate) events: broadcast::Sender<Arc<str>>,
    /// Ends everything.
    pub(crate) root: CancellationToken,
    /// Where background tasks run, whoever asks for them.
    pub(crate) runtime: Handle,
    /// Base address, without trailing slash.
    pub(crate) base_url: String,
}

/// Everything that changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) rng: StdRng,
    pub(crate) knobs: Knobs,
    pub(crate) apps: Apps,
    pub(crate) templates: Vec<TemplateConfig>,
    pub(crate) people: People,
    pub(crate) groups: Vec<Group>,
    /// (client id, staff id) to private conversation.
    pub(crate) private_chats: HashMap<(String, String), String>,
    pub(crate) tickets: BTreeMap<String, Ticket>,
    pub(crate) connections: BTreeMap<u64, Connection>,
    pub(crate) sessions: HashMap<String, Session>,
    pub(crate) session_order: VecDeque<String>,
    pub(crate) buckets: Buckets,
    pub(crate) faults: Faults,
    pub(crate) streaming_now: HashMap<String, u32>,
    pub(crate) files: Files,
    pub(crate) media: MediaStore,
    pub(crate) fuzz: Fuzz,
    /// Robot pushes accepted in this simulator's life.
    pub(crate) pushes: u64,
    pub(crate) observed: Observed,
    /// Judges a load run, while there is one.
    pub(crate) judge: Option<Judge>,
    /// Conversations known at the same time.
    kept: usize,
    /// Entries kept of one conversation.
    kept_items: usize,
    /// Texts kept of one card.
    pub(crate) kept_texts: usize,
    /// The pages that look; without one nothing is written for them.
    pages: broadcast::Sender<Arc<str>>,
    page_events: Vec<Arc<str>>,
    base_url: String,
}

impl Inner {
    pub(crate) fn new(config: SimulatorConfig, base_url: String, root: CancellationToken) -> Self {
        let events = broadcast::Sender::new(EVENTS_BUFFERED);
        let mut templates = public_templates();
        templates.extend(config.templates);
        let mut state = State {
            clock: Clock::start(),
            rng: StdRng::seed_from_u64(config.seed),
            knobs: config.knobs,
            apps: Apps::new(config.apps),
            templates,
            people: People::new(config.people),
            groups: Vec::new(),
            private_chats: HashMap::new(),
            tickets: BTreeMap::new(),
            connections: BTreeMap::new(),
            sessions: HashMap::new(),
            session_order: VecDeque::new(),
            buckets: Buckets::default(),
            faults: Faults::default(),
            streaming_now: HashMap::new(),
            files: Files::default(),
            media: MediaStore::default(),
            fuzz: Fuzz::default(),
            pushes: 0,
            observed: Observed::new(config.kept),
            judge: None,
            kept: config.kept,
            kept_items: config.kept_items,
            kept_texts: config.kept_texts,
            pages: events.clone(),
            page_events: Vec::new(),
            base_url: base_url.clone(),
        };
        for group in config.groups {
            state.learn_group(&group.conversation, &group.title);
        }
        Self {
            state: Lock::new(state),
            version: watch::Sender::new(0),
            events,
            root,
            runtime: Handle::current(),
            base_url,
        }
    }

    fn lock(&self) -> Held<'_, State> {
        self.state.hold()
    }

    /// Changes the state, then wakes everybody who waits for a change.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        for event in state.page_events.drain(..) {
            // Nobody listening is fine.
            let _ = self.events.send(event);
        }
        drop(state);
        self.version.send_modify(|version| *version = version.wrapping_add(1));
        result
    }

    /// Looks at the state.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// A receiver of change numbers.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}

impl State {
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Random lower-case hex digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        const HEX: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        (0..digits).filter_map(|_| HEX.get(self.rng.random_range(0..HEX.len()))).collect()
    }

    /// A random UUID, version 4 in shape.
    pub(crate) fn uuid(&mut self) -> String {
        format!("{}-{}-4{}-8{}-{}", self.hex(8), self.hex(4), self.hex(3), self.hex(3), self.hex(12))
    }

    /// A `headers.messageId`: four hex words (dingtalk §2.1).
    pub(crate) fn header_id(&mut self) -> String {
        format!("{}_{}_{}_{}", self.hex(8), self.hex(4), self.hex(11), self.hex(7))
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.rng.random_bool(probability.clamp(0.0, 1.0))
    }

    /// A URL below the simulator's base address.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// The person becomes known, so that API calls can address them.
    pub(crate) fn learn_person(&mut self, staff_id: &str, nick: &str) {
        self.people.learn(staff_id, nick);
    }

    /// The staff id belongs to somebody.
    pub(crate) fn knows(&self, staff_id: &str) -> bool {
        self.people.named(staff_id).is_some()
    }

    pub(crate) fn nick_of(&self, staff_id: &str) -> String {
        self.people.named(staff_id).map_or_else(|| staff_id.to_owned(), |person| person.nick.clone())
    }

    /// The group becomes known, with every robot in it.
    pub(crate) fn learn_group(&mut self, conversation: &str, title: &str) {
        let exists = self.conversation(conversation, ChatKind::Group, title, None).is_some();
        if exists && !self.is_group(conversation) {
            self.groups.push(Group::new(conversation, title));
        }
    }

    /// The private conversation of a robot and a person, created when there is none.
    pub(crate) fn private_chat(&mut self, app: &str, staff_id: &str) -> String {
        let key = (app.to_owned(), staff_id.to_owned());
        let id = self.private_chats.get(&key).cloned().unwrap_or_else(|| format!("cid-{app}-{staff_id}=="));
        self.learn_private(app, staff_id, &id);
        id
    }

    /// Notes that this conversation is the private one of a robot and a person.
    pub(crate) fn learn_private(&mut self, app: &str, staff_id: &str, conversation: &str) {
        if self.private_chats.len() < PEOPLE_MAX {
            self.private_chats.insert((app.to_owned(), staff_id.to_owned()), conversation.to_owned());
        }
        let title = self.nick_of(staff_id);
        self.conversation(conversation, ChatKind::Private, &title, Some(staff_id.to_owned()));
    }

    /// Creates the conversation unless it exists; `None` when there are too many.
    pub(crate) fn conversation(
        &mut self,
        id: &str,
        kind: ChatKind,
        title: &str,
        person: Option<String>,
    ) -> Option<&mut Conversation> {
        let kept_items = self.kept_items;
        let known = &mut self.observed.conversations;
        if !known.contains_key(id) && known.len() >= self.kept {
            return None;
        }
        let new = || Conversation::new(id, kind, title, person, kept_items);
        Some(known.entry(id.to_owned()).or_insert_with(new))
    }

    /// The group conversation exists.
    pub(crate) fn is_group(&self, conversation: &str) -> bool {
        self.groups.iter().any(|group| group.conversation == conversation)
    }

    /// Something appears in a conversation, for judges and for the page.
    pub(crate) fn appear(&mut self, conversation: &str, content: ItemContent) {
        if let (Some(judge), ItemContent::Reply(reply)) = (&mut self.judge, &content) {
            judge.replied(conversation, &reply.text, self.clock.now_us());
        }
        let item = Item { at_ms: self.now_ms(), content };
        let is_watched = self.is_watched();
        let Some(found) = self.observed.conversations.get_mut(conversation) else {
            return;
        };
        let id = found.id.clone();
        let event = is_watched.then(|| {
            let conversation =
                json!({"id": found.id, "kind": found.kind, "title": found.title, "person": found.person});
            json!({"type": "item", "conversation": conversation, "item": item,
                   "number": found.items.next_number()})
        });
        let (_, left) = found.items.push(item);
        if let Some(left) = left
            && let Some(text) = self.observed.robot_text(&left.content)
        {
            self.fuzz.forgetting(&id, &text);
        }
        if let Some(event) = event {
            self.page_event(&event);
        }
    }

    /// A card changed, for whoever judges and for the page.
    pub(crate) fn card_changed(&mut self, out_track_id: &str) {
        if let (Some(judge), Some(card)) = (&mut self.judge, self.observed.card_mut(out_track_id)) {
            judge.card_changed(card.as_judged(), self.clock.now_us());
        }
        if !self.is_watched() {
            return;
        }
        if let Some(card) = self.observed.card(out_track_id) {
            let event = json!({"type": "card", "card": card_for_page(card)});
            self.page_event(&event);
        }
    }

    /// Reactions to a message changed, for the page.
    pub(crate) fn reaction_changed(&mut self, msg_id: &str) {
        let names = self.observed.reactions_to(msg_id);
        self.page_event(&json!({"type": "reaction", "msg_id": msg_id, "names": names}));
    }

    /// Something was taken back: pages load anew.
    pub(crate) fn reload_pages(&mut self) {
        self.page_event(&json!({"type": "reset"}));
    }

    /// Counts answers against questions, where the knob asks for it.
    pub(crate) fn judge_answers(&mut self, conversation: &str) {
        let most = u64::from(self.knobs.answers_per_message_max);
        let Some(found) = self.observed.conversations.get(conversation).filter(|_| most > 0) else {
            return;
        };
        let (mut asked, mut answered) = (0_u64, 0_u64);
        for item in found.items.iter() {
            match &item.content {
                ItemContent::User { msg_id: Some(_), .. } => asked = asked.saturating_add(1),
                ItemContent::User { msg_id: None, .. } => {}
                ItemContent::Reply(_) | ItemContent::Card { .. } => answered = answered.saturating_add(1),
            }
        }
        if answered > asked.saturating_mul(most) {
            let (now_ms, detail) = (self.now_ms(), format!("{answered} answers to {asked} messages"));
            self.observed.violate(now_ms, ViolationKind::TooManyAnswers, detail);
        }
    }

    /// A page looks at what happens.
    fn is_watched(&self) -> bool {
        self.pages.receiver_count() > 0
    }

    fn page_event(&mut self, event: &Value) {
        self.page_events.push(Arc::from(event.to_string()));
    }
}

/// A card as the page needs it.
pub(crate) fn card_for_page(card: &Card) -> Value {
    let clickable = card.callback_type == "STREAM" && !card.state.is_final();
    json!({"id": card.out_track_id, "state": card.state, "text": card.text, "robot": card.robot, "app": card.app,
           "clickable": clickable, "recalled": card.recalled, "click_views": card.click_views})
}
