//! What is said comes in by the connection, what is shown stands in the room of whoever asked, and rooms are bounded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use switchboard_domain::channel::CloseCause;
use switchboard_domain::ids::{ChannelId, ConnectionId, MessageId, RetryNumber, Seq, Version};
use switchboard_domain::message::{Body, Chat, ChatKind, Inbound, Target};
use switchboard_domain::outbound::Format;
use switchboard_domain::reply::{CardCall, CardOutcome, PartOutcome, Way};
use switchboard_domain::settings::{
    AccessSettings, ConversationSettings, Locale, PrivacySettings, SwitchingSettings, UserMapping,
};
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::conformance::FakeClock;
use switchboard_ports::directory::Directories;
use switchboard_ports::playground::{
    By, ITEM_CHARS_MAX, ITEMS_MAX, Item, NotTaken, Person, Playground, Saying, Sight, Stage,
};
use switchboard_ports::provider::{
    Ack, CardRequest, ConnectionSink, Link, PartRequest, Press, Pressed, Provider, Signal, Unmetered,
};
use tokio_util::sync::CancellationToken;

use super::Web;
use crate::clock::SystemEntropy;

/// Takes everything in, or nothing.
struct Sink {
    ack: Ack,
    offered: Mutex<Vec<Inbound>>,
    signals: Mutex<Vec<Signal>>,
}

impl Sink {
    fn answering(ack: Ack) -> Arc<Self> {
        Arc::new(Self { ack, offered: Mutex::default(), signals: Mutex::default() })
    }
}

impl ConnectionSink for Sink {
    fn signal(&self, signal: Signal) {
        self.signals.lock().unwrap().push(signal);
    }

    fn offer(&self, message: Inbound) -> BoxFuture<'static, Ack> {
        self.offered.lock().unwrap().push(message);
        futures_util::future::ready(self.ack).boxed()
    }

    fn press(&self, _press: Press) -> BoxFuture<'static, Pressed> {
        futures_util::future::ready(Pressed::Over).boxed()
    }
}

fn channel() -> Channel {
    let at = Timestamp::from_millis(0);
    Channel {
        id: ChannelId::new("chn_1"),
        name: "Playground".into(),
        platform: "web".into(),
        enabled: true,
        default_agent: None,
        default_model: None,
        locale: Locale::En,
        config: json!({}),
        secrets: BTreeMap::new(),
        user_mapping: UserMapping::default(),
        directories: Directories::default(),
        switching: SwitchingSettings::default(),
        conversation: ConversationSettings::default(),
        access: AccessSettings::default(),
        privacy: PrivacySettings::default(),
        managed_by_file: false,
        version: Version(1),
        created_at: at,
        updated_at: at,
    }
}

struct Stand {
    web: Arc<Web>,
    link: Arc<dyn Link>,
    clock: Arc<FakeClock>,
    channel: ChannelId,
}

impl Stand {
    fn new() -> Self {
        let clock = Arc::new(FakeClock::new());
        let web = Arc::new(Web::new(Arc::clone(&clock) as _, Arc::new(SystemEntropy)));
        let link = web.link(&channel(), Arc::new(Unmetered)).unwrap();
        Self { web, link, clock, channel: channel().id }
    }

    /// Connected, until the token is cancelled or dropped with the guard.
    async fn connected(&self, sink: &Arc<Sink>, number: u64) -> CancellationToken {
        let close = CancellationToken::new();
        let (link, sink, ends) = (Arc::clone(&self.link), Arc::clone(sink), close.clone());
        tokio::spawn(async move { link.connect(ConnectionId(number), sink, ends).await });
        tokio::task::yield_now().await;
        close
    }

    async fn say(&self, person: &str, message: &str, text: &str) -> Result<(), NotTaken> {
        let person = Person { id: person.into(), name: person.to_uppercase() };
        let (channel, message) = (self.channel.clone(), MessageId::new(message));
        self.web.say(Saying { channel, person, message, text: text.into() }).await
    }

