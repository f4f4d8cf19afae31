//! Rules about who may name whom inside the packages, where cargo cannot tell: the pure domain, adapters that
//! do not know each other, the one place that composes.

use super::tokens::{Token, positions, text_at, without_tests};
use super::workspace::{Exception, Source, Violation, Workspace, is_excepted};

/// Modules of `adapters/src` that every adapter may use. Each other one is a family of adapters of its own.
pub(crate) const ADAPTERS_SHARED: [&str; 4] = ["clock", "hex", "net", "random"];

/// The places in `app/src` that may name concrete adapters.
pub(crate) const COMPOSITION: [Exception; 4] = [
    Exception { path: "app/src/compose.rs", reason: "puts the adapters behind the ports" },
    Exception { path: "app/src/compose/", reason: "parts of the same" },
    Exception { path: "app/src/demo.rs", reason: "composes the demonstration" },
    Exception { path: "app/src/demo/", reason: "parts of the same" },
];

/// Whether the domain's root switches the standard library off (tests may have it).
pub(crate) fn is_no_std(root: &Source) -> bool {
    let always = ["#", "!", "[", "no_std", "]"];
    let but_tests = ["#", "!", "[", "cfg_attr", "(", "not", "(", "test", ")", ",", "no_std", ")", "]"];
    [always.as_slice(), but_tests.as_slice()].iter().any(|form| !positions(&root.tokens, form).is_empty())
}

/// Words in the domain, outside tests, that have no business there.
pub(crate) fn impure_words(source: &Source) -> Vec<Violation> {
    const IMPURE: [(&str, &str); 3] = [
        ("std", "the standard library: `core` and `alloc` have what the domain may use"),
        ("async", "asynchronous code: the domain is synchronous, time is an argument"),
        ("await", "asynchronous code: the domain is synchronous, time is an argument"),
    ];
    let mut found = Vec::new();
    for token in without_tests(&source.tokens) {
        if let Some((_, why)) = IMPURE.iter().find(|(word, _)| *word == token.text) {
            found.push(Violation::new(&source.path, token.line, *why));
        }
    }
    found
}

/// All impure words of the domain; test modules in files of their own are left out.
pub(crate) fn impurities(workspace: &Workspace) -> Vec<Violation> {
    let domain = workspace.under("domain/src/").filter(|source| !workspace.is_test_module(&source.path));
    domain.flat_map(impure_words).collect()
}

/// Adapters that name an adapter of another family.
pub(crate) fn named_siblings(workspace: &Workspace) -> Vec<Violation> {
    const ROOT: &str = "adapters/src/";
    let module_of = |path: &str| {
        let inside = path.strip_prefix(ROOT)?;
        let first = inside.split('/').next()?;
        Some(first.strip_suffix(".rs").unwrap_or(first).to_owned())
    };
    let modules = || workspace.under(ROOT).filter_map(|source| module_of(&source.path));
    let families: Vec<String> =
        modules().filter(|name| name != "lib" && !ADAPTERS_SHARED.contains(&name.as_str())).collect();
    let mut found = Vec::new();
    for source in workspace.under(ROOT) {
        let Some(own) = module_of(&source.path).filter(|own| own != "lib") else {
            continue;
        };
        for (line, named) in crate_paths(&source.tokens, "switchboard_adapters") {
            if named != own && families.contains(&named) {
                found.push(Violation::new(&source.path, line, format!("`{own}` names `{named}`")));
            }
        }
    }
    found
}

/// The first names of paths from the crate's root: `crate::a::b`, `crate::{a::b, c}`, and `super::a`, which may
/// end at the root too.
fn crate_paths(tokens: &[Token], crate_name: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_root = ["crate", "super"].contains(&token.text.as_str()) || token.text == crate_name;
        let first = at.saturating_add(2);
        if !is_root || text_at(tokens, at.saturating_add(1)) != "::" {
            continue;
        }
        if text_at(tokens, first) == "{" {
            found.extend(group_heads(tokens, first));
        } else {
            found.push((token.line, text_at(tokens, first).to_owned()));
        }
    }
    found
}

/// The first name of each path in a `{…}` of a `use`.
fn group_heads(tokens: &[Token], open: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut is_head = false;
    for token in tokens.iter().skip(open) {
        match token.text.as_str() {
            "{" => {
                depth = depth.saturating_add(1);
                is_head = depth == 1;
            }
            "}" if depth <= 1 => break,
            "}" => depth = depth.saturating_sub(1),
            "," => is_head = depth == 1,
            _ if is_head => {
                found.push((token.line, token.text.clone()));
                is_head = false;
            }
            _ => {}
        }
    }
    found
}

/// Files of the app, other than the composition, that name the adapters' package.
pub(crate) fn uninvited_composers(source: &Source) -> Vec<Violation> {
    if is_excepted(&source.path, &COMPOSITION) {
        return Vec::new();
    }
    let named = source.tokens.iter().filter(|token| token.text == "switchboard_adapters");
    named.map(|token| Violation::new(&source.path, token.line, "names the adapters")).collect()
}

/// State enums of the domain without their diagram, or open to everyone.
pub(crate) fn plain_state_enums(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for at in positions(&source.tokens, &["enum", "State"]) {
        let line = source.tokens.get(at).map_or(1, |token| token.line);
        if text_at(&source.tokens, at.saturating_sub(1)) == "pub" {
            found.push(Violation::new(&source.path, line, "`State` is public: others could assign it"));
        }
        let header = source.text.lines().take_while(|line| line.starts_with("//!"));
        let above = source.text.lines().take(line.saturating_sub(1)).collect::<Vec<_>>();
        let own = above.into_iter().rev().take_while(|line| {
            let line = line.trim_start();
            line.starts_with("///") || line.starts_with("#[")
        });
        if !header.chain(own).any(|line| line.contains("-->") || line.contains("──")) {
            found.push(Violation::new(&source.path, line, "no diagram in the documentation of `State`"));
        }
    }
    found
}

