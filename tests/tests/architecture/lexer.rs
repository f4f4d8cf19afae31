//! Splits Rust source into what is code, what is comment and what is literal, line for line.
//!
//! A rule that searches plain text finds `#[ignore]` in a string and `std::` in a comment. So every source is
//! read once into three views of equal shape: in each, the characters of the other two kinds are blanks.

/// One source in three views. All have the same lines as the original.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Views {
    /// Everything that is neither comment nor literal; lifetimes are code.
    pub(crate) code: String,
    /// `//`, `///`, `//!` and nested `/* */`, delimiters included.
    pub(crate) comments: String,
    /// Strings of every kind and character literals, delimiters included.
    pub(crate) literals: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// Reads a whole source. Unfinished literals and comments simply end with the text.
pub(crate) fn views(source: &str) -> Views {
    let mut reader = Reader { characters: source.chars().collect(), at: 0, views: Views::default() };
    while reader.step() {}
    reader.views
}

struct Reader {
    characters: Vec<char>,
    at: usize,
    views: Views,
}

impl Reader {
    /// Takes one comment, literal or character of code; false at the end.
    fn step(&mut self) -> bool {
        let Some(current) = self.peek(0) else { return false };
        let next = self.peek(1);
        match (current, next) {
            ('/', Some('/')) => self.take_while(Kind::Comment, |character| character != '\n'),
            ('/', Some('*')) => self.take_block_comment(),
            ('"', _) => self.take_string(),
            ('\'', _) => self.take_character_or_lifetime(),
            ('r' | 'b' | 'c', _) if !self.is_inside_word() => self.take_prefixed_or_word(),
            _ => self.take(Kind::Code),
        }
        true
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at.checked_add(ahead)?).copied()
    }

    fn is_inside_word(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|index| self.characters.get(index));
        before.is_some_and(|&character| is_word(character))
    }

    /// Moves one character into its view and a blank into the others.
    fn take(&mut self, kind: Kind) {
        let Some(character) = self.peek(0) else { return };
        self.at = self.at.saturating_add(1);
        let shown = |own: Kind| {
            if character == '\n' || own == kind { character } else { ' ' }
        };
        self.views.code.push(shown(Kind::Code));
        self.views.comments.push(shown(Kind::Comment));
        self.views.literals.push(shown(Kind::Literal));
    }

    fn take_many(&mut self, kind: Kind, count: usize) {
        for _ in 0..count {
            self.take(kind);
        }
    }

    fn take_while(&mut self, kind: Kind, wanted: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.take(kind);
        }
    }

    fn take_block_comment(&mut self) {
        let mut depth = 0_usize;
        while let Some(current) = self.peek(0) {
            match (current, self.peek(1)) {
                ('/', Some('*')) => depth = depth.saturating_add(1),
                ('*', Some('/')) => depth = depth.saturating_sub(1),
                _ => {
                    self.take(Kind::Comment);
                    continue;
                }
            }
            self.take_many(Kind::Comment, 2);
            if depth == 0 {
                return;
            }
        }
    }

    /// A string with escapes, at its opening quote.
    fn take_string(&mut self) {
        self.take(Kind::Literal);
        while let Some(current) = self.peek(0) {
            self.take(Kind::Literal);
            match current {
                '\\' => self.take(Kind::Literal),
                '"' => return,
                _ => {}
            }
        }
    }

    /// `'x'` and `'\n'` are literals, `'a` before anything else is a lifetime.
    fn take_character_or_lifetime(&mut self) {
        let is_escape = self.peek(1) == Some('\\');
        let is_character = is_escape || self.peek(2) == Some('\'');
        if !is_character {
            self.take(Kind::Code);
            return;
        }
        self.take_many(Kind::Literal, if is_escape { 3 } else { 2 });
        self.take_while(Kind::Literal, |character| character != '\'' && character != '\n');
        self.take(Kind::Literal);
    }

    /// `r"`, `r#"`, `b"`, `br"`, `b'`, `c"`, `cr#"` begin literals; `r#name` and plain words are code.
    fn take_prefixed_or_word(&mut self) {
        let letters = usize::from(matches!(self.peek(0), Some('b' | 'c')));
        let is_raw = self.peek(letters) == Some('r');
        let prefix = letters.saturating_add(usize::from(is_raw));
        let mut hashes = 0_usize;
        while is_raw && self.peek(prefix.saturating_add(hashes)) == Some('#') {
            hashes = hashes.saturating_add(1);
        }
        match self.peek(prefix.saturating_add(hashes)) {
            Some('"') if is_raw => {
                self.take_many(Kind::Literal, prefix.saturating_add(hashes).saturating_add(1));
                self.take_raw_rest(hashes);
            }
            Some('"') => {
                self.take_many(Kind::Literal, prefix);
                self.take_string();
            }
            Some('\'') if !is_raw && self.peek(0) == Some('b') => {
                self.take(Kind::Literal);
                self.take_character_or_lifetime();
            }
            _ => self.take_while(Kind::Code, is_word),
        }
    }

    /// The rest of a raw string, up to a quote with as many hashes as it began with.
    fn take_raw_rest(&mut self, hashes: usize) {
        while let Some(current) = self.peek(0) {
            let ends = current == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            self.take(Kind::Literal);
            if ends {
                self.take_many(Kind::Literal, hashes);
                return;
            }
        }
    }
}

/// Whether a character can stand inside a name.
pub(crate) fn is_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(source: &str) -> String {
        views(source).code
    }

    #[test]
    fn all_views_keep_the_lines() {
        let source = "let a = \"x\ny\"; /* b\nc */ let d = 'e';\n";
        let views = views(source);
        for view in [&views.code, &views.comments, &views.literals] {
            assert_eq!(view.lines().count(), source.lines().count());
            assert_eq!(view.chars().count(), source.chars().count());
        }
    }

    #[test]
    fn comments_nest_and_do_not_begin_inside_strings() {
        assert_eq!(code_of("a /* b /* c */ d */ e"), "a                   e");
        let views = views("let url = \"http://x\"; // y");
        assert_eq!(views.comments.trim(), "// y");
        assert_eq!(views.literals.trim(), "\"http://x\"");
    }

    #[test]
    fn strings_of_every_kind_end_where_they_end() {
        for literal in [
            r#""a\"b""#,
            r#"r"a\""#,
            r##"r#"a"b"#"##,
            r#"b"a""#,
            r###"br##"a"#b"##"###,
            r#"c"a""#,
            r##"cr#"a"#"##,
        ] {
            let views = views(&format!("x({literal}) + y"));
            assert_eq!(views.literals.trim(), literal);
            assert_eq!(views.code.split_whitespace().collect::<String>(), "x()+y", "{literal}");
        }
    }

    #[test]
    fn characters_are_literals_and_lifetimes_are_code() {
        for literal in ["'a'", r"'\''", r"'\\'", r"'\u{1F600}'", "'\"'", "b'x'", r"b'\n'", "'语'"] {
            let views = views(&format!("f({literal}, z)"));
            assert_eq!(views.literals.trim(), literal);
        }
        assert_eq!(code_of("fn f<'a, 'b>(x: &'a str)"), "fn f<'a, 'b>(x: &'a str)");
    }

    #[test]
    fn words_that_begin_like_a_prefix_are_code() {
        for word in ["r#type", "bar", "crate::b", "rb", "attr"] {
            assert_eq!(code_of(word), word);
        }
        assert_eq!(code_of("for\"x\"").trim(), "for");
    }
}
