//! `/channels`: the configured bots.

pub mod check;
pub mod create;
pub mod delete;
pub mod history;
pub mod list;
pub mod log;
pub mod mapping;
pub mod read;
pub mod restart;
pub mod rollback;
pub mod status;
pub mod switch;
pub mod test;
pub mod twins;
pub mod update;
pub mod version;
pub mod versions;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use switchboard_domain::ids::ChannelId;
use switchboard_domain::settings::Locale;
use switchboard_ports::channels::Channel;
use switchboard_ports::error::StoreError;
use tokio::time::timeout;

use super::dto::channel_input::{References, named_users};
use super::dto::mapping::DirectoryKinds;
use super::dto::status::StatusView;
use super::problem::Problem;
use super::state::Api;
use crate::ports::Ports;

/// The channel with this id, or 404.
async fn found(api: &Api, id: &str) -> Result<Channel, Problem> {
    let channel = api.ports.channels.find(&ChannelId::new(id)).await?;
    channel.ok_or_else(|| Problem::not_found("there is no channel with this id"))
}

/// Refuses to change what the configuration file says.
fn changeable(channel: &Channel) -> Result<(), Problem> {
    if channel.managed_by_file { Err(Problem::managed_by_file("channel")) } else { Ok(()) }
}

/// Channels named in a refusal, at most.
const NAMED_MAX: usize = 10;

/// Refuses to delete what channels use; `what` they do with it comes before their names.
pub(super) async fn unused(
    ports: &Ports,
    what: &str,
    uses: impl Fn(&Channel) -> bool,
) -> Result<(), Problem> {
    let channels = ports.channels.list().await?;
    let using: Vec<_> = channels.iter().filter(|channel| uses(channel)).collect();
    if using.is_empty() {
        return Ok(());
    }
    let mut names: Vec<_> =
        using.iter().take(NAMED_MAX).map(|c| format!("\"{}\" ({})", c.name, c.id)).collect();
    if using.len() > NAMED_MAX {
        names.push(format!("{} more", using.len().saturating_sub(NAMED_MAX)));
    }
    Err(Problem::in_use(format!("{what}: {}", names.join(", "))))
}

/// The channel's status as it is now.
async fn status_of(api: &Api, channel: &Channel, locale: Locale) -> StatusView {
    let observed = api.operations.statuses(std::slice::from_ref(&channel.id)).await.pop();
    StatusView::observed_or(observed, channel, locale)
}

/// Longest wait for the store where a status is asked for: what is wrong with the store is just what it may tell.
const STATUS_WAIT_MAX: Duration = Duration::from_secs(1);

/// What is read for a status; `None` where the store does not answer, and what this replica has itself has to do.
pub(super) async fn unless_away<T>(
    reading: impl Future<Output = Result<T, StoreError>>,
) -> Result<Option<T>, StoreError> {
    match timeout(STATUS_WAIT_MAX, reading).await {
        Ok(Err(StoreError::Unavailable(cause))) => {
            tracing::debug!(%cause, "failed to read channels for their status");
            Ok(None)
        }
        Ok(read) => read.map(Some),
        Err(_late) => Ok(None),
    }
}

/// What documents may refer to: all agents, and the user that one of the documents names.
pub async fn references(ports: &Ports, documents: &[&Value]) -> Result<References, StoreError> {
    let agents = ports.agents.list().await?.into_iter().map(|agent| agent.id).collect();
    let mut users = BTreeSet::new();
    for id in documents.iter().flat_map(|document| named_users(document)) {
        if ports.users.find(&id).await?.is_some() {
            users.insert(id);
        }
    }
    let directories = DirectoryKinds(ports.directory_kinds.clone());
    Ok(References { agents, users, directories })
}

#[cfg(test)]
mod check_tests;
#[cfg(test)]
mod mapping_tests;
#[cfg(test)]
mod status_tests;
#[cfg(test)]
mod tests;
