//! The type fuzz: repeatable, honest about what is owed, and survivable by a client that reads carefully.

use dingtalk_sim::{Duty, FuzzPlan, Simulator, Traffic};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{APP, Api, CAP, Stream, ann, simulator};

fn plan(seed: u64, count: u64) -> FuzzPlan {
    FuzzPlan { seed: Some(seed), traffic: Some(Traffic::new(APP, count)), ..FuzzPlan::default() }
}

/// Acknowledges whatever has a message id and is a robot push; returns the frames as they came.
async fn read_and_ack(simulator: &Simulator, mut stream: Stream, pushes: usize) -> Vec<String> {
    let mut frames = Vec::new();
    let sent = |seen: &dingtalk_sim::Observed| seen.messages.len() >= pushes;
    simulator.wait_for(CAP, sent).await.unwrap();
    // A close after everything was sent ends the reading.
    simulator.stop_fuzz();
    stream.socket.send(Message::Close(None)).await.unwrap();
    while let Some(Ok(message)) = stream.socket.next().await {
        if let Message::Text(text) = message {
            frames.push(text.as_str().to_owned());
        }
    }
    frames
}

#[tokio::test]
async fn the_same_seed_does_the_same() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let simulator = simulator(|_| {}).await;
        let stream = Stream::connect(&simulator).await;
        assert_eq!(simulator.start_fuzz(plan(7, 60)), 7);
        read_and_ack(&simulator, stream, 60).await;
        let report = simulator.fuzz_report();
        runs.push((report.mutations, report.beside, report.answer, report.acknowledge, report.garbage));
    }
    assert_eq!(runs[0], runs[1]);
    let (mutations, beside, answer, acknowledge, garbage) = &runs[0];
    assert!(mutations.len() > 15 && beside.len() > 3, "{mutations:?} {beside:?}");
    assert!(answer.sent > 0 && acknowledge.sent > 0 && garbage.sent > 0);
    assert_eq!((answer.acked, answer.repeated), (0, 0), "nobody acknowledged or answered anything");
}

