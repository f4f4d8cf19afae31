//! The states that a channel was in: noted by each replica when they change, and read again for people.

pub(crate) mod course;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchboard_domain::ids::ChannelId;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{Book, JournalLine, JournalStore};
use switchboard_ports::page::{PAGE_ROWS_MAX, PageRequest};
use switchboard_ports::replicas::ReplicaInfo;

use self::course::Lives;
use super::operations::ChannelStatus;
use super::scribe::once;

/// How often a replica says again what has not changed, so that the state of one that was killed has an end.
pub(crate) const STILL_INTERVAL: Duration = Duration::from_hours(1);

/// Replicas that do not live any more of which it is looked up when they did last.
const DEAD_MAX: usize = 20;

/// A line of [`Book::States`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    replica: String,
    status: String,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<ErrorLine>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    reconnect: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    still: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ErrorLine {
    code: String,
}

/// What a replica said of a channel's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateInfo {
    /// Its number in the book.
    pub(crate) number: u64,
    /// When it began.
    pub(crate) at: Timestamp,
    /// The replica.
    pub(crate) replica: String,
    /// `connected`, `disconnected` or `disabled`.
    pub(crate) status: String,
    /// The state machine's own name of its phase.
    pub(crate) state: String,
    /// The code of what was wrong; none while connected.
    pub(crate) error: Option<String>,
    /// Whether this replica was connected before and is so again.
    pub(crate) reconnect: bool,
    /// Whether nothing changed: it only says that this is still so.
    pub(crate) still: bool,
}

/// What a channel's task noted last, so that only changes are noted.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    last: Option<(Line, Timestamp)>,
    was_connected: bool,
}

impl Noted {
    /// The line that this status is worth, if it is.
    pub(crate) fn line(&mut self, status: &ChannelStatus, now: Timestamp) -> Option<JournalLine> {
        let is_connected = status.status == "connected";
        let error = status.last_error.as_ref().filter(|_| status.status == "disconnected");
        let mut line = Line {
            replica: status.replica.clone(),
            status: status.status.to_string(),
            state: status.state.to_string(),
            error: error.map(|error| ErrorLine { code: error.code.as_str().to_owned() }),
            reconnect: false,
            still: false,
        };
        if let Some((last, at)) = &self.last {
            line.still = kind(last) == kind(&line);
            if line.still && at.after(STILL_INTERVAL) > now {
                return None;
            }
        }
        line.reconnect = is_connected && self.was_connected && !line.still;
        self.was_connected |= is_connected;
        self.last = Some((line.clone(), now));
        let body = serde_json::to_string(&line).unwrap_or_default();
        Some(JournalLine { book: Book::States, subject: status.channel.to_string(), at: now, body })
    }
}

/// What makes a line another one. A channel that cannot connect goes from waiting to connecting and back for hours: that is
/// one state.
fn kind(line: &Line) -> (&str, &str, Option<&ErrorLine>) {
    let state = match line.state.as_str() {
        "connecting" | "waiting" | "refused" => "trying",
        state => state,
    };
    (&line.status, state, line.error.as_ref())
}

/// Everything that is known of a channel's states, the newest first: as many lines as the book keeps.
pub(crate) async fn read(
    journal: &dyn JournalStore,
    channel: &ChannelId,
) -> Result<Vec<StateInfo>, StoreError> {
    let (mut all, mut page) = (Vec::new(), PageRequest { limit: PAGE_ROWS_MAX, after: None });
    let pages = Book::States.limits().lines.div_ceil(PAGE_ROWS_MAX);
    for _ in 0..pages {
        let read = journal.read(Book::States, channel.as_str(), &page).await?;
        all.extend(read.items);
        page.after = read.next;
        if page.after.is_none() {
            break;
        }
    }
    let lines = once(all).into_iter().filter_map(|info| {
        // What a later version may write otherwise is passed over.
        let line: Line = serde_json::from_str(&info.body).ok()?;
        let Line { replica, status, state, error, reconnect, still } = line;
        let error = error.map(|error| error.code);
        let (number, at) = (info.number, info.at);
        Some(StateInfo { number, at, replica, status, state, error, reconnect, still })
    });
    Ok(lines.collect())
}

