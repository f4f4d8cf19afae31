//! The whole router on fakes, and a short way to ask it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use switchboard_domain::ids::{UserId, Version};
use switchboard_domain::secret::Secret;
use switchboard_domain::time::Timestamp;
use switchboard_ports::tokens::Role;
use switchboard_ports::users::{Identity, User};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{FakeClock, FakeOperations, FakePlayground, FakeStores, START_MS, ports};
use crate::config::{self, Environment, Overrides};
use crate::http::auth::{Authenticator, bootstrap};
use crate::http::origin::Trust;
use crate::http::{Api, Parts, router};
use crate::ports::Ports;
use crate::telemetry::lines::Lines;
use crate::telemetry::metrics;

/// The configured admin token.
pub(crate) const CONFIGURED: &str = "configured-token-of-tests";

/// A configuration's `[server]`.
pub(crate) fn server_section(lines: &str) -> config::Server {
    configuration(lines).server
}

/// A configuration whose `[server]` has these lines.
fn configuration(lines: &str) -> config::Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sb.toml");
    std::fs::write(&path, format!("[server]\n{lines}")).unwrap();
    let overrides = Overrides { config: Some(path), ..Overrides::default() };
    config::load(&overrides, &Environment::default()).unwrap()
}

/// The router with everything behind it in reach.
pub(crate) struct TestApi {
    pub(crate) router: Router,
    pub(crate) stores: Arc<FakeStores>,
    pub(crate) operations: Arc<FakeOperations>,
    pub(crate) playground: Arc<FakePlayground>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) shutdown: CancellationToken,
    viewer: String,
    operator: String,
    admin: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The pointers of all bad fields.
    pub(crate) fn pointers(&self) -> Vec<&str> {
        let errors = self.json["errors"].as_array().unwrap();
        errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect()
    }
}

/// Asserts that an answer is a whole problem document with this status and kind.
#[track_caller]
pub(crate) fn problem(answer: &Answer, status: u16, kind: &str) {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/problem+json");
    assert_eq!(answer.json["status"], status);
    assert_eq!(answer.json["type"], format!("urn:switchboard:problem:{kind}"));
    assert!(answer.json["title"].as_str().is_some_and(|title| !title.is_empty()));
    assert!(answer.json["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
}

impl TestApi {
    pub(crate) async fn new() -> Self {
        Self::with(false).await
    }

    pub(crate) async fn with(metrics_public: bool) -> Self {
        Self::configured(metrics_public, "").await
    }

    /// With a `[server]` section of these lines.
    pub(crate) async fn configured(metrics_public: bool, server: &str) -> Self {
        Self::put_together(metrics_public, server, Some(Secret::new(CONFIGURED))).await
    }

    /// With stored tokens only.
    pub(crate) async fn without_configured_token() -> Self {
        Self::put_together(false, "", None).await
    }

    async fn put_together(metrics_public: bool, server: &str, configured: Option<Secret>) -> Self {
        let config = configuration(server);
        let server = config.server.clone();
        let (stores, clock) = (Arc::new(FakeStores::default()), Arc::new(FakeClock::default()));
        let operations = Arc::new(FakeOperations::default());
        let playground = Arc::new(FakePlayground::default());
        let ports = Ports { playground: playground.clone(), ..ports(&stores, clock.clone()) };
        let token = |name, role| bootstrap::made(name, role, &*ports.tokens, &*ports.clock, &*ports.entropy);
        let viewer = token("v", Role::Viewer).await.unwrap();
        let operator = token("o", Role::Operator).await.unwrap();
        let admin = token("a", Role::Admin).await.unwrap();
        let shutdown = CancellationToken::new();
        let lines = Arc::new(Lines::default());
        lines.begin(&ports.clock);
        let api = Api::new(Parts {
            authenticator: Authenticator::new(&ports, configured.as_ref()),
            trust: Trust::of(&server),
            ports,
            operations: operations.clone(),
            metrics: metrics::detached().unwrap(),
            configuration: config.shown(),
            lines: lines.clone(),
            metrics_public,
            shutdown: shutdown.clone(),
            started_at: Timestamp::from_millis(START_MS),
        });
        Self {
            router: router(api),
            stores,
            operations,
            playground,
            clock,
            lines,
            shutdown,
            viewer,
            operator,
            admin,
        }
    }

    pub(crate) fn token(&self, role: Role) -> &str {
        match role {
            Role::Viewer => &self.viewer,
            Role::Operator => &self.operator,
            Role::Admin => &self.admin,
        }
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 64 * 1024 * 1024).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, text, json }
    }

    /// A request of the admin, with a JSON body where there is one.
    pub(crate) fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Request<Body> {
        let builder = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.admin));
        match body {
            None => builder.body(Body::empty()).unwrap(),
            Some(json) => {
                let builder = builder.header(header::CONTENT_TYPE, "application/json");
                builder.body(Body::from(json.to_string())).unwrap()
            }
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, &format!("/api/v1{path}"), None)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, &format!("/api/v1{path}"), None)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, &format!("/api/v1{path}"), Some(&body))).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, &format!("/api/v1{path}"), Some(&body))).await
    }

    pub(crate) async fn patch_if(&self, path: &str, tag: &str, body: Value) -> Answer {
        let mut request = self.request(Method::PATCH, &format!("/api/v1{path}"), Some(&body));
        request.headers_mut().insert(header::IF_MATCH, tag.parse().unwrap());
        self.send(request).await
    }

    /// A user there is; its id is `usr_` and the name.
    pub(crate) fn user(&self, username: &str, identities: Vec<Identity>) -> UserId {
        let user = User {
            id: UserId::new(format!("usr_{username}")),
            username: username.to_owned(),
            email: None,
            email_verified: false,
            display_name: username.to_uppercase(),
            auth_source: String::from("api"),
            disabled: false,
            department: None,
            choices: std::collections::BTreeMap::new(),
            directory: None,
            shut_out_by: None,
            identities,
            version: Version(1),
            created_at: Timestamp::from_millis(START_MS),
            updated_at: Timestamp::from_millis(START_MS),
        };
        let id = user.id.clone();
        self.stores.state().users.insert(id.clone(), user);
        id
    }

    /// Makes an echo agent; its path.
    pub(crate) async fn agent(&self, name: &str) -> String {
        let made = self.post("/agents", json!({"name": name, "kind": "echo"})).await;
        assert_eq!(made.status, 201, "{made:?}");
        format!("/agents/{}", made.json["id"].as_str().unwrap())
    }

    /// Makes a channel with a bot of its own; its path.
    pub(crate) async fn channel(&self, name: &str) -> String {
        let config = json!({"client_id": format!("ding-{name}"), "client_secret": "s3cr3t"});
        let made = self.post("/channels", json!({"name": name, "type": "dingtalk", "config": config})).await;
        assert_eq!(made.status, 201, "{made:?}");
        format!("/channels/{}", made.json["id"].as_str().unwrap())
    }
}
