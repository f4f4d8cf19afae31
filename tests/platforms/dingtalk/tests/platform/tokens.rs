//! Access tokens, scopes and the rate limit.

use dingtalk_sim::{SCOPE_CARD_WRITE, SCOPE_SEND};
use serde_json::{Value, json};

use crate::client::{APP, Api, SECRET, simulator};

const TOKEN: &str = "/v1.0/oauth2/accessToken";
const SEND: &str = "/v1.0/robot/oToMessages/batchSend";

fn hello() -> Value {
    json!({"robotCode": APP, "userIds": ["ann"], "msgKey": "sampleText", "msgParam": "{\"content\":\"hi\"}"})
}

#[tokio::test]
async fn a_token_stays_the_same_inside_its_validity() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let again = api.post(TOKEN, &json!({"appKey": APP, "appSecret": SECRET})).await.expect_ok();
    assert_eq!((again["accessToken"].as_str(), &again["expireIn"]), (Some(api.token.as_str()), &json!(7200)));
    let legacy = api.get(&format!("/gettoken?appkey={APP}&appsecret={SECRET}")).await.expect_ok();
    assert_eq!((&legacy["errcode"], legacy["access_token"].as_str()), (&json!(0), Some(api.token.as_str())));
    let body = json!({"client_id": APP, "client_secret": SECRET, "grant_type": "client_credentials"});
    let corp = api.post("/v1.0/oauth2/dingcorp/token", &body).await.expect_ok();
    assert_eq!(corp["access_token"].as_str(), Some(api.token.as_str()));
}

#[tokio::test]
async fn wrong_credentials_get_no_token() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let wrong = api.post(TOKEN, &json!({"appKey": APP, "appSecret": "wrong"})).await;
    assert_eq!(wrong.code(), (400, "invalidClientIdOrSecret"));
    assert_eq!(api.post(TOKEN, &json!({})).await.code(), (400, "invalidParameter.appKey.blank"));
    let legacy = api.get("/gettoken?appkey=x&appsecret=y").await;
    assert_eq!((legacy.status, &legacy.body["errcode"]), (200, &json!(40_089)));
}

#[tokio::test]
async fn an_expired_token_is_refused_with_400_and_a_new_one_works() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    api.post(SEND, &hello()).await.expect_ok();
    simulator.expire_tokens();
    assert_eq!(api.post(SEND, &hello()).await.code(), (400, "InvalidAuthentication"));
    let fresh = Api::new(&simulator).await;
    assert_ne!(fresh.token, api.token);
    fresh.post(SEND, &hello()).await.expect_ok();
    let nobody = Api { token: String::new(), ..fresh };
    assert_eq!(nobody.post(SEND, &hello()).await.status, 401);
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    assert!(simulator.replace_scopes(APP, &[SCOPE_CARD_WRITE]));
    let refused = api.post(SEND, &hello()).await;
    assert_eq!(refused.code(), (403, "Forbidden.AccessDenied.AccessTokenPermissionDenied"));
    assert_eq!(refused.body["accessdenieddetail"]["requiredScopes"], json!([SCOPE_SEND]));
}

#[tokio::test]
async fn calls_beyond_the_rate_are_refused_with_403() {
    let simulator = simulator(|knobs| knobs.qps = 2).await;
    let api = Api::new(&simulator).await;
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(api.post(SEND, &hello()).await.code().1.to_owned());
    }
    let refused = codes.iter().filter(|code| code.ends_with("QpsLimitForAppkeyAndApi")).count();
    assert!((1..=4).contains(&refused), "{codes:?}");
    let counted = simulator.observe(|seen| seen.calls_on(SEND));
    assert_eq!((counted.total, counted.throttled), (6, refused as u64));
}

#[tokio::test]
async fn an_unknown_path_is_a_404_envelope() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    assert_eq!(api.post("/v1.0/nothing", &json!({})).await.code(), (404, "InvalidAction.NotFound"));
}
