//! How a command ends: 0 fine, 1 failed, 2 usage or configuration.

use std::process::ExitCode;

use switchboard_ports::error::StoreError;

use super::seam::ComposeError;
use crate::config::ConfigError;
use crate::config::reconcile::ReconcileError;

/// How a command ended; a failure carries its one line for stderr.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// Fine.
    Fine,
    /// A check failed, or the server could not go on.
    Failed(String),
    /// The command line or the configuration is wrong.
    Usage(String),
}

impl Exit {
    /// Says the line, if there is one, and gives the code.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        match self {
            Self::Fine => ExitCode::SUCCESS,
            Self::Failed(line) => {
                super::say::to_stderr(line);
                ExitCode::from(1)
            }
            Self::Usage(line) => {
                super::say::to_stderr(line);
                ExitCode::from(2)
            }
        }
    }
}

impl From<ConfigError> for Exit {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<ComposeError> for Exit {
    fn from(error: ComposeError) -> Self {
        match error {
            ComposeError::Config(error) => error.into(),
            ComposeError::Failed(line) => Self::Failed(line),
        }
    }
}

impl From<StoreError> for Exit {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<ReconcileError> for Exit {
    fn from(error: ReconcileError) -> Self {
        match error {
            ReconcileError::Config(error) => error.into(),
            error @ ReconcileError::Store(_) => Self::Failed(error.to_string()),
        }
    }
}
