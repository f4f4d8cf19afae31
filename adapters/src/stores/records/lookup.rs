//! The record of a command that takes a look at what is outside.

use serde::{Deserialize, Serialize};
use switchboard_domain::choice::{Lookup, Pick, Tongue};

use super::channel::LocaleRecord;

/// A look.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LookupRecord {
    Status,
    Agents(PickRecord),
    Models(PickRecord),
    Language(TongueRecord),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PickRecord {
    List,
    Number(u32),
    Name(String),
    Default,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TongueRecord {
    List,
    Speak(LocaleRecord),
    Default,
}

impl From<&Lookup> for LookupRecord {
    fn from(from: &Lookup) -> Self {
        match from {
            Lookup::Status => Self::Status,
            Lookup::Agents(pick) => Self::Agents(pick.into()),
            Lookup::Models(pick) => Self::Models(pick.into()),
            Lookup::Language(Tongue::List) => Self::Language(TongueRecord::List),
            Lookup::Language(Tongue::Speak(locale)) => Self::Language(TongueRecord::Speak((*locale).into())),
            Lookup::Language(Tongue::Default) => Self::Language(TongueRecord::Default),
        }
    }
}

impl From<LookupRecord> for Lookup {
    fn from(from: LookupRecord) -> Self {
        match from {
            LookupRecord::Status => Self::Status,
            LookupRecord::Agents(pick) => Self::Agents(pick.into()),
            LookupRecord::Models(pick) => Self::Models(pick.into()),
            LookupRecord::Language(TongueRecord::List) => Self::Language(Tongue::List),
            LookupRecord::Language(TongueRecord::Speak(locale)) => {
                Self::Language(Tongue::Speak(locale.into()))
            }
            LookupRecord::Language(TongueRecord::Default) => Self::Language(Tongue::Default),
        }
    }
}

impl From<&Pick> for PickRecord {
    fn from(from: &Pick) -> Self {
        match from {
            Pick::List => Self::List,
            Pick::Number(number) => Self::Number(*number),
            Pick::Name(name) => Self::Name(name.clone()),
            Pick::Default => Self::Default,
        }
    }
}

impl From<PickRecord> for Pick {
    fn from(from: PickRecord) -> Self {
        match from {
            PickRecord::List => Self::List,
            PickRecord::Number(number) => Self::Number(number),
            PickRecord::Name(name) => Self::Name(name),
            PickRecord::Default => Self::Default,
        }
    }
}
