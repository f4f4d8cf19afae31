//! Two replicas on a platform that closes the older of two connections: noticed, and one is used.

use std::time::Duration;

use futures_util::FutureExt;
use switchboard::runtime::Settings;
use switchboard::runtime::operations::Operations;
use switchboard_domain::ids::ChannelId;
use switchboard_tests::fakes::platform::Manner;
use switchboard_tests::world::{Pair, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

fn on(manner: Manner, scenario: impl AsyncFnOnce(Pair<'_>)) {
    on_with(&Settings::of_shared_store(), manner, scenario);
}

fn on_with(settings: &Settings, manner: Manner, scenario: impl AsyncFnOnce(Pair<'_>)) {
    let world = World::new(7);
    world.platform.manner(manner);
    world.set_up().now_or_never().expect("memory answers at once");
    world.pair(settings, scenario);
}

/// Connections that were ever opened.
fn opened(pair: &Pair<'_>) -> u32 {
    pair.world.platform.connections().1
}

/// Waits until it is noticed everywhere; who is connected then.
async fn noticed(pair: &Pair<'_>) -> usize {
    loop {
        pair.wait(Duration::from_millis(100)).await;
        let (one, other) = (pair.status(0).await, pair.status(1).await);
        let is_settled = one.status == "connected" && pair.holders().len() == 1;
        if one.one_connection_until.is_some() && other.one_connection_until.is_some() && is_settled {
            return pair.holders()[0];
        }
    }
}

#[test]
fn it_is_noticed_within_seconds_and_one_is_connected_from_then_on() {
    on(Manner::Newest, async |pair| {
        let begin = pair.world.clock_millis();
        let holder = noticed(&pair).await;
        let took = pair.world.clock_millis() - begin;
        assert!(took < 15_000, "{took} ms");
        pair.wait(SECS(10)).await;
        let count = opened(&pair);
        pair.wait(SECS(600)).await;
        assert_eq!((pair.holders(), opened(&pair)), (vec![holder], count), "nothing is closed any more");
        pair.assert_one_stands_by().await;
        for text in ["one", "two", "three"] {
            pair.says("ann", text).await;
        }
        pair.answered(3).await;
    });
}

#[test]
fn messages_that_come_meanwhile_are_answered_once() {
    on(Manner::Newest, async |pair| {
        for number in 0..30 {
            pair.says(&format!("p{number}"), "hello").await;
            pair.wait(Duration::from_millis(300)).await;
        }
        noticed(&pair).await;
        pair.answered(30).await;
    });
}

#[test]
fn when_the_one_dies_the_standby_takes_over_within_the_lease() {
    on(Manner::Newest, async |pair| {
        let holder = noticed(&pair).await;
        pair.wait(SECS(10)).await;
        pair.kill(holder);
        let took = pair.stands_in_for(holder).await;
        assert!(took <= Settings::of_shared_store().lease_ttl + SECS(2), "{took:?}");
        pair.says("ann", "hello").await;
        pair.answered(1).await;
    });
}

#[test]
fn one_that_is_cut_off_closes_when_its_lease_is_over() {
    on(Manner::Newest, async |pair| {
        let holder = noticed(&pair).await;
        pair.wait(SECS(10)).await;
        pair.cut_off(holder);
        let took = pair.stands_in_for(holder).await;
        assert!(took <= Settings::of_shared_store().lease_ttl + SECS(2), "{took:?}");
        pair.mend(holder);
        pair.wait(SECS(30)).await;
        pair.says("ann", "hello").await;
        pair.answered(1).await;
        assert_eq!(pair.holders().len(), 1);
    });
}

#[test]
fn a_restart_tries_several_again_and_a_platform_that_takes_them_has_them() {
    on(Manner::Newest, async |pair| {
        let channel = ChannelId::new("chn_1");
        noticed(&pair).await;
        pair.wait(SECS(60)).await;
        // Still so: noticed again.
        let count = opened(&pair);
        assert!(pair.driver(1).restart(&channel).await.unwrap());
        pair.until("they have tried", || opened(&pair) >= count + 3).await;
        noticed(&pair).await;
        pair.wait(SECS(60)).await;
        // Not so any more.
        pair.world.platform.manner(Manner::Several);
        assert!(pair.driver(0).restart(&channel).await.unwrap());
        pair.until("both are connected", || pair.holders().len() == 2).await;
        pair.wait(SECS(60)).await;
        assert_eq!(pair.holders().len(), 2);
        let status = pair.status(1).await;
        assert_eq!((status.connections, status.one_connection_until), (2, None));
    });
}

#[test]
fn it_is_believed_for_hours_and_then_tried_again() {
    // Over hours, what is done every second is done every minute.
    let rare = Settings {
        lease_ttl: SECS(200),
        renew_interval: SECS(60),
        look_interval: SECS(60),
        report_ttl: SECS(150),
        scan_interval: SECS(60),
        ..Settings::of_shared_store()
    };
    on_with(&rare, Manner::Newest, async |pair| {
        noticed(&pair).await;
        pair.world.platform.manner(Manner::Several);
        let until = pair.status(0).await.one_connection_until.expect("it is noticed");
        let now = pair.world.clock_millis();
        pair.wait(Duration::from_millis(until.as_millis() - now - 1_000)).await;
        assert_eq!(pair.holders().len(), 1);
        pair.until("both are connected", || pair.holders().len() == 2).await;
    });
}

#[test]
fn rotations_and_faults_of_the_whole_platform_are_no_evictions() {
    on(Manner::Several, async |pair| {
        pair.until("both are connected", || pair.holders().len() == 2).await;
        for round in 0..8 {
            pair.wait(SECS(2 + round)).await;
            if round % 2 == 0 { pair.world.platform.rotate() } else { pair.world.platform.cut_connections() }
        }
        pair.until("both are connected", || pair.holders().len() == 2).await;
        pair.wait(SECS(30)).await;
        assert_eq!(pair.holders().len(), 2);
        assert_eq!(pair.status(0).await.one_connection_until, None);
    });
}

/// However many connections are wanted, one replica has one; the platform's rotation is the only time that it opens another.
#[test]
fn one_replica_alone_has_one_connection_whatever_the_setting_says() {
    let world = World::new(7);
    world.platform.manner(Manner::Newest);
    let settings = Settings { connections_per_channel: 5, ..Settings::default() };
    world.process_with(settings, |process| async move {
        process.set_up().await;
        for round in 0..10_u32 {
            process.wait(SECS(70)).await;
            assert_eq!(world_connections(&process), (1, round + 1));
            process.world.platform.rotate();
            process.says("ann", "hello").await;
        }
        process.finals(10).await;
        assert_eq!(process.status().one_connection_until, None);
    });
}

fn world_connections(process: &switchboard_tests::world::Process<'_>) -> (usize, u32) {
    process.world.platform.connections()
}
