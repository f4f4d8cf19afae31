//! Agent, model and language, chosen in the chat of the simulated platform.

use serde_json::json;
use switchboard_domain::notice::{Listed, Notice};
use switchboard_domain::settings::Locale;
use switchboard_tests::scripted_agent::Behaviour;

use super::judge::no_violations;
use super::stage::{Plan, Stage, answer_to};

/// The usual stage with a second agent, which is the built-in echo.
async fn stage(channel: serde_json::Value) -> Stage {
    let stage = Plan { channel, ..Plan::default() }.start().await;
    stage.api.create("/agents", &json!({"name": "Second One", "kind": "echo"})).await;
    stage
}

/// Says each, one after the other, and waits for what comes of it.
async fn converse(stage: &Stage, who: &str, lines: &[(&str, &str)]) {
    let mut read = stage.texts(who);
    for (said, answer) in lines {
        stage.say(who, said);
        read.push((*answer).to_owned());
        stage.wait_texts(who, &read.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

fn en(notice: &Notice) -> String {
    notice.text(Locale::En)
}

fn list(of: fn(Listed) -> Notice, names: &[&str], now: &str, default: &str) -> String {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    en(&of(Listed { names, more: 0, now: Some(now.to_owned()), default: Some(default.to_owned()) }))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_choice_does_what_the_guide_says() {
    let stage = stage(json!({})).await;
    let chosen = |name: &str| en(&Notice::AgentChosen { name: name.to_owned() });
    let model = |name: &str| en(&Notice::ModelChosen { name: Some(name.to_owned()) });
    let names = ["scripted", "Second One"];
    converse(
        &stage,
        "ann",
        &[
            ("/agents", &list(Notice::Agents, &names, "scripted", "scripted")),
            ("/models", &list(Notice::Models, &["large", "m", "small"], "m", "m")),
            ("/models 1", &model("large")),
            ("hello", &answer_to("hello")),
            ("/agents second one", &chosen("Second One")),
            ("/agents", &list(Notice::Agents, &names, "Second One", "scripted")),
            ("/models", &en(&Notice::ModelsUntold)),
            ("/agents 9", &en(&Notice::NoSuchAgent)),
            ("/agents default", &chosen("scripted")),
            ("/models nothing", &en(&Notice::NoSuchModel)),
            ("/models SMALL", &model("small")),
            ("again", &answer_to("again")),
            ("/models default", &model("m")),
            ("/lang", &en(&Notice::Languages)),
            ("/lang zh", &Notice::LanguageChosen(Locale::ZhCn).text(Locale::ZhCn)),
            ("/stop", &Notice::NothingToStop.text(Locale::ZhCn)),
            ("/help", &Notice::Help.text(Locale::ZhCn).replacen("\n- ", "\n\n- ", 1)),
            ("/lang en", &en(&Notice::LanguageChosen(Locale::En))),
        ],
    )
    .await;
    let models: Vec<_> = stage.agent.asked().iter().map(|asked| asked.body["model"].clone()).collect();
    assert_eq!(models, ["large", "small"]);
    stage.simulator.observe(|seen| no_violations(seen, false));
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_outlives_a_kill_and_who_may_choose_is_a_setting() {
    let stage = stage(json!({"switching": {"remember": "user"}})).await;
    let chosen = en(&Notice::ModelChosen { name: Some("small".to_owned()) });
    converse(&stage, "ann", &[("/models small", &chosen)]).await;
    stage.agent.queue([Behaviour::Held { before: "A".into(), after: " story".into() }]);
    stage.say("ann", "tell me");
    stage.wait_streaming("ann", "A").await;
    let stage = stage.kill_and_serve().await;
    stage.wait_texts("ann", &[&chosen, &answer_to("tell me")]).await;
    let models: Vec<_> = stage.agent.asked().iter().map(|asked| asked.body["model"].clone()).collect();
    assert_eq!(models, ["small", "small"]);
    let path = format!("/channels/{}", stage.channel);
    stage.api.patch(&path, &json!({"switching": {"who": "nobody"}})).await;
    let lines = [("/agents 1", en(&Notice::MayNotSwitch)), ("now?", answer_to("now?"))];
    converse(&stage, "ann", &lines.each_ref().map(|(said, answer)| (*said, answer.as_str()))).await;
    assert_eq!(stage.agent.asked()[2].body["model"], "m", "what was chosen before does not count");
    stage.assert_no_alarm();
}
