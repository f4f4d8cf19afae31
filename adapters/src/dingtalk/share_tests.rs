//! Buckets that share a budget: never more than the rate together, and never held up by the store.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::join_all;
use switchboard_domain::ids::ChannelId;
use switchboard_domain::time::Timestamp;
use switchboard_ports::budget::{ANSWER_MAX, BudgetKey, BudgetStore, Schedule, Taken};
use switchboard_ports::error::StoreError;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::api::Lane;
use super::bucket::{Bucket, Class, Shared, lock};
use super::bucket_tests::longest_standstill;
use super::budget::Budgets;
use super::classify::classify;
use super::rates::Terms;

/// What all replicas share, in virtual time.
struct Pot {
    schedule: Mutex<Schedule>,
    begun: Instant,
    log: Mutex<Log>,
}

impl Pot {
    /// The runtime's time.
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000_000).after(self.begun.elapsed())
    }
}

/// What was asked of it.
#[derive(Default)]
struct Log {
    /// What was wanted, question by question.
    asked: Vec<u32>,
    granted: u32,
    under_way: usize,
    under_way_max: usize,
    closes: usize,
}

/// One replica's way to it.
struct Way {
    pot: Arc<Pot>,
    manner: Mutex<Manner>,
}

#[derive(Clone, Copy)]
enum Manner {
    /// Half of it there, half of it back.
    Takes(Duration),
    Fails,
    Hangs,
    Panics,
}

const AT_ONCE: Manner = Manner::Takes(Duration::ZERO);

impl Way {
    fn to(pot: &Arc<Pot>, manner: Manner) -> Arc<Self> {
        Arc::new(Self { pot: Arc::clone(pot), manner: Mutex::new(manner) })
    }

    fn turn(&self, manner: Manner) {
        *lock(&self.manner) = manner;
    }

    fn asked(&self) -> Vec<u32> {
        lock(&self.pot.log).asked.clone()
    }

    /// The bucket of a replica that goes this way.
    fn bucket(self: &Arc<Self>, rate: u32) -> Arc<Bucket> {
        let key = BudgetKey { base: "b".to_owned(), app: "a".to_owned(), api: "card".to_owned() };
        let bucket = Bucket::new(Some(Shared { store: Arc::clone(self) as _, key }));
        bucket.set_rate(rate);
        Arc::new(bucket)
    }
}

/// A question that is under way.
struct UnderWay<'a>(&'a Way);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        lock(&self.0.pot.log).under_way -= 1;
    }
}

#[async_trait]
impl BudgetStore for Way {
    async fn take(&self, _: &BudgetKey, rate: u32, wanted: u32) -> Result<Taken, StoreError> {
        {
            let mut pot = lock(&self.pot.log);
            pot.asked.push(wanted);
            pot.under_way += 1;
            pot.under_way_max = pot.under_way_max.max(pot.under_way);
        }
        let _under_way = UnderWay(self);
        let manner = *lock(&self.manner);
        match manner {
            Manner::Takes(delay) => {
                sleep(delay / 2).await;
                let taken = lock(&self.pot.schedule).take(rate, wanted, self.pot.now());
                if let Taken::Calls { count, .. } = taken {
                    lock(&self.pot.log).granted += count.get();
                }
                sleep(delay / 2).await;
                Ok(taken)
            }
            Manner::Fails => Err(StoreError::Unavailable("away".to_owned())),
            Manner::Hangs => std::future::pending().await,
            Manner::Panics => panic!("a store that breaks"),
        }
    }

    async fn close(&self, _: &BudgetKey, pause: Duration) -> Result<(), StoreError> {
        lock(&self.pot.log).closes += 1;
        lock(&self.pot.schedule).close(pause, self.pot.now());
        Ok(())
    }
}

