//! What the store may lose of what was acknowledged, as it is set up now: said at start, whenever it changes, and by `/readyz`.

use std::sync::Arc;
use std::time::Duration;

use switchboard_ports::durability::Durability;

use super::shared::{Shared, lock};

/// How often the store is asked: its settings can be changed while it runs.
const ASK_INTERVAL: Duration = Duration::from_mins(1);

/// Asks for ever.
pub(crate) async fn watch(shared: Arc<Shared>) {
    loop {
        let asked = shared.ports.durability.durability();
        match tokio::time::timeout(shared.settings.store_patience, asked).await {
            Ok(Ok(found)) => {
                let before = lock(&shared.durability).replace(found.clone());
                if before.as_ref() != Some(&found) {
                    tell(&found);
                }
            }
            Ok(Err(error)) => tracing::debug!(%error, "failed to ask the store how it keeps what it has"),
            Err(_late) => {}
        }
        tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            () = tokio::time::sleep(ASK_INTERVAL) => {}
        }
    }
}

fn tell(found: &Durability) {
    match found {
        Durability::Durable => tracing::info!("the store keeps what it has acknowledged: {found}"),
        Durability::Lossy(_) => tracing::warn!("the store can lose what it has acknowledged: {found}"),
        Durability::CannotBeTold => tracing::warn!("{found}"),
    }
}
