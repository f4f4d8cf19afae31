//! Brings the stores to what the configuration file declares: `[[agents]]` and `[[channels]]`, by name.
//!
//! Everything is checked before anything is written. What the file declares is marked as managed by it; what disappears
//! from it is released again (it can be changed and deleted through the API from then on), and a channel is disabled.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use switchboard_domain::ids::{AgentId, ChannelId, Version};
use switchboard_domain::time::Timestamp;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::clock::Entropy;
use switchboard_ports::error::StoreError;
use switchboard_ports::provider::FieldError;
use thiserror::Error;

use super::{ConfigError, Declared};
use crate::changes::resource::Resource;
use crate::changes::{Act, Author, Change, Step};
use crate::http::channels::{references, twins};
use crate::http::dto::agent_input::{self, Kinds};
use crate::http::dto::channel_input::{self, Providers, References, with_agent_id};
use crate::http::state::{new_agent_id, new_channel_id};
use crate::ports::Ports;
use crate::settings_lock::SettingsLock;

/// How often a plan is made anew because somebody else wrote between reading and writing.
const TRIES_MAX: u32 = 5;

/// Why the stores are not what the file says.
#[derive(Debug, Error)]
pub enum ReconcileError {
    /// The file declares something bad; nothing was written.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store did not take it; what was written before stays.
    #[error("failed to bring the store to what the file declares: {0}")]
    Store(#[from] StoreError),
}

/// What a reconciliation changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Agents written.
    pub agents: Vec<AgentId>,
    /// Channels written: tell the driver about each.
    pub channels: Vec<ChannelId>,
}

/// What this build knows and who counts: everything a plan needs besides documents and stored records.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Kinds of agents.
    pub kinds: &'a Kinds,
    /// Platforms.
    pub providers: &'a Providers,
    /// For new ids.
    pub entropy: &'a dyn Entropy,
    /// For time stamps.
    pub now: Timestamp,
}

impl<'a> Known<'a> {
    /// What a running server has.
    pub(crate) fn of(ports: &'a Ports) -> Self {
        Self {
            kinds: &ports.agent_kinds,
            providers: &ports.providers,
            entropy: &*ports.entropy,
            now: ports.clock.now(),
        }
    }
}

/// What has to be written: records with a version above 0 replace that version, records of version 0 are new.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Agents to write.
    pub agents: Vec<AgentConfig>,
    /// Channels to write.
    pub channels: Vec<Channel>,
}

/// Checks what the file declares and writes what differs.
pub async fn reconcile(declared: &Declared, ports: &Ports) -> Result<Changes, ReconcileError> {
    let mut tries: u32 = 0;
    let mut changes = Changes::default();
    let lock = SettingsLock::new(Arc::clone(&ports.replicas), &*ports.entropy);
    loop {
        let held = lock.hold().await?;
        let documents: Vec<_> = declared.channels.iter().collect();
        let references = references(ports, &documents).await?;
        let (agents, channels) = (ports.agents.list().await?, ports.channels.list().await?);
        let plan = plan(declared, &agents, &channels, &references, Known::of(ports))?;
        let steps = (steps(agents, &plan.agents), steps(channels, &plan.channels));
        let change = Change { ports, held: &held, author: &Author::File };
        let before = changes.agents.len().saturating_add(changes.channels.len());
        let written = written(&steps, change, &mut changes).await;
        // A large file may take longer than the settings may be held: what goes forward goes on.
        let is_further = changes.agents.len().saturating_add(changes.channels.len()) > before;
        tries = if is_further { 0 } else { tries.saturating_add(1) };
        match written {
            // Another replica with the same file, or somebody at the API: look again.
            Err(StoreError::Conflict | StoreError::Duplicate(_)) if tries < TRIES_MAX => {}
            Err(error) => return Err(error.into()),
            Ok(()) => return Ok(changes),
        }
    }
}

/// What is to be written, with what is stored of it.
fn steps<R: Resource>(stored: Vec<R>, planned: &[R]) -> Vec<Step<R>> {
    let mut stored: BTreeMap<String, R> = stored.into_iter().map(|one| (one.id().to_owned(), one)).collect();
    let step = |after: &R| match stored.remove(after.id()) {
        None => Step { before: None, after: after.with_version(Version(1)) },
        before => Step { before, after: after.clone() },
    };
    planned.iter().map(step).collect()
}

