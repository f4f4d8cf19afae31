//! `dingtalk-sim load`: its options, and what it prints.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use dingtalk_sim::AppConfig;
use dingtalk_sim::load::{
    AgentPlan, Amount, BotPlan, BotReply, CONVERSATIONS_MAX, Load, LoadPlan, Pace, run_bot,
};
use tokio_util::sync::CancellationToken;

use crate::{Failure, parse_app, print_line, stop_when_interrupted};

/// Patience for a message beside the length of the agent's answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// What `load --help` begins with.
pub(crate) const LONG_ABOUT: &str = "\
Sends messages to a bot and judges its answers.

Starts a simulated platform, waits until a bot is connected to it by Stream mode, sends messages of people in private \
conversations, and follows each until its card is finished (or its text is there). Any bot will do that repeats a message's \
mark (its first word, `load-…`) in its answer; one whose agent is the built-in one (--agent) does so by itself.

Prints `ready ADDRESS` (for the bot, in place of https://api.dingtalk.com and of https://oapi.dingtalk.com) and `agent ADDRESS` \
(base_url of an agent of OpenAI's chat completions), then `connected`, then the report. Ends with 0 when every message was \
answered once, whole and in order, with 1 when not, and with 2 when an option is wrong. SIGINT and SIGTERM end it early, with \
a report.

Examples:
  dingtalk-sim load --self-test --in-flight 128 --messages 20000
  dingtalk-sim load --listen 127.0.0.1:8765 --agent=127.0.0.1:8766 --rate 50 --duration 60s --warm-up 5s --pid 4242";

/// Options of `load`.
#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// Address of the platform; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// An app as `CLIENT_ID:CLIENT_SECRET`; may be given several times; each needs a bot, conversations are dealt out to them.
    /// Without one: ding-sim-app:sim-secret.
    #[arg(long, value_parser = parse_app)]
    app: Vec<AppConfig>,
    /// Conversations, each of a person of its own, 1 to 100000. Without it: 100, and no fewer than there are messages in flight.
    #[arg(long, value_name = "N")]
    conversations: Option<usize>,
    /// Closed loop: so many messages are open at any time; the next one is sent when one is answered. Without a pace: 16.
    #[arg(long, value_name = "N", conflicts_with = "rate")]
    in_flight: Option<usize>,
    /// Open loop: so many messages per second, however slow the bot is. Latencies count from when a message was due.
    #[arg(long, value_name = "PER_SECOND")]
    rate: Option<f64>,
    /// How many messages are measured. Without an amount: 1000.
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    messages: Option<u64>,
    /// How long messages are sent, for example 90s or 15m.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    duration: Option<Duration>,
    /// Messages (200) or time (10s) before what is measured: sent, answered and judged, but not in times, calls and CPU.
    #[arg(long, value_name = "N_OR_TIME", default_value = "0", value_parser = parse_amount)]
    warm_up: Amount,
    /// What people write, behind the mark.
    #[arg(long, default_value = "How is the weather today?")]
    text: String,
    /// Seed of every random choice, and part of every mark.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Serve the built-in agent, on a free port or at this address.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, default_missing_value = "127.0.0.1:0")]
    agent: Option<SocketAddr>,
    /// Chunks of an answer of the built-in agent (with --self-test: updates of a card).
    #[arg(long, value_name = "N", default_value_t = 20)]
    chunks: u32,
    /// Characters of a chunk.
    #[arg(long, value_name = "N", default_value_t = 20)]
    chunk_chars: usize,
    /// Seconds from the first chunk of an answer to its last.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = parse_seconds, requires = "agent")]
    answer_seconds: Duration,
    /// Measure this generator's own ceiling: a trivial bot in this process answers at once, on a card or with one text.
    #[arg(long, value_name = "card|text", num_args = 0..=1, require_equals = true, default_missing_value = "card",
          value_parser = parse_reply, conflicts_with = "agent")]
    self_test: Option<BotReply>,
    /// The platform's limit: calls of an app to one API per second (the real one: 20); 0 = none.
    #[arg(long, value_name = "N", default_value_t = 0)]
    calls_per_second: u32,
    /// How long the platform takes for each call, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    call_ms: u64,
    /// A message that is not answered so long after it was due is lost. Without it: 60s and the length of an answer.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    patience: Option<Duration>,
    /// How long to wait for the bot.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_time)]
    connect_within: Duration,
    /// A process whose processor time and memory are reported; may be given several times.
    #[arg(long)]
    pid: Vec<u32>,
    /// Print the report as JSON; everything else goes to standard error then.
    #[arg(long)]
    json: bool,
}

impl LoadArguments {
    fn plan(&self) -> LoadPlan {
        let usual = LoadPlan::default();
        let pace = match (self.rate, self.in_flight) {
            (Some(rate), _) => Pace::Rate(rate),
            (None, Some(count)) => Pace::InFlight(count),
            (None, None) => usual.pace,
        };
        // So that nobody writes again before the answer is there.
        let usual_conversations = match pace {
            Pace::InFlight(count) => count.clamp(usual.conversations, CONVERSATIONS_MAX),
            Pace::Rate(_) => usual.conversations,
        };
        let amount = match (self.messages, self.duration) {
            (Some(count), _) => Amount::Messages(count),
            (None, Some(lasting)) => Amount::Lasting(lasting),
            (None, None) => usual.amount,
        };
        LoadPlan {
            listen: self.listen,
            apps: if self.app.is_empty() { usual.apps } else { self.app.clone() },
            conversations: self.conversations.unwrap_or(usual_conversations),
            pace,
            amount,
            warm_up: self.warm_up,
            text: self.text.clone(),
            seed: self.seed,
            agent: self.agent.map(|listen| AgentPlan { listen, lasting: self.answer_seconds }),
            self_test: self.self_test,
            chunks: self.chunks,
            chunk_chars: self.chunk_chars,
            calls_per_second: self.calls_per_second,
            call_ms: self.call_ms,
            patience: self.patience.unwrap_or_else(|| PATIENCE.saturating_add(self.answer_seconds)),
            connect_within: self.connect_within,
            pids: self.pid.clone(),
        }
    }

