//! The running driver, as commands see it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::cli::seam::Running;
use crate::runtime::Driver;
use crate::runtime::operations::Operations;

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
