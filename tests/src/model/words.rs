//! The words of which questions and answers consist. A word names the message it belongs to, the run of the agent that said it,
//! and its place: `q17r2w0`; the last one of an answer ends with `z`: `q17r2w9z`. A question contains its own name, `q17`.

/// The name of a message by its key; a question's text has to contain it, once, as a word.
pub fn name(key: u64) -> String {
    format!("q{key}")
}

/// The words of a whole answer to the message of this key, said by the run of this number.
pub fn answer(key: u64, run: u64, count: usize) -> Vec<String> {
    let last = count.saturating_sub(1);
    let end = |place| if place == last { "z" } else { "" };
    (0..count).map(|place| format!("q{key}r{run}w{place}{}", end(place))).collect()
}

/// The key in a question, if there is one: the first name that is no word of an answer.
pub fn key_of(question: &str) -> Option<u64> {
    tokens(question).find_map(|token| number(token.strip_prefix('q')?))
}

/// One word of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word {
    /// The message answered.
    pub key: u64,
    /// The run that said it.
    pub run: u64,
    /// Its place in the answer.
    pub place: u64,
    /// Whether it is the last one.
    pub last: bool,
}

/// The words of answers in a text, in order.
pub fn words_in(text: &str) -> Vec<Word> {
    tokens(text).filter_map(word).collect()
}

/// The keys of all messages that a text mentions, as a question or in an answer.
pub fn keys_in(text: &str) -> Vec<u64> {
    let key = |token: &str| word(token).map(|word| word.key).or_else(|| number(token.strip_prefix('q')?));
    tokens(text).filter_map(key).collect()
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|token| !token.is_empty())
}

fn word(token: &str) -> Option<Word> {
    let (key, rest) = token.strip_prefix('q')?.split_once('r')?;
    let (run, place) = rest.split_once('w')?;
    let last = place.ends_with('z');
    let place = place.strip_suffix('z').unwrap_or(place);
    Some(Word { key: number(key)?, run: number(run)?, place: number(place)?, last })
}

fn number(digits: &str) -> Option<u64> {
    digits.parse().ok()
}
