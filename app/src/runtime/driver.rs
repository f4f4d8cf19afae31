//! Starting, stopping and asking the driver.

mod taking_in;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::ids::{ChannelId, ConversationId, ConversationKey, MessageId, Partition, ReplicaId};
use switchboard_domain::inbox::{Control, Intake, Origin};
use switchboard_domain::message::{Chat, Sender};
use switchboard_ports::channels::Channel;
use switchboard_ports::conversations::{Accepted, Arrival};
use switchboard_ports::durability::Durability;
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::{Requeued, Retried};
use switchboard_ports::messages::{Given, NewMessage};
use switchboard_ports::page::PageRequest;
use switchboard_ports::provider::Check;
use switchboard_ports::replicas::{Note, ReplicaInfo};
use switchboard_ports::transcripts::{ConversationFilter, ConversationInfo};
use tokio::sync::{Mutex as FairMutex, broadcast};

use self::taking_in::Unusable;
use super::channel::{self, Bot, BotError, Message};
use super::gate::Admitted;
use super::operations::{ChannelStatus, MappingTrial, NotReady, OpenMessage, Operations, RuntimeEvent};
use super::shared::{Settings, Shared, lock};
use super::{
    alerts, durability, fast_lane, files, log_lines, mapping, measures, meter, peers, playground, preflight,
    retention, scan, scribe, timeline, tracer,
};
use crate::ports::Ports;

/// How long the end of a channel waits for its replies to close.
const WITHDRAW_WAIT: Duration = Duration::from_secs(10);
/// How long a conversation may take to say what is open in it: somebody waits for a page.
const OPEN_WAIT_MAX: Duration = Duration::from_millis(300);
/// How often the end of a channel looks whether its replies are closed.
const WITHDRAW_LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The running driver.
pub struct Driver {
    shared: Arc<Shared>,
    /// Settings are read and put into force one after the other: of two changes at once the later one must win, and a new
    /// channel must not be started twice.
    reloading: FairMutex<Unusable>,
}

impl Driver {
    /// Takes the leases, starts every channel, and goes on with whatever was accepted and has not ended.
    ///
    /// # Errors
    /// When the store cannot be read at start.
    pub async fn start(ports: Ports, settings: Settings) -> Result<Arc<Self>, StoreError> {
        let shared = Arc::new(Shared::new(ports, settings));
        peers::join(&shared).await?;
        scan::claim(&shared).await?;
        for stored in shared.ports.channels.list().await? {
            let id = stored.id.clone();
            match Bot::build(&shared, stored).await {
                Ok(bot) => drop(channel::start(&shared, bot)),
                Err(BotError::Store(error)) => return Err(error),
                Err(error) => tracing::error!(channel = %id, %error, "failed to set the channel up"),
            }
        }
        scan::scan_once(&shared).await?;
        shared.tasks.spawn(scan::renew_leases(Arc::clone(&shared)));
        shared.tasks.spawn(scan::scan_open(Arc::clone(&shared)));
        shared.tasks.spawn(files::sweep(Arc::clone(&shared)));
        shared.tasks.spawn(meter::keep_meters(Arc::clone(&shared)));
        shared.tasks.spawn(retention::sweep(Arc::clone(&shared)));
        shared.tasks.spawn(scribe::write(Arc::clone(&shared)));
        shared.tasks.spawn(tracer::export(Arc::clone(&shared)));
        shared.tasks.spawn(log_lines::write(Arc::clone(&shared)));
        shared.tasks.spawn(measures::keep(Arc::clone(&shared)));
        shared.tasks.spawn(alerts::watch(Arc::clone(&shared)));
        shared.tasks.spawn(durability::watch(Arc::clone(&shared)));
        shared.tasks.spawn(peers::post_all(Arc::clone(&shared)));
        shared.tasks.spawn(peers::watch_places(Arc::clone(&shared)));
        shared.tasks.spawn(playground::tell(Arc::clone(&shared)));
        let driver = Arc::new(Self { shared, reloading: FairMutex::default() });
        driver.shared.tasks.spawn(peers::keep_looking(Arc::clone(&driver)));
        driver.shared.tasks.spawn(peers::hear(Arc::clone(&driver)));
        Ok(driver)
    }

