//! `POST /tokens`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use switchboard_domain::ids::Version;
use switchboard_ports::provider::FieldError;
use switchboard_ports::tokens::{Role, TOKENS_MAX};
use utoipa::ToSchema;

use super::TokenView;
use crate::http::acts::{self, Act};
use crate::http::auth::bootstrap::{BootstrapError, made_whole};
use crate::http::auth::{Admin, CONFIGURED_NAME};
use crate::http::body::JsonBody;
use crate::http::dto::agent_input::NAME_CHARS_MAX;
use crate::http::dto::fields::{self, Fields, Reader};
use crate::http::etag::tagged;
use crate::http::openapi::BASE;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;

pub(in crate::http) const ROLES: [(&str, Role); 3] =
    [("viewer", Role::Viewer), ("operator", Role::Operator), ("admin", Role::Admin)];

// For the API's document only: reading one is `wanted`.
/// A token as it is made.
#[derive(Debug, ToSchema)]
#[schema(as = TokenInput)]
pub struct TokenInput {
    /// Unique; one line. It is the name under which changes are noted.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    #[schema(example = "viewer")]
    pub role: String,
}

/// A token as it was made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewTokenView {
    /// What is known of it from now on.
    #[serde(flatten)]
    pub known: TokenView,
    /// The token itself, which nobody will ever see again.
    pub token: String,
}

/// Makes a token. The answer alone has it: only its hash is stored.
#[utoipa::path(post, path = "/tokens", tag = "tokens", operation_id = "create_token", request_body = TokenInput,
    responses((status = 201, description = "made", body = NewTokenView,
        headers(("Location" = String, description = "its path"), ("ETag" = String, description = "its version"))),
        (status = 409, description = "the name is taken, or there are too many")),
    security(("bearer" = ["admin"])))]
pub async fn create(
    Admin(caller): Admin,
    State(api): State<Api>,
    query: Query,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, HeaderMap, Json<NewTokenView>), Problem> {
    query.finish()?;
    let (name, role) = wanted(&body).map_err(Problem::invalid)?;
    let held = api.settings.hold().await?;
    let ports = &api.ports;
    if ports.tokens.list().await?.len() >= TOKENS_MAX {
        return Err(Problem::wrong_state(format!("there are {TOKENS_MAX} tokens, which is the most")));
    }
    held.still()?;
    let made = made_whole(&name, role, &*ports.tokens, &*ports.clock, &*ports.entropy).await;
    let (token, shown) = made.map_err(|error| match error {
        BootstrapError::Store(error) => error.into(),
        BootstrapError::Random(cause) => {
            tracing::error!(cause, "failed to make a token");
            Problem::internal()
        }
    })?;
    drop(held);
    tracing::info!(token = token.name, role = ?token.role, "token made");
    acts::note(ports, &caller, Act::TokenCreated, &token.name).await;
    // A token is never changed.
    let mut headers = tagged(Version(1));
    if let Ok(location) = HeaderValue::try_from(format!("{BASE}/tokens/{}", token.id)) {
        headers.insert(header::LOCATION, location);
    }
    let view = NewTokenView { known: TokenView::of(&api, &token), token: shown };
    Ok((StatusCode::CREATED, headers, Json(view)))
}

fn wanted(body: &Value) -> Result<(String, Role), Vec<FieldError>> {
    fields::object(body)?;
    let mut fields = Fields::default();
    let mut reader = Reader::new(body, &mut fields);
    let name = reader.name("name", NAME_CHARS_MAX);
    if name == CONFIGURED_NAME {
        reader.wrong("name", "is the name of the token in the configuration");
    }
    if reader.raw("role").is_none() {
        reader.wrong("role", "is required");
    }
    let role = reader.choice("role", &ROLES, Role::Viewer);
    reader.finish();
    fields.into_result((name, role))
}
