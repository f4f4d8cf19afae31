//! LDAP and Active Directory (RFC 4511): a bind account searches for people by a filter.

mod connections;
mod entry;
mod groups;
mod schema;
mod settings;

use std::sync::Arc;

use async_trait::async_trait;
use ldap3::{Ldap, LdapError, LdapResult, Scope, SearchEntry, SearchOptions};
use serde_json::Value;
use switchboard_ports::directory::{
    Directory, DirectoryError, DirectoryKind, DirectorySettings, Found, LOOK_UP_TIMEOUT, Query,
};
use switchboard_ports::provider::FieldError;
use tokio::time::timeout;

use self::connections::Connections;
use self::settings::{PASSWORD, Settings};
use crate::net::Network;

/// Entries asked for: two are enough to know that it is not said who is meant.
const ENTRIES_MAX: i32 = 2;

/// "The size limit was exceeded": there are more (RFC 4511 A.1).
const SIZE_LIMIT_EXCEEDED: u32 = 4;

/// "Nothing has this name", and "this is no name" (RFC 4511 A.1).
const NO_SUCH_OBJECT: u32 = 32;
const INVALID_NAME: u32 = 34;

/// The kind `ldap`.
pub(super) struct LdapKind {
    network: Network,
}

impl LdapKind {
    pub(super) fn new(network: Network) -> Self {
        Self { network }
    }
}

impl DirectoryKind for LdapKind {
    fn kind(&self) -> &'static str {
        "ldap"
    }

    fn secret_fields(&self) -> &'static [&'static str] {
        &[PASSWORD]
    }

    fn check_config(&self, config: &Value, secrets_set: &[String]) -> Result<Value, Vec<FieldError>> {
        let has_password = secrets_set.iter().any(|pointer| pointer == PASSWORD);
        Settings::read(config, has_password).map(|(_, checked)| checked)
    }

    fn build(&self, directory: &DirectorySettings) -> Result<Arc<dyn Directory>, Vec<FieldError>> {
        let password = directory.secrets.get(PASSWORD).cloned().unwrap_or_default();
        let (settings, _) = Settings::read(&directory.config, !password.is_empty())?;
        let Some(settings) = settings else {
            return Err(vec![FieldError { pointer: "/url".to_owned(), message: "is required".to_owned() }]);
        };
        let connections = Connections::new(&settings, password, self.network.trusted());
        Ok(Arc::new(LdapDirectory { settings, connections }))
    }
}

struct LdapDirectory {
    settings: Settings,
    connections: Connections,
}

impl LdapDirectory {
    async fn ask(&self, query: &Query) -> Result<Found, DirectoryError> {
        let Some(filter) = self.settings.filter_for(query) else {
            return Ok(Found::Nobody);
        };
        let mut lent = self.connections.lend().await?;
        let found = match self.search(&mut lent.ldap, &filter, query).await {
            // A connection that was kept may have been closed by the other side meanwhile.
            Err(Failed::Connection(_)) if lent.is_old => {
                lent = self.connections.lend_new(lent).await?;
                self.search(&mut lent.ldap, &filter, query).await
            }
            found => found,
        };
        let found = found.map_err(DirectoryError::from)?;
        self.connections.give_back(lent);
        Ok(found)
    }

    /// Connects, binds, and looks whether the base and the group are there, and whether the server knows the attributes.
    async fn probe(&self) -> Result<(), DirectoryError> {
        let mut lent = self.connections.lend_fresh().await?;
        let settings = &self.settings;
        existing(&mut lent.ldap, "base", &settings.base).await?;
        if let Some(group) = &settings.group {
            let group = groups::existing_group(&mut lent.ldap, &settings.group_base, group).await?;
            groups::has_members(&mut lent.ldap, &group).await?;
        }
        // One that did not end leaves a connection with an answer on its way.
        let Ok(unknown) = timeout(schema::TIMEOUT, schema::unknown(&mut lent.ldap, settings)).await else {
            return Ok(());
        };
        let unknown = unknown?;
        self.connections.give_back(lent);
        unknown.map_or(Ok(()), |why| Err(DirectoryError::Denied(why)))
    }

