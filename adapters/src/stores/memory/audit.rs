//! The audit list in memory.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use switchboard_ports::audit::{AUDIT_LINES_MAX, AuditInfo, AuditLine, AuditStore};
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};

use crate::stores::cursor::{self, After};

/// Lines, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Audit {
    lines: Mutex<VecDeque<AuditInfo>>,
}

impl Audit {
    /// Writes lines behind all others.
    pub(super) fn append(&self, written: &[AuditLine]) {
        let mut lines = self.lock();
        for line in written {
            let number = lines.back().map_or(0, |last| last.number).saturating_add(1);
            lines.push_back(AuditInfo { number, line: line.clone() });
        }
        while lines.len() > AUDIT_LINES_MAX as usize {
            lines.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<AuditInfo>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AuditStore for Audit {
    async fn list(&self, page: &PageRequest) -> Result<Page<AuditInfo>, StoreError> {
        let before = match cursor::after_number(page) {
            After::Start => u64::MAX,
            After::Row(number) => number,
            After::Nowhere => return Ok(cursor::empty()),
        };
        let limit = cursor::limit(page);
        let lines = self.lock();
        let listed = lines.iter().rev().filter(|info| info.number < before).take(limit as usize + 1);
        Ok(cursor::page(listed.map(|info| (info.number.to_string(), info.clone())).collect(), limit))
    }
}
