//! The chat page's own endpoints: files, world, chatting, live events.

use dingtalk_sim::ItemContent;
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::client::{APP, Api, CAP, Stream, data_of, http, simulator};

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let simulator = simulator(|_| {}).await;
    for file in ["", "app.js", "extras.js", "text.js", "words.js", "style.css"] {
        let answer = http().get(format!("{}{file}", simulator.chat_url())).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let text = answer.text().await.unwrap();
        assert!(!text.contains("http://") && !text.contains("https://"), "{file} names another host");
        assert!(!text.contains("innerHTML"), "{file} builds HTML from text");
    }
}

#[tokio::test]
async fn a_person_chats_and_sees_the_message_live() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let mut stream = Stream::connect(&simulator).await;
    let mut events =
        http().get(format!("{}/sim/events", simulator.base_url())).send().await.unwrap().bytes_stream();
    let typed = json!({"app": APP, "sender": "chen", "text": "你好"});
    let sent = api.post("/sim/chat", &typed).await.expect_ok();
    assert_eq!(data_of(&stream.frame().await)["text"]["content"], "你好");
    let event = tokio::time::timeout(CAP, events.next()).await.unwrap().unwrap().unwrap();
    let event: Value = serde_json::from_slice(event.strip_prefix(b"data: ").unwrap()).unwrap();
    assert_eq!((&event["type"], &event["item"]["nick"]), (&json!("item"), &json!("Chen")));
    let seen = api.get(&format!("/sim/conversation?app={APP}&sender=chen")).await.expect_ok();
    assert_eq!((&seen["id"], &seen["items"][0]["text"]), (&sent["conversation"], &json!("你好")));
    assert_eq!(api.post("/sim/chat", &json!({"app": APP, "sender": "chen", "text": " "})).await.status, 422);
    assert_eq!(
        api.post("/sim/chat", &json!({"app": APP, "sender": "nobody", "text": "x"})).await.status,
        404
    );
}

#[tokio::test]
async fn in_a_group_the_robot_hears_only_mentions() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let typed = |mention: bool| json!({"app": APP, "sender": "bob", "group": "cid-team==", "text": "hi", "mention": mention});
    api.post("/sim/chat", &typed(false)).await.expect_ok();
    assert!(simulator.observe(|seen| seen.messages.is_empty()));
    api.post("/sim/chat", &typed(true)).await.expect_ok();
    simulator.observe(|seen| {
        assert_eq!(seen.messages.last().unwrap().text, " hi");
        let items = &seen.conversation("cid-team==").unwrap().items;
        let ids: Vec<bool> = items
            .iter()
            .map(|item| matches!(&item.content, ItemContent::User { msg_id: Some(_), .. }))
            .collect();
        assert_eq!(ids, [false, true]);
    });
}