    fn say(&self, line: &str) {
        if self.json { eprintln!("{line}") } else { print_line(line) }
    }
}

/// Runs it, up to the report.
pub(crate) async fn run(arguments: LoadArguments) -> Result<ExitCode, Failure> {
    let plan = arguments.plan();
    plan.check().map_err(Failure::Usage)?;
    let load = Load::start(plan).await.map_err(|error| Failure::run("start the load", &error))?;
    let stop = CancellationToken::new();
    stop_when_interrupted(stop.clone());
    arguments.say(&format!("ready {}", load.base_url()));
    if let Some(url) = load.agent_url() {
        arguments.say(&format!("agent {url}"));
    }
    let connected = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(ExitCode::FAILURE),
        connected = load.connected() => connected,
    };
    if connected.is_err() {
        let seconds = arguments.connect_within.as_secs_f64();
        return Err(Failure::Run(format!("not every app has a connected bot after {seconds} s")));
    }
    arguments.say("connected");
    let report = load.run(&stop).await.map_err(|error| Failure::run("carry out the load", &error))?;
    let text = if arguments.json {
        serde_json::to_string_pretty(&report).map_err(|error| Failure::run("write the report", &error))?
    } else {
        report.to_string()
    };
    print_line(text.trim_end());
    Ok(if report.clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Options of `bot`.
#[derive(Debug, Args)]
pub(crate) struct BotArguments {
    /// Address of the platform, IP:PORT.
    #[arg(long)]
    platform: SocketAddr,
    /// Its app as `CLIENT_ID:CLIENT_SECRET`.
    #[arg(long, value_parser = parse_app, default_value = "ding-sim-app:sim-secret")]
    app: AppConfig,
    /// Answer on a card, an update for each chunk, or with one text.
    #[arg(long, value_name = "card|text", default_value = "card", value_parser = parse_reply)]
    reply: BotReply,
    /// Agent that is asked, as http://IP:PORT/v1. Without one the bot answers by itself.
    #[arg(long, value_name = "URL")]
    agent: Option<String>,
    /// Chunks of its own answers.
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "agent")]
    chunks: u32,
    /// Characters of such a chunk.
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "agent")]
    chunk_chars: usize,
}

/// Runs the trivial bot until it is stopped or its connection ends.
pub(crate) async fn run_the_bot(arguments: BotArguments) -> Result<ExitCode, Failure> {
    let BotArguments { platform, app, reply, agent, chunks, chunk_chars } = arguments;
    let stop = CancellationToken::new();
    stop_when_interrupted(stop.clone());
    let bot = run_bot(BotPlan { platform, app, reply, agent, chunks, chunk_chars }, stop);
    bot.await.map_err(|error| {
        let is_usage = error.kind() == ErrorKind::InvalidInput;
        if is_usage { Failure::Usage(error.to_string()) } else { Failure::run("go on as a bot", &error) }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn parse_reply(text: &str) -> Result<BotReply, String> {
    match text {
        "card" => Ok(BotReply::Card),
        "text" => Ok(BotReply::Text),
        _ => Err("expected card or text".to_owned()),
    }
}

/// `1500ms`, `10s`, `15m` or `1h`.
fn parse_time(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a number with ms, s, m or h behind it, for example 90s".to_owned();
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let one = match text.strip_prefix(digits).unwrap_or_default() {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_mins(1),
        "h" => Duration::from_hours(1),
        _ => return Err(wrong()),
    };
    let number = u32::try_from(number).map_err(|_| "that is too long".to_owned())?;
    Ok(one.saturating_mul(number))
}

fn parse_amount(text: &str) -> Result<Amount, String> {
    match text.parse() {
        Ok(count) => Ok(Amount::Messages(count)),
        Err(_) => parse_time(text)
            .map(Amount::Lasting)
            .map_err(|_| "expected a number of messages, or a time, for example 200 or 10s".to_owned()),
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok().filter(|seconds| (0.0..=3_600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "expected 0 to 3600 seconds".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_amounts_may_be_either() {
        assert_eq!(parse_time("1500ms"), Ok(Duration::from_millis(1_500)));
        assert_eq!(parse_time("15m"), Ok(Duration::from_mins(15)));
        assert_eq!(parse_amount("200"), Ok(Amount::Messages(200)));
        assert_eq!(parse_amount("10s"), Ok(Amount::Lasting(Duration::from_secs(10))));
        assert_eq!(parse_seconds("1.5"), Ok(Duration::from_millis(1_500)));
        for wrong in ["", "s", "10", "10 s", "ten", "-1s", "10d", "99999999999h"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
        for wrong in ["-1", "inf", "nan", "3601"] {
            assert!(parse_seconds(wrong).is_err(), "{wrong}");
        }
    }
}
