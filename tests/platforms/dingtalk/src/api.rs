//! The one door of the HTTP API: attribution, faults, token, scope, rate, endpoint, call log.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State as Shared};
use axum::http::Request;
use axum::response::Response;
use serde_json::{Value, json};

use crate::call_log::CallGuard;
use crate::config::{SCOPE_CARD_STREAM, SCOPE_CARD_WRITE, SCOPE_CHAT, SCOPE_MEDIA, SCOPE_SEND};
use crate::envelope::{ApiError, answer, answer_xml};
use crate::faults::FaultAction;
use crate::listener::Peer;
use crate::quota::Refused;
use crate::request::ApiRequest;
use crate::state::{Inner, State};
use crate::{apps, card_api, card_stream, emotion, events, files, gateway, media, robot, sent, webhook};

/// Largest request body read (bytes).
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Largest upload read (bytes); the limits of the media types are below it.
const UPLOAD_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What an endpoint answers.
pub(crate) type Outcome = Result<Value, ApiError>;

/// Who may call an endpoint.
enum Guard {
    /// No token needed.
    Public,
    /// A token whose app has this scope.
    Scope(&'static str),
    /// The same, refused with error codes of the legacy API.
    Legacy(&'static str),
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
    Endpoint { method, path, guard: Guard::Public, run }
}

const fn scoped(
    method: &'static str,
    path: &'static str,
    scope: &'static str,
    run: fn(&mut State, &ApiRequest) -> Outcome,
) -> Endpoint {
    Endpoint { method, path, guard: Guard::Scope(scope), run }
}

const fn old(
    method: &'static str,
    path: &'static str,
    scope: &'static str,
    run: fn(&mut State, &ApiRequest) -> Outcome,
) -> Endpoint {
    Endpoint { method, path, guard: Guard::Legacy(scope), run }
}

/// Path of the ticket endpoint.
pub(crate) const OPEN: &str = "/v1.0/gateway/connections/open";
/// Path of streaming updates.
pub(crate) const STREAMING: &str = "/v1.0/card/streaming";
/// Path of uploads.
const UPLOAD: &str = "/media/upload";
const INSTANCES: &str = "/v1.0/card/instances";
const DELIVER: &str = "/v1.0/card/instances/deliver";
/// Path of cards that are created and delivered at once.
pub(crate) const CREATE_AND_DELIVER: &str = "/v1.0/card/instances/createAndDeliver";
const CORP_TOKEN: &str = "/v1.0/oauth2/{corpId}/token";

static ENDPOINTS: [Endpoint; 22] = [
    public("POST", OPEN, gateway::open),
    public("POST", "/v1.0/oauth2/accessToken", apps::access_token),
    public("POST", CORP_TOKEN, apps::corp_token),
    public("GET", "/gettoken", apps::legacy_token),
    public("POST", "/robot/sendBySession", webhook::send),
    old("POST", UPLOAD, SCOPE_MEDIA, media::upload),
    old("GET", "/call_back/get_call_back_failed_result", SCOPE_MEDIA, events::failed_list),
    scoped("POST", "/v1.0/robot/messageFiles/download", SCOPE_SEND, files::download),
    scoped("POST", "/v1.0/robot/oToMessages/batchSend", SCOPE_SEND, robot::batch_send),
    scoped("POST", "/v1.0/robot/groupMessages/send", SCOPE_SEND, robot::group_send),
    scoped("POST", "/v1.0/robot/otoMessages/batchRecall", SCOPE_SEND, sent::batch_recall),
    scoped("POST", "/v1.0/robot/groupMessages/recall", SCOPE_SEND, sent::group_recall),
    scoped("GET", "/v1.0/robot/oToMessages/readStatus", SCOPE_SEND, sent::read_status),
    scoped("POST", "/v1.0/robot/groupMessages/query", SCOPE_SEND, sent::group_query),
    scoped("POST", "/v1.0/robot/emotion/reply", SCOPE_SEND, emotion::reply),
    scoped("POST", "/v1.0/robot/emotion/recall", SCOPE_SEND, emotion::recall),
    scoped("POST", "/v1.0/robot/groups/robots/query", SCOPE_CHAT, robot::list),
    scoped("POST", INSTANCES, SCOPE_CARD_WRITE, card_api::create),
    scoped("PUT", INSTANCES, SCOPE_CARD_WRITE, card_stream::update),
    scoped("POST", DELIVER, SCOPE_CARD_WRITE, card_api::deliver),
    scoped("POST", CREATE_AND_DELIVER, SCOPE_CARD_WRITE, card_api::create_and_deliver),
    scoped("PUT", STREAMING, SCOPE_CARD_STREAM, card_stream::streaming),
];

fn endpoint_of(request: &ApiRequest) -> Option<&'static Endpoint> {
    let is_corp_token = request
        .path
        .strip_prefix("/v1.0/oauth2/")
        .and_then(|rest| rest.strip_suffix("/token"))
        .is_some_and(|corp| !corp.is_empty() && !corp.contains('/'));
    let path = if is_corp_token { CORP_TOKEN } else { request.path.as_str() };
    ENDPOINTS.iter().find(|endpoint| endpoint.method == request.method && endpoint.path == path)
}

impl Endpoint {
    fn call(&self, state: &mut State, request: &ApiRequest) -> Outcome {
        match self.guard {
            Guard::Public => {}
            Guard::Scope(scope) => {
                authorize(state, request, scope)?;
                self.count(state, request).map_err(Refused::error)?;
            }
            Guard::Legacy(scope) => {
                let allowed = legacy_authorize(state, request, scope)
                    .and_then(|()| self.count(state, request).map_err(Refused::legacy));
                if let Err((errcode, errmsg)) = allowed {
                    return Ok(apps::legacy(errcode, errmsg));
                }
            }
        }
        let needs_json = self.method != "GET" && !matches!(self.guard, Guard::Legacy(_));
        if needs_json && self.path != "/robot/sendBySession" && request.json.is_none() {
            return Err(ApiError::bad("Missingbody", "body is mandatory for this action"));
        }
        (self.run)(state, request)
    }

