//! The audit list of tests.

use async_trait::async_trait;
use switchboard_ports::audit::{AuditInfo, AuditStore};
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};

use super::stores::{FakeStores, page};

#[async_trait]
impl AuditStore for FakeStores {
    async fn list(&self, request: &PageRequest) -> Result<Page<AuditInfo>, StoreError> {
        let state = self.up()?;
        let numbered = (1..).zip(&state.audit).map(|(number, line)| AuditInfo { number, line: line.clone() });
        let mut lines: Vec<_> = numbered.collect();
        lines.reverse();
        Ok(page(&lines, request))
    }
}
