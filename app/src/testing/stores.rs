//! All stores in one piece of memory, with a switch that makes them unavailable.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use switchboard_domain::ids::{
    AgentId, ChannelId, ConversationId, MessageId, Partition, ReplicaId, Seq, SessionNumber, UserId, Version,
};
use switchboard_domain::snapshot::TranscriptLine;
use switchboard_domain::time::Timestamp;
use switchboard_ports::agents::{AgentConfig, AgentStore};
use switchboard_ports::audit::AuditLine;
use switchboard_ports::channels::{Channel, ChannelStore};
use switchboard_ports::conversations::{Accepted, Arrival, Commit, ConversationStore, Lease, Loaded};
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::FailureInfo;
use switchboard_ports::messages::MessageRecord;
use switchboard_ports::page::{Page, PageRequest};
use switchboard_ports::replicas::ReplicaInfo;
use switchboard_ports::tokens::{Token, TokenStore};
use switchboard_ports::transcripts::{ConversationFilter, ConversationInfo, Forget, Transcripts};
use switchboard_ports::users::{Identity, Matches, User, UserStore};

/// What is stored.
#[derive(Default, Clone, PartialEq, Debug)]
pub(crate) struct State {
    pub(crate) channels: BTreeMap<ChannelId, Channel>,
    pub(crate) agents: BTreeMap<AgentId, AgentConfig>,
    pub(crate) users: BTreeMap<UserId, User>,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) conversations: BTreeMap<ConversationId, ConversationInfo>,
    pub(crate) lines: BTreeMap<ConversationId, Vec<TranscriptLine>>,
    pub(crate) failures: Vec<FailureInfo>,
    pub(crate) audit: Vec<AuditLine>,
    pub(crate) journal: Vec<switchboard_ports::journal::JournalLine>,
    pub(crate) messages: BTreeMap<MessageId, MessageRecord>,
    pub(crate) purged: Vec<ChannelId>,
    pub(crate) replicas: BTreeMap<ReplicaId, ReplicaInfo>,
    pub(crate) ended_sessions: BTreeMap<String, Timestamp>,
}

/// The stores.
#[derive(Default)]
pub(crate) struct FakeStores {
    state: Mutex<State>,
    down: AtomicBool,
}

impl FakeStores {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub(super) fn up(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable(String::from("switched off by the test")));
        }
        Ok(self.state())
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// A page by position; the cursor is the index of the next row.
pub(super) fn page<T: Clone>(rows: &[T], request: &PageRequest) -> Page<T> {
    let from: usize = request.after.as_deref().map_or(0, |after| after.parse().unwrap_or(usize::MAX));
    let limit = usize::try_from(request.limit).unwrap();
    let items: Vec<_> = rows.iter().skip(from).take(limit).cloned().collect();
    let end = from.saturating_add(items.len());
    Page { items, next: (end < rows.len()).then(|| end.to_string()) }
}

macro_rules! named_store {
    ($port:ident, $record:ident, $id:ident, $rows:ident) => {
        #[async_trait]
        impl $port for FakeStores {
            async fn list(&self) -> Result<Vec<$record>, StoreError> {
                let mut rows: Vec<_> = self.up()?.$rows.values().cloned().collect();
                rows.sort_by_key(|row| row.name.to_lowercase());
                Ok(rows)
            }

            async fn find(&self, id: &$id) -> Result<Option<$record>, StoreError> {
                Ok(self.up()?.$rows.get(id).cloned())
            }

            async fn insert(&self, row: &$record) -> Result<(), StoreError> {
                let mut state = self.up()?;
                if state.$rows.contains_key(&row.id) {
                    return Err(StoreError::Duplicate("id"));
                }
                if state.$rows.values().any(|other| same(&other.name, &row.name)) {
                    return Err(StoreError::Duplicate("name"));
                }
                state.$rows.insert(row.id.clone(), row.clone());
                Ok(())
            }

            async fn update(&self, row: &$record, expected: Version) -> Result<Version, StoreError> {
                let mut state = self.up()?;
                if state.$rows.get(&row.id).map(|stored| stored.version) != Some(expected) {
                    return Err(StoreError::Conflict);
                }
                if state.$rows.values().any(|other| other.id != row.id && same(&other.name, &row.name)) {
                    return Err(StoreError::Duplicate("name"));
                }
                let version = expected.next();
                state.$rows.insert(row.id.clone(), $record { version, ..row.clone() });
                Ok(version)
            }

            async fn delete(&self, id: &$id) -> Result<bool, StoreError> {
                Ok(self.up()?.$rows.remove(id).is_some())
            }
        }
    };
}

