//! The one door of the HTTP API: attribution, faults, token, scope, rate, endpoint, call log.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Query, State as Shared};
use axum::http::{HeaderMap, Request, Uri, header};
use axum::response::Response;
use serde_json::{Value, json};

use crate::config::{SCOPE_CARD_STREAM, SCOPE_CARD_WRITE, SCOPE_SEND};
use crate::envelope::{ApiError, answer, answer_xml};
use crate::faults::FaultAction;
use crate::listener::Peer;
use crate::records::{CallRecord, ViolationKind};
use crate::state::{Inner, State};
use crate::{apps, card_api, card_stream, gateway, robot, webhook};

/// Largest request body read (bytes).
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Longest id kept in the call log (characters).
const LOGGED_ID_CHARS_MAX: usize = 100;

/// What an endpoint answers.
pub(crate) type Outcome = Result<Value, ApiError>;

/// A request with everything endpoints look at.
#[derive(Debug)]
pub(crate) struct ApiRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    query: HashMap<String, String>,
    token: Option<String>,
    pub(crate) json_content: bool,
    pub(crate) accepts_json: bool,
    pub(crate) body: Bytes,
    pub(crate) json: Option<Value>,
    /// Client id, once attributed.
    pub(crate) app: Option<String>,
    /// Fault: what every space of a card delivery reports.
    pub(crate) space_fault: Option<String>,
}

