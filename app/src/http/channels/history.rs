//! `GET /channels/{id}/history`: the states that a channel was in.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::notice::{Remedy, remedy};
use switchboard_domain::settings::Locale;
use switchboard_ports::page::PageRequest;
use utoipa::ToSchema;

use super::found;
use crate::http::auth::Viewer;
use crate::http::dto::list::List;
use crate::http::dto::time::rfc3339;
use crate::http::language::Language;
use crate::http::problem::Problem;
use crate::http::query::{PageParams, Query};
use crate::http::router::Id;
use crate::http::state::Api;
use crate::runtime::states::{self, StateInfo};

/// A state that a channel came into on one replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StateView {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// The replica that says so.
    pub replica: String,
    /// `connected`, `disconnected` or `disabled`.
    pub status: String,
    /// The state machine's own name; `connecting`, `waiting` and `refused` are told once, however often they take turns.
    pub state: String,
    /// What was wrong; null while connected.
    pub error: Option<StateErrorView>,
    /// Whether this replica was connected before, and is so again.
    pub reconnect: bool,
}

/// What was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StateErrorView {
    /// `invalid_credentials`, `network_unreachable`, …
    pub code: String,
    /// What that means, in the reader's language; null for a code of a later version.
    pub message: Option<String>,
}

impl StateView {
    /// A line, in the reader's language.
    pub(crate) fn of(info: StateInfo, locale: Locale) -> Self {
        let StateInfo { at, replica, status, state, error, reconnect, .. } = info;
        let error = error.map(|code| {
            let known = ErrorCode::ALL.into_iter().find(|known| known.as_str() == code);
            let message = known.map(|known| {
                let Remedy { message, .. } = remedy(known, locale);
                message.to_owned()
            });
            StateErrorView { code, message }
        });
        Self { at: rfc3339(at), replica, status, state, error, reconnect }
    }
}

/// The states that a channel was in on each replica, the newest first: the last 1,000, for 30 days after the last one.
#[utoipa::path(get, path = "/channels/{id}/history", tag = "channels", operation_id = "read_channel_history",
    params(("id" = String, Path, description = "the channel's id"), PageParams),
    responses((status = 200, description = "one page", body = List<StateView>)),
    security(("bearer" = ["viewer"])))]
pub async fn history(
    _: Viewer,
    State(api): State<Api>,
    Id(id): Id,
    mut query: Query,
    Language(locale): Language,
) -> Result<Json<List<StateView>>, Problem> {
    let page = query.page_by_number();
    query.finish()?;
    let channel = found(&api, &id).await?;
    let mut lines = states::read(&*api.ports.journal, &channel.id).await?;
    lines.retain(|line| !line.still);
    Ok(Json(cut(lines, &page, |line| StateView::of(line, locale))))
}

/// A page of lines by their number, the newest first.
fn cut(
    mut lines: Vec<StateInfo>,
    page: &PageRequest,
    view: impl FnMut(StateInfo) -> StateView,
) -> List<StateView> {
    let before: Option<u64> = page.after.as_deref().and_then(|after| after.parse().ok());
    lines.retain(|line| before.is_none_or(|before| line.number < before));
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = lines.len() > limit;
    lines.truncate(limit);
    let next_cursor = lines.last().filter(|_| more).map(|line| line.number.to_string());
    List { items: lines.into_iter().map(view).collect(), next_cursor }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use switchboard_domain::time::Timestamp;
    use switchboard_ports::journal::{Book, JournalLine};

    use crate::testing::{START_MS, TestApi, problem};

    fn wrote(api: &TestApi, channel: &str, at: u64, body: &serde_json::Value) {
        let (subject, at) = (channel.to_owned(), Timestamp::from_millis(at));
        let line = JournalLine { book: Book::States, subject, at, body: body.to_string() };
        api.stores.state().journal.push(line);
    }

    #[tokio::test]
    async fn changes_come_newest_first_in_pages_and_with_words() {
        let api = TestApi::new().await;
        let path = api.channel("one").await;
        let id = path.trim_start_matches("/channels/");
        let mut line = json!({"replica": "r1", "status": "connected", "state": "connected"});
        wrote(&api, id, START_MS, &line);
        line["still"] = json!(true);
        wrote(&api, id, START_MS + 1, &line);
        let away = json!({"replica": "r1", "status": "disconnected", "state": "waiting",
            "error": {"code": "network_unreachable"}});
        wrote(&api, id, START_MS + 2, &away);
        let later = json!({"replica": "r1", "status": "connected", "state": "connected", "reconnect": true,
            "error": {"code": "of_a_later_version"}});
        wrote(&api, id, START_MS + 3, &later);
        wrote(&api, id, START_MS + 4, &json!("otherwise"));
        let first = api.get(&format!("{path}/history?limit=2")).await;
        let items = first.json["items"].as_array().unwrap();
        assert_eq!(
            (&items[0]["reconnect"], &items[0]["at"]),
            (&json!(true), &json!("2026-01-02T03:04:05.681Z"))
        );
        assert_eq!(items[0]["error"], json!({"code": "of_a_later_version", "message": null}));
        assert!(items[1]["error"]["message"].as_str().is_some_and(|words| !words.is_empty()));
        let cursor = first.json["next_cursor"].as_str().unwrap();
        let rest = api.get(&format!("{path}/history?limit=2&cursor={cursor}")).await;
        assert_eq!(
            (rest.json["items"].as_array().unwrap().len(), &rest.json["next_cursor"]),
            (1, &json!(null))
        );
        problem(&api.get("/channels/chn_nobodys/history").await, 404, "not-found");
        // With the channel goes what was noted of it.
        assert_eq!(api.delete(&path).await.status, 204);
        assert!(api.stores.state().journal.iter().all(|line| line.book != Book::States));
    }
}
