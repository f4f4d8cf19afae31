//! What a load run found, as JSON and as a table for people.

use std::fmt;

use serde::Serialize;

use super::histogram::{Histogram, Latency};
use super::process::ProcessUse;
use super::verdict::{Times, Verdict};
use crate::records::CallCount;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asked {
    /// Conversations.
    pub conversations: usize,
    /// Messages per second (open loop).
    pub rate: Option<f64>,
    /// Messages open at the same time (closed loop).
    pub in_flight: Option<usize>,
    /// Seed of the order of conversations and of every random choice.
    pub seed: u64,
    /// Pieces of an answer, where the built-in agent or bot answers.
    pub chunks: Option<u32>,
    /// Length of an answer of the built-in agent, from its first piece to its last (s).
    pub answer_seconds: Option<f64>,
    /// The bot is the trivial one of this process.
    pub self_test: bool,
}

/// Latencies of the measured messages, from when each was due: with a rate by the schedule, else when it was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Latencies {
    /// The platform had the acknowledgement.
    pub acknowledged: Latency,
    /// The built-in agent was asked.
    pub agent_asked: Latency,
    /// Something was to be seen: a card with any content, or a text.
    pub first_output: Latency,
    /// The answer's own first words were to be seen.
    pub first_words: Latency,
    /// The longest time in which an answer's card showed nothing new while the agent was writing: from when the card appeared or
    /// its text changed to its next change, its end, or the built-in agent's last word.
    pub longest_standstill: Latency,
    /// The card was finished, or the text was there.
    pub finished: Latency,
    /// From the built-in agent's last word to the finished card.
    pub after_last_word: Latency,
    /// How late the generator itself sent; what is large here is the generator's, not the bot's.
    pub generator_late: Latency,
}

/// Calls of one API while messages were measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApiCalls {
    /// Method and path.
    pub api: String,
    /// Calls.
    pub count: u64,
    /// Calls for each answered message.
    pub per_reply: f64,
    /// Calls that were not answered with success.
    pub failed: u64,
    /// Of these, refused by the rate limit.
    pub throttled: u64,
}

/// What a load run found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadReport {
    /// What was asked for.
    pub asked: Asked,
    /// Nothing is wrong with any message, and the bot broke no rule of the platform.
    pub clean: bool,
    /// What became of all messages, the warm-up's included.
    pub verdict: Verdict,
    /// Rules of the platform that the bot broke.
    pub violations: u64,
    /// Messages answered while it was measured.
    pub measured: u64,
    /// From when the first of them was due until the last one was over (s).
    pub seconds: f64,
    /// Answered messages per second.
    pub messages_per_second: f64,
    /// How long they took.
    pub latency: Latencies,
    /// Calls of the platform by API.
    pub calls: Vec<ApiCalls>,
    /// Calls of all APIs for each answered message.
    pub calls_per_reply: f64,
    /// Calls refused by the rate limit.
    pub throttled: u64,
    /// Requests of the built-in agent.
    pub agent_requests: u64,
    /// The generator itself, its agent (and trivial bot) included.
    pub generator: Option<ProcessUse>,
    /// The processes asked about; those that are gone are missing.
    pub processes: Vec<ProcessUse>,
}

impl Latencies {
    pub(crate) fn of(times: &Times) -> Self {
        Self {
            acknowledged: times.acknowledged.summary(),
            agent_asked: times.asked.summary(),
            first_output: times.shown.summary(),
            first_words: times.worded.summary(),
            longest_standstill: times.stood.summary(),
            finished: times.finished.summary(),
            after_last_word: times.closing.summary(),
            generator_late: times.late.summary(),
        }
    }

