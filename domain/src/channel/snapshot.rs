//! A channel as plain data, for logs and for playing a run again. Nothing of it is stored: sockets do not outlive a
//! process.

use thiserror::Error;

use super::backoff::Jitter;
use super::error::ErrorCode;
use super::event::LastError;
use super::machine::state::{Dialing, Ground, Link, State, Successor};
use super::machine::{Channel, Observed};
use crate::ids::ConnectionId;
use crate::time::Timestamp;

/// All of a channel; nothing is volatile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSnapshot {
    /// Where it is.
    pub state: StateSnapshot,
    /// The number of the last socket that was opened; 0 for none.
    pub last_connection: ConnectionId,
    /// Where the jitter is.
    pub seed: u64,
    /// Since when the status has been what it is.
    pub since: Timestamp,
    /// When a connection last proved itself.
    pub connected_at: Option<Timestamp>,
    /// When anything was last heard.
    pub heard_at: Option<Timestamp>,
    /// The last thing that was wrong.
    pub last_error: Option<LastError>,
    /// How often that became another thing.
    pub errors: u64,
}

/// Where a channel is. The states are explained at the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are explained where the machine's own states are")]
pub enum StateSnapshot {
    /// Nobody wants it connected.
    Disabled { store: bool, lease: bool },
    /// Another replica has the exclusive connection.
    Standby { store: bool },
    /// Messages could not be stored.
    StoreLost { attempt: u32 },
    /// One socket that has not proven itself.
    Connecting { attempt: u32, socket: DialingSnapshot },
    /// One proven socket.
    Connected {
        attempt: u32,
        connection: ConnectionId,
        proven_at: Timestamp,
        heard_at: Timestamp,
        successor: SuccessorSnapshot,
        deaf: bool,
    },
    /// A pause.
    Waiting { attempt: u32, until: Timestamp, cause: ErrorCode },
    /// A long pause.
    Refused { attempt: u32, until: Timestamp, cause: ErrorCode },
    /// The process is shutting down.
    Draining { store: bool, lease: bool, open: [Option<ConnectionId>; 2], until: Timestamp },
}

/// A socket that has not proven itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DialingSnapshot {
    /// Its number.
    pub connection: ConnectionId,
    /// When it was ordered.
    pub since: Timestamp,
    /// Whether it was reported open.
    pub opened: bool,
}

/// What takes a rotating connection's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuccessorSnapshot {
    /// The connection is not rotating.
    None,
    /// A socket is on its way.
    Dialing(DialingSnapshot),
    /// The next is due later.
    Waiting {
        /// When.
        until: Timestamp,
        /// Why.
        cause: ErrorCode,
    },
}

/// A snapshot that no channel can have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the channel's snapshot is corrupt: expected {expected}")]
pub struct Corrupt {
    /// What was expected.
    pub expected: &'static str,
}

impl Channel {
    /// All of it as plain data.
    #[must_use]
    pub fn snapshot(&self) -> ChannelSnapshot {
        ChannelSnapshot {
            state: self.state.into(),
            last_connection: self.last_connection,
            seed: self.jitter.seed(),
            since: self.observed.since,
            connected_at: self.observed.connected_at,
            heard_at: self.observed.heard_at,
            last_error: self.observed.last_error.clone(),
            errors: self.observed.errors,
        }
    }

    /// The channel that made this snapshot.
    ///
    /// # Errors
    /// [`Corrupt`] when the snapshot counts on sockets that were never opened, or on one twice.
    pub fn restore(from: ChannelSnapshot) -> Result<Self, Corrupt> {
        let state = State::try_from(from.state)?;
        let open = match state {
            State::Draining { open, .. } => open,
            State::Disabled { .. }
            | State::Standby { .. }
            | State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Refused { .. } => state.sockets(),
        };
        let known = |socket: &ConnectionId| *socket > ConnectionId(0) && *socket <= from.last_connection;
        if !open.iter().flatten().all(known) {
            return Err(Corrupt { expected: "sockets that were opened" });
        }
        if let [Some(one), Some(other)] = open
            && one == other
        {
            return Err(Corrupt { expected: "two different sockets" });
        }
        let observed = Observed {
            since: from.since,
            connected_at: from.connected_at,
            heard_at: from.heard_at,
            last_error: from.last_error,
            errors: from.errors,
        };
        Ok(Self { state, last_connection: from.last_connection, jitter: Jitter::new(from.seed), observed })
    }
}

