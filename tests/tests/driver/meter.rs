//! What apps use of their monthly quotas: counted by the month of the platform's clock, kept over deaths, in nobody's way.

use std::time::Duration;

use serde_json::json;
use switchboard::runtime::operations::{Operations, QuotaUsage};
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::reply::CardOutcome;
use switchboard_domain::usage::{Pace, Usage, Why};
use switchboard_ports::provider::Ack;
use switchboard_tests::fakes::agent::Act;
use switchboard_tests::fakes::platform::Fate;
use switchboard_tests::fakes::usage::UsageFate;
use switchboard_tests::world::{Process, World};

/// 2026-11-30T23:59:00+08:00, by the clock of the platform's quota.
const BEFORE_THE_TURN_MS: u64 = 1_796_054_340_000;

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// What the channel says once it knows.
async fn used(process: &Process<'_>) -> QuotaUsage {
    process.until("what was used is known", || process.status().usage.is_some()).await;
    process.status().usage.unwrap()
}

/// What the platform saw: its calls, and the pushes that were answered.
fn seen(world: &World, pushes: u64) -> Usage {
    Usage { api_calls: u64::try_from(world.platform.calls().len()).unwrap(), pushes }
}

/// Past the end of an answer and past the next addition.
async fn rest(process: &Process<'_>) {
    process.wait(SECS(25)).await;
}

#[test]
fn calls_and_pushes_are_counted_and_continued_by_the_next_process() {
    let world = World::new(1);
    world.process(|process| async move {
        process.set_up().await;
        assert_eq!(used(&process).await.usage, Usage::default());
        process.says("ann", "hello").await;
        process.finals(1).await;
        assert_eq!(used(&process).await.usage, seen(process.world, 1), "before anything is stored");
        rest(&process).await;
    });
    world.process(|process| async move {
        process.connected().await;
        assert_eq!(used(&process).await.usage, seen(process.world, 1));
        process.says("ann", "hello again").await;
        process.finals(2).await;
        process.driver.stop(SECS(5)).await;
    });
    // What was counted last was added on the way out.
    world.process(|process| async move {
        assert_eq!(used(&process).await.usage, seen(process.world, 2));
    });
}

#[test]
fn a_month_turns_by_the_clock_of_the_quota() {
    let world = World::new(1);
    world.clock.begin_at(BEFORE_THE_TURN_MS);
    let (before, after) = world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            let before = used(&process).await;
            process.wait(SECS(60)).await;
            assert_eq!(used(&process).await.usage, Usage::default(), "nothing was used in the new month");
            process.says("ann", "hello").await;
            process.finals(2).await;
            let after = used(&process).await;
            process.driver.stop(SECS(5)).await;
            (before, after)
        })
        .unwrap();
    assert_eq!((before.month.to_string().as_str(), before.earlier.as_slice()), ("2026-11", [].as_slice()));
    assert_eq!((after.month.to_string().as_str(), after.utc_offset_minutes), ("2026-12", 480));
    assert_eq!(after.earlier, [(before.month, before.usage)]);
    assert_eq!(before.usage.plus(after.usage), seen(&world, 2));
    world.process(|process| async move { assert_eq!(used(&process).await, after) });
}

#[test]
fn a_channel_made_anew_goes_on_with_the_month_of_its_app() {
    let world = World::new(1);
    world.process(|process| async move {
        process.set_up().await;
        process.says("ann", "hello").await;
        process.finals(1).await;
        rest(&process).await;
        let first = switchboard_domain::ids::ChannelId::new("chn_1");
        process.driver.withdraw(&first).await.unwrap();
        process.world.stores().channels.delete(&first).await.unwrap();
        process.driver.channel_changed(&first).await.unwrap();
        let second = process.add_channel("chn_2", |_| {}).await;
        let stranger = process.add_channel("chn_3", |channel| channel.config = json!({"app": "other"})).await;
        let nameless = process.add_channel("chn_4", |channel| channel.config = json!({})).await;
        rest(&process).await;
        let of = |id| process.status_of(id).unwrap().usage.map(|used| used.usage);
        assert_eq!(of(&second), Some(seen(process.world, 1)));
        assert_eq!(of(&stranger), Some(Usage::default()));
        assert_eq!(of(&nameless), None);
    });
}

