//! What the machine's disk takes to make a small write durable: whoever keeps its word waits for that, whoever it is.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// From one durable write to the next.
const WRITE_EVERY: Duration = Duration::from_millis(20);
/// Size of one: a page of the store.
const WRITE_BYTES: usize = 4_096;
/// Pages that are written over in turn, as the store's log is: in a file that grows, its size would be made durable, too.
const ROOM_PAGES: u64 = 256;

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
        let (path, number) = (path.clone(), times.len() as u64);
        let writing = tokio::task::spawn_blocking(move || durable_write(&path, number % ROOM_PAGES));
        times.push(writing.await.expect("it is written"));
    }
    times
}

fn durable_write(path: &Path, page: u64) -> Duration {
    if !path.exists() {
        make_room(path);
    }
    let mut file = OpenOptions::new().write(true).open(path).expect("a file");
    file.seek(SeekFrom::Start(page * WRITE_BYTES as u64)).expect("a place in it");
    file.write_all(&[7; WRITE_BYTES]).expect("there is room");
    let began = Instant::now();
    file.sync_data().expect("it is made durable");
    began.elapsed()
}

fn make_room(path: &Path) {
    let mut file = File::create(path).expect("a file");
    for _ in 0..ROOM_PAGES {
        file.write_all(&[0; WRITE_BYTES]).expect("there is room");
    }
    file.sync_all().expect("it is made durable");
}
