//! What changes something is done to its end, also where its client hangs up: otherwise half of it might be done, or all of it
//! and not noted.

use std::panic::resume_unwind;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::problem::Problem;

/// Requests that change something, at once; further ones wait, as long as their clients do.
pub const CHANGES_AT_ONCE_MAX: usize = 256;

/// Answers a request that may change something in a task of its own.
pub async fn to_its_end(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let Ok(place) = places.acquire_owned().await else { return Problem::internal().into_response() };
    let work = async move {
        let _place = place;
        next.run(request).await
    };
    match tokio::spawn(work.in_current_span()).await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(response) => response,
        // Told where every panic of a handler is.
        Err(Ok(cause)) => resume_unwind(cause),
        Err(Err(_)) => Problem::internal().into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::{get, post};
    use axum::{Router, middleware};
    use futures_util::FutureExt as _;
    use tokio::sync::Notify;
    use tower::ServiceExt as _;

    use super::*;

    /// Says that it has begun, waits, and says that it has ended.
    async fn slow(State([begun, go_on, ended]): State<[Arc<Notify>; 3]>) -> StatusCode {
        begun.notify_one();
        go_on.notified().await;
        ended.notify_one();
        StatusCode::OK
    }

    async fn broken() -> StatusCode {
        panic!("as if by mistake")
    }

    fn router(notes: [Arc<Notify>; 3], places: usize) -> Router {
        let places = Arc::new(Semaphore::new(places));
        Router::new()
            .route("/", get(slow).post(slow))
            .route("/panic", post(broken))
            .layer(middleware::from_fn_with_state(places, to_its_end))
            .with_state(notes)
    }

    fn request(method: &str, path: &str) -> Request {
        Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn what_changes_something_outlives_its_client_and_what_only_reads_does_not() {
        for (method, outlives) in [("POST", true), ("GET", false)] {
            let notes: [Arc<Notify>; 3] = Default::default();
            let router = router(notes.clone(), 1);
            let [begun, go_on, ended] = notes;
            {
                let answering = router.clone().oneshot(request(method, "/"));
                tokio::select! {
                    biased;
                    _ = answering => panic!("it waits"),
                    () = begun.notified() => {}
                }
            }
            go_on.notify_one();
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            assert_eq!(ended.notified().now_or_never().is_some(), outlives, "{method}");
            // Its place is free again.
            go_on.notify_one();
            let answer = router.oneshot(request(method, "/")).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
        }
    }

    #[tokio::test]
    async fn a_panic_stays_one_and_leaves_its_place() {
        let router = router(Default::default(), 1);
        for _ in 0..2 {
            let answering = std::panic::AssertUnwindSafe(router.clone().oneshot(request("POST", "/panic")));
            assert!(answering.catch_unwind().await.is_err());
        }
    }
}
