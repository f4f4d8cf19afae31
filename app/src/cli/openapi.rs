//! `switchboard openapi`.

use crate::http::openapi;

/// Prints the document: the same bytes as `GET /api/v1/openapi.json`.
pub fn run() {
    super::say::to_stdout(openapi::text().trim_end());
}
