//! Users in Redis.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use redis::ScriptInvocation;
use switchboard_domain::ids::{UserId, Version};
use switchboard_ports::audit::{AUDIT_LINES_MAX, AuditLine};
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};
use switchboard_ports::users::{Identity, Matches, User, UserStore};

use super::keys::hashed;
use super::{Core, audit};
use crate::stores::records::UserRecord;
use crate::stores::{cursor, folded};

/// The tag of all that is known of users.
pub(super) const TAG: &str = "users";

/// Tries at deleting a user whom others change at the same moment.
const DELETE_TRIES_MAX: u32 = 5;

/// Company users.
pub(super) struct Users {
    core: Arc<Core>,
}

impl Users {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    fn key(&self, what: &str) -> String {
        self.core.keys.shared(TAG, what)
    }

    /// Where a user's address is found, if it is: only a verified one is ever matched.
    fn indexed_address(&self, user: &User) -> String {
        let address = user.email.as_deref().filter(|_| user.email_verified);
        address.map(|email| with_address(&self.core, email)).unwrap_or_default()
    }

    /// A script's call with what all scripts on users are told.
    fn on_all<'a>(&self, mut call: ScriptInvocation<'a>) -> ScriptInvocation<'a> {
        for what in ["records", "ids", "names", "links"] {
            call.key(self.key(what));
        }
        call.key(audit::lines_key(&self.core)).key(audit::last_key(&self.core));
        call
    }

    /// Ends a call with what goes into the audit list.
    fn noting(&self, call: &mut ScriptInvocation<'_>, lines: &[AuditLine]) -> Result<(), StoreError> {
        call.arg(AUDIT_LINES_MAX).arg(audit::records(&self.core, lines)?);
        Ok(())
    }

    /// A user without its links, and the text it is stored as.
    async fn stored(&self, id: &str) -> Result<Option<(User, String)>, StoreError> {
        let Some(body) = self.field("records", id).await? else { return Ok(None) };
        let row = self.core.row("users", id);
        Ok(Some((row.read::<UserRecord>(&body)?.open(Vec::new(), &row), body)))
    }

    async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        let Some((user, _)) = self.stored(id).await? else { return Ok(None) };
        let mut links = redis::cmd("SMEMBERS");
        links.arg(self.core.keys.shared(TAG, format_args!("of:{id}")));
        let links: Vec<String> = self.core.connection.ask(&links).await?;
        let row = self.core.row("users", id);
        let identity = |text: &String| {
            let (platform, im_user_id) = serde_json::from_str(text).map_err(|_| row.corrupt("identity"))?;
            Ok(Identity { platform, im_user_id })
        };
        let mut identities = links.iter().map(identity).collect::<Result<Vec<_>, StoreError>>()?;
        identities.sort();
        Ok(Some(User { identities, ..user }))
    }

    /// A user who has just been linked to; deleted in between, it is as if it had been read too early.
    async fn linked_user(&self, id: &str) -> Result<User, StoreError> {
        self.user(id).await?.ok_or(StoreError::Conflict)
    }

    async fn users(&self, ids: &[String]) -> Result<Vec<User>, StoreError> {
        Ok(try_join_all(ids.iter().map(|id| self.user(id))).await?.into_iter().flatten().collect())
    }

    async fn field(&self, what: &str, field: &str) -> Result<Option<String>, StoreError> {
        let mut command = redis::cmd("HGET");
        self.core.connection.ask(command.arg(self.key(what)).arg(field)).await
    }

    async fn named(&self, what: &str, field: &str) -> Result<Option<User>, StoreError> {
        match self.field(what, field).await? {
            Some(id) => self.user(&id).await,
            None => Ok(None),
        }
    }
}

/// The users with a verified address.
pub(super) fn with_address(core: &Core, email: &str) -> String {
    core.keys.shared(TAG, format_args!("email:{}", hashed(&folded(email))))
}

fn text_of(identity: &Identity) -> String {
    serde_json::json!([identity.platform, identity.im_user_id]).to_string()
}

#[async_trait]
impl UserStore for Users {
    async fn list(&self, page: &PageRequest) -> Result<Page<User>, StoreError> {
        let limit = cursor::limit(page);
        let from = match &page.after {
            Some(id) if self.field("records", id).await?.is_none() => return Ok(cursor::empty()),
            Some(id) => format!("({id}"),
            None => "-".to_owned(),
        };
        let mut command = redis::cmd("ZRANGEBYLEX");
        command.arg(self.key("ids")).arg(from).arg("+").arg("LIMIT").arg(0).arg(limit + 1);
        let ids: Vec<String> = self.core.connection.ask(&command).await?;
        let users = self.users(&ids).await?;
        Ok(cursor::page(users.into_iter().map(|user| (user.id.to_string(), user)).collect(), limit))
    }

