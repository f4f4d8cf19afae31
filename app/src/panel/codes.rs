//! Codes of closed lists in words, each with the code in small print behind it: what logs, metrics and the API call it.

use std::borrow::Cow;

use maud::{Markup, html};
use serde_json::json;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::notice::{failure, remedy};
use switchboard_domain::outcome::{FailureCause, Refusal};

use super::texts::{Key, Texts};
use crate::http::dto::failure::WayView;

/// Words with their code; only the code where it is a later version's.
fn told(words: Option<Cow<'static, str>>, code: &str) -> Markup {
    html! {
        @if let Some(words) = words { (words) " " span.code.help { (code) } } @else { bdi.code { (code) } }
    }
}

/// Why something failed or was refused.
pub(super) fn reason(t: Texts, code: &str) -> Markup {
    told(reason_words(t, code), code)
}

fn reason_words(t: Texts, code: &str) -> Option<Cow<'static, str>> {
    if let Some(cause) = FailureCause::named(code) {
        return Some(Cow::Borrowed(failure(cause, t.0).message));
    }
    if let Some(refusal) = Refusal::ALL.into_iter().find(|refusal| refusal.as_str() == code) {
        return Some(t.told(refused(refusal)));
    }
    let error = ErrorCode::ALL.into_iter().find(|error| error.as_str() == code);
    error.map(|error| Cow::Borrowed(remedy(error, t.0).message))
}

/// Why a message was not taken on.
const fn refused(refusal: Refusal) -> Key {
    match refusal {
        Refusal::TooManyMessages => Key("refusal-too-many-messages"),
        Refusal::InboxFull => Key("refusal-inbox-full"),
        Refusal::Busy => Key("refusal-busy"),
        Refusal::AccessDenied => Key("refusal-access-denied"),
        Refusal::UserDisabled => Key("refusal-user-disabled"),
        Refusal::NotMapped => Key("refusal-not-mapped"),
        Refusal::NotLookedUp => Key("refusal-not-looked-up"),
        Refusal::Unsupported => Key("refusal-unsupported"),
        Refusal::NoAgent => Key("refusal-no-agent"),
        Refusal::ChannelDeleted => Key("refusal-channel-deleted"),
        Refusal::NotFetched => Key("refusal-not-fetched"),
        Refusal::FilesTooLarge => Key("refusal-files-too-large"),
        Refusal::FilesDenied => Key("refusal-files-denied"),
    }
}

/// The rule that decided who somebody is, as the API names it and in words.
const RULES: [(&str, Key); 7] = [
    ("linked", Key("rule-linked")),
    ("username", Key("rule-username")),
    ("email", Key("rule-email")),
    ("fixed_user", Key("rule-fixed-user")),
    ("directory", Key("rule-directory")),
    ("on_miss", Key("rule-on-miss")),
    ("api", Key("rule-api")),
];

/// Ways of showing an answer.
const WAYS: [(&str, Key); 3] =
    [("card", Key("way-card")), ("webhook", Key("way-webhook")), ("api", Key("way-api"))];

/// What came of a call of the platform.
const RESULTS: [(&str, Key); 6] = [
    ("done", Key("call-done")),
    ("missing", Key("call-missing")),
    ("throttled", Key("call-throttled")),
    ("not_sent", Key("call-not-sent")),
    ("unknown", Key("call-unknown")),
    ("refused", Key("call-refused")),
];

/// Why an answer is not whole.
const CUTS: [(&str, Key); 2] = [("length", Key("cut-length")), ("filter", Key("cut-filter"))];

/// What a channel's check looks at.
const CHECKS: [(&str, Key); 11] = [
    ("token", Key("check-token")),
    ("stream", Key("check-stream")),
    ("robot", Key("check-robot")),
    ("card", Key("check-card")),
    ("card_callback", Key("check-card-callback")),
    ("media", Key("check-media")),
    ("ip_list", Key("check-ip-list")),
    ("quota", Key("check-quota")),
    ("playground", Key("check-playground")),
    ("directory", Key("check-directory")),
    ("agent", Key("check-agent")),
];

fn of(t: Texts, list: &[(&str, Key)], code: &str) -> Option<Cow<'static, str>> {
    list.iter().find(|(name, _)| *name == code).map(|(_, key)| t.told(*key))
}

/// A rule that decided.
pub(super) fn rule(t: Texts, code: &str) -> Markup {
    told(of(t, &RULES, code), code)
}

/// A way of showing an answer.
pub(super) fn way(t: Texts, code: &str) -> Markup {
    told(of(t, &WAYS, code), code)
}

/// What came of a call.
pub(super) fn result(t: Texts, code: &str) -> Markup {
    told(of(t, &RESULTS, code), code)
}

/// Why an answer is not whole.
pub(super) fn cut(t: Texts, code: &str) -> Markup {
    told(of(t, &CUTS, code), code)
}

/// A way that was tried, what came of it, and why.
pub(super) fn tried(t: Texts, &WayView { way, result, code }: &WayView) -> Markup {
    html! {
        (of(t, &WAYS, way).unwrap_or(Cow::Borrowed(way))) ": "
        (of(t, &RESULTS, result).unwrap_or(Cow::Borrowed(result)))
        @if let Some(why) = code.and_then(|code| reason_words(t, code)) { " – " (why) }
        " " span.code.help { (way) ": " (result) " " (code.unwrap_or_default()) }
    }
}

/// What checks are called, by the API's names for them: for the module that shows them.
pub(super) fn check_names(t: Texts) -> String {
    let names = CHECKS.iter().map(|(name, key)| ((*name).to_owned(), json!(t.told(*key))));
    serde_json::Value::Object(names.collect()).to_string()
}

#[cfg(test)]
mod tests {
    use switchboard_domain::settings::Locale;

    use super::*;

    #[test]
    fn every_reason_is_told_in_words_with_its_code_in_both_languages() {
        let codes = FailureCause::all().map(FailureCause::as_str);
        let codes =
            codes.chain(Refusal::ALL.map(Refusal::as_str)).chain(ErrorCode::ALL.map(ErrorCode::as_str));
        for code in codes {
            for locale in [Locale::En, Locale::ZhCn] {
                let told = reason(Texts(locale), code).into_string();
                assert!(told.contains(&format!("<span class=\"code help\">{code}</span>")), "{told}");
            }
        }
        assert_eq!(reason(Texts(Locale::En), "<b>").into_string(), "<bdi class=\"code\">&lt;b&gt;</bdi>");
    }

    #[test]
    fn a_way_that_was_tried_is_told_with_why() {
        let way = WayView { way: "card", result: "refused", code: Some("misconfigured") };
        let told = tried(Texts(Locale::En), &way).into_string();
        assert!(told.starts_with("Card: refused – A setting of the channel"), "{told}");
        assert!(told.contains("card: refused misconfigured"), "{told}");
    }

    #[test]
    fn checks_have_names() {
        let names = check_names(Texts(Locale::ZhCn));
        assert!(names.contains("\"ip_list\":\"IP 白名单\""), "{names}");
    }
}