    /// What all tasks share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Stops in order: no intake, no new turns; running turns finish within `grace`, the rest is left to the next process.
    pub async fn stop(&self, grace: Duration) {
        self.shared.stopping.cancel();
        // What can be let go of is another replica's at once.
        self.shared.peers.look_now();
        self.shared.registry.wake_working(None);
        let draining: Vec<_> = self.shared.all_channels();
        for handle in &draining {
            handle.tell_surely(Message::Drain).await;
        }
        let deadline = tokio::time::Instant::now() + grace;
        while self.is_busy() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.shared.parking.cancel();
        self.shared.tasks.close();
        // Platform calls under way are bounded by the call time-out; what they leave open the next process finishes.
        let _ = tokio::time::timeout(self.shared.settings.call_timeout, self.shared.tasks.wait()).await;
        measures::keep_last(&self.shared);
        // Beside each other: none makes another one late, and nobody waits longer than need be for what was ours.
        tokio::join!(
            peers::give_up_all(&self.shared),
            meter::keep_last(&self.shared),
            scribe::write_last(&self.shared),
            tracer::export_last(&self.shared)
        );
    }

    fn is_busy(&self) -> bool {
        self.shared.registry.is_busy()
    }

    /// Conversations of a channel where something waits, runs or is on its way out.
    async fn unfinished(&self, id: &ChannelId) -> Result<BTreeMap<ConversationId, Partition>, StoreError> {
        let filter = ConversationFilter { channel: Some(id.clone()), ..ConversationFilter::default() };
        let mut page = PageRequest { limit: switchboard_ports::page::PAGE_ROWS_MAX, after: None };
        let mut unfinished = BTreeMap::new();
        let open = scan::open_among(&self.shared, Partition::all()).await?;
        loop {
            let listed = self.shared.ports.transcripts.conversations(&filter, &page).await?;
            let waiting = listed.items.into_iter().filter(|info| self.is_unfinished(&info.id, &open));
            unfinished.extend(waiting.map(|info| (info.id, info.key.partition())));
            match listed.next {
                Some(next) => page.after = Some(next),
                None => return Ok(unfinished),
            }
        }
    }

    async fn are_finished(&self, told: &BTreeMap<ConversationId, Partition>) -> Result<bool, StoreError> {
        let partitions: BTreeSet<_> = told.values().copied().collect();
        let open = scan::open_among(&self.shared, partitions).await?;
        Ok(!told.keys().any(|id| self.is_unfinished(id, &open)))
    }

    /// The store says what is open, also where an earlier process has left it and this one has not loaded it yet; memory says
    /// what is under way and not stored.
    fn is_unfinished(&self, id: &ConversationId, open: &BTreeSet<ConversationId>) -> bool {
        let registry = &self.shared.registry;
        open.contains(id) || registry.is_busy_one(id) || registry.is_sending(id)
    }

    /// Ends what runs and waits in a conversation whose channel is being deleted.
    async fn end(&self, conversation: &ConversationId) -> Result<(), StoreError> {
        match self.shared.ports.transcripts.conversation(conversation).await? {
            Some(info) => self.put_control(&info, Control::Withdraw).await,
            None => Ok(()),
        }
    }

    async fn put_control(&self, info: &ConversationInfo, control: Control) -> Result<(), StoreError> {
        let id = MessageId::new(format!(
            "ctl_{:016x}{:016x}",
            self.shared.ports.entropy.next_u64(),
            self.shared.ports.entropy.next_u64()
        ));
        let arrival = control_arrival(info, id, control, self.shared.now());
        let (key, asked) = (arrival.key.clone(), arrival.intake.clone());
        match self.shared.ports.conversations.accept(arrival).await? {
            Accepted::First { seq: Some(seq), .. } => fast_lane::wake_for(&self.shared, &key, &asked, seq),
            Accepted::First { seq: None, .. } | Accepted::Duplicate => {}
        }
        Ok(())
    }
}

