//! `POST /channels/{id}/test`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::notice::Finding;
use switchboard_domain::settings::Locale;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::provider::{Check, CheckResult};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::found;
use crate::http::auth::Operator;
use crate::http::language::Language;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::trial::{self, Outcome};

/// How long the agent may take, together with what else is asked: somebody is waiting in front of a page.
const AGENT_TIMEOUT: Duration = Duration::from_secs(18);

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
    /// `token`, `stream`, `robot`, `card`, `card_callback`, `media`, `ip_list`, `quota`, `playground`, `directory` (one for each
    /// that is asked who writes), `agent`.
    pub name: &'static str,
    /// `ok`, `failed` or `cannot_be_told`.
    pub result: &'static str,
    /// What was found, and in brackets the other side's own code and words, where there are any.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl ChannelTestView {
    /// The checks in the reader's language.
    #[must_use]
    pub fn of(checks: &[Check], locale: Locale) -> Self {
        let ok = checks.iter().all(|check| check.result != CheckResult::Failed);
        Self { ok, checks: checks.iter().map(|check| CheckView::of(check, locale)).collect() }
    }
}

impl CheckView {
    /// The check in the reader's language.
    #[must_use]
    pub fn of(check: &Check, locale: Locale) -> Self {
        let words = check.finding.words(locale);
        Self {
            name: check.name,
            result: trial::result_name(check.result),
            message: message(words.message, &check.detail),
            remedy: words.remedy.map(str::to_owned),
        }
    }
}

fn message(words: &str, detail: &str) -> String {
    if detail.is_empty() { words.to_owned() } else { format!("{words} ({detail})") }
}

/// A sign of life from the channel's agent.
pub(super) async fn agent(api: &Api, channel: &Channel) -> Result<Check, Problem> {
    let config = match &channel.default_agent {
        Some(id) => api.ports.agents.find(id).await?,
        None => None,
    };
    let Some(config) = config else {
        return Ok(agent_check(CheckResult::Failed, Finding::Error(ErrorCode::NoAgent), String::new()));
    };
    let Ok(trial) = timeout(AGENT_TIMEOUT, trial::asked(&config, &api.ports.agent_kinds, None)).await else {
        let detail = format!("no whole answer within {} s", AGENT_TIMEOUT.as_secs());
        note(channel, &config, &detail);
        return Ok(agent_check(CheckResult::CannotBeTold, Finding::Untold, detail));
    };
    Ok(match trial.outcome {
        Outcome::Answered => agent_check(CheckResult::Ok, Finding::AgentAnswers, String::new()),
        Outcome::WantsUser => agent_check(CheckResult::CannotBeTold, Finding::AgentWantsUser, String::new()),
        Outcome::Failed(error) => {
            let detail = format!("{} {}", error.code, error.message).trim_end().to_owned();
            note(channel, &config, &detail);
            agent_check(CheckResult::Failed, Finding::Error(trial::error_code(&error)), detail)
        }
    })
}

fn note(channel: &Channel, agent: &AgentConfig, detail: &str) {
    tracing::warn!(channel = %channel.id, agent = agent.name, detail, "the test of a channel's agent failed");
}

fn agent_check(result: CheckResult, finding: Finding, detail: String) -> Check {
    Check { name: "agent", result, finding, detail }
}

/// Asks the platform with the stored credentials, without connecting.
///
/// The channel's directories are asked whether they can be asked, and its agent for a sign of life, too. Nobody sees anything of it; it ends within 20 seconds.
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
    let (checks, agent) = tokio::join!(api.operations.preflight(&channel.id), agent(&api, &channel));
    let mut checks = checks?.ok_or_else(|| Problem::not_found("there is no channel with this id"))?;
    checks.push(agent?);
    Ok(Json(ChannelTestView::of(&checks, locale)))
}
