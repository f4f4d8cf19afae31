//! The audit list in Redis.

use std::sync::Arc;

use async_trait::async_trait;
use switchboard_ports::audit::{AUDIT_LINES_MAX, AuditInfo, AuditLine, AuditStore};
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};

use super::Core;
use crate::stores::cursor::{self, After};
use crate::stores::records::AuditRecord;

const TAG: &str = "audit";

/// Lines by number: a sorted set of `number|record`.
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
    async fn append(&self, line: &AuditLine) -> Result<(), StoreError> {
        let body = self.core.row("audit", "new").write(&AuditRecord::from(line))?;
        let mut call = self.core.scripts.audit.prepare_invoke();
        call.key(self.core.keys.shared(TAG, "lines")).key(self.core.keys.shared(TAG, "last"));
        self.core.connection.run(call.arg(body).arg(AUDIT_LINES_MAX)).await
    }

    async fn list(&self, page: &PageRequest) -> Result<Page<AuditInfo>, StoreError> {
        let before = match cursor::after_number(page) {
            After::Start => "+inf".to_owned(),
            After::Row(number) => format!("({number}"),
            After::Nowhere => return Ok(cursor::empty()),
        };
        let limit = cursor::limit(page);
        let mut command = redis::cmd("ZREVRANGEBYSCORE");
        command.arg(self.core.keys.shared(TAG, "lines")).arg(before).arg("-inf");
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
