//! What apps use of their monthly quotas: counted by the month of the platform's clock, kept over deaths, in nobody's way.

use std::time::Duration;

use serde_json::json;
use switchboard::runtime::operations::{Operations, QuotaUsage};
use switchboard_domain::usage::{Pace, Usage, Why};
use switchboard_ports::provider::Ack;
use switchboard_tests::fakes::agent::Act;
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
        for number in 1..=7 {
            let (before, saver) = (process.world.platform.calls().len(), used(&process).await);
            process.says("ann", "hello").await;
            process.finals(number).await;
            paces.push((saver.pace, saver.why, process.world.platform.calls().len() - before));
        }
        let of = |wanted: Pace| paces.iter().filter(move |(pace, _, _)| *pace == wanted).collect::<Vec<_>>();
        let (normal, few, last) = (of(Pace::Normal), of(Pace::FewUpdates), of(Pace::FinalOnly));
        // Two take 36 of 56 calls: more than a quarter in a third of the month, and too many for the whole.
        assert!(normal.len() == 2 && normal.iter().all(|(_, _, calls)| *calls > 10), "{paces:?}");
        assert!(few.iter().all(|(_, why, calls)| *why == Why::Forecast && *calls <= 6), "{paces:?}");
        assert_eq!((few.len(), last.len()), (4, 1), "{paces:?}");
        process.patch(&id, |channel| channel.config["calls_per_month"] = json!(1)).await;
        let before = process.world.platform.calls().len();
        assert_eq!(used(&process).await.why, Why::NearlyUsedUp);
        process.says("ann", "hello").await;
        process.finals(8).await;
        assert_eq!(
            process.world.platform.calls().len() - before,
            2,
            "the card is made, and shows the answer"
        );
    });
}