async fn written(
    (agents, channels): &(Vec<Step<AgentConfig>>, Vec<Step<Channel>>),
    change: Change<'_>,
    changes: &mut Changes,
) -> Result<(), StoreError> {
    let acts = (Act::FromFile, Act::FromFile);
    let mut done: usize = 0;
    let end = change.all(agents, acts, &mut done).await;
    for Step { after: agent, .. } in agents.iter().take(done) {
        tracing::info!(agent = %agent.id, managed = agent.managed_by_file, "agent taken from the configuration file");
        changes.agents.push(agent.id.clone());
    }
    end?;
    done = 0;
    let end = change.all(channels, acts, &mut done).await;
    for Step { after: channel, .. } in channels.iter().take(done) {
        let managed = channel.managed_by_file;
        tracing::info!(channel = %channel.id, managed, "channel taken from the configuration file");
        changes.channels.push(channel.id.clone());
    }
    end
}

/// What has to be written so that the stored records are what the file declares. Pure, except for new ids.
pub fn plan(
    declared: &Declared,
    agents: &[AgentConfig],
    channels: &[Channel],
    references: &References,
    known: Known<'_>,
) -> Result<Plan, ConfigError> {
    let wanted_agents = wanted_agents(declared, agents, known)?;
    let mut names: BTreeMap<String, AgentId> =
        agents.iter().chain(&wanted_agents).map(|agent| (fold(&agent.name), agent.id.clone())).collect();
    let mut references = references.clone();
    references.agents.extend(names.values().cloned());
    let wanted_channels = wanted_channels(declared, channels, &names, &references, known)?;
    refuse_twins(declared, &wanted_channels, channels, known.providers)?;
    names.clear();
    let mut plan = Plan::default();
    for agent in wanted_agents {
        let stored = agents.iter().find(|stored| stored.id == agent.id);
        if stored
            .is_none_or(|stored| *stored != (AgentConfig { updated_at: stored.updated_at, ..agent.clone() }))
        {
            plan.agents.push(agent);
        }
    }
    for channel in wanted_channels {
        let stored = channels.iter().find(|stored| stored.id == channel.id);
        if stored
            .is_none_or(|stored| *stored != (Channel { updated_at: stored.updated_at, ..channel.clone() }))
        {
            plan.channels.push(channel);
        }
    }
    release(declared, agents, channels, known.now, &mut plan);
    Ok(plan)
}

fn wanted_agents(
    declared: &Declared,
    stored: &[AgentConfig],
    known: Known<'_>,
) -> Result<Vec<AgentConfig>, ConfigError> {
    let mut wanted: Vec<AgentConfig> = Vec::new();
    for (index, document) in declared.agents.iter().enumerate() {
        let place = format!("agents[{index}]");
        let id = new_agent_id(known.entropy);
        let mut agent = agent_input::created(document, id, known.now, known.kinds)
            .map_err(|errors| first(&declared.file, &place, errors))?;
        if wanted.iter().any(|other| fold(&other.name) == fold(&agent.name)) {
            return Err(ConfigError::new(
                &declared.file,
                format!("{place}.name"),
                "stands twice in this file",
            ));
        }
        agent.version = Version(0);
        agent.managed_by_file = true;
        if let Some(stored) = stored.iter().find(|stored| fold(&stored.name) == fold(&agent.name)) {
            agent.id = stored.id.clone();
            agent.version = stored.version;
            agent.created_at = stored.created_at;
        }
        wanted.push(agent);
    }
    Ok(wanted)
}

