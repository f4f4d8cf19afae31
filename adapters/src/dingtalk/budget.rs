//! The budget of calls of each app: one bucket per API, shared by all channels with the same credentials (R14), and by all
//! replicas where there is a store for that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use switchboard_ports::budget::{BudgetKey, BudgetStore};

use super::api::Lane;
use super::bucket::{Bucket, Shared, lock};
use super::classify::Failure;
use super::gate::{Gate, Gates, address_of};
use super::rates::{Rates, Terms};

/// How often the pause doubles while an API has too many calls from everybody: 1, 2, 4 s (dingtalk §9.2).
const OVERLOAD_STEPS_MAX: u32 = 2;
/// How often it doubles while pages come in place of answers: up to 4 min. Something in between may refuse one text alone, and all
/// others wait with it; a ban takes five minutes.
const PAGE_STEPS_MAX: u32 = 8;

/// The buckets of one app's credentials, shared by all channels that use them.
struct Budget {
    /// What the links want. Changed and put into force under one lock: of two changes at once the later one wins.
    rates: Mutex<Rates>,
    /// The way that the calls take, together with those of other apps.
    gate: Arc<Gate>,
    card_create: Bucket,
    card_update: Bucket,
    card_streaming: Bucket,
    robot_send: Bucket,
    session_webhook: Bucket,
    file_download: Bucket,
    media_upload: Bucket,
    contact_user: Bucket,
    contact_department: Bucket,
}

impl Budget {
    fn new(gate: Arc<Gate>, bucket: impl Fn(Lane) -> Bucket) -> Self {
        Self {
            rates: Mutex::default(),
            gate,
            card_create: bucket(Lane::CardCreate),
            card_update: bucket(Lane::CardUpdate),
            card_streaming: bucket(Lane::CardStreaming),
            robot_send: bucket(Lane::RobotSend),
            session_webhook: bucket(Lane::SessionWebhook),
            file_download: bucket(Lane::FileDownload),
            media_upload: bucket(Lane::MediaUpload),
            contact_user: bucket(Lane::ContactUser),
            contact_department: bucket(Lane::ContactDepartment),
        }
    }

    const fn bucket(&self, lane: Lane) -> &Bucket {
        match lane {
            Lane::CardCreate => &self.card_create,
            Lane::CardUpdate => &self.card_update,
            Lane::CardStreaming => &self.card_streaming,
            Lane::RobotSend => &self.robot_send,
            Lane::SessionWebhook => &self.session_webhook,
            Lane::FileDownload => &self.file_download,
            Lane::MediaUpload => &self.media_upload,
            Lane::ContactUser => &self.contact_user,
            Lane::ContactDepartment => &self.contact_department,
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
            Lane::MediaUpload,
            Lane::ContactUser,
            Lane::ContactDepartment,
        ] {
            self.bucket(lane).set_rate(calls_per_second);
        }
    }
}

/// A link's stake in its app's budget: what the link wants counts as long as it lives.
pub(super) struct Stake {
    budget: Arc<Budget>,
    number: u64,
}

impl Stake {
    fn new(budget: Arc<Budget>, terms: Terms) -> Self {
        let mut rates = lock(&budget.rates);
        let number = rates.join(terms);
        budget.set_rate(rates.rate());
        drop(rates);
        Self { budget, number }
    }

    /// The bucket of an API.
    pub(super) fn bucket(&self, lane: Lane) -> &Bucket {
        self.budget.bucket(lane)
    }