/// Machines (folders or files of that name in the domain) that hold no state enum: without one the rule
/// above would have nothing to look at.
pub(crate) fn machines_without_state(workspace: &Workspace, machines: &[&str]) -> Vec<Violation> {
    let has_state = |machine: &str| {
        workspace.under("domain/src/").any(|source| {
            let belongs =
                source.path.split('/').any(|part| part == machine || part == format!("{machine}.rs"));
            belongs && !positions(&source.tokens, &["enum", "State"]).is_empty()
        })
    };
    let missing = machines.iter().filter(|machine| !has_state(machine));
    missing
        .map(|machine| Violation::new("domain/src/lib.rs", 1, format!("no `enum State` in `{machine}`")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(files: &[(&str, &str)]) -> Workspace {
        let sources = files.iter().map(|(path, text)| Source::new(path, text)).collect();
        Workspace { sources, texts: Vec::new() }
    }

    #[test]
    fn a_domain_with_the_standard_library_is_noticed() {
        for text in ["#![no_std]", "#![cfg_attr(not(test), no_std)]"] {
            assert!(is_no_std(&Source::new("domain/src/lib.rs", text)));
        }
        for text in
            ["", "// #![no_std]", "#![cfg_attr(test, no_std)]", "#![cfg_attr(feature = \"a\", no_std)]"]
        {
            assert!(!is_no_std(&Source::new("domain/src/lib.rs", text)), "{text}");
        }
    }

    #[test]
    fn the_standard_library_and_async_are_found_outside_tests_only() {
        let found = |text: &str| impure_words(&Source::new("domain/src/a.rs", text)).len();
        for text in ["use std::fmt;", "extern crate std;", "fn f() -> ::std::io::Error {}", "async fn f() {}"]
        {
            assert_eq!(found(text), 1, "{text}");
        }
        for text in [
            "#[cfg(test)] mod tests { use std::a; }",
            "// std::fmt",
            "let a = \"std::fmt\";",
            "use core::fmt;",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }

    #[test]
    fn test_modules_in_files_of_their_own_may_use_the_standard_library() {
        let root = ("domain/src/lib.rs", "mod a; #[cfg(test)] mod laws;");
        let files = [root, ("domain/src/laws.rs", "use std::a;"), ("domain/src/a.rs", "use std::a;")];
        let found = impurities(&workspace(&files));
        assert_eq!(found.iter().map(|found| found.path.as_str()).collect::<Vec<_>>(), ["domain/src/a.rs"]);
    }

    #[test]
    fn an_adapter_that_names_another_is_found_however_it_writes_the_path() {
        for text in [
            "use crate::stores::file;",
            "fn f() { crate::stores::file::open() }",
            "use crate::{net::{self, Client}, stores::{file, memory}};",
            "use super::stores;",
            "use switchboard_adapters::stores::file;",
        ] {
            let files = [("adapters/src/stores/file.rs", ""), ("adapters/src/dingtalk/codec.rs", text)];
            assert_eq!(named_siblings(&workspace(&files)).len(), 1, "{text}");
        }
        for text in [
            "use crate::dingtalk::frame;",
            "use crate::net;",
            "use crate::{clock, net::stores};",
            "// crate::stores",
        ] {
            let files = [("adapters/src/stores.rs", ""), ("adapters/src/dingtalk/codec.rs", text)];
            assert!(named_siblings(&workspace(&files)).is_empty(), "{text}");
        }
        let shared = [("adapters/src/net.rs", "use crate::stores;"), ("adapters/src/stores.rs", "")];
        assert_eq!(named_siblings(&workspace(&shared)).len(), 1);
        let root =
            [("adapters/src/lib.rs", "pub use crate::stores::Stores;"), ("adapters/src/stores.rs", "")];
        assert!(named_siblings(&workspace(&root)).is_empty());
    }

    #[test]
    fn only_the_composition_names_the_adapters() {
        let found =
            |path: &str| uninvited_composers(&Source::new(path, "use switchboard_adapters::stores;")).len();
        assert_eq!(found("app/src/compose.rs") + found("app/src/compose/stores.rs"), 0);
        assert_eq!(found("app/src/runtime/driver.rs"), 1);
        assert_eq!(found("app/src/composer.rs"), 1);
    }

    #[test]
    fn a_state_enum_is_private_and_drawn() {
        let found = |text: &str| plain_state_enums(&Source::new("domain/src/a.rs", text)).len();
        assert_eq!(found("//! A --> B\nenum State { A }"), 0);
        assert_eq!(found("/// Idle ──> Running\n#[derive(Debug)]\npub(super) enum State { A }"), 0);
        assert_eq!(found("/// Idle or running.\nenum State { A }"), 1);
        assert_eq!(found("/// A --> B\nstruct Other;\n\nenum State { A }"), 1);
        assert_eq!(found("/// A --> B\npub enum State { A }"), 1);
    }

    #[test]
    fn a_machine_without_a_state_enum_is_named() {
        let files =
            [("domain/src/channel/state.rs", "enum State {}"), ("domain/src/reply.rs", "enum Stage {}")];
        let found = machines_without_state(&workspace(&files), &["channel", "reply"]);
        assert_eq!(found.len(), 1);
        assert!(found[0].what.contains("reply"));
    }
}
