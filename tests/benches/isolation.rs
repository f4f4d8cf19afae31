//! How much fifty conversations whose agent hangs cost the others, and how fast `/stop` and `/new` act under load: at a fixed rate,
//! and at half and nine tenths of what the server carries at most.
//!
//! The real server, the simulated platform and a scripted agent over real sockets. Times are the peers' own: when the platform
//! pushed and was called, when the agent saw its request closed. `cargo xtask bench` runs it; what it prints goes into
//! RELIABILITY.md ("Isolation"). It fails where a message is not answered, never because of a time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench fails by panicking"
)]

#[path = "shared/capacity.rs"]
mod capacity;
#[path = "isolation/commands.rs"]
mod commands;
#[path = "isolation/pressed.rs"]
mod pressed;
#[path = "../tests/process/stage.rs"]
#[expect(dead_code, reason = "shared with the process tests, which use more of it")]
mod stage;
#[path = "isolation/times.rs"]
mod times;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dingtalk_sim::{Card, Observed, PushedMessage};
use serde_json::json;
use switchboard_tests::environment::number;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::{binary, looks, machine};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use commands::{Commands, HUNG, ROUNDS};
use stage::{Plan, Stage};
use times::Times;

/// Messages of the others, per second (`SWITCHBOARD_BENCH_RATE`).
const RATE: u64 = 50;
/// Length of one measurement of the load, in seconds (`SWITCHBOARD_BENCH_SECONDS`); each round has two.
const SECONDS: u64 = 10;
/// People who send the load, each in a conversation of their own.
const PEOPLE: u64 = 400;
/// The agent's words to the others, one every 20 ms.
const WORDS: &str = "one two three four five six seven eight nine ten";

#[tokio::main]
async fn main() {
    machine::print(Some(binary::path()));
    let (rate, seconds) =
        (number("SWITCHBOARD_BENCH_RATE", RATE), number("SWITCHBOARD_BENCH_SECONDS", SECONDS));
    let stage = Arc::new(staged("info").await);
    println!("{rate} messages/s of {PEOPLE} people; {HUNG} hung conversations; {ROUNDS} rounds of commands");
    println!("{:52} {:>6} {:>8} {:>8} {:>8} {:>8}", "ms", "count", "p50", "p95", "p99", "max");

    let (mut quiet, mut hung, mut commands) = (Measured::default(), Measured::default(), Commands::default());
    // In turn, so that whatever else the machine does meanwhile falls on both alike.
    for round in 0..ROUNDS {
        let load = Load::begin(&stage, format!("quiet{round}"), rate);
        sleep(Duration::from_secs(seconds)).await;
        quiet.add(load.end(&stage).await);
        commands.hang(&stage, round).await;
        let load = Load::begin(&stage, format!("hung{round}"), rate);
        sleep(Duration::from_secs(seconds)).await;
        hung.add(load.end(&stage).await);
        let load = Load::begin(&stage, format!("commands{round}"), rate);
        commands.round(&stage, round).await;
        commands.late.extend(load.end(&stage).await.late);
    }
    Measured::print(&quiet, &hung);
    commands.print();
    stage.assert_no_alarm();
    // Its server takes nothing from what the next ones carry.
    drop(stage);
    pressed::measure().await;
}

/// A stage whose agent hangs where it is told to, and whose server logs from this level on.
async fn staged(log: &str) -> Stage {
    let mut plan = Plan::default();
    plan.home.set("SWITCHBOARD_TELEMETRY__LOG", log);
    plan.config = json!({ "ai_card": { "update_interval_ms": 800 } });
    plan.agent = json!({ "first_output_timeout_ms": 600_000, "idle_timeout_ms": 600_000 });
    let stage = plan.start().await;
    stage.agent.choose(|asked| match asked.question() {
        question if question.starts_with("hang") => Behaviour::HangAfter { text: "Half of".to_owned() },
        _ => Behaviour::Words { text: WORDS.to_owned(), pause: Duration::from_millis(20) },
    });
    stage
}

/// What a load has shown.
#[derive(Default)]
struct Measured {
    sent: Vec<Sent>,
    /// How late the load itself was: more than a few milliseconds come from what else the machine does.
    late: Vec<Duration>,
}

