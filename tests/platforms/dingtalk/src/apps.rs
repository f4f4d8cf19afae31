//! Apps, their access tokens (new and legacy API), and scopes.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::api::Outcome;
use crate::config::AppConfig;
use crate::envelope::ApiError;
use crate::request::ApiRequest;
use crate::state::State;

/// Tokens remembered, valid and expired; the oldest generation leaves first.
const TOKENS_MAX: usize = 10_000;

/// Registered apps and the tokens given to them.
#[derive(Debug)]
pub(crate) struct Apps {
    list: Vec<AppConfig>,
    /// Token to (client id, end of life in ms since the epoch).
    tokens: HashMap<String, (String, u64)>,
    /// Client id to its current token.
    current: HashMap<String, String>,
}

impl Apps {
    pub(crate) fn new(list: Vec<AppConfig>) -> Self {
        let list = list.into_iter().map(|mut app| {
            if app.robot_code.is_empty() {
                app.robot_code.clone_from(&app.client_id);
            }
            app
        });
        Self { list: list.collect(), tokens: HashMap::new(), current: HashMap::new() }
    }

    pub(crate) fn all(&self) -> &[AppConfig] {
        &self.list
    }

    pub(crate) fn named(&self, client_id: &str) -> Option<&AppConfig> {
        self.list.iter().find(|app| app.client_id == client_id)
    }

    pub(crate) fn named_mut(&mut self, client_id: &str) -> Option<&mut AppConfig> {
        self.list.iter_mut().find(|app| app.client_id == client_id)
    }

    pub(crate) fn has_robot(&self, robot_code: &str) -> bool {
        self.list.iter().any(|app| app.robot_code == robot_code)
    }

    /// The credentials fit.
    pub(crate) fn verify(&self, client_id: &str, client_secret: &str) -> bool {
        self.named(client_id).is_some_and(|app| app.client_secret == client_secret)
    }

    /// Client id and validity of a token.
    pub(crate) fn owner_of(&self, token: &str, now_ms: u64) -> Option<(&str, bool)> {
        let (app, until_ms) = self.tokens.get(token)?;
        Some((app, now_ms < *until_ms))
    }

    /// No token is valid any more.
    pub(crate) fn expire_all(&mut self) {
        for (_, until_ms) in self.tokens.values_mut() {
            *until_ms = 0;
        }
        self.current.clear();
    }
}

/// The app's valid token, renewed, or a new one (dingtalk §5.1).
fn issue(state: &mut State, client_id: &str) -> String {
    let until_ms = state.now_ms().saturating_add(state.knobs.token_ttl_ms);
    let now_ms = state.now_ms();
    if let Some(token) = state.apps.current.get(client_id).cloned()
        && let Some((_, end_ms)) = state.apps.tokens.get_mut(&token)
        && now_ms < *end_ms
    {
        *end_ms = until_ms;
        return token;
    }
    if state.apps.tokens.len() >= TOKENS_MAX {
        state.apps.tokens.retain(|_, (_, end_ms)| now_ms < *end_ms);
    }
    let token = state.hex(32);
    state.apps.tokens.insert(token.clone(), (client_id.to_owned(), until_ms));
    state.apps.current.insert(client_id.to_owned(), token.clone());
    token
}

/// `POST /v1.0/oauth2/accessToken`
pub(crate) fn access_token(state: &mut State, request: &ApiRequest) -> Outcome {
    let key = request.text("appKey");
    if key.is_empty() {
        return Err(ApiError::bad("invalidParameter.appKey.blank", "appKey不能为空"));
    }
    let secret = request.text("appSecret");
    if secret.is_empty() {
        return Err(ApiError::bad("invalidParameter.appSecret.blank", "appSecret不能为空"));
    }
    if !state.apps.verify(key, secret) {
        return Err(ApiError::bad("invalidClientIdOrSecret", "无效的clientId或者clientSecret"));
    }
    let token = issue(state, key);
    Ok(json!({"accessToken": token, "expireIn": state.knobs.token_ttl_ms / 1000}))
}

/// `POST /v1.0/oauth2/{corpId}/token`
pub(crate) fn corp_token(state: &mut State, request: &ApiRequest) -> Outcome {
    if request.text("grant_type") != "client_credentials" {
        return Err(ApiError::bad("unsupported.grant.type", "unsupported grant type"));
    }
    let key = request.text("client_id");
    if !state.apps.verify(key, request.text("client_secret")) {
        return Err(ApiError::bad("invalid.client", "invalid client"));
    }
    let token = issue(state, key);
    Ok(json!({"access_token": token, "expires_in": state.knobs.token_ttl_ms / 1000}))
}

/// `GET /gettoken` (legacy)
#[expect(clippy::unnecessary_wraps, reason = "one signature for all endpoints")]
pub(crate) fn legacy_token(state: &mut State, request: &ApiRequest) -> Outcome {
    let key = request.query_value("appkey");
    if !state.apps.verify(key, request.query_value("appsecret")) {
        return Ok(legacy(40_089, "不合法的corpid或corpsecret"));
    }
    let token = issue(state, key);
    let expires_in = state.knobs.token_ttl_ms / 1000;
    Ok(json!({"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": expires_in}))
}

/// A legacy answer: HTTP 200 whatever happened.
pub(crate) fn legacy(errcode: i64, errmsg: &str) -> Value {
    json!({"errcode": errcode, "errmsg": errmsg})
}
