//! Rules about the shape of every source: its length, its functions' length, its header, nothing unfinished.

use super::tokens::{functions, positions, text_at};
use super::workspace::{Source, Violation};

/// Lines of a file, all of them counted.
pub(crate) const FILE_LINES_MAX: usize = 400;

/// Lines between a function's braces that hold more than blanks and comments; clippy's `too_many_lines`
/// counts the same way with the same bound.
pub(crate) const FUNCTION_LINES_MAX: usize = 70;

/// A file that is too long.
pub(crate) fn long_file(source: &Source) -> Vec<Violation> {
    let lines = source.text.lines().count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    let what = format!("{lines} lines; split it by concept");
    vec![Violation::new(&source.path, FILE_LINES_MAX.saturating_add(1), what)]
}

/// Functions that are too long.
pub(crate) fn long_functions(source: &Source) -> Vec<Violation> {
    let is_filled = |view: &str| view.lines().map(|line| !line.trim().is_empty()).collect::<Vec<_>>();
    let code = is_filled(&source.views.code);
    let literals = is_filled(&source.views.literals);
    let filled: Vec<bool> = code.iter().zip(&literals).map(|(code, literal)| *code || *literal).collect();
    let line_of = |at: usize| source.tokens.get(at).map_or(0, |token| token.line);
    let mut found = Vec::new();
    for function in functions(&source.tokens) {
        // Line numbers count from 1: the opening brace's number is the index of the line after it.
        let first = line_of(function.body.start);
        let last = line_of(function.body.end.saturating_sub(1)).saturating_sub(1);
        let inside = filled.get(first..last).unwrap_or_default();
        let lines = inside.iter().filter(|is_filled| **is_filled).count();
        if lines > FUNCTION_LINES_MAX {
            let what = format!("`{}` has {lines} lines", function.name);
            found.push(Violation::new(&source.path, function.line, what));
        }
    }
    found
}

/// A file that does not begin with a sentence on what it is.
pub(crate) fn missing_header(source: &Source) -> Vec<Violation> {
    let first = source.text.lines().next().unwrap_or_default();
    match first.strip_prefix("//!") {
        Some(sentence) if !sentence.trim().is_empty() => Vec::new(),
        Some(_) | None => vec![Violation::new(&source.path, 1, "no module documentation in the first line")],
    }
}

/// Work that was left for later.
pub(crate) fn unfinished(source: &Source) -> Vec<Violation> {
    const MACROS: [&str; 2] = ["todo", "unimplemented"];
    const MARKS: [&str; 3] = ["TODO", "FIXME", "XXX"];
    let mut found = Vec::new();
    for name in MACROS {
        for at in positions(&source.tokens, &[name, "!"]) {
            let line = source.tokens.get(at).map_or(1, |token| token.line);
            found.push(Violation::new(&source.path, line, format!("`{name}!`")));
        }
    }
    for (index, line) in source.views.comments.lines().enumerate() {
        let mut words = line.split(|character: char| !character.is_alphanumeric());
        if let Some(mark) = words.find(|word| MARKS.contains(word)) {
            found.push(Violation::new(
                &source.path,
                index.saturating_add(1),
                format!("a comment says {mark}"),
            ));
        }
    }
    found
}

/// Tests and examples that are not run.
pub(crate) fn ignored_tests(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for at in positions(&source.tokens, &["ignore"]) {
        let before = text_at(&source.tokens, at.saturating_sub(1));
        let after = text_at(&source.tokens, at.saturating_add(1));
        // `#[ignore]`, `#[ignore = ".."]`, `#[cfg_attr(.., ignore)]`; a variable may have that name.
        let is_attribute = before == "[" && (after == "]" || after == "=");
        let is_conditional = before == "," && is_inside_cfg_attr(source, at);
        if is_attribute || is_conditional {
            let line = source.tokens.get(at).map_or(1, |token| token.line);
            found.push(Violation::new(&source.path, line, "an ignored test"));
        }
    }
    for (index, line) in source.views.comments.lines().enumerate() {
        if line.contains("```") && line.contains("ignore") {
            let what = "an ignored example; `text` marks what is no Rust";
            found.push(Violation::new(&source.path, index.saturating_add(1), what));
        }
    }
    found
}

fn is_inside_cfg_attr(source: &Source, at: usize) -> bool {
    let before = source.tokens.get(..at).unwrap_or_default();
    let attribute = before.iter().rposition(|token| token.text == "#");
    attribute.is_some_and(|hash| {
        let inside = source.tokens.get(hash..at).unwrap_or_default();
        inside.iter().any(|token| token.text == "cfg_attr") && !inside.iter().any(|token| token.text == "]")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("a.rs", text)
    }

    #[test]
    fn one_line_over_the_bound_is_too_long_a_file() {
        assert!(long_file(&source(&"//\n".repeat(FILE_LINES_MAX))).is_empty());
        assert_eq!(long_file(&source(&"//\n".repeat(FILE_LINES_MAX + 1))).len(), 1);
    }

    #[test]
    fn only_lines_with_code_or_text_count_in_a_function() {
        let body = |line: &str, times: usize| format!("fn f() {{\n{}}}\n", line.repeat(times));
        assert!(long_functions(&source(&body("a();\n", FUNCTION_LINES_MAX))).is_empty());
        assert!(long_functions(&source(&body("// why\n\n", 200))).is_empty());
        let found = long_functions(&source(&format!("\n{}", body("a();\n", FUNCTION_LINES_MAX + 1))));
        assert_eq!(found, [Violation::new("a.rs", 2, "`f` has 71 lines")]);
        let text = format!("fn f() {{\nlet a = \"\n{}\";\n}}", "text }\n".repeat(FUNCTION_LINES_MAX));
        assert_eq!(long_functions(&source(&text)).len(), 1);
    }

    #[test]
    fn a_brace_in_a_text_does_not_end_a_function() {
        let text = format!(
            "fn f() {{\nlet a = '}}'; let b = \"}}\"; // }}\n{}}}",
            "a();\n".repeat(FUNCTION_LINES_MAX)
        );
        assert_eq!(long_functions(&source(&text)).len(), 1);
    }

    #[test]
    fn a_header_is_the_first_line_and_says_something() {
        assert!(missing_header(&source("//! What it is.\n")).is_empty());
        for text in ["", "//!\n", "\n//! Late.\n", "use a;\n", "/// Not the module's.\n", "#![a]\n//! Late."]
        {
            assert_eq!(missing_header(&source(text)).len(), 1, "{text:?}");
        }
    }

    #[test]
    fn unfinished_work_is_found_in_code_and_comments_and_not_in_texts() {
        for text in
            ["fn f() { todo!() }", "unimplemented!(\"x\")", "// FIXME: later", "/* TODO */", "/// XXX"]
        {
            assert_eq!(unfinished(&source(text)).len(), 1, "{text:?}");
        }
        for text in ["let a = \"TODO\";", "// methods to document", "let todo = 1;"] {
            assert!(unfinished(&source(text)).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn ignored_tests_and_examples_are_found() {
        for text in [
            "#[ignore]",
            "#[ignore = \"slow\"]",
            "#[cfg_attr(unix, ignore)]",
            "/// ```ignore",
            "//! ```rust,ignore",
        ] {
            assert_eq!(ignored_tests(&source(text)).len(), 1, "{text:?}");
        }
        for text in ["f(a, ignore)", "// \"#[ignore]\"", "let x = [ignore, b];", "/// ignore this"] {
            assert!(ignored_tests(&source(text)).is_empty(), "{text:?}");
        }
    }
}
