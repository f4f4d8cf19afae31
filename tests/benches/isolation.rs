//! How much fifty conversations whose agent hangs cost the others, and how fast `/stop` and `/new` act under load.
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

#[path = "../tests/process/stage.rs"]
#[expect(dead_code, reason = "shared with the process tests, which use more of it")]
mod stage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dingtalk_sim::{Card, Observed, PushedMessage};
use serde_json::{Value, json};
use switchboard_tests::api::Api;
use switchboard_tests::environment::number;
use switchboard_tests::looks;
use switchboard_tests::scripted_agent::{Asked, Behaviour, End};
use switchboard_tests::server::CAP;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use stage::{Plan, Stage, chat};

/// Conversations whose agent hangs.
const HUNG: usize = 50;
/// Messages of the others, per second (`SWITCHBOARD_BENCH_RATE`).
const RATE: u64 = 50;
/// Length of one measurement of the load, in seconds (`SWITCHBOARD_BENCH_SECONDS`); each round has two.
const SECONDS: u64 = 10;
/// People who send the load, each in a conversation of their own.
const PEOPLE: u64 = 400;
/// How often each hung conversation is stopped, or begun anew.
const ROUNDS: usize = 4;
/// Between two commands.
const COMMAND_INTERVAL: Duration = Duration::from_millis(100);
/// Between two looks of the API at a session.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// The agent's words to the others, one every 20 ms.
const WORDS: &str = "one two three four five six seven eight nine ten";

