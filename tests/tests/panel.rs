//! The panel in a real browser: Debian's Chromium in front of the real binary and the simulated platform, in both languages,
//! on a desk and on a phone. What is seen is written to `target/panel-pictures`, for people to look at.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: it fails by panicking"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use dingtalk_sim::{Simulator, SimulatorConfig};
use rstest::rstest;
use switchboard_tests::server::Home;
use test_servers::{installed, installed_file};
use tokio::process::Command;
use tokio::time::timeout;

/// Longest run of one browser.
const CAP: Duration = Duration::from_mins(8);

/// Where the tests were built: TARGET/PROFILE/deps.
fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}

/// The scripts and what they import, in the target folder: installed once, whoever of the tests comes first.
fn modules() -> PathBuf {
    installed("chromium", "chromium");
    installed("node", "nodejs");
    installed("npm", "npm");
    // Nobody could read the pictures of the Chinese pages without one.
    installed_file("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", "fonts-wqy-microhei");
    let (from, folder) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("browser"), target().join("browser"));
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let wanted = fs::read_to_string(from.join("package.json")).unwrap();
    if fs::read_to_string(folder.join("package.json")).ok().as_ref() != Some(&wanted) {
        let _ = fs::remove_dir_all(folder.join("node_modules"));
        fs::write(folder.join("wanted.json"), &wanted).unwrap();
        fs::rename(folder.join("wanted.json"), folder.join("package.json")).unwrap();
    }
    if !folder.join("node_modules/playwright-core/package.json").exists()
        || !folder.join("node_modules/axe-core/axe.min.js").exists()
    {
        let mut npm = std::process::Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]);
        let done = npm.current_dir(&folder).stdout(Stdio::null()).status();
        assert!(done.is_ok_and(|status| status.success()), "npm installs playwright-core and axe-core");
    }
    folder
}

#[rstest]
#[case::english_on_a_desk("en", 1280, 900, "light")]
#[case::english_on_a_phone("en", 390, 844, "dark")]
#[case::chinese_on_a_desk("zh-CN", 1280, 900, "dark")]
#[case::chinese_on_a_phone("zh-CN", 390, 844, "light")]
#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_comes_to_an_answer_and_sees_everything(
    #[case] language: &str,
    #[case] width: u32,
    #[case] height: u32,
    #[case] light: &str,
) {
    let modules = modules();
    let mut home = Home::default();
    // A new installation that nobody has configured: its token is printed, and its playground is there.
    home.unset("SWITCHBOARD_SECURITY__ADMIN_TOKEN");
    let simulator = Simulator::start(SimulatorConfig::default()).await.expect("the platform starts");
    let server = home.serve().await;
    let token = server.line("admin token: ").await;
    let pictures = target().join("panel-pictures").join(format!("{language}-{width}-{light}"));
    fs::create_dir_all(&pictures).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/newcomer.mjs");
    let mut browser = Command::new("node");
    browser.arg(script).kill_on_drop(true);
    browser.envs([("BASE", server.base()), ("TOKEN", token.as_str()), ("SIMULATOR", simulator.base_url())]);
    browser.envs([("LANGUAGE", language), ("LIGHT", light), ("CHROMIUM", "/usr/bin/chromium")]);
    browser.env("WIDTH", width.to_string()).env("HEIGHT", height.to_string());
    browser.env("MODULES", &modules).env("OUT", &pictures);
    let ended = timeout(CAP, browser.output()).await.expect("the browser comes to an end").unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}
