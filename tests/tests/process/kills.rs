//! `kill -9` of the real binary, between turns and in their middle: what was acked is answered once, cards close, nothing is
//! lost, nothing comes twice, and the order stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use dingtalk_sim::{CardState, DeliveryCause, Observed, PushHandle};
use serde_json::json;
use switchboard_tests::scripted_agent::{Asked, Behaviour};
use switchboard_tests::server::CAP;

use super::judge::{answered_once_in_order, no_violations};
use super::stage::{Plan, Stage, answer_to, chat};

/// Kills without `SWITCHBOARD_KILLS`, which raises their number.
const KILLS: usize = 8;
/// People who write; each round one of them does.
const PEOPLE: usize = 5;

/// When the process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// Right after the platform pushed: stored or not, acked or not.
    Pushed,
    /// The platform has the ack.
    Acked,
    /// The agent was asked.
    Asked,
    /// The card is there and shows nothing of the answer.
    Thinking,
    /// The card shows a part of the answer.
    Streaming,
    /// The card is closed, as far as people see; whether the server knows it is open.
    Closed,
    /// Everything is over.
    Between,
    /// The card shows a part of the answer, and the process that goes on with it is killed as well.
    Again,
}

const MOMENTS: [Moment; 8] = [
    Moment::Streaming,
    Moment::Pushed,
    Moment::Closed,
    Moment::Asked,
    Moment::Again,
    Moment::Acked,
    Moment::Thinking,
    Moment::Between,
];

/// Long enough to be killed in the middle.
fn slowly(asked: &Asked) -> Behaviour {
    Behaviour::Words { text: answer_to(asked.question()), pause: Duration::from_millis(25) }
}

fn kills() -> usize {
    let wanted = std::env::var_os("SWITCHBOARD_KILLS");
    wanted.map_or(KILLS, |wanted| wanted.to_str().and_then(|text| text.parse().ok()).expect("a number"))
}

struct Round {
    number: usize,
    who: String,
    asked: Vec<String>,
    pushed: Vec<PushHandle>,
}

impl Round {
    /// Two questions in one conversation, the second while the first is being answered.
    fn begin(stage: &Stage, number: usize) -> Self {
        let who = format!("p{}", number % PEOPLE);
        let text = |part: &str| format!("question {number} {part} with some more words to answer");
        let asked = vec![text("a"), text("b")];
        let pushed = asked.iter().map(|text| stage.say(&who, text)).collect();
        Self { number, who, asked, pushed }
    }

