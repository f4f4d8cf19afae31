//! The suite of `BudgetStore`: never more than the rate, by one clock, bucket by bucket.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::budget::{BudgetKey, BudgetStore, CLOSED_MAX, GRANT_AHEAD, GRANT_COUNTED, GRANT_SLOT, Taken};
use crate::conformance::Fixture;

/// One test per case of the budget store's contract.
#[macro_export]
macro_rules! budget_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (budget);
            no_more_than_the_rate_is_granted_while_it_counts,
            each_grant_ceases_to_count_by_itself,
            whoever_asks_first_starts_first,
            nothing_is_granted_too_far_ahead,
            no_time_sees_more_than_the_rate,
            whoever_asks_at_once_shares_one_rate,
            buckets_know_nothing_of_each_other,
            a_rate_that_changes_counts_at_once,
            a_closed_bucket_grants_nothing_until_its_longest_pause_is_over,
            what_was_granted_still_counts_after_a_pause,
            a_pause_that_is_too_long_is_cut,
        );
    };
}

const MILLI: Duration = Duration::from_millis(1);

fn bucket(api: &str) -> BudgetKey {
    BudgetKey { base: "https://api".to_owned(), app: "app".to_owned(), api: api.to_owned() }
}

fn calls(count: u32) -> Taken {
    Taken::Calls { count: NonZeroU32::new(count).unwrap(), after: Duration::ZERO }
}

/// What may start now; 0 where there is nothing, or something later.
async fn granted(store: &dyn BudgetStore, key: &BudgetKey, rate: u32, wanted: u32) -> u32 {
    match store.take(key, rate, wanted).await.unwrap() {
        Taken::Calls { count, after: Duration::ZERO } => count.get(),
        Taken::Calls { .. } | Taken::Wait(_) => 0,
    }
}

/// What is granted ahead, and after how long.
async fn granted_ahead(store: &dyn BudgetStore, key: &BudgetKey, rate: u32, wanted: u32) -> (u32, Duration) {
    match store.take(key, rate, wanted).await.unwrap() {
        Taken::Calls { count, after } => (count.get(), after),
        Taken::Wait(pause) => panic!("a wait of {pause:?} instead of calls"),
    }
}

/// The last batch is smaller than wanted, and the next one comes when the first ceases to count.
pub async fn no_more_than_the_rate_is_granted_while_it_counts(fixture: impl Fixture) {
    let (store, key) = (fixture.stores().budgets, bucket("a"));
    for expected in [4, 4, 2] {
        assert_eq!(store.take(&key, 10, 4).await, Ok(calls(expected)));
    }
    fixture.clock().advance(GRANT_COUNTED.saturating_sub(MILLI));
    let (count, after) = granted_ahead(&*store, &key, 10, 4).await;
    assert!(count == 4 && after > Duration::ZERO && after <= MILLI + GRANT_SLOT, "{count} after {after:?}");
    fixture.clock().advance(GRANT_COUNTED + MILLI + 2 * GRANT_SLOT);
    assert_eq!(store.take(&key, 10, 100).await, Ok(calls(10)));
}

/// Not all at once with the first.
pub async fn each_grant_ceases_to_count_by_itself(fixture: impl Fixture) {
    let (store, key) = (fixture.stores().budgets, bucket("a"));
    let later = Duration::from_millis(500);
    assert_eq!(granted(&*store, &key, 10, 4).await, 4);
    fixture.clock().advance(later);
    assert_eq!(granted(&*store, &key, 10, 10).await, 6);
    fixture.clock().advance(GRANT_COUNTED.saturating_sub(later) + GRANT_SLOT);
    assert_eq!(granted(&*store, &key, 10, 10).await, 4);
    fixture.clock().advance(later);
    assert_eq!(granted(&*store, &key, 10, 10).await, 6);
    // Long after.
    fixture.clock().advance(Duration::from_hours(1));
    assert_eq!(granted(&*store, &key, 10, 10).await, 10);
}

/// One behind the other, and nobody else in between when the time of the first has come.
pub async fn whoever_asks_first_starts_first(fixture: impl Fixture) {
    let (store, key) = (fixture.stores().budgets, bucket("a"));
    assert_eq!(granted(&*store, &key, 20, 20).await, 20);
    fixture.clock().advance(GRANT_COUNTED.saturating_sub(Duration::from_millis(200)));
    let mut all = Vec::new();
    for _ in 0..3 {
        let (count, after) = granted_ahead(&*store, &key, 20, 2).await;
        assert_eq!(count, 2);
        all.push(after);
    }
    assert!(all.is_sorted_by(|one, next| one < next), "{all:?}");
    fixture.clock().advance(all[0]);
    let (_, after) = granted_ahead(&*store, &key, 20, 1).await;
    assert!(all[0] + after > all[2], "{after:?} behind {all:?}");
}

/// Those who come when it is too far are told when to come again.
pub async fn nothing_is_granted_too_far_ahead(fixture: impl Fixture) {
    let (store, key) = (fixture.stores().budgets, bucket("a"));
    let mut granted = 0;
    let pause = loop {
        match store.take(&key, 1, 1).await.unwrap() {
            Taken::Calls { after, .. } => {
                assert!(after <= GRANT_AHEAD, "{after:?}");
                granted += 1;
            }
            Taken::Wait(pause) => break pause,
        }
    };
    assert_eq!(granted, 1 + GRANT_AHEAD.as_millis() / GRANT_COUNTED.as_millis());
    assert!(pause >= GRANT_SLOT && pause <= GRANT_COUNTED, "{pause:?}");
    fixture.clock().advance(pause);
    let (_, after) = granted_ahead(&*store, &key, 1, 1).await;
    assert!(after <= GRANT_AHEAD, "{after:?}");
}

