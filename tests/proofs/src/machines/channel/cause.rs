//! Why sockets close, as far as a machine tells causes apart.

use std::time::Duration;

use switchboard_domain::channel::{CloseCause, ErrorCode};

/// Why a socket closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the machine's own causes")]
pub enum Cause {
    Clean,
    Network,
    Credentials,
    Limited,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Clean, Self::Network, Self::Credentials, Self::Limited];

    /// The same, as the machine is told.
    pub(super) fn close(self) -> CloseCause {
        let failed = |code, pause_s: Option<u64>| CloseCause::Failed {
            code,
            detail: "words".to_owned(),
            retry_after: pause_s.map(Duration::from_secs),
        };
        match self {
            Self::Clean => CloseCause::Clean,
            Self::Network => failed(ErrorCode::NetworkUnreachable, None),
            Self::Credentials => failed(ErrorCode::InvalidCredentials, None),
            Self::Limited => failed(ErrorCode::RateLimited, Some(100_000)),
        }
    }
}
