//! Reading a conversation from the store: whole when its task starts, what is new whenever it is woken.

use std::sync::Arc;

use switchboard_domain::conversation::{Conversation, Effects, Event};
use switchboard_domain::ids::{ConversationId, Partition, Seq};
use switchboard_domain::inbox::Entry;
use switchboard_domain::session::Hold;
use switchboard_ports::conversations::{LOADED_ENTRIES_MAX, Lease, Loaded};
use switchboard_ports::error::StoreError;
use tokio::sync::mpsc;

use super::{Actor, Lost, OUTCOMES_MAX};
use crate::runtime::registry::Slot;
use crate::runtime::shared::Shared;

impl<'a> Actor<'a> {
    pub(super) async fn load(
        shared: &'a Arc<Shared>,
        partition: Partition,
        id: &'a ConversationId,
        slot: &'a Slot,
        crashed: bool,
    ) -> Option<Self> {
        slot.take_wake();
        let lease = shared.lease_for_call(partition).await?;
        let loaded = match load_all(shared, &lease, id).await {
            Ok(loaded) => loaded?,
            Err(error) => {
                tracing::warn!(conversation = %id, %error, "failed to load a conversation");
                return None;
            }
        };
        let handle = shared.channel(&loaded.key.channel)?;
        let bot = handle.bot();
        let now = shared.now();
        let mut actor = Self {
            shared,
            slot,
            id,
            partition,
            conversation: Conversation::restore(loaded.snapshot, bot.policy.clone(), now),
            handle,
            bot,
            version: loaded.version,
            pending: 0,
            user: None,
            lazy_since: None,
            rest_since: None,
            run: None,
            outcomes: mpsc::channel(OUTCOMES_MAX),
        };
        let mut effects = Effects::default();
        for entry in loaded.entries {
            let resumed = crashed || entry.fence < lease.token;
            actor.take_in(entry, resumed, &mut effects);
        }
        actor.hold(&mut effects);
        actor.apply_into(Event::Loaded, &mut effects);
        actor.finish_step(effects).await.ok()?;
        Some(actor)
    }

    /// Reads what is new in the inbox and takes in changed settings.
    pub(super) async fn look_again(&mut self) -> Result<(), Lost> {
        self.slot.take_wake();
        let bot = self.handle.bot();
        if !Arc::ptr_eq(&bot, &self.bot) {
            self.conversation.configure(bot.policy.clone());
            self.bot = bot;
        }
        let mut effects = Effects::default();
        self.hold(&mut effects);
        let lease = self.lease().await?;
        let taken = self.conversation.session().taken();
        let loaded = match load_from(self.shared, &lease, self.id, taken).await {
            Ok(loaded) => loaded.map(|loaded| loaded.entries).unwrap_or_default(),
            Err(StoreError::Unavailable(_)) => {
                // The scan wakes us again; what is known already goes on.
                Vec::new()
            }
            Err(_) => return Err(Lost),
        };
        for entry in loaded {
            self.take_in(entry, false, &mut effects);
        }
        self.finish_step(effects).await
    }

    fn take_in(&mut self, entry: Entry, resumed: bool, effects: &mut Effects) {
        if entry.seq > self.conversation.session().taken() {
            self.pending = self.pending.saturating_add(1);
            metrics::gauge!("switchboard_inbox_pending").increment(1.0);
            self.apply_into(Event::Taken { entry, resumed }, effects);
        }
    }

    /// Whether new turns may begin, as the channel and the server say.
    fn hold(&mut self, effects: &mut Effects) {
        let disabled = !self.bot.channel.enabled;
        let event = if disabled { Event::Held(Hold::Disabled) } else { Event::Released(Hold::Disabled) };
        self.apply_into(event, effects);
        if self.shared.stopping.is_cancelled() {
            self.apply_into(Event::Held(Hold::Stopping), effects);
        }
    }
}

async fn load_from(
    shared: &Shared,
    lease: &Lease,
    id: &ConversationId,
    after: Seq,
) -> Result<Option<Loaded>, StoreError> {
    let store = &shared.ports.conversations;
    let Some(mut loaded) = store.load(lease, id, after).await? else {
        return Ok(None);
    };
    // The inbox of one conversation is bounded, so this ends.
    let page = LOADED_ENTRIES_MAX as usize;
    let mut full = loaded.entries.len() >= page;
    while full {
        let last = loaded.entries.last().map_or(after, |entry| entry.seq);
        let more = store.load(lease, id, last).await?.map(|more| more.entries).unwrap_or_default();
        full = more.len() >= page;
        loaded.entries.extend(more);
    }
    Ok(Some(loaded))
}

async fn load_all(shared: &Shared, lease: &Lease, id: &ConversationId) -> Result<Option<Loaded>, StoreError> {
    load_from(shared, lease, id, Seq(0)).await
}
