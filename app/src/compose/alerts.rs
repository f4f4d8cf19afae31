//! Who is told alerts.

use std::sync::Arc;

use switchboard_adapters::alerts::Webhook;
use switchboard_adapters::net::Network;
use switchboard_ports::clock::Clock;

use crate::cli::seam::ComposeError;
use crate::config::Alerts;
use crate::ports::SharedAlerts;

/// The configured webhook, if there is one.
pub(super) fn sink(
    settings: &Alerts,
    network: &Network,
    clock: &Arc<dyn Clock>,
) -> Result<Option<SharedAlerts>, ComposeError> {
    let Some(url) = settings.webhook_url.clone() else { return Ok(None) };
    let webhook = Webhook::new(Arc::clone(clock), network, url, settings.hmac_key.clone());
    let webhook = webhook.map_err(|error| ComposeError::Failed(format!("failed to set HTTP up: {error}")))?;
    Ok(Some(Arc::new(webhook)))
}
