//! How a channel's state went over a span of time, over all replicas: what a person sees as a strip.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use switchboard_domain::time::Timestamp;

use super::{STILL_INTERVAL, StateInfo};

/// What was true of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Was {
    /// Nothing is known of it (any more).
    Unknown,
    /// It was switched off.
    Disabled,
    /// No server ran.
    NobodyThere,
    /// No replica was connected.
    Disconnected,
    /// At least one replica was connected.
    Connected,
}

/// A span in which the same was true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its beginning.
    pub(crate) from: Timestamp,
    /// Its end.
    pub(crate) to: Timestamp,
    /// What was true.
    pub(crate) was: Was,
}

/// The course of a channel's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Course {
    /// One after the other, without gaps.
    pub(crate) spans: Vec<Span>,
    /// How often a replica was connected again.
    pub(crate) reconnects: u32,
}

/// Who said what until when: what tells how long a replica's last word counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lives {
    /// Replicas that live.
    pub(crate) live: BTreeSet<String>,
    /// When others were last heard of.
    pub(crate) seen: BTreeMap<String, Timestamp>,
}

impl Lives {
    /// When a replica's last word, said at `at`, has ended; none while it lives.
    fn end(&self, last: &StateInfo) -> Option<Timestamp> {
        if last.state == "draining" {
            return Some(last.at);
        }
        if self.live.contains(&last.replica) {
            return None;
        }
        let seen = self.seen.get(&last.replica).copied();
        Some(seen.unwrap_or_else(|| last.at.after(STILL_INTERVAL)).max(last.at))
    }
}

impl Course {
    /// The course from `from` to `to`, of lines with the newest first.
    pub(crate) fn of(lines: &[StateInfo], known: &Lives, from: Timestamp, to: Timestamp) -> Self {
        let mut said: BTreeMap<&str, Was> = BTreeMap::new();
        let (mut spans, mut began, mut was) = (Vec::new(), from, Was::Unknown);
        for (at, replica, now) in words(lines, known) {
            match now {
                Some(now) => drop(said.insert(replica, now)),
                None => drop(said.remove(replica)),
            }
            let new = whole(&said, was);
            if new == was || at >= to {
                continue;
            }
            if at > began {
                spans.push(Span { from: began, to: at, was });
                began = at;
            }
            was = new;
        }
        if to > began {
            spans.push(Span { from: began, to, was });
        }
        let reconnects = lines.iter().filter(|line| line.reconnect && line.at >= from && line.at < to);
        Self { spans: merged(spans), reconnects: u32::try_from(reconnects.count()).unwrap_or(u32::MAX) }
    }

    /// How long something was true.
    pub(crate) fn time(&self, was: Was) -> Duration {
        let spans = self.spans.iter().filter(|span| span.was == was);
        spans.map(|span| span.to.since(span.from)).sum()
    }

    /// Of 1,000 parts of the time in which the channel was to be connected, those in which it was; none where there was no such
    /// time. Rounded down: what was away for a moment was not there all the time.
    pub(crate) fn permille(&self) -> Option<u64> {
        let connected = self.time(Was::Connected).as_millis();
        let away = self.time(Was::Disconnected).as_millis() + self.time(Was::NobodyThere).as_millis();
        let all = connected + away;
        (all > 0).then(|| u64::try_from(connected * 1_000 / all).unwrap_or(0))
    }
}

/// Who began and ended to say what, in the order of time.
fn words<'a>(lines: &'a [StateInfo], known: &Lives) -> Vec<(Timestamp, &'a str, Option<Was>)> {
    let mut words = Vec::new();
    let mut newer: BTreeSet<&str> = BTreeSet::new();
    for line in lines {
        let is_last = newer.insert(&line.replica);
        if is_last && let Some(end) = known.end(line) {
            words.push((end, line.replica.as_str(), None));
        }
        // Whoever stops says nothing of the channel any more.
        let now = (line.state != "draining").then(|| of(line));
        words.push((line.at, line.replica.as_str(), now));
    }
    // The oldest first, and of one moment in the order they were written.
    words.reverse();
    words.sort_by_key(|(at, _, _)| *at);
    words
}

fn of(line: &StateInfo) -> Was {
    match line.status.as_str() {
        "connected" => Was::Connected,
        "disabled" => Was::Disabled,
        _ => Was::Disconnected,
    }
}

/// What is true where replicas say this. Where nobody says anything, it is what it was if it was switched off.
fn whole(said: &BTreeMap<&str, Was>, before: Was) -> Was {
    said.values().max().copied().unwrap_or(match before {
        Was::Disabled => Was::Disabled,
        Was::Unknown => Was::Unknown,
        Was::NobodyThere | Was::Disconnected | Was::Connected => Was::NobodyThere,
    })
}

