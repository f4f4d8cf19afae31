//! Texts adapted in every way there is, for the fuzzers.

use std::ops::Range;

use super::{Dialect, Extent, Style, adapt, for_card, image_addresses};

/// A way to adapt a whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// For a card.
    Card,
    /// For a card, and nothing may be added.
    LeanCard,
    /// For a plain message.
    Message,
    /// For a plain message of many lines.
    CloseMessage,
    /// For a plain message, and nothing may be added.
    LeanMessage,
}

impl Way {
    /// Every way there is.
    pub const ALL: [Self; 5] =
        [Self::Card, Self::LeanCard, Self::Message, Self::CloseMessage, Self::LeanMessage];

    /// Whether nothing may be added.
    #[must_use]
    pub const fn is_lean(self) -> bool {
        match self {
            Self::LeanCard | Self::LeanMessage => true,
            Self::Card | Self::Message | Self::CloseMessage => false,
        }
    }
}

/// A whole text, adapted.
#[must_use]
pub fn adapted(text: &str, way: Way) -> String {
    let dialect = match way {
        Way::Card | Way::LeanCard => Dialect::Card,
        Way::Message => Dialect::Message,
        Way::CloseMessage | Way::LeanMessage => Dialect::CloseMessage,
    };
    adapt(text, Style { dialect, lean: way.is_lean() }, Extent::Whole)
}

/// A text that is being written, as a card shows it.
#[must_use]
pub fn so_far(text: &str) -> String {
    for_card(text, Extent::SoFar)
}

/// Where the addresses of the images stand, in bytes.
#[must_use]
pub fn addresses(text: &str) -> Vec<Range<usize>> {
    image_addresses(text)
}