    async fn card(&self, person: &str, message: &str, call: CardCall) -> CardOutcome {
        let (target, message) = (target(person), MessageId::new(message));
        let (retry, within) = (RetryNumber(0), Duration::from_secs(12));
        let request = CardRequest { target, message, retry, seq: Seq(7), attempt: 0, call, within };
        self.link.card(request).await.outcome
    }

    async fn send(&self, person: &str, text: &str) -> PartOutcome {
        let (target, text) = (target(person), text.to_owned());
        let request = PartRequest {
            target,
            seq: Seq(8),
            text,
            format: Format::Markdown,
            way: Way::Api,
            within: Duration::from_secs(12),
        };
        self.link.send(request).await.outcome
    }

    fn items(&self, person: &str) -> Vec<Item> {
        self.web.listen(&self.channel, person).items
    }

    fn texts(&self, person: &str) -> Vec<(By, String, Stage)> {
        self.items(person).into_iter().map(|item| (item.by, item.text, item.stage)).collect()
    }
}

fn target(person: &str) -> Target {
    Target {
        chat: Chat { id: person.into(), kind: ChatKind::Private, title: None },
        im_user_id: Some(person.into()),
        session_address: None,
    }
}

fn open(text: &str) -> CardCall {
    CardCall::Open { text: text.into(), thinking: true }
}

fn update(text: &str) -> CardCall {
    CardCall::Update { text: text.into() }
}

