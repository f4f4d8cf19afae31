//! Something of everything in a store, and all of it read back.

use std::collections::BTreeMap;

use bytes::Bytes;
use switchboard_domain::ids::{
    AgentId, ChannelId, ConversationId, ConversationKey, MessageId, Partition, Seq, UserId, Version,
};
use switchboard_domain::inbox::{Entry, Verdict};
use switchboard_domain::outbound::News;
use switchboard_domain::outcome::{Outcome, Refusal};
use switchboard_domain::snapshot::{ConversationSnapshot, Role, TranscriptLine};
use switchboard_domain::usage::{Month, Usage};
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::attachments::{AttachmentPlace, StoredAttachment};
use switchboard_ports::audit::{AuditAct, AuditInfo};
use switchboard_ports::channels::Channel;
use switchboard_ports::conformance::audit;
use switchboard_ports::conformance::messages::new_message;
use switchboard_ports::conformance::registries::{agent_variants, channel, channel_variants};
use switchboard_ports::conformance::samples::{
    accept_first, address, ask, commit, decided, failure, key, key_on, lease, line, member_key,
};
use switchboard_ports::conformance::tokens::token;
use switchboard_ports::conformance::usage::{app, batch, month, usage};
use switchboard_ports::conformance::users::{identity, user};
use switchboard_ports::conformance::{Stores, generate};
use switchboard_ports::conversations::{Arrival, Commit, NewFailure, Shown};
use switchboard_ports::failures::FailureInfo;
use switchboard_ports::messages::MessageRecord;
use switchboard_ports::page::PageRequest;
use switchboard_ports::tokens::{Role as TokenRole, Token};
use switchboard_ports::transcripts::{ConversationFilter, ConversationInfo};
use switchboard_ports::users::User;

use crate::journal;

/// The conversations that are filled.
fn keys() -> Vec<ConversationKey> {
    vec![
        key("c1"),
        key("c2"),
        member_key("group 组", "m1"),
        member_key("group 组", "m2"),
        key_on("chn_b", "c1"),
        key_on("chn_gone", "%:{}'\""),
    ]
}

/// By its id.
pub(crate) fn key_of(id: &ConversationId) -> ConversationKey {
    keys().into_iter().find(|key| key.id() == *id).unwrap()
}

/// One channel.
pub(crate) async fn a_little(stores: &Stores) {
    stores.channels.insert(&channel("chn_1", "one")).await.unwrap();
}

/// Something of everything; answers the greatest token given for the first conversation.
pub(crate) async fn fill(stores: &Stores) -> u64 {
    for channel in channel_variants() {
        stores.channels.insert(&channel).await.unwrap();
        stores.channels.update(&channel, channel.version).await.unwrap();
    }
    for agent in agent_variants() {
        stores.agents.insert(&agent).await.unwrap();
    }
    stores.tokens.insert(&token("ops", TokenRole::Admin, 1)).await.unwrap();
    stores.tokens.insert(&token("Look", TokenRole::Viewer, 200)).await.unwrap();
    let plain = User {
        shut_out_by: Some("corp".to_owned()),
        email: None,
        email_verified: false,
        disabled: true,
        ..user("usr_2", "Two 二")
    };
    let one = User {
        department: Some("R&D".to_owned()),
        directory: Some("corp".to_owned()),
        ..user("usr_1", "One")
    };
    stores.users.create(&one, &audit::lines()).await.unwrap();
    for name in ["u1", "u 1'\""] {
        let linked = [audit::line(AuditAct::Linked, "usr_1")];
        stores.users.link(&one.id, &identity(name), &linked).await.unwrap();
    }
    stores.users.create(&User { identities: vec![identity("u2")], ..plain.clone() }, &[]).await.unwrap();
    stores.users.update(&plain, Version(1), &[]).await.unwrap();
    for number in 3..90 {
        let (id, name) = (format!("usr_{number}"), format!("n{number}"));
        let one = User { identities: vec![identity(&name)], ..user(&id, &name) };
        stores.users.create(&one, &[audit::line(AuditAct::Created, &id)]).await.unwrap();
    }
    for (number, key) in (1..).zip(keys()) {
        conversation(stores, number, &key).await;
    }
    let passed = decided(&key("c1"), "passed", "hello", Verdict::Pass(Refusal::AccessDenied));
    stores.conversations.accept(passed).await.unwrap();
    long(stores).await;
    journal::fill(stores).await;
    stores
        .usage
        .add(batch("b1", &[(&app("a"), month(1), usage(1, 2)), (&app("b"), month(2), usage(3, 4))]))
        .await
        .unwrap();
    stores.usage.add(batch("b2", &[(&app("a"), month(2), usage(5, 6))])).await.unwrap();
    lease(&*stores.conversations, "before", &key("c1")).await.token.0
}