    async fn find(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        self.user(id.as_str()).await
    }

    async fn linked(&self, identity: &Identity) -> Result<Option<User>, StoreError> {
        self.named("links", &text_of(identity)).await
    }

    async fn matching(&self, username: &str, email: Option<&str>) -> Result<Matches, StoreError> {
        let username = self.named("names", &folded(username)).await?;
        let Some(email) = email else { return Ok(Matches { username, email: Vec::new() }) };
        let mut command = redis::cmd("ZRANGE");
        command.arg(with_address(&self.core, email)).arg(0).arg(1);
        let ids: Vec<String> = self.core.connection.ask(&command).await?;
        Ok(Matches { username, email: self.users(&ids).await? })
    }

    async fn create(&self, user: &User, lines: &[AuditLine]) -> Result<User, StoreError> {
        let id = user.id.as_str();
        let body = self.core.row("users", id).write(&UserRecord::from(user))?;
        let call = self.core.scripts.create_user.prepare_invoke();
        let mut call = self.on_all(call);
        call.arg(id).arg(body).arg(folded(&user.username));
        call.arg(self.indexed_address(user)).arg(self.key("of:"));
        for identity in &user.identities {
            call.arg(text_of(identity));
        }
        self.noting(&mut call, lines)?;
        let (done, linked): (String, String) = self.core.connection.run(&call).await?;
        match done.as_str() {
            "done" => self.linked_user(&linked).await,
            "id" => Err(StoreError::Duplicate("id")),
            _ => Err(StoreError::Duplicate("username")),
        }
    }

    async fn update(
        &self,
        user: &User,
        expected: Version,
        lines: &[AuditLine],
    ) -> Result<Version, StoreError> {
        let id = user.id.as_str();
        let Some((stored, body)) = self.stored(id).await?.filter(|(stored, _)| stored.version == expected)
        else {
            return Err(StoreError::Conflict);
        };
        let version = expected.next();
        let record = UserRecord::from(&User { version, ..user.clone() });
        let call = self.core.scripts.update_user.prepare_invoke();
        let mut call = self.on_all(call);
        call.arg(id).arg(body).arg(self.core.row("users", id).write(&record)?);
        call.arg(folded(&stored.username)).arg(folded(&user.username));
        call.arg(self.indexed_address(&stored)).arg(self.indexed_address(user));
        self.noting(&mut call, lines)?;
        match self.core.connection.run::<String>(&call).await?.as_str() {
            "done" => Ok(version),
            "username" => Err(StoreError::Duplicate("username")),
            _ => Err(StoreError::Conflict),
        }
    }

    async fn delete(&self, id: &UserId, lines: &[AuditLine]) -> Result<bool, StoreError> {
        let id = id.as_str();
        for _ in 0..DELETE_TRIES_MAX {
            let Some((stored, body)) = self.stored(id).await? else { return Ok(false) };
            let call = self.core.scripts.delete_user.prepare_invoke();
            let mut call = self.on_all(call);
            call.arg(id).arg(body).arg(folded(&stored.username));
            call.arg(self.indexed_address(&stored)).arg(self.key("of:"));
            self.noting(&mut call, lines)?;
            if self.core.connection.run::<u8>(&call).await? > 0 {
                return Ok(true);
            }
        }
        Err(StoreError::Conflict)
    }

    async fn link(
        &self,
        id: &UserId,
        identity: &Identity,
        lines: &[AuditLine],
    ) -> Result<Option<User>, StoreError> {
        let call = self.core.scripts.link.prepare_invoke();
        let mut call = self.on_all(call);
        call.arg(text_of(identity)).arg(id.as_str()).arg(self.key("of:"));
        self.noting(&mut call, lines)?;
        match self.core.connection.run::<Option<String>>(&call).await? {
            Some(linked) => self.linked_user(&linked).await.map(Some),
            None => Ok(None),
        }
    }

    async fn unlink(
        &self,
        id: &UserId,
        identity: &Identity,
        lines: &[AuditLine],
    ) -> Result<bool, StoreError> {
        let call = self.core.scripts.unlink.prepare_invoke();
        let mut call = self.on_all(call);
        call.arg(text_of(identity)).arg(id.as_str()).arg(self.key("of:"));
        self.noting(&mut call, lines)?;
        Ok(self.core.connection.run::<u8>(&call).await? > 0)
    }
}
