//! `GET /diagnostics`: what a bug report needs, in one document: no secrets, nothing that people said, and nobody's name.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use switchboard_domain::settings::Locale;
use switchboard_ports::page::{PAGE_ROWS_MAX, PageRequest};

use super::auth::Admin;
use super::dto::agent::AgentView;
use super::dto::channel::ChannelView;
use super::dto::status::StatusView;
use super::dto::time::rfc3339;
use super::health::DurabilityView;
use super::problem::Problem;
use super::query::Query;
use super::state::Api;
use crate::telemetry::lines::LogLine;

/// The whole document at most, in bytes; what is longest goes first.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Channels and agents in it, each.
const ROWS_MAX: usize = 1_000;

/// The metrics in it, in bytes.
const METRICS_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Fields of log lines that could name somebody.
const PEOPLE: [&str; 9] =
    ["email", "identity", "name", "person", "sender", "subject", "token", "user", "username"];

/// Version, configuration, replicas, channels with their states, agents, counts, the last warnings and errors of the log, and
/// the metrics: for a bug report. It holds no secrets, nothing that people said and nobody's name; the names of channels, agents
/// and machines are in it.
#[utoipa::path(get, path = "/diagnostics", tag = "operations", operation_id = "read_diagnostics",
    responses((status = 200, description = "the document, as a file", body = Object)),
    security(("bearer" = ["admin"])))]
pub async fn read(_: Admin, State(api): State<Api>, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    tracing::info!("diagnostics were read");
    let body = bounded(gathered(&api).await?);
    let name = format!(
        "attachment; filename=\"switchboard-diagnostics-{}.json\"",
        api.ports.clock.now().as_millis()
    );
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CONTENT_DISPOSITION, HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"))),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, body).into_response())
}

async fn gathered(api: &Api) -> Result<Map<String, Value>, Problem> {
    let now = api.ports.clock.now();
    let channels = api.ports.channels.list().await?;
    let agents = api.ports.agents.list().await?;
    let failures = api.ports.failures.list(&PageRequest { limit: PAGE_ROWS_MAX, after: None }).await?;
    let mut causes: BTreeMap<&'static str, u32> = BTreeMap::new();
    for failure in &failures.items {
        let count = causes.entry(failure.failure.cause.as_str()).or_default();
        *count = count.saturating_add(1);
    }
    let replicas = api.operations.replicas();
    let this = api.operations.replica().to_string();
    let started = replicas.iter().flatten().find(|info| info.id.as_str() == this).map(|info| info.started_at);
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| drop(document.insert(name.to_owned(), value));
    put("generated_at", json!(rfc3339(now)));
    put("version", json!(env!("CARGO_PKG_VERSION")));
    put(
        "build",
        json!({"profile": if cfg!(debug_assertions) { "debug" } else { "release" }, "demo": cfg!(feature = "demo"),
            "os": std::env::consts::OS, "arch": std::env::consts::ARCH}),
    );
    put("replica", json!(this));
    put("uptime_seconds", json!(started.map(|at| now.since(at).as_secs())));
    put("configuration", api.configuration.clone());
    put("store", json!({"durability": api.operations.durability().as_ref().map(DurabilityView::of)}));
    put(
        "ready",
        match api.operations.ready().await {
            Ok(()) => json!(true),
            Err(_) => json!(false),
        },
    );
    put(
        "counts",
        json!({"channels": channels.len(), "agents": agents.len(), "tokens": api.ports.tokens.list().await?.len(),
            "last_failures_by_cause": causes}),
    );
    put("replicas", json!(replicas.map(|live| live.iter().map(replica).collect::<Vec<_>>())));
    put("channels", json!(shown_channels(api, &channels).await));
    put("agents", json!(agents.iter().take(ROWS_MAX).map(shown_agent).collect::<Vec<_>>()));
    put("log", json!(api.lines.troubles().iter().map(|line| shown_line(line)).collect::<Vec<_>>()));
    let mut metrics = api.metrics.render();
    let end = metrics.floor_char_boundary(METRICS_BYTES_MAX);
    metrics.truncate(end);
    put("metrics", json!(metrics));
    Ok(document)
}