/// Who of those that said something lives, and when the others did last, as far as their measures tell. While nobody knows who
/// lives, everybody's last word counts.
pub(crate) async fn lives(
    journal: &dyn JournalStore,
    roll: Option<Vec<ReplicaInfo>>,
    lines: &[StateInfo],
) -> Result<Lives, StoreError> {
    let told: BTreeSet<&str> = lines.iter().map(|line| line.replica.as_str()).collect();
    let Some(roll) = roll else {
        let live = told.into_iter().map(str::to_owned).collect();
        return Ok(Lives { live, seen: BTreeMap::new() });
    };
    let live: BTreeSet<String> = roll.into_iter().map(|info| info.id.to_string()).collect();
    let mut seen = BTreeMap::new();
    for dead in told.into_iter().filter(|replica| !live.contains(*replica)).take(DEAD_MAX) {
        let page = PageRequest { limit: 1, after: None };
        let last = journal.read(Book::Minutes, dead, &page).await?;
        if let Some(last) = last.items.first() {
            seen.insert(dead.to_owned(), last.at);
        }
    }
    Ok(Lives { live, seen })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use switchboard_domain::channel::ErrorCode;
    use switchboard_domain::ids::ChannelId;

    use super::{ChannelStatus, Duration, Line, Noted, STILL_INTERVAL, Timestamp};
    use crate::runtime::operations::LastError;
    use crate::testing::connected;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn is(state: &'static str, code: Option<ErrorCode>) -> ChannelStatus {
        let status = match state {
            "connected" | "disabled" => state,
            _ => "disconnected",
        };
        let error = code.map(|code| LastError { code, detail: String::from("words"), at: at(1) });
        let channel = ChannelId::new("chn_1");
        let (status, state) = (Cow::Borrowed(status), Cow::Borrowed(state));
        ChannelStatus { status, state, last_error: error, ..connected(&channel) }
    }

    fn line(noted: &mut Noted, status: &ChannelStatus, seconds: u64) -> Option<Line> {
        noted.line(status, at(seconds)).map(|line| serde_json::from_str(&line.body).unwrap())
    }

    #[test]
    fn only_changes_are_noted_and_trying_again_and_again_is_one_state() {
        let mut noted = Noted::default();
        let away = Some(ErrorCode::NetworkUnreachable);
        assert!(line(&mut noted, &is("connecting", None), 0).is_some());
        let failed = line(&mut noted, &is("waiting", away), 1).unwrap();
        assert_eq!(failed.error.unwrap().code, "network_unreachable");
        for seconds in 2..1_000 {
            let state = if seconds % 2 == 0 { "connecting" } else { "waiting" };
            assert_eq!(line(&mut noted, &is(state, away), seconds), None);
        }
        let connected = line(&mut noted, &is("connected", away), 1_001).unwrap();
        assert_eq!((connected.error, connected.reconnect), (None, false), "the first time is no reconnect");
        assert!(!line(&mut noted, &is("waiting", away), 1_002).unwrap().reconnect);
        assert!(line(&mut noted, &is("connected", away), 1_003).unwrap().reconnect);
        assert_eq!(line(&mut noted, &is("connected", None), 1_004), None);
    }

    #[test]
    fn what_does_not_change_is_said_again_each_hour() {
        let mut noted = Noted::default();
        assert!(!line(&mut noted, &is("connected", None), 0).unwrap().still);
        let hour = STILL_INTERVAL.as_secs();
        assert_eq!(line(&mut noted, &is("connected", None), hour - 1), None);
        let again = line(&mut noted, &is("connected", None), hour).unwrap();
        assert!(again.still && !again.reconnect);
        assert_eq!(line(&mut noted, &is("connected", None), hour + 1), None);
        assert_eq!(STILL_INTERVAL, Duration::from_hours(1));
    }
}
