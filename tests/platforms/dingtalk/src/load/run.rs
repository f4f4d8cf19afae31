//! The course of a run: platform, agent and bot, the warm-up, what is measured, the end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::agent::Agent;
use super::bot::Bot;
use super::pace::Sender;
use super::process::{ProcessUse, Sample};
use super::progress::Progress;
use super::report::{self, ApiCalls, Asked, Latencies, LoadReport};
use super::words::{ENDING, Words};
use super::{Amount, Judge, LoadPlan, OPEN_MAX, Pace};
use crate::config::SimulatorConfig;
use crate::delivery;
use crate::faults::FaultRule;
use crate::gateway::TOPIC_ROBOT;
use crate::observe::{Observed, WaitTimedOut};
use crate::records::ConnectionPhase;
use crate::simulator::Simulator;
use crate::state::Inner;

/// Between two looks at messages that nobody acknowledged or answered.
const SWEEP_INTERVAL: Duration = Duration::from_millis(250);
/// Time for what follows the last answers: calls that tidy up, and our own answers to calls.
const SETTLING: Duration = Duration::from_millis(200);
/// Messages and cards that the platform keeps beyond those that can be open.
const KEPT_BESIDE: usize = 1_000;

/// A run that is ready to begin.
#[derive(Debug)]
pub struct Load {
    plan: LoadPlan,
    simulator: Simulator,
    agent: Option<Agent>,
    bots: Vec<JoinHandle<io::Result<()>>>,
    /// Stops the bots.
    _stop: DropGuard,
}

impl Load {
    /// Starts the platform, and the agent and the bot where the plan has them. The plan has to be one that
    /// [`LoadPlan::check`] finds nothing wrong with.
    pub async fn start(plan: LoadPlan) -> io::Result<Self> {
        plan.check().map_err(|wrong| io::Error::new(io::ErrorKind::InvalidInput, wrong))?;
        let mut config = SimulatorConfig {
            listen: plan.listen,
            seed: plan.seed,
            apps: plan.apps.clone(),
            people: Vec::new(),
            groups: Vec::new(),
            kept: plan.open_max().saturating_mul(2).max(plan.conversations).saturating_add(KEPT_BESIDE),
            kept_items: 1,
            kept_texts: 1,
            ..SimulatorConfig::default()
        };
        config.knobs.qps = plan.calls_per_second;
        let simulator = Simulator::start(config).await?;
        if plan.call_ms > 0 {
            simulator.add_fault(FaultRule::delay("/v1.0/*", plan.call_ms));
        }
        let words = Words::new(plan.chunks, plan.chunk_chars);
        simulator.inner.change(|state| {
            let mut judge =
                Judge::new(plan.seed, state.now_ms(), plan.order(), matches!(plan.pace, Pace::InFlight(_)));
            if plan.agent.is_some() || plan.self_test.is_some() {
                judge.expect_ending(ENDING);
            }
            state.judge = Some(judge);
        });
        let agent = match &plan.agent {
            Some(agent) => Some(Agent::start(simulator.inner.clone(), agent, words.clone()).await?),
            None => None,
        };
        let stop = CancellationToken::new();
        let apps = plan.apps.iter().filter_map(|app| Some((app.clone(), plan.self_test?)));
        let bots = apps.map(|(app, reply)| {
            let bot = Bot::new(simulator.address(), app, reply, words.clone());
            tokio::spawn(bot.run(stop.clone()))
        });
        let bots = bots.collect();
        Ok(Self { plan, simulator, agent, bots, _stop: stop.drop_guard() })
    }

