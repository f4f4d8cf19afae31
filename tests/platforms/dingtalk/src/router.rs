//! Routes: chat page and control API below `/sim`, the WebSocket, and everything else to the platform's API.

use std::sync::Arc;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;

use crate::state::Inner;
use crate::{api, control, objects, page, socket};

/// The whole server.
pub(crate) fn router(inner: Arc<Inner>) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/sim/") }))
        .route("/sim", get(|| async { Redirect::temporary("/sim/") }))
        .merge(page::routes())
        .merge(control::routes())
        .route("/connect", get(socket::connect))
        .route("/objects/{name}", get(objects::object))
        .fallback(api::handle)
        .with_state(inner)
}
