//! A platform that shows everything it was told to, and fails as the test says.

mod link;
mod state;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::Value;
use switchboard_domain::channel::CloseCause;
use switchboard_domain::ids::{ChannelId, MessageId};
use switchboard_domain::message::Inbound;
use switchboard_domain::reply::{CardOutcome, Way};
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::clock::Clock;
use switchboard_ports::provider::{
    Ack, ConnectionSink, Description, FetchFailure, FieldError, Link, Meter, MonthlyQuota, Press, Pressed,
    Provider, Signal,
};

use super::{gate::Gate, steps::Steps, wire::Wire};
use link::FakeLink;
use state::{Socket, State};

/// A call as rules see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A card is to be made.
    Open,
    /// A card is to show more.
    Update,
    /// A card is to be closed.
    Finish,
    /// A plain message.
    Send(Way),
}

/// How the platform has several connections of one channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// It takes them all.
    #[default]
    Several,
    /// It says that it does, and closes the older one.
    Newest,
    /// It says that there may be one only.
    Exclusive,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Done.
    Do,
    /// Not done; for plain messages the outcomes of the same name.
    Refuse(CardOutcome),
    /// Done, but reported as of unknown fate.
    DoUnknown,
    /// Done after a while.
    Slow(Duration),
    /// Not done: the platform's code panics.
    Panic,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// When.
    pub at: Timestamp,
    /// In which chat.
    pub chat: String,
    /// What.
    pub call: Call,
    /// The message whose card it is; `None` for plain messages.
    pub card: Option<MessageId>,
    /// Crash attempts so far, for cards.
    pub attempt: u32,
    /// The text.
    pub text: String,
}

/// Something a user saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// In which chat.
    pub chat: String,
    /// The message it answers; `None` for plain messages.
    pub card: Option<MessageId>,
    /// What.
    pub text: String,
    /// Whether the card was closed with it; true for plain messages.
    pub last: bool,
}

/// A card as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// What it shows.
    pub text: String,
    /// Whether it is closed.
    pub finished: bool,
    /// How often it was closed anew; more than once is our fault.
    pub finishes: u32,
}

/// What becomes of a file that is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFate {
    /// It is there, after a while.
    Give(Bytes, Duration),
    /// It is not.
    Refuse(FetchFailure),
    /// Nothing ever comes.
    Hang,
}

type FileRule = Box<dyn Fn(&str) -> FileFate + Send + Sync>;

type Rule = Box<dyn Fn(Call, &str, usize) -> Fate + Send + Sync>;

/// The platform; also its own provider.
#[derive(Clone)]
pub struct FakePlatform {
    inner: Arc<Inner>,
    /// The way from one driver to it.
    wire: Arc<Wire>,
    /// Which driver that is.
    driver: usize,
}

struct Inner {
    steps: Arc<Steps>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    rule: Mutex<Rule>,
    file_rule: Mutex<FileRule>,
    /// Whether claims wait.
    claims_held: Gate<bool>,
    /// What keeps everybody's calls out, if anything does.
    barred: Gate<Option<String>>,
}

impl FakePlatform {
    /// A platform where everything works.
    pub fn new(clock: Arc<dyn Clock>, steps: Arc<Steps>) -> Self {
        let rule: Rule = Box::new(|_, _, _| Fate::Do);
        let inner = Inner {
            steps,
            clock,
            state: Mutex::new(State::new()),
            rule: Mutex::new(rule),
            file_rule: Mutex::new(Box::new(|source| {
                FileFate::Give(Bytes::from(format!("content of {source}")), Duration::ZERO)
            })),
            claims_held: Gate::new(false),
            barred: Gate::new(None),
        };
        Self { inner: Arc::new(inner), wire: Arc::default(), driver: 0 }
    }

