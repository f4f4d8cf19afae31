//! All routes, what stands around them, and the document that describes them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::authenticate;
use super::problem::Problem;
use super::state::Api;
use super::{
    acts, agents, audit, changes, channels, conversations, diagnostics, events, exchange, failures, headers,
    health, measures, messages, metrics, openapi, origin, playground, replicas, status, tokens, users, whole,
    wording,
};
use crate::panel;

/// Longest id in a path, in characters; no stored one is longer.
const ID_CHARS_MAX: usize = 200;

/// The whole HTTP side.
pub fn router(api: Api) -> Router {
    let (resources, _) = resources().split_for_parts();
    let (open, _) = open().split_for_parts();
    let places = Arc::new(Semaphore::new(whole::CHANGES_AT_ONCE_MAX));
    let resources = resources
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(places, whole::to_its_end))
        .layer(middleware::from_fn_with_state(api.clone(), authenticate));
    open.merge(panel::routes())
        .nest(openapi::BASE, resources)
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(api.clone(), health::unless_stopping))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(wording::in_readers_language))
        .layer(middleware::from_fn(headers::set))
        // The outermost: everything below asks where a request comes from.
        .layer(middleware::from_fn_with_state(api.clone(), origin::set))
        .with_state(api)
}

/// Everything below the base path: takes a token.
pub(super) fn resources() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(agents::list::list, agents::create::create))
        .routes(routes!(agents::read::read, agents::update::update, agents::delete::delete))
        .routes(routes!(agents::test::test))
        .routes(routes!(agents::check::check))
        .routes(routes!(agents::versions::list))
        .routes(routes!(agents::version::read))
        .routes(routes!(agents::rollback::rollback))
        .routes(routes!(channels::list::list, channels::create::create))
        .routes(routes!(channels::read::read, channels::update::update, channels::delete::delete))
        .routes(routes!(channels::switch::enable))
        .routes(routes!(channels::switch::disable))
        .routes(routes!(channels::restart::restart))
        .routes(routes!(channels::status::status))
        .routes(routes!(channels::history::history))
        .routes(routes!(channels::log::log))
        .routes(routes!(channels::test::test))
        .routes(routes!(channels::check::check))
        .routes(routes!(channels::mapping::test))
        .routes(routes!(channels::versions::list))
        .routes(routes!(channels::version::read))
        .routes(routes!(channels::rollback::rollback))
        .routes(routes!(changes::list::list))
        .routes(routes!(exchange::export::export))
        .routes(routes!(exchange::import::import))
        .routes(routes!(status::list))
        .routes(routes!(replicas::list))
        .routes(routes!(measures::history))
        .routes(routes!(audit::list))
        .routes(routes!(acts::list::list))
        .routes(routes!(tokens::list::list, tokens::create::create))
        .routes(routes!(tokens::delete::delete))
        .routes(routes!(users::list::list, users::create::create))
        .routes(routes!(users::read::read, users::update::update, users::delete::delete))
        .routes(routes!(users::export::export))
        .routes(routes!(users::identities::link, users::identities::unlink))
        .routes(routes!(conversations::list::list))
        .routes(routes!(conversations::read::read))
        .routes(routes!(conversations::messages::list))
        .routes(routes!(conversations::control::reset))
        .routes(routes!(conversations::control::stop))
        .routes(routes!(messages::send::send))
        .routes(routes!(messages::read::read))
        .routes(routes!(messages::timeline::timeline))
        .routes(routes!(playground::say::say))
        .routes(routes!(playground::stream::listen))
        .routes(routes!(failures::list::list))
        .routes(routes!(failures::delete::delete))
        .routes(routes!(failures::retry::retry))
        .routes(routes!(events::events))
        .routes(routes!(diagnostics::read))
        .routes(routes!(openapi::read))
}

/// Operations beside the base path.
pub(super) fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
}

async fn unknown() -> Problem {
    Problem::not_found("there is nothing at this path")
}

async fn wrong_method() -> Problem {
    Problem::method_not_allowed()
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    // The panic hook has logged where; its message may hold contents and is not repeated.
    tracing::error!("failed to answer an API request: the handler panicked");
    Problem::internal().into_response()
}

/// The id in a path.
#[derive(Debug)]
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = Path::<String>::from_request_parts(parts, state).await.ok().map(|Path(id)| id);
        let id = id.filter(|id| id.chars().count() <= ID_CHARS_MAX);
        id.map(Self).ok_or_else(|| Problem::not_found("there is nothing at this path"))
    }
}
