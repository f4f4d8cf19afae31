//! The files of this workspace as rules see them, and the form in which rules complain.

use std::io;
use std::path::{Path, PathBuf};

use super::lexer::{Views, views};
use super::tokens::{Token, test_modules, tokens};

/// A Rust source.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the workspace's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) views: Views,
    pub(crate) tokens: Vec<Token>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let views = views(text);
        let tokens = tokens(&views.code);
        Self { path: path.to_owned(), text: text.to_owned(), views, tokens }
    }
}

/// A file that is no Rust source but may hold what a rule looks for.
#[derive(Debug)]
pub(crate) struct Text {
    /// From the workspace's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) sources: Vec<Source>,
    pub(crate) texts: Vec<Text>,
}

/// One broken rule in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl Violation {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

/// A place that a rule leaves out, and why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exception {
    /// A file, or a folder with a closing `/`.
    pub(crate) path: &'static str,
    pub(crate) reason: &'static str,
}

/// Whether a path is one of the exceptions, or lies under one.
pub(crate) fn is_excepted(path: &str, exceptions: &[Exception]) -> bool {
    exceptions.iter().any(|exception| {
        path == exception.path || (exception.path.ends_with('/') && path.starts_with(exception.path))
    })
}

/// Fails with one line a violation, and what the rule allows.
#[track_caller]
pub(crate) fn assert_none(violations: &[Violation], allowed: &str) {
    let lines: Vec<String> =
        violations.iter().map(|found| format!("  {}:{}: {}", found.path, found.line, found.what)).collect();
    assert!(violations.is_empty(), "{} broken:\n{}\nallowed: {allowed}", lines.len(), lines.join("\n"));
}

/// The folder that holds the workspace's manifest.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

impl Workspace {
    /// Reads every Rust source and every text of a known kind. Build output, data folders and hidden folders
    /// (but for our own) are left out.
    pub(crate) fn read() -> io::Result<Self> {
        let mut workspace = Self::default();
        workspace.read_folder(&root(), "")?;
        workspace.sources.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(workspace)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() && !is_left_out(&name) {
                self.read_folder(&entry.path(), &format!("{prefix}{name}/"))?;
            } else if kind.is_file() {
                self.read_file(&entry.path(), format!("{prefix}{name}"))?;
            }
        }
        Ok(())
    }

    fn read_file(&mut self, file: &Path, path: String) -> io::Result<()> {
        const TEXTS: [&str; 14] = [
            "toml", "md", "json", "jsonl", "yml", "yaml", "sh", "html", "js", "css", "txt", "snap", "pem",
            "env",
        ];
        let extension = file.extension().map(|extension| extension.to_string_lossy().into_owned());
        match extension.as_deref() {
            Some("rs") => self.sources.push(Source::new(&path, &std::fs::read_to_string(file)?)),
            Some(known) if TEXTS.contains(&known) => {
                self.texts.push(Text { path, text: std::fs::read_to_string(file)? });
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    /// The sources under a folder, `"domain/src/"`.
    pub(crate) fn under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a Source> {
        self.sources.iter().filter(move |source| source.path.starts_with(folder))
    }

    /// Where modules declared `#[cfg(test)] mod name;` live, as exceptions would name them.
    pub(crate) fn is_test_module(&self, path: &str) -> bool {
        self.sources.iter().any(|source| {
            let folder = module_folder(&source.path);
            test_modules(&source.tokens).iter().any(|name| {
                path == format!("{folder}{name}.rs") || path.starts_with(&format!("{folder}{name}/"))
            })
        })
    }
}

/// The folder in which the modules that a file declares are looked for, with its closing `/`.
fn module_folder(path: &str) -> String {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    if ["lib", "main", "mod"].contains(&name) { format!("{folder}/") } else { format!("{stem}/") }
}

fn is_left_out(folder: &str) -> bool {
    const OURS: [&str; 3] = [".ci", ".cargo", ".config"];
    const FOREIGN: [&str; 5] = ["target", "switchboard-data", "node_modules", "corpus", "artifacts"];
    FOREIGN.contains(&folder) || (folder.starts_with('.') && !OURS.contains(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_a_file_live_beside_lib_and_mod_and_below_the_others() {
        assert_eq!(module_folder("domain/src/lib.rs"), "domain/src/");
        assert_eq!(module_folder("domain/src/session/mod.rs"), "domain/src/session/");
        assert_eq!(module_folder("domain/src/session.rs"), "domain/src/session/");
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_is_recognised() {
        let declares = Source::new("domain/src/reply.rs", "mod state; #[cfg(test)] mod laws;");
        let workspace = Workspace { sources: vec![declares], texts: Vec::new() };
        assert!(workspace.is_test_module("domain/src/reply/laws.rs"));
        assert!(workspace.is_test_module("domain/src/reply/laws/bounds.rs"));
        assert!(!workspace.is_test_module("domain/src/reply/state.rs"));
    }

    #[test]
    fn an_exception_for_a_folder_covers_what_is_in_it_and_nothing_beside_it() {
        let exceptions =
            [Exception { path: "tests/platforms/", reason: "" }, Exception { path: "a.rs", reason: "" }];
        assert!(is_excepted("tests/platforms/x/src/lib.rs", &exceptions));
        assert!(is_excepted("a.rs", &exceptions));
        assert!(!is_excepted("a.rs.rs", &exceptions));
        assert!(!is_excepted("tests/platform.rs", &exceptions));
    }

    #[test]
    #[should_panic(expected = "a.rs:3: too long")]
    fn a_violation_fails_the_test_and_names_file_and_line() {
        assert_none(&[Violation::new("a.rs", 3, "too long")], "short");
    }
}
