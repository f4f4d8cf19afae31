//! What must not be told: secrets, addresses that are credentials, and what people write, in no log (however detailed), no
//! metric and no problem document.

use std::fs;

use dingtalk_sim::{FaultRule, Origin, Push};
use reqwest::Method;
use serde_json::json;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::ADMIN_TOKEN;

use super::stage::{APP, APP_SECRET, Plan, Stage, chat};

const API_KEY: &str = "sk-k3y-of-the-agent";
/// What tokens about who asks are signed with.
const TOKEN_SECRET: &str = "s1gns-who-asks-0123456789abcdefgh";
const HEADER: &str = "h3ader-of-the-agent";
const PROMPT: &str = "pr0mpt-of-the-agent";
const QUESTION: &str = "qu3stion-of-a-person";
const ANSWER: &str = "answ3r-of-the-agent";
const WRONG_SECRET: &str = "wr0ng-s3cret";
const WEBHOOK_SESSION: &str = "w3bhook-session";

/// What may stand nowhere. The last ones are parts of requests: tickets and tokens are the platform's own, unknown here.
const UNTOLD: [&str; 14] = [
    APP_SECRET,
    API_KEY,
    TOKEN_SECRET,
    // What every token begins with.
    "eyJhbGciOi",
    HEADER,
    PROMPT,
    QUESTION,
    ANSWER,
    WRONG_SECRET,
    WEBHOOK_SESSION,
    ADMIN_TOKEN,
    "sendBySession?",
    "ticket=",
    "access-token",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_and_nothing_that_people_wrote_is_told_however_detailed_the_log() {
    for format in ["text", "json"] {
        let mut plan = Plan::default();
        plan.home.set("SWITCHBOARD_TELEMETRY__LOG", "trace");
        plan.home.set("SWITCHBOARD_TELEMETRY__LOG_FORMAT", format);
        let identity = json!({ "metadata": true, "token": { "secret": TOKEN_SECRET } });
        plan.agent = json!({
            "api_key": API_KEY, "headers": { "X-Key": HEADER }, "system_prompt": PROMPT, "identity": identity,
        });
        let stage = plan.start().await;
        good_and_bad_turns(&stage).await;
        let documents = bad_requests(&stage).await;
        let metrics = stage.api.answer(stage.api.request(Method::GET, "/metrics")).await.text;
        let events = stage.api.events().await;
        stage.api.post(&format!("/channels/{}/disable", stage.channel), 202).await;
        stage.api.wait_status(&stage.channel, |status| status["status"] == "disabled").await;
        let events = format!("{:?}", events.seen());
        let said = stage.server.said().join("\n");
        let Stage { server, home, .. } = stage;
        assert_eq!(server.terminate().await.code(), Some(0));
        let logs = home.logs();
        assert!(logs.lines().count() > 100, "the log is detailed");
        for (place, text) in [
            ("stderr", &logs),
            ("stdout", &said),
            ("problems", &documents),
            ("metrics", &metrics),
            ("events", &events),
        ] {
            for untold in UNTOLD {
                let line = text.lines().find(|line| line.contains(untold));
                assert_eq!(line, None, "{untold} in {place}");
            }
        }
    }
}

/// An answer in a card, one as text, one over the robot's API, and failures whose words quote the question.
async fn good_and_bad_turns(stage: &Stage) {
    stage.agent.choose(|_| Behaviour::words(ANSWER));
    let mut texts = Vec::new();
    let mut say = async |behaviour: Option<Behaviour>, push: Push, wanted: Option<&str>| {
        stage.agent.queue(behaviour);
        stage.simulator.push(push).unwrap();
        let count = texts.len() + 1;
        let is_said = |seen: &dingtalk_sim::Observed| {
            seen.open_cards().is_empty() && seen.robot_texts(&chat("ann")).len() == count
        };
        stage.simulator.wait_for(switchboard_tests::server::CAP, is_said).await.unwrap();
        texts = stage.texts("ann");
        assert!(wanted.is_none_or(|wanted| texts.last().unwrap() == wanted), "{texts:?}");
    };
    let question = || Push::text(APP, Origin::private(&chat("ann"), "ann"), QUESTION);
    say(None, question(), Some(ANSWER)).await;
    let failing = [
        Behaviour::status(401),
        Behaviour::Malformed { text: ANSWER.into() },
        Behaviour::ErrorInStream { text: ANSWER.into() },
        Behaviour::Status { status: 404, code: Some("model_not_found".into()), retry_after_s: None },
    ];
    for behaviour in failing {
        say(Some(behaviour), question(), None).await;
    }
    let create = "/v1.0/card/instances/createAndDeliver";
    stage.simulator.add_fault(FaultRule::deny(
        create,
        403,
        "Forbidden.AccessDenied.AccessTokenPermissionDenied",
    ));
    say(None, question(), Some(ANSWER)).await;
    // An address that does not work: the robot's API is asked, and fails once in a way that proves that nothing was sent.
    let base = stage.simulator.base_url();
    let url = json!(format!("{base}/robot/sendBySession?session={WEBHOOK_SESSION}"));
    say(None, question().field("sessionWebhook", url), Some(ANSWER)).await;
    stage.simulator.clear_faults();
}

/// Requests with secrets in all the wrong places; their answers.
async fn bad_requests(stage: &Stage) -> String {
    let channel = format!("/channels/{}", stage.channel);
    let mut documents = String::new();
    for body in [
        json!({ "config": { "client_secret": [WRONG_SECRET] } }),
        json!({ "config": { "client_secret": WRONG_SECRET, "calls_per_second": "many" } }),
        json!({ "config": { "client_secret": format!("{WRONG_SECRET}\n") } }),
        json!({ "default_agent_id": WRONG_SECRET }),
    ] {
        let answer = stage.api.send(Method::PATCH, &channel, Some(&body)).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        documents.push_str(&answer.text);
    }
    let request = stage.api.request(Method::PATCH, &format!("/api/v1{channel}"));
    let broken = request.header("content-type", "application/json").body(format!("{{\"a\": {WRONG_SECRET}"));
    let answer = stage.api.answer(broken).await;
    assert_eq!(answer.status, 400);
    documents.push_str(&answer.text);
    let stranger = stage.api.with_token(Some(WRONG_SECRET));
    let answer = stranger.send(Method::GET, "/channels", None).await;
    assert_eq!(answer.status, 401);
    documents.push_str(&answer.text);
    documents
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_lie_encrypted_in_the_store() {
    let mut plan = Plan::default();
    plan.agent = json!({ "api_key": API_KEY, "headers": { "X-Key": HEADER } });
    let stage = plan.start().await;
    stage.say("ann", "hello");
    stage.wait_asked("hello").await;
    let Stage { server, home, .. } = stage;
    assert_eq!(server.terminate().await.code(), Some(0));
    let untold = [APP_SECRET, API_KEY, HEADER, ADMIN_TOKEN, "sendBySession?"];
    let mut files = 0;
    for entry in fs::read_dir(home.store()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        files += 1;
        for untold in untold {
            let found = bytes.windows(untold.len()).any(|window| window == untold.as_bytes());
            assert!(!found, "{untold} in {}", path.display());
        }
    }
    assert!(files >= 2, "a database and a key");
}
