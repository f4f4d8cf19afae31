//! A user store that can be away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use switchboard_domain::ids::{UserId, Version};
use switchboard_ports::audit::AuditLine;
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};
use switchboard_ports::users::{Identity, Matches, User, UserStore};

/// The decorator.
pub struct AwayUsers {
    inner: Arc<dyn UserStore>,
    away: AtomicBool,
}

impl AwayUsers {
    /// Around a store.
    pub fn new(inner: Arc<dyn UserStore>) -> Self {
        Self { inner, away: AtomicBool::new(false) }
    }

    /// Whether every call fails from now on.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.away.load(Ordering::SeqCst) {
            Err(StoreError::Unavailable("away".to_owned()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl UserStore for AwayUsers {
    async fn list(&self, page: &PageRequest) -> Result<Page<User>, StoreError> {
        self.check()?;
        self.inner.list(page).await
    }

    async fn find(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        self.check()?;
        self.inner.find(id).await
    }

    async fn linked(&self, identity: &Identity) -> Result<Option<User>, StoreError> {
        self.check()?;
        self.inner.linked(identity).await
    }

    async fn matching(&self, username: &str, email: Option<&str>) -> Result<Matches, StoreError> {
        self.check()?;
        self.inner.matching(username, email).await
    }

    async fn create(&self, user: &User, lines: &[AuditLine]) -> Result<User, StoreError> {
        self.check()?;
        self.inner.create(user, lines).await
    }

    async fn update(
        &self,
        user: &User,
        expected: Version,
        lines: &[AuditLine],
    ) -> Result<Version, StoreError> {
        self.check()?;
        self.inner.update(user, expected, lines).await
    }

    async fn delete(&self, id: &UserId, lines: &[AuditLine]) -> Result<bool, StoreError> {
        self.check()?;
        self.inner.delete(id, lines).await
    }

    async fn link(
        &self,
        id: &UserId,
        identity: &Identity,
        lines: &[AuditLine],
    ) -> Result<Option<User>, StoreError> {
        self.check()?;
        self.inner.link(id, identity, lines).await
    }

    async fn unlink(
        &self,
        id: &UserId,
        identity: &Identity,
        lines: &[AuditLine],
    ) -> Result<bool, StoreError> {
        self.check()?;
        self.inner.unlink(id, identity, lines).await
    }
}
