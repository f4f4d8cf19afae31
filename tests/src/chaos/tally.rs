//! The raw counts of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use dingtalk_sim::{CardState, DeliveryCause, Observed};

use super::stage::Stage;
use crate::model::{Counts, Verdict};

/// What was counted.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// `kill -9` of the process.
    pub kills: u64,
    /// Stops by SIGTERM.
    pub stops: u64,
    /// SIGSTOPs.
    pub freezes: u64,
    /// Times that a second process waited for the first to end.
    pub hand_overs: u64,
    /// Processes that became ready.
    pub starts: u64,
    /// Processes that ended before that.
    pub failed_starts: u64,
    /// Longest time from a start to `ready`.
    pub ready_ms_max: u64,
    /// For how long messages were pushed.
    pub loaded_ms: u64,
    /// Longest time from then until all was quiet.
    pub quiet_ms_max: u64,
    numbers: BTreeMap<&'static str, u64>,
    names: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// What the model counted.
    pub counts: Counts,
}

impl Tally {
    /// Counts what a stage has left behind.
    pub(super) fn count(&mut self, stage: &Stage, verdict: &Verdict) {
        self.counts = verdict.counts;
        let asked = stage.agent.asked();
        let turns: BTreeSet<_> = asked.iter().filter_map(|one| one.idempotency_key.as_deref()).collect();
        self.number("the agent was asked", asked.len());
        self.number("turns that it was asked for", turns.len());
        stage.simulator.observe(|seen| self.observe(seen));
    }

    fn number(&mut self, what: &'static str, count: usize) {
        *self.numbers.entry(what).or_default() += count as u64;
    }

    fn named(&mut self, what: &'static str, name: String) {
        *self.names.entry(what).or_default().entry(name).or_default() += 1;
    }

    /// Counts failure records by their cause.
    pub(super) fn failures<'a>(&mut self, causes: impl Iterator<Item = &'a str>) {
        causes.for_each(|cause| self.named("failure records", cause.to_owned()));
    }

    fn observe(&mut self, seen: &Observed) {
        let deliveries = || seen.messages.iter().flat_map(|message| &message.deliveries);
        let caused = |cause| deliveries().filter(|delivery| delivery.cause == cause).count();
        let calls = |count: fn(&dingtalk_sim::CallCount) -> u64| {
            usize::try_from(seen.call_counts.values().map(count).sum::<u64>()).expect("a count")
        };
        self.number("messages pushed", seen.messages.len());
        self.number("messages acked", seen.messages.iter().filter(|message| message.acked.is_some()).count());
        self.number("deliveries", deliveries().count());
        self.number("deliveries repeated after 3 s without an ack", caused(DeliveryCause::Redelivery));
        self.number("deliveries duplicated", caused(DeliveryCause::Duplicate));
        self.number(
            "deliveries while nothing was connected",
            deliveries().filter(|it| it.connection.is_none()).count(),
        );
        self.number("acks lost on purpose", deliveries().filter(|delivery| delivery.swallowed).count());
        self.number("sockets", seen.connections.iter().count());
        self.number("cards", seen.cards().count());
        self.number("cards finished", seen.cards().filter(|card| card.state == CardState::Finished).count());
        self.number("cards open", seen.open_cards().len());
        let plain = seen.conversations.values().map(|one| one.replies().count()).sum();
        self.number("plain messages", plain);
        self.number("calls to the platform", calls(|count| count.total));
        self.number("calls that failed", calls(|count| count.failed));
        for violation in seen.violations.iter() {
            self.named("noted by the platform", format!("{:?}", violation.kind));
        }
    }

    /// Adds another run's.
    pub(super) fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.stops += other.stops;
        self.freezes += other.freezes;
        self.hand_overs += other.hand_overs;
        self.starts += other.starts;
        self.failed_starts += other.failed_starts;
        self.ready_ms_max = self.ready_ms_max.max(other.ready_ms_max);
        self.loaded_ms += other.loaded_ms;
        self.quiet_ms_max = self.quiet_ms_max.max(other.quiet_ms_max);
        self.counts.add(&other.counts);
        for (what, count) in &other.numbers {
            *self.numbers.entry(what).or_default() += count;
        }
        for (what, names) in &other.names {
            let own = self.names.entry(what).or_default();
            for (name, count) in names {
                *own.entry(name.clone()).or_default() += count;
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |what: &str, count: &dyn fmt::Display| writeln!(f, "| {what} | {count} |");
        row("what", &"count")?;
        row("---", &"---")?;
        let Self { kills, stops, freezes, hand_overs, starts, failed_starts, .. } = self;
        row("`kill -9`", kills)?;
        row(
            "SIGTERM; SIGSTOP; hand-overs to a waiting process",
            &format!("{stops}; {freezes}; {hand_overs}"),
        )?;
        row("processes that became ready; that ended before", &format!("{starts}; {failed_starts}"))?;
        row("longest start", &format!("{} ms", self.ready_ms_max))?;
        row("time under load", &format!("{} s", self.loaded_ms / 1_000))?;
        row("longest time until all was quiet", &format!("{} ms", self.quiet_ms_max))?;
        for (what, count) in &self.numbers {
            row(what, count)?;
        }
        for (what, names) in &self.names {
            let names: Vec<String> = names.iter().map(|(name, count)| format!("{name} {count}")).collect();
            row(what, &names.join(", "))?;
        }
        let Counts {
            acked,
            answered,
            cancelled,
            refused,
            failed,
            lost,
            twice,
            out_of_order,
            open_cards,
            unknown,
        } = self.counts;
        row("questions acked", &acked)?;
        row(
            "answered; cancelled; refused; failed with a record",
            &format!("{answered}; {cancelled}; {refused}; {failed}"),
        )?;
        row(
            "lost; twice; out of order; cards open",
            &format!("{lost}; {twice}; {out_of_order}; {open_cards}"),
        )?;
        row("of unknown fate, with a record", &unknown)
    }
}
