//! A walk over the API's own document: every operation is tried without a token, with a wrong one, with each role and with
//! parameters nobody knows; what it answers must be what it says.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};
use switchboard_ports::tokens::Role;

use super::auth::role_name;
use super::openapi;
use crate::testing::{Answer, TestApi, problem};

/// Which role each operation takes. It is said here once more, so that whatever is added has to be thought of: who reads is a
/// viewer, who operates an operator, who changes settings or people an admin.
const EXPECTED: &str = "
viewer GET /api/v1/acts
viewer GET /api/v1/agents
admin POST /api/v1/agents
admin DELETE /api/v1/agents/{id}
viewer GET /api/v1/agents/{id}
admin PATCH /api/v1/agents/{id}
admin POST /api/v1/agents/{id}/rollback
operator POST /api/v1/agents/{id}/test
viewer GET /api/v1/agents/{id}/versions
viewer GET /api/v1/agents/{id}/versions/{version}
admin POST /api/v1/agents/test
viewer GET /api/v1/audit
viewer GET /api/v1/changes
viewer GET /api/v1/channels
admin POST /api/v1/channels
admin DELETE /api/v1/channels/{id}
viewer GET /api/v1/channels/{id}
admin PATCH /api/v1/channels/{id}
operator POST /api/v1/channels/{id}/disable
operator POST /api/v1/channels/{id}/enable
operator POST /api/v1/channels/{id}/mapping/test
operator POST /api/v1/channels/{id}/messages
operator POST /api/v1/channels/{id}/restart
admin POST /api/v1/channels/{id}/rollback
viewer GET /api/v1/channels/{id}/history
viewer GET /api/v1/channels/{id}/log
viewer GET /api/v1/channels/{id}/status
operator POST /api/v1/channels/{id}/test
viewer GET /api/v1/channels/{id}/versions
viewer GET /api/v1/channels/{id}/versions/{version}
admin POST /api/v1/channels/test
viewer GET /api/v1/conversations
viewer GET /api/v1/conversations/{id}
viewer GET /api/v1/conversations/{id}/messages
operator POST /api/v1/conversations/{id}/reset
operator POST /api/v1/conversations/{id}/stop
admin GET /api/v1/diagnostics
viewer GET /api/v1/events
viewer GET /api/v1/export
viewer GET /api/v1/failures
operator DELETE /api/v1/failures/{id}
operator POST /api/v1/failures/{id}/retry
admin POST /api/v1/import
viewer GET /api/v1/messages/{id}
viewer GET /api/v1/messages/{id}/timeline
viewer GET /api/v1/metrics/history
viewer GET /api/v1/openapi.json
operator POST /api/v1/playground/{id}/messages
viewer GET /api/v1/playground/{id}/stream
viewer GET /api/v1/replicas
viewer GET /api/v1/status
admin GET /api/v1/tokens
admin POST /api/v1/tokens
admin DELETE /api/v1/tokens/{id}
viewer GET /api/v1/users
admin POST /api/v1/users
admin DELETE /api/v1/users/{id}
viewer GET /api/v1/users/{id}
admin PATCH /api/v1/users/{id}
admin GET /api/v1/users/{id}/export
admin DELETE /api/v1/users/{id}/identities/{platform}/{im_user_id}
admin PUT /api/v1/users/{id}/identities/{platform}/{im_user_id}
anybody GET /healthz
viewer GET /metrics
anybody GET /readyz
";

/// The role that is expected of an operation, `None` where everybody may.
fn expected(method: &str, path: &str) -> Option<Role> {
    let place = format!("{} {path}", method.to_uppercase());
    let line = EXPECTED.lines().find_map(|line| line.split_once(' ').filter(|(_, of)| *of == place));
    let (role, _) = line.unwrap_or_else(|| panic!("{place} is new: say in the table above who may use it"));
    ROLES.into_iter().find(|one| role_name(*one) == role)
}

const ROLES: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

