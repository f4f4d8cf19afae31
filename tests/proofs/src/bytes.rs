//! Any bytes as decisions: what is left over reads as noughts, so that every input means something.

/// Bytes being used up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number below `bound`, which is at most 256.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// One of these.
    pub(crate) fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// A number of two bytes.
    pub(crate) fn number(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// At most `len_max` of the next bytes; their number comes first.
    pub(crate) fn some(&mut self, len_max: usize) -> &'a [u8] {
        let len = self.below(len_max.saturating_add(1)).min(self.0.len());
        let (some, rest) = self.0.split_at(len);
        self.0 = rest;
        some
    }

    /// A text of at most `len_max` bytes of input.
    pub(crate) fn text(&mut self, len_max: usize) -> String {
        String::from_utf8_lossy(self.some(len_max)).into_owned()
    }

    /// Everything that is left.
    pub(crate) const fn rest(&mut self) -> &'a [u8] {
        let rest = self.0;
        self.0 = &[];
        rest
    }

    /// Everything that is left, as a text.
    pub(crate) fn rest_text(&mut self) -> String {
        String::from_utf8_lossy(self.rest()).into_owned()
    }
}

/// A stream cut into pieces of these lengths, again and again; an empty list leaves it whole.
pub(crate) fn pieces<'a>(stream: &'a [u8], lengths: &[u8]) -> Vec<&'a [u8]> {
    let mut rest = stream;
    let mut pieces = Vec::new();
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, tail) = rest.split_at(usize::from(*length).max(1).min(rest.len()));
        pieces.push(piece);
        rest = tail;
    }
    if lengths.is_empty() {
        pieces.push(stream);
    }
    pieces
}
