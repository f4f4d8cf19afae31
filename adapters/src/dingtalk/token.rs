//! The access token: fetched once for all who need it, renewed early, dropped when the platform rejects it
//! (dingtalk §5).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use switchboard_domain::secret::Secret;
use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::Clock;
use tokio::sync::Mutex;

use super::classify::{Failure, Verdict};

/// How long before its end a token is renewed (dingtalk §11).
const RENEWED_EARLY: Duration = Duration::from_mins(5);

/// How long a token is used on when it could not be renewed, before the next attempt.
const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

/// A token as the platform gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fetched {
    /// The token.
    pub(super) token: Secret,
    /// How long it works.
    pub(super) lifetime: Duration,
}

/// One app's token. Who comes while it is being fetched waits for that fetch.
#[derive(Debug, Default)]
pub(super) struct TokenCell {
    state: Mutex<State>,
    /// Counts fetches that ended, so that those who waited through a failed one share its failure.
    fetches: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    cached: Option<Cached>,
    last_failure: Option<Failure>,
}

#[derive(Debug)]
struct Cached {
    token: Secret,
    renew_at: Timestamp,
    ends_at: Timestamp,
}

impl TokenCell {
    /// The token: the cached one, or what `fetch` gets. A network failure is tried once more, and an old token that
    /// still works is preferred to no token. Safe to cancel: the next one in line fetches.
    pub(super) async fn token<F, Fetch>(&self, clock: &dyn Clock, fetch: F) -> Result<Secret, Failure>
    where
        F: Fn() -> Fetch,
        Fetch: Future<Output = Result<Fetched, Failure>>,
    {
        let seen = self.fetches.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let now = clock.now();
        if let Some(cached) = state.cached.as_ref().filter(|cached| now < cached.renew_at) {
            return Ok(cached.token.clone());
        }
        if let Some(failure) = state.last_failure.as_ref()
            && self.fetches.load(Ordering::Acquire) != seen
        {
            return Err(failure.clone());
        }
        let fetched = match fetch().await {
            Err(failure) if is_transient(&failure) => fetch().await,
            result => result,
        };
        let result = state.take_in(clock.now(), fetched);
        state.last_failure = result.as_ref().err().cloned();
        self.fetches.fetch_add(1, Ordering::AcqRel);
        result
    }

    /// Forgets `token`, which the platform rejected; a newer one is kept.
    pub(super) async fn reject(&self, token: &Secret) {
        let mut state = self.state.lock().await;
        if state.cached.as_ref().is_some_and(|cached| cached.token == *token) {
            state.cached = None;
        }
    }
}

impl State {
    fn take_in(&mut self, now: Timestamp, fetched: Result<Fetched, Failure>) -> Result<Secret, Failure> {
        match (fetched, self.cached.as_mut()) {
            (Ok(fetched), _) => {
                // A token of a very short life is used for half of it.
                let early = RENEWED_EARLY.min(fetched.lifetime / 2);
                self.cached = Some(Cached {
                    token: fetched.token.clone(),
                    renew_at: now.after(fetched.lifetime.saturating_sub(early)),
                    ends_at: now.after(fetched.lifetime),
                });
                Ok(fetched.token)
            }
            (Err(failure), Some(cached)) if now < cached.ends_at && is_transient(&failure) => {
                cached.renew_at = now.after(RENEWAL_PAUSE).min(cached.ends_at);
                Ok(cached.token.clone())
            }
            (Err(failure), _) => {
                self.cached = None;
                Err(failure)
            }
        }
    }
}

