//! Calls per second of one app on one path (dingtalk §9.2).

use std::collections::HashMap;

use crate::envelope::ApiError;

/// One token bucket per app and path; both sets are fixed, so the map is bounded.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    buckets: HashMap<(String, &'static str), Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// Thousandths of a call left.
    milli_calls: u64,
    refilled_at_ms: u64,
}

impl Buckets {
    /// Takes one call, or refuses it. `qps` 0 = unlimited.
    pub(crate) fn take(
        &mut self,
        app: &str,
        path: &'static str,
        qps: u32,
        now_ms: u64,
    ) -> Result<(), ApiError> {
        if qps == 0 {
            return Ok(());
        }
        let full = u64::from(qps).saturating_mul(1000);
        let bucket = self
            .buckets
            .entry((app.to_owned(), path))
            .or_insert(Bucket { milli_calls: full, refilled_at_ms: now_ms });
        let passed_ms = now_ms.saturating_sub(bucket.refilled_at_ms);
        let refill = passed_ms.saturating_mul(u64::from(qps));
        bucket.milli_calls = bucket.milli_calls.saturating_add(refill).min(full);
        bucket.refilled_at_ms = now_ms;
        let Some(left) = bucket.milli_calls.checked_sub(1000) else {
            return Err(ApiError::new(
                403,
                "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi",
                "应用调用该接口的QPS超过上限",
            ));
        };
        bucket.milli_calls = left;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_refills_with_time_and_never_beyond_its_size() {
        let mut buckets = Buckets::default();
        assert!(buckets.take("a", "/x", 2, 0).is_ok());
        assert!(buckets.take("a", "/x", 2, 0).is_ok());
        assert!(buckets.take("a", "/x", 2, 0).is_err());
        assert!(buckets.take("b", "/x", 2, 0).is_ok(), "another app has its own bucket");
        assert!(buckets.take("a", "/x", 2, 500).is_ok());
        assert!(buckets.take("a", "/x", 2, 500).is_err());
        for _ in 0..2 {
            assert!(buckets.take("a", "/x", 2, 60_000).is_ok());
        }
        assert!(buckets.take("a", "/x", 2, 60_000).is_err());
    }
}