fn pot() -> Arc<Pot> {
    Arc::new(Pot { schedule: Mutex::default(), begun: Instant::now(), log: Mutex::default() })
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// When `count` claims of one bucket start that are made at once.
async fn starts(bucket: &Bucket, count: usize) -> Vec<Instant> {
    let claims = (0..count).map(|_| async {
        bucket.take(Class::Text).await;
        Instant::now()
    });
    join_all(claims).await
}

/// Bursts, calls that trickle, and calls that are started at the last moment: whatever second one looks at.
#[tokio::test(start_paused = true)]
async fn two_replicas_never_start_more_than_the_rate_in_any_second() {
    let pot = pot();
    let (near, far) = (Way::to(&pot, Manner::Takes(millis(1))), Way::to(&pot, Manner::Takes(millis(80))));
    let (one, other) = (near.bucket(20), far.bucket(20));
    let trickle = async {
        let mut at = Vec::new();
        for number in 0..60_u64 {
            sleep(millis(7 + number % 5 * 23)).await;
            at.extend(starts(&one, 1 + usize::from(number % 7 == 0)).await);
        }
        at
    };
    let bursts = async {
        let mut at = Vec::new();
        for _ in 0..8 {
            at.extend(starts(&other, 15).await);
            sleep(millis(333)).await;
        }
        at
    };
    let (first, second) = tokio::join!(trickle, bursts);
    let mut all = [first, second].concat();
    all.sort();
    let second = Duration::from_secs(1);
    assert!(all.windows(21).all(|calls| calls[20] - calls[0] > second), "{all:?}");
}

/// How many calls of a bucket start within a time in which several claims wait all along.
async fn carried(bucket: Arc<Bucket>, span: Duration) -> u32 {
    let until = Instant::now() + span;
    let claims = (0..10).map(|_| async {
        let mut starts = 0_u32;
        while timeout_at(until, bucket.take(Class::Text)).await.is_ok() {
            starts += 1;
        }
        starts
    });
    join_all(claims).await.iter().sum()
}

/// What the window costs is known: a ninth, and nothing to speak of besides.
#[tokio::test(start_paused = true)]
async fn two_replicas_use_what_there_is_whether_near_or_far() {
    let pot = pot();
    let ways = [0, 20].map(|delay| Way::to(&pot, Manner::Takes(millis(delay))));
    let counts = join_all(ways.iter().map(|way| carried(way.bucket(20), Duration::from_secs(20)))).await;
    assert!((340..=380).contains(&counts.iter().sum::<u32>()), "{counts:?}");
    assert!(counts[0].abs_diff(counts[1]) * 10 <= counts[0] + counts[1], "{counts:?}");
}

/// However many wait for the same moment.
#[tokio::test(start_paused = true)]
async fn a_far_replica_gets_its_part_beside_five_near_ones() {
    for rate in [3, 20, 60] {
        let pot = pot();
        let ways = [2, 2, 2, 2, 2, 20].map(|delay| Way::to(&pot, Manner::Takes(millis(delay))));
        let counts = join_all(ways.iter().map(|way| carried(way.bucket(rate), Duration::from_mins(1)))).await;
        let all: u32 = counts.iter().sum();
        assert!(all >= 60 * rate * 17 / 20, "{counts:?} at {rate}");
        assert!(counts.iter().all(|part| part * 6 * 2 >= all), "half of an equal part: {counts:?} at {rate}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_after_a_pause_goes_out_at_once_and_in_batches() {
    let way = Way::to(&pot(), AT_ONCE);
    let bucket = way.bucket(20);
    let begun = Instant::now();
    starts(&bucket, 20).await;
    assert_eq!(Instant::now(), begun);
    assert_eq!(way.asked(), [2; 10]);
    assert_eq!(lock(&way.pot.log).under_way_max, 1);
}

#[tokio::test(start_paused = true)]
async fn a_rate_of_zero_asks_nobody() {
    let way = Way::to(&pot(), Manner::Hangs);
    let bucket = way.bucket(0);
    assert!(starts(&bucket, 1_000).now_or_never().is_some());
    bucket.close(millis(10));
    bucket.take(Class::Finish).await;
    assert_eq!((way.asked().len(), lock(&way.pot.log).closes), (0, 0));
}

/// Those who wait at that moment wait once; whoever comes later does not wait at all.
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_delays_nobody_for_longer_than_its_bound() {
    let way = Way::to(&pot(), AT_ONCE);
    let bucket = way.bucket(100);
    starts(&bucket, 5).await;
    way.turn(Manner::Hangs);
    sleep(Duration::from_secs(10)).await;
    let begun = Instant::now();
    let all = starts(&bucket, 50).await;
    assert!(all.iter().all(|at| *at - begun <= ANSWER_MAX));
    for _ in 0..100 {
        sleep(millis(77)).await;
        assert!(bucket.take(Class::Text).now_or_never().is_some());
    }
    let asked = way.asked().len();
    assert!(asked <= 5 + 10, "{asked}");
    assert_eq!(lock(&way.pot.log).under_way_max, 1);
}

/// A local window is kept even so.
#[tokio::test(start_paused = true)]
async fn without_a_store_the_rate_is_kept_by_each_replica() {
    for manner in [Manner::Fails, Manner::Hangs, Manner::Panics, Manner::Takes(2 * ANSWER_MAX)] {
        let bucket = Way::to(&pot(), manner).bucket(5);
        let begun = Instant::now();
        let mut all = starts(&bucket, 20).await;
        all.sort();
        assert!(all.windows(6).all(|calls| calls[5] - calls[0] > Duration::from_secs(1)));
        assert!(all[19] - begun <= millis(3 * 1_050) + ANSWER_MAX);
    }
}

/// Within a second of its return.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_back_is_asked_again() {
    let way = Way::to(&pot(), Manner::Fails);
    let bucket = way.bucket(10);
    bucket.take(Class::Text).await;
    way.turn(AT_ONCE);
    sleep(Duration::from_secs(2)).await;
    // The first one does not wait for the answer; its call is one too many for the store at most.
    bucket.take(Class::Text).await;
    sleep(Duration::from_secs(2)).await;
    lock(&way.pot.schedule).close(millis(700), way.pot.now());
    let begun = Instant::now();
    bucket.take(Class::Text).await;
    assert_eq!(begun.elapsed(), millis(700));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_more_important_overtakes_those_who_wait_for_an_answer() {
    let way = Way::to(&pot(), Manner::Takes(millis(80)));
    let bucket = way.bucket(4);
    let (sender, mut order) = mpsc::unbounded_channel();
    for (class, name) in [(Class::Text, "update"), (Class::Open, "open"), (Class::Finish, "finish")] {
        let (bucket, sender) = (Arc::clone(&bucket), sender.clone());
        tokio::spawn(async move {
            bucket.take(class).await;
            sender.send(name).unwrap();
        });
        sleep(millis(10)).await;
    }
    let mut served = Vec::new();
    for _ in 0..3 {
        served.push(order.recv().await.unwrap());
    }
    assert_eq!(served, ["finish", "open", "update"]);
    assert_eq!(lock(&way.pot.log).under_way_max, 1);
}

/// The next one may use it while it is usable, and it is not asked for again and again.
#[tokio::test(start_paused = true)]
async fn cancelled_claims_waste_their_batch_at_most() {
    let way = Way::to(&pot(), Manner::Takes(millis(80)));
    let bucket = way.bucket(20);
    assert!(timeout(millis(50), starts(&bucket, 3)).await.is_err());
    let begun = Instant::now();
    bucket.take(Class::Text).await;
    assert_eq!(begun.elapsed(), millis(30), "the answer that was on its way");
    assert_eq!(way.asked().len(), 1);
    assert!(timeout(millis(50), starts(&bucket, 3)).await.is_err());
    sleep(Duration::from_secs(1)).await;
    bucket.take(Class::Text).await;
    assert_eq!(way.asked().len(), 3, "what is too old is not used");
    let counted = lock(&way.pot.log).granted;
    assert!(counted <= 3 + 3 + 1, "{counted}");
}

#[tokio::test(start_paused = true)]
async fn a_throttle_answer_to_one_replica_closes_the_bucket_of_all() {
    let pot = pot();
    let (one, other) = (Way::to(&pot, AT_ONCE).bucket(20), Way::to(&pot, AT_ONCE).bucket(20));
    one.close(Duration::from_secs(3));
    one.close(Duration::from_secs(1));
    tokio::task::yield_now().await;
    let begun = Instant::now();
    tokio::join!(one.take(Class::Finish), other.take(Class::Finish));
    assert_eq!((begun.elapsed(), lock(&pot.log).closes), (Duration::from_secs(3), 1));
}

#[tokio::test(start_paused = true)]
async fn no_card_of_two_replicas_stands_longer_than_seven_eighths_of_the_calls_make_it() {
    for (cards, rate) in [(20, 20), (49, 20), (60, 20), (200, 20), (300, 60)] {
        let pot = pot();
        let ways = [Manner::Takes(millis(2)), Manner::Takes(millis(20))].map(|manner| Way::to(&pot, manner));
        let longest = longest_standstill(&ways.each_ref().map(|way| way.bucket(rate)), cards).await;
        let most = Duration::from_secs(3).max(Duration::from_millis(1_200) * cards * 8 / 7 / rate);
        assert!(longest > Duration::from_secs(2), "{cards} cards are tried");
        assert!(longest <= most, "{cards} cards at {rate} calls a second: {longest:?}, at most {most:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_of_something_in_between_closes_an_api_here_alone() {
    let pot = pot();
    let stake = || {
        let terms = Terms { channel: ChannelId::new("chn_1"), in_service: true, calls_per_second: 20 };
        Budgets::shared(Way::to(&pot, AT_ONCE)).of("https://api", "app", terms)
    };
    let (one, other) = (stake(), stake());
    let failure = |status, body: &[u8]| classify(status, body, None).unwrap_err();
    for (failure, closed_s, elsewhere_s) in [
        (failure(403, b"<html>no</html>"), 1, 0),
        (failure(403, b"<html>no</html>"), 2, 0),
        (failure(403, br#"{"code": "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"}"#), 1, 1),
        (failure(200, br#"{"errcode": 90002}"#), 4, 4),
        (classify(200, br#"{"errcode": 90002}"#, Some(Duration::from_secs(20))).unwrap_err(), 20, 20),
    ] {
        one.take_in(Some(Lane::CardStreaming), &failure, 0);
        tokio::task::yield_now().await;
        let begun = Instant::now();
        for (stake, wanted) in [(&other, elsewhere_s), (&one, closed_s)] {
            stake.bucket(Lane::CardStreaming).take(Class::Finish).await;
            assert_eq!(begun.elapsed().as_secs(), wanted, "{failure:?}");
        }
        sleep(millis(1_100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_higher_rate_is_asked_for_at_once() {
    let way = Way::to(&pot(), AT_ONCE);
    let bucket = way.bucket(1);
    bucket.take(Class::Text).await;
    let mut waiting = Box::pin(bucket.take(Class::Text));
    assert!(timeout(millis(100), &mut waiting).await.is_err());
    bucket.set_rate(10);
    let begun = Instant::now();
    waiting.await;
    assert!(begun.elapsed() <= millis(3 * 112), "no later than at that rate all along");
}
