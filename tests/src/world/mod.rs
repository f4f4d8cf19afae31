//! The whole driver on fakes in virtual time. A *process* is a runtime of its own: dropping it kills everything at whatever
//! await it stands, and the next process finds the store and the platform as the last one left them.

mod pair;
mod process;

pub use pair::Pair;
pub use process::Process;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use switchboard::ports::Ports;
use switchboard::runtime::{Driver, Settings};
use switchboard_adapters::stores::{self, Stores};
use switchboard_adapters::web::Web;
use switchboard_domain::content::{Attachment, AttachmentKind, Content, Piece};
use switchboard_domain::ids::{AgentId, ChannelId, MessageId, Version};
use switchboard_domain::message::{Body, Chat, ChatKind, Inbound, Sender, SessionAddress};
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::{
    AccessSettings, ConversationSettings, Locale, PrivacySettings, UserMapping,
};
use switchboard_ports::agent::AgentKind;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::alerts::AlertSink;
use switchboard_ports::attachments::AttachmentStore;
use switchboard_ports::channels::Channel;
use switchboard_ports::clock::Clock;
use switchboard_ports::conformance::{FaultyAttachments, samples};
use switchboard_ports::conversations::ConversationStore;
use switchboard_ports::directory::Directories;
use switchboard_ports::journal::JournalStore;
use switchboard_ports::provider::Provider;

use crate::fakes::agent::FakeAgent;
use crate::fakes::alerts::FakeAlerts;
use crate::fakes::channels::SlowChannels;
use crate::fakes::clock::{SimClock, SimEntropy};
use crate::fakes::counters::Counters;
use crate::fakes::directory::FakeDirectory;
use crate::fakes::failures::SteppingFailures;
use crate::fakes::journal::AwayJournal;
use crate::fakes::messages::SteppingMessages;
use crate::fakes::platform::FakePlatform;
use crate::fakes::spans::FakeSpans;
use crate::fakes::steps::Steps;
use crate::fakes::store::SteppingStore;
use crate::fakes::usage::UnsureUsage;
use crate::fakes::users::AwayUsers;
use crate::fakes::wire::{Wire, Wired};

/// What outlives processes: the store, the platform, the agent, time.
pub struct World {
    /// Time.
    pub clock: Arc<SimClock>,
    /// Where processes are killed.
    pub steps: Arc<Steps>,
    /// The platform.
    pub platform: FakePlatform,
    /// The agent.
    pub agent: FakeAgent,
    /// The conversation store, with its faults.
    pub store: Arc<SteppingStore>,
    /// The failure store, with a killing point before and after each retry.
    pub failures: Arc<SteppingFailures>,
    /// The message store, with a killing point before and after each message.
    pub messages: Arc<SteppingMessages>,
    /// The company's directory.
    pub directory: FakeDirectory,
    /// The user store, which can be away.
    pub users: Arc<AwayUsers>,
    /// The journal, which can be away.
    pub journal: Arc<AwayJournal>,
    /// The store of what apps used, with its faults.
    pub usage: Arc<UnsureUsage>,
    /// The files of messages, with their faults.
    pub files: Arc<FaultyAttachments>,
    /// The spans of traces that were handed over.
    pub spans: FakeSpans,
    /// What was counted.
    pub counters: Counters,
    /// Whoever is told alerts, where a test wants somebody to be.
    pub alerts: FakeAlerts,
    alerting: bool,
    stores: Stores,
    entropy: Arc<SimEntropy>,
    written: AtomicU64,
}

impl World {
    /// An empty world; everything random in it comes from the seed.
    pub fn new(seed: u64) -> Self {
        let clock = Arc::new(SimClock::default());
        let steps = Arc::new(Steps::default());
        let stores = stores::memory(Arc::clone(&clock) as Arc<dyn Clock>);
        Self {
            platform: FakePlatform::new(Arc::clone(&clock) as Arc<dyn Clock>, Arc::clone(&steps)),
            agent: FakeAgent::default(),
            directory: FakeDirectory::default(),
            store: Arc::new(SteppingStore::new(Arc::clone(&stores.conversations), Arc::clone(&steps))),
            failures: Arc::new(SteppingFailures::new(Arc::clone(&stores.failures), Arc::clone(&steps))),
            messages: Arc::new(SteppingMessages::new(Arc::clone(&stores.messages), Arc::clone(&steps))),
            users: Arc::new(AwayUsers::new(Arc::clone(&stores.users))),
            journal: Arc::new(AwayJournal::new(Arc::clone(&stores.journal))),
            usage: Arc::new(UnsureUsage::new(Arc::clone(&stores.usage), Arc::clone(&steps))),
            files: Arc::new(FaultyAttachments::around(Arc::clone(&stores.attachments))),
            spans: FakeSpans::default(),
            counters: Counters::default(),
            alerts: FakeAlerts::default(),
            alerting: false,
            entropy: Arc::new(SimEntropy::new(seed)),
            written: AtomicU64::new(0),
            clock,
            steps,
            stores,
        }
    }

