//! `POST /channels/{id}/test`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use switchboard_domain::notice::remedy;
use switchboard_domain::settings::Locale;
use switchboard_ports::provider::{Check, CheckResult};
use utoipa::ToSchema;

use super::found;
use crate::http::auth::Operator;
use crate::http::language::Language;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// What the platform says about the stored settings.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChannelTestView {
    /// Whether no check failed.
    pub ok: bool,
    /// What was checked.
    pub checks: Vec<CheckView>,
}

/// One check.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CheckView {
    /// What was checked.
    pub name: &'static str,
    /// `ok`, `failed` or `cannot_be_told`.
    pub result: &'static str,
    /// The platform's code and words, or what they mean.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl ChannelTestView {
    /// The checks in the reader's language.
    #[must_use]
    pub fn of(checks: Vec<Check>, locale: Locale) -> Self {
        let ok = checks.iter().all(|check| check.result != CheckResult::Failed);
        let view = |check: Check| CheckView {
            name: check.name,
            result: match check.result {
                CheckResult::Ok => "ok",
                CheckResult::Failed => "failed",
                CheckResult::CannotBeTold => "cannot_be_told",
            },
            message: check.message,
            remedy: check.code.map(|code| remedy(code, locale).remedy.to_owned()),
        };
        Self { ok, checks: checks.into_iter().map(view).collect() }
    }
}

/// Asks the platform with the stored credentials, without connecting.
#[utoipa::path(post, path = "/channels/{id}/test", tag = "channels", operation_id = "test_channel",
    params(("id" = String, Path, description = "the channel's id")),
    responses((status = 200, description = "what the platform says", body = ChannelTestView)),
    security(("bearer" = ["operator"])))]
pub async fn test(
    _: Operator,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    Language(locale): Language,
) -> Result<Json<ChannelTestView>, Problem> {
    query.finish()?;
    let channel = found(&api, &id).await?;
    let checks = api.operations.preflight(&channel.id).await?;
    let checks = checks.ok_or_else(|| Problem::not_found("there is no channel with this id"))?;
    Ok(Json(ChannelTestView::of(checks, locale)))
}