#[test]
fn a_store_that_hangs_or_fails_delays_no_message_and_loses_no_count() {
    for fate in [UsageFate::Away, UsageFate::Hang] {
        let world = World::new(1);
        world.usage.fate(fate);
        world.process(|process| async move {
            process.set_up().await;
            for number in 1..=3 {
                process.says("ann", "hello").await;
                process.finals(number).await;
                rest(&process).await;
            }
            assert_eq!(process.status().usage, None, "nobody knows what was used before");
            process.driver.stop(SECS(5)).await;
        });
        assert_eq!(world.platform.finals().len(), 3);
    }
    let world = World::new(1);
    world.process(|process| async move {
        process.set_up().await;
        process.says("ann", "hello").await;
        rest(&process).await;
        process.world.usage.fate(UsageFate::Away);
        process.says("ann", "hello").await;
        rest(&process).await;
        process.world.usage.fate(UsageFate::Do);
        rest(&process).await;
        assert_eq!(used(&process).await.usage, seen(process.world, 2));
    });
    world.process(|process| async move { assert_eq!(used(&process).await.usage, seen(process.world, 2)) });
}

#[test]
fn an_addition_of_unknown_fate_is_repeated_and_counts_once() {
    let world = World::new(1);
    world.process(|process| async move {
        process.set_up().await;
        process.world.usage.fate(UsageFate::Lie);
        process.says("ann", "hello").await;
        rest(&process).await;
        process.says("ann", "hello").await;
        rest(&process).await;
        let tried = process.world.usage.additions();
        assert!(tried.len() > 2 && tried.iter().all(|batch| *batch == tried[0]), "{tried:?}");
        process.world.usage.fate(UsageFate::Do);
        rest(&process).await;
        assert_eq!(used(&process).await.usage, seen(process.world, 2));
    });
    world.process(|process| async move { assert_eq!(used(&process).await.usage, seen(process.world, 2)) });
}

#[test]
fn whoever_is_killed_forgets_what_was_counted_since_the_last_addition_and_counts_nothing_twice() {
    for point in ["usage:before", "usage:after"] {
        let world = World::new(1);
        world.steps.kill_at_name(point);
        world.process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.wait(SECS(60)).await;
        });
        let was_added = point == "usage:after";
        let made = seen(&world, 1);
        world.steps.kill_at(None);
        world.process(|process| async move {
            let known = used(&process).await.usage;
            assert!(known.api_calls <= made.api_calls && known.pushes <= made.pushes, "{known:?}");
            assert_eq!(known == made, was_added, "{known:?} {made:?}");
        });
    }
}

#[test]
fn what_comes_again_is_pushed_again() {
    let world = World::new(1);
    world.process(|process| async move {
        process.set_up().await;
        let message = process.world.message("ann", "hello");
        for _ in 0..2 {
            let ack = process.world.platform.push(message.clone()).unwrap().await;
            assert_eq!(ack, Ack::Stored);
        }
        process.finals(1).await;
        assert_eq!(used(&process).await.usage.pushes, 2);
    });
}

/// Half a minute of words.
fn talk(world: &World) {
    let words: Vec<String> = (0..150).map(|number| format!("word {number} ")).collect();
    world.agent.script(move |_, _| Act::Say(words.clone(), Duration::from_millis(200)));
}

#[test]
fn an_answer_of_half_a_minute_takes_twenty_calls_and_none_of_its_words_is_late() {
    let world = World::new(1);
    talk(&world);
    world.process(|process| async move {
        process.set_up().await;
        process.says("ann", "hello").await;
        process.finals(1).await;
    });
    let calls = world.platform.calls();
    assert!((10..=20).contains(&calls.len()), "{}", calls.len());
    let late = calls.windows(2).map(|two| two[1].at.since(two[0].at)).max();
    assert!(late <= Some(SECS(3)), "{late:?}");
}

#[test]
fn calls_are_saved_by_itself_where_the_quota_does_not_last_and_the_status_says_so() {
    let world = World::new(1);
    // The tenth day of a month.
    world.clock.begin_at(BEFORE_THE_TURN_MS - 20 * 86_400_000);
    talk(&world);
    world.process(|process| async move {
        process.set_up().await;
        let id = switchboard_domain::ids::ChannelId::new("chn_1");
        process.patch(&id, |channel| channel.config["calls_per_month"] = json!(56)).await;
        let mut paces = Vec::new();
        for number in 1..=12 {
            let (before, saver) = (process.world.platform.calls().len(), used(&process).await);
            process.says("ann", "hello").await;
            process.finals(number).await;
            paces.push((saver.pace, saver.why, process.world.platform.calls().len() - before));
        }
        let of = |wanted: Pace| paces.iter().filter(move |(pace, _, _)| *pace == wanted).collect::<Vec<_>>();
        let (normal, few, last) = (of(Pace::Normal), of(Pace::FewUpdates), of(Pace::FinalOnly));
        // One takes 18 of 56 calls: more than a quarter in a third of the month, and with the next call too many for the whole. The
        // answer that is begun then is open already, and goes on at the new pace.
        assert!(normal.len() == 2 && normal[0].2 > 10 && normal[1].2 <= 8, "{paces:?}");
        let whys = [Why::Forecast, Why::MostlyUsed];
        assert!(few.iter().all(|(_, why, calls)| whys.contains(why) && *calls <= 6), "{paces:?}");
        assert!(few.is_sorted_by_key(|(_, why, _)| *why) && few.len() >= 4, "{paces:?}");
        assert_eq!(few.last().map(|(_, why, _)| *why), Some(Why::MostlyUsed), "{paces:?}");
        assert!(!last.is_empty() && last.iter().all(|(_, _, calls)| *calls == 2), "{paces:?}");
        process.patch(&id, |channel| channel.config["calls_per_month"] = json!(1)).await;
        let before = process.world.platform.calls().len();
        assert_eq!(used(&process).await.why, Why::NearlyUsedUp);
        process.says("ann", "hello").await;
        process.finals(13).await;
        assert_eq!(
            process.world.platform.calls().len() - before,
            2,
            "the card is made, and shows the answer"
        );
    });
}

