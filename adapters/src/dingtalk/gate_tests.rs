//! The gate of one address: bans, and the calls of a window.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep};

use super::api::Lane;
use super::bucket::{Bucket, Class};
use super::classify::{Failure, Verdict};
use super::gate::{CALLS_MAX, Gate, Gates};

const BASE: &str = "https://api.example";
const FIVE_MINUTES: Duration = Duration::from_mins(5);
const WORDS: &str = "1111: our address is banned for five minutes";

fn gate() -> Arc<Gate> {
    Gates::default().of(BASE)
}

/// The pause of a call that is not let through.
fn refused(gate: &Gate, is_counted: bool) -> Option<Duration> {
    let failure = gate.enter(is_counted).err()?;
    assert!(matches!(failure.verdict, Verdict::Throttled { .. }), "surely not done: {failure:?}");
    failure.retry_after()
}

fn bucket(gate: &Arc<Gate>, rate: u32) -> Bucket {
    let bucket = Bucket::new(None).behind(Arc::clone(gate));
    bucket.set_rate(rate);
    bucket
}

fn uses_up(gate: &Gate, calls: u32) {
    for _ in 0..calls {
        assert_eq!(refused(gate, true), None);
    }
}

#[tokio::test(start_paused = true)]
async fn pages_of_two_apis_and_nothing_between_them_are_a_ban() {
    let gate = gate();
    let (cards, texts) = (Some(Lane::CardStreaming), Some(Lane::RobotSend));
    for lane in [cards, cards] {
        assert!(!gate.is_banned_by_page(lane), "something in between refuses one call again and again");
    }
    gate.answered();
    assert!(!gate.is_banned_by_page(texts), "others were answered meanwhile");
    sleep(Duration::from_secs(11)).await;
    assert!(!gate.is_banned_by_page(None), "a token, long after");
    assert!(gate.is_banned_by_page(cards));
}

#[tokio::test(start_paused = true)]
async fn a_ban_refuses_every_call_at_once_with_the_rest_of_its_pause() {
    let gate = gate();
    gate.ban(FIVE_MINUTES, WORDS);
    for is_counted in [true, false] {
        assert_eq!(refused(&gate, is_counted), Some(FIVE_MINUTES));
    }
    assert!(gate.enter(false).is_err_and(|failure: Failure| failure.is_ban()), "checks name it");
    sleep(Duration::from_mins(2)).await;
    assert_eq!(refused(&gate, false), Some(Duration::from_mins(3)));
    sleep(Duration::from_mins(3)).await;
    assert_eq!((refused(&gate, true), refused(&gate, false)), (None, None));
}

