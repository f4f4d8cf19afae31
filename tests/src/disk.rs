//! What the machine's disk takes to make a small write durable: whoever keeps its word waits for that, whoever it is.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// From one durable write to the next.
const WRITE_EVERY: Duration = Duration::from_millis(20);
/// Size of one: a page of the store.
const WRITE_BYTES: usize = 4_096;

/// Makes small writes durable now and then, and takes the time of each.
pub struct DurableWrites {
    stop: CancellationToken,
    writer: JoinHandle<Vec<Duration>>,
}

impl DurableWrites {
    /// Begins, with a file of its own in this folder.
    pub fn begin(folder: &Path) -> Self {
        let (path, stop) = (folder.join("durable-writes"), CancellationToken::new());
        let writer = tokio::spawn(write(path, stop.clone()));
        Self { stop, writer }
    }

    /// The times of all of them, the shortest first.
    pub async fn end(self) -> Vec<Duration> {
        self.stop.cancel();
        let mut times = self.writer.await.expect("the writer ends");
        times.sort_unstable();
        times
    }
}

async fn write(path: PathBuf, stop: CancellationToken) -> Vec<Duration> {
    let mut ticks = interval(WRITE_EVERY);
    // After a slow write there is a pause as after any other.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut times = Vec::new();
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let path = path.clone();
        let writing = tokio::task::spawn_blocking(move || durable_write(&path));
        times.push(writing.await.expect("it is written"));
    }
    times
}

fn durable_write(path: &Path) -> Duration {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    file.write_all(&[7; WRITE_BYTES]).expect("there is room");
    let began = Instant::now();
    file.sync_data().expect("it is made durable");
    began.elapsed()
}