    /// Base address of the platform, for the bot.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.simulator.base_url()
    }

    /// Base address of the built-in agent, for the bot: `http://…/v1`.
    #[must_use]
    pub fn agent_url(&self) -> Option<String> {
        self.agent.as_ref().map(Agent::url)
    }

    /// Tells how far the run is while it goes on; [`Load::run`] takes the load itself.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress::of(self.simulator.inner.clone())
    }

    /// Waits until a bot of each app is connected.
    pub async fn connected(&self) -> Result<(), WaitTimedOut> {
        let topic = format!("CALLBACK {TOPIC_ROBOT}");
        let is_connected = |seen: &Observed, app: &str| {
            seen.connections.iter().any(|record| {
                record.app == app
                    && record.phase == ConnectionPhase::Live
                    && record.subscriptions.contains(&topic)
            })
        };
        let all = |seen: &Observed| self.plan.apps.iter().all(|app| is_connected(seen, &app.client_id));
        self.simulator.wait_for(self.plan.connect_within, all).await
    }

    /// Sends, waits for answers, judges. Ends early when `stop` is cancelled, and tells what was found until then.
    pub async fn run(self, stop: &CancellationToken) -> io::Result<LoadReport> {
        let ended = CancellationToken::new();
        let _ended = ended.clone().drop_guard();
        let patience_us = micros(self.plan.patience);
        tokio::spawn(sweep(self.simulator.inner.clone(), patience_us, ended));
        let sender = Sender {
            inner: self.simulator.inner.clone(),
            apps: self.plan.apps.iter().map(|app| app.client_id.clone()).collect(),
            text: self.plan.text.clone(),
            stop: stop.clone(),
        };
        let slots = self.judge(|judge| judge.slots())?;
        if let Pace::InFlight(count) = self.plan.pace {
            slots.add_permits(count);
        }
        if self.plan.warm_up != Amount::Messages(0) {
            sender.send_all(self.plan.pace, self.plan.warm_up, &slots).await?;
            self.all_over(stop).await;
        }
        self.judge(Judge::measure)?;
        let own = std::process::id();
        let pids: Vec<u32> = std::iter::once(own).chain(self.plan.pids.iter().copied()).collect();
        let before: Vec<Option<Sample>> = pids.iter().map(|pid| Sample::of(*pid)).collect();
        sender.send_all(self.plan.pace, self.plan.amount, &slots).await?;
        self.all_over(stop).await;
        let report = self.report(&pids, &before)?;
        for bot in &self.bots {
            bot.abort();
        }
        self.simulator.stop().await;
        Ok(report)
    }

    /// Waits until no message is open, and the calls that ended the last ones are counted.
    async fn all_over(&self, stop: &CancellationToken) {
        let mut changes = self.simulator.inner.changes();
        let is_over = || {
            self.simulator.inner.look(|state| {
                let is_open = state.judge.as_ref().is_some_and(|judge| judge.open() > 0);
                !is_open && state.observed.calls_in_flight == 0
            })
        };
        loop {
            changes.borrow_and_update();
            if is_over() {
                sleep(SETTLING).await;
                return;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                ended = changes.changed() => if ended.is_err() { return },
            }
        }
    }

    fn judge<T>(&self, ask: impl FnOnce(&mut Judge) -> T) -> io::Result<T> {
        let asked = self.simulator.inner.change(|state| state.judge.as_mut().map(ask));
        asked.ok_or_else(|| io::Error::other("the run has no judge"))
    }

    fn report(&self, pids: &[u32], before: &[Option<Sample>]) -> io::Result<LoadReport> {
        let after: Vec<Option<Sample>> = pids.iter().map(|pid| Sample::of(*pid)).collect();
        let violations = self.simulator.observe(|seen| {
            seen.violations.forgotten().saturating_add(u64::try_from(seen.violations.len()).unwrap_or(0))
        });
        self.judge(|judge| {
            judge.verdict.open = u64::try_from(judge.open()).unwrap_or(u64::MAX);
            let (verdict, times) = (judge.verdict.clone(), &judge.times);
            let measured = times.finished.count();
            let first_us = times.first_us.unwrap_or(times.last_us);
            let seconds = Duration::from_micros(times.last_us.saturating_sub(first_us)).as_secs_f64();
            let calls: Vec<ApiCalls> =
                judge.calls().iter().map(|(api, count)| ApiCalls::of(api, count, measured)).collect();
            let used = pids.iter().zip(before).zip(after);
            let mut used = used
                .map(|((pid, before), after)| ProcessUse::between(*pid, before.as_ref(), after, measured));
            LoadReport {
                asked: self.plan.asked(),
                clean: verdict.is_clean() && violations == 0,
                verdict,
                violations,
                measured,
                seconds,
                messages_per_second: report::per_second(&times.finished, seconds),
                latency: Latencies::of(times),
                calls_per_reply: calls.iter().map(|calls| calls.per_reply).sum(),
                throttled: calls.iter().map(|calls| calls.throttled).sum(),
                calls,
                agent_requests: times.requests,
                generator: used.next().flatten(),
                processes: used.flatten().collect(),
            }
        })
    }
}

impl LoadPlan {
    /// The conversations in an order of the seed.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.conversations).collect();
        order.shuffle(&mut StdRng::seed_from_u64(self.seed));
        order
    }

    /// Messages that can be open at the same time.
    fn open_max(&self) -> usize {
        match self.pace {
            Pace::InFlight(count) => count.min(OPEN_MAX),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a rate is positive, and more than the maximum is the maximum"
            )]
            Pace::Rate(rate) => ((rate * self.patience.as_secs_f64()).ceil() as usize).min(OPEN_MAX),
        }
    }

    fn asked(&self) -> Asked {
        let answers = self.agent.is_some() || self.self_test.is_some();
        let (rate, in_flight) = match self.pace {
            Pace::Rate(rate) => (Some(rate), None),
            Pace::InFlight(count) => (None, Some(count)),
        };
        Asked {
            conversations: self.conversations,
            rate,
            in_flight,
            seed: self.seed,
            chunks: answers.then_some(self.chunks),
            answer_seconds: self.agent.as_ref().map(|agent| agent.lasting.as_secs_f64()),
            self_test: self.self_test.is_some(),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Repeats what nobody acknowledged, as the platform does, and gives up what nobody answered.
async fn sweep(inner: Arc<Inner>, patience_us: u64, ended: CancellationToken) {
    let mut ticks = interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            () = ended.cancelled() => return,
            _ = ticks.tick() => {}
        }
        inner.change(|state| {
            let (now_us, repeats_max) = (state.clock.now_us(), state.knobs.redelivery_max);
            let after_us = state.knobs.redelivery_after_ms.saturating_mul(1_000);
            let Some(judge) = &mut state.judge else { return };
            judge.give_up(patience_us, now_us);
            for msg_id in judge.unacknowledged(after_us, repeats_max, now_us) {
                delivery::repeat(state, &msg_id);
            }
        });
    }
}
