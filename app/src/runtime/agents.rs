//! Agents beside the channels' own: made once for each version of their settings, and asked for their models now and then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard_domain::choice::Offer;
use switchboard_domain::ids::{AgentId, Version};
use switchboard_domain::settings::Switchers;
use switchboard_domain::time::Timestamp;
use switchboard_ports::agents::{AGENTS_MAX, AgentConfig};
use switchboard_ports::channels::Channel;
use switchboard_ports::error::StoreError;
use tokio::sync::Mutex as FairMutex;

use super::channel::{Bot, build_agent};
use super::panics::caught;
use super::shared::{Shared, lock};
use crate::ports::SharedAgent;

/// How long an agent's list of models counts.
const MODELS_TTL: Duration = Duration::from_mins(5);
/// How long it counts that an agent could not be asked for it.
const MODELS_MISS_TTL: Duration = Duration::from_secs(15);
/// How long an agent may take to tell its models.
const MODELS_TIMEOUT: Duration = Duration::from_secs(8);

/// What is kept of agents.
#[derive(Default)]
pub(crate) struct Agents {
    known: Mutex<BTreeMap<AgentId, Arc<Known>>>,
}

/// One agent, as it is in one version.
struct Known {
    version: Version,
    agent: SharedAgent,
    /// Held while it is asked, so that a crowd asks once.
    models: FairMutex<Option<Models>>,
}

struct Models {
    /// `None` where it tells none, or could not be asked.
    told: Option<Vec<String>>,
    until: Timestamp,
}

impl Agents {
    /// The agent that these settings make, if one can be made of them.
    pub(crate) fn built(&self, shared: &Shared, config: &AgentConfig) -> Option<SharedAgent> {
        self.known(shared, config).map(|known| Arc::clone(&known.agent))
    }

    fn known(&self, shared: &Shared, config: &AgentConfig) -> Option<Arc<Known>> {
        let of_version = |known: &&Arc<Known>| known.version == config.version;
        if let Some(known) = lock(&self.known).get(&config.id).filter(of_version) {
            return Some(Arc::clone(known));
        }
        let (_, agent) = build_agent(shared, config.clone())?;
        let known = Arc::new(Known { version: config.version, agent, models: FairMutex::default() });
        let mut all = lock(&self.known);
        if all.len() >= AGENTS_MAX && !all.contains_key(&config.id) {
            // Agents come and go; whoever is needed again is made again.
            all.pop_first();
        }
        all.insert(config.id.clone(), Arc::clone(&known));
        Some(known)
    }

    /// The models that the agent tells; `None` where it tells none, or cannot be asked now.
    pub(crate) async fn models(&self, shared: &Shared, config: &AgentConfig) -> Option<Vec<String>> {
        let known = self.known(shared, config)?;
        let mut models = known.models.lock().await;
        if let Some(models) = models.as_ref().filter(|models| models.until > shared.now()) {
            return models.told.clone();
        }
        let asked =
            caught("a question for models", tokio::time::timeout(MODELS_TIMEOUT, known.agent.models()));
        let (told, ttl) = match asked.await {
            Some(Ok(Ok(told))) => (told, MODELS_TTL),
            Some(Ok(Err(why))) => {
                tracing::warn!(agent = config.name, why, "failed to read an agent's list of models");
                (None, MODELS_MISS_TTL)
            }
            Some(Err(_)) | None => {
                tracing::warn!(agent = config.name, "an agent did not tell its models in time");
                (None, MODELS_MISS_TTL)
            }
        };
        *models = Some(Models { told: told.clone(), until: shared.now().after(ttl) });
        told
    }
}

/// The agents that people may choose from in a channel, by name.
pub(crate) async fn offered(shared: &Shared, bot: &Bot) -> Result<Vec<Offer>, StoreError> {
    let offers =
        shared.ports.agents.list().await?.into_iter().filter(|agent| is_offered(&bot.channel, &agent.id));
    Ok(offers.map(|agent| Offer { id: agent.id, name: agent.name }).collect())
}

/// Whether an agent that was chosen in the chat counts.
pub(crate) fn is_offered(channel: &Channel, agent: &AgentId) -> bool {
    let switching = &channel.switching;
    let is_own = channel.default_agent.as_ref() == Some(agent);
    let is_listed = switching.agents.is_empty() || switching.agents.contains(agent);
    is_own || switching.who != Switchers::Nobody && is_listed
}
