//! Asking the platform without connecting: which calls are made, what each answer says, and that nobody sees anything.
#![allow(clippy::indexing_slicing, reason = "assertions on JSON bodies: a missing field is a failed test")]

mod dingtalk_support;

use std::time::Duration;

use dingtalk_support::{
    INSTANCES, OPEN, OWN_TEMPLATE, PRIVATE_SEND, Platform, STREAMING, StillClock, TOKEN, channel, direct,
    error, ok, own_template,
};
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_adapters::dingtalk::DingTalk;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::notice::Finding;
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::Locale;
use switchboard_ports::provider::{Check, CheckResult, Provider, Unmetered};
use tokio::time::Instant;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const DOWNLOAD: &str = "/v1.0/robot/messageFiles/download";
const DENIED: &str = "Forbidden.AccessDenied.AccessTokenPermissionDenied";
const ADDRESS: &str = "Forbidden.AccessDenied.IpNotInWhiteList";
const QUOTA: &str = "Forbidden.AccessDenied.ApiCountLimitForOrg";

/// Answers of the platform to what a preflight asks.
struct Answers {
    open: ResponseTemplate,
    send: ResponseTemplate,
    make: ResponseTemplate,
    stream: ResponseTemplate,
    file: ResponseTemplate,
}

impl Answers {
    /// All is well.
    fn fine() -> Self {
        Self {
            open: ok(json!({"endpoint": "wss://h/c", "ticket": "t"})),
            send: error(400, "invalidParameter.userIds.empty"),
            make: ok(json!({"success": true, "result": "t"})),
            stream: ok(json!({"success": true, "result": true})),
            file: error(400, "invalidParameter.robotCode.downloadCode"),
        }
    }

    /// Everything but the credentials is answered like this.
    fn all(answer: &ResponseTemplate) -> Self {
        Self {
            open: answer.clone(),
            send: answer.clone(),
            make: answer.clone(),
            stream: answer.clone(),
            file: answer.clone(),
        }
    }

    async fn given_by(self, platform: &Platform) {
        platform.answers("POST", OPEN, vec![self.open]).await;
        platform.answers("POST", PRIVATE_SEND, vec![self.send]).await;
        platform.answers("POST", INSTANCES, vec![self.make]).await;
        platform.answers("PUT", STREAMING, vec![self.stream]).await;
        platform.answers("POST", DOWNLOAD, vec![self.file]).await;
    }

    async fn checked(self, config: Value) -> Vec<Check> {
        let platform = Platform::start().await;
        self.given_by(&platform).await;
        platform.link(config).preflight().await
    }
}

fn detail<'c>(checks: &'c [Check], name: &str) -> &'c str {
    checks.iter().find(|check| check.name == name).map_or("", |check| &check.detail)
}

#[track_caller]
fn assert_found(checks: &[Check], name: &str, result: CheckResult, finding: Finding) {
    let check = checks.iter().find(|check| check.name == name);
    let found = check.map(|check| (check.result, check.finding));
    assert_eq!(found, Some((result, finding)), "{name}: {check:?}");
}

#[tokio::test]
async fn where_all_is_well_every_check_says_so_and_nobody_sees_anything() {
    let platform = Platform::start().await;
    Answers::fine().given_by(&platform).await;
    let checks = platform.link(own_template()).preflight().await;
    let names: Vec<_> = checks.iter().map(|check| (check.name, check.result)).collect();
    assert_eq!(
        names,
        [
            ("token", CheckResult::Ok),
            ("stream", CheckResult::Ok),
            ("robot", CheckResult::Ok),
            ("card", CheckResult::Ok),
            ("card_callback", CheckResult::CannotBeTold),
            ("media", CheckResult::Ok),
            ("ip_list", CheckResult::Ok),
            ("quota", CheckResult::Ok),
        ]
    );
    assert!(checks.iter().all(|check| check.detail.is_empty()), "{checks:?}");

    let mut asked = platform.asked().await;
    asked.sort_unstable();
    let mut expected = [OPEN, INSTANCES, STREAMING, PRIVATE_SEND, DOWNLOAD];
    expected.sort_unstable();
    assert_eq!(asked, expected, "each is asked once: calls count against a quota");
    assert!(platform.sent(TOKEN).await.len() <= 2);
    assert_eq!(platform.sent(PRIVATE_SEND).await[0]["userIds"], json!([]), "a message to nobody");
    let made = platform.sent(INSTANCES).await.remove(0);
    assert_eq!(made["cardTemplateId"], OWN_TEMPLATE);
    assert_eq!(made["callbackType"], "STREAM");
    for space in ["openSpaceId", "imGroupOpenSpaceModel", "imRobotOpenSpaceModel", "imRobotOpenDeliverModel"]
    {
        assert!(made.get(space).is_none(), "the card is shown nowhere: {space}");
    }
    let stroke = platform.sent(STREAMING).await.remove(0);
    assert_eq!(
        (&stroke["key"], &stroke["isFull"], &stroke["isFinalize"]),
        (&json!("answer"), &json!(true), &json!(true))
    );
    assert_eq!(stroke["outTrackId"], made["outTrackId"]);
}