struct Operation {
    method: Method,
    path: String,
    needs: Option<Role>,
    answers: Vec<u16>,
    has_body: bool,
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&openapi::text(&[], &[])).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let needs = expected(method, path);
            let said = operation["security"][0]["bearer"][0].as_str();
            assert_eq!(said, needs.map(role_name), "{method} {path}");
            let answers = operation["responses"].as_object().unwrap().keys();
            operations.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path
                    .replace("{id}", "nobody")
                    .replace("{version}", "1")
                    .replace("{platform}", "dingtalk")
                    .replace("{im_user_id}", "u1"),
                needs,
                answers: answers.map(|status| status.parse().unwrap()).collect(),
                has_body: operation["requestBody"].is_object(),
            });
        }
    }
    assert_eq!(operations.len(), EXPECTED.trim().lines().count(), "the table has what there is no longer");
    operations
}

async fn tried(api: &TestApi, operation: &Operation, query: &str, token: Option<&str>) -> Answer {
    let uri = format!("{}{query}", operation.path);
    let mut request = Request::builder().method(operation.method.clone()).uri(uri);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = if operation.has_body {
        request = request.header(header::CONTENT_TYPE, "application/json");
        Body::from(json!({}).to_string())
    } else {
        Body::empty()
    };
    // Streams end at once when the server is stopping.
    api.shutdown.cancel();
    api.send(request.body(body).unwrap()).await
}

#[tokio::test]
async fn without_a_token_and_with_a_wrong_one_every_operation_answers_401_and_changes_nothing() {
    let api = TestApi::new().await;
    let before = api.stores.state().clone();
    for operation in operations().iter().filter(|operation| operation.needs.is_some()) {
        for token in [None, Some("swb_wrong"), Some("")] {
            let answer = tried(&api, operation, "", token).await;
            problem(&answer, 401, "unauthorized");
            assert_eq!(answer.header(header::WWW_AUTHENTICATE), "Bearer realm=\"switchboard\"");
        }
    }
    assert_eq!(*api.stores.state(), before);
    assert!(api.operations.calls().is_empty());
}

#[tokio::test]
async fn every_operation_takes_the_role_it_says_and_every_greater_one() {
    let api = TestApi::new().await;
    for operation in operations() {
        let Some(needs) = operation.needs else { continue };
        for role in ROLES {
            let answer = tried(&api, &operation, "", Some(api.token(role))).await;
            let place = format!("{} {} as {role:?}: {answer:?}", operation.method, operation.path);
            if role < needs {
                problem(&answer, 403, "forbidden");
            } else {
                assert_ne!(answer.status, 403, "{place}");
            }
            assert!(operation.answers.contains(&answer.status.as_u16()), "{place}");
        }
    }
    assert!(api.operations.calls().is_empty());
}

#[tokio::test]
async fn unknown_ids_answer_404_everywhere_and_unknown_parameters_422() {
    let api = TestApi::new().await;
    for operation in operations() {
        if !operation.path.starts_with(openapi::BASE) {
            continue;
        }
        let token = Some(api.token(Role::Admin));
        if operation.path.contains("nobody") {
            problem(&tried(&api, &operation, "", token).await, 404, "not-found");
        }
        let answer = tried(&api, &operation, "?colour=red", token).await;
        problem(&answer, 422, "invalid-field");
        assert_eq!(answer.pointers(), ["/colour"]);
    }
}

#[tokio::test]
async fn every_operation_answers_503_while_the_store_is_away() {
    let api = TestApi::new().await;
    let token = api.token(Role::Admin).to_owned();
    api.stores.set_down(true);
    for operation in operations().iter().filter(|operation| operation.needs.is_some()) {
        let answer = tried(&api, operation, "", Some(&token)).await;
        problem(&answer, 503, "unavailable");
        assert_eq!(answer.header(header::RETRY_AFTER), "1");
    }
}

#[tokio::test]
async fn methods_nobody_knows_answer_405_with_the_ones_there_are() {
    let api = TestApi::new().await;
    for operation in operations() {
        let request = api.request(Method::TRACE, &operation.path, None);
        let answer = api.send(request).await;
        problem(&answer, 405, "method-not-allowed");
        let allow = answer.header(header::ALLOW).to_owned();
        assert!(allow.contains(operation.method.as_str()), "{} {allow}", operation.path);
    }
}
