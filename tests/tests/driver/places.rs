//! Two replicas on a platform that allows one connection only: one has it under a lease, the other one stands by.

use std::time::Duration;

use futures_util::FutureExt;
use switchboard::runtime::Settings;
use switchboard_tests::fakes::agent::Act;
use switchboard_tests::fakes::platform::Manner;
use switchboard_tests::world::{Pair, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// A standby takes over once the lease of whoever is gone is over, with its next look.
fn takeover_max() -> Duration {
    let Settings { lease_ttl, look_interval, .. } = Settings::of_shared_store();
    lease_ttl + look_interval * 2
}

/// Two replicas that begin at the same time.
fn on_an_exclusive_platform(scenario: impl AsyncFnOnce(Pair<'_>)) {
    let world = World::new(7);
    world.platform.manner(Manner::Exclusive);
    world.set_up().now_or_never().expect("memory answers at once");
    world.pair(&Settings::of_shared_store(), scenario);
    assert_eq!(world.platform.connections_at_once(), 1, "never two at the same time");
}

#[test]
fn of_two_that_begin_at_once_one_is_connected_and_the_other_one_stands_by() {
    on_an_exclusive_platform(async |pair| {
        let holder = pair.one_holder().await;
        pair.wait(SECS(60)).await;
        assert_eq!(pair.holders(), [holder]);
        assert_eq!(pair.world.platform.connections().1, 1, "and it was never another one");
        pair.assert_one_stands_by().await;
        pair.says("ann", "hello").await;
        pair.answered(1).await;
    });
}

#[test]
fn when_the_holder_dies_the_standby_takes_over_within_the_lease() {
    on_an_exclusive_platform(async |pair| {
        let holder = pair.one_holder().await;
        pair.says("ann", "before").await;
        pair.answered(1).await;
        pair.kill(holder);
        let took = pair.stands_in_for(holder).await;
        assert!(took <= takeover_max(), "{took:?}");
        pair.says("ann", "after").await;
        pair.answered(2).await;
    });
}

#[test]
fn a_holder_that_is_cut_off_closes_before_the_standby_connects_and_makes_no_call_when_it_comes_back() {
    on_an_exclusive_platform(async |pair| {
        let holder = pair.one_holder().await;
        pair.cut_off(holder);
        let took = pair.stands_in_for(holder).await;
        assert!(took <= takeover_max(), "{took:?}");
        pair.says("ann", "hello").await;
        pair.answered(1).await;
        pair.wait(SECS(30)).await;
        let calls = pair.world.platform.calls().len();
        pair.mend(holder);
        // By its rank the place is the old one's again: it gets it when the other one has closed.
        pair.until("the old one has its place again", || pair.holders() == [holder]).await;
        pair.wait(SECS(30)).await;
        assert_eq!(pair.holders(), [holder]);
        assert_eq!(pair.world.platform.calls().len(), calls, "nothing is shown twice");
        pair.says("ann", "again").await;
        pair.answered(2).await;
    });
}

#[test]
fn disabled_it_is_nobodys_and_enabled_it_is_ones() {
    on_an_exclusive_platform(async |pair| {
        let holder = pair.one_holder().await;
        for through in [1 - holder, holder] {
            pair.enable(through, false).await;
            let took = pair.until("nobody is connected", || pair.holders().is_empty()).await;
            assert!(took <= SECS(2), "{took:?}");
            pair.wait(SECS(30)).await;
            assert!(pair.holders().is_empty());
            assert_eq!(pair.status(through).await.status, "disabled");
            pair.enable(through, true).await;
            let took = pair.until("one is connected", || pair.holders().len() == 1).await;
            assert!(took <= SECS(2), "{took:?}");
        }
        assert_eq!(pair.one_holder().await, holder);
    });
}

#[test]
fn a_holder_that_ends_in_good_order_hands_over_at_once() {
    on_an_exclusive_platform(async |pair| {
        let holder = pair.one_holder().await;
        pair.world.agent.script(|_, _| Act::Say(vec!["slowly".to_owned()], SECS(8)));
        pair.says("ann", "hello").await;
        // What is being answered keeps it for a while; the connection does not wait for that.
        let stopping = tokio::spawn({
            let driver = pair.driver(holder).clone();
            async move { driver.stop(SECS(20)).await }
        });
        let took = pair.stands_in_for(holder).await;
        assert!(took <= SECS(3), "{took:?}");
        stopping.await.expect("it ends");
        pair.says("bob", "hello").await;
        pair.answered(2).await;
    });
}
