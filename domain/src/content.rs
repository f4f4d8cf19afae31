//! What a message consists of: words and files in the order in which they were written, and what it answers.
//!
//! The agent gets one text in which every file is named where it stood (`[picture: picture-1]`), and the files beside
//! it. The transcript keeps the same text, so that it still makes sense when the files are gone.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::message::TEXT_BYTES_MAX;
use crate::secret::Secret;
use crate::text;

/// Files of one message, at most, those of a quoted message included; the rest is counted in a note to the agent.
pub const ATTACHMENTS_MAX: usize = 10;

/// Longest name of a file, in characters; more is cut in front of its ending.
pub const NAME_CHARS_MAX: usize = 120;

/// Longest text of a quoted message, in bytes; more is cut at a character, with a mark.
pub const QUOTE_BYTES_MAX: usize = 8 * 1024;

/// Longest name taken that a platform gives one of the bot's messages, in bytes; DingTalk's are below 100.
pub const KEY_BYTES_MAX: usize = 512;

/// What stands for an answer of the bot's that is quoted without its words.
const CARD_MARK: &str = "[a card of this bot's: an earlier answer, whose text the platform does not repeat]";

/// Most marks in front of the lines of a quote, so that a quote of blank lines stays short.
const QUOTE_LINES_MAX: usize = 500;

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// Words and files, in order.
    pub pieces: Vec<Piece>,
    /// The message that this one answers.
    pub quoted: Option<Quoted>,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Words as they stand, without the bot's own mention.
    Text(String),
    /// A file.
    Attachment(Attachment),
}

/// The message that another one answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quoted {
    /// What it consists of.
    Content(Vec<Piece>),
    /// An answer of the bot's, which comes without its text (dingtalk §3.5).
    Card {
        /// What the platform calls it, where it says: the same name as when it was shown.
        key: Option<String>,
    },
    /// Something that the platform does not hand over, or that we have no name for.
    Unreadable,
}

/// A file that came with a message; its content stays with the platform until it is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What it is.
    pub kind: AttachmentKind,
    /// Its name; empty where the platform gives none, until [`Content::into_question`] gives it one.
    pub name: String,
    /// How long it plays.
    pub duration: Option<Duration>,
    /// What the provider fetches it by (DingTalk: `downloadCode`); means nothing to anybody else. Empty where the
    /// platform gave none: it cannot be fetched.
    pub source: Secret,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttachmentKind {
    /// A picture.
    Picture,
    /// A voice message.
    Audio,
    /// A video.
    Video,
    /// Any other file.
    File,
}

impl AttachmentKind {
    /// How it is called in texts for agents, and the beginning of names that we give.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::File => "file",
        }
    }
}

/// A message as a question to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The text, at most [`TEXT_BYTES_MAX`] bytes; empty only where there is nothing at all.
    pub text: String,
    /// The files that the text names, in the order of their names, at most [`ATTACHMENTS_MAX`].
    pub attachments: Vec<Attachment>,
    /// What the platform calls the bot's own answer that is quoted without its words; see [`with_answer`].
    pub quotes: Option<String>,
}

impl Content {
    /// Nothing but words.
    #[must_use]
    pub fn of_text(text: impl Into<String>) -> Self {
        Self { pieces: alloc::vec![Piece::Text(text.into())], quoted: None }
    }

    /// The words, trimmed, if there are no files among them: what may be a command. A command that answers another
    /// message is one, too.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let mut words = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => words.push_str(text),
                Piece::Attachment(_) => return None,
            }
        }
        Some(String::from(words.trim()))
    }

    /// The question to the agent. What is quoted stands in front, as a Markdown quote.
    #[must_use]
    pub fn into_question(self) -> Question {
        let quotes = match &self.quoted {
            Some(Quoted::Card { key }) => key.clone(),
            Some(Quoted::Content(_) | Quoted::Unreadable) | None => None,
        };
        let mut files = Files::default();
        let own = files.render(self.pieces);
        let mut text = self.quoted.map(|quoted| quote(quoted, &mut files)).unwrap_or_default();
        if !text.is_empty() && !own.is_empty() {
            text.push_str("\n\n");
        }
        let note = files.note();
        let room = TEXT_BYTES_MAX.saturating_sub(text.len()).saturating_sub(note.len());
        text.push_str(cut(&own, room));
        text.push_str(&note);
        Question { text, attachments: files.named, quotes }
    }
}

/// A question with the words of the answer that it quotes, where these were not in it. At most [`TEXT_BYTES_MAX`] bytes.
#[must_use]
pub fn with_answer(question: &str, answer: &str) -> String {
    let own = question.strip_prefix("> ").and_then(|rest| rest.strip_prefix(CARD_MARK));
    let Some(own) = own.filter(|_| !answer.trim().is_empty()) else {
        return String::from(question);
    };
    let mut text = quote_of(answer.trim());
    text.push_str(own);
    String::from(cut(&text, TEXT_BYTES_MAX))
}

/// Files by the names that they have in the text.
#[derive(Default)]
struct Files {
    named: Vec<Attachment>,
    dropped: usize,
}

