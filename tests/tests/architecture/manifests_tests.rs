//! The rules about manifests catch what they are for.

use super::*;

fn manifest(folder: &str, text: &str) -> Manifest {
    Manifest::parse(folder, text).unwrap()
}

fn package(folder: &str, name: &str, rest: &str) -> Manifest {
    manifest(folder, &format!("[package]\nname = \"{name}\"\n[lints]\nworkspace = true\n{rest}"))
}

fn workspace() -> Manifest {
    manifest(
        "",
        "[workspace.dependencies]\nthiserror = { version = \"2\", default-features = false }\nthe-app = { package = \"switchboard\", path = \"app\" }\n",
    )
}

fn simulator() -> Manifest {
    package("tests/platforms/dingtalk", "dingtalk-sim", "")
}

#[test]
fn each_layer_refuses_what_lies_above_it() {
    for (folder, name, rest) in [
        ("domain", "switchboard-domain", "[dependencies]\nserde.workspace = true"),
        ("domain", "switchboard-domain", "[build-dependencies]\ncc.workspace = true"),
        ("domain", "switchboard-domain", "[dev-dependencies]\ntokio.workspace = true"),
        ("domain", "switchboard-domain", "[target.'cfg(unix)'.dependencies]\nlibc.workspace = true"),
        ("ports", "switchboard-ports", "[dependencies]\ntokio.workspace = true"),
        ("ports", "switchboard-ports", "[dev-dependencies]\nswitchboard-adapters.workspace = true"),
        ("adapters", "switchboard-adapters", "[dependencies]\nswitchboard.workspace = true"),
        (
            "adapters",
            "switchboard-adapters",
            "[dependencies]\napp = { package = \"switchboard\", path = \"../app\" }",
        ),
        ("adapters", "switchboard-adapters", "[dependencies]\nthe-app.workspace = true"),
        ("adapters", "switchboard-adapters", "[dev-dependencies]\ndingtalk-sim.workspace = true"),
        ("app", "switchboard", "[dependencies]\nswitchboard-tests.workspace = true"),
        ("tests/xtask", "xtask", "[dependencies]\nanyhow.workspace = true"),
        ("tests/platforms/feishu", "feishu-sim", "[dependencies]\nswitchboard-domain.workspace = true"),
        ("extra", "switchboard-extra", ""),
    ] {
        let found = wrong_directions(&workspace(), &[simulator(), package(folder, name, rest)]);
        assert_eq!(found.len(), 1, "{name}: {rest}");
        assert!(found[0].line > 1, "{found:?}");
    }
}

#[test]
fn what_each_layer_may_have_is_not_refused() {
    for (folder, name, rest) in [
        ("domain", "switchboard-domain", "[dependencies]\nthiserror.workspace = true"),
        ("ports", "switchboard-ports", "[dependencies]\nswitchboard-domain.workspace = true"),
        ("adapters", "switchboard-adapters", "[dependencies]\nreqwest.workspace = true"),
        ("app", "switchboard", "[dependencies]\nswitchboard-adapters.workspace = true"),
        ("tests", "switchboard-tests", "[dependencies]\ndingtalk-sim.workspace = true"),
    ] {
        let found = wrong_directions(&workspace(), &[simulator(), package(folder, name, rest)]);
        assert_eq!(found, [], "{name}: {rest}");
    }
}

#[test]
fn a_simulated_platform_reaches_the_program_through_the_demo_only() {
    let optional = "dingtalk-sim = { workspace = true, optional = true }";
    let good = format!(
        "[features]\ndefault = [\"demo\"]\ndemo = [\"dep:dingtalk-sim\"]\n[dependencies]\n{optional}"
    );
    let found = |rest: &str| {
        platforms_in_the_program(&workspace(), &[simulator(), package("app", "switchboard", rest)]).len()
    };
    assert_eq!(found(&good), 0);
    for bad in [
        "[dependencies]\ndingtalk-sim.workspace = true".to_owned(),
        "[dev-dependencies]\ndingtalk-sim.workspace = true".to_owned(),
        format!("[features]\ndefault = [\"dep:dingtalk-sim\"]\n[dependencies]\n{optional}"),
        format!("[features]\nserver = [\"dingtalk-sim?/faults\"]\n[dependencies]\n{optional}"),
    ] {
        assert_eq!(found(&bad), 1, "{bad}");
    }
}

#[test]
fn versions_and_lints_are_inherited() {
    let own_version = package("app", "switchboard", "[dependencies]\nserde = \"1\"");
    let own_lints =
        manifest("app", "[package]\nname = \"switchboard\"\n[lints.rust]\nunsafe_code = \"forbid\"");
    assert_eq!(not_inherited(&[own_version]).len(), 1);
    assert_eq!(not_inherited(&[own_lints]).len(), 1);
    assert_eq!(not_inherited(&[package("app", "switchboard", "[dependencies]\nserde.workspace = true")]), []);
}

#[test]
fn the_error_crate_with_the_standard_library_is_noticed() {
    assert_eq!(domain_error_crate_with_std(&workspace()), []);
    let with_std = manifest("", "[workspace.dependencies]\nthiserror = \"2\"");
    assert_eq!(domain_error_crate_with_std(&with_std).len(), 1);
}