const fn is_transient(failure: &Failure) -> bool {
    match failure.verdict {
        Verdict::NotSent | Verdict::Unclear(_) => true,
        Verdict::Throttled { .. }
        | Verdict::TokenRejected
        | Verdict::Refused(_)
        | Verdict::CardMissing
        | Verdict::CardExists
        | Verdict::CardFinished => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
    use std::time::Duration;

    use switchboard_domain::channel::ErrorCode;
    use switchboard_domain::secret::Secret;
    use switchboard_domain::time::Timestamp;
    use switchboard_ports::clock::Clock;
    use tokio::time::sleep;

    use super::{Fetched, TokenCell};
    use crate::dingtalk::classify::{Failure, Verdict};

    #[derive(Default)]
    struct HandClock(AtomicU64);

    impl HandClock {
        fn turn(&self, span: Duration) {
            self.0.fetch_add(u64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
        }
    }

    impl Clock for HandClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    /// Gives out its results in order, counting.
    struct Platform {
        fetches: AtomicU32,
        failures: Mutex<Vec<Failure>>,
    }

    impl Platform {
        fn failing(failures: &[Verdict]) -> Self {
            let failures = failures.iter().rev().map(|verdict| Failure::new(*verdict, "x")).collect();
            Self { fetches: AtomicU32::new(0), failures: Mutex::new(failures) }
        }

        async fn fetch(&self) -> Result<Fetched, Failure> {
            sleep(Duration::from_millis(50)).await;
            let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
            let failure = self.failures.lock().unwrap().pop();
            failure.map_or_else(
                || {
                    Ok(Fetched {
                        token: Secret::new(format!("t{number}")),
                        lifetime: Duration::from_hours(2),
                    })
                },
                Err,
            )
        }
    }

    const REFUSED: Verdict = Verdict::Refused(ErrorCode::InvalidCredentials);

    #[tokio::test(start_paused = true)]
    async fn one_fetch_serves_all_who_wait() {
        let (cell, clock, platform) = (TokenCell::default(), HandClock::default(), Platform::failing(&[]));
        let tokens =
            futures_util::future::join_all((0..50).map(|_| cell.token(&clock, || platform.fetch()))).await;
        assert!(tokens.iter().all(|token| token == &Ok(Secret::new("t1"))));
        assert_eq!(platform.fetches.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_failed_fetch_fails_all_who_wait_and_the_next_tries_again() {
        let (cell, clock, platform) =
            (TokenCell::default(), HandClock::default(), Platform::failing(&[REFUSED]));
        let tokens =
            futures_util::future::join_all((0..50).map(|_| cell.token(&clock, || platform.fetch()))).await;
        assert!(tokens.iter().all(Result::is_err));
        assert_eq!(platform.fetches.load(Ordering::SeqCst), 1);
        assert_eq!(cell.token(&clock, || platform.fetch()).await, Ok(Secret::new("t2")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_five_minutes_early() {
        let (cell, clock, platform) = (TokenCell::default(), HandClock::default(), Platform::failing(&[]));
        cell.token(&clock, || platform.fetch()).await.unwrap();
        clock.turn(Duration::from_secs(7_200 - 301));
        assert_eq!(cell.token(&clock, || platform.fetch()).await, Ok(Secret::new("t1")));
        clock.turn(Duration::from_secs(1));
        assert_eq!(cell.token(&clock, || platform.fetch()).await, Ok(Secret::new("t2")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_failure_is_tried_once_more() {
        let (cell, clock) = (TokenCell::default(), HandClock::default());
        let platform = Platform::failing(&[Verdict::NotSent]);
        assert_eq!(cell.token(&clock, || platform.fetch()).await, Ok(Secret::new("t2")));
        let (cell, platform) =
            (TokenCell::default(), Platform::failing(&[Verdict::NotSent, Verdict::NotSent]));
        assert!(cell.token(&clock, || platform.fetch()).await.is_err());
        assert_eq!(platform.fetches.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_cannot_be_renewed_is_used_to_its_end() {
        let (cell, clock) = (TokenCell::default(), HandClock::default());
        let network = [Verdict::NotSent; 4];
        let platform = Platform::failing(&[]);
        cell.token(&clock, || platform.fetch()).await.unwrap();
        *platform.failures.lock().unwrap() = network.map(|verdict| Failure::new(verdict, "x")).to_vec();
        clock.turn(Duration::from_secs(7_000));
        assert_eq!(cell.token(&clock, || platform.fetch()).await, Ok(Secret::new("t1")));
        assert_eq!(cell.token(&clock, || platform.fetch()).await, Ok(Secret::new("t1")));
        assert_eq!(platform.fetches.load(Ordering::SeqCst), 3, "not asked again at once");
        clock.turn(Duration::from_secs(200));
        assert!(cell.token(&clock, || platform.fetch()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_rejected_token_is_forgotten() {
        let (cell, clock, platform) = (TokenCell::default(), HandClock::default(), Platform::failing(&[]));
        let first = cell.token(&clock, || platform.fetch()).await.unwrap();
        cell.reject(&first).await;
        let second = cell.token(&clock, || platform.fetch()).await.unwrap();
        cell.reject(&first).await;
        assert_eq!(cell.token(&clock, || platform.fetch()).await, Ok(second));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_fetch_leaves_the_next_one_to_fetch() {
        let (cell, clock, platform) = (TokenCell::default(), HandClock::default(), Platform::failing(&[]));
        let cut =
            tokio::time::timeout(Duration::from_millis(10), cell.token(&clock, || platform.fetch())).await;
        assert!(cut.is_err());
        assert!(cell.token(&clock, || platform.fetch()).await.is_ok());
    }
}
