//! What a channel is told, what it wants done, and what it shows.

use alloc::string::String;
use alloc::vec::Vec;

use super::error::{CloseCause, ErrorCode};
use crate::ids::ConnectionId;
use crate::time::Timestamp;

/// What happens to a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody enabled it, or the server started and it is enabled.
    Enabled,
    /// Somebody disabled it.
    Disabled,
    /// Settings changed that need a new connection.
    Edited,
    /// Somebody asked for a restart. Illegal when the channel is disabled or draining: look at the phase first.
    RestartAsked,
    /// A socket is open; not yet proof of anything.
    Opened {
        /// Which socket.
        connection: ConnectionId,
    },
    /// A frame or a pong came: the proof.
    Heard {
        /// Over which socket.
        connection: ConnectionId,
    },
    /// The platform announced that it will close this socket.
    Rotating {
        /// Which socket.
        connection: ConnectionId,
    },
    /// A socket is closed, or could not be opened.
    Closed {
        /// Which socket.
        connection: ConnectionId,
        /// Why.
        cause: CloseCause,
    },
    /// The store cannot take messages (R4). Told to disabled channels too, so that they know when they are enabled.
    StoreLost,
    /// The store can take messages again.
    StoreBack,
    /// Another replica has the exclusive platform connection. Exclusive channels are told so before they are enabled.
    LeaseLost,
    /// This replica has the exclusive platform connection.
    LeaseGained,
    /// Something is wrong that the status should show and that does not concern the connection.
    Noted {
        /// What.
        code: ErrorCode,
        /// In which words; no secret.
        detail: String,
    },
    /// The process is shutting down.
    Drain,
}

impl Event {
    /// The event's name, for logs and the table of transitions.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::Edited => "Edited",
            Self::RestartAsked => "RestartAsked",
            Self::Opened { .. } => "Opened",
            Self::Heard { .. } => "Heard",
            Self::Rotating { .. } => "Rotating",
            Self::Closed { .. } => "Closed",
            Self::StoreLost => "StoreLost",
            Self::StoreBack => "StoreBack",
            Self::LeaseLost => "LeaseLost",
            Self::LeaseGained => "LeaseGained",
            Self::Noted { .. } => "Noted",
            Self::Drain => "Drain",
        }
    }
}

/// What a channel wants done. Nothing of it has to survive: after a crash the sockets are gone with the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Open a socket; comes back as [`Event::Opened`] or [`Event::Closed`].
    Open {
        /// Its number, new each time.
        connection: ConnectionId,
    },
    /// Close a socket cleanly, after the acks under way. Its [`Event::Closed`] may come or not: it is forgotten.
    Close {
        /// Which socket.
        connection: ConnectionId,
    },
    /// What the channel shows has changed.
    Publish,
}

/// What to do, in order.
pub type Effects = Vec<Effect>;

/// When a channel has to be looked at, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// Why a channel has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A socket has not proven itself.
    Proof,
    /// Nothing was heard for too long.
    Silence,
    /// The pause before another try is over.
    Retry,
    /// Sockets that were told to close have not.
    Drain,
}

/// A channel's status as the contract names it; the panel shows green, red, grey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// A socket is open and has proven itself, and messages can be stored.
    Connected,
    /// It should be connected and is not.
    Disconnected,
    /// Nobody wants it connected.
    Disabled,
}

impl Status {
    /// The status as the API shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Disabled => "disabled",
        }
    }
}

/// The last thing that was wrong; it stays after a recovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// What.
    pub code: ErrorCode,
    /// In the platform's words, or ours; at most [`super::DETAIL_CHARS_MAX`] characters.
    pub detail: String,
    /// When it was last seen.
    pub at: Timestamp,
}