#[tokio::main]
async fn main() {
    let (rate, seconds) =
        (number("SWITCHBOARD_BENCH_RATE", RATE), number("SWITCHBOARD_BENCH_SECONDS", SECONDS));
    let mut plan = Plan::default();
    plan.home.set("SWITCHBOARD_TELEMETRY__LOG", "info");
    plan.config = json!({ "ai_card": { "update_interval_ms": 800 } });
    plan.agent = json!({ "first_output_timeout_ms": 600_000, "idle_timeout_ms": 600_000 });
    let stage = Arc::new(plan.start().await);
    stage.agent.choose(|asked| match asked.question() {
        question if question.starts_with("hang") => Behaviour::HangAfter { text: "Half of".to_owned() },
        _ => Behaviour::Words { text: WORDS.to_owned(), pause: Duration::from_millis(20) },
    });
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
            let (alone, beside) = (Times::of(&quiet.sent, of), Times::of(&hung.sent, of));
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

/// Times of `/stop` and `/new`.
#[derive(Default)]
struct Commands {
    stop_closed: Vec<Duration>,
    new_closed: Vec<Duration>,
    stop_shown: Vec<Duration>,
    new_shown: Vec<Duration>,
    new_session: Vec<Duration>,
    /// How late the load beside them was.
    late: Vec<Duration>,
    /// Ids of the hung conversations by person.
    conversations: BTreeMap<String, String>,
}

impl Commands {
    /// Everybody asks what the agent hangs at.
    async fn hang(&mut self, stage: &Stage, round: usize) {
        let hangs = |all: &[Asked]| {
            let of_round = all.iter().filter(|asked| asked.question().starts_with(&format!("hang {round} ")));
            of_round.count() == HUNG
        };
        for person in 0..HUNG {
            stage.say(&who(person), &question(round, person));
        }
        stage.agent.wait_for(hangs, CAP).await.expect("the agent is asked by everybody");
        if self.conversations.is_empty() {
            self.conversations = conversations(&stage.api).await;
        }
        // They hang for a while, beside the load.
        sleep(Duration::from_secs(2)).await;
    }

    /// Everybody says one command.
    async fn round(&mut self, stage: &Stage, round: usize) {
        let mut said = Vec::new();
        for person in 0..HUNG {
            // In turn, and not the same in each round.
            let is_new = (person + round).is_multiple_of(2);
            let before = self.session(stage, person).await;
            let at = Instant::now();
            let push = stage.say(&who(person), if is_new { "/new" } else { "/stop" });
            if is_new {
                self.new_session.push(self.wait_session(stage, person, before).await.duration_since(at));
            }
            said.push((person, is_new, at, push.msg_id));
            sleep(COMMAND_INTERVAL).await;
        }
        let closed = |all: &[Asked]| {
            all.iter().filter(|asked| asked.was_closed_by_client()).count() == HUNG * (round + 1)
        };
        let asked = stage.agent.wait_for(closed, CAP).await.expect("every request is closed");
        for (person, is_new, at, msg_id) in said {
            let request =
                asked.iter().find(|asked| asked.question() == question(round, person)).expect("asked");
            let Some(End::ClosedByClient(end)) = request.end else { panic!("{request:?} was not closed") };
            let shown = self.wait_shown(stage, person, round, &msg_id).await;
            let (closed, seen) = if is_new {
                (&mut self.new_closed, &mut self.new_shown)
            } else {
                (&mut self.stop_closed, &mut self.stop_shown)
            };
            closed.push(end.duration_since(at));
            seen.push(shown);
        }
    }

    async fn session(&self, stage: &Stage, person: usize) -> u64 {
        let id = &self.conversations[&chat(&who(person))];
        stage.api.get(&format!("/conversations/{id}")).await["session"]["number"].as_u64().unwrap_or_default()
    }

    /// Waits until the API shows the next session.
    async fn wait_session(&self, stage: &Stage, person: usize, before: u64) -> Instant {
        let next = async {
            while self.session(stage, person).await <= before {
                sleep(LOOK_INTERVAL).await;
            }
            Instant::now()
        };
        timeout(CAP, next).await.expect("the next session begins")
    }

    /// From the push of a command until the person's card of the round is closed.
    async fn wait_shown(&self, stage: &Stage, person: usize, round: usize, msg_id: &str) -> Duration {
        let closed = |seen: &Observed| {
            let at_ms = seen.message(msg_id)?.at_ms;
            let closed_at_ms = seen.cards_in(&chat(&who(person))).get(round)?.finalized_at_ms?;
            Some(Duration::from_millis(closed_at_ms.saturating_sub(at_ms)))
        };
        looks::until("the card is closed", async || stage.simulator.observe(closed)).await
    }

    fn print(&self) {
        for (name, spans) in [
            ("this bench's own timer, with commands", &self.late),
            ("/stop: request closed, as the agent sees it", &self.stop_closed),
            ("/stop: card closed, as people see it", &self.stop_shown),
            ("/new: request closed, as the agent sees it", &self.new_closed),
            ("/new: next session, as the API says", &self.new_session),
            ("/new: card closed, as people see it", &self.new_shown),
        ] {
            Times::spans(spans).print(name);
        }
    }
}

fn question(round: usize, person: usize) -> String {
    format!("hang {round} {person}")
}

fn who(person: usize) -> String {
    format!("stuck-{person}")
}

/// Ids of all conversations, by the platform's.
async fn conversations(api: &Api) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let (mut found, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = api.get(&format!("/conversations?limit=200{cursor}")).await;
        let items = page["items"].as_array().expect("items");
        found.extend(items.iter().map(|item| (text(&item["platform_conversation_id"]), text(&item["id"]))));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Sorted milliseconds.
struct Times(Vec<u64>);

impl Times {
    fn new(millis: impl Iterator<Item = u64>) -> Self {
        let mut millis: Vec<_> = millis.collect();
        millis.sort_unstable();
        Self(millis)
    }

    fn of(sent: &[Sent], span: fn(&Sent) -> u64) -> Self {
        Self::new(sent.iter().map(span))
    }

    fn spans(spans: &[Duration]) -> Self {
        Self::new(spans.iter().map(|span| u64::try_from(span.as_millis()).unwrap()))
    }

    /// The smallest that so many parts of them do not exceed.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "places in a short list"
    )]
    fn quantile(&self, part: f64) -> u64 {
        let place = (self.0.len() as f64 * part).ceil() as usize;
        self.0.get(place.max(1) - 1).copied().unwrap_or_default()
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
    fn over(&self, other: &Self, part: f64) -> f64 {
        self.quantile(part) as f64 / other.quantile(part).max(1) as f64
    }

    fn print(&self, name: &str) {
        let [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1.0].map(|part| self.quantile(part));
        println!("{name:52} {:>6} {p50:>8} {p95:>8} {p99:>8} {max:>8}", self.0.len());
    }
}