    /// The same platform as another driver reaches it.
    #[must_use]
    pub fn reached_by(&self, driver: usize, wire: &Arc<Wire>) -> Self {
        Self { inner: Arc::clone(&self.inner), wire: Arc::clone(wire), driver }
    }

    /// How the platform has several connections of a channel.
    pub fn manner(&self, manner: Manner) {
        self.state().manner = manner;
    }

    /// The drivers that have a channel's open connections, in the order in which they were opened.
    pub fn connected_by(&self, channel: &ChannelId) -> Vec<usize> {
        let state = self.state();
        let of_channel = state.sockets.iter().filter(|socket| socket.channel == *channel);
        of_channel.map(|socket| socket.driver).collect()
    }

    /// The most connections that one channel had at the same time.
    pub fn connections_at_once(&self) -> usize {
        self.state().connections_at_once
    }

    /// A driver's process has died: its sockets are closed.
    pub fn driver_died(&self, driver: usize) {
        let sockets = {
            let mut state = self.state();
            let (dead, rest) =
                std::mem::take(&mut state.sockets).into_iter().partition(|socket| socket.driver == driver);
            state.sockets = rest;
            let dead: Vec<Socket> = dead;
            dead
        };
        drop(sockets);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.inner.state.lock().expect("platform")
    }

    /// Decides what becomes of calls; it gets the call, its text and how many calls came before.
    pub fn rule(&self, rule: impl Fn(Call, &str, usize) -> Fate + Send + Sync + 'static) {
        *self.inner.rule.lock().expect("rule") = Box::new(rule);
    }

    /// Decides what becomes of files; it gets what they are fetched by. Unless told, each is there at once.
    pub fn files(&self, rule: impl Fn(&str) -> FileFate + Send + Sync + 'static) {
        *self.inner.file_rule.lock().expect("file rule") = Box::new(rule);
    }

    /// What was fetched or tried, in order of beginning.
    pub fn fetches(&self) -> Vec<String> {
        self.state().fetches.clone()
    }

    /// The most fetches that were under way at once.
    pub fn fetches_at_once(&self) -> u32 {
        self.state().fetches_at_once
    }

    /// Whether channels show cards.
    pub fn cards_on(&self, on: bool) {
        self.state().cards_on = on;
    }

    /// Refuses connections from now on, or takes them again.
    pub fn refuse_connections(&self, cause: Option<CloseCause>) {
        self.state().refuse_connections = cause;
    }

    /// The code of the next `count` connections panics once they have been open for five seconds.
    pub fn panics_at_connections(&self, count: u32) {
        self.state().connections_panicked_at = count;
    }

    /// Takes connections with this secret only.
    pub fn takes_secret(&self, secret: &str) {
        self.state().secret_taken = Some(secret.to_owned());
    }

    /// Cuts all present connections, without a word before.
    pub fn cut_connections(&self) {
        for socket in &self.state().sockets {
            socket.cut.cancel();
        }
    }

