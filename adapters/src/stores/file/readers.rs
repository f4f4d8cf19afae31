//! Readers: threads and connections of their own, so that no read waits for a write and no long search for a short one.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, InterruptHandle};
use switchboard_ports::error::StoreError;
use tokio::sync::oneshot;

use super::error::store_error;
use super::{Standing, opening};

/// Reads that wait for a thread, at most; one more is `Unavailable`.
const QUEUE_MAX: usize = 4_096;

/// A few threads that read, each with a connection. A disk that hangs holds up them and nobody else. Dropping it cuts short what
/// they are at, and nobody is answered any more.
pub(super) struct Readers {
    pool: Arc<Pool>,
    threads_max: usize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the threads share.
struct Pool {
    database: PathBuf,
    standing: Standing,
    queue: Mutex<Queue>,
    changed: Condvar,
    /// What cuts a thread's read short, by the thread's number.
    interrupts: Mutex<BTreeMap<usize, InterruptHandle>>,
}

/// What somebody wants to read, with whom to answer.
type Read = Box<dyn FnOnce(&mut Reader<'_>) + Send>;

#[derive(Default)]
struct Queue {
    reads: VecDeque<Read>,
    /// Threads that wait for something to read.
    idle: usize,
    closed: bool,
}

impl Readers {
    /// Starts threads as they are needed, at most `threads_max`; further reads wait.
    pub(super) fn new(database: PathBuf, threads_max: usize, standing: Standing) -> Self {
        let (queue, changed) = (Mutex::default(), Condvar::new());
        let pool = Arc::new(Pool { database, standing, queue, changed, interrupts: Mutex::default() });
        Self { pool, threads_max, threads: Mutex::default() }
    }

    /// Reads on a thread where waiting for the disk holds up nobody. All of `work` sees the same moment.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Box::new(move |reader| {
            // Nobody listens any more: there is nothing to read.
            if !reply.is_closed() {
                let _unheard = reply.send(reader.read(work));
            }
        }))?;
        // A panic has been reported, and has cost its own read only.
        answer.await.unwrap_or_else(|_| Err(unavailable("the read was given up")))
    }

    fn submit(&self, read: Read) -> Result<(), StoreError> {
        let mut queue = lock(&self.pool.queue);
        if queue.reads.len() >= QUEUE_MAX {
            return Err(unavailable("too much is waiting to be read"));
        }
        queue.reads.push_back(read);
        let wants_thread = queue.reads.len() > queue.idle;
        drop(queue);
        if wants_thread && !self.one_more() {
            return Err(unavailable("no thread that reads could be started"));
        }
        self.pool.changed.notify_one();
        Ok(())
    }

    /// Starts one more thread, if there may be one. Where that fails, those that are there do the work; whether there are any. Where there
    /// are none, what waits is given up.
    fn one_more(&self) -> bool {
        let mut threads = lock(&self.threads);
        if threads.len() < self.threads_max {
            let (pool, number) = (Arc::clone(&self.pool), threads.len());
            let thread = std::thread::Builder::new().name("store-reader".to_owned());
            match thread.spawn(move || pool.serve(number)) {
                Ok(thread) => threads.push(thread),
                Err(error) => tracing::error!(%error, "failed to start a thread that reads the store"),
            }
        }
        if threads.is_empty() {
            lock(&self.pool.queue).reads.clear();
        }
        !threads.is_empty()
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        lock(&self.pool.queue).closed = true;
        self.pool.changed.notify_all();
        for interrupt in lock(&self.pool.interrupts).values() {
            interrupt.interrupt();
        }
        for thread in lock(&self.threads).drain(..) {
            // A panic of the thread has been reported by whoever waited for it.
            let _stopped = thread.join();
        }
    }
}

impl Pool {
    /// Until nobody is left who could ask for anything.
    fn serve(&self, number: usize) {
        let mut reader = Reader { pool: self, number, connection: None };
        let mut queue = lock(&self.queue);
        loop {
            if queue.closed {
                queue.reads.clear();
                return;
            }
            if let Some(read) = queue.reads.pop_front() {
                drop(queue);
                // Its panic costs its connection, and must not cost the thread: there are only a few.
                let _panicked = catch_unwind(AssertUnwindSafe(|| read(&mut reader)));
                queue = lock(&self.queue);
            } else {
                queue.idle += 1;
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
            }
        }
    }

    fn open(&self, number: usize) -> Result<Connection, StoreError> {
        // Another database of the same name is not this store.
        self.standing.presence.check()?;
        let connection = opening::reader(&self.database).map_err(store_error)?;
        lock(&self.interrupts).insert(number, connection.get_interrupt_handle());
        Ok(connection)
    }
}

/// A thread's own connection.
struct Reader<'a> {
    pool: &'a Pool,
    number: usize,
    connection: Option<Connection>,
}

impl Reader<'_> {
    fn read<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let answer = self.with_connection(work);
        if let Err(error) = &answer {
            self.pool.standing.damage.note(error);
        }
        answer
    }

    fn with_connection<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // A connection that failed is not used again: the next read opens a fresh one.
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.pool.open(self.number)?,
        };
        let snapshot = connection.unchecked_transaction().map_err(store_error)?;
        let answer = work(&snapshot);
        snapshot.finish().map_err(store_error)?;
        self.connection = answer.is_ok().then_some(connection);
        answer
    }
}

fn unavailable(cause: &str) -> StoreError {
    StoreError::Unavailable(cause.to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
