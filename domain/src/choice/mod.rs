//! What people choose in the chat: the agent, its model and the language, and what a choice leads to.
//!
//! Everything here is decided from facts that the shell has gathered: which agents are offered, which models an agent
//! tells. What is chosen counts from the next turn on that begins.

mod decide;
#[cfg(test)]
mod tests;

pub use decide::{Decided, ModelFacts, Offer, agents, language, models};

use alloc::string::String;
use alloc::vec::Vec;

use crate::ids::AgentId;
use crate::settings::Locale;

/// Longest name that is looked for, in characters; a longer one is no command but a question.
pub const NAME_CHARS_MAX: usize = 200;
/// Names in one list that we say, at most; the rest is counted.
pub const LISTED_MAX: usize = 50;

/// Names that begin as one that is asked for, told at most; the rest is counted.
pub(crate) const SEVERAL_MAX: usize = 10;

/// What was chosen instead of what the channel says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
    /// The agent; counts while the channel offers it.
    pub agent: Option<AgentId>,
    /// The model.
    pub model: Option<ChosenModel>,
    /// The language of our own sentences.
    pub locale: Option<Locale>,
}

impl Choices {
    /// Whether nothing is chosen.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.agent.is_none() && self.model.is_none() && self.locale.is_none()
    }

    /// The model chosen for this agent.
    #[must_use]
    pub fn model_of(&self, agent: &AgentId) -> Option<&str> {
        self.model.as_ref().filter(|chosen| chosen.agent == *agent).map(|chosen| chosen.name.as_str())
    }
}

/// A model, chosen among those of one agent: to another one its name means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenModel {
    /// The agent.
    pub agent: AgentId,
    /// The model's name, 1 to [`NAME_CHARS_MAX`] characters.
    pub name: String,
}

/// What is asked for behind `/agents` or `/models`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pick {
    /// Nothing: the list.
    List,
    /// What stands at this place of the list, from 1, also where something else is called so; where it is shorter, what is
    /// called so.
    Number(u32),
    /// What is called so, without regard to case, or alone begins so; 1 to [`NAME_CHARS_MAX`] characters.
    Name(String),
    /// What the channel says.
    Default,
}

/// What is asked for behind `/lang`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tongue {
    /// Nothing, or a language that we do not speak: the list.
    List,
    /// This language.
    Speak(Locale),
    /// The channel's language.
    Default,
}

/// A command whose answer takes a look at what is outside the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// `/status`.
    Status,
    /// `/agents`.
    Agents(Pick),
    /// `/models`.
    Models(Pick),
    /// `/lang`.
    Language(Tongue),
}

impl Lookup {
    /// Whether the next turn depends on what comes of it.
    #[must_use]
    pub const fn switches(&self) -> bool {
        match self {
            Self::Status | Self::Agents(Pick::List) | Self::Models(Pick::List) | Self::Language(_) => false,
            Self::Agents(Pick::Number(_) | Pick::Name(_) | Pick::Default)
            | Self::Models(Pick::Number(_) | Pick::Name(_) | Pick::Default) => true,
        }
    }
}

/// The models of an agent that may be asked for, as an administrator has written them down: names, of which those that end
/// with `*` stand for all that begin so. Empty: all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowList(pub Vec<String>);

impl AllowList {
    /// Whether this model may be asked for.
    #[must_use]
    pub fn allows(&self, model: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|allowed| stands_for(allowed, model))
    }

    /// The names that stand for themselves alone.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.iter().filter(|name| !name.ends_with('*'))
    }
}

fn stands_for(allowed: &str, model: &str) -> bool {
    match allowed.strip_suffix('*') {
        Some(beginning) => model.starts_with(beginning),
        None => allowed == model,
    }
}