    /// Pushes a message over the newest connection; `None` without one.
    pub fn push(&self, message: Inbound) -> Option<BoxFuture<'static, Ack>> {
        let sink = self.state().sockets.last().map(Socket::pushed)?;
        Some(sink.offer(message))
    }

    /// Pushes a message over a channel's newest connection; `None` without one.
    pub fn push_to(&self, channel: &ChannelId, message: Inbound) -> Option<BoxFuture<'static, Ack>> {
        let sink = {
            let state = self.state();
            let socket = state.sockets.iter().rev().find(|socket| socket.channel == *channel)?;
            socket.pushed()
        };
        Some(sink.offer(message))
    }

    /// Somebody presses the stop button of the card that answers a message; `None` without a connection.
    pub fn press(&self, answered: &MessageId, person: &str) -> Option<BoxFuture<'static, Pressed>> {
        let press = Press { card: Self::card_id(answered), person: person.to_owned() };
        Some(self.sink()?.press(press))
    }

    /// The name of the card that answers a message.
    pub(super) fn card_id(answered: &MessageId) -> String {
        format!("card-of-{answered}")
    }

    /// What a quote of the card that answers a message says.
    pub fn quote_key(answered: &MessageId) -> String {
        format!("carrier-of-{answered}")
    }

    /// The newest connection's way in, to push by when it is no more.
    pub fn sink(&self) -> Option<Arc<dyn ConnectionSink>> {
        self.state().sockets.last().map(|socket| Arc::clone(&socket.sink))
    }

    /// Announces that it will close all present connections.
    pub fn rotate(&self) {
        let sinks: Vec<_> = self.state().sockets.iter().map(|socket| Arc::clone(&socket.sink)).collect();
        for sink in sinks {
            sink.signal(Signal::Rotating);
        }
    }

    /// Open connections now, and connections ever opened.
    pub fn connections(&self) -> (usize, u32) {
        let state = self.state();
        (state.sockets.len(), state.opened.values().sum())
    }

    /// Open connections of one channel now, and ever opened.
    pub fn connections_of(&self, channel: &ChannelId) -> (usize, u32) {
        let state = self.state();
        let open = state.sockets.iter().filter(|socket| socket.channel == *channel).count();
        (open, state.opened.get(channel).copied().unwrap_or_default())
    }

    /// Everything a user saw, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// What users saw last: closed cards and plain messages, in order.
    pub fn finals(&self) -> Vec<String> {
        self.state().seen.iter().filter(|seen| seen.last).map(|seen| seen.text.clone()).collect()
    }

    /// What the users of one chat saw last, in order.
    pub fn finals_in(&self, chat: &str) -> Vec<String> {
        let state = self.state();
        let last = state.seen.iter().filter(|seen| seen.last && seen.chat == chat);
        last.map(|seen| seen.text.clone()).collect()
    }

    /// All cards.
    pub fn cards(&self) -> BTreeMap<MessageId, Card> {
        self.state().cards.clone()
    }

    /// All calls, in order.
    pub fn calls(&self) -> Vec<Called> {
        self.state().calls.clone()
    }

    /// What kinds of calls were made, in order.
    pub fn kinds(&self) -> Vec<Call> {
        self.state().calls.iter().map(|called| called.call).collect()
    }

    /// How often two calls on one card were under way at once; must stay 0 (R12).
    pub fn overlapping(&self) -> u32 {
        self.state().overlapping
    }

    /// Calls that were cut off by the driver instead of ending; must stay 0 while it runs (R12).
    pub fn cut_calls(&self) -> u32 {
        self.state().cut_calls
    }

    /// A new process starts: nothing of the old one's calls is under way any more.
    pub fn process_died(&self) {
        let sockets = {
            let mut state = self.state();
            state.under_way.clear();
            state.fetching = 0;
            state.cut_calls = 0;
            std::mem::take(&mut state.sockets)
        };
        // They hold the dead driver; whatever it drops on its way may look at the state.
        drop(sockets);
    }
}

impl Provider for FakePlatform {
    fn description(&self) -> Description {
        Description {
            platform: "fake",
            title: switchboard_ports::form::Words::same("Fake"),
            guide: &[],
            exclusive: self.state().manner == Manner::Exclusive,
            everywhere: false,
            hears_all: true,
            config_fields: &[],
            secret_fields: &["/secret"],
            connection_fields: &["/secret", "/address"],
            identity_fields: &["/app"],
            quota: Some(MonthlyQuota { utc_offset_minutes: 480 }),
        }
    }

    fn check_config(&self, config: &Value, _secrets_set: &[String]) -> Result<Value, Vec<FieldError>> {
        Ok(config.clone())
    }

    fn link(&self, channel: &Channel, meter: Arc<dyn Meter>) -> Result<Arc<dyn Link>, Vec<FieldError>> {
        Ok(Arc::new(FakeLink::new(self.clone(), channel, meter)))
    }
}