const QUOTA: Fate = Fate::Refuse(CardOutcome::Refused(ErrorCode::QuotaExceeded));

#[test]
fn only_a_call_that_was_performed_says_that_there_is_quota_again() {
    let world = World::new(1);
    world.process(|process| async move {
        process.set_up().await;
        let unclear = [Fate::Refuse(CardOutcome::Unknown), Fate::DoUnknown];
        let unlike =
            [CardOutcome::Missing, CardOutcome::NotSent, CardOutcome::Refused(ErrorCode::PlatformError)];
        for fate in unclear.into_iter().chain(unlike.map(Fate::Refuse)) {
            process.world.platform.rule(|_, _, _| QUOTA);
            process.says("ann", "hello").await;
            rest(&process).await;
            assert_eq!(used(&process).await.why, Why::UsedUp);
            process.world.platform.rule(move |_, _, _| fate);
            process.says("bob", "hello").await;
            rest(&process).await;
            assert_eq!(used(&process).await.why, Why::UsedUp);
        }
        process.world.platform.rule(|_, _, _| Fate::Do);
        process.says("cem", "hello").await;
        rest(&process).await;
        assert_eq!((used(&process).await.pace, used(&process).await.why), (Pace::Normal, Why::Enough));
    });
}

/// Nothing is said in the conversation meanwhile: it learns of the pace by itself.
#[test]
fn an_open_answer_goes_on_at_the_pace_that_is_left() {
    let world = World::new(1);
    talk(&world);
    world.process(|process| async move {
        process.set_up().await;
        let id = switchboard_domain::ids::ChannelId::new("chn_1");
        let platform = process.world.platform.clone();
        let calls_in = async |span: Duration| {
            let before = platform.calls().len();
            process.wait(span).await;
            platform.calls().len() - before
        };
        process.says("ann", "hello").await;
        process.wait(SECS(5)).await;
        assert!(calls_in(SECS(5)).await >= 2, "the card streams");
        process.patch(&id, |channel| channel.config["saver"] = json!("final_only")).await;
        process.wait(SECS(2)).await;
        assert_eq!(calls_in(SECS(8)).await, 0, "only the whole answer is shown");
        process.patch(&id, |channel| channel.config["saver"] = json!("normal")).await;
        assert!(calls_in(SECS(6)).await >= 2, "it streams again");
        process.finals(1).await;
    });
}

#[test]
fn a_forecast_is_kept_until_it_is_well_below_the_quota() {
    let world = World::new(1);
    // The ninth day of a month.
    world.clock.begin_at(BEFORE_THE_TURN_MS - 22 * 86_400_000);
    world.process(|process| async move {
        process.set_up().await;
        let id = switchboard_domain::ids::ChannelId::new("chn_1");
        let mut number = 0;
        while process.world.platform.calls().len() < 19 {
            number += 1;
            process.says("ann", "hello").await;
            process.finals(number).await;
        }
        let forecast = used(&process).await.forecast.unwrap();
        process.patch(&id, |channel| channel.config["calls_per_month"] = json!(forecast - 1)).await;
        assert_eq!(used(&process).await.why, Why::Forecast);
        // Ten hours are a twentieth of what has passed: the forecast sinks by as much.
        process.world.clock.pass(Duration::from_hours(10));
        process.wait(SECS(1)).await;
        let later = used(&process).await;
        assert!(later.forecast < Some(forecast - 1) && later.why == Why::Forecast, "{later:?}");
        process.world.clock.pass(Duration::from_hours(20));
        process.wait(SECS(1)).await;
        assert_eq!(used(&process).await.why, Why::Enough);
    });
}
