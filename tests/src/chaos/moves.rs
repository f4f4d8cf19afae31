//! Carrying out what a schedule says.

use std::sync::Arc;
use std::time::Duration;

use dingtalk_sim::{Disruption, FaultRule};
use nix::sys::signal::Signal;

use super::schedule::Move;
use super::stage::Stage;
use super::{Cast, faults, looks, pause};

/// How often, and how long, another program that makes the store slow has the lock, and lets it go, in milliseconds.
const SLOW_MS: (u64, u64) = (200, 100);

impl Stage {
    /// Carries out one move; says what came of it.
    pub(super) async fn carry_out_one(&mut self, what: Move) -> String {
        match what {
            Move::Kill => {
                self.kill().await;
                self.serve().await;
            }
            Move::Stop { again_after_ms } => return self.stop(again_after_ms).await,
            Move::HandOver { kill } => return self.hand_over(kill).await,
            Move::Freeze { ms, kill } => self.freeze(ms, kill).await,
            Move::Sockets { how, all } => return self.sockets(how, all),
            Move::LoseAcks { count } => self.simulator.swallow_acks(count),
            Move::Repeat { count } => return self.repeat(count),
            Move::Refuse { how, ms } => {
                self.fault(faults::refusing(how), ms);
                return format!("{} sockets dropped", self.simulator.disrupt_all(Disruption::Drop));
            }
            Move::Calls { part, how, ms } => self.fault(faults::calls(part, how), ms),
            Move::ExpireTokens => self.simulator.expire_tokens(),
            Move::ExpireWebhooks => self.simulator.expire_webhooks(),
            Move::Agent { percent, ms } => {
                self.trouble.set(percent);
                let trouble = self.trouble.clone();
                self.faults.last(ms, move || trouble.set(0));
            }
            Move::Lock { ms } => {
                let Some(other) = self.lock() else { return "the lock was not to be had".to_owned() };
                self.faults.last(ms, move || drop(other));
            }
            Move::Slow { times } => self.slow(times).await,
            Move::Full { ms } => {
                let process = self.server.process_id();
                faults::limit_files(process, Some(0));
                self.faults.last(ms, move || faults::limit_files(process, None));
            }
        }
        "done".to_owned()
    }

    fn fault(&mut self, rule: FaultRule, ms: u64) {
        let simulator = Arc::clone(&self.simulator);
        let id = simulator.add_fault(rule).expect("room for a rule");
        self.faults.last(ms, move || {
            simulator.remove_fault(id);
        });
    }

    async fn stop(&mut self, again_after_ms: Option<u64>) -> String {
        self.server.signal(Signal::SIGTERM);
        if let Some(ms) = again_after_ms {
            pause(Duration::from_millis(ms)).await;
            self.server.signal(Signal::SIGTERM);
        }
        let status = self.server.end().await;
        self.tally.stops += 1;
        if again_after_ms.is_none() && self.plan.cast == Cast::Process && status.code() != Some(0) {
            self.wrong.push(format!("told to stop, it ended with {status}"));
        }
        self.serve().await;
        format!("{status}")
    }

    /// The second process waits for the store while the first still ends.
    async fn hand_over(&mut self, kill: bool) -> String {
        let mut second = self.home.spawn(&["serve"]);
        let waits = looks::until("the second server waits or has ended", async || {
            let has_ended = second.ended().is_some();
            (has_ended || second.log().contains("waiting to take over")).then_some(!has_ended)
        });
        let waits = waits.await;
        if kill {
            self.kill().await;
        } else {
            self.server.signal(Signal::SIGTERM);
            self.server.end().await;
            self.tally.stops += 1;
        }
        self.tally.hand_overs += u64::from(waits);
        if self.take(second).await {
            return "the second goes on".to_owned();
        }
        self.serve().await;
        "the second had ended, a third goes on".to_owned()
    }

    async fn freeze(&mut self, ms: u64, kill: bool) {
        self.server.signal(Signal::SIGSTOP);
        self.tally.freezes += 1;
        pause(Duration::from_millis(ms)).await;
        if kill {
            self.kill().await;
            self.serve().await;
        } else {
            self.server.signal(Signal::SIGCONT);
        }
    }

    fn sockets(&self, how: Disruption, all: bool) -> String {
        if all {
            return format!("{} of them", self.simulator.disrupt_all(how));
        }
        let live: Vec<_> =
            self.simulator.observe(|seen| seen.live_connections().map(|one| one.id.clone()).collect());
        if live.is_empty() {
            return "none is live".to_owned();
        }
        let ids: Vec<&str> = live.iter().map(String::as_str).collect();
        let hit = self.simulator.disrupt(self.random.pick(&ids), how);
        if hit { "hit".to_owned() } else { "missed".to_owned() }
    }

    /// Old messages and new ones, each as likely.
    fn repeat(&self, count: u64) -> String {
        let ids: Vec<String> = self
            .simulator
            .observe(|seen| seen.messages.iter().map(|message| message.msg_id.clone()).collect());
        if ids.is_empty() {
            return "none was pushed yet".to_owned();
        }
        let newest = ids.len().saturating_sub(20);
        let mut repeated = 0;
        for _ in 0..count {
            let from = if self.random.percent(50) { newest } else { 0 };
            let place = self.random.between(from as u64, ids.len() as u64 - 1);
            repeated += u64::from(self.simulator.duplicate(&ids[usize::try_from(place).expect("a place")]));
        }
        format!("{repeated} repeated")
    }

    fn lock(&self) -> Option<rusqlite::Connection> {
        faults::locked(&self.home.store().join("switchboard.db"))
    }

    async fn slow(&mut self, times: u64) {
        for _ in 0..times {
            let lock = self.lock();
            pause(Duration::from_millis(SLOW_MS.0)).await;
            drop(lock);
            pause(Duration::from_millis(SLOW_MS.1)).await;
        }
    }
}