#[tokio::test(start_paused = true)]
async fn claims_wait_for_the_end_of_a_ban_that_other_calls_met_later() {
    let gate = gate();
    let begun = Instant::now();
    gate.ban(FIVE_MINUTES, WORDS);
    let bucket = bucket(&gate, 20);
    let ((), ()) = tokio::join!(bucket.take(Class::Finish), async {
        sleep(Duration::from_secs(3)).await;
        gate.ban(FIVE_MINUTES, WORDS);
        gate.ban(Duration::from_secs(1), WORDS);
    });
    assert_eq!(begun.elapsed(), FIVE_MINUTES + Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_hears_of_a_ban_that_comes_and_of_one_that_is_there() {
    let gate = gate();
    let (words, ()) = tokio::join!(gate.barred(), async {
        sleep(Duration::from_secs(3)).await;
        gate.ban(FIVE_MINUTES, WORDS);
    });
    assert_eq!(words, WORDS);
    assert_eq!(gate.barred().now_or_never().as_deref(), Some(WORDS));
    sleep(FIVE_MINUTES).await;
    assert_eq!(gate.barred().now_or_never(), None);
    gate.ban(FIVE_MINUTES, WORDS);
    assert_eq!(gate.barred().now_or_never().as_deref(), Some(WORDS), "another one");
}

#[tokio::test(start_paused = true)]
async fn a_ban_is_not_forgotten_with_the_last_link() {
    let gates = Gates::default();
    gates.of(BASE).ban(FIVE_MINUTES, WORDS);
    assert_eq!(refused(&gates.of("https://API.example/"), false), Some(FIVE_MINUTES));
    assert_eq!(refused(&gates.of("https://other.example"), false), None);
    sleep(FIVE_MINUTES).await;
    assert_eq!(refused(&gates.of(BASE), false), None);
}

#[tokio::test(start_paused = true)]
async fn no_twenty_seconds_see_more_calls_than_the_window_has() {
    let gate = gate();
    let mut at = Vec::new();
    for round in 0..4_000_u64 {
        let burst = if round % 400 == 0 { 2_000 } else { 8 };
        at.extend((0..burst).filter(|_| refused(&gate, true).is_none()).map(|_| Instant::now()));
        sleep(Duration::from_millis(17)).await;
    }
    let most = usize::try_from(CALLS_MAX).unwrap();
    assert!(at.len() > 2 * most, "it is used: {}", at.len());
    assert!(at.windows(most + 1).all(|calls| calls[most] - calls[0] > Duration::from_secs(20)));
}

#[tokio::test(start_paused = true)]
async fn a_full_window_holds_claims_and_refuses_others_until_its_oldest_calls_are_past() {
    let gate = gate();
    let begun = Instant::now();
    let (counted, uncounted) = (bucket(&gate, 20), bucket(&gate, 0));
    uses_up(&gate, CALLS_MAX);
    let pause = refused(&gate, true).unwrap();
    assert!((Duration::from_secs(20)..Duration::from_secs(23)).contains(&pause), "{pause:?}");
    assert!(uncounted.take(Class::Text).now_or_never().is_some(), "no limit of ours");
    assert_eq!(refused(&gate, false), None);
    assert_eq!(gate.barred().now_or_never(), None, "that is no ban");
    counted.take(Class::Text).await;
    assert_eq!(begun.elapsed(), pause);
    assert_eq!(refused(&gate, true), None);
}

#[tokio::test(start_paused = true)]
async fn claims_count_where_there_is_a_limit_and_only_there() {
    let gate = gate();
    let (counted, uncounted) = (bucket(&gate, 1_000), bucket(&gate, 0));
    for _ in 0..500 {
        counted.take(Class::Update).await;
        uncounted.take(Class::Update).await;
    }
    uses_up(&gate, CALLS_MAX - 500);
    assert!(refused(&gate, true).is_some());
}

/// How many of 1,000 channels have asked for their ticket after each of these times, where each is answered after so long.
async fn asked_after(answered_after: Duration, times: &[Duration]) -> Vec<usize> {
    let (gate, asked) = (gate(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..1_000 {
        let (gate, asked) = (Arc::clone(&gate), Arc::clone(&asked));
        let ask = async move {
            asked.fetch_add(1, Ordering::Relaxed);
            sleep(answered_after).await;
        };
        tokio::spawn(async move { gate.opening(ask).await });
    }
    let begun = Instant::now();
    let mut seen = Vec::new();
    for time in times {
        tokio::time::sleep_until(begun + *time).await;
        seen.push(asked.load(Ordering::Relaxed));
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn few_channels_ask_for_their_tickets_at_once_and_a_hanging_platform_keeps_none_from_asking() {
    let (soon, ten_seconds) = (Duration::from_millis(10), Duration::from_secs(10));
    let times = [5, 15, 25].map(Duration::from_millis);
    assert_eq!(asked_after(soon, &times).await, [16, 32, 48], "each when another has its answer");
    let times = [100, 300, 15_500].map(Duration::from_millis);
    assert_eq!(asked_after(ten_seconds, &times).await, [16, 32, 992], "a quarter of a second each");
    let times = [16_000].map(Duration::from_millis);
    assert_eq!(asked_after(ten_seconds, &times).await, [1_000]);
}