fn replica(info: &switchboard_ports::replicas::ReplicaInfo) -> Value {
    json!({"id": info.id.as_str(), "version": info.version, "host": info.host,
        "started_at": rfc3339(info.started_at), "partitions": info.partitions, "connections": info.connections})
}

async fn shown_channels(api: &Api, channels: &[switchboard_ports::channels::Channel]) -> Vec<Value> {
    let shown = channels.get(..ROWS_MAX.min(channels.len())).unwrap_or_default();
    let ids: Vec<_> = shown.iter().map(|channel| channel.id.clone()).collect();
    let statuses = api.operations.statuses(&ids).await;
    let statuses: BTreeMap<_, _> =
        statuses.into_iter().map(|status| (status.channel.clone(), status)).collect();
    let rows = shown.iter().map(|channel| {
        let status = StatusView::observed_or(statuses.get(&channel.id).cloned(), channel, Locale::En);
        let mut settings = serde_json::to_value(ChannelView::from(channel)).unwrap_or_default();
        for part in ["/access", "/switching", "/user_mapping"] {
            if let Some(part) = settings.pointer_mut(part) {
                counted(part);
            }
        }
        json!({"settings": settings, "status": status})
    });
    rows.collect()
}

/// Puts a count in the place of each list that may name people, and a mark in that of a user.
fn counted(settings: &mut Value) {
    let Value::Object(members) = settings else { return };
    for (name, value) in members {
        match (name.as_str(), &*value) {
            ("agents", _) => {}
            // Settings of a directory name people: who binds, and where they are looked for.
            ("directories", Value::Array(directories)) => {
                let kinds = directories.iter().map(|directory| json!({"kind": directory.get("kind")}));
                *value = kinds.collect();
            }
            ("user_id", Value::String(_)) => *value = json!("***"),
            (_, Value::Array(items)) => *value = json!({"count": items.len()}),
            (_, Value::Object(_)) => counted(value),
            (_, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {}
        }
    }
}

/// An agent without what it is told: that is nobody's business but its operator's.
fn shown_agent(agent: &switchboard_ports::agents::AgentConfig) -> Value {
    let mut shown = serde_json::to_value(AgentView::from(agent)).unwrap_or_default();
    if let Some(members) = shown.as_object_mut() {
        let chars = members.get("system_prompt").and_then(Value::as_str).map(|prompt| prompt.chars().count());
        members.insert("system_prompt".to_owned(), json!({"characters": chars}));
        let names: Vec<String> = match members.get("extra_body") {
            Some(Value::Object(body)) => body.keys().cloned().collect(),
            Some(_) | None => Vec::new(),
        };
        members.insert("extra_body".to_owned(), json!({"members": names}));
    }
    shown
}

fn shown_line(line: &LogLine) -> Value {
    let fields: BTreeMap<_, _> =
        line.fields.iter().filter(|(name, _)| !PEOPLE.contains(&name.as_str())).collect();
    json!({"at": rfc3339(line.at()), "level": line.level.word(), "target": line.target,
        "message": line.message, "fields": fields})
}

/// The document within its bound: the longest parts go until it fits, and are named.
fn bounded(mut document: Map<String, Value>) -> String {
    let mut left_out = Vec::new();
    for part in ["metrics", "log", "channels", "agents"] {
        let text = Value::Object(document.clone()).to_string();
        if text.len() <= BYTES_MAX {
            return text;
        }
        document.remove(part);
        left_out.push(part);
        document.insert("left_out".to_owned(), json!(left_out));
    }
    Value::Object(document).to_string()
}

#[cfg(test)]
mod tests;
