//! The suite of `UsageStore`: added once, kept by month, bounded.

use switchboard_domain::usage::{Month, Usage};

use crate::conformance::Fixture;
use crate::usage::{App, MONTHS_KEPT, USAGE_ROWS_MAX, UsageBatch};

/// One test per case of the usage store's contract.
#[macro_export]
macro_rules! usage_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (usage);
            what_was_counted_is_added_up_by_app_and_month,
            a_repeated_batch_counts_once,
            a_year_and_a_month_is_kept,
            of_too_many_rows_the_oldest_months_go,
            what_was_added_survives,
        );
    };
}

/// Some month.
#[must_use]
pub const fn month(number: u32) -> Month {
    Month::numbered(24_000 + number)
}

/// An app of the platform `p`.
#[must_use]
pub fn app(id: &str) -> App {
    App { platform: "p".to_owned(), id: id.to_owned() }
}

/// So many calls and pushes.
#[must_use]
pub const fn usage(api_calls: u64, pushes: u64) -> Usage {
    Usage { api_calls, pushes }
}

/// A batch of these rows.
#[must_use]
pub fn batch(id: &str, rows: &[(&App, Month, Usage)]) -> UsageBatch {
    let rows = rows.iter().map(|(app, month, usage)| ((*app).clone(), *month, *usage)).collect();
    UsageBatch { id: id.to_owned(), rows }
}

/// Apps of the same name on other platforms are others.
pub async fn what_was_counted_is_added_up_by_app_and_month(fixture: impl Fixture) {
    let store = fixture.stores().usage;
    let (one, two) = (app("one"), app("two"));
    let elsewhere = App { platform: "q".to_owned(), ..one.clone() };
    assert_eq!(store.of(&one).await, Ok(vec![]));
    let first = [(&one, month(1), usage(1, 2)), (&two, month(1), usage(10, 20))];
    store.add(batch("b1", &first)).await.unwrap();
    store.add(batch("b2", &[(&one, month(1), usage(3, 0)), (&one, month(2), usage(0, 5))])).await.unwrap();
    assert_eq!(store.of(&one).await, Ok(vec![(month(2), usage(0, 5)), (month(1), usage(4, 2))]));
    assert_eq!(store.of(&two).await, Ok(vec![(month(1), usage(10, 20))]));
    assert_eq!(store.of(&elsewhere).await, Ok(vec![]));
}

/// Whoever did not hear the answer asks again.
pub async fn a_repeated_batch_counts_once(fixture: impl Fixture) {
    let store = fixture.stores().usage;
    let (one, two) = (app("one"), app("two"));
    let first = batch("b1", &[(&one, month(1), usage(1, 2)), (&two, month(1), usage(3, 4))]);
    for _ in 0..3 {
        store.add(first.clone()).await.unwrap();
    }
    assert_eq!(store.of(&one).await, Ok(vec![(month(1), usage(1, 2))]));
    let second = batch("b2", &[(&one, month(1), usage(1, 1))]);
    for _ in 0..2 {
        store.add(second.clone()).await.unwrap();
    }
    assert_eq!(store.of(&one).await, Ok(vec![(month(1), usage(2, 3))]));
    assert_eq!(store.of(&two).await, Ok(vec![(month(1), usage(3, 4))]));
}

/// Of apps that are not used any more, too.
pub async fn a_year_and_a_month_is_kept(fixture: impl Fixture) {
    let store = fixture.stores().usage;
    let (one, old) = (app("one"), app("old"));
    store.add(batch("old", &[(&old, month(0), usage(1, 1))])).await.unwrap();
    for number in 0..MONTHS_KEPT + 2 {
        let rows = [(&one, month(number), usage(u64::from(number), 0))];
        store.add(batch(&format!("b{number}"), &rows)).await.unwrap();
    }
    let kept = (2..MONTHS_KEPT + 2).rev().map(|number| (month(number), usage(u64::from(number), 0)));
    assert_eq!(store.of(&one).await, Ok(kept.collect()));
    assert_eq!(store.of(&old).await, Ok(vec![]));
}

/// However many apps come and go.
pub async fn of_too_many_rows_the_oldest_months_go(fixture: impl Fixture) {
    let store = fixture.stores().usage;
    let (early, late) = (app("early"), app("late"));
    store.add(batch("b1", &[(&early, month(1), usage(1, 1)), (&late, month(2), usage(1, 1))])).await.unwrap();
    let many: Vec<_> = (1..USAGE_ROWS_MAX).map(|number| app(&format!("a{number}"))).collect();
    let rows: Vec<_> = many.iter().map(|app| (app, month(2), usage(1, 1))).collect();
    store.add(batch("b2", &rows)).await.unwrap();
    assert_eq!(store.of(&early).await, Ok(vec![]));
    assert_eq!(store.of(&late).await, Ok(vec![(month(2), usage(1, 1))]));
    assert_eq!(store.of(many.last().unwrap()).await, Ok(vec![(month(2), usage(1, 1))]));
}

/// Stores that forget leave this case at once. The mark of the last batch survives with what it added.
pub async fn what_was_added_survives(mut fixture: impl Fixture) {
    let one = app("one");
    let first = batch("b1", &[(&one, month(1), usage(1, 2))]);
    fixture.stores().usage.add(first.clone()).await.unwrap();
    if !fixture.reopen().await {
        return;
    }
    let store = fixture.stores().usage;
    store.add(first).await.unwrap();
    store.add(batch("b2", &[(&one, month(1), usage(1, 1))])).await.unwrap();
    assert_eq!(store.of(&one).await, Ok(vec![(month(1), usage(2, 3))]));
}
