//! The reader's language: as chosen in the panel, else out of `Accept-Language` (RFC 9110 §12.5.4).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use switchboard_domain::settings::Locale;

use super::auth::session::cookie;

/// Holds the language that somebody has chosen in the panel.
const COOKIE: &str = "switchboard_language";

/// The language of texts in an answer.
#[derive(Debug, Clone, Copy)]
pub struct Language(pub Locale);

impl<S: Send + Sync> FromRequestParts<S> for Language {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

impl Language {
    /// The language of whoever sent these headers.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        match cookie(headers, COOKIE) {
            Some("en") => Self(Locale::En),
            Some("zh-CN") => Self(Locale::ZhCn),
            Some(_) | None => {
                let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
                Self(preferred(header.unwrap_or_default()))
            }
        }
    }
}

/// The better liked of our two languages; English where neither is named.
fn preferred(header: &str) -> Locale {
    let mut best = (0.0, Locale::En);
    for range in header.split(',').take(20) {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
        let locale = match tag.split('-').next() {
            Some("zh") => Locale::ZhCn,
            Some("en") => Locale::En,
            Some(_) | None => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f64>().ok()).unwrap_or(1.0);
        if weight > best.0 {
            best = (weight, locale);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Locale, preferred};

    #[rstest]
    #[case("", Locale::En)]
    #[case("zh-CN,zh;q=0.9,en;q=0.8", Locale::ZhCn)]
    #[case("en-GB,en;q=0.9,zh;q=0.8", Locale::En)]
    #[case("de, zh;q=0.5", Locale::ZhCn)]
    #[case("zh;q=0, en;q=0.1", Locale::En)]
    #[case("fr", Locale::En)]
    fn the_better_liked_of_our_languages_is_taken(#[case] header: &str, #[case] locale: Locale) {
        assert_eq!(preferred(header), locale);
    }
}