impl From<State> for StateSnapshot {
    fn from(state: State) -> Self {
        match state {
            State::Disabled { ground: Ground { store, lease } } => Self::Disabled { store, lease },
            State::Standby { store } => Self::Standby { store },
            State::StoreLost { attempt } => Self::StoreLost { attempt },
            State::Connecting { attempt, socket } => Self::Connecting { attempt, socket: socket.into() },
            State::Connected(Link { attempt, connection, proven_at, heard_at, successor, deaf }) => {
                let successor = match successor {
                    Successor::None => SuccessorSnapshot::None,
                    Successor::Dialing(socket) => SuccessorSnapshot::Dialing(socket.into()),
                    Successor::Waiting { until, cause } => SuccessorSnapshot::Waiting { until, cause },
                };
                Self::Connected { attempt, connection, proven_at, heard_at, successor, deaf }
            }
            State::Waiting { attempt, until, cause } => Self::Waiting { attempt, until, cause },
            State::Refused { attempt, until, cause } => Self::Refused { attempt, until, cause },
            State::Draining { ground: Ground { store, lease }, open, until } => {
                Self::Draining { store, lease, open, until }
            }
        }
    }
}

impl TryFrom<StateSnapshot> for State {
    type Error = Corrupt;

    fn try_from(from: StateSnapshot) -> Result<Self, Corrupt> {
        let state = match from {
            StateSnapshot::Disabled { store, lease } => Self::Disabled { ground: Ground { store, lease } },
            StateSnapshot::Standby { store } => Self::Standby { store },
            StateSnapshot::StoreLost { attempt } => Self::StoreLost { attempt },
            StateSnapshot::Connecting { attempt, socket } => {
                Self::Connecting { attempt, socket: socket.into() }
            }
            StateSnapshot::Connected { deaf: true, successor: SuccessorSnapshot::None, .. }
            | StateSnapshot::Connected {
                deaf: false, successor: SuccessorSnapshot::Waiting { .. }, ..
            } => {
                return Err(Corrupt {
                    expected: "a connection that is deaf only while its successor is late",
                });
            }
            StateSnapshot::Connected { attempt, connection, proven_at, heard_at, successor, deaf } => {
                let successor = match successor {
                    SuccessorSnapshot::None => Successor::None,
                    SuccessorSnapshot::Dialing(socket) => Successor::Dialing(socket.into()),
                    SuccessorSnapshot::Waiting { until, cause } => Successor::Waiting { until, cause },
                };
                Self::Connected(Link { attempt, connection, proven_at, heard_at, successor, deaf })
            }
            StateSnapshot::Waiting { cause, .. } if cause.needs_somebody() => {
                return Err(Corrupt { expected: "a cause that passes by itself" });
            }
            StateSnapshot::Waiting { attempt, until, cause } => Self::Waiting { attempt, until, cause },
            StateSnapshot::Refused { attempt, until, cause } => Self::Refused { attempt, until, cause },
            StateSnapshot::Draining { store, lease, open, until } => {
                Self::Draining { ground: Ground { store, lease }, open, until }
            }
        };
        Ok(state)
    }
}

impl From<Dialing> for DialingSnapshot {
    fn from(Dialing { connection, since, opened }: Dialing) -> Self {
        Self { connection, since, opened }
    }
}

impl From<DialingSnapshot> for Dialing {
    fn from(DialingSnapshot { connection, since, opened }: DialingSnapshot) -> Self {
        Self { connection, since, opened }
    }
}