    /// What the answer to a call of an API means for the calls that follow, if the platform asked for a pause. `chat` stands for whom the
    /// call was for.
    pub(super) fn take_in(&self, lane: Option<Lane>, failure: &Failure, chat: u64) {
        let Some(pause) = failure.retry_after() else { return };
        if failure.names_ban() || failure.is_page() && self.gate().is_banned_by_page(lane) {
            // Not the bucket: other replicas share it, and may call from other addresses.
            return self.gate().ban(pause, &failure.detail);
        }
        let Some(lane) = lane else { return };
        let bucket = self.bucket(lane);
        if failure.is_of_app()
            && let Some(rate) = bucket.lower_rate()
        {
            tracing::info!(
                api = lane.label(),
                rate,
                "the platform takes fewer calls a second than are set; fewer are made"
            );
        }
        if failure.is_page() {
            if let Some(pause) = bucket.growing_pause(PAGE_STEPS_MAX) {
                bucket.close_here(pause);
            }
        } else if failure.is_overload() {
            if let Some(growing) = bucket.growing_pause(OVERLOAD_STEPS_MAX) {
                bucket.close(growing.max(pause));
            }
        } else if !failure.is_of_one_chat() || bucket.is_limited_again(chat, pause) {
            bucket.close(pause);
        }
    }

    /// A call was answered with what it was made for.
    pub(super) fn answered(&self, lane: Option<Lane>) {
        self.gate().answered();
        if let Some(lane) = lane {
            self.bucket(lane).answered();
        }
    }

    /// The way that the app's calls take.
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.budget.gate
    }
}

impl Drop for Stake {
    fn drop(&mut self) {
        let mut rates = lock(&self.budget.rates);
        rates.leave(self.number);
        self.budget.set_rate(rates.rate());
    }
}

/// All apps' budgets, by base address and client id. An app's entry goes when no link uses it any more.
#[derive(Default)]
pub(super) struct Budgets {
    of_apps: Mutex<HashMap<(String, String), Weak<Budget>>>,
    gates: Gates,
    shared: Option<Arc<dyn BudgetStore>>,
}

impl Budgets {
    /// Budgets that replicas share.
    pub(super) fn shared(store: Arc<dyn BudgetStore>) -> Self {
        Self { shared: Some(store), ..Self::default() }
    }

    /// A stake in the budget of an app.
    pub(super) fn of(&self, api_base: &str, client_id: &str, terms: Terms) -> Stake {
        let mut budgets = lock(&self.of_apps);
        budgets.retain(|_, budget| budget.strong_count() > 0);
        let api_base = address_of(api_base);
        let key = (api_base.clone(), client_id.to_owned());
        let known = budgets.get(&key).and_then(Weak::upgrade);
        let budget = known.unwrap_or_else(|| Arc::new(self.fresh(&api_base, client_id)));
        budgets.insert(key, Arc::downgrade(&budget));
        drop(budgets);
        Stake::new(budget, terms)
    }

