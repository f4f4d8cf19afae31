//! Code fences, and the indent of lines.

/// Fewest marks of a fence.
const MARKS_MIN: usize = 3;
/// Spaces of a tab.
const TAB_SPACES: usize = 4;

/// An open code fence.
#[derive(Clone, Copy)]
pub(super) struct Fence {
    indent: usize,
    mark: char,
    marks: usize,
}

impl Fence {
    pub(super) fn opened_by(line: &str) -> Option<Self> {
        let text = line.trim_start();
        let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let behind = text.trim_start_matches(mark);
        let marks = text.len().saturating_sub(behind.len());
        let plausible = marks >= MARKS_MIN && !(mark == '`' && behind.contains('`'));
        plausible.then_some(Self { indent: indent(line), mark, marks })
    }

    pub(super) fn is_closed_by(self, line: &str) -> bool {
        let text = line.trim();
        text.len() >= self.marks && text.chars().all(|c| c == self.mark)
    }

    pub(super) fn closing(self) -> String {
        std::iter::repeat_n(self.mark, self.marks).collect()
    }

    /// The fence as it stands behind something that indents it so far.
    pub(super) const fn indented(self, spaces: usize) -> Self {
        Self { indent: self.indent.saturating_add(spaces), ..self }
    }

    /// A line of its code, moved to the left with the fence.
    pub(super) fn dedented(self, line: &str) -> &str {
        dedented(line, self.indent)
    }
}

/// A fence around this code, whatever is in it.
pub(super) fn around(code: &[&str]) -> String {
    let longest = code.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    "`".repeat(longest.saturating_add(1).max(MARKS_MIN))
}

/// Leading white space in spaces.
pub(super) fn indent(line: &str) -> usize {
    let white = line.chars().take_while(|c| matches!(c, ' ' | '\t'));
    white.map(|c| if c == '\t' { TAB_SPACES } else { 1 }).sum()
}

/// The line without up to `spaces` of its leading white space.
pub(super) fn dedented(line: &str, spaces: usize) -> &str {
    let mut rest = line;
    let mut left = spaces;
    while left > 0 {
        match rest
            .strip_prefix(' ')
            .map(|it| (it, 1))
            .or_else(|| rest.strip_prefix('\t').map(|it| (it, TAB_SPACES)))
        {
            Some((shorter, width)) => {
                rest = shorter;
                left = left.saturating_sub(width);
            }
            None => break,
        }
    }
    rest
}