fn finish(text: &str) -> CardCall {
    CardCall::Finish { text: text.into(), failed: false }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_up_at_once_gives_signs_of_life_and_lets_nobody_in_when_it_is_closed() {
    let stand = Stand::new();
    assert_eq!(stand.say("ann", "m0", "too early").await, Err(NotTaken::NotConnected));
    let sink = Sink::answering(Ack::Stored);
    let close = CancellationToken::new();
    let served = stand.link.connect(ConnectionId(1), Arc::clone(&sink) as _, close.clone());
    let acts = async {
        tokio::task::yield_now().await;
        assert_eq!(*sink.signals.lock().unwrap(), [Signal::Opened, Signal::Heard]);
        stand.say("ann", "m1", "hello").await.unwrap();
        // Longer than any silence that is borne.
        tokio::time::sleep(Duration::from_secs(45)).await;
        close.cancel();
    };
    let (cause, ()) = tokio::join!(served, acts);
    assert_eq!(cause, CloseCause::Clean);
    assert!(sink.signals.lock().unwrap().len() >= 6);
    assert_eq!(stand.say("ann", "m2", "too late").await, Err(NotTaken::NotConnected));
    let offered = sink.offered.lock().unwrap();
    let [inbound] = offered.as_slice() else { panic!("{offered:?}") };
    assert_eq!(inbound.sender.im_user_id.as_deref(), Some("ann"));
    assert_eq!((inbound.chat.id.as_str(), inbound.chat.kind), ("ann", ChatKind::Private));
    assert!(matches!(&inbound.body, Body::Content(content) if content.words().as_deref() == Some("hello")));
    // Whoever looks sees nothing of what was never let in.
    assert_eq!(stand.texts("ann"), [(By::Person, "hello".into(), Stage::Done)]);
}

#[tokio::test]
async fn the_end_of_an_older_connection_does_not_shut_the_newer_ones_door() {
    let stand = Stand::new();
    let (older, newer) = (Sink::answering(Ack::Stored), Sink::answering(Ack::Stored));
    let close = stand.connected(&older, 1).await;
    let _kept = stand.connected(&newer, 2).await;
    close.cancel();
    tokio::task::yield_now().await;
    stand.say("ann", "m1", "hello").await.unwrap();
    assert_eq!((older.offered.lock().unwrap().len(), newer.offered.lock().unwrap().len()), (0, 1));
}

#[tokio::test]
async fn what_could_not_be_stored_says_so_until_it_is_said_again() {
    let stand = Stand::new();
    let close = stand.connected(&Sink::answering(Ack::Withheld), 1).await;
    assert_eq!(stand.say("ann", "m1", "hello").await, Err(NotTaken::Withheld));
    assert_eq!(stand.texts("ann"), [(By::Person, "hello".into(), Stage::Failed)]);
    close.cancel();
    let _kept = stand.connected(&Sink::answering(Ack::Stored), 2).await;
    stand.say("ann", "m1", "hello").await.unwrap();
    assert_eq!(stand.texts("ann"), [(By::Person, "hello".into(), Stage::Done)]);
    // Told once more, it is the same message.
    stand.say("ann", "m1", "hello").await.unwrap();
    assert_eq!(stand.texts("ann").len(), 1);
}

#[tokio::test]
async fn a_card_is_made_once_streams_and_ends_once() {
    let stand = Stand::new();
    assert_eq!(stand.card("ann", "m1", open("Thinking...")).await, CardOutcome::Done);
    assert_eq!(stand.card("ann", "m1", open("again")).await, CardOutcome::Done);
    assert_eq!(stand.texts("ann"), [(By::Bot, "Thinking...".into(), Stage::Open)]);
    assert_eq!(stand.card("ann", "m1", update("one")).await, CardOutcome::Done);
    assert_eq!(stand.card("ann", "m1", finish("one two")).await, CardOutcome::Done);
    assert_eq!(stand.card("ann", "m1", finish("other words")).await, CardOutcome::AlreadyFinished);
    assert_eq!(stand.card("ann", "m1", update("late")).await, CardOutcome::AlreadyFinished);
    assert_eq!(stand.card("ann", "m1", open("late")).await, CardOutcome::Done);
    assert_eq!(stand.texts("ann"), [(By::Bot, "one two".into(), Stage::Done)]);
    assert_eq!(stand.items("ann")[0].seq, Some(Seq(7)));
    let failed = CardCall::Finish { text: "no".into(), failed: true };
    assert_eq!(stand.card("ann", "m2", failed).await, CardOutcome::Done);
    assert_eq!(stand.send("ann", "a notice").await, PartOutcome::Sent);
    let last: Vec<_> = stand.texts("ann").into_iter().skip(1).collect();
    assert_eq!(last, [(By::Bot, "no".into(), Stage::Failed), (By::Bot, "a notice".into(), Stage::Done)]);
}

#[tokio::test]
async fn a_card_from_before_a_restart_appears_again_with_its_next_call() {
    for call in [update("go on"), finish("the end")] {
        let stand = Stand::new();
        assert_eq!(stand.card("ann", "m1", call).await, CardOutcome::Done);
        assert_eq!(stand.items("ann").len(), 1);
    }
}

#[tokio::test]
async fn nobody_sees_what_others_see() {
    let stand = Stand::new();
    stand.card("ann", "m1", finish("for ann")).await;
    let mut bob = stand.web.listen(&stand.channel, "bob");
    stand.send("ann", "more for ann").await;
    stand.send("bob", "for bob").await;
    assert_eq!(bob.items, []);
    assert_eq!(bob.changes.next().await.unwrap().text, "for bob");
    assert_eq!(stand.web.listen(&ChannelId::new("chn_2"), "ann").items, []);
}

#[tokio::test]
async fn texts_are_cut_and_hold_nothing_that_cannot_be_seen() {
    let stand = Stand::new();
    stand.send("ann", "a\u{0}b\u{7}\r\n\tc").await;
    stand.send("ann", &"汉".repeat(ITEM_CHARS_MAX + 1)).await;
    let items = stand.items("ann");
    assert_eq!((items[0].text.as_str(), items[0].is_cut), ("ab\n\tc", false));
    assert_eq!((items[1].text.chars().count(), items[1].is_cut), (ITEM_CHARS_MAX, true));
}

#[tokio::test]
async fn a_room_keeps_the_newest_and_rooms_that_nobody_looks_into_go() {
    let stand = Stand::new();
    for number in 0..=ITEMS_MAX {
        stand.send("ann", &number.to_string()).await;
    }
    let items = stand.items("ann");
    assert_eq!((items.len(), items[0].text.as_str()), (ITEMS_MAX, "1"));
    // By bytes as well.
    for _ in 0..40 {
        stand.send("bob", &"汉".repeat(ITEM_CHARS_MAX)).await;
    }
    assert_eq!(stand.items("bob").len(), 256 * 1024 / (3 * ITEM_CHARS_MAX));
    // Somebody looks into ann's; of the others the oldest go.
    let looking = stand.web.listen(&stand.channel, "ann");
    for number in 0..300 {
        stand.clock.advance(Duration::from_millis(1));
        stand.send(&format!("person-{number}"), "hello").await;
    }
    assert_eq!(stand.items("bob"), []);
    assert_eq!(stand.items("ann").len(), ITEMS_MAX);
    assert_eq!(stand.items("person-299").len(), 1);
    drop(looking);
    stand.clock.advance(Duration::from_hours(25));
    stand.send("somebody new", "hello").await;
    assert_eq!(stand.items("ann"), []);
}

#[tokio::test]
async fn whoever_is_too_slow_or_was_forgotten_begins_anew() {
    let stand = Stand::new();
    let mut slow = stand.web.listen(&stand.channel, "ann").changes;
    for _ in 0..65 {
        stand.send("ann", "hello").await;
    }
    assert_eq!(slow.next().await, None);
    let mut looking = stand.web.listen(&stand.channel, "ann").changes;
    stand.web.forget(&stand.channel, Some("bob"));
    assert_eq!(stand.items("ann").len(), 65);
    stand.web.forget(&stand.channel, Some("ann"));
    assert_eq!((looking.next().await, stand.items("ann").len()), (None, 0));
    stand.send("ann", "hello").await;
    stand.web.forget(&stand.channel, None);
    assert_eq!(stand.items("ann"), []);
}

#[tokio::test]
async fn another_replica_sees_the_same_and_an_end_stays_an_end() {
    let (here, there) = (Stand::new(), Stand::new());
    let mut sights = here.web.sights();
    here.card("ann", "m1", open("Thinking...")).await;
    let early = sights.next().await.unwrap();
    here.card("ann", "m1", finish("done")).await;
    let late = sights.next().await.unwrap();
    there.web.take_in(late);
    // Told out of order.
    there.web.take_in(early);
    assert_eq!(there.items("ann"), here.items("ann"));
    // What is taken in is not told once more.
    assert_eq!(there.web.sights().next().now_or_never(), None);
    // It goes on there after the partition was handed over.
    assert_eq!(there.card("ann", "m1", update("late")).await, CardOutcome::AlreadyFinished);
    here.web.forget(&here.channel, Some("ann"));
    let forgotten = sights.next().await.unwrap();
    assert!(matches!(&forgotten, Sight::Forgotten { person: Some(person), .. } if person == "ann"));
    there.web.take_in(forgotten);
    assert_eq!(there.items("ann"), []);
}

#[test]
fn there_is_nothing_to_set() {
    let stand = Stand::new();
    assert_eq!(stand.web.check_config(&json!({}), &[]).unwrap(), json!({}));
    let errors = stand.web.check_config(&json!({"a/b": 1}), &[]).unwrap_err();
    assert_eq!((errors[0].pointer.as_str(), errors[0].message.as_str()), ("/a~1b", "is unknown"));
    let limits = stand.link.limits();
    assert!(limits.cards && limits.update_interval == Duration::from_millis(100));
    let told = Web::new(Arc::clone(&stand.clock) as _, Arc::new(SystemEntropy)).told_to_others();
    let slower = told.link(&channel(), Arc::new(Unmetered)).unwrap().limits().update_interval;
    assert_eq!(slower, Duration::from_millis(500));
}
