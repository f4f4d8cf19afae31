//! The type fuzz: repeatable, honest about what is owed, and survivable by a client that reads carefully.

use dingtalk_sim::{Disruption, Duty, FuzzPlan, FuzzReport, Origin, Simulator, Traffic};
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
    let mut stream = Stream::connect(&simulator).await;
    let ruin = FuzzPlan { garbage_rate: Some(1.0), beside_rate: Some(0.0), ..FuzzPlan::default() };
    simulator.start_fuzz(ruin);
    let pushed = simulator.push_text(APP, ann(), "twice").unwrap();
    stream.frame().await;
    assert_eq!(simulator.fuzz_report().garbage.sent, 1);
    let vary =
        FuzzPlan { garbage_rate: Some(0.0), beside_rate: Some(0.0), seed: Some(3), ..FuzzPlan::default() };
    simulator.start_fuzz(vary);
    assert!(simulator.duplicate(&pushed.msg_id));
    stream.frame().await;
    let report = simulator.fuzz_report();
    assert_eq!((report.garbage.sent, report.pushed), (0, 1));
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

/// Every message of a report, by class, next to how many were pushed.
fn classes(report: &FuzzReport) -> (u64, u64) {
    let sent = report.answer.sent + report.acknowledge.sent + report.garbage.sent;
    (sent + report.undelivered.count + report.unaccounted, report.pushed)
}

#[tokio::test]
async fn every_pushed_message_is_in_exactly_one_class() {
    let simulator = simulator(|knobs| knobs.redelivery_after_ms = 600_000).await;
    simulator.start_fuzz(FuzzPlan { seed: Some(5), beside_rate: Some(0.0), ..FuzzPlan::default() });
    let early: Vec<_> = (0..3).map(|_| simulator.push_text(APP, ann(), "nobody is there").unwrap()).collect();
    let report = simulator.fuzz_report();
    assert_eq!((report.undelivered.count, classes(&report)), (3, (3, 3)));
    let mut stream = Stream::connect(&simulator).await;
    for number in 0..40 {
        simulator.push_text(APP, ann(), &number.to_string()).unwrap();
        stream.frame().await;
        // At each moment, and not only in the end.
        let report = simulator.fuzz_report();
        assert_eq!(classes(&report), (number + 4, number + 4));
        assert_eq!(report.undelivered.count, 3);
    }
    // A delivery changes the class of a message, and adds none.
    assert!(simulator.duplicate(&early[0].msg_id));
    stream.frame().await;
    let report = simulator.fuzz_report();
    assert_eq!(classes(&report), (43, 43));
    let missing: Vec<&str> = report.undelivered.msg_ids.iter().map(String::as_str).collect();
    assert_eq!(missing, [early[1].msg_id.as_str(), &early[2].msg_id]);
    assert!(report.answer.sent > 0 && report.acknowledge.sent > 0 && report.garbage.sent > 0, "{report:#?}");
    assert_eq!(report.unacked.len() as u64, report.answer.sent + report.acknowledge.sent);
}

#[tokio::test]
async fn a_message_that_nobody_was_there_to_take_is_reported_as_undelivered() {
    let simulator = simulator(|knobs| {
        knobs.redelivery_after_ms = 20;
        knobs.redelivery_max = 1;
    })
    .await;
    let api = Api::new(&simulator).await;
    simulator.start_fuzz(FuzzPlan { seed: Some(5), ..FuzzPlan::default() });
    let lost = simulator.push_text(APP, ann(), "nobody is there").unwrap();
    simulator.wait_for(CAP, |seen| seen.message(&lost.msg_id).unwrap().given_up).await.unwrap();
    let told = api.get("/sim/api/fuzz").await.expect_ok();
    assert_eq!(told["undelivered"], json!({"count": 1, "msg_ids": [lost.msg_id]}));
    assert_eq!((&told["pushed"], &told["unaccounted"]), (&json!(1), &json!(0)));
    for class in ["answer", "acknowledge", "garbage"] {
        assert_eq!(told[class]["sent"], 0, "{class}");
    }
    assert_eq!(
        (&told["unacked"], &told["unanswered"]),
        (&json!([]), &json!([])),
        "nothing was taken, so nothing is owed"
    );
}