    fn card<'a>(&self, seen: &'a Observed, part: usize) -> Option<&'a dingtalk_sim::Card> {
        let beginning = "You said: question";
        let cards = seen.cards_in(&chat(&self.who));
        let own = |card: &&dingtalk_sim::Card| {
            let is_shown = |shown: &dingtalk_sim::ShownText| {
                shown.text.starts_with(&format!("{beginning} {} {}", self.number, ["a", "b"][part]))
            };
            card.shown.iter().any(is_shown)
        };
        cards.into_iter().find(own)
    }

    async fn wait_until(&self, stage: &Stage, moment: Moment) {
        let waited = match moment {
            Moment::Pushed => Ok(()),
            Moment::Acked => {
                let first = self.pushed[0].msg_id.clone();
                let is_acked = |seen: &Observed| seen.message(&first).is_some_and(|it| it.acked.is_some());
                stage.simulator.wait_for(CAP, is_acked).await
            }
            Moment::Asked => {
                stage.wait_asked(&self.asked[0]).await;
                Ok(())
            }
            Moment::Thinking => {
                let is_there = |seen: &Observed| {
                    let cards = seen.cards_in(&chat(&self.who));
                    cards.last().is_some_and(|card| card.state == CardState::Processing)
                };
                stage.simulator.wait_for(CAP, is_there).await
            }
            Moment::Streaming | Moment::Again => {
                let streams = |seen: &Observed| {
                    self.card(seen, 0).is_some_and(|card| card.state == CardState::Inputing)
                };
                stage.simulator.wait_for(CAP, streams).await
            }
            Moment::Closed => {
                let is_closed = |seen: &Observed| {
                    self.card(seen, 0).is_some_and(|card| card.state == CardState::Finished)
                };
                stage.simulator.wait_for(CAP, is_closed).await
            }
            Moment::Between => {
                self.wait_over(stage).await;
                Ok(())
            }
        };
        waited.unwrap_or_else(|error| panic!("round {} never came to {moment:?}: {error}", self.number));
    }

    /// Both questions are answered, and the platform knows that they were taken in.
    async fn wait_over(&self, stage: &Stage) {
        let is_over = |seen: &Observed| {
            let acked = |push: &PushHandle| seen.message(&push.msg_id).is_some_and(|it| it.acked.is_some());
            let closed = |part| self.card(seen, part).is_some_and(|card| card.state.is_final());
            self.pushed.iter().all(acked) && closed(0) && closed(1)
        };
        if let Err(error) = stage.simulator.wait_for(CAP, is_over).await {
            panic!("round {} did not end: {:#?}\n{error}", self.number, stage.texts(&self.who));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_moment_the_process_is_killed_at_what_was_acked_is_answered_once_and_nothing_is_lost() {
    let mut plan = Plan::default();
    plan.simulator.knobs.redelivery_after_ms = 3_000;
    plan.simulator.knobs.redelivery_max = u32::MAX;
    let mut stage = plan.start().await;
    stage.agent.choose(slowly);
    let wanted = kills();
    let mut killed: BTreeMap<Moment, usize> = BTreeMap::new();
    let mut number = 0;
    while killed.values().sum::<usize>() < wanted {
        let moment = MOMENTS[number % MOMENTS.len()];
        let round = Round::begin(&stage, number);
        round.wait_until(&stage, moment).await;
        stage = stage.kill_and_serve().await;
        *killed.entry(moment).or_default() += 1;
        if moment == Moment::Again && killed.values().sum::<usize>() < wanted {
            let before = stage.agent.asked().len();
            stage.agent.wait_for(|asked| asked.len() > before, CAP).await.expect("it is asked again");
            stage = stage.kill_and_serve().await;
            *killed.entry(moment).or_default() += 1;
        }
        // No message is meant to be hit more often than a turn is resumed.
        round.wait_over(&stage).await;
        number += 1;
    }
    println!("{}", report(&stage, &killed));
    stage.simulator.observe(|seen| {
        answered_once_in_order(seen, answer_to);
        no_violations(seen, true);
    });
    assert_eq!(stage.api.get("/failures").await["items"], json!([]));
    let idle = stage.api.get("/conversations").await;
    assert!(idle["items"].as_array().unwrap().iter().all(|one| one["waiting"] == 0), "{idle}");
    assert!(stage.api.metric("switchboard_alarms_total").await.abs() < f64::EPSILON);
    stage.assert_no_alarm();
}

/// The raw counts of a run.
fn report(stage: &Stage, killed: &BTreeMap<Moment, usize>) -> String {
    let runs = stage.agent.asked();
    let questions: BTreeSet<_> = runs.iter().map(Asked::question).collect();
    stage.simulator.observe(|seen| {
        let mut text = String::new();
        let deliveries = || seen.messages.iter().flat_map(|message| &message.deliveries);
        let redelivered = deliveries().filter(|delivery| delivery.cause == DeliveryCause::Redelivery).count();
        let acks = deliveries().filter(|delivery| delivery.acked_at_ms.is_some()).count();
        let acked = seen.messages.iter().filter(|message| message.acked.is_some()).count();
        let finished = seen.cards().filter(|card| card.state == CardState::Finished).count();
        let plain: usize = seen.conversations.values().map(|one| one.replies().count()).sum();
        let refused: u32 = seen.cards().map(|card| card.refused_after_final).sum();
        let _ = writeln!(text, "kills {} {killed:?}", killed.values().sum::<usize>());
        let _ = writeln!(text, "messages {} acked {acked}", seen.messages.len());
        let _ = writeln!(text, "deliveries {} redeliveries {redelivered} acks {acks}", deliveries().count());
        let _ = writeln!(text, "agent asked {} times for {} questions", runs.len(), questions.len());
        let _ = writeln!(
            text,
            "cards {} finished {finished} open {}",
            seen.cards().count(),
            seen.open_cards().len()
        );
        let _ = writeln!(text, "plain replies {plain}, finishes repeated on closed cards {refused}");
        let _ =
            writeln!(text, "violations {:?}", seen.violations.iter().map(|it| it.kind).collect::<Vec<_>>());
        text
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_under_load_everybody_is_answered_once() {
    let mut plan = Plan::default();
    plan.simulator.knobs.duplicate_rate = 0.2;
    plan.simulator.knobs.redelivery_after_ms = 3_000;
    plan.simulator.knobs.redelivery_max = u32::MAX;
    let mut stage = plan.start().await;
    stage.agent.choose(slowly);
    let people: Vec<String> = (0..20).map(|number| format!("q{number}")).collect();
    // No more than a turn is resumed: a message may be in the middle of its answer each time.
    for wave in 0..3 {
        for who in &people {
            stage.say(who, &format!("question {wave} of {who} with some more words"));
        }
        let before = stage.agent.asked().len();
        stage.agent.wait_for(|asked| asked.len() >= before + 15, CAP).await.expect("many are asked");
        stage = stage.kill_and_serve().await;
    }
    let is_over = |seen: &Observed| {
        let finished = seen.cards().filter(|card| card.state == CardState::Finished).count();
        finished == 3 * people.len() && seen.messages.iter().all(|message| message.acked.is_some())
    };
    let outcome = stage.simulator.wait_for(CAP, is_over).await;
    println!("{}", report(&stage, &BTreeMap::from([(Moment::Asked, 3)])));
    assert!(outcome.is_ok(), "{:?}", stage.api.get("/failures").await);
    stage.simulator.observe(|seen| {
        answered_once_in_order(seen, answer_to);
        no_violations(seen, true);
    });
    assert_eq!(stage.api.get("/failures").await["items"], json!([]));
    stage.assert_no_alarm();
}
