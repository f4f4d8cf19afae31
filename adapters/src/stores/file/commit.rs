//! Committing, as one member of the writer's transaction (R7).

use std::sync::PoisonError;
use std::time::Duration;

use rusqlite::Connection;
use switchboard_domain::ids::{Partition, Seq, Version};
use switchboard_domain::outbound::News;
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::{Commit, Lease, SHOWN_ENTRIES_MAX, Shown};
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::FAILURES_MAX;

use super::sql::{first, int, run, uint};
use super::writer::Step;
use super::{messages, row};
use crate::stores::records::{AgainRecord, ConversationRecord, FailureRecord, LineRecord};
use crate::stores::seal::Key;

/// How much later than the last a commit has to be to count as activity: each time three indexes are written.
const ACTIVITY_APART: Duration = Duration::from_secs(1);

/// A commit as it will be written. Made by the caller, so that the writer only writes.
pub(super) struct Prepared {
    lease: Lease,
    id: String,
    conversation: String,
    expected: Version,
    session: i64,
    session_at: i64,
    replies: i64,
    state: String,
    ended: Vec<Seq>,
    lines: Vec<(i64, String, String)>,
    failures: Vec<(String, String)>,
    news: Vec<News>,
    user: Option<String>,
    shown: Vec<Shown>,
}

/// What is stored of the record that a commit is for.
struct Stored {
    num: i64,
    partition: Partition,
    version: Version,
    commit: Option<String>,
    user: Option<String>,
    active_at: u64,
}

impl Prepared {
    /// Seals and encodes.
    pub(super) fn new(key: &Key, lease: &Lease, commit: Commit) -> Result<Self, StoreError> {
        let conversation = commit.conversation.to_string();
        let state_row = row(key, "states", &conversation);
        let state = state_row.write(&ConversationRecord::seal(&commit.snapshot, &state_row)?)?;
        let new_row = |table| row(key, table, &conversation);
        let lines = commit.transcript.into_iter().map(|line| {
            let body = new_row("transcript").write(&LineRecord::from(&line))?;
            Ok((int(line.session.0), line.text, body))
        });
        let failures = commit.failures.iter().map(|new| {
            let row = new_row("failures");
            let body = row.write(&FailureRecord::from(&new.failure))?;
            Ok((body, row.write(&AgainRecord::seal(&new.again, &row)?)?))
        });
        let session = &commit.snapshot.session;
        Ok(Self {
            lease: lease.clone(),
            id: commit.id.to_string(),
            expected: commit.expected,
            session: int(session.number.0),
            session_at: int(session.started_at.as_millis()),
            replies: i64::try_from(commit.snapshot.replies.len()).unwrap_or(i64::MAX),
            state,
            ended: commit.ended.into_iter().map(|(seq, _)| seq).collect(),
            lines: lines.collect::<Result<_, StoreError>>()?,
            failures: failures.collect::<Result<_, StoreError>>()?,
            news: commit.news,
            user: commit.user.map(|user| user.to_string()),
            shown: commit.shown,
            conversation,
        })
    }

    /// Writes everything, or answers why not.
    pub(super) fn write(self, step: &mut Step<'_>, key: &Key) -> Result<Version, StoreError> {
        let stored = stored(step.connection, &self.conversation)?;
        let partition = stored.as_ref().map_or(self.lease.partition, |stored| stored.partition);
        // The lease comes first: a fenced owner must not perform what its successor performs too.
        let leases = step.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.check(&self.lease, partition)?;
        drop(leases);
        let stored = stored.ok_or(StoreError::Conflict)?;
        if stored.commit.as_ref() == Some(&self.id) {
            return Ok(stored.version);
        }
        if stored.version != self.expected {
            return Err(StoreError::Conflict);
        }
        let version = self.expected.next();
        let ended = self.end(step.connection, stored.num)?;
        self.state(step.connection, stored.num, version, ended)?;
        self.activity(step, &stored)?;
        self.append(step.connection, stored.num)?;
        self.show(step.connection, stored.num)?;
        messages::take_in(step, key, self.news)?;
        Ok(version)
    }

