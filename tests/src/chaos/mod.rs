//! Chaos: the real binary between the simulated platform and a scripted agent, under a load, while a schedule made of a seed
//! kills it, stops it, freezes it, cuts its sockets, and lets platform, agent and store fail. In the end everything is lifted,
//! and once all is quiet the reference model ([`crate::model`]) judges what people have seen.
//!
//! ```no_run
//! # use switchboard_tests::chaos::{Cast, Length, Plan, run};
//! # async fn example() {
//! let plan = Plan { cast: Cast::Kills, length: Length::Kills(200), ..Plan::of_seed(7) };
//! run(&plan).await.assert_holds();
//! # }
//! ```
//!
//! The same seed makes the same schedule, the same load and the same agent. The moments at which things meet are those of
//! real processes and differ from run to run: a seed narrows the search, it does not replay a run.

mod agents;
mod faults;
mod load;
mod moves;
mod quiet;
mod random;
mod record;
mod schedule;
mod stage;
mod tally;
#[cfg(test)]
mod tests;
mod transcripts;

use std::fmt;
use std::time::Duration;

use crate::looks;
use crate::model::Verdict;

pub use self::schedule::Cast;
use self::schedule::Schedule;
use self::stage::Stage;
pub use self::tally::Tally;

/// Kills after which a long run is judged, and goes on with an empty store on a new platform: what was seen of so many has
/// room in the platform's record.
const KILLS_A_STAGE: usize = 50;
/// Seconds after which a long run is judged, likewise.
const SECONDS_A_STAGE: u64 = 90;

/// What a run consists of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the schedule, the load and the agent are made of.
    pub seed: u64,
    /// What may go wrong.
    pub cast: Cast,
    /// Messages a second.
    pub rate: u64,
    /// Whether answers come in cards.
    pub cards: bool,
    /// How long it goes on.
    pub length: Length,
}

/// How long a run goes on.
#[derive(Debug, Clone, Copy)]
pub enum Length {
    /// For so many kills.
    Kills(usize),
    /// For so long, roughly: what is under way then is carried out.
    Seconds(u64),
}

impl Plan {
    /// The usual plan: everything may go wrong, for half a minute.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self { seed, cast: Cast::Everything, rate: 50, cards: true, length: Length::Seconds(30) }
    }

    /// The stages of a long run, each with a seed of its own; the first has the plan's.
    fn stages(&self) -> Vec<Self> {
        let mut stages = Vec::new();
        let mut left = self.length;
        loop {
            let (now, later) = left.cut();
            let seed = self.seed.wrapping_add(stages.len() as u64);
            stages.push(Self { seed, length: now, ..self.clone() });
            match later {
                Some(later) => left = later,
                None => return stages,
            }
        }
    }
}

impl Length {
    fn cut(self) -> (Self, Option<Self>) {
        match self {
            Self::Kills(kills) if kills > KILLS_A_STAGE => {
                (Self::Kills(KILLS_A_STAGE), Some(Self::Kills(kills - KILLS_A_STAGE)))
            }
            Self::Seconds(seconds) if seconds > SECONDS_A_STAGE => {
                (Self::Seconds(SECONDS_A_STAGE), Some(Self::Seconds(seconds - SECONDS_A_STAGE)))
            }
            Self::Kills(_) | Self::Seconds(_) => (self, None),
        }
    }
}

/// What a run has shown.
#[derive(Debug)]
pub struct Outcome {
    plan: Plan,
    /// What was counted.
    pub tally: Tally,
    /// The verdicts that do not hold, each with its schedule and what happened.
    broken: Vec<String>,
}

impl Outcome {
    /// Fails with everything that is known if a promise was broken.
    pub fn assert_holds(&self) {
        println!("{self}");
        assert!(self.broken.is_empty(), "{:?} broke promises:\n{}", self.plan, self.broken.join("\n"));
    }

    fn add(&mut self, part: &Plan, verdict: &Verdict, tally: &Tally, schedule: &Schedule, events: &[String]) {
        self.tally.add(tally);
        if !verdict.holds() {
            let seed = part.seed;
            let events = events.join("\n");
            self.broken.push(format!(
                "--- a stage of seed {seed}\n{verdict}--- its schedule\n{schedule}--- what happened\n{events}"
            ));
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { seed, cast, rate, cards, length } = &self.plan;
        let shown = if *cards { "cards" } else { "plain text" };
        writeln!(f, "seed {seed}, {cast:?}, {length:?}, {rate} messages a second, {shown}")?;
        write!(f, "{}", self.tally)
    }
}

/// Carries out a plan. Nothing is printed before its end but where it stands.
pub async fn run(plan: &Plan) -> Outcome {
    let mut outcome = Outcome { plan: plan.clone(), tally: Tally::default(), broken: Vec::new() };
    let stages = plan.stages();
    for (number, part) in stages.iter().enumerate() {
        eprintln!("chaos: stage {} of {}: {part:?}", number + 1, stages.len());
        let schedule = Schedule::of(part);
        let mut stage = Stage::start(part).await;
        stage.carry_out(&schedule).await;
        let (verdict, tally) = stage.judge().await;
        if !verdict.holds() {
            // At once: a long run has long to go yet.
            eprintln!("chaos: stage {} does not hold: {verdict}", number + 1);
        }
        outcome.add(part, &verdict, &tally, &schedule, &stage.events);
        stage.end().await;
    }
    outcome
}

/// Waits for as long as a schedule says; nothing is judged by it.
async fn pause(how_long: Duration) {
    tokio::time::sleep(how_long).await;
}
