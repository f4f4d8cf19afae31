//! Stories, laws and the table of the channel machine.

mod endings;
mod laws;
mod stories;
pub(crate) mod transitions;

use std::time::Duration;

use super::{Channel, CloseCause, Effect, Effects, ErrorCode, Event};
use crate::ids::ConnectionId;
use crate::rejected::Rejected;
use crate::time::Timestamp;

const START: Timestamp = Timestamp::from_millis(1_000_000);

/// A channel with a clock that only the test moves.
#[derive(Debug, Clone)]
struct Bench {
    channel: Channel,
    now: Timestamp,
}

impl Bench {
    fn new() -> Self {
        Self { channel: Channel::new(42, START), now: START }
    }

    /// A channel with its first connection proven.
    fn connected() -> Self {
        let mut bench = Self::new();
        bench.tell(Event::Enabled);
        bench.heard(1);
        bench
    }

    fn offer(&mut self, event: Event) -> Result<Effects, Rejected> {
        self.channel.apply(event, self.now)
    }

    fn tell(&mut self, event: Event) -> Effects {
        self.offer(event).expect("the event fits")
    }

    fn heard(&mut self, id: u64) -> Effects {
        self.tell(Event::Heard { connection: ConnectionId(id) })
    }

    fn closed(&mut self, id: u64, cause: CloseCause) -> Effects {
        self.tell(Event::Closed { connection: ConnectionId(id), cause })
    }

    fn pass(&mut self, span: Duration) -> Effects {
        self.now = self.now.after(span);
        self.channel.expire(self.now)
    }

    /// Lets ten seconds pass, at whose end something is heard.
    fn pass_heard(&mut self, id: u64) -> Duration {
        let span = seconds(10);
        self.pass(span);
        self.heard(id);
        span
    }

    /// Moves the clock to the deadline and tells how long that took.
    fn pass_to_deadline(&mut self) -> (Duration, Effects) {
        let at = self.channel.deadline().expect("there is a deadline").at;
        let span = at.since(self.now);
        (span, self.pass(span))
    }
}

fn open(id: u64) -> Effect {
    Effect::Open { connection: ConnectionId(id) }
}

fn close(id: u64) -> Effect {
    Effect::Close { connection: ConnectionId(id) }
}

fn failed(code: ErrorCode) -> CloseCause {
    CloseCause::Failed { code, detail: "words".into(), retry_after: None }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
