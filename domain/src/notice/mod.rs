//! Every sentence we say ourselves, as data, in English and Chinese.
//!
//! A sentence about a failure says what to do; details go to the log and to `/failures`. The texts are in
//! `en.rs` and `zh_cn.rs`, what administrators read about a channel's errors in `remedy.rs`, about failures in `failure.rs`.

mod en;
mod failure;
mod finding;
mod remedy;
mod saving;
#[cfg(test)]
mod tests;
mod zh_cn;

pub use failure::failure;
pub use finding::{Finding, FindingWords};
pub use remedy::{Remedy, one_connection, remedy};
pub use saving::{saving, shortage};

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::command::COMMANDS;
use crate::outcome::{AgentFailureKind, Cut, FailureCause, Refusal, RunFailure};
use crate::person::misleads;
use crate::settings::Locale;

/// Something we say in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// What a card shows before the agent says anything.
    Thinking,
    /// Shown while a tool is at work.
    UsingTool {
        /// The tool's name, fit to be shown.
        name: String,
    },
    /// The answer to `/new`.
    NewConversation,
    /// Follows the text of an answer that was stopped.
    StopMark,
    /// Follows the text of an answer that gave way to a newer message (`busy = "interrupt"`).
    InterruptMark,
    /// Follows the text of an answer that its agent ended before its end.
    Cut(Cut),
    /// The answer to `/stop` when nothing is running.
    NothingToStop,
    /// The answer to `/stop` when something was running or waiting.
    Stopped {
        /// How many waiting messages were withdrawn.
        withdrawn: u32,
    },
    /// Stands on the card of a message that waits.
    Waiting {
        /// Its place in line, from 1.
        place: u32,
    },
    /// Closes the card of a message that waited and was withdrawn.
    WaitWithdrawn,
    /// Closes the card of a message whose words went into the turn before it.
    AnsweredAbove,
    /// The answer to `/status`.
    Status(StatusReport),
    /// The answer to `/help`.
    Help,
    /// The answer to `/agents`.
    Agents(Listed),
    /// Another agent answers from now on.
    AgentChosen {
        /// Its name.
        name: String,
    },
    /// Several agents or models begin so.
    Several(Several),
    /// No agent is called so.
    NoSuchAgent,
    /// The answer to `/models`.
    Models(Listed),
    /// The agent does not tell its models, or cannot right now.
    ModelsUntold,
    /// Of the models that the agent tells none is allowed.
    NoModelAllowed,
    /// Another model is asked from now on.
    ModelChosen {
        /// Its name; `None` when the agent chooses.
        name: Option<String>,
    },
    /// No model is called so.
    NoSuchModel,
    /// Agent and model are not to be chosen by this person, or by nobody.
    MayNotSwitch,
    /// The languages that we speak.
    Languages,
    /// We speak this language from now on.
    LanguageChosen(Locale),
    /// What a command asked for could not be looked up.
    LookupFailed,
    /// A message was not taken on.
    Refused(Refusal),
    /// A message could not be answered; follows what the answer had by then, if anything.
    Failed(FailureCause),
    /// The one line of a card whose answer went out as text (R11).
    AnswerBelow,
    /// Follows the text of a card that could not hold the whole answer.
    ContinuedBelow,
    /// Follows what a card can hold of an answer that is still being written.
    GoesOn {
        /// How long the answer is so far, in characters.
        chars: usize,
    },
    /// Follows the text of an answer that goes on after a restart.
    ShuttingDown,
    /// Closes the answer that was running when its channel was deleted.
    ChannelDeleted,
    /// Stands above an answer that comes late (`stale = "note"`).
    Late {
        /// How old the message was when its turn came.
        age: Duration,
    },
    /// Something failed on our side.
    ServerError,
}

impl Notice {
    /// The sentence.
    #[must_use]
    pub fn text(&self, locale: Locale) -> String {
        match locale {
            Locale::En => en::text(self),
            Locale::ZhCn => zh_cn::text(self),
        }
    }
}

impl From<Refusal> for Notice {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<FailureCause> for Notice {
    fn from(cause: FailureCause) -> Self {
        Self::Failed(cause)
    }
}

impl From<AgentFailureKind> for Notice {
    fn from(kind: AgentFailureKind) -> Self {
        Self::Failed(FailureCause::Agent(kind))
    }
}

impl From<RunFailure> for Notice {
    fn from(failure: RunFailure) -> Self {
        match failure {
            RunFailure::Agent(failure) => Self::from(failure.kind),
            RunFailure::Refused(refusal) => Self::Refused(refusal),
            RunFailure::UserLookup => Self::Failed(FailureCause::UserLookup),
        }
    }
}

/// What `/status` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// The agent's name; `None` when the channel has none.
    pub agent: Option<String>,
    /// The model; `None` when the agent chooses.
    pub model: Option<String>,
    /// How long ago the session began.
    pub session_age: Duration,
    /// Questions answered in this session.
    pub turns: u32,
    /// Whether an answer is being written.
    pub running: bool,
    /// Messages that wait.
    pub waiting: u32,
}

/// A list to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The names, in the order of their numbers.
    pub names: Vec<String>,
    /// How many there are beyond these.
    pub more: usize,
    /// The one that answers now.
    pub now: Option<String>,
    /// The one that answers where nobody chooses.
    pub default: Option<String>,
}

impl Listed {
    /// The list under a title, its marks in words of one language, with a line below it.
    fn text(&self, title: &str, now: &str, default: &str, more: &str, below: &str) -> String {
        let mut text = String::from(title);
        // A list begins a paragraph of its own.
        text.push('\n');
        for (place, name) in self.names.iter().enumerate() {
            // In code, so that no sign in a name is taken for a mark.
            let line = format!("\n{}. `{}`", place.saturating_add(1), shown(name).replace('`', "'"));
            text.push_str(&line);
            if self.now.as_ref() == Some(name) {
                text.push_str(now);
            }
            if self.default.as_ref() == Some(name) {
                text.push_str(default);
            }
        }
        if self.more > 0 {
            text.push_str("\n\n");
            text.push_str(&more.replace("{}", &format!("{}", self.more)));
        }
        text.push_str("\n\n");
        text.push_str(below);
        text
    }
}

/// Names of which it is not said which one is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Several {
    /// The command that chooses among them.
    pub command: &'static str,
    /// Some of them.
    pub names: Vec<String>,
    /// How many there are beyond these.
    pub more: usize,
}

impl Several {
    /// The names in code, one after the other.
    fn names(&self, comma: &str) -> String {
        let names = self.names.iter().map(|name| format!("`{}`", shown(name).replace('`', "'")));
        names.collect::<Vec<_>>().join(comma)
    }
}

/// A name as it is said: agents tell any, and what turns the direction of writing would show another one.
fn shown(name: &str) -> String {
    name.chars().map(|c| if misleads(c) || c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// The list of commands under a title.
fn help(title: &str, locale: Locale) -> String {
    let lines = COMMANDS.iter().map(|spec| format!("\n- `{}`: {}", spec.usage, spec.help(locale)));
    core::iter::once(String::from(title)).chain(lines).collect()
}

/// An age in its largest whole unit.
enum Age {
    Now,
    Minutes(u64),
    Hours(u64),
    Days(u64),
}

impl Age {
    const fn of(age: Duration) -> Self {
        match age.as_secs() / 60 {
            0 => Self::Now,
            minutes @ 1..60 => Self::Minutes(minutes),
            minutes @ 60..1440 => Self::Hours(minutes / 60),
            minutes => Self::Days(minutes / 1440),
        }
    }
}
