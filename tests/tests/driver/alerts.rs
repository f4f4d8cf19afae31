//! Alerts: somebody outside is told of an outage once, whoever tells it, and of its end.

use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::json;
use switchboard::runtime::operations::Operations as _;
use switchboard::runtime::{AlertRules, Settings};
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_domain::reply::CardOutcome;
use switchboard_ports::alerts::AlertEvent;
use switchboard_ports::channels::Channel;
use switchboard_tests::fakes::alerts::AlertFate;
use switchboard_tests::fakes::platform::Fate;
use switchboard_tests::fakes::store::Verb;
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;
const MINS: fn(u64) -> Duration = Duration::from_mins;

const BEGAN: &str = "channel.not_connected";
const ENDED: &str = "channel.connected";
const NEARLY: &str = "quota.nearly_used_up";
const USED_UP: &str = "quota.used_up";

fn world() -> World {
    World::new(11).with_alerts()
}

/// The platform is away from now on.
fn away(world: &World) {
    world.platform.refuse_connections(Some(CloseCause::Failed {
        code: ErrorCode::NetworkUnreachable,
        detail: "no route".to_owned(),
        retry_after: None,
    }));
    world.platform.cut_connections();
}

async fn back(process: &Process<'_>) {
    process.world.platform.refuse_connections(None);
    process.connected().await;
    process.wait(SECS(15)).await;
}

#[test]
fn an_outage_is_told_once_and_so_is_its_end() {
    let world = world();
    world.process(|process| async move {
        process.set_up().await;
        process.wait(MINS(10)).await;
        assert!(process.world.alerts.told().is_empty());
        let began = process.world.clock_millis();
        away(process.world);
        process.wait(SECS(5 * 60 - 6)).await;
        assert!(process.world.alerts.told().is_empty(), "not yet");
        process.wait(SECS(16)).await;
        process.wait(MINS(90)).await;
        back(&process).await;
        process.wait(MINS(60)).await;
        assert_eq!(process.world.alerts.events(), [BEGAN, ENDED]);
        let told = process.world.alerts.told();
        assert_eq!(
            (told[0].channel.as_str(), told[0].name.as_str(), told[0].platform.as_str()),
            ("chn_1", "bot", "fake")
        );
        assert!(told[0].since.as_millis().abs_diff(began) < 1_000 && told[1].since == told[0].since);
        let cause = told[0].last_error.as_ref().unwrap();
        assert_eq!(cause.code, ErrorCode::NetworkUnreachable);
        assert!(!cause.remedy.is_empty() && told[1].last_error.is_none());
    });
}

#[test]
fn short_blips_are_told_neither_way() {
    let world = world();
    world.process(|process| async move {
        process.set_up().await;
        for _ in 0..5 {
            away(process.world);
            process.wait(MINS(3)).await;
            back(&process).await;
            process.wait(MINS(3)).await;
        }
        assert_eq!(process.world.alerts.tries(), 0);
    });
}

#[test]
fn what_lasts_is_told_again_after_the_configured_time() {
    let world = world();
    let alerts = AlertRules { after: SECS(30), repeat: MINS(60) };
    world.process_with(Settings { alerts, ..Settings::default() }, |process| async move {
        process.set_up().await;
        away(process.world);
        process.wait(MINS(150)).await;
        assert_eq!(process.world.alerts.events(), [BEGAN, BEGAN, BEGAN]);
    });
}

#[test]
fn a_channel_that_is_switched_off_is_no_outage() {
    let world = world();
    world.process(|process| async move {
        process.set_up().await;
        away(process.world);
        process.patch(&process.status().channel, |channel| channel.enabled = false).await;
        process.wait(MINS(60)).await;
        assert_eq!(process.world.alerts.tries(), 0);
    });
}

