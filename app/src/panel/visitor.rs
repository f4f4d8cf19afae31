//! Who looks at a page, in which language and theme.

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use switchboard_ports::tokens::Role;

use super::texts::Texts;
use crate::http::auth::session::{Signed, cookie};
use crate::http::language::Language;
use crate::http::origin::Origin;
use crate::http::problem::Problem;
use crate::http::state::Api;

/// Holds the theme that somebody has chosen.
const THEME_COOKIE: &str = "switchboard_theme";

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the browser has it.
    Browser,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Its word in the cookie and in the page.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Browser => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// How somebody wants to see pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) texts: Texts,
    pub(super) theme: Theme,
}

impl Look {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let theme = match cookie(headers, THEME_COOKIE) {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            Some(_) | None => Theme::Browser,
        };
        Self { texts: Texts(Language::of(headers).0), theme }
    }
}

/// Somebody who is signed in and looks at a page.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) look: Look,
    pub(super) signed: Signed,
}

impl Visitor {
    pub(super) const fn texts(&self) -> Texts {
        self.look.texts
    }

    /// Whether the visitor may do what takes this role.
    pub(super) fn may(&self, role: Role) -> bool {
        self.signed.caller.role >= role
    }
}

/// Why a page is not shown.
pub(super) enum Turned {
    /// Nobody is signed in: to the sign-in, and back afterwards.
    Away(String),
    /// It cannot be told.
    Failed(Problem),
}

impl IntoResponse for Turned {
    fn into_response(self) -> Response {
        match self {
            Self::Away(to) => Redirect::to(&to).into_response(),
            Self::Failed(problem) => problem.into_response(),
        }
    }
}

impl FromRequestParts<Api> for Visitor {
    type Rejection = Turned;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Turned> {
        let https = parts.extensions.get::<Origin>().is_some_and(|origin| origin.https);
        let signed = api.authenticator.signed(&parts.headers, https).await.map_err(Turned::Failed)?;
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
        let wanted = uri.path_and_query().map_or("/", |wanted| wanted.as_str());
        let Some(signed) = signed else {
            let to: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
            return Err(Turned::Away(format!("/panel/sign-in?to={to}")));
        };
        Ok(Self { look: Look::of(&parts.headers), signed })
    }
}
