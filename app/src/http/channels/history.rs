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
