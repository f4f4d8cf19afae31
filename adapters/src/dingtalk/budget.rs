//! The budget of calls of each app: one bucket per API, shared by all channels with the same credentials (R14), and by all
//! replicas where there is a store for that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use switchboard_ports::budget::{BudgetKey, BudgetStore};

use super::api::Lane;
use super::bucket::{Bucket, Shared, lock};

/// The buckets of one app's credentials, shared by all channels that use them.
pub(super) struct Budget {
    card_create: Bucket,
    card_update: Bucket,
    card_streaming: Bucket,
    robot_send: Bucket,
    session_webhook: Bucket,
    file_download: Bucket,
}

impl Budget {
    fn new(bucket: impl Fn(Lane) -> Bucket) -> Self {
        Self {
            card_create: bucket(Lane::CardCreate),
            card_update: bucket(Lane::CardUpdate),
            card_streaming: bucket(Lane::CardStreaming),
            robot_send: bucket(Lane::RobotSend),
            session_webhook: bucket(Lane::SessionWebhook),
            file_download: bucket(Lane::FileDownload),
        }
    }

    /// The bucket of an API.
    pub(super) const fn bucket(&self, lane: Lane) -> &Bucket {
        match lane {
            Lane::CardCreate => &self.card_create,
            Lane::CardUpdate => &self.card_update,
            Lane::CardStreaming => &self.card_streaming,
            Lane::RobotSend => &self.robot_send,
            Lane::SessionWebhook => &self.session_webhook,
            Lane::FileDownload => &self.file_download,
        }
    }

    fn set_rate(&self, calls_per_second: u32) {
        for lane in [
            Lane::CardCreate,
            Lane::CardUpdate,
            Lane::CardStreaming,
            Lane::RobotSend,
            Lane::SessionWebhook,
            Lane::FileDownload,
        ] {
            self.bucket(lane).set_rate(calls_per_second);
        }
    }
}

/// All apps' budgets, by base address and client id. An app's entry goes when no link uses it any more.
#[derive(Default)]
pub(super) struct Budgets {
    of_apps: Mutex<HashMap<(String, String), Weak<Budget>>>,
    shared: Option<Arc<dyn BudgetStore>>,
}

impl Budgets {
    /// Budgets that replicas share.
    pub(super) fn shared(store: Arc<dyn BudgetStore>) -> Self {
        Self { of_apps: Mutex::default(), shared: Some(store) }
    }

    /// The budget of an app, with the rate that was configured last.
    pub(super) fn of(&self, api_base: &str, client_id: &str, calls_per_second: u32) -> Arc<Budget> {
        let mut budgets = lock(&self.of_apps);
        budgets.retain(|_, budget| budget.strong_count() > 0);
        let key = (api_base.to_owned(), client_id.to_owned());
        let known = budgets.get(&key).and_then(Weak::upgrade);
        let budget = known.unwrap_or_else(|| Arc::new(self.fresh(api_base, client_id)));
        budgets.insert(key, Arc::downgrade(&budget));
        budget.set_rate(calls_per_second);
        budget
    }

    fn fresh(&self, api_base: &str, client_id: &str) -> Budget {
        Budget::new(|lane| {
            let key = |api: &str| BudgetKey {
                base: api_base.to_owned(),
                app: client_id.to_owned(),
                api: api.to_owned(),
            };
            let shared = self.shared.clone();
            Bucket::new(shared.map(|store| Shared { store, key: key(lane.label()) }))
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::Budgets;
    use crate::dingtalk::api::Lane;
    use crate::dingtalk::bucket::Class;

    #[tokio::test(start_paused = true)]
    async fn apis_do_not_wait_for_each_other() {
        let budget = Budgets::default().of("https://api", "app", 1);
        budget.bucket(Lane::CardCreate).take(Class::Open).await;
        assert!(budget.bucket(Lane::CardStreaming).take(Class::Update).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn channels_with_the_same_app_share_its_budget() {
        let budgets = Budgets::default();
        let one = budgets.of("https://api", "app", 1);
        let other = budgets.of("https://api", "app", 1);
        let stranger = budgets.of("https://api", "another", 1);
        one.bucket(Lane::CardCreate).take(Class::Open).await;
        assert!(other.bucket(Lane::CardCreate).take(Class::Open).now_or_never().is_none());
        assert!(stranger.bucket(Lane::CardCreate).take(Class::Open).now_or_never().is_some());
    }
}
