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

/// Why the pace is what it is. The later in this list, the less is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// There is enough.
    Enough,
    /// The settings say so.
    Settings,
    /// At this rate it does not last for the month.
    Forecast,
    /// Most of it is used, whatever part of the month has passed.
    MostlyUsed,
    /// Nearly all of it is used.
    NearlyUsedUp,
    /// The platform has said this month that the quota is used up.
    UsedUp,
    /// The platform withholds what people write: the quota of pushes is used up. Never a reason to save calls.
    PushesUsedUp,
}

impl Why {
    /// Its stable name in the API and the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::Settings => "settings",
            Self::Forecast => "forecast",
            Self::MostlyUsed => "mostly_used",
            Self::NearlyUsedUp => "nearly_used_up",
            Self::UsedUp => "used_up",
            Self::PushesUsedUp => "pushes_used_up",
        }
    }

    /// The pace that follows from it; where the settings say so, what they say counts.
    #[must_use]
    pub const fn pace(self) -> Pace {
        match self {
            Self::Enough | Self::Settings | Self::PushesUsedUp => Pace::Normal,
            Self::Forecast | Self::MostlyUsed => Pace::FewUpdates,
            Self::NearlyUsedUp | Self::UsedUp => Pace::FinalOnly,
        }
    }
}

/// A forecast is made from this part of a month on: what was used in a few hours says little of a month.
const FORECAST_FROM: Duration = Duration::from_hours(72);

/// Where the share of [`FORECAST_PERCENT`] is used, a forecast is made from here on. Whoever uses a quarter before the third day is
/// over goes at more than twice the rate that lasts, so the forecast need not be exact to tell. Within the first hours it
/// could be one burst, a test, say, that is nobody's rate; should it go on, [`MOSTLY_PERCENT`] is near.
const FORECAST_FROM_AT_SPEED: Duration = Duration::from_hours(6);

/// From this share of the quota on only whole answers are shown, in percent.
const NEARLY_PERCENT: u64 = 95;

/// From this share of the quota on calls are saved whatever the forecast, in percent: other programs may use the same quota,
/// and somebody has to learn of it while there is something left.
const MOSTLY_PERCENT: u64 = 80;

/// A forecast counts from this share of the quota on, in percent.
const FORECAST_PERCENT: u64 = 25;

/// Where calls are saved for the forecast's sake, they are until it is below this share of the quota, in percent. Saving
/// lowers the forecast: at the quota itself it would be on and off by turns.
const FORECAST_OVER_PERCENT: u64 = 90;

/// Whether such a share of a month's quota is used; not where either is unknown.
fn has_reached(rules: QuotaRules, standing: &Standing, percent: u64) -> bool {
    let (Some(limit), Some(used)) = (rules.calls_per_month, standing.used) else { return false };
    used.saturating_mul(100) >= limit.saturating_mul(percent)
}

/// What will have been used when the month is over, if it goes on like this; `None` while too little of it has passed.
#[must_use]
pub fn forecast(rules: QuotaRules, standing: &Standing) -> Option<u64> {
    let used = u128::from(standing.used?);
    let is_fast = has_reached(rules, standing, FORECAST_PERCENT);
    let from = if is_fast { FORECAST_FROM_AT_SPEED } else { FORECAST_FROM };
    if standing.elapsed < from || standing.elapsed > standing.month {
        return None;
    }
    let whole = used.saturating_mul(standing.month.as_millis());
    let forecast = whole.checked_div(standing.elapsed.as_millis())?;
    Some(u64::try_from(forecast).unwrap_or(u64::MAX))
}

/// What is short of the quotas, whatever pace the settings want: never [`Why::Settings`].
#[must_use]
pub fn strain(rules: QuotaRules, standing: &Standing) -> Why {
    if standing.withheld { Why::PushesUsedUp } else { strain_of_calls(rules, standing) }
}

/// What the quota of calls by itself asks for.
fn strain_of_calls(rules: QuotaRules, standing: &Standing) -> Why {
    if standing.refused {
        return Why::UsedUp;
    }
    let Some(limit) = rules.calls_per_month else { return Why::Enough };
    let has_reached = |percent| has_reached(rules, standing, percent);
    let is_short = |forecast: u64| {
        if standing.saving {
            forecast.saturating_mul(100) >= limit.saturating_mul(FORECAST_OVER_PERCENT)
        } else {
            forecast > limit
        }
    };
    if has_reached(NEARLY_PERCENT) {
        Why::NearlyUsedUp
    } else if has_reached(MOSTLY_PERCENT) {
        Why::MostlyUsed
    } else if has_reached(FORECAST_PERCENT) && forecast(rules, standing).is_some_and(is_short) {
        Why::Forecast
    } else {
        Why::Enough
    }
}