#[test]
fn a_webhook_that_is_down_or_silent_is_tried_again_within_bounds() {
    for fate in [AlertFate::Away, AlertFate::Hang] {
        let world = world();
        world.alerts.fate(fate);
        world.process(|process| async move {
            process.set_up().await;
            away(process.world);
            process.wait(MINS(65)).await;
            let tries = process.world.alerts.tries();
            assert!((12..25).contains(&tries), "{fate:?}: {tries} tries in an hour");
            process.world.alerts.fate(AlertFate::Taken);
            process.wait(MINS(6)).await;
            assert_eq!(process.world.alerts.events(), [BEGAN]);
            process.wait(MINS(30)).await;
            assert_eq!(process.world.alerts.events(), [BEGAN]);
            // It stops in time whatever the webhook does.
            process.world.alerts.fate(fate);
            back(&process).await;
            process.driver.stop(SECS(1)).await;
        });
    }
}

#[test]
fn what_is_refused_is_not_tried_again() {
    let world = world();
    world.alerts.fate(AlertFate::Refused);
    world.process(|process| async move {
        process.set_up().await;
        away(process.world);
        process.wait(MINS(60)).await;
        assert_eq!(process.world.alerts.tries(), 1);
    });
}

#[test]
fn the_next_process_knows_what_was_told_and_when_it_began() {
    let world = world();
    let began = world.process(|process| async move {
        process.set_up().await;
        process.wait(MINS(2)).await;
        let began = process.world.clock_millis();
        away(process.world);
        process.wait(MINS(3)).await;
        assert_eq!(process.world.alerts.tries(), 0);
        began
    });
    world.process(|process| async move {
        process.wait(MINS(2) + SECS(30)).await;
        assert_eq!(process.world.alerts.events(), [BEGAN], "the time before the restart counts");
        process.wait(MINS(10)).await;
    });
    world.process(|process| async move {
        process.wait(MINS(30)).await;
        assert_eq!(process.world.alerts.events(), [BEGAN], "it was told before");
        back(&process).await;
        process.wait(SECS(60)).await;
    });
    let told = world.alerts.told();
    assert_eq!(world.alerts.events(), [BEGAN, ENDED]);
    assert!(told[0].since.as_millis().abs_diff(began.unwrap()) < 1_000, "{told:?}");
    assert_eq!(told[1].event, AlertEvent::Connected);
}

#[test]
fn of_two_replicas_one_tells_and_the_other_goes_on_when_it_dies() {
    let world = world();
    world.set_up().now_or_never().expect("memory answers at once");
    world.pair(&Settings::of_shared_store(), async |pair| {
        pair.until("both are connected", || pair.holders().len() == 2).await;
        pair.wait(MINS(1)).await;
        away(pair.world);
        pair.wait(MINS(20)).await;
        let told = pair.world.alerts.told();
        assert_eq!(pair.world.alerts.events(), [BEGAN]);
        let teller = usize::from(pair.driver(0).replica() != told[0].replica);
        pair.kill(teller);
        pair.wait(MINS(20)).await;
        assert_eq!(pair.world.alerts.events(), [BEGAN], "the other one knows that it was told");
        pair.world.platform.refuse_connections(None);
        pair.until("one is connected", || pair.holders() == [1 - teller]).await;
        pair.wait(MINS(1)).await;
        assert_eq!(pair.world.alerts.events(), [BEGAN, ENDED]);
    });
}

#[test]
fn while_one_replica_is_connected_there_is_no_outage() {
    let world = world();
    world.set_up().now_or_never().expect("memory answers at once");
    world.pair(&Settings::of_shared_store(), async |pair| {
        pair.until("both are connected", || pair.holders().len() == 2).await;
        pair.kill(0);
        pair.wait(MINS(30)).await;
        pair.cut_off(1);
        pair.wait(SECS(60)).await;
        pair.mend(1);
        pair.wait(MINS(10)).await;
        assert_eq!(pair.world.alerts.told(), []);
    });
}

