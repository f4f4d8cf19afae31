//! What somebody finds who comes for the first time.

use axum::http::header;
use serde_json::json;
use switchboard_domain::ids::ChannelId;
use switchboard_ports::tokens::Role;

use super::{Browser, HOSTILE, assert_harmless};
use crate::testing::TestApi;

#[tokio::test]
async fn a_first_visit_begins_with_the_first_steps() {
    let api = TestApi::new().await;
    let browser = Browser::signed_in(&api, Role::Admin).await;
    let answer = browser.get("/panel/channels").await;
    assert_eq!((answer.status.as_u16(), answer.header(header::LOCATION)), (303, "/panel/welcome"));
    assert!(browser.get("/panel/welcome").await.text.contains("/panel/welcome?kind=echo"));
    api.agent("helper").await;
    assert!(browser.get("/panel/welcome").await.text.contains("/panel/welcome?type=dingtalk"));
    let form = browser.get("/panel/welcome?type=dingtalk").await.text;
    assert!(form.contains("Make an application.") && form.contains("data-check=\"/api/v1/channels/test\""));
    api.channel("one").await;
    assert!(browser.get("/panel/welcome").await.text.contains("Write to the bot"));
}

/// What a new installation begins with: the agent, and a channel without a chat platform; its id.
async fn furnished(api: &TestApi) -> String {
    let agent = api.agent("echo").await.rsplit('/').next().unwrap().to_owned();
    let path = api.channel("playground").await;
    assert_eq!(api.patch(&path, json!({"name": HOSTILE, "default_agent_id": agent})).await.status, 200);
    let id = path.rsplit('/').next().unwrap().to_owned();
    api.stores.state().channels.get_mut(&ChannelId::new(&id)).unwrap().platform = String::from("web");
    id
}

#[tokio::test]
async fn what_came_along_is_there_to_be_tried_and_counts_as_no_step() {
    let api = TestApi::new().await;
    let browser = Browser::signed_in(&api, Role::Admin).await;
    let nowhere = browser.get("/panel/playground").await.text;
    assert!(nowhere.contains("/panel/agents/new?kind=echo") && !nowhere.contains("id=\"words\""));
    let id = furnished(&api).await;
    let first = browser.get("/panel/channels").await;
    assert_eq!((first.status.as_u16(), first.header(header::LOCATION)), (303, "/panel/welcome"));
    assert_eq!(browser.get("/panel/channels?list=true").await.status, 200);
    let steps = browser.get("/panel/welcome").await.text;
    assert!(steps.contains("href=\"/panel/playground\"") && steps.contains("/panel/welcome?kind=echo"));
    api.agent("helper").await;
    let steps = browser.get("/panel/welcome").await.text;
    assert!(steps.contains("/panel/welcome?type=dingtalk") && !steps.contains("?type=web"));
    for role in [Role::Viewer, Role::Operator] {
        let browser = Browser::signed_in(&api, role).await;
        for path in [String::from("/panel/playground"), format!("/panel/playground?channel={id}")] {
            let page = browser.get(&path).await;
            assert_harmless(&path, &page);
            assert!(page.text.contains(&format!("data-channel-id=\"{id}\"")), "{path}");
            assert_eq!(page.text.contains("<fieldset disabled>"), role == Role::Viewer);
            assert!(page.text.contains("value=\"/agents default\"") && page.text.contains("/agents helper"));
        }
    }
    assert_eq!(browser.get("/panel/playground?channel=nobody").await.status, 404);
}
