//! The states of a channel and what can be read off them.

use core::time::Duration;

use super::super::error::ErrorCode;
use super::super::event::{Deadline, Reason, Status};
use super::{PROOF_WAIT_MAX, SILENCE_MAX};
use crate::ids::ConnectionId;
use crate::time::Timestamp;

/// Where a channel is.
///
/// ```text
///               Enabled                     Heard
///  Disabled ----------------> Connecting ------------> Connected --+ Rotating, Heard of
///     ^                        |  ^  ^                   |  |      | the successor
///     | Disabled               |  |  |  old one closed   |  ^------+
///     | (from everywhere)      |  |  +-------------------+
///     |                        |  |     or silent
///     |              failure,  |  | time, Edited,        | failure, silence
///     |              time-out  v  | RestartAsked         v
///     |                       Waiting  <-----------------+
///     |                       Refused     (Refused: somebody has to do something)
///     |
///     |    StoreLost                LeaseLost                  Drain
///     |   (enabled) --> StoreLost  (enabled) --> Standby  (any) --> Draining
///     |                 | StoreBack              | LeaseGained
///     |                 +--> Connecting          +--> Connecting, StoreLost
/// ```
///
/// `attempt` counts the tries that ended badly since a connection was last healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum State {
    /// Nobody wants it connected.
    Disabled {
        /// What the world would allow.
        ground: Ground,
    },
    /// Another replica has the exclusive connection.
    Standby {
        /// Whether the store can take messages.
        store: bool,
    },
    /// Messages could not be stored, so there is no socket.
    StoreLost { attempt: u32 },
    /// One socket that has not proven itself.
    Connecting { attempt: u32, socket: Dialing },
    /// One proven socket, and while the platform rotates it another on its way.
    Connected(Link),
    /// A pause before the next try.
    Waiting { attempt: u32, until: Timestamp, cause: ErrorCode },
    /// A long pause before the next try, which needs somebody to do something first.
    Refused { attempt: u32, until: Timestamp, cause: ErrorCode },
    /// The process is shutting down.
    Draining {
        /// What the world would allow.
        ground: Ground,
        /// Sockets told to close whose end has not been reported.
        open: [Option<ConnectionId>; 2],
        /// When they are given up.
        until: Timestamp,
    },
}

/// What the world around a channel allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Ground {
    /// Whether the store can take messages.
    pub(in super::super) store: bool,
    /// Whether this replica may connect: always, unless the platform is exclusive.
    pub(in super::super) lease: bool,
}

impl Ground {
    pub(super) const FIRM: Self = Self { store: true, lease: true };
}

/// A socket that has not proven itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Dialing {
    pub(in super::super) connection: ConnectionId,
    pub(in super::super) since: Timestamp,
    pub(in super::super) opened: bool,
}

impl Dialing {
    pub(super) fn due(self) -> Timestamp {
        self.since.after(PROOF_WAIT_MAX)
    }
}

/// A proven connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Link {
    pub(in super::super) attempt: u32,
    pub(in super::super) connection: ConnectionId,
    pub(in super::super) proven_at: Timestamp,
    pub(in super::super) heard_at: Timestamp,
    pub(in super::super) successor: Successor,
    /// The platform has announced its end and no successor could be made at once: nothing new comes over it.
    pub(in super::super) deaf: bool,
}

impl Link {
    pub(super) fn new(attempt: u32, connection: ConnectionId, now: Timestamp) -> Self {
        Self { attempt, connection, proven_at: now, heard_at: now, successor: Successor::None, deaf: false }
    }

    /// Tries that ended badly, forgotten once the connection has been healthy for long enough.
    pub(super) fn attempts_by(self, now: Timestamp, healthy_after: Duration) -> u32 {
        if now.since(self.proven_at) >= healthy_after { 0 } else { self.attempt }
    }

    pub(super) fn silent_at(self) -> Timestamp {
        self.heard_at.after(SILENCE_MAX)
    }
}

/// What takes a rotating connection's place (dingtalk §2.7: make before break).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Successor {
    /// The connection is not rotating.
    None,
    /// A socket is on its way.
    Dialing(Dialing),
    /// The one before did not work, or the platform rotates too often; the next is due later.
    Waiting { until: Timestamp, cause: ErrorCode },
}

