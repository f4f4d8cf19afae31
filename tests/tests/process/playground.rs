//! The playground: a newcomer's first minute, and what the machines promise there as everywhere.

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_tests::api::Api;
use switchboard_tests::events::{Event, Events};
use switchboard_tests::scripted_agent::{Behaviour, ScriptedAgent};
use switchboard_tests::server::{Home, Server};
use test_servers::redis;

use super::stage::{answer_to, echo, no_alarm};

const NEW: &str = "Started a new conversation. How can I help you?";

/// Somebody with a token, and a channel to talk in.
struct Talk {
    api: Api,
    channel: String,
}

impl Talk {
    async fn say(&self, text: &str) -> Value {
        let path = format!("/playground/{}/messages", self.channel);
        self.api.send(Method::POST, &path, Some(&json!({ "text": text }))).await.expect(202)
    }

    async fn listen(&self) -> Events {
        self.api.stream(&format!("/playground/{}/stream", self.channel)).await
    }
}

/// What somebody sees: of each item the last that was told, in order.
fn seen(events: &[Event]) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    for event in events {
        match event.name.as_str() {
            "room" => items.clone_from(event.data["items"].as_array().unwrap()),
            "item" => match items.iter_mut().find(|item| item["id"] == event.data["id"]) {
                Some(there) => there.clone_from(&event.data),
                None => items.push(event.data.clone()),
            },
            _ => {}
        }
    }
    items
}

/// What the bot has said, as far as it is whole.
fn answers(events: &[Event]) -> Vec<String> {
    let whole = |item: &&Value| item["by"] == "bot" && item["state"] != "open";
    let text = |item: &Value| item["text"].as_str().unwrap().to_owned();
    seen(events).iter().filter(whole).map(text).collect()
}

async fn wait_answers(events: &Events, wanted: &[&str]) {
    events.wait_for(|events| (answers(events) == wanted).then_some(())).await;
}

async fn wait_open(events: &Events, beginning: &str) {
    let is_seen =
        |item: &Value| item["state"] == "open" && item["text"].as_str().unwrap().starts_with(beginning);
    events.wait_for(|events| seen(events).iter().any(is_seen).then_some(())).await;
}

/// A server that nobody has configured.
async fn fresh(home: &mut Home) -> (Server, Api) {
    home.unset("SWITCHBOARD_SECURITY__ADMIN_TOKEN");
    let server = home.serve().await;
    let token = server.line("admin token: ").await;
    let api = Api::at(server.base(), Some(&token));
    (server, api)
}