impl ApiRequest {
    pub(crate) fn new(method: &str, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Self {
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let query = Query::<HashMap<String, String>>::try_from_uri(uri).map(|query| query.0);
        let token = header("x-acs-dingtalk-access-token");
        Self {
            method: method.to_owned(),
            path: uri.path().to_owned(),
            query: query.unwrap_or_default(),
            token: (!token.is_empty()).then(|| token.to_owned()),
            json_content: header(header::CONTENT_TYPE.as_str()).contains("json"),
            accepts_json: header(header::ACCEPT.as_str()).contains("application/json"),
            json: serde_json::from_slice(&body).ok(),
            body,
            app: None,
            space_fault: None,
        }
    }

    /// A text field of the body; empty when missing or of another type.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.field(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A true-or-false field of the body; false when missing.
    pub(crate) fn flag(&self, field: &str) -> bool {
        self.field(field).and_then(Value::as_bool).unwrap_or_default()
    }

    /// A field of the body.
    pub(crate) fn field(&self, field: &str) -> Option<&Value> {
        self.json.as_ref()?.get(field)
    }

    /// A query parameter; empty when missing.
    pub(crate) fn query_value(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The caller's client id; endpoints behind a token always have one.
    pub(crate) fn caller(&self) -> &str {
        self.app.as_deref().unwrap_or_default()
    }

    pub(crate) fn raw_body_contains(&self, text: &str) -> bool {
        !text.is_empty()
            && self
                .body
                .windows(text.len())
                .any(|window| window == text.as_bytes())
    }

    fn logged_id(&self, field: &str) -> Option<String> {
        let text = self.field(field)?.as_str()?;
        Some(text.chars().take(LOGGED_ID_CHARS_MAX).collect())
    }

    /// Finds out which app is calling: by token, by credentials, or by webhook session.
    pub(crate) fn attribute(&mut self, state: &State) {
        let by_token = self
            .token
            .as_deref()
            .and_then(|token| state.apps.owner_of(token, 0));
        let by_token = by_token.map(|(app, _)| app.to_owned());
        let by_session = || {
            state
                .sessions
                .get(self.query_value("session"))
                .map(|session| session.app.clone())
        };
        let named = [
            self.text("clientId"),
            self.text("appKey"),
            self.text("client_id"),
            self.query_value("appkey"),
        ];
        let by_name = || {
            named
                .into_iter()
                .find(|name| state.apps.named(name).is_some())
                .map(str::to_owned)
        };
        self.app = by_token.or_else(by_session).or_else(by_name);
    }
}

/// Who may call an endpoint.
enum Guard {
    /// No token needed.
    Public,
    /// A token whose app has this scope.
    Scope(&'static str),
}

struct Endpoint {
    method: &'static str,
    path: &'static str,
    guard: Guard,
    run: fn(&mut State, &ApiRequest) -> Outcome,
}

const fn public(
    method: &'static str,
    path: &'static str,
    run: fn(&mut State, &ApiRequest) -> Outcome,
) -> Endpoint {
    Endpoint {
        method,
        path,
        guard: Guard::Public,
        run,
    }
}

const fn scoped(
    method: &'static str,
    path: &'static str,
    scope: &'static str,
    run: fn(&mut State, &ApiRequest) -> Outcome,
) -> Endpoint {
    Endpoint {
        method,
        path,
        guard: Guard::Scope(scope),
        run,
    }
}

/// Path of the ticket endpoint.
pub(crate) const OPEN: &str = "/v1.0/gateway/connections/open";
/// Path of streaming updates.
pub(crate) const STREAMING: &str = "/v1.0/card/streaming";
const INSTANCES: &str = "/v1.0/card/instances";
const DELIVER: &str = "/v1.0/card/instances/deliver";
const CREATE_AND_DELIVER: &str = "/v1.0/card/instances/createAndDeliver";
const CORP_TOKEN: &str = "/v1.0/oauth2/{corpId}/token";

static ENDPOINTS: [Endpoint; 12] = [
    public("POST", OPEN, gateway::open),
    public("POST", "/v1.0/oauth2/accessToken", apps::access_token),
    public("POST", CORP_TOKEN, apps::corp_token),
    public("GET", "/gettoken", apps::legacy_token),
    public("POST", "/robot/sendBySession", webhook::send),
    scoped(
        "POST",
        "/v1.0/robot/oToMessages/batchSend",
        SCOPE_SEND,
        robot::batch_send,
    ),
    scoped(
        "POST",
        "/v1.0/robot/groupMessages/send",
        SCOPE_SEND,
        robot::group_send,
    ),
    scoped("POST", INSTANCES, SCOPE_CARD_WRITE, card_api::create),
    scoped("PUT", INSTANCES, SCOPE_CARD_WRITE, card_stream::update),
    scoped("POST", DELIVER, SCOPE_CARD_WRITE, card_api::deliver),
    scoped(
        "POST",
        CREATE_AND_DELIVER,
        SCOPE_CARD_WRITE,
        card_api::create_and_deliver,
    ),
    scoped("PUT", STREAMING, SCOPE_CARD_STREAM, card_stream::streaming),
];

fn endpoint_of(request: &ApiRequest) -> Option<&'static Endpoint> {
    let is_corp_token = request
        .path
        .strip_prefix("/v1.0/oauth2/")
        .and_then(|rest| rest.strip_suffix("/token"))
        .is_some_and(|corp| !corp.is_empty() && !corp.contains('/'));
    let path = if is_corp_token {
        CORP_TOKEN
    } else {
        request.path.as_str()
    };
    ENDPOINTS
        .iter()
        .find(|endpoint| endpoint.method == request.method && endpoint.path == path)
}

impl Endpoint {
    fn call(&self, state: &mut State, request: &ApiRequest) -> Outcome {
        if let Guard::Scope(scope) = self.guard {
            authorize(state, request, scope)?;
            let (qps, now_ms) = (state.knobs.qps, state.now_ms());
            state.buckets.take(request.caller(), self.path, qps, now_ms)?;
        }
        if self.method != "GET" && self.path != "/robot/sendBySession" && request.json.is_none() {
            return Err(ApiError::bad("Missingbody", "body is mandatory for this action"));
        }
        (self.run)(state, request)
    }
}

fn authorize(state: &State, request: &ApiRequest, scope: &str) -> Result<(), ApiError> {
    let Some(token) = request.token.as_deref() else {
        return Err(ApiError::new(401, "InvalidAuthentication", "缺少access_token"));
    };
    let Some((app, true)) = state.apps.owner_of(token, state.now_ms()) else {
        return Err(ApiError::invalid_token());
    };
    let granted = state
        .apps
        .named(app)
        .is_some_and(|app| app.scopes.iter().any(|granted| granted == scope));
    if granted {
        Ok(())
    } else {
        Err(ApiError::no_scope(scope))
    }
}

/// Handles every request to the platform's own API.
pub(crate) async fn handle(
    Shared(inner): Shared<Arc<Inner>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return answer(
            413,
            &json!({"code": "RequestBodyTooLarge", "message": "request body is too large"}),
        );
    };
    let mut request = ApiRequest::new(parts.method.as_str(), &parts.uri, &parts.headers, body);
    let mut call = CallGuard::arrive(&inner, &mut request);
    let action = call.judge(&request).await;
    match action {
        Some(FaultAction::Deny { status, body }) => {
            call.finish(status, code_in(&body), false);
            return answer(status, &body);
        }
        Some(FaultAction::Cut) => {
            peer.control.reset();
            call.finish(0, None, false);
            return answer(500, &Value::Null);
        }
        Some(FaultAction::Hang) => {
            peer.control.ended().await;
            return answer(500, &Value::Null);
        }
        Some(FaultAction::SpaceFails { message }) => request.space_fault = Some(message),
        Some(FaultAction::ApplyThenDeny { status, body }) => {
            let (_, _, ok) = carry_out(&inner, &request);
            call.finish(status, code_in(&body), ok);
            return answer(status, &body);
        }
        Some(FaultAction::ApplyThenCut) => {
            let (_, _, ok) = carry_out(&inner, &request);
            peer.control.reset();
            call.finish(0, None, ok);
            return answer(500, &Value::Null);
        }
        Some(FaultAction::Delay { .. }) | None => {}
    }
    let (status, body, ok) = carry_out(&inner, &request);
    call.finish(status, code_in(&body), ok);
    if request.path == OPEN && !request.accepts_json && inner.look(|state| state.knobs.require_accept_json) {
        return answer_xml(status, &body);
    }
    answer(status, &body)
}

/// Runs the endpoint: status, body, and whether it succeeded.
fn carry_out(inner: &Inner, request: &ApiRequest) -> (u16, Value, bool) {
    inner.change(|state| {
        let outcome = match endpoint_of(request) {
            Some(endpoint) => endpoint.call(state, request),
            None => Err(ApiError::new(
                404,
                "InvalidAction.NotFound",
                "Specified api is not found, please check your url and method.",
            )),
        };
        let answer = match outcome {
            Ok(body) => (200, body),
            Err(error) => {
                let request_id = state.uuid().to_uppercase();
                (error.status, error.body(&request_id))
            }
        };
        if request.path == OPEN {
            gateway::record_open(state, request, answer.0, code_in(&answer.1));
        }
        let ok = answer.0 == 200 && code_in(&answer.1).is_none();
        (answer.0, answer.1, ok)
    })
}

/// The error code in an answer, if it is an error.
fn code_in(body: &Value) -> Option<String> {
    if let Some(code) = body.get("code").and_then(Value::as_str) {
        return Some(code.to_owned());
    }
    body.get("errcode")
        .and_then(Value::as_i64)
        .filter(|code| *code != 0)
        .map(|code| code.to_string())
}

/// Logs one call exactly once, also when the client leaves before the answer.
pub(crate) struct CallGuard {
    inner: Arc<Inner>,
    record: Option<CallRecord>,
    streaming: Option<String>,
}

impl CallGuard {
    /// Attributes the call and notes its arrival.
    pub(crate) fn arrive(inner: &Arc<Inner>, request: &mut ApiRequest) -> Self {
        inner.look(|state| request.attribute(state));
        let streaming = if request.path == STREAMING {
            request.logged_id("outTrackId")
        } else {
            None
        };
        let record = CallRecord {
            at_ms: inner.look(State::now_ms),
            method: request.method.clone(),
            path: request.path.clone(),
            app: request.app.clone(),
            status: 499,
            code: Some("clientGone".to_owned()),
            out_track_id: request.logged_id("outTrackId"),
            guid: request.logged_id("guid"),
            fault: None,
            applied: false,
            took_ms: 0,
        };
        if let Some(card) = &streaming {
            inner.change(|state| enter_streaming(state, card));
        }
        Self {
            inner: Arc::clone(inner),
            record: Some(record),
            streaming,
        }
    }