    async fn search(&self, ldap: &mut Ldap, filter: &str, query: &Query) -> Result<Found, Failed> {
        let mut names = self.settings.attributes.names();
        if self.settings.group.is_some() {
            names.push(entry::UNIX_ID);
        }
        let options = SearchOptions::new().sizelimit(ENTRIES_MAX);
        let asked = ldap.with_search_options(options);
        let asked = asked.search(&self.settings.base, Scope::Subtree, filter, names).await?;
        let (entries, result) = (asked.0, asked.1);
        if result.rc == SIZE_LIMIT_EXCEEDED {
            return Ok(Found::Several);
        }
        succeeded(&result)?;
        let mut people = entries.into_iter().filter(|entry| !entry.is_ref()).map(SearchEntry::construct);
        let (first, second) = (people.next(), people.next());
        let Some(person) = first else { return Ok(Found::Nobody) };
        if second.is_some() {
            return Ok(Found::Several);
        }
        if let Some(group) = &self.settings.group {
            let member = groups::Member { name: &person.dn, ids: entry::ids(&self.settings, &person) };
            if !groups::is_member(ldap, &self.settings.group_base, group, &member).await? {
                return Ok(Found::Nobody);
            }
        }
        let asked = query.contact.as_ref().and_then(|contact| contact.email.as_deref());
        Ok(Found::One(entry::read(&self.settings, &person, asked)?))
    }
}

#[async_trait]
impl Directory for LdapDirectory {
    fn needs_contact(&self) -> bool {
        self.settings.needs_contact()
    }

    async fn look_up(&self, query: &Query) -> Result<Found, DirectoryError> {
        let asked = timeout(LOOK_UP_TIMEOUT, self.ask(query)).await;
        asked.unwrap_or_else(|_| Err(DirectoryError::Unavailable("no answer in time".to_owned())))
    }

    async fn check(&self, _platform: &str) -> Result<Option<String>, DirectoryError> {
        let probed = timeout(LOOK_UP_TIMEOUT, self.probe()).await;
        let late = |_| Err(DirectoryError::Unavailable("no answer in time".to_owned()));
        probed.unwrap_or_else(late).map(|()| None)
    }
}

/// Why a step did not work.
enum Failed {
    /// The connection is of no use any more.
    Connection(String),
    /// The server said no, or something unexpected.
    Answer(DirectoryError),
}

impl From<LdapError> for Failed {
    fn from(error: LdapError) -> Self {
        if let LdapError::LdapResult { result } = error {
            return Self::from(result);
        }
        // The library's words may quote what was asked.
        Self::Connection(if let LdapError::Io { source } = &error {
            format!("connection: {}", source.kind())
        } else if let LdapError::Timeout { .. } = &error {
            "no answer in time".to_owned()
        } else {
            "the connection broke".to_owned()
        })
    }
}

impl From<LdapResult> for Failed {
    fn from(result: LdapResult) -> Self {
        let code = result.rc;
        let denied = |what: &str| DirectoryError::Denied(format!("{what} (LDAP result {code})"));
        // RFC 4511 A.1.
        Self::Answer(match code {
            NO_SUCH_OBJECT => denied("the base is not there, or may not be read"),
            INVALID_NAME => denied("the base or bind_dn is no distinguished name"),
            8 | 13 => denied("it wants TLS or a bind account"),
            48 | 49 => denied("the bind account or its password is wrong"),
            50 => denied("the bind account may not search"),
            53 => denied("it is not willing: an account without a password?"),
            3 | 11 | 51 | 52 => DirectoryError::Unavailable(format!("LDAP result {code}")),
            _ => DirectoryError::Malformed(format!("LDAP result {code}")),
        })
    }
}

impl From<DirectoryError> for Failed {
    fn from(error: DirectoryError) -> Self {
        Self::Answer(error)
    }
}

impl From<Failed> for DirectoryError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Connection(why) => Self::Unavailable(why),
            Failed::Answer(error) => error,
        }
    }
}

/// An entry that a setting names, under the server's own name for it; without one nothing can be told of anybody.
async fn existing(ldap: &mut Ldap, setting: &str, name: &str) -> Result<String, Failed> {
    // "No attributes": the name is enough (RFC 4511 §4.5.1.8).
    let asked = ldap.search(name, Scope::Base, "(objectClass=*)", vec!["1.1"]).await?;
    let (entries, result) = (asked.0, asked.1);
    let missing =
        || DirectoryError::Denied(format!("the {setting} {name} is not there, or may not be read")).into();
    if [NO_SUCH_OBJECT, INVALID_NAME].contains(&result.rc) {
        return Err(missing());
    }
    succeeded(&result)?;
    let entry = entries.into_iter().find(|entry| !entry.is_ref()).map(SearchEntry::construct);
    entry.map(|entry| entry.dn).ok_or_else(missing)
}

fn succeeded(result: &LdapResult) -> Result<(), Failed> {
    if result.rc == 0 { Ok(()) } else { Err(Failed::from(result.clone())) }
}
