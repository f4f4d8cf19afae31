//! Chat commands: what is one, by a naive list of whole messages.

use switchboard_domain::choice::Lookup;
use switchboard_domain::command::{COMMANDS, Command, parse};

use crate::bytes::Bytes;

/// Whole messages that are commands, folded; other commands are not judged.
const KNOWN: [(&str, Command); 6] = [
    ("/new", Command::New),
    ("/reset", Command::New),
    ("/stop", Command::Stop { all: false }),
    ("/stop all", Command::Stop { all: true }),
    ("/status", Command::Lookup(Lookup::Status)),
    ("/help", Command::Help),
];

const BITS: [&str; 24] = [
    "/new",
    "/reset",
    "/stop",
    "all",
    "/status",
    "/help",
    "／ｎｅｗ",
    "／",
    "/",
    "@bot",
    "＠",
    "@",
    " ",
    "\u{3000}",
    "\n",
    "\u{200B}",
    "\u{FEFF}",
    "\u{2060}",
    "N",
    "ＡＬＬ",
    "stop",
    "news",
    "\u{A0}",
    "\u{130}",
];

/// The target.
pub fn chat_command(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let text = if bytes.flag() {
        bytes.rest_text()
    } else {
        bytes.rest().iter().map(|byte| BITS[usize::from(*byte) % BITS.len()]).collect()
    };
    let folded: String = text.chars().map(fold).collect();
    let mut words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    if words.first().is_some_and(|word| word.starts_with('@')) {
        words.remove(0);
    }
    let message = words.join(" ");
    let expected = KNOWN.iter().find(|(known, _)| *known == message).map(|(_, command)| command.clone());
    let command = parse(&text);
    let is_known_word = KNOWN.iter().any(|(known, _)| words.first() == known.split(' ').next().as_ref());
    if is_known_word || command.is_none() {
        assert_eq!(command, expected, "{text:?}");
    } else {
        let names = COMMANDS.iter().flat_map(|spec| spec.names);
        assert!(names.into_iter().any(|name| words.first() == Some(name)), "{text:?} became {command:?}");
    }
}

/// Half-width, lower case, and a blank for everything that shows nothing.
fn fold(character: char) -> char {
    let code = u32::from(character);
    let narrow = if (0xFF01..=0xFF5E).contains(&code) { code - 0xFF01 + 0x21 } else { code };
    match char::from_u32(narrow).unwrap_or(character) {
        '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2060}' | '\u{FEFF}' => ' ',
        blank if blank.is_whitespace() => ' ',
        upper if upper.is_ascii_uppercase() => upper.to_ascii_lowercase(),
        other => other,
    }
}