/// Three messages, one of them answered, with files, failures, a message of the API's and names of answers.
async fn conversation(stores: &Stores, number: u64, key: &ConversationKey) {
    let (store, id) = (&*stores.conversations, key.id());
    for message in 1..=3 {
        let name = if number == 1 { "c1".to_owned() } else { number.to_string() };
        let arrival = ask(key, &format!("{name}-{message}"), "question");
        let session_address = (message == 2).then(|| address("https://example.invalid/send?s=1"));
        let arrival = Arrival { session_address, ..arrival };
        let (intake, title) = (generate::values(&generate::intakes(), 40), Some(format!("title {number}")));
        let intake = intake[(number as usize * 5 + message) % 40].clone();
        let mut chat = arrival.chat.clone();
        chat.title = title;
        accept_first(store, Arrival { intake, chat, ..arrival }).await;
    }
    let message = new_message(&format!("msg_{number}"), key);
    stores.messages.give(message.clone()).await.unwrap();
    stores.messages.give(new_message(&format!("msg_{number}_waits"), key)).await.unwrap();
    let place = |position| AttachmentPlace { conversation: id.clone(), seq: Seq(2), position };
    for (position, content) in [(0, vec![7; 600_000]), (3, Vec::new())] {
        let (media_type, content) = ("image/png".to_owned(), Bytes::from(content));
        stores.attachments.put(&place(position), StoredAttachment { media_type, content }).await.unwrap();
    }
    let held = lease(store, "before", key).await;
    let pick = |count: usize| (number as usize * 3) % count;
    let progress = generate::values(&generate::progresses(), 20)[pick(20)].clone();
    let again = generate::values(&generate::agains(), 20).into_iter().skip(pick(15)).take(3);
    let failures = (1..).zip(again).map(|(seq, again)| NewFailure { failure: failure(seq), again });
    let mut transcript = generate::values(&generate::lines(), 9);
    transcript.push(TranscriptLine { role: Role::Assistant, ..line(1, "shown") });
    let commit = Commit {
        snapshot: generate::values(&generate::snapshots(), 30)[pick(30)].clone(),
        ended: vec![(Seq(1), Outcome::Answered)],
        transcript,
        failures: failures.collect(),
        news: vec![News { message: message.id, progress }],
        user: number.is_multiple_of(2).then(|| UserId::new("usr_1")),
        shown: vec![Shown { seq: Seq(1), key: format!("card {number}") }],
        ..commit("k1", &id, Version(0))
    };
    assert_eq!(store.commit(&held, commit).await, Ok(Version(1)));
}

/// Lines of several batches.
async fn long(stores: &Stores) {
    let (store, key) = (&*stores.conversations, key("c2"));
    let held = lease(store, "before", &key).await;
    let snapshot = store.load(&held, &key.id(), Seq(0)).await.unwrap().unwrap().snapshot.unwrap();
    let transcript = (0..700).map(|number| line(number, &format!("line {number}"))).collect();
    let commit = Commit { snapshot, transcript, ..commit("k2", &key.id(), Version(1)) };
    store.commit(&held, commit).await.unwrap();
}

/// What a conversation's owner reads.
#[derive(Debug, PartialEq)]
struct Owned {
    version: Version,
    snapshot: Option<ConversationSnapshot>,
    entries: Vec<Entry>,
}

/// All that the ports tell.
#[derive(Debug, PartialEq)]
pub(crate) struct Everything {
    channels: Vec<Channel>,
    agents: Vec<AgentConfig>,
    tokens: Vec<Token>,
    users: Vec<User>,
    conversations: Vec<ConversationInfo>,
    private: Vec<Option<ConversationInfo>>,
    open: Vec<ConversationId>,
    owned: Vec<Owned>,
    lines: Vec<Vec<TranscriptLine>>,
    recent: Vec<Vec<TranscriptLine>>,
    shown: Vec<Option<TranscriptLine>>,
    failures: Vec<FailureInfo>,
    messages: Vec<Option<MessageRecord>>,
    files: Vec<BTreeMap<u32, StoredAttachment>>,
    usage: Vec<Vec<(Month, Usage)>>,
    audit: Vec<AuditInfo>,
    journal: journal::Lines,
}

