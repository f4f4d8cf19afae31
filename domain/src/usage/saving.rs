//! Saving calls while a month's quota lasts: how often cards are updated follows from what was used of it.

use core::time::Duration;

use super::Standing;

/// How often a card shows what an answer has so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub enum Pace {
    /// As the channel's settings say, slower in long answers.
    #[default]
    Normal,
    /// Now and then: about one update in ten seconds.
    FewUpdates,
    /// Never: only the whole answer is shown.
    FinalOnly,
}

impl Pace {
    /// Each with its stable name in settings, the API and metrics.
    pub const ALL: [(&'static str, Self); 3] =
        [("normal", Self::Normal), ("few_updates", Self::FewUpdates), ("final_only", Self::FinalOnly)];

    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::FewUpdates => "few_updates",
            Self::FinalOnly => "final_only",
        }
    }
}

/// What an operator says of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuotaRules {
    /// Calls that the company may make in a month; `None`: not known here.
    pub calls_per_month: Option<u64>,
    /// The pace wanted; `None`: it follows from the quota.
    pub pace: Option<Pace>,
}

/// Why the pace is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// There is enough.
    Enough,
    /// The settings say so.
    Settings,
    /// The platform has said this month that the quota is used up.
    UsedUp,
    /// Nearly all of it is used.
    NearlyUsedUp,
    /// At this rate it does not last for the month.
    Forecast,
}

/// A forecast is made from this part of a month on: what was used in a few hours says little of a month.
const FORECAST_FROM: Duration = Duration::from_hours(72);

/// From this share of the quota on only whole answers are shown, in percent.
const NEARLY_PERCENT: u64 = 95;

/// A forecast counts from this share of the quota on, in percent.
const FORECAST_PERCENT: u64 = 25;

/// What will have been used when the month is over, if it goes on like this; `None` while too little of it has passed.
#[must_use]
pub fn forecast(standing: &Standing) -> Option<u64> {
    let used = u128::from(standing.used?);
    if standing.elapsed < FORECAST_FROM || standing.elapsed > standing.month {
        return None;
    }
    let whole = used.saturating_mul(standing.month.as_millis());
    let forecast = whole.checked_div(standing.elapsed.as_millis())?;
    Some(u64::try_from(forecast).unwrap_or(u64::MAX))
}

/// How often cards are updated, and why.
#[must_use]
pub fn pace(rules: QuotaRules, standing: &Standing) -> (Pace, Why) {
    if let Some(pace) = rules.pace {
        return (pace, Why::Settings);
    }
    if standing.refused {
        return (Pace::FinalOnly, Why::UsedUp);
    }
    let (Some(limit), Some(used)) = (rules.calls_per_month, standing.used) else {
        return (Pace::Normal, Why::Enough);
    };
    let has_reached = |percent: u64| used.saturating_mul(100) >= limit.saturating_mul(percent);
    if has_reached(NEARLY_PERCENT) {
        return (Pace::FinalOnly, Why::NearlyUsedUp);
    }
    if has_reached(FORECAST_PERCENT) && forecast(standing).is_some_and(|forecast| forecast > limit) {
        return (Pace::FewUpdates, Why::Forecast);
    }
    (Pace::Normal, Why::Enough)
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use rstest::rstest;

    use super::{Pace, QuotaRules, Standing, Why, forecast, pace};

    const MONTH: Duration = Duration::from_hours(720);

    fn standing(used: u64, days: u64) -> Standing {
        let elapsed = Duration::from_hours(24 * days);
        Standing { used: Some(used), refused: false, elapsed, month: MONTH }
    }

    #[rstest]
    #[case(1_000, 10, Some(3_000))]
    #[case(1_000, 30, Some(1_000))]
    #[case(1_000, 2, None)]
    #[case(0, 10, Some(0))]
    #[case(u64::MAX, 10, Some(u64::MAX))]
    fn a_forecast_goes_on_as_it_was(#[case] used: u64, #[case] days: u64, #[case] expected: Option<u64>) {
        assert_eq!(forecast(&standing(used, days)), expected);
    }

    #[rstest]
    #[case::early(1_249, 3, Pace::Normal, Why::Enough)]
    #[case::a_quarter_and_too_fast(1_250, 3, Pace::FewUpdates, Why::Forecast)]
    #[case::too_early_to_tell(4_000, 2, Pace::Normal, Why::Enough)]
    #[case::just_enough(2_500, 15, Pace::Normal, Why::Enough)]
    #[case::not_quite(2_501, 15, Pace::FewUpdates, Why::Forecast)]
    #[case::nearly(4_750, 29, Pace::FinalOnly, Why::NearlyUsedUp)]
    #[case::over(9_000, 1, Pace::FinalOnly, Why::NearlyUsedUp)]
    fn the_pace_follows_from_what_was_used(
        #[case] used: u64,
        #[case] days: u64,
        #[case] expected: Pace,
        #[case] why: Why,
    ) {
        let rules = QuotaRules { calls_per_month: Some(5_000), pace: None };
        assert_eq!(pace(rules, &standing(used, days)), (expected, why));
    }

    #[test]
    fn what_the_platform_says_counts_and_settings_go_before_it() {
        let refused = Standing { refused: true, ..standing(1, 10) };
        let unknown = QuotaRules::default();
        assert_eq!(pace(unknown, &refused), (Pace::FinalOnly, Why::UsedUp));
        let wanted = QuotaRules { pace: Some(Pace::Normal), ..unknown };
        assert_eq!(pace(wanted, &refused), (Pace::Normal, Why::Settings));
        assert_eq!(pace(unknown, &standing(1_000_000, 29)), (Pace::Normal, Why::Enough));
    }

    #[test]
    fn what_was_not_read_yet_says_nothing() {
        let rules = QuotaRules { calls_per_month: Some(1), pace: None };
        let unread = Standing { used: None, ..standing(0, 20) };
        assert_eq!((pace(rules, &unread).0, forecast(&unread)), (Pace::Normal, None));
    }
}