#[tokio::test]
async fn without_cards_none_is_made_and_the_public_template_has_no_button() {
    let platform = Platform::start().await;
    Answers::fine().given_by(&platform).await;
    let checks = platform.link(json!({"ai_card": {"enabled": false}})).preflight().await;
    assert_found(&checks, "card", CheckResult::Ok, Finding::CardsOff);
    assert!(platform.sent(INSTANCES).await.is_empty());
    let checks = platform.link(json!({})).preflight().await;
    assert_found(&checks, "card", CheckResult::Ok, Finding::CardsWork);
    assert!(checks.iter().all(|check| check.name != "card_callback"));
    assert_eq!(platform.sent(STREAMING).await[0]["key"], "msgContent");
}

#[rstest]
#[case(error(401, "authFailed"), CheckResult::Failed, Finding::Error(ErrorCode::InvalidCredentials))]
#[case(error(400, "invalidParameter"), CheckResult::Failed, Finding::StreamRefused)]
#[case(ResponseTemplate::new(400), CheckResult::Failed, Finding::StreamRefused)]
#[case(ResponseTemplate::new(400).set_body_string("<html>plain HTTP request</html>"), CheckResult::Failed,
    Finding::StreamRefused)]
#[case(error(400, "systemError"), CheckResult::CannotBeTold, Finding::StreamRefused)]
#[case(error(403, ADDRESS), CheckResult::CannotBeTold, Finding::SeeOtherChecks)]
#[case(ResponseTemplate::new(503), CheckResult::CannotBeTold, Finding::Untold)]
#[case(error(504, "service.timeout"), CheckResult::CannotBeTold, Finding::Untold)]
#[case(ok(json!({"status": 1111, "punish": "deny"})), CheckResult::CannotBeTold, Finding::SeeOtherChecks)]
#[tokio::test]
async fn a_stream_that_is_refused_says_why(
    #[case] open: ResponseTemplate,
    #[case] result: CheckResult,
    #[case] finding: Finding,
) {
    let checks = Answers { open, ..Answers::fine() }.checked(json!({})).await;
    assert_found(&checks, "stream", result, finding);
    assert!(!detail(&checks, "stream").is_empty(), "the platform's own words");
    assert_found(&checks, "token", CheckResult::Ok, Finding::CredentialsAccepted);
}

#[rstest]
#[case(ok(json!({"processQueryKey": "k"})), CheckResult::Ok, Finding::RobotMaySend)]
#[case(error(400, "invalidParameter.userIds.invalid"), CheckResult::Ok, Finding::RobotMaySend)]
#[case(error(403, DENIED), CheckResult::Failed, Finding::SendPermissionMissing)]
#[case(error(400, "invalidParameter.robotCode.notExsit"), CheckResult::Failed, Finding::RobotMissing)]
#[case(error(400, "resource.not.found"), CheckResult::Failed, Finding::RobotMissing)]
#[case(error(400, "bot.stopped"), CheckResult::Failed, Finding::RobotMissing)]
#[case(
    error(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"),
    CheckResult::CannotBeTold,
    Finding::Untold
)]
#[case(error(500, "system.error"), CheckResult::CannotBeTold, Finding::Untold)]
#[case(error(400, "brand.new"), CheckResult::CannotBeTold, Finding::Untold)]
#[tokio::test]
async fn a_message_to_nobody_shows_whether_the_robot_may_send(
    #[case] send: ResponseTemplate,
    #[case] result: CheckResult,
    #[case] finding: Finding,
) {
    let checks = Answers { send, ..Answers::fine() }.checked(json!({})).await;
    assert_found(&checks, "robot", result, finding);
}