impl Measured {
    fn add(&mut self, more: Self) {
        self.sent.extend(more.sent);
        self.late.extend(more.late);
    }

    fn print(quiet: &Self, hung: &Self) {
        Times::spans(&quiet.late).print("this bench's own timer, nobody hangs");
        Times::spans(&hung.late).print(&format!("this bench's own timer, beside {HUNG} hung"));
        let rows = [
            ("acknowledged", acked as fn(&Sent) -> u64),
            ("card shown", shown),
            ("first words", words),
            ("answered", answered),
        ];
        for (name, of) in rows {
            let (alone, beside) =
                (Times::new(quiet.sent.iter().map(of)), Times::new(hung.sent.iter().map(of)));
            alone.print(&format!("{name}, nobody hangs"));
            beside.print(&format!("{name}, beside {HUNG} hung"));
            println!(
                "{:52} {:>6} {:>8.2} {:>8.2}",
                "  ratio",
                "",
                beside.over(&alone, 0.5),
                beside.over(&alone, 0.95)
            );
        }
    }
}

/// A message of the load, in the platform's milliseconds.
struct Sent {
    at: u64,
    acked: u64,
    shown: u64,
    words: u64,
    answered: u64,
}

fn acked(sent: &Sent) -> u64 {
    sent.acked.saturating_sub(sent.at)
}

fn shown(sent: &Sent) -> u64 {
    sent.shown.saturating_sub(sent.at)
}

fn words(sent: &Sent) -> u64 {
    sent.words.saturating_sub(sent.at)
}

fn answered(sent: &Sent) -> u64 {
    sent.answered.saturating_sub(sent.at)
}

/// Messages that are sent until told otherwise.
struct Load {
    name: String,
    stop: CancellationToken,
    sending: JoinHandle<Vec<Duration>>,
}

impl Load {
    fn begin(stage: &Arc<Stage>, name: String, rate: u64) -> Self {
        let (stage, stop) = (Arc::clone(stage), CancellationToken::new());
        let (stopped, of) = (stop.clone(), name.clone());
        let sending = tokio::spawn(async move {
            let mut ticks = interval(Duration::from_secs(1) / u32::try_from(rate.max(1)).unwrap());
            // What was missed is made up for: the rate is kept.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut late = Vec::new();
            for message in 0_u64.. {
                let due = tokio::select! {
                    biased;
                    () = stopped.cancelled() => break,
                    due = ticks.tick() => due,
                };
                late.push(due.elapsed());
                stage.say(&format!("{of}-{}", message % PEOPLE), &format!("question {message}"));
            }
            late
        });
        Self { name, stop, sending }
    }

    /// Stops sending and waits until every message has its answer.
    async fn end(self, stage: &Stage) -> Measured {
        self.stop.cancel();
        let late = self.sending.await.expect("the load is sent");
        let begins = format!("cid-{}-", self.name);
        let answered = |seen: &Observed| {
            let mut asked: BTreeMap<&str, Vec<&PushedMessage>> = BTreeMap::new();
            for message in seen.messages.iter().filter(|message| message.conversation.starts_with(&begins)) {
                asked.entry(&message.conversation).or_default().push(message);
            }
            let sent = asked.into_iter().flat_map(|(conversation, asked)| {
                let cards = seen.cards_in(conversation);
                // Conversations are answered in order: the n-th message by the n-th card.
                asked
                    .into_iter()
                    .enumerate()
                    .map(move |(place, message)| sent(message, cards.get(place)?))
                    .collect::<Vec<_>>()
            });
            sent.collect::<Option<Vec<_>>>()
        };
        let all_answered = async || stage.simulator.observe(answered);
        let sent = looks::until("every message of the load is answered", all_answered).await;
        Measured { sent, late }
    }
}

/// What became of a message by its card; `None` until it is answered.
fn sent(message: &PushedMessage, card: &Card) -> Option<Sent> {
    let first_words = card.shown.iter().find(|shown| shown.text.starts_with("one"))?;
    Some(Sent {
        at: message.at_ms,
        acked: message.acked.as_ref()?.at_ms,
        shown: card.created_at_ms,
        words: first_words.at_ms,
        answered: card.finalized_at_ms?,
    })
}
