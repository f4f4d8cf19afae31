//! `/changes` and the versions of a channel or an agent: who changed which settings when.

pub mod list;
pub mod rollback;
pub mod versions;
pub mod view;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::problem::Problem;

/// The resource and the version of a path.
#[derive(Debug)]
pub struct Place {
    /// The resource's id.
    pub id: String,
    /// The version.
    pub version: u64,
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await.ok();
        let place = path.and_then(|Path((id, version))| Some(Self { id, version: version.parse().ok()? }));
        place.ok_or_else(|| Problem::not_found("there is nothing at this path"))
    }
}

#[cfg(test)]
mod tests;
