//! Waiting for a server that does not tell when it has come to something.

use std::time::Duration;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks, at most: half a minute of them.
const LOOKS_MAX: u32 = 3_000;

/// Looks until it is so, for a while; whether it came to that.
pub fn looks(mut is_so: impl FnMut() -> bool) -> bool {
    (0..LOOKS_MAX).any(|_| {
        let so = is_so();
        if !so {
            std::thread::sleep(PAUSE);
        }
        so
    })
}

/// The same for looks that take their time.
pub async fn looks_on(mut is_so: impl AsyncFnMut() -> bool) -> bool {
    for _ in 0..LOOKS_MAX {
        if is_so().await {
            return true;
        }
        tokio::time::sleep(PAUSE).await;
    }
    false
}
