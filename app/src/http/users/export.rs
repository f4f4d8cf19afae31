//! `GET /users/{id}/export`.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use serde::Serialize;
use serde_json::json;
use switchboard_domain::ids::{ConversationId, UserId};
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{PAGE_ROWS_MAX, Page, PageRequest};
use switchboard_ports::transcripts::{ConversationFilter, ConversationInfo};
use switchboard_ports::users::User;

use super::{erase::is_own, found};
use crate::http::acts::{self, Act};
use crate::http::audit::AuditView;
use crate::http::auth::Admin;
use crate::http::dto::chosen::ChoiceView;
use crate::http::dto::conversation::{ConversationView, LineView};
use crate::http::dto::failure::FailureView;
use crate::http::dto::user::UserView;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Records of one export, at most; the last one then says that there are more.
const RECORDS_MAX: u64 = 1_000_000;

/// All that is kept of one user, one JSON object a line (`application/x-ndjson`), each with its `record`: `user`; `choice`, what
/// the user chose in a channel; `audit`, lines of the audit list about the user; `conversation`, each followed by a `message`
/// for each line of its transcript, if it is the user's alone; `failure`, failure records of such conversations; and in the end
/// `end`. Without an `end` whose `complete` is true something is missing.
///
/// A session that a group shares has no `message`s here: its transcript does not say who wrote what.
#[utoipa::path(get, path = "/users/{id}/export", tag = "users", operation_id = "export_user",
    params(("id" = String, Path, description = "the user's id")),
    responses((status = 200, description = "all that is kept", body = String, content_type = "application/x-ndjson")),
    security(("bearer" = ["admin"])))]
pub async fn export(
    Admin(caller): Admin,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let user = found(&api, &id).await?;
    tracing::info!(user = %user.id, "user exported");
    acts::note(&api.ports, &caller, Act::UserExported, user.id.as_str()).await;
    let begun = Export { user: user.id.clone(), api, records: 0, step: Step::Audit(None), out: Vec::new() };
    let begun = begun.of(user);
    let chunks = try_unfold(begun, async |mut export| {
        while export.out.is_empty() {
            if !export.next().await? {
                return Ok::<_, StoreError>(None);
            }
        }
        let chunk = Bytes::from(std::mem::take(&mut export.out));
        Ok(Some((chunk, export)))
    });
    let file = HeaderValue::from_static("attachment; filename=\"user.ndjson\"");
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
        (CONTENT_DISPOSITION, file),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    // A store that goes away in the middle cuts the answer, and its reader misses the end.
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// An export under way; one page is in memory at a time.
struct Export {
    api: Api,
    user: UserId,
    records: u64,
    step: Step,
    out: Vec<u8>,
}

enum Step {
    /// The audit list, from a cursor on.
    Audit(Option<String>),
    /// Conversations, from a cursor on.
    Conversations(Option<String>),
    /// Those of one page that are left, and the cursor of the next page.
    Conversation(Vec<ConversationInfo>, Option<String>),
    /// The transcript of one of them, from a cursor on.
    Lines(ConversationId, Option<String>, Vec<ConversationInfo>, Option<String>),
    /// Failure records, from a cursor on.
    Failures(Option<String>),
    Done,
}

impl Export {
    /// With what the user's own record says.
    fn of(mut self, user: User) -> Self {
        let choices = user.choices.clone();
        self.put("user", &UserView::from(user));
        for (channel, chosen) in choices {
            self.put("choice", &ChoiceView::of(&channel, chosen));
        }
        self
    }

    /// Adds a record; what cannot be written is no view of ours.
    fn put(&mut self, record: &str, value: &impl Serialize) {
        let mut value = serde_json::to_value(value).unwrap_or_default();
        if let Some(map) = value.as_object_mut() {
            map.insert("record".to_owned(), json!(record));
        }
        self.out.extend_from_slice(value.to_string().as_bytes());
        self.out.push(b'\n');
        self.records += 1;
    }

    /// Reads one page more; `false` when nothing is left.
    async fn next(&mut self) -> Result<bool, StoreError> {
        if self.records >= RECORDS_MAX && !matches!(self.step, Step::Done) {
            return Ok(self.end(false));
        }
        match std::mem::replace(&mut self.step, Step::Done) {
            Step::Audit(after) => {
                let page = self.api.ports.audit.list(&page(after)).await?;
                for info in page.items {
                    if info.line.user == self.user {
                        self.put("audit", &AuditView::from(info));
                    }
                }
                self.step = match page.next {
                    Some(next) => Step::Audit(Some(next)),
                    None => Step::Conversations(None),
                };
            }
            Step::Conversations(after) => {
                let filter =
                    ConversationFilter { user: Some(self.user.clone()), ..ConversationFilter::default() };
                let Page { mut items, next } =
                    self.api.ports.transcripts.conversations(&filter, &page(after)).await?;
                items.reverse();
                self.step = Step::Conversation(items, next);
            }
            Step::Conversation(mut left, next) => match (left.pop(), next) {
                (Some(info), next) => {
                    let (id, is_own) = (info.id.clone(), is_own(&info));
                    self.put("conversation", &ConversationView::from(info));
                    self.step = if is_own {
                        Step::Lines(id, None, left, next)
                    } else {
                        Step::Conversation(left, next)
                    };
                }
                (None, Some(next)) => self.step = Step::Conversations(Some(next)),
                (None, None) => self.step = Step::Failures(None),
            },
            Step::Lines(id, after, left, next) => {
                let page = self.api.ports.transcripts.lines(&id, &page(after)).await?;
                for line in page.items {
                    self.put("message", &LineView::of(&id, line));
                }
                self.step = match page.next {
                    Some(more) => Step::Lines(id, Some(more), left, next),
                    None => Step::Conversation(left, next),
                };
            }
            Step::Failures(after) => {
                let page = self.api.ports.failures.list(&page(after)).await?;
                for info in page.items {
                    if self.is_theirs(&info.conversation).await? {
                        self.put("failure", &FailureView::from(info));
                    }
                }
                match page.next {
                    Some(next) => self.step = Step::Failures(Some(next)),
                    None => return Ok(self.end(true)),
                }
            }
            Step::Done => return Ok(false),
        }
        Ok(true)
    }

    /// Whether a conversation is the user's alone.
    async fn is_theirs(&self, id: &ConversationId) -> Result<bool, StoreError> {
        let info = self.api.ports.transcripts.conversation(id).await?;
        Ok(info.is_some_and(|info| info.user.as_ref() == Some(&self.user) && is_own(&info)))
    }

    fn end(&mut self, complete: bool) -> bool {
        self.put("end", &json!({ "complete": complete }));
        self.step = Step::Done;
        true
    }
}

fn page(after: Option<String>) -> PageRequest {
    PageRequest { limit: PAGE_ROWS_MAX, after }
}
