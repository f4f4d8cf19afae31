//! How many requests a minute Wegent takes from one key, shared by all agents of this process that have it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep_until};

/// What a limit counts over.
const MINUTE: Duration = Duration::from_mins(1);

/// Questions a minute.
const ASKS_PER_MINUTE: usize = 60;

/// Looks a minute.
const LOOKS_PER_MINUTE: usize = 120;

/// Stops a minute.
const CANCELS_PER_MINUTE: usize = 30;

/// The budgets of all keys. They are kept as long as an agent has the key.
#[derive(Debug, Default)]
pub(super) struct Budgets(Mutex<BTreeMap<[u8; 32], Weak<Budget>>>);

impl Budgets {
    /// The budget of a key at a host.
    pub(super) fn of(&self, host: &str, key: &str) -> Arc<Budget> {
        // The key itself is not kept here.
        let name: [u8; 32] = Sha256::digest(format!("{host}\0{key}")).into();
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        budgets.retain(|_, budget| budget.strong_count() > 0);
        if let Some(budget) = budgets.get(&name).and_then(Weak::upgrade) {
            return budget;
        }
        let budget = Arc::new(Budget::default());
        budgets.insert(name, Arc::downgrade(&budget));
        budget
    }
}

/// What one key may do.
#[derive(Debug)]
pub(super) struct Budget {
    asks: Window,
    looks: Window,
    cancels: Window,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            asks: Window::new(ASKS_PER_MINUTE),
            looks: Window::new(LOOKS_PER_MINUTE),
            cancels: Window::new(CANCELS_PER_MINUTE),
        }
    }
}

impl Budget {
    /// Waits until a question may be asked. Whoever came first goes first.
    pub(super) async fn ask(&self) {
        self.asks.place().await;
    }

    /// Waits until a result may be asked for.
    pub(super) async fn look(&self) {
        self.looks.place().await;
    }

    /// Waits until a run may be stopped.
    pub(super) async fn cancel(&self) {
        self.cancels.place().await;
    }
}

/// Places within any minute.
#[derive(Debug)]
struct Window {
    per_minute: usize,
    /// When the last places were taken, oldest first; at most `per_minute`.
    taken: tokio::sync::Mutex<VecDeque<Instant>>,
}

impl Window {
    fn new(per_minute: usize) -> Self {
        Self { per_minute, taken: tokio::sync::Mutex::default() }
    }

    /// Waits for a place and takes it. Given up in the middle, it takes none.
    async fn place(&self) {
        // The lock is fair: it is the queue.
        let mut taken = self.taken.lock().await;
        if taken.len() >= self.per_minute
            && let Some(oldest) = taken.front().copied()
        {
            sleep_until(oldest + MINUTE).await;
            taken.pop_front();
        }
        taken.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::time::{Instant, timeout};

    use super::{ASKS_PER_MINUTE, Budget, Budgets, MINUTE};

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_than_its_places_and_nobody_waits_longer_than_needed() {
        let budget = Budget::default();
        let begun = Instant::now();
        let asks = join_all((0..ASKS_PER_MINUTE * 2 + 1).map(|_| async {
            budget.ask().await;
            begun.elapsed()
        }));
        let times = asks.await;
        assert_eq!(times[ASKS_PER_MINUTE - 1], Duration::ZERO);
        assert_eq!((times[ASKS_PER_MINUTE], times[ASKS_PER_MINUTE * 2]), (MINUTE, MINUTE * 2));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_takes_no_place_and_other_requests_have_their_own() {
        let budget = Budget::default();
        for _ in 0..ASKS_PER_MINUTE {
            budget.ask().await;
        }
        assert!(timeout(Duration::from_secs(59), budget.ask()).await.is_err());
        timeout(Duration::from_millis(1), budget.look()).await.unwrap();
        timeout(Duration::from_millis(1), budget.cancel()).await.unwrap();
        timeout(Duration::from_secs(1), budget.ask()).await.unwrap();
    }

    #[test]
    fn one_key_has_one_budget_and_another_key_or_host_another() {
        let budgets = Budgets::default();
        let one = budgets.of("a", "wg-1");
        assert!(Arc::ptr_eq(&one, &budgets.of("a", "wg-1")));
        assert!(!Arc::ptr_eq(&one, &budgets.of("a", "wg-2")));
        assert!(!Arc::ptr_eq(&one, &budgets.of("b", "wg-1")));
        drop(one);
        budgets.of("c", "wg-3");
        assert!(budgets.0.lock().unwrap().len() <= 1, "what nobody has is forgotten");
    }
}
