//! What other replicas changed of channels and agents, found by comparing versions: nothing that was told is needed for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use switchboard_ports::error::StoreError;

use crate::runtime::channel::{Bot, Message};
use crate::runtime::driver::Driver;
use crate::runtime::shared::lock;

/// A channel that somebody began to delete takes nothing in for so long at most; then the store is asked whether it is gone.
const WITHDRAWN_MAX: Duration = Duration::from_mins(2);

/// Takes in whatever changed since the last look.
pub(super) async fn take_in(driver: &Arc<Driver>) -> Result<(), StoreError> {
    let shared = driver.shared();
    let ports = &shared.ports;
    let agents: BTreeMap<_, _> =
        ports.agents.list().await?.into_iter().map(|agent| (agent.id, agent.version)).collect();
    let stored = ports.channels.list().await?;
    let has_its_agent = |bot: &Bot| match (&bot.channel.default_agent, &bot.agent) {
        (Some(id), Some((config, _))) => agents.get(id) == Some(&config.version),
        // One that could not be built is tried again with the next change.
        (Some(id), None) => !agents.contains_key(id),
        (None, _) => true,
    };
    for channel in &stored {
        let bot = shared.channel(&channel.id).map(|handle| handle.bot());
        let is_known = bot.is_some_and(|bot| bot.channel.version == channel.version && has_its_agent(&bot));
        if !is_known {
            driver.reload(&channel.id).await?;
        }
    }
    for handle in shared.all_channels() {
        if !stored.iter().any(|channel| channel.id == handle.id) {
            driver.reload(&handle.id).await?;
        }
    }
    restart(driver).await
}

/// Takes up again what somebody began to delete and did not, whether the store refused or whoever began is dead.
pub(super) async fn take_up_again(driver: &Driver) -> Result<(), StoreError> {
    let shared = driver.shared();
    let now = shared.now();
    let mut late = lock(&shared.peers.state).withdrawn.clone();
    late.retain(|_, since| now.since(*since) >= WITHDRAWN_MAX);
    for channel in late.into_keys() {
        driver.revive(&channel).await?;
        if let Some(handle) = shared.channel(&channel) {
            tracing::warn!(channel = %handle.id, "a deletion of the channel was not carried through: it is connected again");
        }
    }
    Ok(())
}

/// Carries out restarts that were asked for since the last look.
async fn restart(driver: &Driver) -> Result<(), StoreError> {
    let shared = driver.shared();
    let counts: BTreeMap<_, _> = shared.ports.bulletin.restarts().await?.into_iter().collect();
    let before = std::mem::replace(&mut lock(&shared.peers.state).restarts, counts.clone());
    for (channel, count) in counts {
        let is_new = before.get(&channel).is_none_or(|before| *before < count);
        if is_new && let Some(handle) = shared.channel(&channel) {
            handle.tell_surely(Message::Restart).await;
        }
    }
    Ok(())
}
