//! What must not be cut inside a line: code between backticks, links, images (`CommonMark` 0.31, sections 6.1, 6.3, 6.4).

use alloc::vec::Vec;
use core::ops::Range;

/// Longest run of backticks that is taken for the mark of code.
const CODE_MARKS_MAX: usize = 31;
/// Brackets within brackets that are followed.
const BRACKETS_MAX: usize = 32;
/// Longest destination with its title, in bytes.
const TARGET_BYTES_MAX: usize = 2_048;

/// The spans of a line, in order and apart from each other, in bytes. Takes time in proportion to the line.
pub(super) fn spans(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if !line.contains(['`', '[']) {
        return found;
    }
    let bytes = line.as_bytes();
    let mut brackets = Vec::new();
    // A bit for each length of which no run is left: looking for it once more would take for ever.
    let mut exhausted = 0_u32;
    let mut at = 0_usize;
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b'\\' => at.saturating_add(2),
            b'`' => {
                let behind = at.saturating_add(run(bytes, at));
                code_end(bytes, at, behind, &mut exhausted)
                    .inspect(|end| found.push(at..*end))
                    .unwrap_or(behind)
            }
            b'[' => {
                if brackets.len() < BRACKETS_MAX {
                    brackets.push(at);
                }
                at.saturating_add(1)
            }
            b']' => {
                let behind = at.saturating_add(1);
                let ended = brackets.pop().zip(target_end(bytes, behind));
                ended.map_or(behind, |(start, end)| {
                    let start =
                        if is(bytes, start.wrapping_sub(1), b'!') { start.saturating_sub(1) } else { start };
                    while found.pop_if(|span: &mut Range<usize>| span.start >= start).is_some() {}
                    found.push(start..end);
                    end
                })
            }
            _ => at.saturating_add(1),
        };
    }
    found
}

/// The code between backticks of a line, in order, in bytes; whatever links are around it.
pub(super) fn code_spans(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let bytes = line.as_bytes();
    let mut exhausted = 0_u32;
    let mut at = 0_usize;
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b'\\' => at.saturating_add(2),
            b'`' => {
                let behind = at.saturating_add(run(bytes, at));
                code_end(bytes, at, behind, &mut exhausted)
                    .inspect(|end| found.push(at..*end))
                    .unwrap_or(behind)
            }
            _ => at.saturating_add(1),
        };
    }
    found
}

fn is(bytes: &[u8], at: usize, byte: u8) -> bool {
    bytes.get(at) == Some(&byte)
}

/// The length of the run of backticks that begins here.
fn run(bytes: &[u8], at: usize) -> usize {
    bytes.iter().skip(at).take_while(|byte| **byte == b'`').count()
}

/// Where the code ends that a run of backticks from `at` to `behind` begins.
fn code_end(bytes: &[u8], at: usize, behind: usize, exhausted: &mut u32) -> Option<usize> {
    let length = behind.saturating_sub(at);
    if length > CODE_MARKS_MAX || *exhausted & (1 << length) != 0 {
        return None;
    }
    let mut from = behind;
    while let Some(start) = bytes.get(from..).and_then(|rest| rest.iter().position(|byte| *byte == b'`')) {
        let start = from.saturating_add(start);
        let end = start.saturating_add(run(bytes, start));
        if end.saturating_sub(start) == length {
            return Some(end);
        }
        from = end;
    }
    *exhausted |= 1 << length;
    None
}

/// Where the destination or the reference ends that stands right behind a closing bracket.
fn target_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'(' => destination_end(bytes, at.saturating_add(1)),
        b'[' => {
            let inside = bytes.iter().enumerate().skip(at.saturating_add(1)).take(TARGET_BYTES_MAX);
            let (end, byte) = inside.into_iter().find(|(_, byte)| matches!(byte, b']' | b'['))?;
            (*byte == b']').then_some(end.saturating_add(1))
        }
        _ => None,
    }
}

fn destination_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut depth = 1_usize;
    let mut at = from;
    while at.saturating_sub(from) < TARGET_BYTES_MAX {
        match bytes.get(at)? {
            b'\\' => at = at.saturating_add(1),
            b'(' => depth = depth.saturating_add(1),
            b')' => depth = depth.saturating_sub(1),
            b' ' | b'\t' => return title_end(bytes, at),
            _ => {}
        }
        at = at.saturating_add(1);
        if depth == 0 {
            return Some(at);
        }
        if depth > BRACKETS_MAX {
            return None;
        }
    }
    None
}

/// Behind a destination: white space, a title in quotes, and the closing parenthesis.
fn title_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = skip_white(bytes, from);
    if let quote @ (b'"' | b'\'') = *bytes.get(at)? {
        let title = bytes.iter().enumerate().skip(at.saturating_add(1)).take(TARGET_BYTES_MAX);
        let (end, _) = title.into_iter().find(|(_, byte)| **byte == quote)?;
        at = skip_white(bytes, end.saturating_add(1));
    }
    is(bytes, at, b')').then(|| at.saturating_add(1))
}

fn skip_white(bytes: &[u8], from: usize) -> usize {
    let white = bytes.iter().skip(from).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    from.saturating_add(white)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::spans;

    fn found(line: &str) -> Vec<&str> {
        spans(line).into_iter().filter_map(|span| line.get(span)).collect()
    }

    #[rstest]
    #[case("no `code. here` but ``a ` b`` and `open", &["`code. here`", "``a ` b``"])]
    #[case("see [the page](https://e/a_(b)) now", &["[the page](https://e/a_(b))"])]
    #[case("![alt. text](u \"a title\")!", &["![alt. text](u \"a title\")"])]
    #[case("[![in](a)](b) [ref][1] [x] (y)", &["[![in](a)](b)", "[ref][1]"])]
    #[case("[`a]`](u)", &["[`a]`](u)"])]
    #[case("\\[not](a) [open](a b", &[])]
    #[case("[中文 链接](https://例子/路径)。", &["[中文 链接](https://例子/路径)"])]
    fn spans_are_found(#[case] line: &str, #[case] expected: &[&str]) {
        assert_eq!(found(line), expected);
    }

    proptest! {
        #[test]
        fn spans_are_in_order_and_between_characters(line in "[`\\[\\]()!\\\\ \"'a汉]{0,80}") {
            let mut end = 0;
            for span in spans(&line) {
                prop_assert!(span.start >= end && span.start < span.end);
                prop_assert!(line.get(span.clone()).is_some());
                end = span.end;
            }
        }
    }
}
