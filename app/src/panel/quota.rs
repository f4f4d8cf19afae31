//! What is said of monthly quotas on several pages.

use maud::{Markup, html};
use switchboard_domain::notice::shortage;
use switchboard_domain::usage::{Pace, Why};

use super::texts::{Key, Texts};
use crate::http::dto::status::UsageView;

/// How it stands with a quota, in few words.
pub(super) const fn strain(usage: &UsageView) -> Key {
    match usage.strain {
        Why::Enough | Why::Settings => Key("quota-enough"),
        Why::Forecast => Key("quota-short"),
        Why::MostlyUsed => Key("quota-mostly-used"),
        Why::NearlyUsedUp => Key("quota-nearly-used-up"),
        Why::UsedUp => Key("quota-used-up"),
    }
}

/// How often cards are updated, and whether somebody has said so.
pub(super) fn saver(t: Texts, usage: &UsageView) -> Markup {
    let words = match usage.pace {
        Pace::Normal => Key("saver-normal"),
        Pace::FewUpdates => Key("saver-few-updates"),
        Pace::FinalOnly => Key("saver-final-only"),
    };
    html! { (t.told(words)) @if usage.by_hand { " " (t.say("saver-by-hand")) } }
}

/// What is short and what to do about it, also where nothing is done about it here because the settings say so.
pub(super) fn warning(t: Texts, usage: &UsageView) -> Markup {
    html! {
        @if let Some(warning) = usage.warning { p.note.bad { (warning) } }
        @else if let Some(words) = shortage(usage.strain, t.0) { p.note.bad { (words.message) " " (words.remedy) } }
    }
}
