//! Waiting for what does not tell by itself: it is looked at again and again, under a cap.

use std::fmt::Debug;
use std::time::Duration;

use tokio::time::timeout;

use crate::server::CAP;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until there is something to see, and gives it.
///
/// # Panics
/// When there is nothing after [`CAP`]; `what` says what was waited for.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    until_ok(what, async || look().await.ok_or("nothing")).await
}

/// Looks until what is seen is as it should be, and gives it.
///
/// # Panics
/// When it is not after [`CAP`]; `what` says what was waited for, and what was seen last is told, too.
pub async fn until_ok<T, E: Debug>(what: &str, mut look: impl AsyncFnMut() -> Result<T, E>) -> T {
    let mut last = None;
    let looking = async {
        loop {
            match look().await {
                Ok(seen) => return seen,
                Err(other) => last = Some(other),
            }
            pause().await;
        }
    };
    let seen = timeout(CAP, looking).await;
    seen.unwrap_or_else(|_| panic!("it never came to this: {what}; seen last: {last:?}"))
}

/// The pause between two looks, for tests that have something to do meanwhile.
pub async fn pause() {
    tokio::time::sleep(PAUSE).await;
}
