//! What is said of monthly quotas on several pages.

use maud::{Markup, html};
use switchboard_domain::usage::{Pace, Why};

use super::texts::{Key, Texts};
use crate::runtime::operations::QuotaUsage;

/// How it stands with a quota, in few words.
pub(super) const fn strain(usage: &QuotaUsage) -> Key {
    match usage.strain {
        Why::Enough | Why::Settings => Key("quota-enough"),
        Why::Forecast => Key("quota-short"),
        Why::MostlyUsed => Key("quota-mostly-used"),
        Why::NearlyUsedUp => Key("quota-nearly-used-up"),
        Why::UsedUp => Key("quota-used-up"),
        Why::PushesUsedUp => Key("quota-pushes-used-up"),
    }
}

/// How often cards are updated, and whether somebody has said so.
pub(super) fn saver(t: Texts, usage: &QuotaUsage) -> Markup {
    let words = match usage.pace {
        Pace::Normal => Key("saver-normal"),
        Pace::FewUpdates => Key("saver-few-updates"),
        Pace::FinalOnly => Key("saver-final-only"),
    };
    html! { (t.told(words)) @if usage.why == Why::Settings { " " (t.say("saver-by-hand")) } }
}
