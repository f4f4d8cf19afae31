//! The running driver, as commands see it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use switchboard_ports::clock::Clock;

use crate::cli::seam::Running;
use crate::config::{Config, StoreUrl};
use crate::runtime::operations::Operations;
use crate::runtime::{AlertRules, Driver, Settings};
use crate::telemetry::lines::Lines;
use crate::telemetry::tally::Tally;

/// The driver's numbers, as configured. From now on log lines of channels are kept.
pub(super) fn settings_of(config: &Config, clock: &Arc<dyn Clock>, tally: &Arc<Tally>) -> Settings {
    let usual = match &config.store.url {
        StoreUrl::Memory | StoreUrl::File(_) => Settings::default(),
        StoreUrl::Redis(_) => Settings::of_shared_store(),
    };
    let lines = Lines::of_process();
    lines.begin(clock);
    Settings {
        host: Some(hostname()),
        connections_per_channel: usize::from(config.server.connections_per_channel),
        alerts: AlertRules { after: config.alerts.after, repeat: config.alerts.repeat },
        tally: Some(Arc::clone(tally)),
        lines: Some(lines),
        ..usual
    }
}

/// The machine's name.
fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

pub(super) struct RunningDriver(pub(super) Arc<Driver>);

#[async_trait]
impl Running for RunningDriver {
    fn operations(&self) -> Arc<dyn Operations> {
        Arc::clone(&self.0) as Arc<dyn Operations>
    }

    async fn stop(self: Box<Self>, grace: Duration) {
        self.0.stop(grace).await;
    }
}