    /// Asks the fault rules, waits out delays, and returns the action that remains.
    pub(crate) async fn judge(&mut self, request: &ApiRequest) -> Option<FaultAction> {
        let verdict = self.inner.change(|state| {
            let State { faults, rng, .. } = state;
            faults.judge(request, |probability| {
                use rand::RngExt;
                rng.random_bool(probability.clamp(0.0, 1.0))
            })
        });
        if let Some(record) = &mut self.record {
            let delayed = (verdict.delay_ms > 0).then_some("delay");
            record.fault = verdict
                .action
                .as_ref()
                .map(FaultAction::name)
                .or(delayed)
                .map(str::to_owned);
        }
        if verdict.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(verdict.delay_ms)).await;
        }
        verdict.action
    }

    /// The call was answered (`status` 0: cut).
    pub(crate) fn finish(mut self, status: u16, code: Option<String>, applied: bool) {
        if let Some(record) = &mut self.record {
            record.status = status;
            record.code = code;
            record.applied = applied;
        }
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        let (record, streaming) = (self.record.take(), self.streaming.take());
        self.inner.change(|state| {
            if let Some(card) = streaming {
                leave_streaming(state, &card);
            }
            if let Some(mut record) = record {
                record.took_ms = state.now_ms().saturating_sub(record.at_ms);
                state.observed.count_call(record);
            }
        });
    }
}

fn enter_streaming(state: &mut State, card: &str) {
    let running = state.streaming_now.entry(card.to_owned()).or_insert(0);
    *running = running.saturating_add(1);
    if *running > 1 {
        let now_ms = state.now_ms();
        state
            .observed
            .violate(now_ms, ViolationKind::ConcurrentStreaming, format!("card {card}"));
    }
}

fn leave_streaming(state: &mut State, card: &str) {
    if let Some(running) = state.streaming_now.get_mut(card) {
        *running = running.saturating_sub(1);
        if *running == 0 {
            state.streaming_now.remove(card);
        }
    }
}
