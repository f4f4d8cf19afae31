//! Redis servers, alone and as a Cluster.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{installed, looks, ports};

/// A server that syncs each write before it answers, with a directory of its own.
pub struct Server {
    child: Option<Child>,
    directory: TempDir,
    port: u16,
    more: Vec<String>,
}

impl Server {
    /// Starts one on a free port.
    pub fn start(more: &[&str]) -> Self {
        installed("redis-server", "redis-server");
        let directory = tempfile::tempdir().unwrap();
        let more: Vec<_> = more.iter().map(|&word| word.to_owned()).collect();
        for _ in 0..ports::TRIES_MAX {
            let port = ports::free();
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
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Asks one thing over a connection of its own, and gives what comes back at once; a text comes whole.
    pub fn tell(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
        let (mut answer, mut part) = (Vec::new(), [0; 4_096]);
        loop {
            let count = stream.read(&mut part).unwrap();
            answer.extend_from_slice(&part[..count]);
            let text = String::from_utf8_lossy(&answer);
            let parts = text.strip_prefix('$').and_then(|rest| rest.split_once("\r\n"));
            let is_partial = parts
                .is_some_and(|(length, text)| length.parse().is_ok_and(|length: usize| text.len() < length));
            if count == 0 || !is_partial {
                return text.into_owned();
            }
        }
    }

    /// Dies without a word.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops running without dying: nobody is answered until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Goes on after [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// Comes back with what it has on disk.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.directory.path(), self.port, &self.more);
        assert!(self.child.is_some(), "redis-server does not come back");
    }
}

/// Hash slots of a Cluster.
const SLOTS: u16 = 16_384;

/// Masters, which share the slots.
const MASTERS: usize = 3;

/// Three masters, and perhaps a replica of the first.
pub struct Cluster(Vec<Server>);

impl Cluster {
    /// Starts one, and waits until each node knows all of it.
    pub fn start() -> Self {
        Self::of(MASTERS)
    }

    /// The same with a replica of the first master, which stands in for it when it dies.
    pub fn start_with_replica() -> Self {
        let cluster = Self::of(MASTERS + 1);
        let first = cluster.0[0].tell("CLUSTER MYID");
        let id = first.lines().nth(1).expect("a node has an id");
        let replica = &cluster.0[MASTERS];
        let follows = || {
            let state = replica.tell("INFO replication");
            if !state.contains("role:slave") {
                // Refused until it has heard of that master; said again to one that follows, it begins anew.
                replica.tell(&format!("CLUSTER REPLICATE {id}"));
            }
            state.contains("master_link_status:up")
        };
        assert!(looks(follows), "the replica does not follow");
        cluster
    }

    fn of(count: usize) -> Self {
        let more = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        let nodes: Vec<_> = (0..count).map(|_| Server::start(&more)).collect();
        for (number, node) in (0..).zip(&nodes) {
            let slots: Vec<_> =
                (0..SLOTS).filter(|slot| slot / 5_462 == number).map(|slot| slot.to_string()).collect();
            if !slots.is_empty() {
                node.tell(&format!("CLUSTER ADDSLOTS {}", slots.join(" ")));
            }
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
    pub fn url(&self) -> String {
        let nodes: Vec<_> = self.0.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis-cluster://{}", nodes.join(","))
    }

    /// All of it dies without a word and comes back.
    pub fn restart(&mut self) {
        for node in &mut self.0 {
            node.kill();
        }
        for node in &mut self.0 {
            node.restart();
        }
        self.wait();
    }

    /// The first master dies without a word.
    pub fn kill_first(&mut self) {
        self.0[0].kill();
    }

    /// Comes back on its port with what it has on disk.
    pub fn restart_first(&mut self) {
        self.0[0].restart();
        self.wait();
    }

    /// Whether the second master takes everything to be well: someone has each slot.
    pub fn is_well(&self) -> bool {
        self.0[1].tell("CLUSTER INFO").contains("cluster_state:ok")
    }

    /// Whether the replica has taken the place of its master.
    pub fn has_stood_in(&self) -> bool {
        self.0[MASTERS].tell("INFO replication").contains("role:master")
    }

    /// A node says that all is well only when it knows who has each slot.
    fn wait(&self) {
        let known = format!("cluster_known_nodes:{}", self.0.len());
        for node in &self.0 {
            let is_well = || {
                let info = node.tell("CLUSTER INFO");
                info.contains("cluster_state:ok") && info.contains(&known)
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

fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = [0; 5];
    stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"+PONG"
}