    fn fresh(&self, api_base: &str, client_id: &str) -> Budget {
        let gate = self.gates.of(api_base);
        Budget::new(Arc::clone(&gate), |lane| {
            let key = |api: &str| BudgetKey {
                base: api_base.to_owned(),
                app: client_id.to_owned(),
                api: api.to_owned(),
            };
            let shared = self.shared.clone();
            let shared = shared.map(|store| Shared { store, key: key(lane.label()) });
            Bucket::new(shared).behind(Arc::clone(&gate))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use switchboard_domain::ids::ChannelId;
    use tokio::time::Instant;

    use super::{Budgets, Stake, Terms};
    use crate::dingtalk::api::Lane;
    use crate::dingtalk::bucket::Class;
    use crate::dingtalk::classify::classify;

    const BASE: &str = "https://api";

    fn wants(channel: &str, in_service: bool, calls_per_second: u32) -> Terms {
        Terms { channel: ChannelId::new(channel), in_service, calls_per_second }
    }

    /// How many calls start at once; those before are past.
    async fn at_once(stake: &Stake) -> usize {
        tokio::time::sleep(Duration::from_secs(30)).await;
        let bucket = stake.bucket(Lane::CardCreate);
        (0..100).take_while(|_| bucket.take(Class::Open).now_or_never().is_some()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn apis_do_not_wait_for_each_other() {
        let budget = Budgets::default().of(BASE, "app", wants("a", true, 1));
        budget.bucket(Lane::CardCreate).take(Class::Open).await;
        assert!(budget.bucket(Lane::CardStreaming).take(Class::Update).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn channels_with_the_same_app_share_its_budget() {
        let budgets = Budgets::default();
        let one = budgets.of(BASE, "app", wants("a", true, 1));
        let other = budgets.of(BASE, "app", wants("b", true, 1));
        let stranger = budgets.of(BASE, "another", wants("c", true, 1));
        one.bucket(Lane::CardCreate).take(Class::Open).await;
        assert!(other.bucket(Lane::CardCreate).take(Class::Open).now_or_never().is_none());
        assert!(stranger.bucket(Lane::CardCreate).take(Class::Open).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn one_app_has_one_budget_however_its_address_is_written() {
        let budgets = Budgets::default();
        let one = budgets.of(BASE, "app", wants("a", true, 1));
        let other = budgets.of("https://API:443/", "app", wants("b", true, 1));
        one.bucket(Lane::CardCreate).take(Class::Open).await;
        assert!(other.bucket(Lane::CardCreate).take(Class::Open).now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_draft_and_a_disabled_twin_leave_the_live_rate_as_it_is() {
        let budgets = Budgets::default();
        let live = budgets.of(BASE, "app", wants("live", true, 5));
        for calls_per_second in [0, 1, 50] {
            let other = budgets.of(BASE, "app", wants("other", false, calls_per_second));
            assert_eq!(at_once(&live).await, 5, "beside {calls_per_second}");
            assert_eq!(at_once(&other).await, 5, "the same budget");
        }
        assert_eq!(at_once(&live).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn changed_settings_are_in_force_before_and_after_the_old_link_is_gone() {
        let budgets = Budgets::default();
        let mut old = budgets.of(BASE, "app", wants("a", true, 5));
        for calls_per_second in [20, 3, 10] {
            let new = budgets.of(BASE, "app", wants("a", true, calls_per_second));
            let expected = usize::try_from(calls_per_second).unwrap();
            assert_eq!(at_once(&new).await, expected, "a connection may still hold the old one");
            drop(std::mem::replace(&mut old, new));
            assert_eq!(at_once(&old).await, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_chat_that_is_limited_delays_nobody_else_and_several_delay_all() {
        for answer in [&br#"{"errcode": 302033}"#[..], br#"{"code": "send.too.fast"}"#] {
            let limited = classify(400, answer, None).unwrap_err();
            let (lane, stake) =
                (Lane::SessionWebhook, Budgets::default().of(BASE, "app", wants("a", true, 0)));
            let is_open = || stake.bucket(lane).take(Class::Text).now_or_never().is_some();
            for _ in 0..3 {
                stake.take_in(Some(lane), &limited, 1);
                assert!(is_open(), "it is one chat's");
            }
            stake.answered(Some(lane));
            stake.take_in(Some(lane), &limited, 2);
            assert!(is_open(), "something went through in between");
            stake.take_in(Some(lane), &limited, 1);
            assert!(!is_open(), "another chat's, and nothing in between");
            tokio::time::sleep(limited.retry_after().unwrap()).await;
            assert!(is_open());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ban_holds_the_claims_of_all_apps_at_that_address_and_of_no_other() {
        let budgets = Budgets::default();
        let one = budgets.of(BASE, "app", wants("a", true, 20));
        let other = budgets.of("https://API/", "another", wants("b", true, 0));
        let elsewhere = budgets.of("https://proxy", "app", wants("c", true, 20));
        let begun = Instant::now();
        one.gate().ban(Duration::from_mins(5), "1111: banned");
        let later = budgets.of(BASE, "later", wants("d", true, 20));
        assert!(elsewhere.bucket(Lane::CardUpdate).take(Class::Finish).now_or_never().is_some());
        for stake in [&one, &other, &later] {
            for lane in [Lane::CardCreate, Lane::CardStreaming, Lane::SessionWebhook] {
                assert!(stake.bucket(lane).take(Class::Finish).now_or_never().is_none(), "{lane:?}");
            }
        }
        let (first, second) = (one.bucket(Lane::CardCreate), other.bucket(Lane::RobotSend));
        tokio::join!(first.take(Class::Update), second.take(Class::Text));
        assert_eq!(begun.elapsed(), Duration::from_mins(5));
    }
}
