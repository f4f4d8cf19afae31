//! `GET /audit`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use switchboard_ports::audit::{AuditAct, AuditInfo};
use utoipa::ToSchema;

use super::auth::Viewer;
use super::dto::list::List;
use super::dto::time::rfc3339;
use super::problem::Problem;
use super::query::{PageParams, Query};
use super::state::Api;

/// Something that was done to a user or its links.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditView {
    /// Its number; later lines have greater ones.
    pub id: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// `created`, `linked`, `unlinked`, `disabled`, `enabled`, `deleted`; or `shut_out` and `let_in`, where a directory did it.
    pub act: &'static str,
    /// The rule that decided: `username`, `email`, `directory`, `on_miss`; or `api`.
    pub rule: String,
    /// Where it is known from: a directory's name, the platform's name, or `api`.
    pub source: String,
    /// The channel whose message it was.
    pub channel_id: Option<String>,
    /// The platform of the identity.
    pub platform: Option<String>,
    /// The identity.
    pub im_user_id: Option<String>,
    /// The user.
    pub user_id: String,
    /// The username at that moment.
    pub username: String,
}

impl From<AuditInfo> for AuditView {
    fn from(info: AuditInfo) -> Self {
        let line = info.line;
        let known = |text: String| Some(text).filter(|text| !text.is_empty());
        let act = AuditAct::ALL.iter().find(|(_, act)| *act == line.act).map_or("", |(word, _)| *word);
        Self {
            id: info.number.to_string(),
            at: rfc3339(line.at),
            act,
            rule: line.rule,
            source: line.source,
            channel_id: line.channel.map(|channel| channel.to_string()),
            platform: known(line.platform),
            im_user_id: known(line.im_user_id),
            user_id: line.user.to_string(),
            username: line.username,
        }
    }
}

/// Who was mapped to whom, by which rule, from which source, and what was done to users: the newest first, 10,000 at most.
#[utoipa::path(get, path = "/audit", tag = "users", operation_id = "list_audit", params(PageParams),
    responses((status = 200, description = "one page", body = List<AuditView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<AuditView>>, Problem> {
    let page = query.page_by_number();
    query.finish()?;
    Ok(Json(List::of(api.ports.audit.list(&page).await?, AuditView::from)))
}
