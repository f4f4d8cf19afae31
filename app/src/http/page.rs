//! `GET /`: a small status page, until the panel exists. Static files, embedded; the page signs in with a token.

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use axum::routing::get;

use super::headers::PAGE_POLICY;
use super::state::Api;

const HTML: &str = include_str!("../../assets/index.html");
const SCRIPT: &str = include_str!("../../assets/status.js");
const TEXTS: &str = include_str!("../../assets/texts.js");
const STYLE: &str = include_str!("../../assets/status.css");

/// The page and its files.
pub fn routes() -> Router<Api> {
    Router::new()
        .route("/", get(|| async { file("text/html; charset=utf-8", HTML) }))
        .route("/assets/status.js", get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/assets/texts.js", get(|| async { file("text/javascript; charset=utf-8", TEXTS) }))
        .route("/assets/status.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        // Asked for again each time: a new version's page must never run with an old version's script.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}
