//! Rules about habits that make tests and event loops predictable.

use super::tokens::{functions, positions, text_at};
use super::workspace::{Exception, Source, Violation, is_excepted};

/// Places in test folders that may sleep.
pub(crate) const SLEEPERS: [Exception; 8] = [
    Exception {
        path: "tests/platforms/",
        reason: "a simulated platform delays answers and closes sockets on time",
    },
    Exception {
        path: "tests/src/fakes/",
        reason: "fakes take their time, in the virtual time of the world they serve",
    },
    Exception {
        path: "tests/src/world/",
        reason: "waits for conditions and lets time pass, in virtual time",
    },
    Exception {
        path: "tests/src/chaos/",
        reason: "lets faults last as long as a schedule says, and judges nothing by it",
    },
    Exception { path: "tests/benches/", reason: "measures for a while, in real time" },
    Exception { path: "tests/servers/src/proxy.rs", reason: "a silent connection waits until it may go on" },
    Exception { path: "tests/servers/src/looks.rs", reason: "looks at servers that start, under a cap" },
    Exception { path: "tests/src/looks.rs", reason: "looks at conditions of other processes, under a cap" },
];

/// `select!` that leaves the order of its branches to chance.
pub(crate) fn unbiased_selects(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for at in positions(&source.tokens, &["select", "!"]) {
        let first = text_at(&source.tokens, at.saturating_add(3));
        let opens = ["{", "(", "["].contains(&text_at(&source.tokens, at.saturating_add(2)));
        if opens && first != "biased" {
            let line = source.tokens.get(at).map_or(1, |token| token.line);
            found.push(Violation::new(&source.path, line, "`select!` does not begin with `biased;`"));
        }
    }
    found
}

/// Tests that wait for a while instead of for something. In a test that runs in virtual time
/// (`start_paused`) tokio's sleep is exact and free, and allowed.
pub(crate) fn lucky_sleeps(source: &Source) -> Vec<Violation> {
    const SLEEPS: [&str; 3] = ["sleep", "sleep_until", "sleep_ms"];
    let is_test_code = source.path.starts_with("tests/") || source.path.contains("/tests/");
    if !is_test_code || is_excepted(&source.path, &SLEEPERS) {
        return Vec::new();
    }
    let functions = functions(&source.tokens);
    let is_virtual = |at: usize| {
        let around = functions.iter().filter(|function| function.body.contains(&at));
        around.flat_map(|function| &function.attributes).any(|word| word == "start_paused")
    };
    let mut found = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        let before = text_at(&source.tokens, at.saturating_sub(1));
        let after = text_at(&source.tokens, at.saturating_add(1));
        let is_call = after == "(" && ![".", "fn"].contains(&before);
        let is_renamed = after == "as" && before == "::";
        if !SLEEPS.contains(&token.text.as_str()) || !(is_call || is_renamed) {
            continue;
        }
        let is_thread = text_at(&source.tokens, at.saturating_sub(2)) == "thread";
        if is_thread || is_renamed || !is_virtual(at) {
            found.push(Violation::new(&source.path, token.line, format!("`{}` waits for luck", token.text)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_select_without_biased_is_found() {
        let found = |text: &str| unbiased_selects(&Source::new("app/src/a.rs", text)).len();
        for text in
            ["tokio::select! { a = b => {} }", "select!(a = b => {})", "select! { // biased;\n a = b => {} }"]
        {
            assert_eq!(found(text), 1, "{text}");
        }
        for text in
            ["tokio::select! { biased; a = b => {} }", "select! {\n // order\n biased;\n}", "// select! {}"]
        {
            assert_eq!(found(text), 0, "{text}");
        }
    }

    #[test]
    fn a_sleep_in_a_test_folder_is_found_unless_time_is_virtual() {
        let found = |path: &str, text: &str| lucky_sleeps(&Source::new(path, text)).len();
        for text in [
            "fn f() { std::thread::sleep(D); }",
            "async fn f() { tokio::time::sleep(D).await }",
            "use tokio::time::sleep as nap;",
            "#[tokio::test(start_paused = true)] async fn f() { thread::sleep(D); }",
            "#[tokio::test(start_paused = true)] async fn f() {} async fn g() { sleep(D).await }",
        ] {
            assert_eq!(found("tests/tests/a.rs", text), 1, "{text}");
            assert_eq!(found("app/tests/a.rs", text), 1, "{text}");
            assert_eq!(found("app/src/a.rs", text), 0, "{text}");
        }
        for text in [
            "#[tokio::test(start_paused = true)] async fn f() { if a { tokio::time::sleep(D).await } }",
            "async fn f() { clock.sleep(D).await }",
            "trait Clock { fn sleep(&self); }",
            "// thread::sleep(D)",
        ] {
            assert_eq!(found("tests/tests/a.rs", text), 0, "{text}");
        }
        assert_eq!(found("tests/platforms/dingtalk/src/faults.rs", "fn f() { sleep(D) }"), 0);
    }
}
