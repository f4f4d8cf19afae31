//! Words and signs of a source's code, with their lines, and the few walks over them that rules need.

use std::ops::Range;

use super::lexer::is_word;

/// A word, or one sign (`::` and `->` count as one).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// From 1.
    pub(crate) line: usize,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Where the name stands.
    pub(crate) line: usize,
    /// The tokens from the opening to the closing brace.
    pub(crate) body: Range<usize>,
    /// The words of its attributes.
    pub(crate) attributes: Vec<String>,
}

/// Cuts a code view (no comments, no literals) into tokens.
pub(crate) fn tokens(code: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let number = index.saturating_add(1);
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|character| !is_word(character)).unwrap_or(rest.len())
            } else if rest.starts_with("::") || rest.starts_with("->") {
                2
            } else {
                first.len_utf8()
            };
            let (text, after) = rest.split_at(length);
            found.push(Token { text: text.to_owned(), line: number });
            rest = after.trim_start();
        }
    }
    found
}

/// The text at an index; empty past the end, so that comparisons need no case of their own.
pub(crate) fn text_at(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| token.text.as_str())
}

/// Where a sequence of tokens begins, every time.
pub(crate) fn positions(tokens: &[Token], pattern: &[&str]) -> Vec<usize> {
    let matches = |window: &[Token]| window.iter().zip(pattern).all(|(token, wanted)| token.text == *wanted);
    let windows = tokens.windows(pattern.len().max(1)).enumerate();
    windows.filter(|(_, window)| matches(window)).map(|(at, _)| at).collect()
}

/// The index after the bracket that closes the one at `open`, or the end.
pub(crate) fn after_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth = depth.saturating_add(1),
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at.saturating_add(1);
        }
    }
    tokens.len()
}

/// All functions that have a body, nested ones too.
pub(crate) fn functions(tokens: &[Token]) -> Vec<Function> {
    let mut found = Vec::new();
    let mut attributes = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = text_at(tokens, at.saturating_add(1));
        match token.text.as_str() {
            "#" if next == "[" => {
                let end = after_group(tokens, at.saturating_add(1));
                attributes.extend(words(tokens, at..end));
                at = end;
                continue;
            }
            "fn" if next.starts_with(is_word) => {
                let attributes = std::mem::take(&mut attributes);
                if let Some(body) = body_after(tokens, at) {
                    found.push(Function { name: next.to_owned(), line: token.line, body, attributes });
                }
            }
            "{" | "}" | ";" => attributes.clear(),
            _ => {}
        }
        at = at.saturating_add(1);
    }
    found
}

/// The first block outside brackets, unless a semicolon ends the signature first.
fn body_after(tokens: &[Token], start: usize) -> Option<Range<usize>> {
    let mut at = start;
    loop {
        match text_at(tokens, at) {
            "" | ";" => return None,
            "(" | "[" => at = after_group(tokens, at),
            "{" => return Some(at..after_group(tokens, at)),
            _ => at = at.saturating_add(1),
        }
    }
}

/// The same tokens without the items under `#[cfg(test)]`; empty where the whole file is under `#![cfg(test)]`.
pub(crate) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let inner = usize::from(text_at(tokens, at.saturating_add(1)) == "!");
        let open = at.saturating_add(1).saturating_add(inner);
        if token.text == "#" && text_at(tokens, open) == "[" {
            let end = after_group(tokens, open);
            if is_test_condition(&words(tokens, open..end)) {
                if inner == 1 {
                    return Vec::new();
                }
                at = after_item(tokens, end);
                continue;
            }
        }
        kept.push(token.clone());
        at = at.saturating_add(1);
    }
    kept
}

/// The names of modules declared `#[cfg(test)] mod name;`.
pub(crate) fn test_modules(tokens: &[Token]) -> Vec<String> {
    let is_under_test = |at: usize| {
        let before = tokens.get(..at).unwrap_or_default();
        let attribute = before.iter().rposition(|token| token.text == "#").unwrap_or(at);
        let end = after_group(tokens, attribute.saturating_add(1));
        let between = words(tokens, end..at);
        is_test_condition(&words(tokens, attribute..end))
            && between.iter().all(|word| ["pub", "crate", "super"].contains(&word.as_str()))
    };
    let declared = positions(tokens, &["mod"])
        .into_iter()
        .filter(|at| text_at(tokens, at.saturating_add(2)) == ";" && is_under_test(*at));
    declared.map(|at| text_at(tokens, at.saturating_add(1)).to_owned()).collect()
}

