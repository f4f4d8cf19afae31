//! The audit list in Redis.

use std::sync::Arc;

use async_trait::async_trait;
use switchboard_ports::audit::{AuditInfo, AuditLine, AuditStore};
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};

use super::{Core, users};
use crate::stores::cursor::{self, After};
use crate::stores::records::AuditRecord;

/// Lines by number, a sorted set of `number|record`: under the tag of the users, because scripts on those write it.
pub(super) fn lines_key(core: &Core) -> String {
    core.keys.shared(users::TAG, "audit")
}

/// The last number given.
pub(super) fn last_key(core: &Core) -> String {
    core.keys.shared(users::TAG, "audit:last")
}

/// Lines as a script takes them: their records as a JSON array.
pub(super) fn records(core: &Core, lines: &[AuditLine]) -> Result<String, StoreError> {
    let row = core.row("audit", "new");
    let records = lines.iter().map(|line| row.write(&AuditRecord::from(line)));
    Ok(serde_json::json!(records.collect::<Result<Vec<_>, _>>()?).to_string())
}

/// The list.
pub(super) struct Audit {
    core: Arc<Core>,
}

impl Audit {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[async_trait]
impl AuditStore for Audit {
    async fn list(&self, page: &PageRequest) -> Result<Page<AuditInfo>, StoreError> {
        let before = match cursor::after_number(page) {
            After::Start => "+inf".to_owned(),
            After::Row(number) => format!("({number}"),
            After::Nowhere => return Ok(cursor::empty()),
        };
        let limit = cursor::limit(page);
        let mut command = redis::cmd("ZREVRANGEBYSCORE");
        command.arg(lines_key(&self.core)).arg(before).arg("-inf");
        command.arg("LIMIT").arg(0).arg(limit + 1);
        let rows: Vec<String> = self.core.connection.ask(&command).await?;
        let open = |text: &String| {
            let (id, body) = text.split_once('|').ok_or_else(|| self.core.corrupt("audit", "lines"))?;
            let number = self.core.number(id, "audit")?;
            let line = self.core.row("audit", id).read::<AuditRecord>(body)?.into();
            Ok((id.to_owned(), AuditInfo { number, line }))
        };
        Ok(cursor::page(rows.iter().map(open).collect::<Result<_, StoreError>>()?, limit))
    }
}