#[tokio::test]
async fn a_message_whose_acknowledgements_all_get_lost_is_reported_as_undelivered() {
    let simulator = simulator(|knobs| {
        knobs.redelivery_after_ms = 100;
        knobs.redelivery_max = 1;
        knobs.swallow_rate = 1.0;
    })
    .await;
    let mut stream = Stream::connect(&simulator).await;
    let vary = FuzzPlan { garbage_rate: Some(0.0), beside_rate: Some(0.0), ..FuzzPlan::default() };
    simulator.start_fuzz(vary);
    let lost = simulator.push_text(APP, ann(), "again and again").unwrap();
    for _ in 0..2 {
        let frame = stream.frame().await;
        stream.ack(&frame).await;
    }
    simulator.wait_for(CAP, |seen| seen.message(&lost.msg_id).unwrap().given_up).await.unwrap();
    let report = simulator.fuzz_report();
    assert_eq!((report.undelivered.count, &report.undelivered.msg_ids), (1, &vec![lost.msg_id.clone()]));
    assert_eq!(classes(&report), (1, 1));
    // What was done to it stands beside it.
    let [unacked] = report.unacked.as_slice() else { panic!("{report:#?}") };
    assert_eq!((&unacked.msg_id, unacked.given_up, unacked.taken), (&lost.msg_id, true, 2));
    assert!(unacked.pushes.iter().all(|push| !push.mutations.is_empty()));
}

#[tokio::test]
async fn a_push_on_its_way_to_a_dead_connection_is_not_delivered() {
    let simulator = simulator(|knobs| knobs.redelivery_after_ms = 600_000).await;
    let mut stream = Stream::connect(&simulator).await;
    let ruin = FuzzPlan { garbage_rate: Some(1.0), beside_rate: Some(0.0), ..FuzzPlan::default() };
    simulator.start_fuzz(ruin);
    simulator.push_text(APP, ann(), "in time").unwrap();
    stream.frame().await;
    assert_eq!(simulator.disrupt_all(Disruption::HalfOpen), 1);
    let lost = simulator.push_text(APP, ann(), "too late").unwrap();
    let went = |seen: &dingtalk_sim::Observed| {
        seen.message(&lost.msg_id).unwrap().deliveries[0].connection.is_some()
    };
    assert!(simulator.observe(went), "the platform does not know that it is dead");
    let report = simulator.fuzz_report();
    assert_eq!((report.garbage.sent, &report.undelivered.msg_ids), (1, &vec![lost.msg_id.clone()]));
    assert_eq!(classes(&report), (2, 2));
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
    let frame = stream.frame().await;
    assert_eq!(crate::client::data_of(&frame)["text"]["content"], "early");
    let report = simulator.fuzz_report();
    assert_eq!((report.undelivered.count, report.answer.sent, report.answer.acked), (0, 1, 0));
    assert_eq!(report.unacked.len(), 1);
    stream.ack(&frame).await;
    simulator.wait_for(CAP, |seen| seen.message(&pushed.msg_id).unwrap().acked.is_some()).await.unwrap();
    let report = simulator.fuzz_report();
    assert_eq!((report.answer.acked, report.unacked.len()), (1, 0));
}

#[tokio::test]
async fn an_answer_counts_also_when_its_conversation_has_forgotten_it() {
    let simulator = simulator(|knobs| knobs.redelivery_after_ms = 600_000).await;
    let api = Api::new(&simulator).await;
    let mut stream = Stream::connect(&simulator).await;
    // Texts only, so that it has a marker; where it was lost on the way, the platform still knows it.
    let traffic = Traffic { text_rate: 1.0, ..Traffic::new(APP, 1) };
    simulator.start_fuzz(FuzzPlan {
        seed: Some(1),
        garbage_rate: Some(0.0),
        beside_rate: Some(0.0),
        traffic: Some(traffic),
        ..FuzzPlan::default()
    });
    let url = crate::client::data_of(&stream.frame().await)["sessionWebhook"].as_str().unwrap().to_owned();
    simulator.stop_fuzz();
    let asked = simulator.observe(|seen| seen.messages.last().unwrap().clone());
    let reply = json!({"msgtype": "text", "text": {"content": asked.text.trim()}});
    assert_eq!(api.post(&url, &reply).await.expect_ok()["errcode"], 0);
    let origin = Origin { kind: asked.kind, ..Origin::private(&asked.conversation, "ann") };
    let is_remembered = |seen: &dingtalk_sim::Observed| !seen.robot_texts(&asked.conversation).is_empty();
    while simulator.observe(is_remembered) {
        simulator.push_text(APP, origin.clone(), "more").unwrap();
    }
    let report = simulator.fuzz_report();
    let marked = [report.answer, report.acknowledge, report.garbage]
        .iter()
        .map(|kept| (kept.marked, kept.repeated))
        .max();
    assert_eq!(marked, Some((1, 1)), "{report:#?}");
}

#[tokio::test]
#[should_panic(expected = "whose lock it holds")]
async fn whoever_asks_for_the_account_while_looking_is_told_so_and_does_not_hang() {
    let simulator = simulator(|_| {}).await;
    simulator.observe(|_| simulator.fuzz_report());
}

#[tokio::test]
async fn closures_of_two_simulators_may_look_into_each_other() {
    let (one, other) = (simulator(|_| {}).await, simulator(|_| {}).await);
    let both = one.observe(|first| other.observe(|second| first.messages.len() + second.messages.len()));
    assert_eq!((both, one.fuzz_report().pushed), (0, 0));
}
