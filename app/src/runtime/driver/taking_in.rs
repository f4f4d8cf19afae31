//! Taking stored settings in: after a change through this replica, with a look, and before an act upon a channel.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_domain::ids::{ChannelId, Version};
use switchboard_ports::channels::Channel;
use switchboard_ports::error::StoreError;

use super::Driver;
use crate::runtime::channel::{self, Bot, BotError, ChannelHandle};
use crate::runtime::shared::lock;

/// Versions of settings that no bot could be made of, one for each channel at most: they are tried again with the next change.
pub(super) type Unusable = BTreeMap<ChannelId, Version>;

impl Driver {
    /// Puts a channel's stored settings into force; nothing else is touched.
    /// Whether its connection had to be another one for it.
    pub(crate) async fn reload(&self, id: &ChannelId) -> Result<bool, StoreError> {
        let mut unusable = self.reloading.lock().await;
        let stored = self.shared.ports.channels.find(id).await?;
        self.put(&mut unusable, id, stored).await
    }

    /// The same where a deletion of the channel is over: if the store still has it, it was not carried through.
    pub(crate) async fn revive(&self, id: &ChannelId) -> Result<bool, StoreError> {
        let since = self.shared.peers.withdrawn_since(id);
        self.shared.peers.settled(id);
        let reloaded = self.reload(id).await;
        if let (Err(_), Some(since)) = (&reloaded, since) {
            // Tried again with a later look.
            self.shared.peers.withdrawn(id, since);
        }
        reloaded
    }

    /// The channel as it is stored now. Whoever asks may have changed it through another replica a moment ago, and must not
    /// be answered from what this one had before.
    pub(super) async fn fresh(&self, id: &ChannelId) -> Result<Option<Arc<ChannelHandle>>, StoreError> {
        let mut unusable = self.reloading.lock().await;
        let stored = self.shared.ports.channels.find(id).await?;
        let version = stored.as_ref().map(|stored| stored.version);
        let was_tried = version.is_some() && unusable.get(id).copied() == version;
        if self.is_behind(id, version) && !was_tried {
            self.put(&mut unusable, id, stored).await?;
            drop(unusable);
            if let Some(handle) = self.shared.channel(id) {
                handle.settle().await;
            }
        }
        Ok(self.shared.channel(id))
    }

    /// The same of several that have just been read.
    pub(super) async fn freshen(&self, stored: &[Channel]) -> Result<(), StoreError> {
        for stored in stored {
            if self.is_behind(&stored.id, Some(stored.version)) {
                self.fresh(&stored.id).await?;
            }
        }
        Ok(())
    }

    /// Whether what is here is not what is stored.
    fn is_behind(&self, id: &ChannelId, stored: Option<Version>) -> bool {
        let here = self.shared.channel(id).map(|handle| handle.bot().channel.version);
        here != stored
    }

    /// Callers may give up waiting, as those do who asked by HTTP and went away: what is changed is changed without a pause.
    async fn put(
        &self,
        unusable: &mut Unusable,
        id: &ChannelId,
        stored: Option<Channel>,
    ) -> Result<bool, StoreError> {
        unusable.remove(id);
        let Some(stored) = stored else {
            self.forget(id).await;
            self.shared.peers.settled(id);
            return Ok(false);
        };
        if self.shared.peers.withdrawn_since(id).is_some() {
            // Its deletion is under way.
            return Ok(false);
        }
        let version = stored.version;
        let bot = match Bot::build(&self.shared, stored).await {
            Ok(bot) => bot,
            Err(BotError::Store(error)) => return Err(error),
            Err(error) => {
                tracing::error!(channel = %id, %error, "failed to set the channel up; it runs on with its old settings");
                unusable.insert(id.clone(), version);
                return Ok(false);
            }
        };
        // What was withdrawn closes by itself: its deletion was not carried through.
        let reconnects = match self.shared.channel(id).filter(|it| !it.has_ended() && !it.is_withdrawn()) {
            None => {
                channel::start(&self.shared, bot);
                false
            }
            Some(handle) => handle.exchange(bot).await,
        };
        // One that was enabled or disabled takes its place, or gives it up.
        self.shared.peers.look_now();
        // Conversations notice an enabled or disabled channel at their next look; the scan brings what waits.
        self.shared.registry.wake_working(Some(id));
        Ok(reconnects)
    }

    async fn forget(&self, id: &ChannelId) {
        if let Some(handle) = self.shared.channel(id) {
            handle.end(|| drop(lock(&self.shared.channels).remove(id))).await;
        }
    }
}
