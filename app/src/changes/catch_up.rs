//! What a start does about versions: notes whatever was written and not noted, by whoever ended in between.
//!
//! It goes on beside everything else: a look costs a read for each resource, and only where a line is missing the settings are held.

use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::Book;

use super::lines::Kind;
use super::read::{newest, up_to_date};
use super::resource::Resource;
use crate::ports::Ports;
use crate::settings_lock::SettingsLock;

/// Looks through all resources once. What fails is left to whoever looks at the resource next.
pub async fn all(ports: &Ports, lock: &SettingsLock) {
    let looked = async {
        of_kind::<AgentConfig>(ports, lock).await?;
        of_kind::<Channel>(ports, lock).await?;
        gone(ports, lock).await
    };
    if let Err(error) = looked.await {
        tracing::debug!(%error, "failed to look through the versions of settings");
    }
}

async fn of_kind<R: Resource>(ports: &Ports, lock: &SettingsLock) -> Result<(), StoreError> {
    for stored in R::list(ports).await? {
        up_to_date::<R>(ports, lock, stored.id()).await?;
    }
    Ok(())
}

/// Those that are noted and no longer there.
async fn gone(ports: &Ports, lock: &SettingsLock) -> Result<(), StoreError> {
    for id in ports.journal.subjects(Book::Versions).await? {
        let Some(line) = newest(ports, &id).await? else { continue };
        match line.kind {
            Kind::Agent => up_to_date::<AgentConfig>(ports, lock, &id).await?,
            Kind::Channel => up_to_date::<Channel>(ports, lock, &id).await?,
        };
    }
    Ok(())
}
