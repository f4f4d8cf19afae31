//! One configured bot on one replica: how it becomes connected, stays so, and tells the truth about it.

mod error;

pub use error::{CloseCause, ErrorCode};
