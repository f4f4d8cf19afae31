//! `GET /channels/{id}/log`: what was logged about a channel on all replicas.

mod follow;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use switchboard_ports::page::PageRequest;
use utoipa::{IntoParams, ToSchema};

use super::found;
use crate::http::auth::{Credential, Viewer};
use crate::http::dto::list::List;
use crate::http::dto::time::rfc3339;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::runtime::log_lines::{self, WrittenLine};
use crate::telemetry::lines::{LogLine, Severity};

/// A log line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogLineView {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// `error`, `warn`, `info` or `debug`.
    pub level: &'static str,
    /// The part of the program.
    pub target: String,
    /// What happened; always in English.
    pub message: String,
    /// What it was about.
    pub fields: BTreeMap<String, String>,
    /// The replica that logged it.
    pub replica: String,
}

/// A line where it stands among those of all replicas: by time, then by replica and its own count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) replica: String,
    pub(crate) line: LogLine,
}

impl Placed {
    fn place(&self) -> (u64, &str, u64) {
        (self.line.at, &self.replica, self.line.number)
    }

    fn cursor(&self) -> String {
        format!("{}-{}-{}", self.line.at, self.line.number, self.replica)
    }

    pub(crate) fn view(&self) -> LogLineView {
        let LogLine { level, target, message, fields, .. } = self.line.clone();
        let (at, level, replica) = (rfc3339(self.line.at()), level.word(), self.replica.clone());
        LogLineView { at, level, target, message, fields, replica }
    }
}

/// Query parameters, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogParams {
    /// The least severe lines wanted: `error`, `warn`, `info` or `debug`.
    #[param(default = "info")]
    pub level: Option<String>,
    /// `true`: as server-sent events, `line` each, beginning with the last ones and going on as they come.
    pub follow: Option<bool>,
    /// Rows wanted.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// What was logged about a channel, the newest first: the last 500 lines of this replica, and what all of them wrote down.
/// `debug` is known of this replica alone, and where `telemetry.log` lets it through.
#[utoipa::path(get, path = "/channels/{id}/log", tag = "channels", operation_id = "read_channel_log",
    params(("id" = String, Path, description = "the channel's id"), LogParams),
    responses((status = 200, description = "one page, or the stream", body = List<LogLineView>),
        (status = 429, description = "too many streams")),
    security(("bearer" = ["viewer"])))]
pub async fn log(
    _: Viewer,
    State(api): State<Api>,
    Id(id): Id,
    Extension(credential): Extension<Credential>,
    mut query: Query,
) -> Result<Response, Problem> {
    let least = query.word("level", &Severity::WORDS).unwrap_or(Severity::Info);
    let follows = query.flag("follow");
    let page = query.page_by_activity();
    query.finish()?;
    let channel = found(&api, &id).await?;
    if follows {
        return follow::stream(&api, credential, channel.id, least, page.limit).await;
    }
    Ok(Json(listed(&api, channel.id.as_str(), least, &page).await?).into_response())
}

/// A page of lines, the newest first.
async fn listed(
    api: &Api,
    channel: &str,
    least: Severity,
    page: &PageRequest,
) -> Result<List<LogLineView>, Problem> {
    let mut lines = all(api, channel, least).await?;
    if let Some(after) = &page.after {
        // A cursor whose line is gone is a place like any other.
        let mut parts = after.splitn(3, '-');
        let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok()).unwrap_or(0);
        let (at, number) = (number(), number());
        let replica = after.splitn(3, '-').nth(2).unwrap_or_default();
        lines.retain(|line| line.place() < (at, replica, number));
    }
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = lines.len() > limit;
    lines.truncate(limit);
    let next_cursor = lines.last().filter(|_| more).map(Placed::cursor);
    Ok(List { items: lines.iter().map(Placed::view).collect(), next_cursor })
}

/// Everything that is known of a channel's log, the newest first.
pub(crate) async fn all(api: &Api, channel: &str, least: Severity) -> Result<Vec<Placed>, Problem> {
    Ok(gathered(api, channel, least).await?.0)
}

/// The same with the number of the newest line that is written down.
async fn gathered(api: &Api, channel: &str, least: Severity) -> Result<(Vec<Placed>, Option<u64>), Problem> {
    let this = api.operations.replica().to_string();
    let written = log_lines::read(&*api.ports.journal, channel, None).await?;
    let newest = written.first().map(|(number, _)| *number);
    let mut lines: BTreeMap<(u64, String, u64), LogLine> = BTreeMap::new();
    for (_, WrittenLine { replica, line }) in written {
        lines.insert((line.at, replica, line.number), line);
    }
    // Its own lines it has itself, those that are not written (yet) as well.
    for line in api.lines.of(channel) {
        lines.entry((line.at, this.clone(), line.number)).or_insert_with(|| LogLine::clone(&line));
    }
    let lines = lines.into_iter().rev().filter(|(_, line)| line.level >= least);
    Ok((lines.map(|((_, replica, _), line)| Placed { replica, line }).collect(), newest))
}

#[cfg(test)]
mod tests;
