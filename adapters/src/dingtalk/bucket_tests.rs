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
        bucket.take(Class::Update).await;
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
    let bucket = bucket(1);
    bucket.take(Class::Update).await;
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