fn control_arrival(
    info: &ConversationInfo,
    message: MessageId,
    control: Control,
    now: switchboard_domain::time::Timestamp,
) -> Arrival {
    let ConversationKey { chat, .. } = &info.key;
    Arrival {
        key: info.key.clone(),
        message,
        chat: Chat { id: chat.clone(), kind: info.kind, title: info.title.clone() },
        sender: Sender { im_user_id: None, opaque_id: "api".to_owned(), name: info.author.clone() },
        sent_at: now,
        session_address: None,
        intake: Intake::Control { control, origin: Origin::Api },
        admission: Arc::new(Admitted),
    }
}

#[async_trait]
impl Operations for Driver {
    async fn statuses(&self, channels: &[ChannelId]) -> Vec<ChannelStatus> {
        peers::whole(&self.shared, channels).await
    }

    fn statuses_here(&self) -> Vec<(Channel, ChannelStatus)> {
        let now = self.shared.now();
        let here = self.shared.all_channels().into_iter();
        here.map(|handle| (handle.bot().channel.clone(), peers::alone(&self.shared, &handle, now))).collect()
    }

    async fn take_in(&self, stored: &[Channel]) -> Result<(), StoreError> {
        self.freshen(stored).await
    }

    fn durability(&self) -> Option<Durability> {
        lock(&self.shared.durability).clone()
    }

    fn replica(&self) -> ReplicaId {
        self.shared.replica.clone()
    }

    fn replicas(&self) -> Option<Vec<ReplicaInfo>> {
        (!self.shared.knows_nobody()).then(|| self.shared.peers.roll())
    }

    async fn channel_changed(&self, channel: &ChannelId) -> Result<(), StoreError> {
        if self.revive(channel).await? {
            peers::believe_again(&self.shared, channel).await;
        }
        self.shared.peers.post(Note::ChannelChanged(channel.clone()));
        Ok(())
    }

    async fn agent_changed(&self) {
        self.shared.peers.post(Note::AgentsChanged);
        for handle in self.shared.all_channels() {
            if let Err(error) = self.reload(&handle.id).await {
                tracing::warn!(channel = %handle.id, %error, "failed to take in a changed agent");
            }
        }
    }

    async fn restart(&self, channel: &ChannelId) -> Result<bool, StoreError> {
        let handle = self.fresh(channel).await?;
        let Some(handle) = handle.filter(|handle| handle.bot().channel.enabled) else {
            return Ok(false);
        };
        peers::believe_again(&self.shared, channel).await;
        // Counted in the store, so that replicas which do not hear of it now find it with their next look. This one as well.
        match self.shared.ports.bulletin.post(&self.shared.replica, &Note::Restart(channel.clone())).await {
            Ok(()) => self.shared.peers.look_now(),
            Err(error) => {
                tracing::warn!(%channel, %error, "failed to tell the other replicas of a restart");
                handle.tell_surely(Message::Restart).await;
            }
        }
        Ok(true)
    }