#[tokio::test]
async fn what_is_owed_can_be_paid_and_is_accounted_for() {
    let simulator = simulator(|knobs| knobs.redelivery_after_ms = 600_000).await;
    let api = Api::new(&simulator).await;
    let mut stream = Stream::connect(&simulator).await;
    let body =
        json!({"seed": 11, "messages": 150, "beside_rate": 0.0, "traffic": {"app": APP, "count": 150}});
    assert_eq!(api.post("/sim/api/fuzz", &body).await.expect_ok()["seed"], 11);
    simulator.wait_for(CAP, |seen| seen.messages.len() == 150).await.unwrap();
    let mut answered = 0;
    for _ in 0..150 {
        let frame = stream.frame().await;
        // A push whose id can be read is acknowledged, whatever else is wrong with it.
        if frame["headers"]["messageId"].is_string() {
            stream.ack(&frame).await;
        }
        let data: Value =
            frame["data"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        if let (Some(text), Some(url)) = (data["text"]["content"].as_str(), data["sessionWebhook"].as_str()) {
            let said: String = text.trim().chars().take(40).collect();
            let reply = json!({"msgtype": "text", "text": {"content": said}});
            assert_eq!(api.post(url, &reply).await.expect_ok()["errcode"], 0);
            answered += 1;
        }
    }
    let all_acked = |seen: &dingtalk_sim::Observed| {
        seen.messages.iter().filter(|message| message.acked.is_some()).count() > 100
    };
    simulator.wait_for(CAP, all_acked).await.unwrap();
    // The last acknowledgement is taken in before an answer to a ping that follows it.
    stream.socket.send(Message::Ping(Vec::new().into())).await.unwrap();
    simulator.wait_for(CAP, |seen| seen.connections.last().unwrap().client_pings == 1).await.unwrap();
    let report = simulator.fuzz_report();
    assert_eq!(
        (report.answer.acked, report.acknowledge.acked),
        (report.answer.sent, report.acknowledge.sent)
    );
    assert_eq!((report.unacked.len(), report.unanswered.len()), (0, 0), "{:?}", report.unanswered);
    assert_eq!(report.answer.repeated, report.answer.marked);
    assert!(report.answer.marked > 20 && answered >= report.answer.marked);
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    let told = api.get("/sim/api/fuzz").await.expect_ok();
    assert_eq!(told["answer"]["sent"], json!(report.answer.sent));
}

#[tokio::test]
async fn a_limit_ends_it_and_pushes_are_themselves_again() {
    let simulator = simulator(|_| {}).await;
    let mut stream = Stream::connect(&simulator).await;
    let ruin = FuzzPlan {
        messages: Some(1),
        garbage_rate: Some(1.0),
        beside_rate: Some(0.0),
        ..FuzzPlan::default()
    };
    simulator.start_fuzz(ruin);
    simulator.push_text(APP, ann(), "first").unwrap();
    simulator.push_text(APP, ann(), "second").unwrap();
    stream.frame().await;
    let second = stream.frame().await;
    assert_eq!(crate::client::data_of(&second)["text"]["content"], "second");
    let report = simulator.fuzz_report();
    assert_eq!((report.garbage.sent, report.answer.sent, report.running), (1, 0, false));
}

#[tokio::test]
async fn the_least_duty_of_two_mutations_counts_and_the_most_of_two_deliveries() {
    assert!(Duty::Nothing < Duty::Acknowledge && Duty::Acknowledge < Duty::Answer);
    let simulator = simulator(|_| {}).await;
    let _stream = Stream::connect(&simulator).await;
    let ruin = FuzzPlan { garbage_rate: Some(1.0), beside_rate: Some(0.0), ..FuzzPlan::default() };
    simulator.start_fuzz(ruin);
    let pushed = simulator.push_text(APP, ann(), "twice").unwrap();
    let vary =
        FuzzPlan { garbage_rate: Some(0.0), beside_rate: Some(0.0), seed: Some(3), ..FuzzPlan::default() };
    simulator.start_fuzz(vary);
    assert!(simulator.duplicate(&pushed.msg_id));
    let report = simulator.fuzz_report();
    assert_eq!(report.garbage.sent, 0);
    assert_eq!(report.unacked[0].pushes.len(), 1, "an account begins with its plan");
}

#[tokio::test]
async fn long_texts_are_as_long_as_asked_for() {
    let simulator = simulator(|_| {}).await;
    let mut stream = Stream::connect(&simulator).await;
    let plan = FuzzPlan {
        seed: Some(2),
        garbage_rate: Some(0.0),
        beside_rate: Some(0.0),
        long_text_chars: Some(77),
        traffic: Some(Traffic { text_rate: 1.0, ..Traffic::new(APP, 80) }),
        ..FuzzPlan::default()
    };
    simulator.start_fuzz(plan);
    simulator.wait_for(CAP, |seen| seen.messages.len() == 80).await.unwrap();
    let mut lengths = Vec::new();
    for _ in 0..80 {
        let frame = stream.frame().await;
        let data = crate::client::data_of(&frame);
        lengths.push(data["text"]["content"].as_str().unwrap_or_default().matches('长').count());
    }
    assert!(simulator.fuzz_report().mutations["long_text"] > 0);
    // The same mutation may hit a push twice.
    assert!(
        lengths.iter().any(|length| *length > 0) && lengths.iter().all(|length| length % 77 == 0),
        "{lengths:?}"
    );
}

#[tokio::test]
async fn what_is_pushed_is_in_exactly_one_class_also_when_nobody_takes_it() {
    let simulator = simulator(|knobs| {
        knobs.redelivery_after_ms = 20;
        knobs.redelivery_max = 1;
    })
    .await;
    simulator.start_fuzz(FuzzPlan { seed: Some(5), beside_rate: Some(0.0), ..FuzzPlan::default() });
    let lost = simulator.push_text(APP, ann(), "nobody is there").unwrap();
    let given_up = |seen: &dingtalk_sim::Observed| seen.message(&lost.msg_id).is_some_and(|it| it.given_up);
    simulator.wait_for(CAP, given_up).await.unwrap();
    let mut stream = Stream::connect(&simulator).await;
    for number in 0..20 {
        simulator.push_text(APP, ann(), &number.to_string()).unwrap();
        stream.frame().await;
    }
    let report = simulator.fuzz_report();
    assert_eq!((report.undelivered.count, &report.undelivered.msg_ids), (1, &vec![lost.msg_id.clone()]));
    assert_eq!(report.unaccounted, 0);
    assert_eq!(report.answer.sent + report.acknowledge.sent + report.garbage.sent, 20);
    assert!(report.unacked.len() as u64 >= report.answer.sent, "{report:#?}");
}

#[tokio::test]
async fn a_message_that_goes_out_as_it_is_after_the_end_of_a_plan_owes_everything() {
    let simulator = simulator(|knobs| knobs.redelivery_after_ms = 600_000).await;
    let ruin = FuzzPlan { garbage_rate: Some(1.0), beside_rate: Some(0.0), ..FuzzPlan::default() };
    simulator.start_fuzz(ruin);
    let pushed = simulator.push_text(APP, ann(), "early").unwrap();
    simulator.stop_fuzz();
    assert_eq!(simulator.fuzz_report().undelivered.count, 1);
    let mut stream = Stream::connect(&simulator).await;
    assert!(simulator.duplicate(&pushed.msg_id));
    stream.frame().await;
    let report = simulator.fuzz_report();
    assert_eq!((report.undelivered.count, report.answer.sent, report.answer.acked), (0, 1, 0));
    assert_eq!(report.unacked.len(), 1);
}