/// Whoever asks when, and for how much.
pub async fn no_time_sees_more_than_the_rate(fixture: impl Fixture) {
    let (store, key) = (fixture.stores().budgets, bucket("a"));
    let (mut now, mut starts) = (Duration::ZERO, Vec::new());
    for step in 0..150_u32 {
        let passed = Duration::from_millis(u64::from(step * 37 % 90));
        fixture.clock().advance(passed);
        now += passed;
        if let Taken::Calls { count, after } = store.take(&key, 20, step * 7 % 6 + 1).await.unwrap() {
            starts.push((now + after, count.get()));
        }
    }
    for (at, _) in &starts {
        let counts = |start: &Duration| start <= at && *start + GRANT_COUNTED > *at;
        let counted: u32 = starts.iter().filter(|(start, _)| counts(start)).map(|(_, count)| count).sum();
        assert!(counted <= 20, "{counted} count at {at:?} of {starts:?}");
    }
    let all: u32 = starts.iter().map(|(_, count)| count).sum();
    let least = 20 * now.as_millis() / (GRANT_COUNTED + GRANT_SLOT).as_millis();
    assert!(u128::from(all) >= least, "{all} of {least}");
}

/// However many there are.
pub async fn whoever_asks_at_once_shares_one_rate(fixture: impl Fixture) {
    let (store, key) = (fixture.stores().budgets, bucket("a"));
    let askers = (0..50).map(|_| granted(&*store, &key, 20, 1));
    let all: u32 = futures_util::future::join_all(askers).await.into_iter().sum();
    assert_eq!(all, 20);
}

/// Whatever stands in their names.
pub async fn buckets_know_nothing_of_each_other(fixture: impl Fixture) {
    let (store, key) = (fixture.stores().budgets, bucket("a"));
    let others = [
        BudgetKey { api: "b".to_owned(), ..key.clone() },
        BudgetKey { app: "another{app}".to_owned(), ..key.clone() },
        BudgetKey { base: "https://elsewhere:8443/{x}".to_owned(), ..key.clone() },
        BudgetKey { base: "https://".to_owned(), app: "apiapp".to_owned(), ..key.clone() },
    ];
    assert_eq!(granted(&*store, &key, 1, 1).await, 1);
    store.close(&key, Duration::from_secs(9)).await.unwrap();
    for other in &others {
        assert_eq!(granted(&*store, other, 1, 1).await, 1, "{other:?}");
        assert_eq!(granted(&*store, other, 1, 1).await, 0, "{other:?}");
    }
}

/// Earlier grants count at whatever rate they were taken.
pub async fn a_rate_that_changes_counts_at_once(fixture: impl Fixture) {
    let (store, key) = (fixture.stores().budgets, bucket("a"));
    assert_eq!(granted(&*store, &key, 10, 10).await, 10);
    assert_eq!(granted(&*store, &key, 20, 20).await, 10);
    let (_, after) = granted_ahead(&*store, &key, 5, 1).await;
    assert!(after <= GRANT_COUNTED + GRANT_SLOT, "{after:?}");
    fixture.clock().advance(GRANT_COUNTED + 2 * GRANT_SLOT);
    assert_eq!(granted(&*store, &key, 5, 20).await, 4);
    // What is reserved at a low rate holds nobody who has a higher one.
    let (_, after) = granted_ahead(&*store, &key, 5, 1).await;
    let (_, sooner) = granted_ahead(&*store, &key, 100, 1).await;
    assert!(sooner < after && sooner <= Duration::from_millis(100), "{sooner:?}, {after:?}");
}

/// A shorter one does not shorten it.
pub async fn a_closed_bucket_grants_nothing_until_its_longest_pause_is_over(fixture: impl Fixture) {
    let (store, key) = (fixture.stores().budgets, bucket("a"));
    let pause = Duration::from_secs(3);
    store.close(&key, Duration::from_secs(1)).await.unwrap();
    store.close(&key, pause).await.unwrap();
    store.close(&key, Duration::from_secs(2)).await.unwrap();
    assert_eq!(store.take(&key, 10, 1).await, Ok(Taken::Wait(pause)));
    fixture.clock().advance(pause.saturating_sub(MILLI));
    assert_eq!(store.take(&key, 10, 1).await, Ok(Taken::Wait(MILLI)));
    fixture.clock().advance(MILLI);
    assert_eq!(granted(&*store, &key, 10, 10).await, 10);
}

/// A pause forgets nothing.
pub async fn what_was_granted_still_counts_after_a_pause(fixture: impl Fixture) {
    let (store, key) = (fixture.stores().budgets, bucket("a"));
    assert_eq!(granted(&*store, &key, 10, 7).await, 7);
    let pause = Duration::from_secs(1);
    store.close(&key, pause).await.unwrap();
    assert_eq!(granted(&*store, &key, 10, 10).await, 0);
    fixture.clock().advance(pause);
    assert_eq!(granted(&*store, &key, 10, 10).await, 3);
}

/// Nobody closes a bucket for a day.
pub async fn a_pause_that_is_too_long_is_cut(fixture: impl Fixture) {
    let (store, key) = (fixture.stores().budgets, bucket("a"));
    store.close(&key, Duration::from_hours(24)).await.unwrap();
    assert_eq!(store.take(&key, 10, 1).await, Ok(Taken::Wait(CLOSED_MAX)));
    fixture.clock().advance(CLOSED_MAX);
    assert_eq!(granted(&*store, &key, 10, 10).await, 10);
}
