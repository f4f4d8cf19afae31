//! The tidy test: the sentences of ARCHITECTURE.md and CONTRIBUTING.md that a machine can check.
//!
//! Each rule is one test whose failure names `file:line` and what is allowed. Each rule also has tests of its
//! own, beside it, which show that it catches what it is for.

use std::io;

#[path = "architecture/fixtures.rs"]
mod fixtures;
#[path = "architecture/habits.rs"]
mod habits;
#[path = "architecture/layers.rs"]
mod layers;
#[path = "architecture/lexer.rs"]
mod lexer;
#[path = "architecture/manifests.rs"]
mod manifests;
#[path = "architecture/shape.rs"]
mod shape;
#[path = "architecture/tokens.rs"]
mod tokens;
#[path = "architecture/workspace.rs"]
mod workspace;

use workspace::{Source, Violation, Workspace, assert_none};

/// Holds one rule against every source.
fn everywhere(rule: fn(&Source) -> Vec<Violation>) -> io::Result<Vec<Violation>> {
    Ok(Workspace::read()?.sources.iter().flat_map(rule).collect())
}

/// Holds one rule against the sources of one folder.
fn in_folder(folder: &str, rule: fn(&Source) -> Vec<Violation>) -> io::Result<Vec<Violation>> {
    Ok(Workspace::read()?.under(folder).flat_map(rule).collect())
}

#[test]
fn the_rules_see_every_package() -> io::Result<()> {
    let workspace = Workspace::read()?;
    let (_, members) = manifests::read()?;
    assert!(members.len() >= 7, "{} members", members.len());
    for member in members {
        let folder = format!("{}/src/", member.folder);
        assert!(workspace.under(&folder).count() > 0, "no source was read under {folder}");
    }
    Ok(())
}

#[test]
fn dependencies_point_towards_the_domain() -> io::Result<()> {
    let (workspace, members) = manifests::read()?;
    let allowed = "domain <- ports <- adapters <- app <- tests, as written down in \
                   tests/tests/architecture/manifests.rs (LAYERS); simulated platforms depend on none of them";
    assert_none(&manifests::wrong_directions(&workspace, &members), allowed);
    Ok(())
}

#[test]
fn simulated_platforms_reach_the_program_through_the_demo_only() -> io::Result<()> {
    let (workspace, members) = manifests::read()?;
    let allowed = "an optional dependency that only the feature `demo` of `switchboard` enables";
    assert_none(&manifests::platforms_in_the_program(&workspace, &members), allowed);
    Ok(())
}

#[test]
fn versions_and_lints_are_those_of_the_workspace() -> io::Result<()> {
    let (_, members) = manifests::read()?;
    let allowed = "`name.workspace = true` in packages, the version in the root's [workspace.dependencies]";
    assert_none(&manifests::not_inherited(&members), allowed);
    Ok(())
}

#[test]
fn the_domain_is_built_without_the_standard_library() -> io::Result<()> {
    let workspace = Workspace::read()?;
    let root = workspace.sources.iter().find(|source| source.path == "domain/src/lib.rs");
    let allowed = "`#![no_std]` or `#![cfg_attr(not(test), no_std)]`";
    assert!(
        root.is_some_and(layers::is_no_std),
        "domain/src/lib.rs:1: not built without it\nallowed: {allowed}"
    );
    Ok(())
}

#[test]
fn the_error_crate_of_the_domain_is_without_the_standard_library() -> io::Result<()> {
    let (manifest, _) = manifests::read()?;
    assert_none(
        &manifests::domain_error_crate_with_std(&manifest),
        "`default-features = false` for thiserror",
    );
    Ok(())
}

#[test]
fn the_domain_names_neither_the_standard_library_nor_async_outside_tests() -> io::Result<()> {
    let allowed = "`core`, `alloc`, and anything in modules under `#[cfg(test)]`";
    assert_none(&layers::impurities(&Workspace::read()?), allowed);
    Ok(())
}

#[test]
fn adapters_do_not_name_each_other() -> io::Result<()> {
    let allowed = format!("its own module and the shared ones: {}", layers::ADAPTERS_SHARED.join(", "));
    assert_none(&layers::named_siblings(&Workspace::read()?), &allowed);
    Ok(())
}

#[test]
fn the_composition_alone_names_concrete_adapters() -> io::Result<()> {
    let places = layers::COMPOSITION.map(|place| format!("{} ({})", place.path, place.reason));
    let found = in_folder("app/src/", layers::uninvited_composers)?;
    assert_none(&found, &format!("in {}", places.join(", ")));
    Ok(())
}

#[test]
fn every_state_enum_of_the_domain_is_private_and_drawn() -> io::Result<()> {
    let allowed = "a private `enum State` under a diagram with `-->` or `──`";
    assert_none(&in_folder("domain/src/", layers::plain_state_enums)?, allowed);
    Ok(())
}

#[test]
fn each_machine_of_the_domain_has_a_state_enum() -> io::Result<()> {
    let missing = layers::machines_without_state(&Workspace::read()?, &["channel", "session", "reply"]);
    assert_none(&missing, "each machine keeps its state in a private `enum State`");
    Ok(())
}

#[test]
fn no_file_is_longer_than_400_lines() -> io::Result<()> {
    assert_none(&everywhere(shape::long_file)?, &format!("{} lines", shape::FILE_LINES_MAX));
    Ok(())
}

#[test]
fn no_function_is_longer_than_70_lines() -> io::Result<()> {
    let allowed = format!("{} lines that are neither blank nor comment", shape::FUNCTION_LINES_MAX);
    assert_none(&everywhere(shape::long_functions)?, &allowed);
    Ok(())
}

#[test]
fn every_file_begins_by_saying_what_it_is() -> io::Result<()> {
    assert_none(&everywhere(shape::missing_header)?, "`//! A sentence.` in the first line");
    Ok(())
}

#[test]
fn nothing_is_left_for_later() -> io::Result<()> {
    assert_none(&everywhere(shape::unfinished)?, "finished work; what is missing is said in the changelog");
    Ok(())
}

#[test]
fn no_test_is_ignored() -> io::Result<()> {
    assert_none(&everywhere(shape::ignored_tests)?, "tests that run");
    Ok(())
}

#[test]
fn every_select_is_biased() -> io::Result<()> {
    let allowed = "`select! { biased; … }`, its branches in the order of their priority";
    assert_none(&everywhere(habits::unbiased_selects)?, allowed);
    Ok(())
}

#[test]
fn no_test_sleeps_for_luck() -> io::Result<()> {
    let places = habits::SLEEPERS.map(|place| format!("{} ({})", place.path, place.reason));
    let allowed =
        format!("waiting for a condition, virtual time (`start_paused`), and {}", places.join(", "));
    assert_none(&everywhere(habits::lucky_sleeps)?, &allowed);
    Ok(())
}

#[test]
fn no_fixture_looks_like_a_real_secret() -> io::Result<()> {
    let places = fixtures::LEFT_OUT.map(|place| format!(", {} ({})", place.path, place.reason));
    let allowed = format!("words that say they are none: `fixture-secret-1`{}", places.concat());
    assert_none(&fixtures::secrets(&Workspace::read()?), &allowed);
    Ok(())
}
