//! One configured bot on one replica: how it becomes connected, stays so, and tells the truth about it.
//!
//! The machine opens and closes sockets by number and believes only what it hears: a socket that was opened is not
//! a connection until a frame or a pong has come over it, and it stops being one when nothing comes for a while.
//! Stored is only what is *desired* (settings, enabled); what is *observed* here lives with the replica.

mod backoff;
mod error;
mod event;
mod machine;
mod snapshot;
#[cfg(test)]
pub(crate) mod tests;

pub use error::{CloseCause, ErrorCode};
pub use event::{Deadline, Effect, Effects, Event, LastError, Reason, Status};
pub use machine::Channel;
pub use machine::{
    AT_ONCE_MAX, DETAIL_CHARS_MAX, DRAIN_WAIT_MAX, HEALTHY_AFTER, PROOF_WAIT_MAX, RETRY_AFTER_MAX,
    ROTATION_PAUSE_MAX, SILENCE_MAX,
};
pub use snapshot::{ChannelSnapshot, Corrupt, DialingSnapshot, StateSnapshot, SuccessorSnapshot};