    fn rows(&self) -> [(&'static str, &Latency); 8] {
        [
            ("acknowledged", &self.acknowledged),
            ("agent asked", &self.agent_asked),
            ("first output", &self.first_output),
            ("first words of the answer", &self.first_words),
            ("longest without a change", &self.longest_standstill),
            ("finished", &self.finished),
            ("finished, from the agent's last word", &self.after_last_word),
            ("late, the generator itself", &self.generator_late),
        ]
    }
}

impl ApiCalls {
    pub(crate) fn of(api: &str, count: &CallCount, answered: u64) -> Self {
        Self {
            api: api.to_owned(),
            count: count.total,
            per_reply: ratio(in_f64(count.total), answered),
            failed: count.failed,
            throttled: count.throttled,
        }
    }
}

/// Messages per second of a time that is not nothing.
pub(crate) fn per_second(finished: &Histogram, seconds: f64) -> f64 {
    if seconds > 0.0 { in_f64(finished.count()) / seconds } else { 0.0 }
}

/// A part of each of so many; 0 of none.
pub(crate) fn ratio(part: f64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part / in_f64(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 messages")]
fn in_f64(count: u64) -> f64 {
    count as f64
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_head(f)?;
        writeln!(f, "\n{:40} {:>9} {:>10} {:>10} {:>10} {:>10}", "ms", "count", "p50", "p95", "p99", "max")?;
        for (name, row) in self.latency.rows().into_iter().filter(|(_, row)| row.count > 0) {
            write!(f, "{name:40} {:>9} {:>10.2} {:>10.2}", row.count, row.p50_ms, row.p95_ms)?;
            writeln!(f, " {:>10.2} {:>10.2}", row.p99_ms, row.max_ms)?;
        }
        writeln!(
            f,
            "\n{:54} {:>9} {:>10} {:>8} {:>9}",
            "platform calls", "count", "per reply", "failed", "throttled"
        )?;
        for row in &self.calls {
            write!(f, "{:54} {:>9} {:>10.2}", row.api, row.count, row.per_reply)?;
            writeln!(f, " {:>8} {:>9}", row.failed, row.throttled)?;
        }
        let all = |count: fn(&ApiCalls) -> u64| self.calls.iter().map(count).sum::<u64>();
        write!(f, "{:54} {:>9} {:>10.2}", "all", all(|row| row.count), self.calls_per_reply)?;
        writeln!(f, " {:>8} {:>9}", all(|row| row.failed), self.throttled)?;
        self.write_processes(f)?;
        self.write_verdict(f)
    }
}

impl LoadReport {
    fn write_head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = &self.asked;
        write!(f, "{} messages in {:.2} s: ", self.measured, self.seconds)?;
        write!(f, "{:.1} messages/s; {} conversations", self.messages_per_second, asked.conversations)?;
        if let Some(rate) = asked.rate {
            write!(f, ", {rate} messages/s wanted")?;
        }
        if let Some(in_flight) = asked.in_flight {
            write!(f, ", {in_flight} in flight")?;
        }
        if let Some(chunks) = asked.chunks {
            write!(f, ", {chunks} chunks")?;
        }
        if let Some(seconds) = asked.answer_seconds {
            write!(f, " in {seconds} s")?;
        }
        writeln!(f, "{}", if asked.self_test { "; answered by the generator's own bot" } else { "" })
    }

    fn write_processes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.generator.is_none() && self.processes.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{:40} {:>9} {:>18} {:>12} {:>10}",
            "processes", "CPU s", "per 1,000 messages", "MiB at end", "peak MiB"
        )?;
        let own = self.generator.iter().map(|own| ("this generator".to_owned(), own));
        let others =
            self.processes.iter().map(|process| (format!("{} {}", process.name, process.pid), process));
        for (name, process) in own.chain(others) {
            let [_, resident_kib] = process.resident_kib;
            write!(f, "{name:40} {:>9.2} {:>18.3}", process.cpu_seconds, process.cpu_seconds_per_1000)?;
            writeln!(
                f,
                " {:>12.1} {:>10.1}",
                ratio(in_f64(resident_kib), 1_024),
                ratio(in_f64(process.peak_kib), 1_024)
            )?;
        }
        Ok(())
    }

    fn write_verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        write!(f, "\n{} sent, warm-up included: {} answered", verdict.sent, verdict.answered)?;
        let always = [
            ("lost", verdict.lost),
            ("twice", verdict.twice),
            ("out of order", verdict.out_of_order),
            ("unfinished", verdict.unfinished),
        ];
        let else_told = [
            ("failed", verdict.failed),
            ("cut", verdict.cut),
            ("in another conversation", verdict.strayed),
            ("late", verdict.late),
            ("not sent", verdict.unsent),
            ("open when interrupted", verdict.open),
            ("deliveries repeated", verdict.redelivered),
            ("texts of the bot without a mark", verdict.unmarked),
            ("rules of the platform broken", self.violations),
        ];
        for (name, count) in always.into_iter().chain(else_told.into_iter().filter(|(_, count)| *count > 0)) {
            write!(f, ", {count} {name}")?;
        }
        writeln!(f, "; {}", if self.clean { "clean" } else { "NOT CLEAN" })
    }
}
