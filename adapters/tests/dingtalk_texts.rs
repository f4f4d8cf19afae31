//! Plain messages over HTTP: session webhook and robot API, each tried once, and what their answers mean.

mod dingtalk_support;

use std::time::Duration;

use dingtalk_support::{
    GROUP_SEND, PRIVATE_SEND, Platform, WEBHOOK, error, group, ok, private, send, webhook,
};
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::Seq;
use switchboard_domain::message::Target;
use switchboard_domain::outbound::Format;
use switchboard_domain::reply::{PartOutcome, Way};
use switchboard_ports::provider::PartRequest;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use wiremock::ResponseTemplate;

const THROTTLED: PartOutcome = PartOutcome::Throttled { retry_after: Duration::from_secs(1) };
const MISFIT: PartOutcome = PartOutcome::Refused(ErrorCode::Misconfigured);

fn answered(answer: Value) -> ResponseTemplate {
    ok(answer)
}

#[rstest]
#[case(answered(json!({"errcode": 0, "errmsg": "ok"})), PartOutcome::Sent)]
#[case(answered(json!({"errcode": "0", "errmsg": "ok"})), PartOutcome::Sent)]
#[case(answered(json!({"errcode": 300_001, "errmsg": "session 不存在"})), MISFIT)]
#[case(answered(json!({"errcode": -1, "errmsg": "busy"})), THROTTLED)]
#[case(answered(json!({"errcode": 40_014, "errmsg": "token"})), MISFIT)]
#[case(answered(json!({"errcode": 460_101, "errmsg": "too long"})), PartOutcome::Refused(ErrorCode::PlatformError))]
#[case(answered(json!({})), PartOutcome::Unknown)]
#[case(ResponseTemplate::new(200).set_body_string("<html>"), PartOutcome::Unknown)]
#[case(ResponseTemplate::new(502), PartOutcome::Unknown)]
#[case(ResponseTemplate::new(504).set_body_string("<html>"), PartOutcome::Unknown)]
#[tokio::test]
async fn outcomes_of_a_session_webhook(#[case] answer: ResponseTemplate, #[case] expected: PartOutcome) {
    let platform = Platform::start().await;
    platform.answers("POST", WEBHOOK, vec![answer]).await;
    let target = Target { session_address: Some(platform.webhook()), ..private() };
    assert_eq!(send(&platform.link(json!({})), target, Way::SessionAddress, "# Hi\nbody").await, expected);
    assert_eq!(
        platform.sent(WEBHOOK).await,
        [json!({"msgtype": "markdown", "markdown": {"title": "Hi", "text": "# Hi\n\nbody"}})]
    );
}

