//! A store that fails under a running server: nothing acked is lost, nothing is green meanwhile, nobody has to restart anything.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use dingtalk_sim::{Observed, PushHandle};
use reqwest::Method;
use rusqlite::Connection;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use switchboard_tests::looks;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;
use tokio::time::{Instant, timeout};

use super::judge::{answered_once_in_order, no_violations};
use super::stage::{Plan, Stage, answer_to};

/// Seconds that the store fails for without `SWITCHBOARD_STORE_AWAY`, after the sockets are closed.
const AWAY_SECS: u64 = 1;

/// A stage whose platform delivers again what is not acked.
pub(crate) async fn persistent() -> Stage {
    let mut plan = Plan::default();
    plan.simulator.knobs.redelivery_after_ms = 2_000;
    plan.simulator.knobs.redelivery_max = u32::MAX;
    let stage = plan.start().await;
    stage.agent.choose(|asked| Behaviour::Whole { text: answer_to(asked.question()) });
    stage
}

async fn is_green(stage: &Stage) -> bool {
    let status = stage.api.send(Method::GET, &format!("/channels/{}/status", stage.channel), None).await;
    let gauge = format!("switchboard_channel_connected{{channel=\"{}\"", stage.channel);
    status.json["status"] == "connected" || stage.api.metric(&gauge).await > 0.5
}

async fn is_ready(stage: &Stage) -> bool {
    stage.api.readiness().await == 200
}

/// Waits until the channel is not green and the server not ready; answers how long that took.
pub(crate) async fn until_red(stage: &Stage) -> Duration {
    let begun = Instant::now();
    let red = async || (!is_green(stage).await && !is_ready(stage).await).then_some(());
    looks::until("the status tells that the store fails", red).await;
    // Of a store that cannot even be read nothing is told but that.
    let status = stage.api.send(Method::GET, &format!("/channels/{}/status", stage.channel), None).await;
    let code = &status.json["last_error"]["code"];
    assert!(status.status == 503 || code == "store_unavailable", "{}", status.text);
    begun.elapsed()
}

pub(crate) async fn until_green(stage: &Stage) -> Duration {
    let begun = Instant::now();
    stage.api.wait_connected(&stage.channel).await;
    looks::until("the server is ready again", async || is_ready(stage).await.then_some(())).await;
    begun.elapsed()
}

/// Pushes one message and a short pause, again and again.
struct Load {
    number: usize,
    pushed: Vec<PushHandle>,
}

impl Load {
    async fn step(&mut self, stage: &Stage) {
        let who = format!("p{}", self.number % 41);
        self.pushed.push(stage.say(&who, &format!("question {}", self.number)));
        self.number += 1;
        looks::pause().await;
    }
}

/// Everything pushed is acked and answered.
pub(crate) async fn all_answered(stage: &Stage) {
    let is_over = |seen: &Observed| {
        let answers: usize = seen.conversations.keys().map(|chat| seen.robot_texts(chat).len()).sum();
        answers == seen.messages.len()
            && seen.messages.iter().all(|message| message.acked.is_some())
            && seen.cards().all(|card| card.state.is_final())
    };
    if let Err(error) = stage.simulator.wait_for(CAP, is_over).await {
        panic!("not everything was answered: {error}");
    }
    stage.simulator.observe(|seen| {
        answered_once_in_order(seen, answer_to);
        no_violations(seen, false);
    });
    stage.assert_no_alarm();
}

/// What fails several times a second is told when it begins and as a reminder, each kind for itself, and when it is over.
fn told_now_and_then(stage: &Stage, since: Duration) {
    let log = stage.server.log();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains(" WARN ")).collect();
    let most = 1 + usize::try_from(since.as_secs() / 30).unwrap();
    for kind in ["failed to write to the store", "failed to store messages", "failed to renew the leases"] {
        let (over, all): (Vec<_>, Vec<_>) =
            log.lines().filter(|line| line.contains(kind)).partition(|line| line.contains("no longer so"));
        assert!(
            (1..=most).contains(&all.len()) && over.len() <= most,
            "{kind}: {all:#?} {over:#?} {warnings:#?}"
        );
    }
    assert!(log.contains("the store can be written again"));
    assert!(warnings.len() <= 8 * most, "{} warnings: {warnings:#?}", warnings.len());
}