named_store!(ChannelStore, Channel, ChannelId, channels);
named_store!(AgentStore, AgentConfig, AgentId, agents);

#[async_trait]
impl UserStore for FakeStores {
    async fn list(&self, request: &PageRequest) -> Result<Page<User>, StoreError> {
        // As in the stores, the cursor is the last row's id.
        let is_after = |id: &UserId| request.after.as_deref().is_none_or(|after| id.as_str() > after);
        let state = self.up()?;
        let rest: Vec<_> = state.users.values().filter(|user| is_after(&user.id)).collect();
        let items: Vec<_> =
            rest.iter().copied().take(usize::try_from(request.limit).unwrap()).cloned().collect();
        let next = items.last().filter(|_| items.len() < rest.len()).map(|last| last.id.to_string());
        Ok(Page { items, next })
    }

    async fn find(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        Ok(self.up()?.users.get(id).cloned())
    }

    async fn linked(&self, identity: &Identity) -> Result<Option<User>, StoreError> {
        Ok(self.up()?.users.values().find(|user| user.identities.contains(identity)).cloned())
    }

    async fn matching(&self, _username: &str, _email: Option<&str>) -> Result<Matches, StoreError> {
        panic!("nothing in the shell matches users")
    }

    async fn create(&self, user: &User, lines: &[AuditLine]) -> Result<User, StoreError> {
        let mut state = self.up()?;
        let has_one = |other: &&User| user.identities.iter().any(|one| other.identities.contains(one));
        if let Some(linked) = state.users.values().find(has_one) {
            return Ok(linked.clone());
        }
        if state.users.values().any(|other| same(&other.username, &user.username)) {
            return Err(StoreError::Duplicate("username"));
        }
        state.users.insert(user.id.clone(), user.clone());
        state.audit.extend_from_slice(lines);
        Ok(user.clone())
    }

    async fn update(
        &self,
        user: &User,
        expected: Version,
        lines: &[AuditLine],
    ) -> Result<Version, StoreError> {
        let mut state = self.up()?;
        if state.users.get(&user.id).map(|stored| stored.version) != Some(expected) {
            return Err(StoreError::Conflict);
        }
        if state.users.values().any(|other| other.id != user.id && same(&other.username, &user.username)) {
            return Err(StoreError::Duplicate("username"));
        }
        let version = expected.next();
        state.users.insert(user.id.clone(), User { version, ..user.clone() });
        state.audit.extend_from_slice(lines);
        Ok(version)
    }

    async fn delete(&self, id: &UserId, lines: &[AuditLine]) -> Result<bool, StoreError> {
        let mut state = self.up()?;
        let is_gone = state.users.remove(id).is_some();
        if is_gone {
            state.audit.extend_from_slice(lines);
        }
        Ok(is_gone)
    }

    async fn link(
        &self,
        id: &UserId,
        identity: &Identity,
        lines: &[AuditLine],
    ) -> Result<Option<User>, StoreError> {
        let mut state = self.up()?;
        let linked = state.users.values().find(|user| user.identities.contains(identity)).cloned();
        if linked.is_some() {
            return Ok(linked);
        }
        let Some(user) = state.users.get_mut(id) else { return Ok(None) };
        user.identities.push(identity.clone());
        let user = user.clone();
        state.audit.extend_from_slice(lines);
        Ok(Some(user))
    }

    async fn unlink(
        &self,
        id: &UserId,
        identity: &Identity,
        lines: &[AuditLine],
    ) -> Result<bool, StoreError> {
        let mut state = self.up()?;
        let Some(user) = state.users.get_mut(id) else { return Ok(false) };
        let before = user.identities.len();
        user.identities.retain(|one| one != identity);
        let is_gone = user.identities.len() < before;
        if is_gone {
            state.audit.extend_from_slice(lines);
        }
        Ok(is_gone)
    }
}

#[async_trait]
impl TokenStore for FakeStores {
    async fn list(&self) -> Result<Vec<Token>, StoreError> {
        Ok(self.up()?.tokens.values().cloned().collect())
    }

