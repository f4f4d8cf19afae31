//! Cutting texts between characters, and into events.

use switchboard_ports::agent::AgentEvent;

/// Most bytes of one event's text (ports, `Agent::run`).
pub(super) const EVENT_TEXT_BYTES_MAX: usize = 64 * 1024;

/// Words of the answer.
pub(super) fn delta(text: &str) -> Vec<AgentEvent> {
    pieces(text, EVENT_TEXT_BYTES_MAX).into_iter().map(AgentEvent::Delta).collect()
}

/// Thinking aloud.
pub(super) fn reasoning(text: &str) -> Vec<AgentEvent> {
    pieces(text, EVENT_TEXT_BYTES_MAX).into_iter().map(AgentEvent::Reasoning).collect()
}

/// The text in pieces of at most `bytes_max` bytes (not less than 4), cut between characters; none for an empty text.
pub(super) fn pieces(text: &str, bytes_max: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(boundary(rest, bytes_max.max(4)));
        pieces.push(piece.to_owned());
        rest = tail;
    }
    pieces
}

/// The text, cut to at most `bytes_max` bytes between characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    text.split_at(boundary(text, bytes_max)).0
}

/// The greatest position within `bytes_max` at which the text may be cut.
fn boundary(text: &str, bytes_max: usize) -> usize {
    let mut at = text.len().min(bytes_max);
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::{cut, pieces};

    #[test]
    fn a_character_is_never_cut() {
        assert_eq!(pieces("你好吗", 4), ["你", "好", "吗"]);
        assert_eq!(pieces("ab👋", 5), ["ab", "👋"]);
        assert_eq!(cut("你好", 5), "你");
        assert!(pieces("", 4).is_empty());
    }

    proptest! {
        #[test]
        fn pieces_are_bounded_and_make_the_whole(text: String, bytes_max in 4_usize..20) {
            let pieces = pieces(&text, bytes_max);
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty() && piece.len() <= bytes_max));
            prop_assert_eq!(pieces.concat(), text);
        }
    }
}