#[rstest]
#[case::no_permission(error(403, DENIED), None, CheckResult::Failed, Finding::CardPermissionMissing)]
#[case::no_template(
    error(400, "param.templateNotExist"),
    None,
    CheckResult::Failed,
    Finding::TemplateMissing
)]
#[case::unpublished(
    error(400, "param.templateUnpublished"),
    None,
    CheckResult::Failed,
    Finding::TemplateUnpublished
)]
#[case::busy(error(500, "system.busy"), None, CheckResult::CannotBeTold, Finding::Untold)]
#[case::there_already(error(400, "param.cardAlreadyExist"), Some(ok(json!({"success": true}))), CheckResult::Ok,
    Finding::CardsWork)]
#[case::no_streaming(ok(json!({"success": true})), Some(error(403, DENIED)), CheckResult::Failed,
    Finding::StreamingPermissionMissing)]
#[case::wrong_key(ok(json!({"success": true})), Some(error(500, "unknownError")), CheckResult::Failed,
    Finding::KeyNotStreamed)]
#[case::not_shown(ok(json!({"success": true})), Some(error(400, "param.stream.outTrackId")),
    CheckResult::CannotBeTold, Finding::Untold)]
#[tokio::test]
async fn a_card_that_nobody_sees_shows_what_is_wrong_with_cards(
    #[case] make: ResponseTemplate,
    #[case] stream: Option<ResponseTemplate>,
    #[case] result: CheckResult,
    #[case] finding: Finding,
) {
    let platform = Platform::start().await;
    let is_streamed = stream.is_some();
    let stream = stream.unwrap_or_else(|| ok(json!({"success": true})));
    Answers { make, stream, ..Answers::fine() }.given_by(&platform).await;
    let checks = platform.link(own_template()).preflight().await;
    assert_found(&checks, "card", result, finding);
    assert_eq!(!platform.sent(STREAMING).await.is_empty(), is_streamed);
}

/// The variable of the public template is not the operator's to mend.
#[tokio::test]
async fn an_unknown_error_of_the_public_template_is_no_wrong_key() {
    let stream = error(500, "unknownError");
    let checks = Answers { stream, ..Answers::fine() }.checked(json!({})).await;
    assert_found(&checks, "card", CheckResult::CannotBeTold, Finding::Untold);
}

#[rstest]
#[case(error(400, "invalidParameter.robotCode.auth"), CheckResult::Ok, Finding::FilesMayBeFetched)]
#[case(error(403, DENIED), CheckResult::Failed, Finding::FilePermissionMissing)]
#[case(error(404, "InvalidAction.NotFound"), CheckResult::CannotBeTold, Finding::Untold)]
#[tokio::test]
async fn a_file_that_does_not_exist_shows_whether_files_may_be_fetched(
    #[case] file: ResponseTemplate,
    #[case] result: CheckResult,
    #[case] finding: Finding,
) {
    let checks = Answers { file, ..Answers::fine() }.checked(json!({})).await;
    assert_found(&checks, "media", result, finding);
}

#[rstest]
#[case(error(403, ADDRESS), "ip_list", Finding::AddressRefused)]
#[case(error(403, QUOTA), "quota", Finding::Error(ErrorCode::QuotaExceeded))]
#[case(ok(json!({"status": 1111, "wait": 5, "punish": "deny"})), "ip_list", Finding::AddressBanned)]
#[case(ResponseTemplate::new(403).set_body_string("<html>"), "ip_list", Finding::AddressBanned)]
#[tokio::test]
async fn what_stops_every_call_is_named_once(
    #[case] answer: ResponseTemplate,
    #[case] name: &str,
    #[case] finding: Finding,
) {
    let checks = Answers::all(&answer).checked(own_template()).await;
    assert_found(&checks, name, CheckResult::Failed, finding);
    assert!(!detail(&checks, name).is_empty());
    for other in ["stream", "robot", "card", "media"] {
        assert_found(&checks, other, CheckResult::CannotBeTold, Finding::SeeOtherChecks);
    }
    assert_eq!(checks.iter().filter(|check| check.result == CheckResult::Failed).count(), 1);
}

#[tokio::test]
async fn with_wrong_credentials_token_and_stream_fail_and_nothing_else_is_guessed() {
    let platform = Platform { server: MockServer::start().await, calls: std::sync::Arc::default() };
    platform.answers("POST", TOKEN, vec![error(400, "invalidClientIdOrSecret")]).await;
    platform.answers("POST", OPEN, vec![error(401, "authFailed")]).await;
    let checks = platform.link(own_template()).preflight().await;
    for name in ["token", "stream"] {
        assert_found(&checks, name, CheckResult::Failed, Finding::Error(ErrorCode::InvalidCredentials));
    }
    for name in ["robot", "card", "media"] {
        assert_found(&checks, name, CheckResult::CannotBeTold, Finding::SeeOtherChecks);
    }
    for name in ["ip_list", "quota"] {
        assert_found(&checks, name, CheckResult::CannotBeTold, Finding::SeeOtherChecks);
    }
    assert!(checks.iter().all(|check| !check.detail.contains("s3cr3t")));
    assert_eq!(platform.asked().await, [OPEN], "without a token nothing is asked");
}

