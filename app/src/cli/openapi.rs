//! `switchboard openapi`.

use super::seam::Composition;
use crate::http::openapi;

/// Prints the document: the same bytes as `GET /api/v1/openapi.json`.
pub fn run(composition: &dyn Composition) {
    super::say::to_stdout(openapi::text(&composition.platforms(), &composition.kinds()).trim_end());
}
