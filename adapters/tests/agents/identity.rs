//! What agents are told of who asks: nothing that they did not ask for.

use std::time::Duration;

use futures_util::StreamExt;
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::message::ChatKind;
use switchboard_domain::secret::Secret;
use switchboard_ports::agent::AgentUser;
use switchboard_ports::agents::{AgentConfig, AgentIdentity, IdentityToken};
use wiremock::{MockServer, Request, ResponseTemplate};

use crate::peer::{build, config, request, try_build};

/// Names as people and hostile directories write them.
const NAME: &str = "张三\r\nX-Admin: 1\u{202E}👩‍💻";

/// What the server gets from an agent of this kind; what it answers does not matter.
async fn received(kind: &str, change: impl FnOnce(&mut AgentConfig)) -> Request {
    let server = MockServer::start().await;
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(400))
        .mount(&server)
        .await;
    let mut config = AgentConfig {
        model: Some("default#team".to_owned()),
        ..config(kind, &format!("{}/api/v1", server.uri()))
    };
    change(&mut config);
    let mut asked = request("hello");
    asked.user = AgentUser {
        display_name: NAME.to_owned(),
        chat: ChatKind::Group,
        email: Some("zhang3@corp.example".to_owned()),
        department: Some("销售".to_owned()),
        ..asked.user
    };
    let _events: Vec<_> = build(&config).run(asked).collect().await;
    server.received_requests().await.unwrap().remove(0)
}

fn token() -> IdentityToken {
    IdentityToken {
        secret: Secret::new("0123456789abcdef0123456789abcdef"),
        header: "X-Who".to_owned(),
        issuer: "switchboard".to_owned(),
        audience: Some("tools".to_owned()),
        lifetime: Duration::from_mins(1),
    }
}

/// The claims of a token, which is not checked here.
fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[rstest]
#[case("openai-chat")]
#[case("openai-responses")]
#[case("wegent")]
#[tokio::test]
async fn an_agent_that_asks_for_nothing_gets_an_id_at_most(#[case] kind: &str) {
    let got = received(kind, |_| {}).await;
    let all = format!("{:?} {}", got.headers, String::from_utf8_lossy(&got.body));
    for told in ["张三", "zhang3", "corp.example", "销售", "group", "eyJ"] {
        assert!(!all.contains(told), "{told} in {all}");
    }
}

#[rstest]
#[case("openai-chat")]
#[case("openai-responses")]
#[case("wegent")]
#[tokio::test]
async fn headers_and_a_token_tell_who_asks(#[case] kind: &str) {
    let got = received(kind, |config| {
        config.identity =
            AgentIdentity { email: true, department: true, token: Some(token()), ..AgentIdentity::default() };
        let template = "{{user.display_name}} {{user.email}} {{user.chat}}";
        config.headers.insert("X-Name".to_owned(), Secret::new(template));
    })
    .await;
    let header = |name: &str| got.headers[name].to_str().unwrap().to_owned();
    let encoded = "%E5%BC%A0%E4%B8%89%0D%0AX-Admin: 1%E2%80%AE%F0%9F%91%A9%E2%80%8D%F0%9F%92%BB";
    assert_eq!(header("x-name"), format!("{encoded} zhang3@corp.example group"));
    assert!(!got.headers.contains_key("x-admin"), "a line break makes no header");
    assert_eq!(header("authorization"), "Bearer sk-test", "the key stays where it is");
    let mut claims = claims(&header("x-who"));
    let id = claims["jti"].take();
    assert_eq!(id.as_str().unwrap().len(), 32);
    let life = claims["exp"].take().as_u64().unwrap() - claims["iat"].take().as_u64().unwrap();
    assert_eq!(life, 60);
    let expected = json!({
        "iss": "switchboard", "aud": "tools", "sub": "usr_1", "iat": null, "exp": null, "jti": null,
        "username": claims["username"], "name": NAME, "platform": "dingtalk", "chat": "group",
        "email": "zhang3@corp.example", "department": "销售",
    });
    assert_eq!(claims, expected);
}

#[rstest]
#[case("openai-chat")]
#[case("openai-responses")]
#[tokio::test]
async fn metadata_tells_who_asks_where_it_is_switched_on(#[case] kind: &str) {
    let got = received(kind, |config| config.identity.metadata = true).await;
    let body: Value = got.body_json().unwrap();
    let metadata = &body["metadata"];
    assert_eq!((&metadata["user_id"], &metadata["name"]), (&json!("usr_1"), &json!(NAME)));
    assert_eq!((&metadata["platform"], &metadata["chat"]), (&json!("dingtalk"), &json!("group")));
    assert_eq!(body["user"], "usr_1");
}

#[rstest]
#[case::email("openai-chat", |it: &mut AgentConfig| header(it, "{{user.email}}"), "/headers/X-Name")]
#[case::department("wegent", |it: &mut AgentConfig| header(it, "{{user.department}}"), "/headers/X-Name")]
#[case::metadata("wegent", |it: &mut AgentConfig| it.identity.metadata = true, "/identity/metadata")]
#[case::key("openai-chat", |it: &mut AgentConfig| carrier(it, "authorization"), "/identity/token/header")]
#[case::twice("openai-chat", |it: &mut AgentConfig| { header(it, "x"); carrier(it, "x-name") }, "/identity/token/header")]
fn what_cannot_be_is_named(#[case] of: &str, #[case] change: fn(&mut AgentConfig), #[case] pointer: &str) {
    let mut config =
        AgentConfig { model: Some("default#team".to_owned()), ..config(of, "https://agent.invalid/api/v1") };
    change(&mut config);
    assert_eq!(try_build(&config).err().unwrap().0, pointer);
}

fn header(config: &mut AgentConfig, value: &str) {
    config.headers.insert("X-Name".to_owned(), Secret::new(value));
}

fn carrier(config: &mut AgentConfig, name: &str) {
    config.identity.token = Some(IdentityToken { header: name.to_owned(), ..token() });
}
