//! What a reader sees as one character, as far as that can be told without tables of the whole of Unicode.
//!
//! Covers combining marks, variation selectors, joiners, skin tones, tags, flags and Hangul syllables
//! (UAX 29, rules GB3 to GB13, abridged). Marks of rarer scripts are not told apart from letters.

/// Longest cluster that is kept together, in characters; longer ones are somebody's joke.
const CLUSTER_CHARS_MAX: usize = 32;

/// The last place at or before `at` that is not inside a cluster, but never 0.
pub(super) fn boundary_before(text: &str, at: usize) -> usize {
    let Some(before) = text.get(..at) else { return at };
    before
        .char_indices()
        .rev()
        .map(|(start, character)| start.saturating_add(character.len_utf8()))
        .take(CLUSTER_CHARS_MAX)
        .find(|place| is_boundary(text, *place))
        .unwrap_or(at)
}

/// Whether a cut here leaves every cluster whole.
pub(super) fn is_boundary(text: &str, at: usize) -> bool {
    let Some((before, behind)) = text.split_at_checked(at) else {
        return false;
    };
    let (Some(left), Some(right)) = (before.chars().next_back(), behind.chars().next()) else {
        return true;
    };
    let joined = left == '\u{200D}'
        || extends(right)
        || (left == '\r' && right == '\n')
        || hangul(left).zip(hangul(right)).is_some_and(|(left, right)| left.goes_on_with(right))
        || (is_flag_half(right) && has_odd_flag_halves(before));
    !joined
}

fn extends(character: char) -> bool {
    is_mark(character)
        || matches!(
            character,
            '\u{200C}' | '\u{200D}'             // joiners
            | '\u{FE00}'..='\u{FE0F}'           // variation selectors
            | '\u{E0100}'..='\u{E01EF}'         // variation selectors of ideographs
            | '\u{1F3FB}'..='\u{1F3FF}'         // skin tones
            | '\u{E0020}'..='\u{E007F}'         // tags of regional flags
        )
}

fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05BD}' | '\u{0610}'..='\u{061A}'
        | '\u{064B}'..='\u{065F}' | '\u{06D6}'..='\u{06DC}' | '\u{0900}'..='\u{0903}' | '\u{093A}'..='\u{093C}'
        | '\u{093E}'..='\u{094F}' | '\u{0E31}' | '\u{0E34}'..='\u{0E3A}' | '\u{0E47}'..='\u{0E4E}'
        | '\u{0EB1}' | '\u{0EB4}'..='\u{0EBC}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}' | '\u{302A}'..='\u{302F}' | '\u{3099}' | '\u{309A}' | '\u{FE20}'..='\u{FE2F}'
    )
}

/// A part of a Hangul syllable, or a whole one (UAX 29, `Hangul_Syllable_Type`).
#[derive(Clone, Copy)]
enum Hangul {
    Lead,
    Vowel,
    Tail,
    /// A syllable that may take a vowel or a tail.
    Open,
    /// A syllable with a tail.
    Closed,
}

impl Hangul {
    /// Rules GB6 to GB8.
    const fn goes_on_with(self, next: Self) -> bool {
        match self {
            Self::Lead => match next {
                Self::Lead | Self::Vowel | Self::Open | Self::Closed => true,
                Self::Tail => false,
            },
            Self::Vowel | Self::Open => match next {
                Self::Vowel | Self::Tail => true,
                Self::Lead | Self::Open | Self::Closed => false,
            },
            Self::Tail | Self::Closed => match next {
                Self::Tail => true,
                Self::Lead | Self::Vowel | Self::Open | Self::Closed => false,
            },
        }
    }
}

fn hangul(character: char) -> Option<Hangul> {
    /// Syllables of one lead and one vowel: one without a tail, then one with each of the 27 tails.
    const TAILS: u32 = 28;
    match character {
        '\u{1100}'..='\u{115F}' | '\u{A960}'..='\u{A97C}' => Some(Hangul::Lead),
        '\u{1160}'..='\u{11A7}' | '\u{D7B0}'..='\u{D7C6}' => Some(Hangul::Vowel),
        '\u{11A8}'..='\u{11FF}' | '\u{D7CB}'..='\u{D7FB}' => Some(Hangul::Tail),
        '\u{AC00}'..='\u{D7A3}' => {
            let place = u32::from(character).saturating_sub(0xAC00);
            Some(if place.is_multiple_of(TAILS) { Hangul::Open } else { Hangul::Closed })
        }
        _ => None,
    }
}

fn is_flag_half(character: char) -> bool {
    matches!(character, '\u{1F1E6}'..='\u{1F1FF}')
}

fn has_odd_flag_halves(before: &str) -> bool {
    before.chars().rev().take_while(|c| is_flag_half(*c)).count() % 2 == 1
}
