//! Files of messages over HTTP: asked for by code, got from where the platform says, bounded and judged.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code: a test fails by panicking")]

mod dingtalk_support;

use dingtalk_support::{Platform, error, ok};
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::content::{Attachment, AttachmentKind};
use switchboard_domain::secret::Secret;
use switchboard_ports::attachments::FILE_BYTES_MAX;
use switchboard_ports::provider::{FetchFailure, Fetched};
use wiremock::ResponseTemplate;

const DOWNLOAD: &str = "/v1.0/robot/messageFiles/download";
const FILE: &str = "/file";

fn attachment(code: &str) -> Attachment {
    Attachment {
        kind: AttachmentKind::File,
        name: "notes.md".into(),
        duration: None,
        source: Secret::new(code),
    }
}

/// What becomes of a file when the platform names this address for it.
async fn fetched(platform: &Platform, url: &str) -> Result<Fetched, FetchFailure> {
    platform.answers("POST", DOWNLOAD, vec![ok(json!({"downloadUrl": url}))]).await;
    platform.link(json!({})).fetch(&attachment("mIofN")).await
}

#[tokio::test]
async fn a_file_is_asked_for_by_code_and_robot_and_got_without_a_token() {
    let platform = Platform::start().await;
    let answer = ResponseTemplate::new(200).set_body_raw("# Hi", "application/octet-stream");
    platform.answers("GET", FILE, vec![answer]).await;
    let url = format!("{}{FILE}?Signature=s&Expires=1", platform.server.uri());
    let expected = Fetched { content: "# Hi".into(), media_type: "text/markdown".into() };
    assert_eq!(fetched(&platform, &url).await, Ok(expected));
    assert_eq!(platform.sent(DOWNLOAD).await, [json!({"downloadCode": "mIofN", "robotCode": "dingabc"})]);
    let requests = platform.server.received_requests().await.unwrap();
    let get = requests.iter().find(|request| request.url.path() == FILE).unwrap();
    assert_eq!(get.url.query(), Some("Signature=s&Expires=1"));
    for name in ["content-type", "x-acs-dingtalk-access-token", "referer", "authorization"] {
        assert!(!get.headers.contains_key(name), "{name}");
    }
    assert!(platform.calls.lock().unwrap().contains(&("file_download", "ok")));
}

#[rstest]
#[case::wrong_or_expired(error(400, "invalidParameter.robotCode.downloadCode"), FetchFailure::Gone)]
#[case::another_robots(error(400, "invalidParameter.robotCode.auth"), FetchFailure::Gone)]
#[case::no_robot(error(400, "invalidParameter.robotCode.empty"), FetchFailure::Gone)]
#[case::scope(
    error(403, "Forbidden.AccessDenied.AccessTokenPermissionDenied"),
    FetchFailure::Denied(ErrorCode::PermissionDenied)
)]
#[case::quota(
    error(403, "Forbidden.AccessDenied.ApiCountLimitForOrg"),
    FetchFailure::Denied(ErrorCode::QuotaExceeded)
)]
#[case::throttle(error(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"), FetchFailure::Unavailable)]
#[case::timeout(error(504, "service.timeout"), FetchFailure::Unavailable)]
#[case::page(ResponseTemplate::new(502).set_body_string("<html>"), FetchFailure::Unavailable)]
#[case::no_address(ok(json!({})), FetchFailure::Unavailable)]
#[tokio::test]
async fn what_the_platform_says_of_a_code(#[case] answer: ResponseTemplate, #[case] expected: FetchFailure) {
    let platform = Platform::start().await;
    platform.answers("POST", DOWNLOAD, vec![answer]).await;
    assert_eq!(platform.link(json!({})).fetch(&attachment("mIofN")).await, Err(expected));
}

#[tokio::test]
async fn without_a_code_nobody_is_asked() {
    let platform = Platform::start().await;
    assert_eq!(platform.link(json!({})).fetch(&attachment("")).await, Err(FetchFailure::Gone));
    assert!(platform.asked().await.is_empty());
}

#[rstest]
#[case(403, FetchFailure::Gone)]
#[case(404, FetchFailure::Gone)]
#[case(410, FetchFailure::Gone)]
#[case(408, FetchFailure::Unavailable)]
#[case(429, FetchFailure::Unavailable)]
#[case(503, FetchFailure::Unavailable)]
#[case(204, FetchFailure::Unavailable)]
#[case(302, FetchFailure::Denied(ErrorCode::PlatformError))]
#[tokio::test]
async fn what_the_file_server_says(#[case] status: u16, #[case] expected: FetchFailure) {
    let platform = Platform::start().await;
    let answer = ResponseTemplate::new(status).insert_header("location", "http://elsewhere.invalid/x");
    platform.answers("GET", FILE, vec![answer]).await;
    let url = format!("{}{FILE}", platform.server.uri());
    assert_eq!(fetched(&platform, &url).await, Err(expected));
}

#[rstest]
#[case("ftp://127.0.0.1/file")]
#[case("file:///etc/passwd")]
#[case("not an address")]
#[tokio::test]
async fn an_address_that_is_none_is_not_asked(#[case] url: &str) {
    let platform = Platform::start().await;
    assert_eq!(fetched(&platform, url).await, Err(FetchFailure::Denied(ErrorCode::PlatformError)));
    assert!(fetched(&platform, &format!("http://127.0.0.1/{}", "x".repeat(9_000))).await.is_err());
}

#[tokio::test]
async fn the_longest_file_is_taken_and_a_longer_one_is_not() {
    for (bytes, expected) in [(FILE_BYTES_MAX, None), (FILE_BYTES_MAX + 1, Some(FetchFailure::TooLong))] {
        let platform = Platform::start().await;
        platform.answers("GET", FILE, vec![ResponseTemplate::new(200).set_body_bytes(vec![7; bytes])]).await;
        let url = format!("{}{FILE}", platform.server.uri());
        let fetched = fetched(&platform, &url).await;
        assert_eq!(fetched.as_ref().err(), expected.as_ref());
        assert!(fetched.is_err() || fetched.unwrap().content.len() == bytes);
    }
}

#[tokio::test]
async fn files_have_a_budget_of_their_own() {
    let platform = Platform::start().await;
    let throttled = error(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi");
    platform.answers("POST", DOWNLOAD, vec![throttled, ok(json!({"downloadUrl": "ftp://x"}))]).await;
    let link = platform.link(json!({}));
    let begun = tokio::time::Instant::now();
    assert_eq!(link.fetch(&attachment("a")).await, Err(FetchFailure::Unavailable));
    assert!(link.fetch(&attachment("a")).await.is_err());
    assert!(begun.elapsed() >= std::time::Duration::from_secs(1), "the throttle closes the bucket");
    let asked: Vec<Value> = platform.sent(DOWNLOAD).await;
    assert_eq!(asked.len(), 2);
}
