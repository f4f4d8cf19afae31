//! Faults that last for a while and then end by themselves; a run's end waits for the last of them.

use std::path::Path;
use std::time::Duration;

use dingtalk_sim::{FaultAction, FaultRule};
use rusqlite::Connection;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::task::JoinHandle;

use super::pause;
use super::schedule::{Part, Refused, Wrong};

/// The share of calls that go wrong while calls do.
const CALLS_SHARE: f64 = 0.5;
/// The older APIs' code for too many calls.
const TOO_OFTEN: i64 = 45_009;
/// How late late calls are, in milliseconds.
const LATE_MS: u64 = 700;
/// How long another program waits for the store's lock.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// What has not ended yet.
#[derive(Default)]
pub(super) struct Faults {
    lasting: Vec<JoinHandle<()>>,
}

impl Faults {
    /// Something goes on for so long and is then lifted, whatever happens meanwhile.
    pub(super) fn last(&mut self, ms: u64, lift: impl FnOnce() + Send + 'static) {
        self.lasting.retain(|one| !one.is_finished());
        self.lasting.push(tokio::spawn(async move {
            pause(Duration::from_millis(ms)).await;
            lift();
        }));
    }

    /// Waits until nothing is wrong any more.
    pub(super) async fn all_lifted(&mut self) {
        for one in self.lasting.drain(..) {
            one.await.expect("a fault is lifted");
        }
    }
}

/// How new connections are refused.
pub(super) fn refusing(how: Refused) -> FaultRule {
    const OPEN: &str = "/v1.0/gateway/connections/open";
    match how {
        Refused::Unavailable => FaultRule::deny(OPEN, 503, "ServiceUnavailable"),
        Refused::Throttled => FaultRule::throttled(OPEN),
        Refused::Cut => FaultRule::on(OPEN, FaultAction::Cut),
        Refused::Handshake => FaultRule::on("/connect", FaultAction::Cut),
    }
}

/// How calls go wrong.
pub(super) fn calls(part: Part, how: Wrong) -> FaultRule {
    let path = match part {
        Part::Streaming => "/v1.0/card/streaming",
        Part::Cards => "/v1.0/card/instances*",
        Part::Webhook => "/robot/sendBySession",
        Part::Robot => "/v1.0/robot/*",
        Part::Tokens => "/v1.0/oauth2/accessToken",
    };
    let rule = match how {
        Wrong::Busy => FaultRule::system_busy(path),
        Wrong::Throttled if part == Part::Webhook => FaultRule::legacy(path, TOO_OFTEN),
        Wrong::Throttled => FaultRule::throttled(path),
        Wrong::Late => FaultRule::delay(path, LATE_MS),
        Wrong::DoneAndCut => FaultRule::on(path, FaultAction::ApplyThenCut),
        Wrong::DoneAndTimedOut => FaultRule::apply_then_time_out(path),
        Wrong::Cut => FaultRule::on(path, FaultAction::Cut),
    };
    rule.probability(CALLS_SHARE)
}

/// Another program takes the store's lock; `None` where it does not get it in time.
pub(super) fn locked(database: &Path) -> Option<Connection> {
    let other = Connection::open(database).expect("the store's file is there");
    other.busy_timeout(LOCK_WAIT).expect("a time-out");
    other.execute_batch("BEGIN EXCLUSIVE").is_ok().then_some(other)
}

/// The largest file that a process may write, in bytes; `None` takes the limit away. A process that has ended has none.
pub(super) fn limit_files(process: i32, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    let _ = prlimit(Pid::from_raw(process), Resource::Fsize, limit);
}
