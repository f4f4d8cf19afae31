//! The admin panel: pages rendered here, small modules of our own in the browser, nothing from anywhere else.
//!
//! | file | what |
//! |---|---|
//! | `visitor.rs` | who looks at a page, in which language and theme; sends others to the sign-in |
//! | `sign_in.rs` | signing in and out |
//! | `frame.rs` | what stands around every page, and pages that only say that something went wrong |
//! | `pieces.rs` | what pages are made of: times, states, buttons that act, empty lists, ways to the next page |
//! | `plot.rs` | small plots, as SVG |
//! | `quota.rs` | how it stands with a monthly quota, in words |
//! | `codes.rs` | codes of closed lists (failures, refusals, rules, ways, checks) in words |
//! | `texts.rs`, `texts/` | every text of the panel, in both languages |
//! | `assets.rs`, `assets/` | style and modules, named by their content |
//! | one file or folder a page | what is gathered for it, and the page as a pure function of that |
//!
//! A page shows; whatever it changes, it changes through the same API as everybody else, with its session's cookie and
//! proof (`http/auth/session.rs`). A page is gathered by a handler and made by a function that knows neither store nor
//! request.

mod agents;
mod assets;
mod changes;
mod channels;
mod codes;
mod conversations;
mod dashboard;
mod directories;
mod failures;
mod fields;
mod form;
mod frame;
mod pieces;
mod playground;
mod plot;
mod quota;
mod records;
mod settings;
mod sign_in;
mod texts;
mod timeline;
mod tokens;
mod transcript;
mod users;
mod visitor;
mod welcome;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use crate::http::headers::PAGE_POLICY;
use crate::http::problem::Problem;
use crate::http::state::Api;

use visitor::Look;

/// Where the panel is.
pub const HOME: &str = "/panel/dashboard";

/// What pages ask the device for: nothing.
const NOTHING_OF_THE_DEVICE: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// All pages, and what they need.
pub fn routes() -> Router<Api> {
    let pages = Router::new()
        .route("/panel/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/panel/sign-out", post(sign_in::leave))
        .route("/panel/welcome", get(welcome::page))
        .merge(dashboard::routes())
        .merge(channels::routes())
        .merge(playground::routes())
        .merge(agents::routes())
        .merge(conversations::routes())
        .merge(failures::routes())
        .merge(timeline::routes())
        .merge(users::routes())
        .merge(records::routes())
        .merge(changes::routes())
        .merge(directories::routes())
        .merge(tokens::routes())
        .merge(settings::routes())
        .route("/panel/{*rest}", get(nowhere))
        .layer(middleware::from_fn(as_page));
    Router::new()
        .route("/", get(|| async { Redirect::to(HOME) }))
        .route("/panel", get(|| async { Redirect::to(HOME) }))
        .route("/panel/", get(|| async { Redirect::to(HOME) }))
        .route("/panel/assets/{name}", get(assets::serve))
        .merge(pages)
}

/// A page that is not there.
async fn nowhere() -> Problem {
    Problem::not_found("there is nothing at this path")
}

/// Gives pages their policy, and shows people a page where a program would get a problem document.
async fn as_page(request: Request, next: Next) -> Response {
    let look = Look::of(request.headers());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = response.headers_mut().remove(header::RETRY_AFTER);
        response = (status, Html(frame::problem(look, &problem).into_string())).into_response();
        if let Some(value) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    // With less, browsers would not say where a form comes from, and it could not be told from another site's.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(NOTHING_OF_THE_DEVICE),
    );
    response
}

#[cfg(test)]
mod tests;
