//! A load run: messages at a pace, a bot under test that answers, and a judge that keeps only what is not over.
//!
//! ```no_run
//! # use dingtalk_sim::load::{Amount, Load, LoadPlan, Pace};
//! # use tokio_util::sync::CancellationToken;
//! # async fn example() -> std::io::Result<()> {
//! let plan = LoadPlan { pace: Pace::InFlight(16), amount: Amount::Messages(1_000), ..LoadPlan::default() };
//! let load = Load::start(plan).await?;
//! // … point the bot at `load.base_url()`, and its agent at `load.agent_url()` …
//! load.connected().await.map_err(std::io::Error::other)?;
//! let report = load.run(&CancellationToken::new()).await?;
//! assert!(report.clean, "{report}");
//! # Ok(())
//! # }
//! ```

mod agent;
mod bot;
mod histogram;
mod judge;
mod marks;
mod pace;
mod places;
mod process;
mod progress;
mod report;
mod run;
mod standstill;
mod verdict;
mod words;

pub use agent::AgentPlan;
pub use bot::{BotPlan, BotReply, run_bot};
pub use histogram::Latency;
pub(crate) use judge::{Judge, JudgedCard, Judgement};
pub use places::OPEN_MAX;
pub use process::{ProcessUse, Sample};
pub use progress::{Finished, Progress};
pub use report::{ApiCalls, Asked, Latencies, LoadReport};
pub use run::Load;
pub use verdict::Verdict;

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::AppConfig;
use crate::people::PEOPLE_MAX;

/// Conversations of a run: each has a person of its own.
pub const CONVERSATIONS_MAX: usize = PEOPLE_MAX;
/// Pieces of an answer.
pub const CHUNKS_MAX: u32 = 10_000;
/// Characters of a piece.
pub const CHUNK_CHARS_MAX: usize = 10_000;
/// Characters of a message.
pub const TEXT_CHARS_MAX: usize = 10_000;
/// Messages per second.
pub const RATE_MAX: f64 = 100_000.0;

/// When messages are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many per second, whatever has become of those before (open loop).
    Rate(f64),
    /// So many are open at any time: the next one is sent when one is over (closed loop).
    InFlight(usize),
}

/// How many messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Messages(u64),
    /// As many as go out in this time.
    Lasting(Duration),
}

/// Everything about a run.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// Address of the platform; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Robots; conversations are dealt out to them.
    pub apps: Vec<AppConfig>,
    /// Conversations, 1 to 100,000.
    pub conversations: usize,
    /// When messages are sent.
    pub pace: Pace,
    /// How many are measured.
    pub amount: Amount,
    /// How many are sent, and answered, before.
    pub warm_up: Amount,
    /// What people write, behind the mark.
    pub text: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// The built-in agent, if it is to be served.
    pub agent: Option<AgentPlan>,
    /// The bot is the trivial one, in this process.
    pub self_test: Option<BotReply>,
    /// Pieces of an answer of the built-in agent or bot.
    pub chunks: u32,
    /// Characters of a piece.
    pub chunk_chars: usize,
    /// The platform's limit: calls of one app to one API per second; 0 = none.
    pub calls_per_second: u32,
    /// How long the platform takes for each call (ms).
    pub call_ms: u64,
    /// A message that is not over so long after it was due is given up.
    pub patience: Duration,
    /// How long the bot may take to connect.
    pub connect_within: Duration,
    /// Processes whose processor time and memory are told.
    pub pids: Vec<u32>,
}

impl Default for LoadPlan {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            apps: vec![AppConfig::new("ding-sim-app", "sim-secret")],
            conversations: 100,
            pace: Pace::InFlight(16),
            amount: Amount::Messages(1_000),
            warm_up: Amount::Messages(0),
            text: "How is the weather today?".to_owned(),
            seed: 1,
            agent: None,
            self_test: None,
            chunks: 20,
            chunk_chars: 20,
            calls_per_second: 0,
            call_ms: 0,
            patience: Duration::from_mins(1),
            connect_within: Duration::from_mins(1),
            pids: Vec::new(),
        }
    }
}

impl LoadPlan {
    /// What cannot be done, in one sentence.
    pub fn check(&self) -> Result<(), String> {
        let is_nothing = |amount: Amount| match amount {
            Amount::Messages(count) => count == 0,
            Amount::Lasting(lasting) => lasting.is_zero(),
        };
        let wrong = |is_wrong: bool, what: String| if is_wrong { Err(what) } else { Ok(()) };
        wrong(
            !(1..=CONVERSATIONS_MAX).contains(&self.conversations),
            format!("there must be 1 to {CONVERSATIONS_MAX} conversations"),
        )?;
        match self.pace {
            Pace::Rate(rate) => wrong(
                !(rate > 0.0 && rate <= RATE_MAX),
                format!("the rate must be more than 0 and at most {RATE_MAX} messages per second"),
            ),
            Pace::InFlight(count) => wrong(
                !(1..=OPEN_MAX).contains(&count),
                format!("there must be 1 to {OPEN_MAX} messages in flight"),
            ),
        }?;
        wrong(is_nothing(self.amount), "at least one message must be measured".to_owned())?;
        wrong(
            !(1..=CHUNKS_MAX).contains(&self.chunks),
            format!("an answer must have 1 to {CHUNKS_MAX} chunks"),
        )?;
        wrong(
            self.chunk_chars > CHUNK_CHARS_MAX,
            format!("a chunk must have at most {CHUNK_CHARS_MAX} characters"),
        )?;
        wrong(
            self.text.chars().count() > TEXT_CHARS_MAX,
            format!("the text must have at most {TEXT_CHARS_MAX} characters"),
        )?;
        wrong(self.apps.is_empty(), "there must be an app".to_owned())?;
        wrong(self.patience.is_zero(), "there must be some patience for a message".to_owned())
    }
}