    async fn withdraw(&self, channel: &ChannelId) -> Result<(), StoreError> {
        let handle = match self.shared.channel(channel) {
            // With whatever settings: it ends.
            Some(handle) => handle,
            None => match self.fresh(channel).await? {
                Some(handle) => handle,
                None => return Ok(()),
            },
        };
        // Nothing new comes in behind the withdrawal, whatever its sockets still carry until they are closed.
        handle.withdraw();
        self.shared.peers.withdrawn(channel, self.shared.now());
        self.shared.peers.post(Note::Withdrawn(channel.clone()));
        handle.tell_surely(Message::Drain).await;
        let deadline = tokio::time::Instant::now() + WITHDRAW_WAIT;
        // What was on its way into the store at that moment shows up with a second look.
        let mut told = BTreeMap::new();
        loop {
            for (id, partition) in self.unfinished(channel).await? {
                if told.insert(id.clone(), partition).is_none() {
                    self.end(&id).await?;
                }
            }
            while !self.are_finished(&told).await? && tokio::time::Instant::now() < deadline {
                tokio::time::sleep(WITHDRAW_LOOK_INTERVAL).await;
            }
            let rest = self.unfinished(channel).await?;
            if rest.is_empty() || tokio::time::Instant::now() >= deadline {
                break;
            }
            // Asked again: what came in after the first word.
            told.clear();
        }
        lock(&self.shared.channels).remove(channel);
        Ok(())
    }

    async fn control(&self, conversation: &ConversationId, control: Control) -> Result<bool, StoreError> {
        let Some(info) = self.shared.ports.transcripts.conversation(conversation).await? else {
            return Ok(false);
        };
        if self.fresh(&info.key.channel).await?.is_none() {
            // Nobody would ever take it in.
            return Ok(false);
        }
        self.put_control(&info, control).await?;
        Ok(true)
    }

    async fn open_messages(&self, conversation: &ConversationId) -> Option<Vec<OpenMessage>> {
        let told = self.shared.registry.ask(conversation)?;
        tokio::time::timeout(OPEN_WAIT_MAX, told).await.ok()?.ok()
    }

    async fn retry(&self, failure: &str) -> Result<Option<Retried>, StoreError> {
        let retried = self.shared.ports.failures.retry(failure).await?;
        if let Some(Retried { info, partition, outcome: Requeued::Now(seq) }) = &retried {
            tracing::info!(channel = %info.channel, failure, seq = seq.0, "a failure is retried");
            timeline::retried(&self.shared, &info.conversation, failure, (info.failure.seq, *seq));
            super::wake(&self.shared, *partition, info.conversation.clone());
        }
        Ok(retried)
    }

    async fn send(&self, message: NewMessage) -> Result<Option<Given>, StoreError> {
        let id = message.key.id();
        let handle = self.fresh(&message.key.channel).await?;
        let Some(handle) = handle.filter(|handle| !handle.is_withdrawn()) else {
            return Ok(None);
        };
        let given = self.shared.ports.messages.give(message).await?;
        if let Given::Now { partition, record, .. } = &given {
            timeline::given(&self.shared, record);
            super::wake(&self.shared, *partition, id.clone());
            if handle.is_withdrawn() {
                // The deletion began in between, and may have looked already.
                self.end(&id).await?;
            }
        }
        Ok(Some(given))
    }

    async fn preflight(&self, channel: &ChannelId) -> Result<Option<Vec<Check>>, StoreError> {
        match self.fresh(channel).await? {
            Some(handle) => Ok(Some(preflight::of(&handle.bot()).await)),
            None => Ok(None),
        }
    }

    async fn preflight_of(&self, channel: Channel) -> Result<Vec<Check>, StoreError> {
        preflight::of_unsaved(&self.shared, channel).await
    }

    async fn try_mapping(
        &self,
        channel: &ChannelId,
        sender: Sender,
    ) -> Result<Option<MappingTrial>, StoreError> {
        match self.fresh(channel).await? {
            Some(handle) => mapping::tried(&self.shared, &handle.bot(), &sender).await.map(Some),
            None => Ok(None),
        }
    }

    fn events(&self) -> broadcast::Receiver<RuntimeEvent> {
        self.shared.bus.subscribe()
    }

    async fn ready(&self) -> Result<(), NotReady> {
        if self.shared.stopping.is_cancelled() {
            return Err(NotReady::Stopping);
        }
        if *self.shared.store_up.borrow() && *self.shared.store_sound.borrow() {
            Ok(())
        } else {
            Err(NotReady::Store("messages cannot be stored".to_owned()))
        }
    }
}