impl Everything {
    /// Reads all of it.
    pub(crate) async fn of(stores: &Stores) -> Self {
        let channels = stores.channels.list().await.unwrap();
        for channel in &channels {
            let found = stores.channels.find(&ChannelId::new(channel.id.as_str())).await.unwrap();
            assert_eq!(found.as_ref(), Some(channel));
        }
        let agents = stores.agents.list().await.unwrap();
        for agent in &agents {
            let found = stores.agents.find(&AgentId::new(agent.id.as_str())).await.unwrap();
            assert_eq!(found.as_ref(), Some(agent));
        }
        let tokens = stores.tokens.list().await.unwrap();
        for token in &tokens {
            assert_eq!(stores.tokens.by_hash(&token.hash).await.unwrap().as_ref(), Some(token));
        }
        let mut all = Self {
            channels,
            agents,
            tokens,
            users: users(stores).await,
            conversations: conversations(stores).await,
            private: Vec::new(),
            open: Vec::new(),
            owned: Vec::new(),
            lines: Vec::new(),
            recent: Vec::new(),
            shown: Vec::new(),
            failures: failures(stores).await,
            messages: Vec::new(),
            files: Vec::new(),
            usage: vec![stores.usage.of(&app("a")).await.unwrap(), stores.usage.of(&app("b")).await.unwrap()],
            audit: stores.audit.list(&PageRequest { limit: 200, after: None }).await.unwrap().items,
            journal: journal::of(stores).await,
        };
        for partition in Partition::all() {
            all.open.extend(stores.conversations.open(partition, None).await.unwrap());
        }
        for (number, key) in (1..).zip(keys()) {
            all.look(stores, number, &key).await;
        }
        all
    }

    async fn look(&mut self, stores: &Stores, number: u64, key: &ConversationKey) {
        let (id, transcripts) = (key.id(), &stores.transcripts);
        let held = lease(&*stores.conversations, "before", key).await;
        let loaded = stores.conversations.load(&held, &id, Seq(0)).await.unwrap().unwrap();
        assert_eq!(loaded.key, *key);
        let (version, snapshot, entries) = (loaded.version, loaded.snapshot, loaded.entries);
        if let Some(snapshot) = &snapshot {
            let session = snapshot.session.number;
            self.recent.push(transcripts.recent(&id, session, 1_000).await.unwrap());
        }
        self.owned.push(Owned { version, snapshot, entries });
        self.private.push(transcripts.private_with(&key.channel, "staff1").await.unwrap());
        self.shown
            .push(transcripts.shown_as(&key.channel, &key.chat, &format!("card {number}")).await.unwrap());
        for message in [format!("msg_{number}"), format!("msg_{number}_waits")] {
            self.messages.push(stores.messages.find(&MessageId::new(message)).await.unwrap());
        }
        self.files.push(stores.attachments.load(&id, Seq(2)).await.unwrap().into_iter().collect());
        let (mut lines, mut after) = (Vec::new(), None);
        loop {
            let page = transcripts.lines(&id, &PageRequest { limit: 200, after }).await.unwrap();
            lines.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(lines.len() >= 10);
        self.lines.push(lines);
    }

    /// One part after the other, so that a difference can be read.
    pub(crate) fn assert_is(&self, other: &Self) {
        assert_eq!(self.channels, other.channels);
        assert_eq!(self.agents, other.agents);
        assert_eq!(self.tokens, other.tokens);
        assert_eq!(self.users, other.users);
        assert_eq!(self.conversations, other.conversations);
        assert_eq!(self.open, other.open);
        assert_eq!(self.owned, other.owned);
        assert_eq!(self.failures, other.failures);
        assert!(self.files == other.files, "files");
        assert_eq!(self.messages, other.messages);
        assert_eq!(self.audit, other.audit);
        assert!(self.journal == other.journal, "journal");
        assert!(self == other, "the rest");
    }
}

async fn users(stores: &Stores) -> Vec<User> {
    let users = stores.users.list(&PageRequest { limit: 200, after: None }).await.unwrap().items;
    for user in &users {
        let matches = stores.users.matching(&user.username, user.email.as_deref()).await.unwrap();
        assert_eq!(matches.username.as_ref(), Some(user));
        assert_eq!(matches.email.len(), usize::from(user.email_verified));
        for identity in &user.identities {
            assert_eq!(stores.users.linked(identity).await.unwrap().as_ref(), Some(user));
        }
    }
    users
}

async fn conversations(stores: &Stores) -> Vec<ConversationInfo> {
    let page = PageRequest { limit: 200, after: None };
    let all = stores.transcripts.conversations(&ConversationFilter::default(), &page).await.unwrap().items;
    for conversation in &all {
        let (channel, user) = (Some(conversation.key.channel.clone()), conversation.user.clone());
        for filter in [
            ConversationFilter { channel, ..ConversationFilter::default() },
            ConversationFilter { user, ..ConversationFilter::default() },
        ] {
            let found = stores.transcripts.conversations(&filter, &page).await.unwrap().items;
            assert!(found.contains(conversation));
        }
    }
    all
}

async fn failures(stores: &Stores) -> Vec<FailureInfo> {
    let all = stores.failures.list(&PageRequest { limit: 200, after: None }).await.unwrap().items;
    for failure in &all {
        assert_eq!(stores.failures.find(&failure.id).await.unwrap().as_ref(), Some(failure));
    }
    all
}
