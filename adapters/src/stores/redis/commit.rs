//! Committing: everything of one step in one script (R7).

use serde_json::{Map, Value, json};
use switchboard_domain::ids::{ConversationId, Version};
use switchboard_domain::outbound::News;
use switchboard_ports::conversations::{Commit, Lease, SHOWN_ENTRIES_MAX};
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::FAILURES_MAX;

use super::Core;
use super::accept::TRIES_MAX;
use super::conversations::{elsewhere, server_of};
use super::messages::record_of;
use crate::stores::records::{AgainRecord, ConversationRecord, FailureRecord, LineRecord, OutboundRecord};

/// A commit as it will be written.
pub(super) struct Prepared {
    lease: Lease,
    id: String,
    conversation: ConversationId,
    expected: Version,
    session: u64,
    session_at: u64,
    replies: usize,
    user: String,
    state: String,
    rest: Map<String, Value>,
    news: Vec<News>,
}

impl Prepared {
    /// Seals and encodes.
    pub(super) fn new(core: &Core, lease: &Lease, commit: Commit) -> Result<Self, StoreError> {
        let id = commit.conversation.as_str();
        let row = core.row("states", id);
        let state = row.write(&ConversationRecord::seal(&commit.snapshot, &row)?)?;
        let row = core.row("transcript", id);
        let lines = commit.transcript.into_iter().map(|line| {
            let (session, body) = (line.session.0.to_string(), row.write(&LineRecord::from(&line))?);
            let line = json!([session, line.text, body]).to_string();
            Ok(json!({ "session": session, "line": line }))
        });
        let row = core.row("failures", id);
        let failures = commit.failures.iter().map(|new| {
            let body = row.write(&FailureRecord::from(&new.failure))?;
            Ok(json!({ "body": body, "again": row.write(&AgainRecord::seal(&new.again, &row)?)? }))
        });
        let shown = commit.shown.iter();
        let shown = shown.map(|shown| json!({ "seq": shown.seq.0.to_string(), "key": shown.key }));
        let ended = commit.ended.iter().map(|(seq, _)| Value::from(seq.0.to_string())).collect();
        let rest = [
            ("ended", ended),
            ("lines", Value::Array(lines.collect::<Result<_, StoreError>>()?)),
            ("failures", Value::Array(failures.collect::<Result<_, StoreError>>()?)),
            ("failures_kept", Value::from(FAILURES_MAX)),
            ("shown", shown.collect()),
            ("shown_kept", Value::from(SHOWN_ENTRIES_MAX)),
        ];
        let rest = rest.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        let session = &commit.snapshot.session;
        Ok(Self {
            lease: lease.clone(),
            id: commit.id.to_string(),
            expected: commit.expected,
            session: session.number.0,
            session_at: session.started_at.as_millis(),
            replies: commit.snapshot.replies.len(),
            user: commit.user.map(|user| user.to_string()).unwrap_or_default(),
            state,
            rest,
            news: commit.news,
            conversation: commit.conversation,
        })
    }

    /// Writes everything, or answers why not.
    pub(super) async fn write(mut self, core: &Core) -> Result<Version, StoreError> {
        for _ in 0..TRIES_MAX {
            let news = self.news(core).await?;
            self.rest.insert("news".to_owned(), news);
            let answer = self.call(core).await?;
            match answer.as_slice() {
                [done, version] if done == "done" => return Ok(Version(core.number(version, "c")?)),
                [word] if word == "fenced" => return Err(StoreError::Fenced),
                [word] if word == "elsewhere" => return Err(elsewhere()),
                [word] if word == "conflict" => {
                    // Of another partition the caller has no lease.
                    let found = core.partition_of(self.conversation.as_str()).await?;
                    let elsewhere = found.is_some_and(|found| found != self.lease.partition);
                    return Err(if elsewhere { StoreError::Fenced } else { StoreError::Conflict });
                }
                _ => {}
            }
        }
        Err(StoreError::Unavailable("a message's record changes all the time".to_owned()))
    }

    async fn call(&self, core: &Core) -> Result<Vec<String>, StoreError> {
        let (partition, id) = (self.lease.partition, &self.conversation);
        let mut call = core.scripts.commit.prepare_invoke();
        let keys = [
            "lease".to_owned(),
            format!("c:{id}"),
            format!("inbox:{id}"),
            "open".to_owned(),
            "active".to_owned(),
            format!("lines:{id}"),
            format!("shown:{id}"),
            "failures".to_owned(),
        ];
        for key in keys {
            call.key(core.keys.of(partition, key));
        }
        call.arg(self.lease.owner.as_str()).arg(self.lease.token.0).arg(&self.id).arg(self.expected.0);
        call.arg(self.expected.next().0).arg(core.clock.now().as_millis()).arg(&self.state);
        call.arg(self.session).arg(self.session_at).arg(self.replies).arg(&self.user).arg(id.as_str());
        call.arg(core.keys.beginning(partition))
            .arg(Value::Object(self.rest.clone()).to_string())
            .arg(partition.0)
            .arg(server_of(self.lease.lineage));
        core.connection.run(&call).await
    }

    /// What the news make of the records of messages; of one that is gone nobody wants to know.
    async fn news(&self, core: &Core) -> Result<Value, StoreError> {
        let mut all = Vec::new();
        for News { message, progress } in &self.news {
            let Some((mut record, before)) = record_of(core, self.lease.partition, message).await? else {
                continue;
            };
            record.progress.take_in(progress.clone());
            record.updated_at = core.clock.now();
            let after = core.row("messages", message.as_str()).write(&OutboundRecord::from(&record))?;
            let ended = if record.progress.state().is_final() { "1" } else { "0" };
            all.push(json!({ "id": message.as_str(), "before": before, "after": after, "ended": ended }));
        }
        Ok(Value::Array(all))
    }
}