fn words(tokens: &[Token], range: Range<usize>) -> Vec<String> {
    let inside = tokens.get(range).unwrap_or_default().iter();
    inside.filter(|token| token.text.starts_with(is_word)).map(|token| token.text.clone()).collect()
}

/// `cfg(test)`, `cfg(all(test, unix))`; not `cfg(not(test))`, and not `cfg_attr`, which only adds an attribute.
fn is_test_condition(words: &[String]) -> bool {
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    words.first().is_some_and(|word| word == "cfg") && has("test") && !has("not") && !has("any")
}

/// The index after the item, field or arm at `start`, its own further attributes included.
fn after_item(tokens: &[Token], start: usize) -> usize {
    const ITEMS: [&str; 15] = [
        "pub",
        "fn",
        "mod",
        "use",
        "impl",
        "struct",
        "enum",
        "const",
        "static",
        "type",
        "trait",
        "async",
        "unsafe",
        "extern",
        "macro_rules",
    ];
    let mut at = start;
    while text_at(tokens, at) == "#" {
        at = after_group(tokens, at.saturating_add(1));
    }
    let is_item = ITEMS.contains(&text_at(tokens, at));
    loop {
        match text_at(tokens, at) {
            "" | ")" | "]" | "}" => return at,
            ";" => return at.saturating_add(1),
            "," if !is_item => return at.saturating_add(1),
            "{" if is_item => return after_group(tokens, at),
            "(" | "[" | "{" => at = after_group(tokens, at),
            _ => at = at.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(tokens: &[Token]) -> String {
        tokens.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tokens_carry_their_lines() {
        let found = tokens("use a::b;\n  fn c() -> d {}");
        assert_eq!(joined(&found), "use a :: b ; fn c ( ) -> d { }");
        assert_eq!(found.last().map(|token| token.line), Some(2));
    }

    #[test]
    fn functions_are_found_with_their_attributes_and_whole_bodies() {
        let found = tokens(
            "trait T { fn declared(&self); }\n#[tokio::test(start_paused = true)]\nasync fn outer(x: [u8; 4]) \
             where X: Fn(fn(u8)) { if a { b } fn inner() {} }",
        );
        let functions = functions(&found);
        let names: Vec<_> = functions.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(names, ["outer", "inner"]);
        assert_eq!(functions[0].attributes, ["tokio", "test", "start_paused", "true"]);
        assert_eq!(functions[0].body.end, found.len());
        assert!(functions[1].attributes.is_empty());
    }

    #[test]
    fn items_under_cfg_test_are_left_out_and_others_are_not() {
        for (source, rest) in [
            ("a; #[cfg(test)] mod tests { b; } c;", "a ; c ;"),
            ("#[cfg(test)] #[rustfmt::skip] fn f<A, B>(x: [u8; 2]) { b } c", "c"),
            ("#[cfg(test)] mod tests; c", "c"),
            ("S { #[cfg(test)] field: T, other: U }", "S { other : U }"),
            ("#![cfg(test)] use std::a;", ""),
        ] {
            assert_eq!(joined(&without_tests(&tokens(source))), rest);
        }
        for kept in
            ["#[cfg(not(test))] a;", "#[cfg(any(test, unix))] a;", "#![cfg_attr(not(test), no_std)] a;"]
        {
            assert_eq!(without_tests(&tokens(kept)), tokens(kept));
        }
    }

    #[test]
    fn only_modules_in_files_of_their_own_under_cfg_test_are_test_modules() {
        let found =
            tokens("mod a; #[cfg(test)] mod b; #[cfg(test)] pub(crate) mod c; #[cfg(test)] mod d {} mod e;");
        assert_eq!(test_modules(&found), ["b", "c"]);
    }
}
