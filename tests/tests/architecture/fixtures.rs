//! No fixture looks like a real secret, so that a real one is noticed.
//!
//! A fixture says what it is: a word such as `fixture`, `example` or `fake` in it is enough.

use super::workspace::{Exception, Violation, Workspace, is_excepted};

/// Files that this rule does not look at.
pub(crate) const LEFT_OUT: [Exception; 1] =
    [Exception { path: "switchboard.toml", reason: "a developer's own configuration, never committed" }];

/// Beginnings of credentials with a known form, and how many characters follow at least.
const FORMS: [(&str, usize); 12] = [
    ("AKIA", 16),
    ("AIza", 30),
    ("eyJ", 30),
    ("ghp_", 30),
    ("gho_", 30),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("sk-", 24),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("access_token=", 32),
    ("session=", 32),
];

/// Words that make a line speak of a secret.
const SUBJECTS: [&str; 6] = ["secret", "token", "password", "api_key", "apikey", "credential"];

/// A word this long, of mixed case and with digits, on such a line is taken for one.
const RANDOM_CHARACTERS_MIN: usize = 28;
const RANDOM_DIGITS_MIN: usize = 3;

/// Every secret-looking word in literals of sources and in texts. Comments are looked at as well.
pub(crate) fn secrets(workspace: &Workspace) -> Vec<Violation> {
    let sources = workspace.sources.iter().map(|source| (&source.path, &source.text));
    let texts = workspace.texts.iter().map(|text| (&text.path, &text.text));
    let looked_at = sources.chain(texts).filter(|(path, _)| !is_excepted(path, &LEFT_OUT));
    looked_at.flat_map(|(path, text)| secrets_in(path, text)).collect()
}

fn secrets_in(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index.saturating_add(1);
        let pem_label = line.split_once("-----BEGIN ").and_then(|(_, rest)| rest.split_once("-----"));
        if pem_label.is_some_and(|(label, _)| label.ends_with("PRIVATE KEY")) {
            found.push(Violation::new(path, number, "a private key; make one when the test runs"));
        }
        let lower = line.to_lowercase();
        let speaks_of_secrets = SUBJECTS.iter().any(|subject| lower.contains(subject));
        let has_form = words(line).any(has_known_form);
        let is_random = speaks_of_secrets && words(line).any(looks_random);
        if has_form || is_random {
            // The word itself is not repeated: it would end up in the log of whoever runs the tests.
            found.push(Violation::new(path, number, "looks like a real secret"));
        }
    }
    found
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| {
        !(character.is_ascii_alphanumeric() || ['_', '-', '+', '='].contains(&character))
    })
}

fn has_known_form(word: &str) -> bool {
    FORMS.iter().any(|(prefix, length)| {
        let rest = word.find(prefix).and_then(|at| word.get(at.saturating_add(prefix.len())..));
        rest.is_some_and(|rest| rest.len() >= *length && has_digit(rest) && !says_it_is_none(rest))
    })
}

fn has_digit(word: &str) -> bool {
    word.chars().any(|character| character.is_ascii_digit())
}

fn looks_random(word: &str) -> bool {
    let count = |wanted: fn(&char) -> bool| word.chars().filter(wanted).count();
    word.len() >= RANDOM_CHARACTERS_MIN
        && count(char::is_ascii_digit) >= RANDOM_DIGITS_MIN
        && count(char::is_ascii_uppercase) >= 3
        && count(char::is_ascii_lowercase) >= 3
        && !says_it_is_none(word)
}

fn says_it_is_none(word: &str) -> bool {
    const PLAIN: [&str; 12] = [
        "example",
        "fixture",
        "fake",
        "test",
        "dummy",
        "sample",
        "secret",
        "token",
        "0123456789",
        "abcdef",
        "xxxx",
        "1305",
    ];
    let lower = word.to_lowercase();
    PLAIN.iter().any(|plain| lower.contains(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Put together when the test runs, so that this file does not break its own rule.
    fn random(prefix: &str) -> String {
        format!("{prefix}{}{}", "q7Zp2LmX9vRt", "4KcW8nYb6HsJ3dGf5TuE")
    }

    #[test]
    fn credentials_of_known_form_are_found_anywhere() {
        for prefix in ["ghp_", "sk-", "xoxb-", "eyJ", "https://h/robot/send?access_token="] {
            let line = format!("let a = \"{}\";", random(prefix));
            assert_eq!(secrets_in("a.rs", &line).len(), 1, "{prefix}");
        }
        let key = format!("-----BEGIN RSA {} KEY-----", "PRIVATE");
        assert_eq!(secrets_in("a.rs", &key).len(), 1);
    }

    #[test]
    fn a_random_word_beside_the_word_secret_is_found() {
        let line = format!("\"client_secret\": \"{}\"", random(""));
        assert_eq!(secrets_in("a.json", &line), [Violation::new("a.json", 1, "looks like a real secret")]);
        assert!(!secrets_in("a.json", &line).iter().any(|found| found.what.contains("q7Zp")));
    }

    #[test]
    fn fixtures_that_say_what_they_are_pass() {
        for line in [
            "\"client_secret\": \"fixture-secret-of-the-first-channel-1\"",
            "let token = \"a_wrong_token_gets_401_and_a_problem_document\";",
            "let key = \"sk-example-0000000000000000000000000000\";",
            "token_path = \"/v1.0/oauth2/accessToken\"",
            "session=0123456789abcdef0123456789abcdef",
            "struct XChaCha20Poly1305TokenSealerForRecords2;",
        ] {
            assert!(secrets_in("a.rs", line).is_empty(), "{line}");
        }
    }
}