fn wanted_channels(
    declared: &Declared,
    stored: &[Channel],
    agents: &BTreeMap<String, AgentId>,
    references: &References,
    known: Known<'_>,
) -> Result<Vec<Channel>, ConfigError> {
    let mut wanted: Vec<Channel> = Vec::new();
    for (index, document) in declared.channels.iter().enumerate() {
        let place = format!("channels[{index}]");
        let wrong =
            |key: &str, problem: &str| ConfigError::new(&declared.file, format!("{place}.{key}"), problem);
        let document = resolved(document, agents).map_err(|(key, problem)| wrong(key, problem))?;
        let id = new_channel_id(known.entropy);
        let mut channel = channel_input::created(&document, id, known.now, known.providers, references)
            .map_err(|errors| first(&declared.file, &place, errors))?;
        if wanted.iter().any(|other| fold(&other.name) == fold(&channel.name)) {
            return Err(wrong("name", "stands twice in this file"));
        }
        channel.version = Version(0);
        channel.managed_by_file = true;
        if let Some(stored) = stored.iter().find(|stored| fold(&stored.name) == fold(&channel.name)) {
            if stored.platform != channel.platform {
                return Err(wrong(
                    "type",
                    "differs from the stored channel of this name: choose another name",
                ));
            }
            channel.id = stored.id.clone();
            channel.version = stored.version;
            channel.created_at = stored.created_at;
        }
        wanted.push(channel);
    }
    Ok(wanted)
}

/// Refuses a declared bot that another enabled channel has, in the file or stored. What the file gives up is disabled in
/// the same go and does not count.
fn refuse_twins(
    declared: &Declared,
    wanted: &[Channel],
    stored: &[Channel],
    providers: &Providers,
) -> Result<(), ConfigError> {
    let kept =
        |channel: &&Channel| !channel.managed_by_file && !wanted.iter().any(|wanted| wanted.id == channel.id);
    for (index, channel) in wanted.iter().enumerate() {
        let others = wanted.iter().chain(stored.iter().filter(kept));
        if let Some(error) = twins::twin(channel, others, providers) {
            return Err(first(&declared.file, &format!("channels[{index}]"), vec![error]));
        }
    }
    Ok(())
}

/// The document with its agents by id instead of by name.
pub(crate) fn resolved(
    document: &Value,
    agents: &BTreeMap<String, AgentId>,
) -> Result<Value, (&'static str, &'static str)> {
    let mut document = document.clone();
    if let Some(offered) = document.pointer_mut("/switching/agents").and_then(Value::as_array_mut) {
        for offer in offered {
            // What is no name is an id, or a mistake that is found later.
            if let Some(id) = offer.as_str().and_then(|name| agents.get(&fold(name))) {
                *offer = Value::from(id.as_str());
            }
        }
    }
    match document.get("default_agent") {
        None => Ok(document),
        Some(_) if document.get("default_agent_id").is_some() => {
            Err(("default_agent", "may not stand beside default_agent_id"))
        }
        Some(name) => {
            let id = name.as_str().and_then(|name| agents.get(&fold(name)));
            let id = id.ok_or(("default_agent", "must be the name of an agent, in this file or stored"))?;
            Ok(with_agent_id(document, id))
        }
    }
}

/// What was managed by the file and is not in it any more.
fn release(
    declared: &Declared,
    agents: &[AgentConfig],
    channels: &[Channel],
    now: Timestamp,
    plan: &mut Plan,
) {
    let stands_in = |documents: &[Value], name: &str| {
        documents.iter().filter_map(|d| d.get("name")?.as_str()).any(|wanted| fold(wanted) == fold(name))
    };
    let gone = agents.iter().filter(|a| a.managed_by_file && !stands_in(&declared.agents, &a.name));
    plan.agents.extend(gone.cloned().map(|agent| AgentConfig {
        managed_by_file: false,
        updated_at: now,
        ..agent
    }));
    let gone = channels.iter().filter(|c| c.managed_by_file && !stands_in(&declared.channels, &c.name));
    let disabled = |channel| Channel { managed_by_file: false, enabled: false, updated_at: now, ..channel };
    plan.channels.extend(gone.cloned().map(disabled));
}

/// Names are compared without regard to case.
pub(crate) fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// The first bad field as one line; how many there are more is said at its end.
fn first(file: &str, place: &str, errors: Vec<FieldError>) -> ConfigError {
    let more = errors.len().saturating_sub(1);
    let (pointer, mut message) = errors
        .into_iter()
        .next()
        .map_or_else(|| (String::new(), String::from("is bad")), |error| (error.pointer, error.message));
    if more > 0 {
        message = format!("{message} (and {more} more)");
    }
    let key = pointer.replace('/', ".").replace("~1", "/").replace("~0", "~");
    ConfigError::new(file, format!("{place}{key}"), message)
}

#[cfg(test)]
mod tests;
