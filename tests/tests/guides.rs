//! The user guides (`docs/`) tell what the program says, in both languages, and lead nowhere that is not there.
//!
//! What the program itself says stands in the guides between `<!-- words: … -->` and `<!-- /words -->`. The test
//! `the_programs_words_are_up_to_date` holds these blocks; run it once with `SWITCHBOARD_BLESS=1` to rewrite them after
//! a sentence has changed. A code that is new fails `every_code_has_a_section_of_its_own_with_the_programs_words` until it
//! has a section.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

#[path = "guides/examples.rs"]
mod examples;
#[path = "guides/keys.rs"]
mod keys;
#[path = "guides/markdown.rs"]
mod markdown;
#[path = "guides/words.rs"]
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use markdown::Guide;
use switchboard_domain::settings::Locale;

/// Beginnings of paths that exist on somebody's machine only.
const LOCAL_PATHS: [&str; 7] = ["/work/", "/tmp/", "/home/", "/root/", "/Users/", "/private/", "C:\\"];

/// Where the guides of a language are.
const LANGUAGES: [(&str, Locale); 2] = [("en", Locale::En), ("zh-CN", Locale::ZhCn)];

fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// The guides of a language, by name.
fn guides(language: &str) -> Vec<Guide> {
    let folder = root().join("docs").join(language);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| Guide::read(path)).collect()
}

fn pairs() -> Vec<(Guide, Guide)> {
    guides("en").into_iter().zip(guides("zh-CN")).collect()
}

/// Everything under `docs`, and the pages of the root that lead there.
fn all_pages() -> Vec<Guide> {
    let index = Guide::read(&root().join("docs/README.md"));
    guides("en").into_iter().chain(guides("zh-CN")).chain([index]).collect()
}

#[test]
fn both_languages_have_the_same_guides() {
    let names = |language| guides(language).iter().map(|guide| guide.name.clone()).collect::<Vec<_>>();
    let english = names("en");
    assert_eq!(english, names("zh-CN"));
    assert!(!english.is_empty(), "there are no guides");
    let is_markdown = |name: &String| Path::new(name).extension().is_some_and(|ending| ending == "md");
    assert!(english.iter().all(is_markdown), "{english:?}");
}

#[test]
fn both_languages_have_the_same_headings_and_anchors() {
    for (english, chinese) in pairs() {
        assert_eq!(english.headings(), chinese.headings(), "{}", english.name);
        let titles = english.headings().iter().filter(|(level, _)| *level == 1).count();
        assert_eq!(titles, 1, "{}: titles", english.name);
        for (level, anchor) in english.headings() {
            assert!(level == 1 || anchor.is_some(), "{}: a heading has no <a id>", english.name);
        }
        let anchors: Vec<String> = english.headings().into_iter().filter_map(|(_, anchor)| anchor).collect();
        let distinct: BTreeSet<&String> = anchors.iter().collect();
        assert_eq!(distinct.len(), anchors.len(), "{}: an anchor stands twice", english.name);
    }
}

#[test]
fn both_languages_have_the_same_paragraphs_items_and_rows_in_each_section() {
    for (english, chinese) in pairs() {
        let (english_pieces, chinese_pieces) = (english.pieces(), chinese.pieces());
        assert_eq!(
            english_pieces.keys().collect::<Vec<_>>(),
            chinese_pieces.keys().collect::<Vec<_>>(),
            "{}",
            english.name
        );
        for (section, pieces) in english_pieces {
            assert_eq!(pieces, chinese_pieces[&section], "{}, section {section:?}", english.name);
        }
    }
}

#[test]
fn examples_of_agents_are_taken_as_they_stand() {
    for (language, _) in LANGUAGES {
        let (tried, mistakes): (Vec<usize>, Vec<Vec<String>>) =
            guides(language).iter().map(examples::mistakes).unzip();
        assert!(tried.iter().sum::<usize>() >= 9, "{tried:?}");
        assert!(mistakes.concat().is_empty(), "{:#?}", mistakes.concat());
    }
}

#[test]
fn both_languages_show_code_in_the_same_languages() {
    for (english, chinese) in pairs() {
        assert_eq!(english.code_languages(), chinese.code_languages(), "{}", english.name);
        assert!(
            english.code_languages().iter().all(|language| !language.is_empty()),
            "{}: a code block does not say its language",
            english.name
        );
    }
}

