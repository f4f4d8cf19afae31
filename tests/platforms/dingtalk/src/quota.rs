//! How often may be called: per second and minute, per month, and per address (dingtalk §9.2).

use std::collections::{HashMap, VecDeque};

use serde_json::json;

use crate::envelope::ApiError;
use crate::knobs::Knobs;

/// Window of the limit per address (ms, dingtalk §9.2).
const IP_WINDOW_MS: u64 = 20_000;
/// Window of the limit per minute (ms).
const MINUTE_MS: u64 = 60_000;

/// A limit that refuses a call, by its period: its code in the new API and in the legacy one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Second,
    Minute,
    Month,
}

impl Refused {
    /// The refusal in the new API's envelope.
    pub(crate) fn error(self) -> ApiError {
        let (code, message) = match self {
            Self::Second => ("QpsLimitForAppkeyAndApi", "应用调用该接口的QPS超过上限"),
            Self::Minute => ("QpmLimitForAppkeyAndApi", "应用调用该接口的QPM超过上限"),
            Self::Month => ("ApiCountLimitForOrg", "企业当月API调用量超过上限"),
        };
        ApiError::new(403, &format!("Forbidden.AccessDenied.{code}"), message)
    }

    /// The refusal as a legacy error code and text.
    pub(crate) fn legacy(self) -> (i64, &'static str) {
        match self {
            Self::Second | Self::Minute => (90_018, "您的服务器调用钉钉开放平台所有接口的请求都被暂时禁用"),
            Self::Month => (90_020, "企业当月API调用量超过上限"),
        }
    }
}

/// Buckets per app and path (both sets are fixed, so the maps are bounded), and the counters above them.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    seconds: HashMap<(String, &'static str), Bucket>,
    minutes: HashMap<(String, &'static str), (u64, u32)>,
    month: u64,
    recent: VecDeque<u64>,
    banned_until_ms: u64,
}

#[derive(Debug)]
struct Bucket {
    /// Thousandths of a call left.
    milli_calls: u64,
    refilled_at_ms: u64,
}

impl Buckets {
    /// Takes one call, or refuses it. Calls refused by a rate do not count against the month (dingtalk §9.2).
    pub(crate) fn take(
        &mut self,
        app: &str,
        path: &'static str,
        knobs: &Knobs,
        now_ms: u64,
    ) -> Result<(), Refused> {
        if knobs.qpm > 0 {
            let minute = now_ms / MINUTE_MS;
            let window = self.minutes.entry((app.to_owned(), path)).or_insert((minute, 0));
            if window.0 != minute {
                *window = (minute, 0);
            }
            if window.1 >= knobs.qpm {
                return Err(Refused::Minute);
            }
            window.1 = window.1.saturating_add(1);
        }
        self.take_second(app, path, knobs.qps, now_ms)?;
        if knobs.api_calls_per_month_max > 0 && self.month >= knobs.api_calls_per_month_max {
            return Err(Refused::Month);
        }
        self.month = self.month.saturating_add(1);
        Ok(())
    }

    fn take_second(&mut self, app: &str, path: &'static str, qps: u32, now_ms: u64) -> Result<(), Refused> {
        if qps == 0 {
            return Ok(());
        }
        let full = u64::from(qps).saturating_mul(1000);
        let bucket = self
            .seconds
            .entry((app.to_owned(), path))
            .or_insert(Bucket { milli_calls: full, refilled_at_ms: now_ms });
        let passed_ms = now_ms.saturating_sub(bucket.refilled_at_ms);
        let refill = passed_ms.saturating_mul(u64::from(qps));
        bucket.milli_calls = bucket.milli_calls.saturating_add(refill).min(full);
        bucket.refilled_at_ms = now_ms;
        bucket.milli_calls = bucket.milli_calls.checked_sub(1000).ok_or(Refused::Second)?;
        Ok(())
    }

    /// Counts a call of the only address there is, or answers as the ban does.
    pub(crate) fn admit_address(&mut self, knobs: &Knobs, now_ms: u64) -> Result<(), ApiError> {
        if knobs.ip_calls_max == 0 {
            return Ok(());
        }
        while self.recent.front().is_some_and(|at_ms| at_ms.saturating_add(IP_WINDOW_MS) <= now_ms) {
            self.recent.pop_front();
        }
        if now_ms >= self.banned_until_ms {
            if self.recent.len() < usize::try_from(knobs.ip_calls_max).unwrap_or(usize::MAX) {
                self.recent.push_back(now_ms);
                return Ok(());
            }
            self.banned_until_ms = now_ms.saturating_add(knobs.ip_ban_ms);
        }
        let body = if knobs.ip_ban_html {
            json!("<!doctype html><html><body>Too many requests</body></html>")
        } else {
            json!({"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "simulated"})
        };
        Err(ApiError::raw(403, "ipBanned", body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knobs(turn: impl FnOnce(&mut Knobs)) -> Knobs {
        let mut knobs = Knobs { qps: 0, ..Knobs::default() };
        turn(&mut knobs);
        knobs
    }

    #[test]
    fn a_bucket_refills_with_time_and_never_beyond_its_size() {
        let (mut buckets, knobs) = (Buckets::default(), knobs(|knobs| knobs.qps = 2));
        assert!(buckets.take("a", "/x", &knobs, 0).is_ok());
        assert!(buckets.take("a", "/x", &knobs, 0).is_ok());
        assert_eq!(buckets.take("a", "/x", &knobs, 0), Err(Refused::Second));
        assert!(buckets.take("b", "/x", &knobs, 0).is_ok(), "another app has its own bucket");
        assert!(buckets.take("a", "/x", &knobs, 500).is_ok());
        assert!(buckets.take("a", "/x", &knobs, 500).is_err());
        for _ in 0..2 {
            assert!(buckets.take("a", "/x", &knobs, 60_000).is_ok());
        }
        assert!(buckets.take("a", "/x", &knobs, 60_000).is_err());
    }

    #[test]
    fn a_minute_ends_and_a_month_does_not() {
        let mut buckets = Buckets::default();
        let knobs = knobs(|knobs| {
            knobs.qpm = 2;
            knobs.api_calls_per_month_max = 3;
        });
        assert!(buckets.take("a", "/x", &knobs, 0).is_ok());
        assert!(buckets.take("a", "/x", &knobs, 1).is_ok());
        assert_eq!(buckets.take("a", "/x", &knobs, 2), Err(Refused::Minute));
        assert!(buckets.take("a", "/x", &knobs, 60_000).is_ok(), "the refused call did not count");
        assert_eq!(buckets.take("a", "/y", &knobs, 600_000), Err(Refused::Month));
    }

    #[test]
    fn an_address_is_banned_for_a_while() {
        let mut buckets = Buckets::default();
        let knobs = knobs(|knobs| {
            knobs.ip_calls_max = 2;
            knobs.ip_ban_ms = 30_000;
        });
        assert!(buckets.admit_address(&knobs, 0).is_ok());
        assert!(buckets.admit_address(&knobs, 1).is_ok());
        assert!(buckets.admit_address(&knobs, 2).is_err());
        assert!(buckets.admit_address(&knobs, 25_000).is_err(), "the ban outlasts the window");
        assert!(buckets.admit_address(&knobs, 30_002).is_ok());
    }
}