#[test]
fn a_store_that_is_away_is_an_outage_like_any_other() {
    let world = world();
    world.process(|process| async move {
        process.set_up().await;
        process.wait(MINS(1)).await;
        process.world.store.away(&Verb::ALL);
        process.wait(MINS(7)).await;
        assert_eq!(process.world.alerts.events(), [BEGAN]);
        let cause = process.world.alerts.told().remove(0).last_error.unwrap();
        assert_eq!(cause.code, ErrorCode::StoreUnavailable);
        process.world.store.away(&[]);
        process.wait(MINS(2)).await;
        assert_eq!(process.world.alerts.events(), [BEGAN, ENDED]);
    });
}

#[test]
fn what_was_told_while_nothing_could_be_written_is_written_down_later() {
    let world = world();
    world.process(|process| async move {
        process.set_up().await;
        process.wait(MINS(1)).await;
        // The time before the first look into the past counts from here.
        away(process.world);
        process.wait(MINS(2)).await;
        process.world.journal.away(true);
        process.wait(MINS(5)).await;
        assert_eq!(process.world.alerts.events(), [BEGAN]);
        process.world.journal.away(false);
        process.wait(SECS(15)).await;
    });
    world.process(|process| async move {
        process.wait(MINS(30)).await;
        assert_eq!(process.world.alerts.events(), [BEGAN], "it was told before");
        back(&process).await;
        process.wait(SECS(60)).await;
        assert_eq!(process.world.alerts.events(), [BEGAN, ENDED]);
    });
}

#[test]
fn a_quota_that_runs_out_is_told_once_a_month_and_level_whatever_the_pace() {
    let world = world();
    world.process(|process| async move {
        process.set_up().await;
        let id = process.status().channel;
        // Somebody has said that cards are to stream all the same.
        let change = |channel: &mut Channel| {
            channel.config["calls_per_month"] = json!(2);
            channel.config["saver"] = json!("normal");
        };
        process.patch(&id, change).await;
        process.wait(MINS(1)).await;
        assert!(process.world.alerts.told().is_empty());
        // Told again until it is taken.
        process.world.alerts.fate(AlertFate::Away);
        process.says("ann", "hello").await;
        process.finals(1).await;
        process.wait(MINS(1)).await;
        assert!(process.world.alerts.told().is_empty() && process.world.alerts.tries() > 1);
        process.world.alerts.fate(AlertFate::Taken);
        process.wait(MINS(10)).await;
        assert_eq!(process.world.alerts.events(), [NEARLY]);
        let told = process.world.alerts.told().remove(0);
        let quota = told.quota.unwrap();
        assert!(told.last_error.is_none() && quota.calls_per_month == Some(2) && quota.api_calls >= 2);
        assert!(quota.message.contains("% of this month's quota") && !quota.remedy.is_empty(), "{quota:?}");
    });
    world.process(|process| async move {
        process.connected().await;
        process.wait(MINS(10)).await;
        assert_eq!(process.world.alerts.events(), [NEARLY], "it was told before");
        let used_up = Fate::Refuse(CardOutcome::Refused(ErrorCode::QuotaExceeded));
        process.world.platform.rule(move |_, _, _| used_up);
        for _ in 0..2 {
            process.says("ann", "hello").await;
            process.wait(MINS(1)).await;
        }
        assert_eq!(process.world.alerts.events(), [NEARLY, USED_UP]);
    });
}

#[test]
fn a_channel_that_is_switched_off_runs_out_of_nothing() {
    let world = world();
    world.process(|process| async move {
        process.set_up().await;
        process.says("ann", "hello").await;
        process.finals(1).await;
        let change = |channel: &mut Channel| {
            channel.enabled = false;
            channel.config["calls_per_month"] = json!(1);
        };
        process.patch(&process.status().channel, change).await;
        process.wait(MINS(10)).await;
        assert_eq!(process.world.alerts.tries(), 0);
    });
}
