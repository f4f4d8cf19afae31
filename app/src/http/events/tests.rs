//! The event stream: names, heartbeat, slow readers, and its end.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, header};
use futures_util::StreamExt as _;
use switchboard_domain::ids::{ChannelId, ConversationId};
use switchboard_domain::time::Timestamp;
use switchboard_ports::tokens::{Role, TokenStore as _};
use tower::ServiceExt as _;

use crate::runtime::operations::RuntimeEvent;
use crate::testing::{START_MS, TestApi, connected, problem};

const AT: Timestamp = Timestamp::from_millis(START_MS);

async fn opened(api: &TestApi) -> BodyDataStream {
    opened_with(api, Role::Admin).await
}

async fn opened_with(api: &TestApi, role: Role) -> BodyDataStream {
    let request = Request::get("/api/v1/events");
    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", api.token(role)));
    let request = request.body(Body::empty()).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    response.into_body().into_data_stream()
}

async fn next(stream: &mut BodyDataStream) -> String {
    let chunk = stream.next().await.expect("the stream goes on").unwrap();
    String::from_utf8(chunk.to_vec()).unwrap()
}

fn started(seq: u64) -> RuntimeEvent {
    let (channel, conversation) = (ChannelId::new("chn_1"), ConversationId::new("cnv_1"));
    RuntimeEvent::TurnStarted { channel, conversation, seq, at: AT }
}

#[tokio::test(start_paused = true)]
async fn events_have_the_contracts_names_and_a_silent_stream_a_heartbeat() {
    let api = TestApi::new().await;
    let mut stream = opened(&api).await;
    let (channel, conversation) = (ChannelId::new("chn_1"), ConversationId::new("cnv_1"));
    api.operations.publish(RuntimeEvent::ChannelStatus(Box::new(connected(&channel))));
    api.operations.publish(started(1));
    let (to, of) = (channel.clone(), conversation.clone());
    api.operations.publish(RuntimeEvent::TurnFinished {
        channel: to,
        conversation: of,
        seq: 1,
        outcome: "answered".into(),
        at: AT,
    });
    api.operations.publish(RuntimeEvent::Failure {
        channel,
        conversation,
        seq: 1,
        cause: "crash_loop".into(),
        at: AT,
    });
    let status = next(&mut stream).await;
    assert!(status.starts_with("event: channel.status\ndata: {\"attempt\":0,"), "{status}");
    let data = "{\"at\":\"2026-01-02T03:04:05.678Z\",";
    let rest = "\"channel_id\":\"chn_1\",\"conversation_id\":\"cnv_1\",\"message_id\":\"cnv_1-1\",";
    assert_eq!(next(&mut stream).await, format!("event: turn.started\ndata: {data}{rest}\"seq\":1}}\n\n"));
    let finished =
        format!("event: turn.finished\ndata: {data}{rest}\"outcome\":\"answered\",\"seq\":1}}\n\n");
    assert_eq!(next(&mut stream).await, finished);
    assert!(next(&mut stream).await.starts_with("event: failure\ndata: {\"at\":"));
    let begun = tokio::time::Instant::now();
    assert_eq!(next(&mut stream).await, "event: heartbeat\ndata: {}\n\n");
    assert_eq!(begun.elapsed(), Duration::from_secs(15));
}

#[tokio::test]
async fn a_slow_reader_is_told_what_it_missed() {
    let api = TestApi::new().await;
    let mut stream = opened(&api).await;
    for seq in 1..=6 {
        api.operations.publish(started(seq));
    }
    assert_eq!(next(&mut stream).await, "event: missed\ndata: {\"count\":2}\n\n");
    assert!(next(&mut stream).await.contains("\"seq\":3"));
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops_and_leaves_no_listener() {
    let api = TestApi::new().await;
    let mut stream = opened(&api).await;
    assert_eq!(api.operations.listeners(), 1);
    api.shutdown.cancel();
    assert!(stream.next().await.is_none());
    drop(stream);
    assert_eq!(api.operations.listeners(), 0);
}

/// Whether a stream ends, once its silence is over.
async fn ends(stream: &mut BodyDataStream) -> bool {
    loop {
        match stream.next().await {
            None => return true,
            Some(chunk) => {
                // Else it is a heartbeat.
                if chunk.unwrap().starts_with(b"event: turn") {
                    return false;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_token_that_it_was_opened_with() {
    let api = TestApi::new().await;
    let (mut lost, mut kept) =
        (opened_with(&api, Role::Viewer).await, opened_with(&api, Role::Operator).await);
    assert!(api.stores.revoke("v").await.unwrap());
    assert!(ends(&mut lost).await);
    api.operations.publish(started(1));
    assert!(!ends(&mut kept).await);
}

#[tokio::test]
async fn there_are_200_streams_at_most_and_a_closed_one_makes_room() {
    let api = TestApi::new().await;
    let mut streams = Vec::new();
    for _ in 0..200 {
        streams.push(opened(&api).await);
    }
    problem(&api.get("/events").await, 429, "too-many");
    streams.pop();
    drop(opened(&api).await);
}
