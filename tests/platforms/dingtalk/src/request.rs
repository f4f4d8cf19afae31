//! A request as endpoints and fault rules see it, and the app it is attributed to.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{HeaderMap, Uri, header};
use serde_json::Value;

use crate::multipart::boundary_in;
use crate::state::State;

/// Longest id kept in the call log (characters).
const LOGGED_ID_CHARS_MAX: usize = 100;

/// A request with everything endpoints look at.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts about a request that have nothing to do with each other"
)]
pub(crate) struct ApiRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    query: HashMap<String, String>,
    pub(crate) token: Option<String>,
    pub(crate) json_content: bool,
    pub(crate) accepts_json: bool,
    pub(crate) body: Bytes,
    pub(crate) json: Option<Value>,
    /// Client id, once attributed.
    pub(crate) app: Option<String>,
    /// Fault: what every space of a card delivery reports.
    pub(crate) space_fault: Option<String>,
    /// Fault: the pattern of the download address answered.
    pub(crate) answer_url: Option<String>,
    /// The caller sent a Content-Type header.
    pub(crate) has_content_type: bool,
    /// Boundary of a multipart form.
    pub(crate) multipart_boundary: Option<String>,
    /// The body was larger than anything the platform reads; `body` is empty.
    pub(crate) too_large: bool,
    /// Another streaming call on the same card was running when this one arrived.
    pub(crate) overlaps: bool,
}

impl ApiRequest {
    pub(crate) fn new(method: &str, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let query = Query::<HashMap<String, String>>::try_from_uri(uri).map(|query| query.0);
        let query = query.unwrap_or_default();
        // The new API takes the token from its header, the legacy API from the query (dingtalk §0.1).
        let token = match header("x-acs-dingtalk-access-token") {
            "" => query.get("access_token").map(String::as_str).unwrap_or_default(),
            token => token,
        };
        Self {
            method: method.to_owned(),
            path: uri.path().to_owned(),
            token: (!token.is_empty()).then(|| token.to_owned()),
            query,
            json_content: header(header::CONTENT_TYPE.as_str()).contains("json"),
            accepts_json: header(header::ACCEPT.as_str()).contains("application/json"),
            json: serde_json::from_slice(&body).ok(),
            body,
            app: None,
            space_fault: None,
            answer_url: None,
            has_content_type: headers.contains_key(header::CONTENT_TYPE),
            multipart_boundary: boundary_in(header(header::CONTENT_TYPE.as_str())),
            too_large: false,
            overlaps: false,
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
        !text.is_empty() && self.body.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// A text field of the body, cut for the call log.
    pub(crate) fn logged_id(&self, field: &str) -> Option<String> {
        let text = self.field(field)?.as_str()?;
        Some(text.chars().take(LOGGED_ID_CHARS_MAX).collect())
    }

    /// Finds out which app is calling: by token, by credentials, or by webhook session.
    pub(crate) fn attribute(&mut self, state: &State) {
        let by_token = self.token.as_deref().and_then(|token| state.apps.owner_of(token, 0));
        let by_token = by_token.map(|(app, _)| app.to_owned());
        let by_session =
            || state.sessions.get(self.query_value("session")).map(|session| session.app.clone());
        let named =
            [self.text("clientId"), self.text("appKey"), self.text("client_id"), self.query_value("appkey")];
        let by_name = || named.into_iter().find(|name| state.apps.named(name).is_some()).map(str::to_owned);
        self.app = by_token.or_else(by_session).or_else(by_name);
    }
}
