//! Agents and channels kept as code in the configuration file.

use dingtalk_sim::Simulator;
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::json;
use switchboard_tests::api::Api;
use switchboard_tests::scripted_agent::ScriptedAgent;
use switchboard_tests::server::CAP;

use super::stage::{APP, APP_SECRET, Plan, Stage, answer_to, echo};

fn agent_table(agent: &ScriptedAgent) -> String {
    format!(
        "[[agents]]\nname = \"helper\"\nkind = \"openai-chat\"\nbase_url = \"{}\"\nmodel = \"m\"\napi_key = \"${{AGENT_KEY}}\"\n",
        agent.base_url()
    )
}

fn channel_table(simulator: &Simulator, locale: &str) -> String {
    let base = simulator.base_url();
    format!(
        "[[channels]]\nname = \"Declared\"\ntype = \"dingtalk\"\ndefault_agent = \"helper\"\nlocale = \"{locale}\"\n\
        [channels.config]\nclient_id = \"{APP}\"\nclient_secret = \"${{BOT_SECRET}}\"\n\
        api_base_url = \"{base}\"\noapi_base_url = \"{base}\"\nai_card = {{ update_interval_ms = 50 }}\n"
    )
}

/// A stage whose agent and channel stand in the file.
async fn declared() -> Stage {
    let mut plan = Plan::default();
    plan.home.set("AGENT_KEY", "sk-from-the-environment");
    plan.home.set("BOT_SECRET", APP_SECRET);
    let simulator = Simulator::start(plan.simulator).await.unwrap();
    let agent = ScriptedAgent::start(echo).await.unwrap();
    plan.home.configure(&[agent_table(&agent), channel_table(&simulator, "en")].concat());
    let server = plan.home.serve().await;
    let api = Api::of(&server);
    let channel = id_of(&api, "/channels", "Declared").await;
    api.wait_connected(&channel).await;
    Stage { server, api, channel, agent, simulator, home: plan.home }
}

async fn id_of(api: &Api, path: &str, name: &str) -> String {
    let list = api.get(path).await;
    let found = list["items"].as_array().unwrap().iter().find(|one| one["name"] == name);
    found.expect("it is listed")["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_file_declares_works_with_secrets_from_the_environment_and_the_api_does_not_change_it() {
    let stage = declared().await;
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
    let asked = &stage.agent.asked()[0];
    assert_eq!(asked.headers["authorization"], "Bearer sk-from-the-environment");

    let channel = format!("/channels/{}", stage.channel);
    let agent = format!("/agents/{}", id_of(&stage.api, "/agents", "helper").await);
    for (method, path) in [
        (Method::PATCH, channel.clone()),
        (Method::DELETE, channel.clone()),
        (Method::POST, format!("{channel}/disable")),
        (Method::PATCH, agent.clone()),
        (Method::DELETE, agent.clone()),
    ] {
        let body = (method == Method::PATCH).then(|| json!({ "name": "mine" }));
        let problem = stage.api.send(method, &path, body.as_ref()).await.expect(409);
        assert_eq!(problem["type"], "urn:switchboard:problem:managed-by-file", "{path}: {problem}");
    }
    let view = stage.api.get(&channel).await;
    assert_eq!(view["managed_by_file"], true);
    assert_eq!(view["config"]["client_secret"], "***");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_takes_the_file_in_again_a_bad_file_changes_nothing_and_what_disappears_is_disabled() {
    let stage = declared().await;
    let channel = format!("/channels/{}", stage.channel);
    let agent = agent_table(&stage.agent);
    let before = stage.api.get(&channel).await;

    // A bad file: the log says so, everything goes on.
    stage.home.configure("[[channels]]\nname = \"Declared\"\n");
    stage.server.signal(Signal::SIGHUP);
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
    assert_eq!(stage.api.get(&channel).await, before);

    // Another language: the connection stays, the next sentence is Chinese.
    let events = stage.api.events().await;
    stage.home.configure(&[agent.clone(), channel_table(&stage.simulator, "zh-CN")].concat());
    stage.server.signal(Signal::SIGHUP);
    wait_taken_in(&stage).await;
    assert_eq!(stage.api.get(&channel).await["locale"], "zh-CN");
    stage.say("ann", "/new");
    stage.wait_texts("ann", &[&answer_to("hello"), "已开始新对话。有什么可以帮助您的？"]).await;
    assert!(events.seen().iter().all(|event| event.data["status"] != "disconnected"), "{:?}", events.seen());
    assert_eq!(stage.simulator.observe(|seen| seen.connections.len()), 1);

    // Gone from the file: disabled, not deleted, and free to be changed.
    stage.home.configure(&agent);
    stage.server.signal(Signal::SIGHUP);
    stage.api.wait_status(&stage.channel, |status| status["status"] == "disabled").await;
    stage.simulator.wait_for(CAP, |seen| seen.live_connections().count() == 0).await.unwrap();
    let view = stage.api.get(&channel).await;
    assert_eq!((&view["enabled"], &view["managed_by_file"]), (&json!(false), &json!(false)));
    stage.api.patch(&channel, &json!({ "name": "Mine now" })).await;
}

/// Waits until the server says in its log that the file is in force; a hangup has no other sign.
async fn wait_taken_in(stage: &Stage) {
    let search = async {
        while !stage.server.log().contains("configuration read again") {
            // Paced by an answer of the server.
            stage.api.get("/channels").await;
        }
    };
    tokio::time::timeout(CAP, search).await.expect("the file is taken in");
}
