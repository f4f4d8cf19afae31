//! Users in Redis.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use switchboard_domain::ids::UserId;
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};
use switchboard_ports::users::{Identity, Matches, User, UserStore};

use super::Core;
use super::keys::hashed;
use crate::stores::records::UserRecord;
use crate::stores::{cursor, folded};

const TAG: &str = "users";

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

    async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        let (mut record, mut links) = (redis::cmd("HGET"), redis::cmd("SMEMBERS"));
        record.arg(self.key("records")).arg(id);
        links.arg(self.core.keys.shared(TAG, format_args!("of:{id}")));
        let found: Option<String> = self.core.connection.ask(&record).await?;
        let Some(body) = found else { return Ok(None) };
        let links: Vec<String> = self.core.connection.ask(&links).await?;
        let row = self.core.row("users", id);
        let identity = |text: &String| {
            let (platform, im_user_id) = serde_json::from_str(text).map_err(|_| row.corrupt("identity"))?;
            Ok(Identity { platform, im_user_id })
        };
        let mut identities = links.iter().map(identity).collect::<Result<Vec<_>, StoreError>>()?;
        identities.sort();
        Ok(Some(row.read::<UserRecord>(&body)?.open(identities, &row)))
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

    async fn link(&self, user: &User, identity: &Identity) -> Result<User, StoreError> {
        let id = user.id.as_str();
        let body = self.core.row("users", id).write(&UserRecord::from(user))?;
        let mut call = self.core.scripts.link.prepare_invoke();
        for what in ["records", "ids", "names", "links"] {
            call.key(self.key(what));
        }
        let address = user.email.as_deref().filter(|_| user.email_verified);
        call.arg(text_of(identity)).arg(id).arg(body).arg(folded(&user.username));
        call.arg(address.map(|email| with_address(&self.core, email)).unwrap_or_default())
            .arg(self.key("of:"));
        let linked: Option<String> = self.core.connection.run(&call).await?;
        let linked = linked.ok_or(StoreError::Duplicate("username"))?;
        let found = self.user(&linked).await?;
        found.ok_or_else(|| self.core.row("users", &linked).corrupt("linked to, but not there"))
    }
}
