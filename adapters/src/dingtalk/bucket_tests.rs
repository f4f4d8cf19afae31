//! A bucket alone: its rate, its order, its pauses.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, advance, sleep, timeout};

use super::bucket::{Bucket, Class};

fn bucket(calls_per_second: u32) -> Arc<Bucket> {
    let bucket = Bucket::default();
    bucket.set_rate(calls_per_second);
    Arc::new(bucket)
}

#[tokio::test(start_paused = true)]
async fn no_second_sees_more_calls_than_allowed() {
    let bucket = bucket(20);
    let mut starts = Vec::new();
    for _ in 0..100 {
        bucket.take(Class::Text).await;
        starts.push(Instant::now());
    }
    assert!(starts.windows(21).all(|calls| calls[20] - calls[0] > Duration::from_secs(1)));
    assert!(starts[99] - starts[0] < Duration::from_secs(5), "no slower than needed");
}

#[tokio::test(start_paused = true)]
async fn a_burst_after_a_pause_goes_out_at_once() {
    let bucket = bucket(5);
    sleep(Duration::from_secs(10)).await;
    let before = Instant::now();
    for _ in 0..5 {
        bucket.take(Class::Text).await;
    }
    assert_eq!(Instant::now(), before);
}

#[tokio::test(start_paused = true)]
async fn zero_means_no_limit_of_ours() {
    let bucket = bucket(0);
    for _ in 0..1_000 {
        assert!(bucket.take(Class::Open).now_or_never().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn the_more_important_claim_goes_first_then_the_longer_waiting() {
    let bucket = bucket(20);
    bucket.close(Duration::from_millis(100));
    let (sender, mut order) = mpsc::unbounded_channel();
    let claims = [
        (Class::Update, "update 1"),
        (Class::Text, "text"),
        (Class::Update, "update 2"),
        (Class::Open, "open"),
        (Class::Finish, "finish"),
    ];
    for (class, name) in claims {
        let (bucket, sender) = (Arc::clone(&bucket), sender.clone());
        tokio::spawn(async move {
            bucket.take(class).await;
            sender.send(name).unwrap();
        });
        tokio::task::yield_now().await;
    }
    let mut served = Vec::new();
    for _ in claims {
        served.push(order.recv().await.unwrap());
    }
    assert_eq!(served, ["finish", "open", "text", "update 1", "update 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_claim_blocks_nobody() {
    let bucket = bucket(1);
    bucket.take(Class::Update).await;
    let cancelled = timeout(Duration::from_millis(100), bucket.take(Class::Finish)).await;
    assert!(cancelled.is_err());
    let before = Instant::now();
    bucket.take(Class::Update).await;
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_head_passes_its_turn_on() {
    let bucket = bucket(1);
    bucket.take(Class::Update).await;
    let mut head = Box::pin(bucket.take(Class::Finish));
    assert!(head.as_mut().now_or_never().is_none());
    let next = {
        let bucket = Arc::clone(&bucket);
        tokio::spawn(async move { bucket.take(Class::Update).await })
    };
    tokio::task::yield_now().await;
    drop(head);
    timeout(Duration::from_secs(2), next).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_throttle_answer_closes_the_bucket_for_its_pause() {
    let bucket = bucket(0);
    bucket.close(Duration::from_secs(3));
    bucket.close(Duration::from_secs(1));
    let before = Instant::now();
    bucket.take(Class::Finish).await;
    assert_eq!(before.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_throttle_answer_holds_those_who_wait_already() {
    let bucket = bucket(1);
    bucket.take(Class::Update).await;
    let before = Instant::now();
    let ((), ()) = tokio::join!(bucket.take(Class::Finish), async {
        advance(Duration::from_millis(500)).await;
        bucket.close(Duration::from_secs(5));
    });
    assert!(before.elapsed() >= Duration::from_secs(5));
}

/// A platform that lets 20 calls of each of its seconds through, for an app that is set up for 60.
#[tokio::test(start_paused = true)]
async fn a_rate_that_is_too_high_is_found_out_and_hardly_ever_tried_again() {
    let (bucket, begun) = (bucket(60), Instant::now());
    let (mut second, mut in_it, mut taken, mut refused) = (0, 0, 0, 0);
    while begun.elapsed() < Duration::from_mins(5) {
        bucket.take(Class::Text).await;
        let now = begun.elapsed().as_secs();
        if now != second {
            (second, in_it) = (now, 0);
        }
        in_it += 1;
        if in_it > 20 {
            refused += 1;
            bucket.close(Duration::from_secs(1));
            bucket.lower_rate();
        } else {
            taken += 1;
        }
    }
    assert!(refused > 0 && refused * 50 < taken, "{refused} refused, {taken} taken");
    assert!(taken > 300 * 14, "{taken} taken");
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_until_there_was_none_for_a_while() {
    let bucket = bucket(0);
    let pause = async || {
        let pause = bucket.growing_pause(2).unwrap();
        assert_eq!(bucket.growing_pause(2), None, "a call that was under way already");
        sleep(pause).await;
        pause.as_secs()
    };
    for wanted in [1, 2, 4, 4] {
        assert_eq!(pause().await, wanted);
        sleep(Duration::from_secs(7)).await;
    }
    sleep(Duration::from_secs(2)).await;
    assert_eq!(pause().await, 1);
}

/// Takes calls of a bucket one after the other, as tasks; says in which order they come.
fn line_up(
    bucket: &Arc<Bucket>,
    claims: &[(Class, u64, &'static str)],
) -> mpsc::UnboundedReceiver<&'static str> {
    let (sender, order) = mpsc::unbounded_channel();
    for &(class, still_ms, name) in claims {
        let (bucket, sender) = (Arc::clone(bucket), sender.clone());
        tokio::spawn(async move {
            bucket.take_for(class, Duration::from_millis(still_ms)).await;
            sender.send(name).unwrap();
        });
    }
    order
}

async fn served(mut order: mpsc::UnboundedReceiver<&'static str>) -> Vec<&'static str> {
    let mut served = Vec::new();
    while let Some(name) = order.recv().await {
        served.push(name);
    }
    served
}

#[tokio::test(start_paused = true)]
async fn of_equal_claims_the_one_whose_card_stands_longest_goes_first() {
    let bucket = bucket(20);
    bucket.close(Duration::from_millis(100));
    let order = line_up(
        &bucket,
        &[
            (Class::Update, 800, "b"),
            (Class::Update, 0, "c"),
            (Class::Update, 1_000, "a"),
            (Class::Finish, 0, "end"),
        ],
    );
    assert_eq!(served(order).await, ["end", "a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_card_that_has_stood_too_long_goes_before_those_that_end() {
    let bucket = bucket(20);
    bucket.close(Duration::from_millis(100));
    let order = line_up(
        &bucket,
        &[
            (Class::Finish, 0, "end"),
            (Class::Extra, 60_000, "extra"),
            (Class::Update, 2_600, "late"),
            (Class::Finish, 2_700, "late end"),
            (Class::Update, 2_000, "update"),
        ],
    );
    assert_eq!(served(order).await, ["late end", "late", "end", "update", "extra"]);
}

/// Whose turn it is changes with time alone: who was first and sleeps until a call is free has to wake who is first by then.
#[tokio::test(start_paused = true)]
async fn a_card_that_comes_to_stand_too_long_while_it_waits_is_not_passed_over() {
    let bucket = bucket(1);
    bucket.take(Class::Update).await;
    let order = line_up(
        &bucket,
        &[(Class::Finish, 0, "end"), (Class::Update, 2_000, "late"), (Class::Finish, 0, "end")],
    );
    assert_eq!(served(order).await, ["late", "end", "end"]);
}

/// A burst of them would use up the window, and the cards behind it would stand until that is over.
#[tokio::test(start_paused = true)]
async fn updates_come_evenly_and_others_need_not() {
    let bucket = bucket(20);
    let begun = Instant::now();
    bucket.take(Class::Update).await;
    for _ in 0..5 {
        bucket.take(Class::Finish).await;
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    bucket.take(Class::Update).await;
    assert!(begun.elapsed() > Duration::from_millis(52), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_millis(55), "{:?}", begun.elapsed());
}

/// How long a card stands at most, of so many that stream without an end, as many of which end and are replaced by others, shared out
/// among the buckets.
pub(super) async fn longest_standstill(buckets: &[Arc<Bucket>], cards: u32) -> Duration {
    let (sender, mut stood) = mpsc::unbounded_channel();
    for (card, bucket) in (0..cards).zip(buckets.iter().cycle()) {
        let (bucket, sender) = (Arc::clone(bucket), sender.clone());
        tokio::spawn(async move {
            let (mut shown, mut updates) = (Instant::now(), card % 9);
            loop {
                // An answer of nine updates; then its end, and the next one begins.
                let class = if updates % 10 == 9 { Class::Finish } else { Class::Update };
                bucket.take_for(class, shown.elapsed()).await;
                let _ended = sender.send(shown.elapsed());
                shown = Instant::now();
                updates += 1;
                sleep(Duration::from_millis(if updates % 10 < 3 { 800 } else { 2_500 })).await;
            }
        });
    }
    drop(sender);
    let mut longest = Duration::ZERO;
    let _over = timeout(Duration::from_mins(5), async {
        while let Some(still) = stood.recv().await {
            longest = longest.max(still);
        }
    })
    .await;
    longest
}

#[tokio::test(start_paused = true)]
async fn no_card_stands_longer_than_the_calls_a_second_make_it() {
    for (cards, rate) in [(1, 20), (30, 20), (49, 20), (60, 20), (200, 20), (30, 60), (300, 60)] {
        let longest = longest_standstill(&[bucket(rate)], cards).await;
        let most = Duration::from_secs(3).max(Duration::from_millis(1_200) * cards / rate);
        assert!(longest > Duration::from_secs(2), "{cards} cards are tried");
        assert!(longest <= most, "{cards} cards at {rate} calls a second: {longest:?}, at most {most:?}");
    }
}
