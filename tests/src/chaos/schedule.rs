//! What goes wrong when: a list made of a seed.

use std::fmt;
use std::time::Duration;

use dingtalk_sim::Disruption;

use super::random::Random;
use super::{Length, Plan};

/// What may go wrong in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// `kill -9` and nothing else.
    Kills,
    /// Every way of ending or holding up the process.
    Process,
    /// Sockets, deliveries and acks.
    Sockets,
    /// Calls to the platform, and tokens.
    Calls,
    /// The agent.
    Agent,
    /// The store.
    Store,
    /// All of these.
    Everything,
}

/// One thing that goes wrong. Milliseconds say how long it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// `kill -9`, and a new process.
    Kill,
    /// SIGTERM, a second one after a while, and a new process once it has ended.
    Stop { again_after_ms: Option<u64> },
    /// A second process is started on the same store before the first is killed or stopped.
    HandOver { kill: bool },
    /// SIGSTOP, then SIGCONT or `kill -9`.
    Freeze { ms: u64, kill: bool },
    /// One socket, or all, end in some way.
    Sockets { how: Disruption, all: bool },
    /// So many acks get lost.
    LoseAcks { count: u32 },
    /// So many messages, old ones and new ones, are pushed once more.
    Repeat { count: u64 },
    /// The platform takes no new connection, and drops those there are.
    Refuse { how: Refused, ms: u64 },
    /// Calls to one part of the platform go wrong.
    Calls { part: Part, how: Wrong, ms: u64 },
    /// All tokens given out so far are expired.
    ExpireTokens,
    /// All session webhooks given out so far are expired.
    ExpireWebhooks,
    /// A share of what the agent is asked goes wrong.
    Agent { percent: u64, ms: u64 },
    /// Another program has locked the store.
    Lock { ms: u64 },
    /// Another program locks the store again and again.
    Slow { times: u64 },
    /// No file can grow.
    Full { ms: u64 },
}

/// How new connections are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The request for a ticket is answered 503.
    Unavailable,
    /// It is throttled.
    Throttled,
    /// Its connection is cut.
    Cut,
    /// The handshake is cut.
    Handshake,
}

/// A part of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Streaming into cards.
    Streaming,
    /// Making, delivering and updating cards.
    Cards,
    /// Session webhooks.
    Webhook,
    /// The robot's own API.
    Robot,
    /// Tokens.
    Tokens,
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The platform says that it is busy (500).
    Busy,
    /// It says that there are too many calls.
    Throttled,
    /// It takes its time.
    Late,
    /// It does what it is told, and cuts the connection instead of answering.
    DoneAndCut,
    /// It does what it is told, and answers that it took too long.
    DoneAndTimedOut,
    /// It cuts the connection and does nothing.
    Cut,
}

/// What goes wrong, each some time after the one before was carried out.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) steps: Vec<(Duration, Move)>,
}

impl Schedule {
    /// The schedule of a plan.
    pub(super) fn of(plan: &Plan) -> Self {
        let random = Random::new(plan.seed, 1);
        let mut steps = Vec::new();
        let mut passed = Duration::ZERO;
        let goes_on = |steps: &Vec<_>, passed: Duration| match plan.length {
            Length::Kills(kills) => steps.len() < kills,
            Length::Seconds(seconds) => passed < Duration::from_secs(seconds),
        };
        while goes_on(&steps, passed) {
            let after = Duration::from_millis(random.between(300, 1_000));
            let what = draw(&random, plan.cast);
            // What takes its time takes it from the run.
            passed += after + what.takes();
            steps.push((after, what));
        }
        Self { steps }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps
            .iter()
            .try_for_each(|(after, what)| writeln!(f, "{:>5} ms later: {what:?}", after.as_millis()))
    }
}

impl Move {
    /// How long the schedule is held up by it, roughly.
    fn takes(self) -> Duration {
        let ms = match self {
            Self::Freeze { ms, .. } => ms,
            Self::Slow { times } => times * 300,
            Self::Kill | Self::Stop { .. } | Self::HandOver { .. } => 500,
            Self::Sockets { .. }
            | Self::LoseAcks { .. }
            | Self::Repeat { .. }
            | Self::Refuse { .. }
            | Self::Calls { .. }
            | Self::ExpireTokens
            | Self::ExpireWebhooks
            | Self::Agent { .. }
            | Self::Lock { .. }
            | Self::Full { .. } => 0,
        };
        Duration::from_millis(ms)
    }
}

fn draw(random: &Random, cast: Cast) -> Move {
    const PARTS: [Cast; 5] = [Cast::Process, Cast::Sockets, Cast::Calls, Cast::Agent, Cast::Store];
    match cast {
        Cast::Kills => Move::Kill,
        Cast::Process => process(random),
        Cast::Sockets => sockets(random),
        Cast::Calls => calls(random),
        Cast::Agent => Move::Agent { percent: random.between(20, 90), ms: random.between(500, 3_000) },
        Cast::Store => store(random),
        Cast::Everything => draw(random, random.pick(&PARTS)),
    }
}

fn process(random: &Random) -> Move {
    match random.between(0, 9) {
        0..=3 => Move::Kill,
        4..=5 => Move::Stop { again_after_ms: random.percent(40).then(|| random.between(0, 400)) },
        6..=7 => Move::HandOver { kill: random.percent(50) },
        _ => Move::Freeze { ms: random.between(100, 2_500), kill: random.percent(30) },
    }
}

fn sockets(random: &Random) -> Move {
    use Disruption::{BareDisconnect, Close, Disconnect, Drop, HalfOpen, Reset};
    match random.between(0, 9) {
        // A connection that only seems to be there is found after 40 s of silence: mostly one of two, so that the run goes on.
        0 => Move::Sockets { how: HalfOpen, all: random.percent(20) },
        1..=4 => Move::Sockets {
            how: random.pick(&[Reset, Drop, Close, Disconnect, BareDisconnect]),
            all: random.percent(50),
        },
        5..=6 => Move::LoseAcks { count: u32::try_from(random.between(1, 30)).expect("small") },
        7..=8 => Move::Repeat { count: random.between(1, 30) },
        _ => Move::Refuse {
            how: random.pick(&[Refused::Unavailable, Refused::Throttled, Refused::Cut, Refused::Handshake]),
            ms: random.between(300, 3_000),
        },
    }
}

fn calls(random: &Random) -> Move {
    match random.between(0, 9) {
        0 => Move::ExpireTokens,
        1 => Move::ExpireWebhooks,
        _ => Move::Calls {
            part: random.pick(&[Part::Streaming, Part::Cards, Part::Webhook, Part::Robot, Part::Tokens]),
            how: random.pick(&[
                Wrong::Busy,
                Wrong::Throttled,
                Wrong::Late,
                Wrong::DoneAndCut,
                Wrong::DoneAndTimedOut,
                Wrong::Cut,
            ]),
            ms: random.between(300, 3_000),
        },
    }
}

fn store(random: &Random) -> Move {
    match random.between(0, 2) {
        0 => Move::Lock { ms: random.between(200, 5_000) },
        1 => Move::Slow { times: random.between(2, 8) },
        _ => Move::Full { ms: random.between(200, 5_000) },
    }
}
