//! Log lines kept for people who look at a channel in the panel: a few hundred of each channel, in memory.
//!
//! Kept is what our own code logs with a `channel` on it or around it, down to `info`, whatever standard error is told. What
//! libraries say is never kept: they would tell what people write. Our own lines hold neither texts of people nor secrets.

mod layer;

pub(crate) use layer::ChannelLayer;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::Clock;
use tokio::sync::broadcast;

/// Lines of one channel.
pub(crate) const LINES_OF_CHANNEL_MAX: usize = 500;

/// Channels of which lines are kept; those that were silent for longest go.
const CHANNELS_MAX: usize = 1_000;

/// Lines in all.
const LINES_MAX: usize = 20_000;

/// Warnings and errors kept for a bug report, with a channel or without.
const TROUBLES_MAX: usize = 200;

/// Lines kept for a slow listener.
const WAITING_MAX: usize = 1_024;

/// How severe a line is, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// For whoever looks for a mistake of ours.
    Debug,
    /// The ordinary course.
    Info,
    /// Something to know.
    Warn,
    /// Something to mend.
    Error,
}

impl Severity {
    /// The words of the API.
    pub(crate) const WORDS: [(&'static str, Self); 4] =
        [("debug", Self::Debug), ("info", Self::Info), ("warn", Self::Warn), ("error", Self::Error)];

    /// Its word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// A log line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogLine {
    /// Lines of this process that came later have greater ones.
    pub(crate) number: u64,
    /// When.
    pub(crate) at: u64,
    /// How severe it is.
    pub(crate) level: Severity,
    /// The part of the program.
    pub(crate) target: String,
    /// What happened.
    pub(crate) message: String,
    /// What it was about.
    pub(crate) fields: BTreeMap<String, String>,
}

impl LogLine {
    /// When it was.
    pub(crate) const fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }
}

/// A line of a channel, as it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// The channel's id.
    pub(crate) channel: Arc<str>,
    /// The line.
    pub(crate) line: Arc<LogLine>,
}

/// The lines that are kept.
pub struct Lines {
    kept: Mutex<Kept>,
    told: broadcast::Sender<Told>,
    /// Without a clock there are no times, and nothing is kept.
    clock: OnceLock<Arc<dyn Clock>>,
}

#[derive(Default)]
struct Kept {
    number: u64,
    count: usize,
    channels: BTreeMap<Arc<str>, VecDeque<Arc<LogLine>>>,
    troubles: VecDeque<Arc<LogLine>>,
}

impl Default for Lines {
    fn default() -> Self {
        Self { kept: Mutex::default(), told: broadcast::channel(WAITING_MAX).0, clock: OnceLock::new() }
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

/// The process's own.
static LINES: LazyLock<Arc<Lines>> = LazyLock::new(Arc::default);

impl Lines {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Arc<Self> {
        Arc::clone(&LINES)
    }

    /// From now on lines have times, and are kept. A second clock changes nothing.
    pub fn begin(&self, clock: &Arc<dyn Clock>) {
        // Of two servers in one process the first one's will do.
        let _ = self.clock.set(Arc::clone(clock));
    }

    /// Keeps a line.
    pub(crate) fn keep(&self, channel: Option<&str>, mut line: LogLine) {
        let Some(clock) = self.clock.get() else { return };
        line.at = clock.now().as_millis();
        let mut kept = self.kept();
        kept.number = kept.number.saturating_add(1);
        line.number = kept.number;
        let line = Arc::new(line);
        if line.level >= Severity::Warn {
            kept.troubles.push_back(Arc::clone(&line));
            if kept.troubles.len() > TROUBLES_MAX {
                kept.troubles.pop_front();
            }
        }
        let Some(channel) = channel else { return };
        let channel: Arc<str> = Arc::from(channel);
        kept.push(&channel, &line);
        drop(kept);
        // Nobody listening is the ordinary case.
        let _ = self.told.send(Told { channel, line });
    }

    /// The lines of a channel, the oldest first.
    pub(crate) fn of(&self, channel: &str) -> Vec<Arc<LogLine>> {
        self.kept().channels.get(channel).map(|lines| lines.iter().cloned().collect()).unwrap_or_default()
    }

    /// The last warnings and errors, the oldest first.
    pub(crate) fn troubles(&self) -> Vec<Arc<LogLine>> {
        self.kept().troubles.iter().cloned().collect()
    }

    /// Forgets a channel.
    pub(crate) fn forget(&self, channel: &str) {
        let mut kept = self.kept();
        let gone = kept.channels.remove(channel).map_or(0, |lines| lines.len());
        kept.count = kept.count.saturating_sub(gone);
    }

    /// What is logged from now on. A slow listener misses the oldest.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Told> {
        self.told.subscribe()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, channel: &Arc<str>, line: &Arc<LogLine>) {
        let lines = self.channels.entry(Arc::clone(channel)).or_default();
        lines.push_back(Arc::clone(line));
        self.count = self.count.saturating_add(1);
        if lines.len() > LINES_OF_CHANNEL_MAX {
            lines.pop_front();
            self.count = self.count.saturating_sub(1);
        }
        if self.channels.len() > CHANNELS_MAX
            && let Some(silent) = self.least_by(VecDeque::back)
        {
            let gone = self.channels.remove(&silent).map_or(0, |lines| lines.len());
            self.count = self.count.saturating_sub(gone);
        }
        if self.count > LINES_MAX
            && let Some(oldest) = self.least_by(VecDeque::front)
            && let Some(lines) = self.channels.get_mut(&oldest)
        {
            lines.pop_front();
            self.count = self.count.saturating_sub(1);
            if lines.is_empty() {
                self.channels.remove(&oldest);
            }
        }
    }

    /// The channel whose line of this kind has the least number.
    fn least_by(&self, line: impl Fn(&VecDeque<Arc<LogLine>>) -> Option<&Arc<LogLine>>) -> Option<Arc<str>> {
        let numbers =
            self.channels.iter().filter_map(|(channel, lines)| Some((line(lines)?.number, channel)));
        numbers.min_by_key(|(number, _)| *number).map(|(_, channel)| Arc::clone(channel))
    }
}

#[cfg(test)]
mod tests;
