//! Error envelopes of the new API (dingtalk §9.1).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An error answer of the new API.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: String,
    message: String,
    required_scopes: Vec<String>,
    /// Answered instead of the envelope.
    raw: Option<Value>,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            required_scopes: Vec::new(),
            raw: None,
        }
    }

    /// HTTP 400.
    pub(crate) fn bad(code: &str, message: &str) -> Self {
        Self::new(400, code, message)
    }

    /// This body instead of the envelope.
    pub(crate) fn raw(status: u16, code: &str, body: Value) -> Self {
        let mut error = Self::new(status, code, "");
        error.raw = Some(body);
        error
    }

    pub(crate) fn unknown() -> Self {
        Self::new(500, "unknownError", "未知错误")
    }

    pub(crate) fn no_scope(scope: &str) -> Self {
        let message = format!("应用尚未开通所需的权限：[{scope}]");
        let mut error = Self::new(403, "Forbidden.AccessDenied.AccessTokenPermissionDenied", &message);
        error.required_scopes.push(scope.to_owned());
        error
    }

    pub(crate) fn invalid_token() -> Self {
        Self::bad("InvalidAuthentication", "不合法的access_token")
    }

    pub(crate) fn body(&self, request_id: &str) -> Value {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut body = json!({"code": self.code, "requestid": request_id, "message": self.message});
        if let Some(fields) = body.as_object_mut().filter(|_| !self.required_scopes.is_empty()) {
            fields.insert("accessdenieddetail".to_owned(), json!({"requiredScopes": self.required_scopes}));
        }
        body
    }
}

/// A response with a status number and a body: objects as JSON, texts as HTML (gateways answer like that).
pub(crate) fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (kind, text) = match body {
        Value::String(text) => ("text/html; charset=utf-8", text.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            ("application/json; charset=utf-8", body.to_string())
        }
    };
    (status, [(header::CONTENT_TYPE, kind)], text).into_response()
}

/// The flat XML that the gateway answers when nobody asked for JSON (dingtalk §1.1).
pub(crate) fn answer_xml(status: u16, body: &Value) -> Response {
    let mut inner = String::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        for part in ["<", name, ">", &text.replace('&', "&amp;").replace('<', "&lt;"), "</", name, ">"] {
            inner.push_str(part);
        }
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><response>{inner}</response>");
    (status, [(header::CONTENT_TYPE, "application/xml; charset=utf-8")], text).into_response()
}
