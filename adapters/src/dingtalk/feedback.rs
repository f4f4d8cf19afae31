//! What throttle answers teach a bucket: pauses that grow, and a rate below the one that is set (R14).

use std::time::Duration;

use tokio::time::Instant;

use super::codes::SECOND_PAUSE;

/// How long at least after a pause that grows another one is a longer one.
const GROWTH_MEMORY: Duration = Duration::from_secs(8);

/// How often a lowered rate grows again, each time by a twentieth of the one that is set.
const RECOVERY: Duration = Duration::from_secs(10);
const RECOVERY_DIVISOR: u32 = 20;

/// The least part of the rate that is set, as a divisor: what others of the company call must not bring ours to a stop.
const LEAST_DIVISOR: u32 = 4;

/// A pause that is twice as long as the one before: 1, 2, 4 s and so on.
#[derive(Clone, Copy)]
pub(super) struct Growing {
    step: u32,
    /// When it is over.
    pub(super) until: Instant,
}

impl Growing {
    const fn pause(step: u32) -> Duration {
        SECOND_PAUSE.saturating_mul(2_u32.saturating_pow(step))
    }

    /// After another answer that asks for one; `None`: it is of a call that was under way already.
    pub(super) fn next(last: Option<Self>, steps_max: u32, now: Instant) -> Option<Self> {
        let is_remembered = |last: &Self| now < last.until + GROWTH_MEMORY.max(Self::pause(last.step));
        let step = match last {
            Some(last) if now < last.until => return None,
            Some(last) if is_remembered(&last) => (last.step + 1).min(steps_max),
            Some(_) | None => 0,
        };
        Some(Self { step, until: now + Self::pause(step) })
    }
}

/// Calls a second: as they are set, or fewer since the platform has said that those are too many.
#[derive(Debug, Default)]
pub(super) struct Rate {
    limit: u32,
    lowered: Option<Lowered>,
}

#[derive(Debug, Clone, Copy)]
struct Lowered {
    to: u32,
    at: Instant,
}

impl Rate {
    /// Sets them; 0: no limit of ours. Whether that is another number, which has not been tried yet.
    pub(super) fn set_limit(&mut self, limit: u32) -> bool {
        let is_other = self.limit != limit;
        if is_other {
            *self = Self { limit, lowered: None };
        }
        is_other
    }

    /// How many there are now.
    pub(super) fn in_force(&self, now: Instant) -> u32 {
        let Some(Lowered { to, at }) = self.lowered else { return self.limit };
        let steps = u32::try_from((now - at).as_secs() / RECOVERY.as_secs()).unwrap_or(u32::MAX);
        let grown = self.limit.div_ceil(RECOVERY_DIVISOR).saturating_mul(steps);
        to.saturating_add(grown).min(self.limit)
    }

    /// A quarter less from now on. `None` where that is not fewer, and for calls that were under way already.
    pub(super) fn lower(&mut self, now: Instant) -> Option<u32> {
        if self.limit == 0 || self.lowered.is_some_and(|lowered| now < lowered.at + SECOND_PAUSE) {
            return None;
        }
        let before = self.in_force(now);
        let to = (before * 3 / 4).max(self.limit.div_ceil(LEAST_DIVISOR)).max(1);
        self.lowered = Some(Lowered { to, at: now });
        (to < before).then_some(to)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Rate;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_throttle_takes_a_quarter_down_to_a_quarter_and_time_gives_it_back() {
        let (mut rate, mut now) = (Rate::default(), Instant::now());
        assert!(rate.set_limit(20));
        let mut lowered = Vec::new();
        for _ in 0..6 {
            lowered.push(rate.lower(now));
            assert_eq!(rate.lower(now + SECOND / 2), None, "it was under way");
            now += 2 * SECOND;
        }
        assert_eq!(lowered, [Some(15), Some(11), Some(8), Some(6), Some(5), None]);
        assert_eq!(rate.in_force(now), 5);
        assert_eq!([30, 90, 300].map(|seconds| rate.in_force(now + seconds * SECOND)), [8, 14, 20]);
    }

    #[test]
    fn another_setting_is_tried_as_it_is_and_none_is_not_lowered() {
        let (mut rate, now) = (Rate::default(), Instant::now());
        assert_eq!(rate.lower(now), None);
        rate.set_limit(60);
        assert_eq!(rate.lower(now), Some(45));
        assert!(!rate.set_limit(60));
        assert_eq!(rate.in_force(now), 45);
        assert!(rate.set_limit(40));
        assert_eq!(rate.in_force(now), 40);
        rate.set_limit(1);
        assert_eq!((rate.lower(now), rate.in_force(now)), (None, 1));
    }
}