    async fn by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        Ok(self.up()?.tokens.values().find(|token| token.hash == *hash).cloned())
    }

    async fn insert(&self, token: &Token) -> Result<(), StoreError> {
        let mut state = self.up()?;
        if state.tokens.contains_key(&token.name) {
            return Err(StoreError::Duplicate("name"));
        }
        state.tokens.insert(token.name.clone(), token.clone());
        Ok(())
    }

    async fn revoke(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.up()?.tokens.remove(name).is_some())
    }
}

#[async_trait]
impl Transcripts for FakeStores {
    async fn conversations(
        &self,
        filter: &ConversationFilter,
        request: &PageRequest,
    ) -> Result<Page<ConversationInfo>, StoreError> {
        let state = self.up()?;
        let rows: Vec<_> = state
            .conversations
            .values()
            .filter(|row| filter.channel.as_ref().is_none_or(|channel| row.key.channel == *channel))
            .filter(|row| filter.user.is_none() || row.user == filter.user)
            .filter(|row| filter.text.as_ref().is_none_or(|text| row.title.as_ref() == Some(text)))
            .cloned()
            .collect();
        Ok(page(&rows, request))
    }

    async fn conversation(&self, id: &ConversationId) -> Result<Option<ConversationInfo>, StoreError> {
        Ok(self.up()?.conversations.get(id).cloned())
    }

    async fn private_with(
        &self,
        channel: &ChannelId,
        person: &str,
    ) -> Result<Option<ConversationInfo>, StoreError> {
        let state = self.up()?;
        let is_with =
            |row: &&ConversationInfo| row.key.channel == *channel && row.person.as_deref() == Some(person);
        Ok(state.conversations.values().find(is_with).cloned())
    }

    async fn lines(
        &self,
        id: &ConversationId,
        request: &PageRequest,
    ) -> Result<Page<TranscriptLine>, StoreError> {
        Ok(page(self.up()?.lines.get(id).map_or(&[], Vec::as_slice), request))
    }

    async fn recent(
        &self,
        id: &ConversationId,
        session: SessionNumber,
        lines_max: u32,
    ) -> Result<Vec<TranscriptLine>, StoreError> {
        let state = self.up()?;
        let of_session = state.lines.get(id).into_iter().flatten().filter(|line| line.session == session);
        let mut last: Vec<TranscriptLine> = of_session.rev().take(lines_max as usize).cloned().collect();
        last.reverse();
        Ok(last)
    }

    async fn shown_as(
        &self,
        _channel: &ChannelId,
        _chat: &str,
        _key: &str,
    ) -> Result<Option<TranscriptLine>, StoreError> {
        panic!("nothing in the shell asks for what is quoted")
    }

    async fn forget(&self, id: &ConversationId, which: Forget) -> Result<bool, StoreError> {
        let mut state = self.up()?;
        let lines = state.lines.entry(id.clone()).or_default();
        // One at a time, so that whoever stops too early is found out.
        let is_taken = lines.first().is_some_and(|line| which.takes(line.session, line.at));
        if is_taken {
            lines.remove(0);
        }
        Ok(is_taken)
    }

    async fn purge(&self, channel: &ChannelId) -> Result<bool, StoreError> {
        let mut state = self.up()?;
        state.purged.push(channel.clone());
        // There is more after the first step.
        Ok(state.purged.len() == 1)
    }
}

#[async_trait]
impl ConversationStore for FakeStores {
    fn accept(&self, _arrival: Arrival) -> BoxFuture<'static, Result<Accepted, StoreError>> {
        panic!("the shell accepts through the driver")
    }

    async fn claim(
        &self,
        _owner: &ReplicaId,
        _partitions: &[Partition],
        _ttl: Duration,
    ) -> Result<Vec<Lease>, StoreError> {
        panic!("the shell claims nothing")
    }

    async fn open(
        &self,
        _partition: Partition,
        _after: Option<&ConversationId>,
    ) -> Result<Vec<ConversationId>, StoreError> {
        drop(self.up()?);
        Ok(Vec::new())
    }

    async fn load(
        &self,
        _lease: &Lease,
        _conversation: &ConversationId,
        _after: Seq,
    ) -> Result<Option<Loaded>, StoreError> {
        panic!("the shell loads nothing")
    }

    async fn commit(&self, _lease: &Lease, _commit: Commit) -> Result<Version, StoreError> {
        panic!("the shell commits nothing")
    }
}
