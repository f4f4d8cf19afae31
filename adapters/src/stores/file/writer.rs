//! The one writer: a named thread that puts whatever is queued into one transaction (R7).
//!
//! One `fsync` then serves many members. Where there are several, each has a savepoint of its own, so that one that fails takes no
//! other with it; and nobody is answered before the transaction is on disk. When the transaction fails as a whole, all members
//! get `Unavailable`, whatever they would have heard: an answer like "seen before" may rest on another member's lost write.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rusqlite::Connection;
use switchboard_domain::ids::Partition;
use switchboard_domain::time::Timestamp;
use switchboard_domain::trouble::Episode;
use switchboard_ports::clock::Clock;
use switchboard_ports::conversations::DEDUPLICATION_KEPT;
use switchboard_ports::error::StoreError;
use tokio::sync::oneshot;

use super::presence::Absent;
use super::sql::{int, run};
use super::{Standing, damage, opening};
use crate::stores::leases::Leases;

/// Members waiting for the writer at most; one more is `Unavailable`.
const QUEUE_MAX: usize = 4_096;

/// Members of one transaction at most.
const GROUP_MAX: usize = 256;

/// Deduplication marks added until expired ones are deleted, twice as many.
const SWEPT_AFTER: usize = 64;

/// What a member works with.
pub(super) struct Step<'a> {
    /// Inside the group's transaction, inside the member's savepoint.
    pub(super) connection: &'a Connection,
    /// When it is stored.
    pub(super) now: Timestamp,
    /// Who holds what.
    pub(super) leases: &'a Mutex<Leases>,
    /// Partitions that got a new token in this transaction; taken back if it fails.
    pub(super) claimed: &'a mut Vec<Partition>,
    /// Deduplication marks added in this transaction.
    pub(super) marked: &'a mut usize,
    /// Whether the disk takes what it is given.
    pub(super) health: &'a mut Health,
}

/// What is known about the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// Nothing has failed since the last proof.
    Sound,
    /// Something could not be written.
    Troubled,
    /// A proof is part of the transaction; sound again once that is on disk.
    Proving,
}

/// The queue's end that members are handed in at. Dropping it waits until everything queued is written.
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Member>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        connection: Connection,
        clock: Arc<dyn Clock>,
        leases: Arc<Mutex<Leases>>,
        standing: Standing,
    ) -> std::io::Result<Self> {
        let (queue, members) = sync_channel(QUEUE_MAX);
        let writing = Writing {
            connection,
            clock,
            leases,
            standing,
            health: Health::Sound,
            is_folded: false,
            // What an earlier process left is looked for with the first message.
            unswept: SWEPT_AFTER,
            trouble: Episode::new(),
        };
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let thread = thread.spawn(move || writing.serve(&members))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Queues work; the order of calls is the order of work. The future only waits for the answer.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Step<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        self.submit_then(work, || {})
    }

    /// The same, with something that is done before anybody can know that it is written or lost, whether somebody still waits for
    /// that or not.
    pub(super) fn submit_then<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Step<'_>) -> Result<T, StoreError> + Send + 'static,
        then: impl FnOnce() + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let member = Box::new(Task { work: Some(work), result: None, then, reply });
        let queued = self.queue.as_ref().map(|queue| queue.try_send(member));
        let refused = match queued {
            Some(Ok(())) => None,
            Some(Err(TrySendError::Full(_))) => Some("too much is waiting to be written"),
            Some(Err(TrySendError::Disconnected(_))) | None => Some(STOPPED),
        };
        async move {
            match refused {
                Some(cause) => Err(unavailable(cause)),
                None => answer.await.unwrap_or_else(|_| Err(unavailable(STOPPED))),
            }
        }
        .boxed()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by whoever waited for it.
            let _stopped = thread.join();
        }
    }
}

const STOPPED: &str = "the writer has stopped";

fn unavailable(cause: &str) -> StoreError {
    StoreError::Unavailable(cause.to_owned())
}

