//! What an app has used of its company's monthly quota, as far as we have counted: months, and counts.

mod saving;

use core::fmt;
use core::time::Duration;

pub use saving::{Pace, QuotaRules, Why, forecast, pace, strain};

use crate::time::Timestamp;

/// The last millisecond that has a month of its own: the end of the year 9999.
const LAST_MILLIS: u64 = 253_402_300_799_999;

/// Milliseconds of a day.
const DAY_MILLIS: i64 = 86_400_000;

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u32);

impl Month {
    /// The month of a point in time, by clocks that are so many minutes ahead of UTC (−1,440 to 1,440; behind it: below 0).
    #[must_use]
    pub fn of(at: Timestamp, utc_offset_minutes: i16) -> Self {
        let millis = i64::try_from(at.as_millis().min(LAST_MILLIS)).unwrap_or_default();
        let local = millis.saturating_add(i64::from(utc_offset_minutes).saturating_mul(60_000));
        let (year, month) = civil(local.div_euclid(DAY_MILLIS));
        Self(u32::try_from(year.saturating_mul(12).saturating_add(month)).unwrap_or_default())
    }

    /// The month with this [`Month::number`].
    #[must_use]
    pub const fn numbered(number: u32) -> Self {
        Self(number)
    }

    /// Months since January of the year 0: for stores.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// How long it lasts.
    #[must_use]
    pub fn length(self) -> Duration {
        let days = first_day(self.0.saturating_add(1)).saturating_sub(first_day(self.0));
        Duration::from_millis(u64::try_from(days.saturating_mul(DAY_MILLIS)).unwrap_or_default())
    }

    /// How much of it has passed at a point in time, by the clock that it was made with; nothing before it.
    #[must_use]
    pub fn elapsed(self, at: Timestamp, utc_offset_minutes: i16) -> Duration {
        let millis = i64::try_from(at.as_millis().min(LAST_MILLIS)).unwrap_or_default();
        let local = millis.saturating_add(i64::from(utc_offset_minutes).saturating_mul(60_000));
        let begun = first_day(self.0).saturating_mul(DAY_MILLIS);
        Duration::from_millis(u64::try_from(local.saturating_sub(begun)).unwrap_or_default())
    }

    /// The month so many months before.
    #[must_use]
    pub const fn before(self, months: u32) -> Self {
        Self(self.0.saturating_sub(months))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 12, self.0 % 12 + 1)
    }
}

/// Year, and month from 0, of a day since 1970-01-01, by the proleptic Gregorian calendar. Years are counted from March on, so
/// that leap days come last, in eras of 400 years.
const fn civil(day: i64) -> (i64, i64) {
    let day = day.saturating_add(719_468);
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let year = year + era * 400;
    if march < 10 { (year, march + 2) } else { (year + 1, march - 10) }
}

/// The first day of a month, in days since 1970-01-01: the other way around of [`civil`].
fn first_day(month: u32) -> i64 {
    let (year, month) = (i64::from(month / 12), i64::from(month % 12));
    let (year, march) = if month >= 2 { (year, month - 2) } else { (year.saturating_sub(1), month + 10) };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let day = of_era * 365 + of_era / 4 - of_era / 100 + (153 * march + 2) / 5;
    era.saturating_mul(146_097).saturating_add(day).saturating_sub(719_468)
}

/// How an app stands with its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Calls counted this month; `None` until what was counted before is read.
    pub used: Option<u64>,
    /// Whether the platform has said this month that the quota is used up.
    pub refused: bool,
    /// Whether the platform withholds this month what people write, because the quota of pushes is used up.
    pub withheld: bool,
    /// Whether calls are being saved this month because of the forecast: what has begun ends later than it began.
    pub saving: bool,
    /// How much of the month has passed.
    pub elapsed: Duration,
    /// How long the month is.
    pub month: Duration,
}

impl Default for Standing {
    /// Nothing is counted.
    fn default() -> Self {
        Self {
            used: None,
            refused: false,
            withheld: false,
            saving: false,
            elapsed: Duration::ZERO,
            month: Duration::from_hours(720),
        }
    }
}

/// One use that a platform counts against a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// A call of the platform's API.
    ApiCall,
    /// A push that the platform made to us.
    Push,
}

/// How much was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Calls of the platform's API.
    pub api_calls: u64,
    /// Pushes that the platform made to us.
    pub pushes: u64,
}

impl Usage {
    /// Counts one more.
    pub const fn count(&mut self, used: Used) {
        match used {
            Used::ApiCall => self.api_calls = self.api_calls.saturating_add(1),
            Used::Push => self.pushes = self.pushes.saturating_add(1),
        }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            api_calls: self.api_calls.saturating_add(other.api_calls),
            pushes: self.pushes.saturating_add(other.pushes),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use rstest::rstest;

    use super::{LAST_MILLIS, Month, Usage, Used};
    use crate::time::Timestamp;

    #[rstest]
    #[case(0, 0, "1970-01")]
    #[case(0, -1, "1969-12")]
    #[case(951_782_399_999, 0, "2000-02")] // 2000-02-28T23:59:59.999Z
    #[case(951_868_800_000, 0, "2000-03")] // the day after 2000-02-29
    #[case(951_868_799_999, 0, "2000-02")]
    #[case(1_704_067_199_999, 0, "2023-12")]
    #[case(1_704_067_200_000, 0, "2024-01")]
    #[case(1_796_054_399_999, 480, "2026-11")] // 2026-11-30T23:59:59.999+08:00
    #[case(1_796_054_400_000, 480, "2026-12")]
    #[case(1_796_054_400_000, 0, "2026-11")]
    #[case(LAST_MILLIS, 0, "9999-12")]
    #[case(u64::MAX, 0, "9999-12")]
    fn a_month_turns_at_midnight_of_its_own_clock(
        #[case] millis: u64,
        #[case] utc_offset_minutes: i16,
        #[case] expected: &str,
    ) {
        assert_eq!(Month::of(Timestamp::from_millis(millis), utc_offset_minutes).to_string(), expected);
    }

    /// Against the naive way: from month to month, by the lengths of the months.
    #[test]
    fn months_follow_each_other_for_a_thousand_years() {
        let (mut day, mut month) = (0_u64, Month::of(Timestamp::from_millis(0), 0));
        for year in 1970..2970_u32 {
            let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
            let february = if leap { 29 } else { 28 };
            for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
                let at = |day: u64| Month::of(Timestamp::from_millis(day * 86_400_000), 0);
                assert_eq!((at(day), at(day + length - 1)), (month, month));
                let last = Timestamp::from_millis((day + length) * 86_400_000 - 1);
                let days = |days: u64| core::time::Duration::from_hours(24 * days);
                assert_eq!(month.length(), days(length));
                assert_eq!(
                    month.elapsed(last, 0),
                    days(length).saturating_sub(core::time::Duration::from_millis(1))
                );
                (day, month) = (day + length, Month::numbered(month.number() + 1));
                assert_eq!(month.before(1).number() + 1, month.number());
            }
        }
        assert_eq!(month.to_string(), "2970-01");
    }

    #[test]
    fn uses_are_counted_by_kind() {
        let mut usage = Usage::default();
        for used in [Used::ApiCall, Used::Push, Used::Push] {
            usage.count(used);
        }
        assert_eq!(usage.plus(Usage { api_calls: 1, pushes: 1 }), Usage { api_calls: 2, pushes: 3 });
    }
}