/// A failed check says what to do: what it has no words for is told by the one that has.
#[rstest]
#[case(error(403, ADDRESS), "ip_list")]
#[case(ok(json!({"status": 1111, "wait": 5, "punish": "deny"})), "ip_list")]
#[case(error(403, QUOTA), "quota")]
#[case(ResponseTemplate::new(503), "token")]
#[tokio::test]
async fn every_failed_check_says_what_to_do(#[case] answer: ResponseTemplate, #[case] failed: &str) {
    let platform = Platform { server: MockServer::start().await, calls: std::sync::Arc::default() };
    platform.answers("POST", TOKEN, vec![answer.clone()]).await;
    Answers::all(&answer).given_by(&platform).await;
    let checks = platform.link(own_template()).preflight().await;
    for check in checks.iter().filter(|check| check.result == CheckResult::Failed) {
        assert_eq!(check.name, failed, "{checks:?}");
        for locale in [Locale::En, Locale::ZhCn] {
            assert!(check.finding.words(locale).remedy.is_some(), "{check:?}");
        }
    }
    assert!(checks.iter().any(|check| check.result == CheckResult::Failed), "{checks:?}");
}

#[tokio::test]
async fn a_platform_out_of_reach_is_a_failure_of_the_network() {
    let platform = Platform::start().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let checks = platform.link_to(&gone, json!({})).preflight().await;
    for name in ["token", "stream"] {
        assert_found(&checks, name, CheckResult::Failed, Finding::Error(ErrorCode::NetworkUnreachable));
    }
    assert_found(&checks, "robot", CheckResult::CannotBeTold, Finding::SeeOtherChecks);
}

/// What does not depend on each other is asked at the same time, and a platform that hangs ends nothing but its own check.
#[tokio::test]
async fn a_platform_that_hangs_is_bounded() {
    let platform = Platform::start().await;
    let hang = |answer: ResponseTemplate| answer.set_delay(Duration::from_mins(1));
    let slow = Mock::given(method("POST")).and(path(DOWNLOAD)).respond_with(hang(ok(json!({}))));
    slow.mount(&platform.server).await;
    Answers { send: hang(ok(json!({}))), ..Answers::fine() }.given_by(&platform).await;
    let begun = Instant::now();
    let checks = platform.link(own_template()).preflight().await;
    assert!(begun.elapsed() < Duration::from_secs(15), "took {:?}", begun.elapsed());
    for name in ["robot", "media"] {
        assert_found(&checks, name, CheckResult::CannotBeTold, Finding::Untold);
    }
    assert_found(&checks, "card", CheckResult::Ok, Finding::CardsWork);
}

/// Where the platform quotes the secret, it is masked; where that is too short to be told from ordinary words, its words
/// are left out.
#[rstest]
#[case::sensible("s3cr3t", "the secret s3cr3t is wrong", "invalidClientIdOrSecret: the secret *** is wrong")]
#[case::one_letter("e", "the secret e is wrong", "invalidClientIdOrSecret")]
#[case::not_quoted("zq", "the secret is wrong", "invalidClientIdOrSecret: the secret is wrong")]
#[tokio::test]
async fn a_secret_goes_no_further_and_garbles_nothing(
    #[case] secret: &str,
    #[case] message: &str,
    #[case] expected: &str,
) {
    let platform = Platform { server: MockServer::start().await, calls: std::sync::Arc::default() };
    let answer = json!({"code": "invalidClientIdOrSecret", "message": message, "requestid": "r"});
    platform.answers("POST", TOKEN, vec![ResponseTemplate::new(400).set_body_json(answer)]).await;
    let mut channel = channel(&platform.server.uri(), json!({}));
    channel.secrets.insert("/client_secret".into(), Secret::new(secret));
    let provider =
        DingTalk::new(std::sync::Arc::new(StillClock), direct(), std::sync::Arc::new(|_, _| ())).unwrap();
    let checks = provider.link(&channel, std::sync::Arc::new(Unmetered)).unwrap().preflight().await;
    assert_eq!(detail(&checks, "token"), expected);
}
