//! Waiting for what does not tell by itself: it is looked at again and again, under a cap.

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
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            pause().await;
        }
    };
    timeout(CAP, looking).await.unwrap_or_else(|_| panic!("it never came to this: {what}"))
}

/// The pause between two looks, for tests that have something to do meanwhile.
pub async fn pause() {
    tokio::time::sleep(PAUSE).await;
}