    /// One process: starts the driver, runs the scenario, and is killed when the scenario ends or a killing point is
    /// reached. Says whether the scenario ran to its end.
    ///
    /// An event that cannot come (`Rejected::Illegal`) fails the test.
    pub fn process<'w, F, S>(&'w self, scenario: S) -> Option<F::Output>
    where
        S: FnOnce(Process<'w>) -> F,
        F: Future,
    {
        self.process_with(Settings::default(), scenario)
    }

    /// The same for scenarios that last for hours: what is done every few seconds is done every minute.
    pub fn long_process<'w, F, S>(&'w self, scenario: S) -> Option<F::Output>
    where
        S: FnOnce(Process<'w>) -> F,
        F: Future,
    {
        let rare = Settings {
            lease_ttl: Duration::from_secs(200),
            renew_interval: Duration::from_mins(1),
            look_interval: Duration::from_mins(1),
            report_ttl: Duration::from_secs(150),
            scan_interval: Duration::from_mins(1),
            ..Settings::default()
        };
        self.process_with(rare, scenario)
    }

    /// The same with other numbers.
    pub fn process_with<'w, F, S>(&'w self, settings: Settings, scenario: S) -> Option<F::Output>
    where
        S: FnOnce(Process<'w>) -> F,
        F: Future,
    {
        let _counted = metrics::set_default_local_recorder(&self.counters);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let ended = runtime.block_on(async {
            self.clock.start();
            let work = async {
                self.nobody_lives().await;
                let driver = self.start(0, &Arc::default(), settings).await;
                scenario(Process { world: self, driver }).await
            };
            let ended = tokio::select! {
                biased;
                () = self.steps.killed() => None,
                output = work => Some(output),
            };
            self.clock.stop();
            ended
        });
        drop(runtime);
        self.platform.process_died();
        let alarms = self.counters.sum("switchboard_alarms_total", &["kind=illegal"]);
        assert_eq!(alarms, 0, "an event came that cannot come; the log says which");
        ended
    }

    /// A store that one process owns alone knows nothing of who lived before.
    async fn nobody_lives(&self) {
        let replicas = &self.stores.replicas;
        for dead in replicas.roll().await.expect("memory").live {
            replicas.leave(&dead.id).await.expect("memory");
        }
    }

    /// The agent and the channel that scenarios use, unless they are there already.
    pub async fn set_up(&self) {
        self.set_up_with(|_, _| {}).await;
    }

    /// The same, changed by the scenario.
    pub async fn set_up_with(&self, change: impl FnOnce(&mut Channel, &mut AgentConfig)) {
        let now = self.clock.now();
        let mut agent = agent_config(now);
        let mut channel = channel_config(now);
        change(&mut channel, &mut agent);
        self.stores.agents.insert(&agent).await.expect("an agent");
        self.stores.channels.insert(&channel).await.expect("a channel");
    }

    /// The same world, in which somebody is told alerts.
    #[must_use]
    pub fn with_alerts(self) -> Self {
        Self { alerting: true, ..self }
    }

    /// What time it is, in milliseconds.
    pub fn clock_millis(&self) -> u64 {
        self.clock.now().as_millis()
    }

    /// All stores.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Starts a driver that reaches everything by this wire.
    pub(super) async fn start(&self, number: usize, wire: &Arc<Wire>, settings: Settings) -> Arc<Driver> {
        Driver::start(self.ports(number, wire), settings).await.expect("the driver starts")
    }

    fn ports(&self, number: usize, wire: &Arc<Wire>) -> Ports {
        let provider: Arc<dyn Provider> = Arc::new(self.platform.reached_by(number, wire));
        let conversations = Arc::clone(&self.store) as Arc<dyn ConversationStore>;
        let kind: Arc<dyn AgentKind> = Arc::new(self.agent.clone());
        let journal = Arc::clone(&self.journal) as Arc<dyn JournalStore>;
        let alerts: Arc<dyn AlertSink> = Arc::new(self.alerts.clone());
        Ports {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: Arc::clone(&self.entropy) as Arc<dyn switchboard_ports::clock::Entropy>,
            conversations: Wired::new(&conversations, wire),
            transcripts: Arc::clone(&self.stores.transcripts),
            failures: Arc::clone(&self.failures) as _,
            messages: Arc::clone(&self.messages) as _,
            channels: Arc::new(SlowChannels::new(Arc::clone(&self.stores.channels))),
            agents: Arc::clone(&self.stores.agents),
            users: Arc::clone(&self.users) as Arc<dyn switchboard_ports::users::UserStore>,
            tokens: Arc::clone(&self.stores.tokens),
            sessions: Arc::clone(&self.stores.sessions),
            attachments: Arc::clone(&self.files) as Arc<dyn AttachmentStore>,
            usage: Arc::clone(&self.usage) as _,
            audit: Arc::clone(&self.stores.audit),
            journal: Wired::new(&journal, wire),
            replicas: Wired::new(&self.stores.replicas, wire),
            bulletin: Wired::new(&self.stores.bulletin, wire),
            durability: Arc::clone(&self.stores.durability),
            traces: Some(Arc::new(self.spans.clone())),
            playground: Arc::new(Web::new(
                Arc::clone(&self.clock) as Arc<dyn Clock>,
                Arc::clone(&self.entropy) as Arc<dyn switchboard_ports::clock::Entropy>,
            )),
            alerts: self.alerting.then(|| Wired::new(&alerts, wire) as _),
            providers: BTreeMap::from([("fake", provider)]),
            agent_kinds: BTreeMap::from([("fake", kind)]),
            directory_kinds: self.directory.kinds(),
        }
    }

    /// A private message with words, if there are any, and pictures behind them, which are fetched by these.
    pub fn message_with(&self, person: &str, text: &str, sources: &[&str]) -> Inbound {
        let words = (!text.is_empty()).then(|| Piece::Text(text.to_owned()));
        let pictures = sources.iter().map(|source| {
            Piece::Attachment(Attachment {
                kind: AttachmentKind::Picture,
                name: String::new(),
                duration: None,
                source: Secret::new(*source),
            })
        });
        let pieces = words.into_iter().chain(pictures).collect();
        let body = Body::Content(Content { pieces, quoted: None });
        Inbound { body, ..self.message(person, "") }
    }

    /// A private message from one of several people; each has a chat of their own.
    pub fn message(&self, person: &str, text: &str) -> Inbound {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        Inbound {
            id: MessageId::new(format!("msg-{number}")),
            chat: Chat { id: format!("chat-{person}"), kind: ChatKind::Private, title: None },
            sender: Sender {
                im_user_id: Some(person.to_owned()),
                opaque_id: format!("opaque-{person}"),
                name: person.to_owned(),
            },
            body: Body::Content(Content::of_text(text)),
            mentioned: None,
            sent_at: self.clock.now(),
            session_address: Some(SessionAddress {
                url: Secret::new("https://platform.test/session"),
                until: self.clock.now().after(Duration::from_mins(90)),
            }),
        }
    }
}

/// The agent that scenarios use.
pub fn agent_config(now: switchboard_domain::time::Timestamp) -> AgentConfig {
    AgentConfig {
        api_key: Secret::default(),
        model: Some("model-1".to_owned()),
        created_at: now,
        updated_at: now,
        ..samples::agent("fake", "")
    }
}

/// The channel that scenarios use.
pub fn channel_config(now: switchboard_domain::time::Timestamp) -> Channel {
    Channel {
        id: ChannelId::new("chn_1"),
        name: "bot".to_owned(),
        platform: "fake".to_owned(),
        enabled: true,
        default_agent: Some(AgentId::new("agt_1")),
        default_model: None,
        locale: Locale::En,
        config: json!({"app": "app-1"}),
        secrets: BTreeMap::from([("/secret".to_owned(), Secret::new("secret"))]),
        user_mapping: UserMapping::default(),
        directories: Directories::default(),
        switching: switchboard_domain::settings::SwitchingSettings::default(),
        conversation: ConversationSettings::default(),
        access: AccessSettings { messages_per_minute: 0, ..AccessSettings::default() },
        privacy: PrivacySettings::default(),
        managed_by_file: false,
        version: Version(1),
        created_at: now,
        updated_at: now,
    }
}