    /// Counts the call against the limits of its app.
    fn count(&self, state: &mut State, request: &ApiRequest) -> Result<(), Refused> {
        let now_ms = state.now_ms();
        let State { buckets, knobs, observed, .. } = state;
        buckets.take(request.caller(), self.path, knobs, now_ms)?;
        observed.metered_calls = observed.metered_calls.saturating_add(1);
        Ok(())
    }
}

fn has_scope(state: &State, app: &str, scope: &str) -> bool {
    state.apps.named(app).is_some_and(|app| app.scopes.iter().any(|granted| granted == scope))
}

fn authorize(state: &State, request: &ApiRequest, scope: &str) -> Result<(), ApiError> {
    let Some(token) = request.token.as_deref() else {
        return Err(ApiError::new(401, "InvalidAuthentication", "缺少access_token"));
    };
    let Some((app, true)) = state.apps.owner_of(token, state.now_ms()) else {
        return Err(ApiError::invalid_token());
    };
    if has_scope(state, app, scope) { Ok(()) } else { Err(ApiError::no_scope(scope)) }
}

/// The legacy API's words for the same (dingtalk §5.3).
fn legacy_authorize(state: &State, request: &ApiRequest, scope: &str) -> Result<(), (i64, &'static str)> {
    let token = request.token.as_deref().ok_or((41_001, "缺少access_token参数"))?;
    match state.apps.owner_of(token, state.now_ms()) {
        None => Err((40_014, "不合法的access_token")),
        Some((_, false)) => Err((42_001, "access_token超时")),
        Some((app, true)) if has_scope(state, app, scope) => Ok(()),
        Some((_, true)) => Err((60_011, "没有调用该接口的权限")),
    }
}

/// Handles every request to the platform's own API.
pub(crate) async fn handle(
    Shared(inner): Shared<Arc<Inner>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let is_upload = parts.uri.path() == UPLOAD;
    let read = to_bytes(body, if is_upload { UPLOAD_BYTES_MAX } else { BODY_BYTES_MAX }).await;
    let too_large = read.is_err();
    if too_large && !is_upload {
        return answer(413, &json!({"code": "RequestBodyTooLarge", "message": "request body is too large"}));
    }
    let body = read.unwrap_or_default();
    let mut request = ApiRequest::new(parts.method.as_str(), &parts.uri, &parts.headers, body);
    request.too_large = too_large;
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
        Some(FaultAction::AnswerUrl { url }) => request.answer_url = Some(url),
        // The others concern the content behind a signed address.
        Some(
            FaultAction::Delay { .. }
            | FaultAction::ExpiredSignature
            | FaultAction::Redirect { .. }
            | FaultAction::ContentType { .. }
            | FaultAction::WrongEncoding
            | FaultAction::SlowBody { .. }
            | FaultAction::EndlessBody
            | FaultAction::CutBody { .. },
        )
        | None => {}
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
        let now_ms = state.now_ms();
        let State { buckets, knobs, .. } = state;
        let admitted = buckets.admit_address(knobs, now_ms);
        let outcome = match (admitted, endpoint_of(request)) {
            (Err(ban), _) => Err(ban),
            (Ok(()), Some(endpoint)) => endpoint.call(state, request),
            (Ok(()), None) => Err(ApiError::new(
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
    body.get("errcode").and_then(Value::as_i64).filter(|code| *code != 0).map(|code| code.to_string())
}
