//! Pauses between tries: exponential, with jitter from a seed, so that a machine's run can be repeated exactly.

use core::time::Duration;

/// First pause after an ordinary failure, without jitter.
const SOON_MIN: Duration = Duration::from_secs(1);
/// Longest pause after an ordinary failure, without jitter; a minute with it.
const SOON_MAX: Duration = Duration::from_secs(48);
/// First pause after a refusal that somebody has to do something about.
const SLOW_MIN: Duration = Duration::from_mins(1);
/// Longest pause after a refusal, without jitter; five minutes with it.
const SLOW_MAX: Duration = Duration::from_mins(4);
/// Jitter lengthens a pause by at most one part in this many.
const JITTER_PART: u64 = 4;

/// The state of a `SplitMix64` generator (Steele, Lea, Flood 2014): enough to keep replicas from trying in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn seed(self) -> u64 {
        self.0
    }

    /// The pause after an ordinary failure: 1 to 60 s.
    pub(super) fn soon(&mut self, failures_before: u32) -> Duration {
        self.stretch(doubled(SOON_MIN, failures_before).min(SOON_MAX))
    }

    /// The pause after a refusal: 60 to 300 s.
    pub(super) fn slow(&mut self, failures_before: u32) -> Duration {
        self.stretch(doubled(SLOW_MIN, failures_before).min(SLOW_MAX))
    }

    /// Up to a quarter longer.
    fn stretch(&mut self, pause: Duration) -> Duration {
        let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        let room = (millis / JITTER_PART).saturating_add(1);
        let extra = self.next().checked_rem(room).unwrap_or(0);
        Duration::from_millis(millis.saturating_add(extra))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

fn doubled(pause: Duration, times: u32) -> Duration {
    pause.saturating_mul(2_u32.checked_pow(times).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::Jitter;
    use std::time::Duration;

    #[test]
    fn pauses_double_from_one_second_and_never_exceed_a_minute() {
        let mut jitter = Jitter::new(7);
        let mut least = Duration::from_secs(1);
        for failures in 0..40 {
            let pause = jitter.soon(failures);
            assert!(
                pause >= least.min(Duration::from_secs(48)) && pause <= Duration::from_mins(1),
                "{pause:?}"
            );
            least = least.saturating_mul(2);
        }
    }

    #[test]
    fn pauses_after_a_refusal_grow_from_one_to_five_minutes() {
        let mut jitter = Jitter::new(7);
        assert!(jitter.slow(0) >= Duration::from_mins(1) && jitter.slow(0) <= Duration::from_secs(75));
        for failures in 2..40 {
            let pause = jitter.slow(failures);
            assert!(pause >= Duration::from_mins(4) && pause <= Duration::from_mins(5), "{pause:?}");
        }
    }

    #[test]
    fn two_seeds_do_not_try_in_step_and_one_seed_repeats_itself() {
        let pauses = |seed| {
            let mut jitter = Jitter::new(seed);
            (0..8).map(|n| jitter.soon(n)).collect::<Vec<_>>()
        };
        assert_ne!(pauses(1), pauses(2));
        assert_eq!(pauses(1), pauses(1));
    }

    #[test]
    fn the_generator_is_the_published_one() {
        let mut jitter = Jitter::new(1_234_567);
        assert_eq!([jitter.next(), jitter.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }
}