/// How often cards are updated, and why.
#[must_use]
pub fn pace(rules: QuotaRules, standing: &Standing) -> (Pace, Why) {
    if let Some(pace) = rules.pace {
        return (pace, Why::Settings);
    }
    let why = strain_of_calls(rules, standing);
    (why.pace(), why)
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use rstest::rstest;

    use super::{Pace, QuotaRules, Standing, Why, forecast, pace, strain};

    const MONTH: Duration = Duration::from_hours(720);

    const RULES: QuotaRules = QuotaRules { calls_per_month: Some(5_000), pace: None };

    fn standing(used: u64, days: u64) -> Standing {
        after_hours(used, 24 * days)
    }

    fn after_hours(used: u64, hours: u64) -> Standing {
        let elapsed = Duration::from_hours(hours);
        Standing { used: Some(used), elapsed, month: MONTH, ..Standing::default() }
    }

    #[rstest]
    #[case(1_000, 10, Some(3_000))]
    #[case(1_000, 30, Some(1_000))]
    #[case(1_000, 2, None)]
    #[case(0, 10, Some(0))]
    #[case(u64::MAX, 10, Some(u64::MAX))]
    fn a_forecast_goes_on_as_it_was(#[case] used: u64, #[case] days: u64, #[case] expected: Option<u64>) {
        assert_eq!(forecast(QuotaRules::default(), &standing(used, days)), expected);
    }

    #[rstest]
    #[case::a_burst(1_250, 5, None)]
    #[case::a_quarter_within_hours(1_250, 6, Some(150_000))]
    #[case::not_a_quarter(1_249, 71, None)]
    #[case::a_quarter_just_before_the_usual_time(1_250, 71, Some(12_676))]
    fn a_forecast_is_made_early_where_it_tells(
        #[case] used: u64,
        #[case] hours: u64,
        #[case] expected: Option<u64>,
    ) {
        let standing = after_hours(used, hours);
        assert_eq!(forecast(RULES, &standing), expected);
        let why = if expected.is_some() { Why::Forecast } else { Why::Enough };
        assert_eq!(pace(RULES, &standing).1, why);
        assert_eq!(forecast(QuotaRules::default(), &standing), None, "of what nobody knows");
    }

    #[test]
    fn what_began_for_the_forecasts_sake_ends_well_below_the_quota() {
        // The fifteenth day: half of what was used is still to come.
        let of = |used: u64, saving: bool| strain(RULES, &Standing { saving, ..standing(used, 15) });
        let why = |used| (of(used, false), of(used, true));
        assert_eq!(why(2_501), (Why::Forecast, Why::Forecast));
        assert_eq!(why(2_500), (Why::Enough, Why::Forecast));
        assert_eq!(why(2_250), (Why::Enough, Why::Forecast));
        assert_eq!(why(2_249), (Why::Enough, Why::Enough));
    }

    /// As it goes in a channel where people ask as much every hour, and saving makes half of the calls: what was decided before
    /// is what the next decision begins with.
    #[test]
    fn saving_does_not_begin_and_end_by_turns() {
        let (mut used, mut before, mut changes) = (0, Why::Enough, 0);
        for hour in 1..=720 {
            used += if before == Why::Enough { 8 } else { 4 };
            let saving = before == Why::Forecast;
            let why = strain(RULES, &Standing { saving, ..after_hours(used, hour) });
            changes += u32::from(why != before);
            before = why;
        }
        assert!(changes <= 6, "{changes} changes in a month");
    }

    #[rstest]
    #[case::early(1_249, 3, Pace::Normal, Why::Enough)]
    #[case::a_quarter_and_too_fast(1_250, 3, Pace::FewUpdates, Why::Forecast)]
    #[case::most_of_it_whatever_the_day(4_000, 0, Pace::FewUpdates, Why::MostlyUsed)]
    #[case::most_of_it_though_it_lasts(4_000, 29, Pace::FewUpdates, Why::MostlyUsed)]
    #[case::not_most_of_it_and_it_lasts(3_999, 29, Pace::Normal, Why::Enough)]
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
        assert_eq!(pace(RULES, &standing(used, days)), (expected, why));
    }

    #[test]
    fn what_the_platform_says_counts_and_settings_go_before_it() {
        let refused = Standing { refused: true, ..standing(1, 10) };
        let withheld = Standing { withheld: true, ..standing(1, 10) };
        assert_eq!(strain(RULES, &withheld), Why::PushesUsedUp);
        assert_eq!(pace(RULES, &withheld), (Pace::Normal, Why::Enough), "fewer calls bring no pushes back");
        let unknown = QuotaRules::default();
        assert_eq!(pace(unknown, &refused), (Pace::FinalOnly, Why::UsedUp));
        let wanted = QuotaRules { pace: Some(Pace::Normal), ..unknown };
        assert_eq!(pace(wanted, &refused), (Pace::Normal, Why::Settings));
        assert_eq!(strain(wanted, &refused), Why::UsedUp, "whatever is wanted");
        assert_eq!(pace(unknown, &standing(1_000_000, 29)), (Pace::Normal, Why::Enough));
    }

    #[test]
    fn what_was_not_read_yet_says_nothing() {
        let rules = QuotaRules { calls_per_month: Some(1), pace: None };
        let unread = Standing { used: None, ..standing(0, 20) };
        assert_eq!((pace(rules, &unread).0, forecast(rules, &unread)), (Pace::Normal, None));
    }
}
