//! The real binary as a child process: a home of its own, commands, a running server, signals.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dingtalk_sim::load::Sample;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::{binary, looks};

/// Longest wait for anything that has to happen; far longer than it ever takes on a busy machine.
pub const CAP: Duration = Duration::from_secs(90);

/// The admin token that servers of process tests are started with.
pub const ADMIN_TOKEN: &str = "adm-t0ken-of-the-process-tests";

/// Signs in a log of what cannot happen.
pub const ALARMS: [&str; 3] = ["panicked at", "this is a bug", "an impossible event"];

/// Lines of a log shown when a test fails.
const LOG_LINES_SHOWN: usize = 120;

/// A folder in which the binary runs: its configuration, store, key, temporary files and logs. Removed when dropped.
pub struct Home {
    folder: TempDir,
    environment: BTreeMap<String, String>,
    started: AtomicUsize,
}

/// A command that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it printed on stdout.
    pub stdout: String,
    /// What it printed on stderr.
    pub stderr: String,
}

impl Ran {
    /// The command, if it ended well.
    ///
    /// # Panics
    /// When it did not.
    #[expect(clippy::return_self_not_must_use, reason = "often the check alone is wanted")]
    #[track_caller]
    pub fn fine(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

impl Default for Home {
    fn default() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("tmp")).expect("a folder inside it");
        let mut home = Self { folder, environment: BTreeMap::new(), started: AtomicUsize::new(0) };
        home.set("SWITCHBOARD_SERVER__LISTEN", "127.0.0.1:0");
        home.set("SWITCHBOARD_SECURITY__ADMIN_TOKEN", ADMIN_TOKEN);
        home.set("SWITCHBOARD_TELEMETRY__LOG", "info,switchboard=debug");
        let temporary = home.temporary().display().to_string();
        home.set("TMPDIR", &temporary);
        home
    }
}

impl Home {
    /// Sets an environment variable of everything started from now on. Nothing of the test's own environment is handed on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// A home whose servers keep everything in this Redis.
    pub fn on_redis(url: &str) -> Self {
        let mut home = Self::default();
        home.write_key("key", 'a');
        home.set("SWITCHBOARD_SECURITY__ENCRYPTION_KEY_FILE", "key");
        home.set("SWITCHBOARD_STORE__URL", url);
        home
    }

    /// Writes a key file of one digit.
    pub fn write_key(&self, name: &str, digit: char) {
        let path = self.path().join(name);
        fs::write(&path, digit.to_string().repeat(64)).expect("the key is written");
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("it is our own");
    }

    /// Takes an environment variable away again.
    pub fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// The folder itself: where everything is started.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder for temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.path().join("tmp")
    }

    /// The default store's folder.
    pub fn store(&self) -> PathBuf {
        self.path().join("switchboard-data")
    }

    /// Writes the configuration file, `switchboard.toml`; servers are started with it from now on.
    pub fn configure(&self, toml: &str) {
        fs::write(self.config(), toml).expect("the configuration file is written");
    }

    fn config(&self) -> PathBuf {
        self.path().join("switchboard.toml")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary::path());
        command.args(arguments).current_dir(self.path()).env_clear().envs(&self.environment);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        let output = timeout(CAP, command.stderr(Stdio::piped()).output()).await;
        let output = output.unwrap_or_else(|_| panic!("{arguments:?} did not end within {CAP:?}"));
        let output = output.expect("the binary runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what it prints is text");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// `switchboard serve`, once it says that it is ready.
    pub async fn serve(&self) -> Server {
        let has_config = self.config().exists();
        let arguments: &[&str] =
            if has_config { &["serve", "--config", "switchboard.toml"] } else { &["serve"] };
        self.start(arguments).await
    }

    /// Any command that serves, once it says that it is ready.
    pub async fn start(&self, arguments: &[&str]) -> Server {
        let mut server = self.spawn(arguments);
        server.ready().await;
        server
    }

    /// Runs a command and kills it with `kill -9` after a while, unless it has ended by then; whether it had.
    pub async fn run_killed(&self, arguments: &[&str], after: Duration) -> bool {
        let mut child = self.command(arguments).stderr(Stdio::null()).spawn().expect("the binary starts");
        let ended = timeout(after, child.wait()).await.is_ok();
        child.start_kill().ok();
        child.wait().await.expect("it is our child");
        ended
    }

    /// Any command that serves, as soon as its process is there.
    pub fn spawn(&self, arguments: &[&str]) -> Server {
        self.spawn_by(self.command(arguments))
    }

    /// The same begun by a shell script in a user and mount namespace of its own, where it may mount what it likes; `$0` is the
    /// binary.
    pub fn spawn_unshared(&self, script: &str) -> Server {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script]).arg(binary::path()).current_dir(self.path());
        command.env_clear().envs(&self.environment).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        self.spawn_by(command)
    }

    fn spawn_by(&self, mut command: Command) -> Server {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let log = self.path().join(format!("server-{number}.log"));
        let file = File::create(&log).expect("a log file");
        let mut child = command.stderr(file).spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("its stdout is a pipe");
        let said = watch::Sender::new(Vec::new());
        let server = Server { child, said: said.subscribe(), log, base: String::new() };
        tokio::spawn(listen(stdout, said));
        server
    }

    /// What all servers started here have logged.
    pub fn logs(&self) -> String {
        let count = self.started.load(Ordering::Relaxed);
        let logs = (0..count).map(|number| self.path().join(format!("server-{number}.log")));
        logs.map(|log| fs::read_to_string(log).expect("a log is text")).collect()
    }
}

