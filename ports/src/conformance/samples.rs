//! Values that cases are written with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Map;
use switchboard_domain::choice::Choices;
use switchboard_domain::ids::{
    AgentId, ChannelId, CommitId, ConversationId, ConversationKey, Epoch, MessageId, ReplicaId, RetryNumber,
    Seq, SessionNumber, Version,
};
use switchboard_domain::inbox::{Again, Intake, Verdict};
use switchboard_domain::message::{Chat, ChatKind, Sender, SessionAddress, Target};
use switchboard_domain::outbound::Format;
use switchboard_domain::outcome::{FailureCause, Outcome};
use switchboard_domain::reply::Tried;
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::TurnLimits;
use switchboard_domain::snapshot::{
    ConversationSnapshot, Part, PartStatus, ReplyId, ReplyRole, ReplySnapshot, ReplyStateSnapshot, Role,
    SessionSnapshot, TranscriptLine,
};
use switchboard_domain::time::Timestamp;

use crate::agent::{AgentUser, RunRequest};
use crate::agents::{AgentConfig, AgentIdentity, AgentMode};
use crate::conformance::FakeClock;
use crate::conversations::{
    Accepted, Admission, Arrival, Commit, ConversationStore, Failure, Lease, NewFailure,
};

/// How long cases take leases for.
pub const TTL: Duration = Duration::from_secs(30);

/// An agent of this kind at this address, and of nothing else that is not usual.
#[must_use]
pub fn agent(kind: &str, base_url: &str) -> AgentConfig {
    AgentConfig {
        id: AgentId::new("agt_1"),
        name: "helper".to_owned(),
        kind: kind.to_owned(),
        base_url: base_url.to_owned(),
        api_key: Secret::new("sk-test"),
        model: Some("gpt-x".to_owned()),
        models: switchboard_domain::choice::AllowList::default(),
        system_prompt: None,
        headers: BTreeMap::new(),
        extra_body: Map::new(),
        stream: true,
        mode: AgentMode::Auto,
        identity: AgentIdentity::default(),
        connect_timeout: Duration::from_secs(5),
        limits: TurnLimits::default(),
        history_messages_max: 40,
        history_chars_max: 60_000,
        managed_by_file: false,
        version: Version(1),
        created_at: FakeClock::START,
        updated_at: FakeClock::START,
    }
}

/// The first question of somebody's to an agent.
#[must_use]
pub fn question(username: &str, text: &str) -> RunRequest {
    RunRequest {
        turn: "chn_1/cnv_1/7".to_owned(),
        text: text.to_owned(),
        history: Vec::new(),
        continuation: None,
        model: None,
        attachments: Vec::new(),
        resume: None,
        trace: None,
        user: AgentUser {
            id: "usr_1".to_owned(),
            username: username.to_owned(),
            display_name: "张三".to_owned(),
            platform: "dingtalk".to_owned(),
            chat: ChatKind::Private,
            email: None,
            department: None,
        },
    }
}

/// A private chat's key on channel `chn_a`.
#[must_use]
pub fn key(chat: &str) -> ConversationKey {
    key_on("chn_a", chat)
}

/// A private chat's key.
#[must_use]
pub fn key_on(channel: &str, chat: &str) -> ConversationKey {
    ConversationKey { channel: ChannelId::new(channel), chat: chat.to_owned(), member: None }
}

/// A group member's key on channel `chn_a`; all members of a group share a partition.
#[must_use]
pub fn member_key(chat: &str, member: &str) -> ConversationKey {
    ConversationKey { member: Some(member.to_owned()), ..key(chat) }
}

/// A replica's name.
#[must_use]
pub fn replica(name: &str) -> ReplicaId {
    ReplicaId::new(name)
}

/// A question that is admitted.
#[must_use]
pub fn ask(key: &ConversationKey, message: &str, text: &str) -> Arrival {
    decided(key, message, text, Verdict::Admit)
}

/// A question with this verdict.
#[must_use]
pub fn decided(key: &ConversationKey, message: &str, text: &str, verdict: Verdict) -> Arrival {
    let kind = if key.member.is_some() { ChatKind::Group } else { ChatKind::Private };
    Arrival {
        key: key.clone(),
        message: MessageId::new(message),
        chat: Chat { id: key.chat.clone(), kind, title: None },
        sender: sender("Author"),
        sent_at: Timestamp::from_millis(1_699_999_999_000),
        session_address: None,
        intake: Intake::Ask { text: text.to_owned(), attachments: Vec::new(), quotes: None },
        admission: Arc::new(Decided(verdict)),
    }
}

/// An author with this name.
#[must_use]
pub fn sender(name: &str) -> Sender {
    Sender { im_user_id: Some("staff1".to_owned()), opaque_id: "opaque1".to_owned(), name: name.to_owned() }
}

/// A short-lived address.
#[must_use]
pub fn address(url: &str) -> SessionAddress {
    SessionAddress { url: Secret::new(url), until: Timestamp::from_millis(1_700_005_400_000) }
}

/// Always the same verdict.
#[derive(Debug, Clone, Copy)]
pub struct Decided(pub Verdict);

impl Admission for Decided {
    fn verdict(&self, _waiting: u32) -> Verdict {
        self.0
    }
}

