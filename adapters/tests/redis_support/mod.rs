//! Real Redis servers for tests: installed where they are missing, started on free ports, killed like anything that dies.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// Pause between two looks at a server that starts.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks at a server that starts: half a minute of them.
const LOOKS_MAX: u32 = 3_000;

/// Tries of other ports, where somebody else was quicker.
const PORTS_MAX: u32 = 20;

/// A server that syncs each write before it answers, with a directory of its own.
pub(crate) struct Server {
    child: Option<Child>,
    directory: TempDir,
    port: u16,
    more: Vec<String>,
}

impl Server {
    /// Starts one on a free port.
    pub(crate) fn start(more: &[&str]) -> Self {
        install();
        let directory = tempfile::tempdir().unwrap();
        let more: Vec<_> = more.iter().map(|&word| word.to_owned()).collect();
        for _ in 0..PORTS_MAX {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            // A Cluster's nodes talk to each other 10,000 further up.
            if port > 55_000 {
                continue;
            }
            if let Some(child) = spawn(directory.path(), port, &more) {
                return Self { child: Some(child), directory, port, more };
            }
        }
        panic!("no port is free for redis-server");
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Asks one thing over a connection of its own, and gives what comes back at once.
    fn tell(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
        let mut answer = vec![0; 4_096];
        let count = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..count]).into_owned()
    }

    /// Dies without a word.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Comes back with what it has on disk.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.directory.path(), self.port, &self.more);
        assert!(self.child.is_some(), "redis-server does not come back");
    }
}

/// Hash slots of a Cluster.
const SLOTS: u16 = 16_384;

/// Three servers that share the slots.
pub(crate) struct Cluster(Vec<Server>);

impl Cluster {
    /// Starts one, and waits until each node knows all of it.
    pub(crate) fn start() -> Self {
        let more = ["--cluster-enabled", "yes", "--cluster-node-timeout", "5000"];
        let nodes: Vec<_> = (0..3).map(|_| Server::start(&more)).collect();
        for (number, node) in (0..).zip(&nodes) {
            let slots: Vec<_> =
                (0..SLOTS).filter(|slot| slot / 5_462 == number).map(|slot| slot.to_string()).collect();
            node.tell(&format!("CLUSTER ADDSLOTS {}", slots.join(" ")));
            node.tell(&format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1));
            for other in &nodes {
                node.tell(&format!("CLUSTER MEET 127.0.0.1 {}", other.port));
            }
        }
        let cluster = Self(nodes);
        cluster.wait();
        cluster
    }

    /// Its address: one node tells of the others.
    pub(crate) fn url(&self) -> String {
        let nodes: Vec<_> = self.0.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis-cluster://{}", nodes.join(","))
    }

    /// All of it dies without a word and comes back.
    pub(crate) fn restart(&mut self) {
        for node in &mut self.0 {
            node.kill();
        }
        for node in &mut self.0 {
            node.restart();
        }
        self.wait();
    }

    /// A node says that all is well only when it knows who has each slot.
    fn wait(&self) {
        for node in &self.0 {
            let is_well = || {
                let info = node.tell("CLUSTER INFO");
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            };
            assert!(looks(is_well), "the nodes do not find each other");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(directory: &Path, port: u16, more: &[String]) -> Option<Child> {
    let mut command = Command::new("redis-server");
    let port_text = port.to_string();
    command.args(["--port", &port_text, "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]);
    command.arg("--dir").arg(directory).args(more);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let mut has_ended = false;
    let comes = looks(|| {
        has_ended = child.try_wait().unwrap().is_some();
        has_ended || answers(port)
    });
    if !comes {
        child.kill().unwrap();
    }
    if !comes || has_ended {
        child.wait().unwrap();
        assert!(comes, "redis-server does not answer on port {port}");
        return None;
    }
    Some(child)
}

/// Looks until it is so, for a while.
fn looks(mut is_so: impl FnMut() -> bool) -> bool {
    (0..LOOKS_MAX).any(|_| {
        let so = is_so();
        if !so {
            std::thread::sleep(PAUSE);
        }
        so
    })
}

fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = [0; 5];
    stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"+PONG"
}

/// Installs `redis-server` where it is missing; tests that run side by side wait for the one that does.
fn install() {
    let is_there = || Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok();
    if is_there() {
        return;
    }
    let lock = File::create(std::env::temp_dir().join("switchboard-tests-redis.lock")).unwrap();
    lock.lock().unwrap();
    if is_there() {
        return;
    }
    for arguments in
        [["update", "-q"].as_slice(), &["install", "-q", "-y", "--no-install-recommends", "redis-server"]]
    {
        let status = Command::new("apt-get").args(arguments).stdout(Stdio::null()).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "these tests need redis-server 6.2 or newer: install it (`apt-get install redis-server`)"
        );
    }
}