/// Reads to the end, so that the child never waits for a full pipe.
async fn listen(stdout: ChildStdout, said: watch::Sender<Vec<String>>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        said.send_modify(|said| said.push(line));
    }
}

/// A running server. Killed when dropped; its log is shown when the test fails.
pub struct Server {
    child: Child,
    said: watch::Receiver<Vec<String>>,
    log: PathBuf,
    base: String,
}

impl Server {
    /// Waits until it says that it is ready.
    pub async fn ready(&mut self) {
        self.base = self.line("ready ").await;
    }

    /// Waits until it says that it is ready, or ends before; whether it is ready.
    pub async fn ready_or_ended(&mut self) -> bool {
        let is_ready = |said: &Vec<String>| said.iter().any(|line| line.starts_with("ready "));
        let mut said = self.said.clone();
        let waited = timeout(CAP, said.wait_for(is_ready)).await.map(|said| said.is_ok());
        match waited {
            Ok(true) => {
                self.ready().await;
                true
            }
            Ok(false) => {
                self.end().await;
                false
            }
            Err(_late) => panic!("the server neither became ready nor ended within {CAP:?}"),
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Waits until it has logged something.
    pub async fn wait_logged(&self, words: &str) {
        looks::until(words, async || self.log().contains(words).then_some(())).await;
    }

    /// Its address: `http://127.0.0.1:PORT`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The lines it has printed on stdout so far.
    pub fn said(&self) -> Vec<String> {
        self.said.borrow().clone()
    }

    /// The rest of the first line on stdout that begins like this, waiting for it.
    pub async fn line(&self, beginning: &str) -> String {
        let mut said = self.said.clone();
        let find =
            |said: &Vec<String>| said.iter().find_map(|line| line.strip_prefix(beginning)).map(str::to_owned);
        match timeout(CAP, said.wait_for(|said| find(said).is_some())).await {
            Ok(Ok(said)) => find(&said).expect("just found"),
            Ok(Err(_)) => panic!("the server ended before it said {beginning:?}; it said {:?}", self.said()),
            Err(_late) => panic!("the server did not say {beginning:?}; it said {:?}", self.said()),
        }
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log is text")
    }

    /// Its process id.
    pub fn process_id(&self) -> i32 {
        let id = self.child.id().expect("it has not been waited for");
        i32::try_from(id).expect("a process id")
    }

    /// What its process uses now.
    pub fn sample(&self) -> Sample {
        let id = self.child.id().expect("it has not been waited for");
        Sample::of(id).expect("it runs")
    }

    /// How many files and sockets its process has open now.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process_id())).expect("it runs").count()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.process_id())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the signal is sent");
    }

    /// Waits for its end.
    pub async fn end(&mut self) -> ExitStatus {
        let ended = timeout(CAP, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("the server did not end within {CAP:?}")).expect("it is our child")
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.end().await;
    }

    /// SIGTERM, and waits for its end.
    pub async fn terminate(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.end().await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let shown = lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n");
            eprintln!("--- end of {} ---\n{shown}\n---", self.log.display());
        }
    }
}
