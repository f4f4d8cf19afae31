//! Rolling back, as far as channels and agents have it in common: which version is meant, and what it held.

use serde_json::Value;
use switchboard_ports::error::StoreError;
use switchboard_ports::provider::FieldError;
use utoipa::ToSchema;

use crate::changes::read;
use crate::changes::resource::Resource;
use crate::changes::write::caught_up;
use crate::http::dto::fields::{self, Fields, Reader};
use crate::http::dto::merge::without_read_only;
use crate::http::problem::Problem;
use crate::ports::Ports;

/// Versions count from 1 and never end; a larger number than this is none.
const VERSIONS: std::ops::RangeInclusive<u32> = 1..=u32::MAX;

// For the API's document only: reading one is `wanted`.
/// Which version to go back to.
#[derive(Debug, ToSchema)]
#[schema(as = RollbackInput)]
pub struct RollbackInput {
    /// One of the versions of this resource.
    #[schema(minimum = 1)]
    pub version: u64,
}

/// The version that a body names.
fn wanted(body: &Value) -> Result<u64, Vec<FieldError>> {
    fields::object(body)?;
    let mut fields = Fields::default();
    let mut reader = Reader::new(body, &mut fields);
    if reader.raw("version").is_none() {
        reader.wrong("version", "is required");
    }
    let version = reader.number("version", &VERSIONS, 1);
    reader.finish();
    fields.into_result(u64::from(version))
}

/// What a stored resource was in the version that a body names, as a document without what only the server sets. Call it while
/// holding the settings.
///
/// # Errors
/// 422 where there is no such version, or its content is not kept.
pub async fn content_then<R: Resource>(ports: &Ports, stored: &R, body: &Value) -> Result<Value, Problem> {
    let number = wanted(body).map_err(Problem::invalid)?;
    caught_up(ports, stored).await?;
    let found = read::version(ports, stored.id(), number).await?;
    let found = found.ok_or_else(|| Problem::invalid_field("/version", "names no version that is kept"))?;
    let content = found.line.content;
    let content = content.ok_or_else(|| {
        Problem::invalid_field("/version", "names a version whose content was too long to be kept")
    })?;
    Ok(without_read_only(content))
}

/// A refused write, where the version was named by `If-Match`.
#[must_use]
pub fn refused(error: StoreError, if_match_is_given: bool) -> Problem {
    match error {
        StoreError::Conflict if if_match_is_given => Problem::stale(),
        error @ (StoreError::Conflict
        | StoreError::Unavailable(_)
        | StoreError::Fenced
        | StoreError::Duplicate(_)
        | StoreError::Corrupt(_)) => error.into(),
    }
}