    /// Deletes what ended; answers how many had not before.
    fn end(&self, connection: &Connection, num: i64) -> Result<usize, StoreError> {
        let sql = "DELETE FROM inbox WHERE num = ?1 AND seq = ?2";
        let mut ended = 0;
        for seq in &self.ended {
            ended += run(connection, sql, (num, int(seq.0)))?;
        }
        Ok(ended)
    }

    fn state(
        &self,
        connection: &Connection,
        num: i64,
        version: Version,
        ended: usize,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE conversations SET version = ?2, commit_id = ?3, session = ?4, session_at = ?5, replies = ?6,
                     waiting = waiting - ?7 WHERE num = ?1";
        let params = (
            num,
            int(version.0),
            &self.id,
            self.session,
            self.session_at,
            self.replies,
            i64::try_from(ended).unwrap_or(i64::MAX),
        );
        run(connection, sql, params)?;
        let sql = "INSERT INTO states (num, body) VALUES (?1, ?2) ON CONFLICT (num) DO UPDATE SET body = excluded.body";
        run(connection, sql, (num, &self.state))?;
        Ok(())
    }

    /// What lists are ordered by, where it has changed.
    fn activity(&self, step: &Step<'_>, stored: &Stored) -> Result<(), StoreError> {
        let is_new = step.now.since(Timestamp::from_millis(stored.active_at)) >= ACTIVITY_APART;
        let user = self.user.as_ref().filter(|user| stored.user.as_ref() != Some(*user));
        if is_new || user.is_some() {
            let sql = "UPDATE conversations SET user = coalesce(?2, user), active_at = ?3 WHERE num = ?1";
            run(step.connection, sql, (stored.num, user, int(step.now.as_millis())))?;
        }
        Ok(())
    }

    /// Names of messages, and away with old ones.
    fn show(&self, connection: &Connection, num: i64) -> Result<(), StoreError> {
        if self.shown.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO shown (key, num, seq) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        for Shown { seq, key } in &self.shown {
            run(connection, sql, (key, num, int(seq.0)))?;
        }
        let sql =
            "DELETE FROM shown WHERE num = ?1 AND seq <= (SELECT max(seq) FROM shown WHERE num = ?1) - ?2";
        run(connection, sql, (num, int(SHOWN_ENTRIES_MAX)))?;
        Ok(())
    }

    fn append(&self, connection: &Connection, num: i64) -> Result<(), StoreError> {
        let sql = "INSERT INTO transcript (num, session, text, body) VALUES (?1, ?2, ?3, ?4)";
        for (session, text, body) in &self.lines {
            run(connection, sql, (num, session, text, body))?;
        }
        let sql = "INSERT INTO failures (num, body, again) VALUES (?1, ?2, ?3)";
        for (body, again) in &self.failures {
            run(connection, sql, (num, body, again))?;
        }
        if !self.failures.is_empty() {
            // Counted, because numbers that came from another store can be far apart.
            let sql = "DELETE FROM failures WHERE id <= (SELECT id FROM failures ORDER BY id DESC LIMIT 1 OFFSET ?1)";
            run(connection, sql, [int(FAILURES_MAX)])?;
        }
        Ok(())
    }
}

fn stored(connection: &Connection, conversation: &str) -> Result<Option<Stored>, StoreError> {
    let sql = "SELECT num, partition, version, commit_id, user, active_at FROM conversations WHERE id = ?1";
    first(connection, sql, [conversation], |row| {
        Ok(Stored {
            num: row.get(0)?,
            partition: Partition(row.get(1)?),
            version: Version(uint(row.get(2)?)),
            commit: row.get(3)?,
            user: row.get(4)?,
            active_at: uint(row.get(5)?),
        })
    })
}