/// The channels there are.
async fn channels(api: &Api) -> Vec<Value> {
    api.get("/channels").await["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_has_a_streamed_answer_at_once() {
    let mut home = Home::default();
    let (server, api) = fresh(&mut home).await;
    let there = channels(&api).await;
    let [channel] = there.as_slice() else { panic!("{there:?}") };
    assert_eq!((&channel["name"], &channel["type"]), (&json!("Playground"), &json!("web")));
    let channel = channel["id"].as_str().unwrap().to_owned();
    api.wait_connected(&channel).await;
    let talk = Talk { api, channel };
    let events = talk.listen().await;
    let question = "one two three four five six seven eight nine ten";
    let said = talk.say(question).await;
    wait_answers(&events, &[question]).await;
    // It was seen while it grew, from the words that say that it is thought about.
    let all = events.seen();
    let shown: Vec<_> = all.iter().filter(|event| event.data["by"] == "bot").collect();
    assert_eq!(shown[0].data["text"], "Thinking...");
    let partly = |text: &str| text.contains("one") && !text.contains("ten");
    assert!(shown.iter().any(|event| partly(event.data["text"].as_str().unwrap())), "{shown:#?}");
    let items = seen(&all);
    assert_eq!(
        (&items[0]["by"], &items[0]["id"], &items[0]["state"]),
        (&json!("person"), &said["message_id"], &json!("done"))
    );
    assert_eq!(items[1]["seq"], 1);
    // Somebody became a user by the token's name, and the conversation is there like any other.
    let id = said["conversation_id"].as_str().unwrap();
    let conversation = talk.api.get(&format!("/conversations/{id}")).await;
    assert_eq!(conversation["author"], "bootstrap-admin");
    let users = talk.api.get("/users").await;
    let identity = json!({"platform": "web", "im_user_id": "bootstrap-admin"});
    let known = users["items"][0]["identities"][0].clone();
    assert_eq!((&known["platform"], &known["im_user_id"]), (&identity["platform"], &identity["im_user_id"]));
    // A new session has forgotten everything.
    talk.say("again").await;
    wait_answers(&events, &[question, "again\n\n(I remember 2 earlier messages.)"]).await;
    talk.say("/new").await;
    // An answer's card does not wait for a notice that is on its way.
    wait_answers(&events, &[question, "again\n\n(I remember 2 earlier messages.)", NEW]).await;
    talk.say("and now").await;
    wait_answers(&events, &[question, "again\n\n(I remember 2 earlier messages.)", NEW, "and now"]).await;
    no_alarm(&home);
    assert_eq!(server.terminate().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_deletes_the_playground_or_configures_the_server_has_none() {
    let mut home = Home::default();
    let (server, api) = fresh(&mut home).await;
    let token = server.line("admin token: ").await;
    let channel = channels(&api).await[0].clone();
    let agent = channel["default_agent_id"].as_str().unwrap().to_owned();
    let channel = channel["id"].as_str().unwrap();
    for path in [format!("/channels/{channel}"), format!("/agents/{agent}")] {
        assert_eq!(api.send(Method::DELETE, &path, None).await.status, 204);
    }
    server.kill().await;
    let server = home.serve().await;
    let api = Api::at(server.base(), Some(&token));
    assert_eq!(channels(&api).await, Vec::<Value>::new());
    assert_eq!(api.get("/agents").await["items"], json!([]));
    server.kill().await;
    // The admin token is configured, or resources are.
    let configured = Home::default();
    let server = configured.serve().await;
    assert_eq!(channels(&Api::of(&server)).await, Vec::<Value>::new());
    let mut declared = Home::default();
    declared.configure("[[agents]]\nname = \"mine\"\nkind = \"echo\"\n");
    let (_server, api) = fresh(&mut declared).await;
    assert_eq!(channels(&api).await, Vec::<Value>::new());
    assert_eq!(api.get("/agents").await["items"].as_array().unwrap().len(), 1);
}

/// A channel without a chat platform, answered by a scripted agent.
struct Stand {
    home: Home,
    server: Server,
    agent: ScriptedAgent,
    talk: Talk,
}

impl Stand {
    async fn start() -> Self {
        let (home, agent) = (Home::default(), ScriptedAgent::start(echo).await.expect("the agent starts"));
        let server = home.serve().await;
        let api = Api::of(&server);
        let id = api.create("/agents", &agent.settings()).await;
        let channel = json!({ "name": "Here", "type": "web", "config": {}, "default_agent_id": id });
        let channel = api.create("/channels", &channel).await;
        api.wait_connected(&channel).await;
        Self { home, server, agent, talk: Talk { api, channel } }
    }

    async fn kill_and_serve(self) -> Self {
        let Self { home, server, agent, talk } = self;
        server.kill().await;
        let server = home.serve().await;
        let talk = Talk { api: Api::of(&server), ..talk };
        talk.api.wait_connected(&talk.channel).await;
        Self { home, server, agent, talk }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_ends_an_answer_with_the_words_it_has() {
    let stand = Stand::start().await;
    stand.agent.queue([Behaviour::HangAfter { text: "The beginning".into() }]);
    let events = stand.talk.listen().await;
    stand.talk.say("a long story").await;
    wait_open(&events, "The beginning").await;
    stand.talk.say("/stop").await;
    let stopped =
        |events: &[Event]| answers(events).first().filter(|text| text.starts_with("The beginning")).cloned();
    let text = events.wait_for(stopped).await;
    assert_ne!(text, "The beginning", "it has a mark");
    stand.talk.say("next").await;
    events.wait_for(|events| answers(events).contains(&answer_to("next")).then_some(())).await;
    no_alarm(&stand.home);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_cut_by_kill_9_ends_after_the_restart() {
    let stand = Stand::start().await;
    stand.agent.queue([Behaviour::HangAfter { text: "The beginning".into() }]);
    let events = stand.talk.listen().await;
    stand.talk.say("a long story").await;
    wait_open(&events, "The beginning").await;
    let stand = stand.kill_and_serve().await;
    let events = stand.talk.listen().await;
    wait_answers(&events, &[&answer_to("a long story")]).await;
    // Whoever looks in later sees question and answer, each once.
    let stand = stand.kill_and_serve().await;
    let events = stand.talk.listen().await;
    let items = events.wait_for(|events| Some(seen(events)).filter(|items| !items.is_empty())).await;
    let texts: Vec<_> = items.iter().map(|item| item["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["a long story", &answer_to("a long story")]);
    no_alarm(&stand.home);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_do_not_see_each_other_and_a_viewer_only_looks() {
    let stand = Stand::start().await;
    let token = async |name: &str, role: &str| {
        let made = stand.home.run(&["token", "create", "--name", name, "--role", role]).await.fine();
        made.stdout.trim().to_owned()
    };
    let (bob, eve) = (token("bob", "operator").await, token("eve", "viewer").await);
    let of = |token: &str| Talk {
        api: stand.talk.api.with_token(Some(token)),
        channel: stand.talk.channel.clone(),
    };
    let (bob, eve) = (of(&bob), of(&eve));
    let (mine, bobs, eves) = (stand.talk.listen().await, bob.listen().await, eve.listen().await);
    stand.talk.say("my secret").await;
    bob.say("bob's own").await;
    wait_answers(&mine, &[&answer_to("my secret")]).await;
    wait_answers(&bobs, &[&answer_to("bob's own")]).await;
    eves.wait_for(|events| (!events.is_empty()).then_some(())).await;
    assert_eq!(seen(&eves.seen()), Vec::<Value>::new());
    let path = format!("/playground/{}/messages", eve.channel);
    assert_eq!(eve.api.send(Method::POST, &path, Some(&json!({ "text": "hi" }))).await.status, 403);
    // Whatever agents say is asked of them as one conversation each.
    assert_eq!(stand.agent.asked().len(), 2);
    no_alarm(&stand.home);
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_somebody_looks_and_speaks_both_replicas_show_the_same() {
    let redis = redis::Server::start(&[]);
    let home = Home::on_redis(&redis.url());
    let agent = ScriptedAgent::start(echo).await.expect("the agent starts");
    let (one, other) = (home.serve().await, home.serve().await);
    let (here, there) = (Api::of(&one), Api::of(&other));
    let id = here.create("/agents", &agent.settings()).await;
    let channel = json!({ "name": "Here", "type": "web", "config": {}, "default_agent_id": id });
    let channel = here.create("/channels", &channel).await;
    // Each replica has a connection of its own.
    here.wait_status(&channel, |status| status["connections"] == 2).await;
    let talks = [here, there].map(|api| Talk { api, channel: channel.clone() });
    let events = [talks[0].listen().await, talks[1].listen().await];
    let mut wanted = Vec::new();
    for (number, talk) in talks.iter().cycle().take(4).enumerate() {
        let question = format!("question {number}");
        wanted.push(answer_to(&question));
        talk.say(&question).await;
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        for events in &events {
            wait_answers(events, &wanted).await;
            let persons = seen(&events.seen()).iter().filter(|item| item["by"] == "person").count();
            assert_eq!(persons, number + 1);
        }
    }
    no_alarm(&home);
}