/// Admits, and remembers what it was asked with.
#[derive(Debug, Default)]
pub struct Recording {
    asked: Mutex<Vec<u32>>,
}

impl Recording {
    /// The waiting counts it was asked with, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<u32> {
        self.asked.lock().unwrap().clone()
    }
}

impl Admission for Recording {
    fn verdict(&self, waiting: u32) -> Verdict {
        self.asked.lock().unwrap().push(waiting);
        Verdict::Admit
    }
}

/// Accepts and answers with the sequence given.
pub async fn accept_first(store: &dyn ConversationStore, arrival: Arrival) -> Seq {
    match store.accept(arrival).await.unwrap() {
        Accepted::First { seq: Some(seq), .. } => seq,
        Accepted::First { seq: None, .. } => panic!("passed over"),
        Accepted::Duplicate => panic!("seen before"),
    }
}

/// A lease on the conversation's partition.
pub async fn lease(store: &dyn ConversationStore, owner: &str, key: &ConversationKey) -> Lease {
    let leases = store.claim(&replica(owner), &[key.partition()], TTL).await.unwrap();
    let [lease] = leases.as_slice() else {
        panic!("{owner} did not get {}", key.partition());
    };
    lease.clone()
}

/// A session at rest.
#[must_use]
pub fn session(number: u64) -> SessionSnapshot {
    SessionSnapshot {
        number: SessionNumber(number),
        epoch: Epoch(number),
        started_at: FakeClock::START,
        last_activity_at: FakeClock::START,
        turns: 0,
        choices: Choices::default(),
        continuation: None,
        attempts: None,
        run: None,
    }
}

/// A conversation at rest.
#[must_use]
pub fn snapshot(number: u64) -> ConversationSnapshot {
    ConversationSnapshot { session: session(number), replies: Vec::new(), noted: Vec::new() }
}

/// A plain reply that is not done.
#[must_use]
pub fn reply(seq: Seq, text: &str) -> ReplySnapshot {
    ReplySnapshot {
        id: ReplyId { seq, role: ReplyRole::Answer },
        message: MessageId::new(format!("m{seq}")),
        retry: RetryNumber(0),
        target: Target {
            chat: Chat { id: "cid1".to_owned(), kind: ChatKind::Private, title: None },
            im_user_id: Some("staff1".to_owned()),
            session_address: None,
        },
        attempt: 0,
        ended_at: FakeClock::START,
        format: Format::Markdown,
        tried: Tried::default(),
        state: ReplyStateSnapshot::Plain {
            parts: vec![Part { text: text.to_owned(), status: PartStatus::Pending }],
            pointer: None,
        },
    }
}

/// A commit of a state at rest that does nothing else.
#[must_use]
pub fn commit(id: &str, conversation: &ConversationId, expected: Version) -> Commit {
    Commit {
        id: CommitId::new(id),
        conversation: conversation.clone(),
        expected,
        snapshot: snapshot(1),
        ended: Vec::new(),
        transcript: Vec::new(),
        failures: Vec::new(),
        news: Vec::new(),
        user: None,
        shown: Vec::new(),
    }
}

/// A commit that ends entries as answered.
#[must_use]
pub fn ending(id: &str, conversation: &ConversationId, expected: Version, ended: &[Seq]) -> Commit {
    Commit {
        ended: ended.iter().map(|seq| (*seq, Outcome::Answered)).collect(),
        ..commit(id, conversation, expected)
    }
}

/// A commit that adds lines to the transcript.
#[must_use]
pub fn telling(
    id: &str,
    conversation: &ConversationId,
    expected: Version,
    lines: &[TranscriptLine],
) -> Commit {
    Commit { transcript: lines.to_vec(), ..commit(id, conversation, expected) }
}

/// A line said by the person in session 1.
#[must_use]
pub fn line(seq: u64, text: &str) -> TranscriptLine {
    TranscriptLine {
        session: SessionNumber(1),
        seq: Seq(seq),
        role: Role::User,
        text: text.to_owned(),
        at: FakeClock::START.after(Duration::from_secs(seq)),
        mark: None,
    }
}

/// A failure record.
#[must_use]
pub fn failure(seq: u64) -> Failure {
    Failure {
        seq: Seq(seq),
        message: MessageId::new(format!("m{seq}")),
        retry: RetryNumber(0),
        cause: FailureCause::CrashLoop,
        attempts: 3,
        at: FakeClock::START.after(Duration::from_secs(seq)),
        tried: Tried::default(),
    }
}

/// A failure record on its way into the store; a retry asks its question again.
#[must_use]
pub fn failed(seq: u64) -> NewFailure {
    NewFailure {
        failure: failure(seq),
        again: again(Intake::Ask { text: format!("q{seq}"), attachments: Vec::new(), quotes: None }),
    }
}

/// What a retry in the chat `c` does.
#[must_use]
pub fn again(intake: Intake) -> Again {
    Again {
        chat: Chat { id: "c".to_owned(), kind: ChatKind::Private, title: None },
        sender: sender("Author"),
        sent_at: Timestamp::from_millis(1_699_999_999_000),
        session_address: Some(address("https://example.invalid/again")),
        intake,
    }
}