#[rstest]
#[case("http://oapi.dingtalk.com/robot/sendBySession?session=s")]
#[case("https://evil.example/robot/sendBySession?session=s")]
#[case("https://oapi.dingtalk.com.evil.example/x")]
#[case("https://u:p@oapi.dingtalk.com/x")]
#[case("https://oapi.dingtalk.com@evil.example/x")]
#[case("https://oapi.dingtalk.com:x@evil.example/x")]
#[case("https://evil.example\\@oapi.dingtalk.com/x")]
#[case("https://evil.example/?x=https://oapi.dingtalk.com/")]
#[case("https://evil.example#@oapi.dingtalk.com/")]
#[case("https://oapi.dingtalk.com:8443/x")]
#[case("https://oapi.dingtalk.com:80/x")]
#[case("https://evildingtalk.com/x")]
#[case("https://dingtalk.com.cn/x")]
#[case("https://oapi.dingtalk.com.:443/x")]
#[case("https://oapi.dingtalk.com%2eevil.example/x")]
#[case("https://oapi.dingtalk.com%00.evil.example/x")]
#[case("https://127.0.0.1/x")]
#[case("https://2130706433/x")]
#[case("https://[::1]/x")]
#[case("https://[::ffff:127.0.0.1]/x")]
#[case("ftp://oapi.dingtalk.com/x")]
#[case("//oapi.dingtalk.com/x")]
#[case("not an address")]
#[tokio::test]
async fn answers_are_posted_to_nobody_but_the_platform(#[case] address: &str) {
    let platform = Platform::start().await;
    let target = Target { session_address: Some(webhook(address)), ..private() };
    assert_eq!(send(&platform.link(json!({})), target, Way::SessionAddress, "hi").await, MISFIT);
    assert!(platform.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_private_message_goes_to_its_person() {
    let platform = Platform::start().await;
    platform
        .answers("POST", PRIVATE_SEND, vec![ok(json!({"processQueryKey": "pqk", "invalidStaffIdList": []}))])
        .await;
    assert_eq!(send(&platform.link(json!({})), private(), Way::Api, "hi \"you\"").await, PartOutcome::Sent);
    let body = platform.sent(PRIVATE_SEND).await.remove(0);
    assert_eq!((&body["robotCode"], &body["userIds"]), (&json!("dingabc"), &json!(["manager807"])));
    assert_eq!(body["msgKey"], "sampleMarkdown");
    let param: Value = serde_json::from_str(body["msgParam"].as_str().unwrap()).unwrap();
    assert_eq!(param, json!({"title": "hi \"you\"", "text": "hi \"you\""}));
}

#[tokio::test]
async fn a_group_message_goes_to_its_group() {
    let platform = Platform::start().await;
    platform.answers("POST", GROUP_SEND, vec![ok(json!({"processQueryKey": "pqk"}))]).await;
    assert_eq!(send(&platform.link(json!({})), group(), Way::Api, "hi").await, PartOutcome::Sent);
    assert_eq!(platform.sent(GROUP_SEND).await[0]["openConversationId"], "cidG1==");
}

#[rstest]
#[case(answered(json!({"processQueryKey": "p", "invalidStaffIdList": ["manager807"]})), MISFIT)]
#[case(answered(json!({"processQueryKey": "p", "filteredStaffIdList": ["manager807"]})), MISFIT)]
#[case(answered(json!({"processQueryKey": "p", "flowControlledStaffIdList": ["manager807"]})), THROTTLED)]
#[case(error(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"), THROTTLED)]
#[case(
    error(403, "Forbidden.AccessDenied.ApiCountLimitForOrg"),
    PartOutcome::Refused(ErrorCode::QuotaExceeded)
)]
#[case(error(400, "robot.oto.notExist"), MISFIT)]
#[case(error(500, "system.error"), PartOutcome::Unknown)]
#[tokio::test]
async fn outcomes_of_a_private_send(#[case] answer: ResponseTemplate, #[case] expected: PartOutcome) {
    let platform = Platform::start().await;
    platform.answers("POST", PRIVATE_SEND, vec![answer]).await;
    assert_eq!(send(&platform.link(json!({})), private(), Way::Api, "hi").await, expected);
    assert_eq!(platform.sent(PRIVATE_SEND).await.len(), 1, "never repeated");
}

#[tokio::test]
async fn ways_that_do_not_exist_are_refused_unasked() {
    let platform = Platform::start().await;
    let link = platform.link(json!({}));
    assert_eq!(send(&link, private(), Way::SessionAddress, "hi").await, MISFIT);
    assert_eq!(send(&link, Target { im_user_id: None, ..private() }, Way::Api, "hi").await, MISFIT);
    assert_eq!(send(&link, private(), Way::Api, " \n").await, MISFIT);
    assert!(platform.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let platform = Platform::start().await;
    let link = platform.link_to(&address, json!({}));
    let target =
        Target { session_address: Some(webhook(&format!("{address}{WEBHOOK}?session=s"))), ..private() };
    assert_eq!(send(&link, target, Way::SessionAddress, "hi").await, PartOutcome::NotSent);
}

#[tokio::test]
async fn a_cut_connection_leaves_the_fate_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let peer = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0_u8; 1024];
        let _ = stream.read(&mut buffer).await;
    });
    let platform = Platform::start().await;
    let link = platform.link_to(&address, json!({}));
    let target =
        Target { session_address: Some(webhook(&format!("{address}{WEBHOOK}?session=s"))), ..private() };
    assert_eq!(send(&link, target, Way::SessionAddress, "hi").await, PartOutcome::Unknown);
    peer.await.unwrap();
}

#[tokio::test]
async fn the_platforms_name_of_a_message_is_kept_for_quotes_of_it() {
    let platform = Platform::start().await;
    platform.answers("POST", GROUP_SEND, vec![ok(json!({"processQueryKey": "pqk1"}))]).await;
    platform.answers("POST", PRIVATE_SEND, vec![ok(json!({"processQueryKey": "pqk2"}))]).await;
    platform.answers("POST", WEBHOOK, vec![ok(json!({"errcode": 0, "processQueryKey": "none"}))]).await;
    let link = platform.link(json!({}));
    let private = Target { session_address: Some(platform.webhook()), ..private() };
    for (target, way, key) in [
        (group(), Way::Api, Some("pqk1")),
        (private.clone(), Way::Api, Some("pqk2")),
        (private, Way::SessionAddress, None),
    ] {
        let request = PartRequest {
            target,
            seq: Seq(1),
            text: "hi".into(),
            format: Format::Markdown,
            way,
            within: Duration::from_secs(12),
        };
        let came = link.send(request).await;
        assert_eq!((came.outcome, came.key.as_deref()), (PartOutcome::Sent, key));
    }
}