#[test]
fn both_languages_carry_the_same_words_of_the_program() {
    for (english, chinese) in pairs() {
        assert_eq!(english.word_blocks(), chinese.word_blocks(), "{}", english.name);
    }
}

#[test]
fn the_programs_words_are_up_to_date() {
    for (language, locale) in LANGUAGES {
        for guide in guides(language) {
            let now = guide.with_words(|what| words::words(what, locale));
            if std::env::var_os("SWITCHBOARD_BLESS").is_some() {
                std::fs::write(&guide.path, &now).expect("the file can be written");
            }
            let kept = std::fs::read_to_string(&guide.path).unwrap();
            assert!(
                kept == now,
                "docs/{language}/{} does not say what the program says; run the test once with SWITCHBOARD_BLESS=1",
                guide.name
            );
        }
    }
}

#[test]
fn every_code_has_a_section_of_its_own_with_the_programs_words() {
    for (language, _) in LANGUAGES {
        let guide = Guide::read(&root().join("docs").join(language).join("troubleshooting.md"));
        let told: BTreeSet<(String, String)> = guide.word_blocks().into_iter().collect();
        let missing: Vec<String> = words::codes()
            .into_iter()
            .filter(|(kind, code)| !told.contains(&(code.clone(), format!("{kind} {code}"))))
            .map(|(kind, code)| {
                format!("<!-- words: {kind} {code} --> in the section with the anchor {code}")
            })
            .collect();
        assert!(missing.is_empty(), "docs/{language}/troubleshooting.md lacks {missing:#?}");
    }
}

#[test]
fn every_key_of_the_configuration_and_of_the_api_is_named() {
    let keys = keys::configuration(&root()).into_iter().chain(keys::api()).collect::<BTreeSet<_>>();
    assert!(keys.len() > 100, "only {} keys were found", keys.len());
    for (language, _) in LANGUAGES {
        let named: BTreeSet<String> = guides(language).iter().flat_map(Guide::code_words).collect();
        let missing: Vec<&String> = keys.difference(&named).collect();
        assert!(missing.is_empty(), "the guides in docs/{language} do not name {missing:?} as code");
    }
}

#[test]
fn every_metric_and_event_is_named() {
    for (language, _) in LANGUAGES {
        let named: BTreeSet<String> = guides(language).iter().flat_map(Guide::code_words).collect();
        for metric in switchboard::telemetry::metrics::ALL {
            assert!(named.contains(metric), "the guides in docs/{language} do not name {metric}");
        }
    }
}

#[test]
fn links_lead_to_files_and_anchors_that_are_there() {
    let mut broken = Vec::new();
    let mut followed = 0;
    for page in all_pages() {
        for link in page.links() {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            let (file, anchor) = link.split_once('#').map_or((link.as_str(), None), |(f, a)| (f, Some(a)));
            let target =
                if file.is_empty() { page.path.clone() } else { page.path.parent().unwrap().join(file) };
            let is_there = match anchor {
                _ if !target.exists() => false,
                None => true,
                Some(anchor) => Guide::read(&target).anchors().contains(anchor),
            };
            if !is_there {
                broken.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(followed > 30, "only {followed} links were found");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_index_leads_to_every_guide_and_the_readme_to_the_index() {
    let index = Guide::read(&root().join("docs/README.md"));
    let links: BTreeSet<String> = index.links().into_iter().collect();
    for (language, _) in LANGUAGES {
        for guide in guides(language) {
            let link = format!("{language}/{}", guide.name);
            assert!(links.contains(&link), "docs/README.md has no link to {link}");
        }
    }
    let readme = Guide::read(&root().join("README.md"));
    assert!(
        readme.links().iter().any(|link| link == "docs/README.md"),
        "README.md has no link to docs/README.md"
    );
}

#[test]
fn no_line_names_a_path_of_somebodys_machine() {
    for page in all_pages() {
        for (number, line) in page.text.lines().enumerate() {
            let found = LOCAL_PATHS.iter().find(|path| line.contains(*path));
            assert_eq!(found, None, "{}:{}", page.path.display(), number + 1);
        }
    }
}