impl State {
    /// The state's name.
    pub(super) const fn phase(&self) -> &'static str {
        match self {
            Self::Disabled { .. } => "disabled",
            Self::Standby { .. } => "standby",
            Self::StoreLost { .. } => "store_lost",
            Self::Connected(Link { deaf: false, .. }) => "connected",
            // What is deaf shows what is awaited: a deaf connection is as good as none.
            Self::Connected(Link { successor: Successor::Waiting { cause, .. }, .. }) => {
                if cause.needs_somebody() { "refused" } else { "waiting" }
            }
            Self::Connecting { .. } | Self::Connected(_) => "connecting",
            Self::Waiting { .. } => "waiting",
            Self::Refused { .. } => "refused",
            Self::Draining { .. } => "draining",
        }
    }

    /// What the panel shows.
    pub(super) const fn status(&self) -> Status {
        match self {
            Self::Disabled { .. } => Status::Disabled,
            Self::Connected(Link { deaf: false, .. }) => Status::Connected,
            Self::Connected(Link { deaf: true, .. })
            | Self::Standby { .. }
            | Self::StoreLost { .. }
            | Self::Connecting { .. }
            | Self::Waiting { .. }
            | Self::Refused { .. }
            | Self::Draining { .. } => Status::Disconnected,
        }
    }

    /// Tries that ended badly; 0 while it works.
    pub(super) const fn attempt(&self) -> u32 {
        match self {
            Self::StoreLost { attempt }
            | Self::Connecting { attempt, .. }
            | Self::Waiting { attempt, .. }
            | Self::Refused { attempt, .. }
            | Self::Connected(Link { attempt, deaf: true, .. }) => *attempt,
            Self::Disabled { .. }
            | Self::Standby { .. }
            | Self::Connected(Link { deaf: false, .. })
            | Self::Draining { .. } => 0,
        }
    }

    /// When the next try is due, while there is a pause.
    pub(super) const fn next_attempt_at(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { until, .. }
            | Self::Refused { until, .. }
            | Self::Connected(Link { successor: Successor::Waiting { until, .. }, .. }) => Some(*until),
            Self::Disabled { .. }
            | Self::Standby { .. }
            | Self::StoreLost { .. }
            | Self::Connecting { .. }
            | Self::Connected(Link { successor: Successor::None | Successor::Dialing(_), .. })
            | Self::Draining { .. } => None,
        }
    }

    /// The sockets that were opened and neither closed nor reported closed; at most two.
    pub(in super::super) const fn sockets(&self) -> [Option<ConnectionId>; 2] {
        match self {
            Self::Connecting { socket, .. } => [Some(socket.connection), None],
            Self::Connected(link) => match link.successor {
                Successor::Dialing(next) => [Some(link.connection), Some(next.connection)],
                Successor::None | Successor::Waiting { .. } => [Some(link.connection), None],
            },
            Self::Disabled { .. }
            | Self::Standby { .. }
            | Self::StoreLost { .. }
            | Self::Waiting { .. }
            | Self::Refused { .. }
            | Self::Draining { .. } => [None, None],
        }
    }

    /// What the world around allows, as far as it is known here.
    pub(super) const fn ground(&self) -> Ground {
        match self {
            Self::Disabled { ground } | Self::Draining { ground, .. } => *ground,
            Self::Standby { store } => Ground { store: *store, lease: false },
            Self::StoreLost { .. } => Ground { store: false, lease: true },
            Self::Connecting { .. } | Self::Connected(_) | Self::Waiting { .. } | Self::Refused { .. } => {
                Ground::FIRM
            }
        }
    }

    /// When it has to be looked at, and why.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        let (at, reason) = match self {
            Self::Disabled { .. }
            | Self::Standby { .. }
            | Self::StoreLost { .. }
            | Self::Draining { open: [None, None], .. } => return None,
            Self::Connecting { socket, .. } => (socket.due(), Reason::Proof),
            Self::Connected(link) => {
                let silence = (link.silent_at(), Reason::Silence);
                let successor = match link.successor {
                    Successor::None => silence,
                    Successor::Dialing(next) => (next.due(), Reason::Proof),
                    Successor::Waiting { until, .. } => (until, Reason::Retry),
                };
                if successor.0 < silence.0 { successor } else { silence }
            }
            Self::Waiting { until, .. } | Self::Refused { until, .. } => (*until, Reason::Retry),
            Self::Draining { until, .. } => (*until, Reason::Drain),
        };
        (at < Timestamp::MAX).then_some(Deadline { at, reason })
    }
}
