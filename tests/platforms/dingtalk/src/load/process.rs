//! Processor time and memory of processes, as Linux tells them in `/proc`.

use std::fs;
use std::time::Duration;

use serde::Serialize;

/// Length of a clock tick in `/proc/PID/stat` (`USER_HZ` is 100 on every architecture that Linux runs servers on).
const TICK: Duration = Duration::from_millis(10);
/// Fields of `/proc/PID/stat` between the closing parenthesis of the name and `utime`.
const FIELDS_BEFORE_TIME: usize = 11;

/// A process at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    name: String,
    cpu: Duration,
    resident_kib: u64,
    peak_kib: u64,
}

impl Sample {
    /// Reads it; `None` when there is no such process, or no `/proc`.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
        Self::parse(&read("stat")?, &read("status")?)
    }

    /// Processor time since it began.
    #[must_use]
    pub const fn cpu(&self) -> Duration {
        self.cpu
    }

    /// Memory that it has now (KiB).
    #[must_use]
    pub const fn resident_kib(&self) -> u64 {
        self.resident_kib
    }

    /// Most memory that it ever had (KiB).
    #[must_use]
    pub const fn peak_kib(&self) -> u64 {
        self.peak_kib
    }

    fn parse(stat: &str, status: &str) -> Option<Self> {
        // The name may hold blanks and parentheses; what follows the last one does not.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut times = fields.split_whitespace().skip(FIELDS_BEFORE_TIME);
        let mut ticks = || times.next()?.parse::<u32>().ok();
        let cpu = TICK.saturating_mul(ticks()?).saturating_add(TICK.saturating_mul(ticks()?));
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let kib = |name: &str| line(name).and_then(|text| text.split(' ').next()?.parse().ok());
        Some(Self {
            name: line("Name:")?.to_owned(),
            cpu,
            // A process that has just ended has none.
            resident_kib: kib("VmRSS:").unwrap_or(0),
            peak_kib: kib("VmHWM:").unwrap_or(0),
        })
    }
}

/// What a process used while messages were measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProcessUse {
    /// Process id.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// Processor time (s).
    pub cpu_seconds: f64,
    /// The same for 1,000 answered messages.
    pub cpu_seconds_per_1000: f64,
    /// Memory at the beginning and at the end (KiB).
    pub resident_kib: [u64; 2],
    /// Most memory that it ever had, also before (KiB).
    pub peak_kib: u64,
}

impl ProcessUse {
    /// From two samples; `None` when the process was not there at both times.
    pub(crate) fn between(
        pid: u32,
        before: Option<&Sample>,
        after: Option<Sample>,
        answered: u64,
    ) -> Option<Self> {
        let (before, after) = (before?, after?);
        let cpu_seconds = after.cpu.saturating_sub(before.cpu).as_secs_f64();
        Some(Self {
            pid,
            name: after.name,
            cpu_seconds,
            cpu_seconds_per_1000: super::report::ratio(cpu_seconds * 1_000.0, answered),
            resident_kib: [before.resident_kib, after.resident_kib],
            peak_kib: after.peak_kib,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tsome (bot\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n";

    fn stat(user: u32, system: u32) -> String {
        format!("42 (some (bot) S 1 42 42 0 -1 4194560 1 0 0 0 {user} {system} 0 0 20 0 4 0 100 0 0")
    }

    #[test]
    fn a_process_is_read_whatever_its_name_holds() {
        let before = Sample::parse(&stat(100, 50), STATUS).unwrap();
        let after = Sample::parse(&stat(300, 150), STATUS).unwrap();
        let used = ProcessUse::between(42, Some(&before), Some(after), 2_000).unwrap();
        assert_eq!(
            (used.name.as_str(), used.peak_kib, used.resident_kib),
            ("some (bot", 20_480, [10_240; 2])
        );
        assert!((used.cpu_seconds - 3.0).abs() < 1e-9 && (used.cpu_seconds_per_1000 - 1.5).abs() < 1e-9);
    }

    #[test]
    fn a_process_that_is_gone_used_nothing_that_could_be_told() {
        let sample = Sample::parse(&stat(1, 1), STATUS).unwrap();
        assert_eq!(ProcessUse::between(42, Some(&sample), None, 1), None);
        assert_eq!(Sample::parse("", ""), None);
        assert_eq!(Sample::of(u32::MAX), None);
    }

    #[test]
    fn this_process_is_there() {
        if cfg!(target_os = "linux") {
            assert!(Sample::of(std::process::id()).unwrap().peak_kib > 0);
        }
    }
}