impl Files {
    /// Words as they stand, files as lines of their own.
    fn render(&mut self, pieces: Vec<Piece>) -> String {
        let mut text = String::new();
        let mut after_file = false;
        for piece in pieces {
            match piece {
                Piece::Text(words) if after_file => {
                    let words = words.trim_start();
                    if !words.is_empty() {
                        text.push('\n');
                        text.push_str(words);
                        after_file = false;
                    }
                }
                Piece::Text(words) => text.push_str(&words),
                Piece::Attachment(attachment) => {
                    let Some(mark) = self.take(attachment) else { continue };
                    text.truncate(text.trim_end().len());
                    if !text.is_empty() {
                        text.push('\n');
                    }
                    text.push_str(&mark);
                    after_file = true;
                }
            }
        }
        String::from(text.trim())
    }

    /// The file's mark in the text; `None` for one too many.
    fn take(&mut self, mut attachment: Attachment) -> Option<String> {
        if self.named.len() >= ATTACHMENTS_MAX {
            self.dropped = self.dropped.saturating_add(1);
            return None;
        }
        attachment.name = self.name(&attachment);
        let mark = mark(&attachment);
        self.named.push(attachment);
        Some(mark)
    }

    /// A name that no other file of the message has.
    fn name(&self, attachment: &Attachment) -> String {
        let given = tidy_name(&attachment.name);
        if !given.is_empty() && self.is_free(&given) {
            return given;
        }
        let (stem, ending) = match given.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
            Some(_) | None if given.is_empty() => (attachment.kind.as_str(), String::new()),
            Some(_) | None => (given.as_str(), String::new()),
        };
        // Fewer names are taken than are tried.
        let tried = (1..=ATTACHMENTS_MAX.saturating_add(1)).map(|number| {
            let end = format!("-{number}{ending}");
            let room = NAME_CHARS_MAX.saturating_sub(end.chars().count());
            stem.chars().take(room).chain(end.chars()).collect::<String>()
        });
        tried.into_iter().find(|name| self.is_free(name)).unwrap_or(given)
    }

    fn is_free(&self, name: &str) -> bool {
        self.named.iter().all(|other| other.name != name)
    }

    fn note(&self) -> String {
        match self.dropped {
            0 => String::new(),
            1 => format!("\n\n[1 more file was left out: at most {ATTACHMENTS_MAX} are taken]"),
            count => format!("\n\n[{count} more files were left out: at most {ATTACHMENTS_MAX} are taken]"),
        }
    }
}

/// `[audio: audio-1, 4 s]`
fn mark(attachment: &Attachment) -> String {
    let Attachment { kind, name, duration, source: _ } = attachment;
    let kind = kind.as_str();
    match duration {
        Some(duration) => format!("[{kind}: {name}, {} s]", duration.as_millis().div_ceil(1_000)),
        None => format!("[{kind}: {name}]"),
    }
}

/// Whether a question's text has more in it than the marks of its files.
#[must_use]
pub fn has_words(text: &str, attachments: &[Attachment]) -> bool {
    let mut rest = String::from(text);
    for attachment in attachments {
        rest = rest.replacen(&mark(attachment), "", 1);
    }
    rest.chars().any(|character| !character.is_whitespace() && character != '>')
}

fn quote(quoted: Quoted, files: &mut Files) -> String {
    let text = match quoted {
        Quoted::Content(pieces) => files.render(pieces),
        Quoted::Card { key: _ } => String::from(CARD_MARK),
        Quoted::Unreadable => String::from("[a message that the platform does not hand over]"),
    };
    if text.is_empty() { text } else { quote_of(&text) }
}

/// A text as a Markdown quote, cut where it is too long.
fn quote_of(text: &str) -> String {
    let shown = cut(text, QUOTE_BYTES_MAX);
    let mut lines: Vec<&str> = shown.lines().take(QUOTE_LINES_MAX).collect();
    if shown.len() < text.len() || shown.lines().count() > QUOTE_LINES_MAX {
        lines.push("[cut here: the quoted message goes on]");
    }
    let mut quote = String::new();
    for line in lines {
        if !quote.is_empty() {
            quote.push('\n');
        }
        quote.push_str("> ");
        quote.push_str(line);
    }
    quote
}

/// A name on one line, without brackets that would end its mark and without what is not seen, within [`NAME_CHARS_MAX`], its ending kept. What is
/// in front of a slash is a path, and no part of a name.
fn tidy_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = text::plain_name(name).replace('[', "(").replace(']', ")");
    let name = name.as_str();
    let chars = name.chars().count();
    if chars <= NAME_CHARS_MAX {
        return String::from(name);
    }
    let ending: String = name
        .rsplit_once('.')
        .map(|(_, ending)| format!(".{ending}"))
        .filter(|ending| ending.chars().count() <= NAME_CHARS_MAX / 4)
        .unwrap_or_default();
    let kept = NAME_CHARS_MAX.saturating_sub(ending.chars().count());
    name.chars().take(kept).chain(ending.chars()).collect()
}

/// The text within a bound, cut at a character.
#[must_use]
pub fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