/// One piece of work, without its types.
trait Member: Send {
    /// Works, and remembers the result. Says whether what was written is to be kept.
    fn work(&mut self, step: &mut Step<'_>) -> bool;

    /// The trouble with the disk that it met, if it did.
    fn trouble(&self) -> Option<&StoreError>;

    /// Answers, now that the transaction is on disk or lost.
    fn answer(self: Box<Self>, lost: Option<&StoreError>);
}

struct Task<T, W, D> {
    work: Option<W>,
    result: Option<Result<T, StoreError>>,
    then: D,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W, D> Member for Task<T, W, D>
where
    T: Send,
    W: FnOnce(&mut Step<'_>) -> Result<T, StoreError> + Send,
    D: FnOnce() + Send,
{
    fn work(&mut self, step: &mut Step<'_>) -> bool {
        let Some(work) = self.work.take() else {
            return false;
        };
        // Admission is foreign code: its panic must cost its own message only, not the thread.
        let result = catch_unwind(AssertUnwindSafe(|| work(step)));
        let result = result.unwrap_or_else(|_: Box<dyn Any + Send>| Err(unavailable("a decision panicked")));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn trouble(&self) -> Option<&StoreError> {
        let error = self.result.as_ref()?.as_ref().err();
        error.filter(|error| matches!(error, StoreError::Unavailable(_)))
    }

    fn answer(self: Box<Self>, lost: Option<&StoreError>) {
        let answer = match (lost, self.result) {
            (Some(lost), _) => Err(lost.clone()),
            (None, Some(result)) => result,
            (None, None) => Err(unavailable(STOPPED)),
        };
        (self.then)();
        // Nobody listens any more: dropping the future does not undo.
        let _unheard = self.reply.send(answer);
    }
}

struct Writing {
    connection: Connection,
    clock: Arc<dyn Clock>,
    leases: Arc<Mutex<Leases>>,
    standing: Standing,
    health: Health,
    /// Whether the log of a file that is not in its place has gone into it.
    is_folded: bool,
    /// Deduplication marks added since expired ones were deleted.
    unswept: usize,
    /// Whole transactions that are lost.
    trouble: Episode,
}

impl Writing {
    /// Until nobody is left who could queue anything.
    fn serve(mut self, members: &Receiver<Box<dyn Member>>) {
        while let Ok(first) = members.recv() {
            let mut group = vec![first];
            while group.len() < GROUP_MAX
                && let Ok(next) = members.try_recv()
            {
                group.push(next);
            }
            if let Err(refusal) = self.fit() {
                self.refuse(group, members, &refusal);
            } else {
                self.is_folded = false;
                self.write(group, members);
            }
        }
        if self.fit().is_err() {
            // Closing must not fold the log into a damaged file, nor delete the log of another database that has come in
            // this one's place. This fails only where there is nothing to fold.
            self.fold();
            let _unused = opening::fold_at_close(&self.connection, false);
        } else {
            // The planner's statistics; without them plans are only slower.
            let _unused = self.connection.execute_batch("PRAGMA optimize");
        }
    }

    /// Whether anything may be written.
    fn fit(&self) -> Result<(), StoreError> {
        if self.standing.damage.is_found() {
            return Err(damage::refusal());
        }
        self.standing.presence.check()
    }

    /// Nothing more is written to a damaged file, or to one that nobody would find again.
    fn refuse(
        &mut self,
        mut group: Vec<Box<dyn Member>>,
        members: &Receiver<Box<dyn Member>>,
        refusal: &StoreError,
    ) {
        self.health = Health::Troubled;
        self.fold();
        // What was queued behind goes the same way: written after the file is back, it would overtake what is offered again.
        group.extend(members.try_iter().take(QUEUE_MAX));
        for member in group {
            member.answer(Some(refusal));
        }
    }

    /// Puts the log into the open database, wherever that is now, where the log would be lost or do harm. A reader can keep that
    /// from being done; then it is tried again.
    fn fold(&mut self) {
        let wanted = self.standing.presence.absent().is_some_and(Absent::wants_fold);
        if wanted && !self.is_folded && !self.standing.damage.is_found() {
            self.is_folded = opening::fold_log(&self.connection);
        }
    }

    fn write(&mut self, mut group: Vec<Box<dyn Member>>, members: &Receiver<Box<dyn Member>>) {
        let mut claimed = Vec::new();
        let mut health = self.health;
        // Acknowledged is only what is in a file that still has its name.
        let written = self.transact(&mut group, &mut claimed, &mut health);
        let written = written.and_then(|()| self.standing.presence.check());
        let lost = written.err();
        let troubles = group.iter().filter_map(|member| member.trouble()).chain(&lost);
        let is_troubled = troubles.inspect(|error| self.standing.damage.note(error)).count() > 0;
        self.health = match health {
            _ if is_troubled => Health::Troubled,
            Health::Sound | Health::Proving => Health::Sound,
            Health::Troubled => Health::Troubled,
        };
        if let Some(error) = &lost {
            if !self.connection.is_autocommit() {
                let _already_lost = self.connection.execute_batch("ROLLBACK");
            }
            self.revoke(claimed);
            // What was queued behind goes the same way: written now, it would overtake what is offered again.
            group.extend(members.try_iter().take(QUEUE_MAX));
            self.tell(Some((error, group.len())));
        } else if self.health == Health::Sound {
            self.tell(None);
        }
        for member in group {
            member.answer(lost.as_ref());
        }
        // The log itself may be what takes the room, and nothing else would make it shorter.
        if lost.is_some() && self.fit().is_ok() && self.standing.presence.has_no_room() {
            opening::fold_log(&self.connection);
        }
    }

    /// Says that nothing could be written, or that it can be again; not each time.
    fn tell(&mut self, lost: Option<(&StoreError, usize)>) {
        let now = self.clock.now();
        let Some((error, members)) = lost else {
            if let Some(ended) = self.trouble.ended(now) {
                let for_secs = ended.lasted.as_secs();
                tracing::info!(refused = ended.refused, for_secs, "the store can be written again");
            }
            return;
        };
        let members = u64::try_from(members).unwrap_or(u64::MAX);
        if let Some(told) = self.trouble.refused(members, now) {
            let for_secs = told.lasted.as_secs();
            tracing::warn!(refused = told.refused, for_secs, %error, "failed to write to the store");
        }
    }

    fn transact(
        &mut self,
        group: &mut [Box<dyn Member>],
        claimed: &mut Vec<Partition>,
        health: &mut Health,
    ) -> Result<(), StoreError> {
        run(&self.connection, "BEGIN IMMEDIATE", [])?;
        let is_alone = group.len() == 1;
        let mut marked = 0;
        for member in group {
            let before = (claimed.len(), marked);
            let mut step = Step {
                connection: &self.connection,
                now: self.clock.now(),
                leases: &self.leases,
                claimed,
                marked: &mut marked,
                health,
            };
            let work = || member.work(&mut step);
            let keep = if is_alone { self.sound(work) } else { self.within_savepoint(work) }?;
            if !keep {
                marked = before.1;
                self.revoke(claimed.drain(before.0..));
            }
            if !keep && is_alone {
                return run(&self.connection, "ROLLBACK", []).map(drop);
            }
        }
        self.unswept += marked;
        if self.unswept >= SWEPT_AFTER && self.within_savepoint(|| self.sweep().is_ok())? {
            self.unswept = 0;
        }
        run(&self.connection, "COMMIT", [])?;
        Ok(())
    }

    /// Works, and answers what that says of itself, unless the transaction is lost: SQLite gives it up by itself on some disk errors.
    fn sound(&self, work: impl FnOnce() -> bool) -> Result<bool, StoreError> {
        let keep = work();
        if self.connection.is_autocommit() {
            return Err(unavailable("the disk failed, or is full"));
        }
        Ok(keep)
    }

    /// Fails only when the transaction is lost.
    fn within_savepoint(&self, work: impl FnOnce() -> bool) -> Result<bool, StoreError> {
        run(&self.connection, "SAVEPOINT member", [])?;
        let keep = self.sound(work)?;
        if !keep {
            run(&self.connection, "ROLLBACK TO member", [])?;
        }
        run(&self.connection, "RELEASE member", [])?;
        Ok(keep)
    }

    /// Takes back tokens that are not stored.
    fn revoke(&self, claimed: impl IntoIterator<Item = Partition>) {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        for partition in claimed {
            leases.revoke(partition);
        }
    }

    /// Forgets marks that are old enough (R1), a few at a time.
    fn sweep(&self) -> Result<(), StoreError> {
        let now = self.clock.now().as_millis();
        let kept = u64::try_from(DEDUPLICATION_KEPT.as_millis()).unwrap_or(u64::MAX);
        let limit = i64::try_from(2 * self.unswept).unwrap_or(i64::MAX);
        let sql = "DELETE FROM marks WHERE (channel, message) IN
                   (SELECT channel, message FROM marks WHERE at < ?1 ORDER BY at LIMIT ?2)";
        run(&self.connection, sql, (int(now.saturating_sub(kept)), limit))?;
        Ok(())
    }
}
