//! The record of the ways that were tried; part of others.

use serde::{Deserialize, Serialize};
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::reply::{Trial, Tried};
use switchboard_ports::error::StoreError;

use super::Row;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct TriedRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card: Option<TrialRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_address: Option<TrialRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api: Option<TrialRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TrialRecord {
    UnderWay,
    Done,
    Missing,
    Throttled,
    NotSent,
    Unknown,
    /// By the code's stable name.
    Refused(String),
}

impl From<Tried> for TriedRecord {
    fn from(from: Tried) -> Self {
        Self {
            card: from.card.map(TrialRecord::from),
            session_address: from.session_address.map(TrialRecord::from),
            api: from.api.map(TrialRecord::from),
        }
    }
}

impl TriedRecord {
    /// The ways of a row.
    pub(super) fn open(self, row: &Row<'_>) -> Result<Tried, StoreError> {
        let open = |trial: Option<TrialRecord>| trial.map(|trial| trial.open(row)).transpose();
        Ok(Tried {
            card: open(self.card)?,
            session_address: open(self.session_address)?,
            api: open(self.api)?,
        })
    }
}

impl From<Trial> for TrialRecord {
    fn from(from: Trial) -> Self {
        match from {
            Trial::UnderWay => Self::UnderWay,
            Trial::Done => Self::Done,
            Trial::Missing => Self::Missing,
            Trial::Throttled => Self::Throttled,
            Trial::NotSent => Self::NotSent,
            Trial::Unknown => Self::Unknown,
            Trial::Refused(code) => Self::Refused(code.as_str().to_owned()),
        }
    }
}

impl TrialRecord {
    pub(super) fn open(self, row: &Row<'_>) -> Result<Trial, StoreError> {
        Ok(match self {
            Self::UnderWay => Trial::UnderWay,
            Self::Done => Trial::Done,
            Self::Missing => Trial::Missing,
            Self::Throttled => Trial::Throttled,
            Self::NotSent => Trial::NotSent,
            Self::Unknown => Trial::Unknown,
            Self::Refused(name) => {
                let code = ErrorCode::ALL.into_iter().find(|code| code.as_str() == name);
                Trial::Refused(code.ok_or_else(|| row.corrupt("unknown code of a refusal"))?)
            }
        })
    }
}