/// Neighbours of which the same is true, as one.
fn merged(spans: Vec<Span>) -> Vec<Span> {
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if last.was == span.was => last.to = span.to,
            Some(_) | None => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, BTreeSet, Course, Duration, Lives, StateInfo, Timestamp, Was};

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    /// Lines as they were written: minute, replica, state.
    fn lines(written: &[(u64, &str, &str)]) -> Vec<StateInfo> {
        let mut connected = BTreeSet::new();
        let mut lines: Vec<StateInfo> = Vec::new();
        for (number, (minute, replica, state)) in (0..).zip(written) {
            let status = match *state {
                "connected" | "disabled" => *state,
                _ => "disconnected",
            };
            let reconnect = status == "connected" && !connected.insert(*replica);
            lines.push(StateInfo {
                number,
                at: at(*minute),
                replica: (*replica).to_owned(),
                status: status.to_owned(),
                state: (*state).to_owned(),
                error: None,
                reconnect,
                still: false,
            });
        }
        lines.reverse();
        lines
    }

    fn live(replicas: &[&str]) -> Lives {
        let live = replicas.iter().map(|it| (*it).to_owned()).collect();
        Lives { live, seen: BTreeMap::new() }
    }

    fn spans(course: &Course) -> Vec<(u64, u64, Was)> {
        let minute = |at: Timestamp| at.as_millis() / 60_000;
        course.spans.iter().map(|span| (minute(span.from), minute(span.to), span.was)).collect()
    }

    #[test]
    fn one_connected_replica_is_enough() {
        let written = [
            (10, "a", "connecting"),
            (11, "a", "connected"),
            (12, "b", "connected"),
            (20, "a", "waiting"),
            (30, "b", "waiting"),
            (35, "a", "connected"),
        ];
        let course = Course::of(&lines(&written), &live(&["a", "b"]), at(0), at(60));
        assert_eq!(
            spans(&course),
            [
                (0, 10, Was::Unknown),
                (10, 11, Was::Disconnected),
                (11, 30, Was::Connected),
                (30, 35, Was::Disconnected),
                (35, 60, Was::Connected),
            ]
        );
        assert_eq!((course.permille(), course.reconnects), (Some(880), 1));
        assert_eq!(course.time(Was::Disconnected), Duration::from_mins(6));
        // What was before the span counts in it, and reconnects before it do not.
        let later = Course::of(&lines(&written), &live(&["a", "b"]), at(40), at(60));
        assert_eq!((spans(&later), later.reconnects), (vec![(40, 60, Was::Connected)], 0));
    }

    #[test]
    fn a_server_that_was_killed_says_nothing_any_more() {
        let written = [(0, "a", "connected"), (200, "b", "connecting"), (201, "b", "connected")];
        let mut lives = live(&["b"]);
        let of = |lives: &Lives| spans(&Course::of(&lines(&written), lives, at(0), at(300)));
        // Nobody knows when it was last alive: an hour after its last word it was not.
        let roughly = of(&lives);
        assert_eq!(roughly[..2], [(0, 60, Was::Connected), (60, 200, Was::NobodyThere)]);
        lives.seen.insert(String::from("a"), at(90));
        let exactly = of(&lives);
        assert_eq!(exactly[..2], [(0, 90, Was::Connected), (90, 200, Was::NobodyThere)]);
        assert_eq!(exactly[2..], [(200, 201, Was::Disconnected), (201, 300, Was::Connected)]);
    }

    #[test]
    fn what_was_switched_off_is_off_whoever_runs() {
        let written = [(0, "a", "disabled"), (10, "a", "draining"), (50, "b", "disabled")];
        let course = Course::of(&lines(&written), &live(&["b"]), at(0), at(100));
        assert_eq!((course.permille(), course.time(Was::Disabled)), (None, Duration::from_mins(100)));
        let nothing = Course::of(&[], &live(&[]), at(0), at(100));
        assert_eq!((spans(&nothing), nothing.permille()), (vec![(0, 100, Was::Unknown)], None));
    }

    #[test]
    fn a_stop_in_good_order_ends_at_once() {
        let written = [(0, "a", "connected"), (10, "a", "draining"), (12, "b", "connected")];
        let course = Course::of(&lines(&written), &live(&["b"]), at(0), at(20));
        let expected = [(0, 10, Was::Connected), (10, 12, Was::NobodyThere), (12, 20, Was::Connected)];
        assert_eq!(spans(&course), expected);
    }
}
