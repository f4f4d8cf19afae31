//! How much text one message can hold.

/// How much text one message can hold, in characters (Unicode scalar values) and in bytes of UTF-8.
///
/// Never less than [`Limits::CHARS_MIN`] and [`Limits::BYTES_MIN`]: below that there is no room for a fence's two lines
/// beside the text. Smaller wishes are raised to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    chars_max: usize,
    bytes_max: usize,
}

impl Limits {
    /// Fewest characters a message can be limited to.
    pub const CHARS_MIN: usize = 64;
    /// Fewest bytes a message can be limited to.
    pub const BYTES_MIN: usize = 4 * Self::CHARS_MIN;

    /// Limits in characters and in bytes.
    #[must_use]
    pub const fn new(chars_max: usize, bytes_max: usize) -> Self {
        Self {
            chars_max: at_least(chars_max, Self::CHARS_MIN),
            bytes_max: at_least(bytes_max, Self::BYTES_MIN),
        }
    }

    /// A limit in characters alone.
    #[must_use]
    pub const fn chars(chars_max: usize) -> Self {
        Self::new(chars_max, usize::MAX)
    }

    /// These limits with room kept for `suffix`, which is to follow the text.
    #[must_use]
    pub fn with_room_for(self, suffix: &str) -> Self {
        let less = self.less(suffix.chars().count(), suffix.len());
        Self::new(less.chars_max, less.bytes_max)
    }

    /// Whether the text fits.
    #[must_use]
    pub fn fits(self, text: &str) -> bool {
        self.window(text) == text.len()
    }

    /// Smaller limits for what stands beside an opening or closing line; these may go below the minimum.
    pub(super) const fn less(self, chars: usize, bytes: usize) -> Self {
        Self {
            chars_max: self.chars_max.saturating_sub(chars),
            bytes_max: self.bytes_max.saturating_sub(bytes),
        }
    }

    /// Where the longest beginning of the text ends that fits, in bytes; always between two characters.
    pub(super) fn window(self, text: &str) -> usize {
        if text.len() <= self.chars_max && text.len() <= self.bytes_max {
            return text.len();
        }
        let by_chars = text.char_indices().nth(self.chars_max).map_or(text.len(), |(at, _)| at);
        let mut at = by_chars.min(self.bytes_max);
        while !text.is_char_boundary(at) {
            at = at.saturating_sub(1);
        }
        at
    }

    /// Half of the characters.
    pub(super) const fn half_chars(self) -> usize {
        self.chars_max / 2
    }

    /// Half of the bytes.
    pub(super) const fn half_bytes(self) -> usize {
        self.bytes_max / 2
    }
}

const fn at_least(value: usize, min: usize) -> usize {
    if value < min { min } else { value }
}