/// The largest file that the server may write, in bytes; `None` takes the limit away.
fn limit_files(stage: &Stage, bytes: Option<u64>) {
    let pid = Pid::from_raw(stage.server.process_id()).unwrap();
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(pid), Resource::Fsize, limit).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_written_under_load_loses_nothing_and_comes_back_by_itself() {
    let stage = persistent().await;
    let wanted = std::env::var_os("SWITCHBOARD_STORE_AWAY");
    let away =
        wanted.map_or(AWAY_SECS, |text| text.to_str().and_then(|it| it.parse().ok()).expect("seconds"));
    let mut load = Load { number: 0, pushed: Vec::new() };
    for _ in 0..10 {
        load.step(&stage).await;
    }
    let begun = Instant::now();
    limit_files(&stage, Some(0));
    let noticed = async {
        while is_green(&stage).await || is_ready(&stage).await {
            load.step(&stage).await;
        }
    };
    timeout(CAP, noticed).await.expect("the status tells that the store fails");
    let noticed = begun.elapsed();
    // As long as it takes until the sockets are closed, and then some.
    let mut closed_at = None;
    while closed_at.is_none() || begun.elapsed() < Duration::from_secs(away) {
        load.step(&stage).await;
        assert!(!is_green(&stage).await, "green after {:?}", begun.elapsed());
        assert!(!is_ready(&stage).await, "ready after {:?}", begun.elapsed());
        if closed_at.is_none() && stage.simulator.observe(|seen| seen.live_connections().count()) == 0 {
            closed_at = Some(begun.elapsed());
        }
        assert!(begun.elapsed() < CAP, "the sockets are never closed");
    }
    let failed_for = begun.elapsed();
    limit_files(&stage, None);
    let back = until_green(&stage).await;
    for _ in 0..10 {
        load.step(&stage).await;
    }
    all_answered(&stage).await;
    println!(
        "{} messages; failed for {failed_for:?}, told after {noticed:?}, sockets closed after {closed_at:?}, back after {back:?}",
        load.pushed.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_another_program_has_locked_is_told_and_comes_back_by_itself() {
    let stage = persistent().await;
    stage.say("ann", "before");
    stage.wait_texts("ann", &[&answer_to("before")]).await;
    let other = Connection::open(stage.home.store().join("switchboard.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    stage.say("ann", "meanwhile");
    let told = until_red(&stage).await;
    other.execute_batch("COMMIT").unwrap();
    drop(other);
    let back = until_green(&stage).await;
    println!("locked: told after {told:?}, back after {back:?}");
    all_answered(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_damaged_under_a_running_server_is_told_and_never_written_over() {
    let mut stage = persistent().await;
    let database = stage.home.store().join("switchboard.db");
    stage.say("ann", "before");
    stage.wait_texts("ann", &[&answer_to("before")]).await;
    let to = stage.home.path().join("backup.db").display().to_string();
    assert_eq!(stage.home.run(&["store", "backup", "--to", &to]).await.code, Some(0));
    // What is in the log is not read from the file: fold it in, then scribble over everything but the header.
    let fold = Connection::open(&database).unwrap();
    fold.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(fold);
    let length = fs::metadata(&database).unwrap().len();
    let mut file = OpenOptions::new().write(true).open(&database).unwrap();
    file.seek(SeekFrom::Start(4_096)).unwrap();
    file.write_all(&vec![0x5a; usize::try_from(length - 4_096).unwrap()]).unwrap();
    drop(file);
    let damaged = fs::read(&database).unwrap();
    stage.say("ann", "into the damage");
    until_red(&stage).await;
    stage.server.wait_logged("switchboard store restore --from FILE").await;
    assert_eq!(stage.server.log().matches("the store's file is damaged").count(), 1);
    assert_eq!(
        stage.api.answer(stage.api.request(Method::GET, "/healthz")).await.status,
        200,
        "the process lives"
    );
    stage.server.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(stage.server.end().await.code(), Some(0));
    assert_eq!(fs::read(&database).unwrap(), damaged, "nothing was written to it");

    for command in [&["serve"][..], &["token", "list"]] {
        let ran = stage.home.run(command).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(ran.stderr.contains("is damaged") && ran.stderr.contains("store restore --from"), "{ran:?}");
    }
    assert_eq!(fs::read(&database).unwrap(), damaged, "nor at a start");
    let ran = stage.home.run(&["store", "restore", "--from", &to]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    stage.serve_again().await;
    stage.wait_texts("ann", &[&answer_to("before"), &answer_to("into the damage")]).await;
    let kept = fs::read_dir(stage.home.store()).unwrap().map(|entry| entry.unwrap().path());
    let kept = kept.into_iter().find(|path| path.to_string_lossy().contains("replaced-")).unwrap();
    assert_eq!(fs::read(kept.join("switchboard.db")).unwrap(), damaged, "it is kept as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_limit_stops_neither_a_backup_nor_a_start_without_a_sentence() {
    let home = switchboard_tests::server::Home::default();
    home.serve().await.terminate().await;
    let binary = switchboard_tests::binary::path().display().to_string();
    let limited = async |words: &str| {
        let script = format!("ulimit -f 8; exec {binary} {words}");
        let output =
            tokio::process::Command::new("sh").arg("-c").arg(script).current_dir(home.path()).output();
        timeout(CAP, output).await.unwrap().unwrap()
    };
    let ran = limited("store backup --to b.db").await;
    let stderr = String::from_utf8(ran.stderr).unwrap();
    assert_eq!((ran.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert!(
        stderr.contains("failed to back up") && stderr.contains("limit on the size of files"),
        "{stderr}"
    );
    assert!(!home.path().join("b.db").exists() && !home.path().join("b.db.partial").exists());
    let ran = limited("serve --store file:./new --listen 127.0.0.1:0").await;
    let stderr = String::from_utf8(ran.stderr).unwrap();
    assert_eq!((ran.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert!(
        stderr.contains("failed to open the store") && stderr.contains("limit on the size of files"),
        "{stderr}"
    );
}

/// A file system of its own around the store, so small that it can be filled; the store's log takes about a sixteenth of it.
const SMALL_DISK: &str = "mv switchboard-data kept && mkdir switchboard-data && \
    mount -t tmpfs -o size=16m tmpfs switchboard-data && cp -a kept/. switchboard-data && exec \"$0\" serve";

/// Whether this machine lets us mount one; where it does not, that is said.
pub(crate) fn may_mount() -> bool {
    let mut probe = std::process::Command::new("unshare");
    let probe = probe.args(["-rm", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt"]).output();
    let may = probe.is_ok_and(|probe| probe.status.success());
    if !may {
        eprintln!(
            "NOT TRIED: a full disk, because user namespaces are not allowed here; the file limit stands in for it"
        );
    }
    may
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_comes_back_by_itself() {
    if !may_mount() {
        return;
    }
    let mut stage = persistent().await;
    stage.say("ann", "before");
    stage.wait_texts("ann", &[&answer_to("before")]).await;
    stage.server.signal(nix::sys::signal::Signal::SIGTERM);
    stage.server.end().await;
    stage.server = stage.home.spawn_unshared(SMALL_DISK);
    stage.server.ready().await;
    stage.api = switchboard_tests::api::Api::of(&stage.server);
    stage.api.wait_connected(&stage.channel).await;
    let root = format!("/proc/{}/root", stage.server.process_id());
    let filler = format!("{root}{}", stage.home.store().join("filler").display());
    let mut file = fs::File::create(&filler).unwrap();
    let mut bytes = 65_536;
    while bytes > 0 {
        if file.write_all(&vec![0; bytes]).is_err() {
            bytes /= 2;
        }
    }
    drop(file);
    let begun = Instant::now();
    for number in 0..5 {
        stage.say("ann", &format!("meanwhile {number} {}", "and so on ".repeat(200)));
    }
    let told = until_red(&stage).await;
    // Until the sockets are closed, what comes is refused again and again.
    let mut load = Load { number: 0, pushed: Vec::new() };
    while stage.simulator.observe(|seen| seen.live_connections().count()) > 0 {
        load.step(&stage).await;
        assert!(begun.elapsed() < CAP, "the sockets are never closed");
    }
    fs::remove_file(&filler).unwrap();
    let back = until_green(&stage).await;
    told_now_and_then(&stage, begun.elapsed());
    println!("full: told after {told:?}, back after {back:?}");
    let answered = |seen: &Observed| seen.messages.iter().all(|message| message.acked.is_some());
    stage.simulator.wait_for(CAP, answered).await.unwrap();
    stage.assert_no_alarm();
}
