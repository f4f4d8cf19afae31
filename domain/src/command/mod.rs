//! Commands in the chat: one file each, and the list that `/help` is made of.
//!
//! A command is the whole message, after trimming, without regard to case, in half-width or full-width characters;
//! one leading `@word` is ignored. Anything else, unknown `/words` too, is ordinary text for the agent.

mod agents;
mod help;
mod lang;
mod models;
mod new;
mod pick;
mod status;
mod stop;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use crate::choice::Lookup;
use crate::inbox::{Control, Intake, Origin};
use crate::settings::Locale;

/// All commands, in the order in which `/help` lists them.
pub const COMMANDS: [Spec; 7] =
    [new::SPEC, stop::SPEC, status::SPEC, agents::SPEC, models::SPEC, lang::SPEC, help::SPEC];

/// Words of a command, at most; what has more is a question.
const WORDS_MAX: usize = 32;

/// A command as a person gave it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command {
    /// `/new`, `/reset`.
    New,
    /// `/stop`, `/stop all`.
    Stop {
        /// Whether waiting messages are withdrawn too.
        all: bool,
    },
    /// `/status`, `/agents`, `/models`, `/lang`.
    Lookup(Lookup),
    /// `/help`.
    Help,
}

impl Command {
    /// What it asks of the conversation.
    #[must_use]
    pub fn into_intake(self) -> Intake {
        let control = |control| Intake::Control { control, origin: Origin::Chat };
        match self {
            Self::New => control(Control::New),
            Self::Stop { all } => control(Control::Stop { all }),
            Self::Lookup(lookup) => Intake::Lookup(lookup),
            Self::Help => control(Control::Help),
        }
    }
}

/// How a command is written, and what `/help` says about it.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Its names with the slash, in lower case; the first is the one that is advertised.
    pub names: &'static [&'static str],
    /// How to write it, as `/help` shows it.
    pub usage: &'static str,
    /// What it does, in English.
    en: &'static str,
    /// What it does, in Chinese.
    zh_cn: &'static str,
    /// The command, given the words behind its name; `None` when it does not take those.
    read: fn(&[Word<'_>]) -> Option<Command>,
}

impl Spec {
    /// What the command does, in one sentence.
    #[must_use]
    pub const fn help(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => self.en,
            Locale::ZhCn => self.zh_cn,
        }
    }
}

/// The command that this text is, if it is one.
#[must_use]
pub fn parse(text: &str) -> Option<Command> {
    let mut words = text.split(is_space).filter(|word| !word.is_empty()).map(Word).peekable();
    words.next_if(|word| word.is_mention());
    let name = words.next()?;
    let spec = COMMANDS.iter().find(|spec| spec.names.iter().any(|candidate| name.is(candidate)))?;
    // A command is one line: what follows in the next one is a question that begins like a command.
    let arguments: Vec<_> = words.take(WORDS_MAX.saturating_add(1)).collect();
    let behind = text.trim_end().split_once(name.0).map_or("", |(_, behind)| behind);
    let is_one_line = !behind.contains(['\n', '\r']);
    if arguments.len() > WORDS_MAX || !is_one_line {
        return None;
    }
    (spec.read)(&arguments)
}

/// One word of a message.
#[derive(Debug, Clone, Copy)]
struct Word<'a>(&'a str);

impl Word<'_> {
    /// Whether it is this lower-case word, without regard to case and width.
    fn is(self, word: &str) -> bool {
        self.0.chars().map(fold).eq(word.chars())
    }

    /// The number that it is, in half-width or full-width digits.
    fn number(self) -> Option<u32> {
        self.0.chars().try_fold(0_u32, |number, character| {
            number.checked_mul(10)?.checked_add(fold(character).to_digit(10)?)
        })
    }

    fn is_mention(self) -> bool {
        self.0.chars().next().map(fold) == Some('@')
    }
}

/// White space, and what chat programs put into messages without showing it.
fn is_space(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

/// Full-width forms (U+FF01 to U+FF5E) become ASCII, ASCII becomes lower case.
fn fold(character: char) -> char {
    const OFFSET: u32 = 0xFEE0;
    let narrow = match character {
        '\u{FF01}'..='\u{FF5E}' => u32::from(character).checked_sub(OFFSET).and_then(char::from_u32),
        _other => None,
    };
    narrow.unwrap_or(character).to_ascii_lowercase()
}
