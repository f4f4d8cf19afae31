//! Accepting, and everything else that appends to an inbox (R1, R2).

use serde_json::{Map, Value, json};
use switchboard_domain::ids::{ConversationId, ConversationKey, FencingToken, Partition, Seq};
use switchboard_domain::inbox::{Entry, Verdict};
use switchboard_domain::message::{Chat, ChatKind};
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::{Accepted, Arrival, DEDUPLICATION_KEPT};
use switchboard_ports::error::StoreError;

use super::Core;
use super::conversations::entry_key;
use super::keys::hashed;
use crate::stores::records::EntryRecord;

/// Tries of one step against other replicas that write the same conversation's inbox.
pub(super) const TRIES_MAX: u32 = 64;

/// What is known of a conversation before something is appended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) there: bool,
    pub(super) seq: Seq,
    pub(super) waiting: u32,
    pub(super) fence: FencingToken,
}

/// What became of an append.
pub(super) enum Appended {
    /// It is done.
    Done,
    /// What must not be there is there.
    There,
    /// Somebody was quicker: look again.
    Moved,
    /// The failure record is gone.
    Gone,
    /// The failure was retried before.
    Before,
}

/// An append as it will be made.
pub(super) struct Append<'a> {
    pub(super) partition: Partition,
    pub(super) id: &'a ConversationId,
    pub(super) known: Known,
    pub(super) entry: Entry,
    /// The key that must not be there.
    pub(super) unless: Option<String>,
    /// `append.lua` says what stands in it.
    pub(super) more: Map<String, Value>,
}

impl Append<'_> {
    pub(super) async fn make(self, core: &Core, now: Timestamp) -> Result<Appended, StoreError> {
        let Self { partition, id, known, entry, unless, more } = self;
        let key = entry_key(id, entry.seq);
        let row = core.row("inbox", &key);
        let body = row.write(&EntryRecord::seal(&entry, &row)?)?;
        let mut call = core.scripts.append.prepare_invoke();
        for what in [format!("c:{id}"), format!("inbox:{id}"), "open".into(), "active".into(), "fence".into()]
        {
            call.key(core.keys.of(partition, what));
        }
        if let Some(unless) = unless {
            call.key(unless);
        }
        call.arg(core.keys.beginning(partition)).arg(id.as_str()).arg(known.seq.0).arg(known.fence.0);
        call.arg(entry.seq.0).arg(body).arg(now.as_millis()).arg(Value::Object(more).to_string());
        let answer: Vec<String> = core.connection.run(&call).await?;
        Ok(match answer.first().map(String::as_str) {
            Some("done") => Appended::Done,
            Some("there") => Appended::There,
            Some("gone") => Appended::Gone,
            Some("before") => Appended::Before,
            _ => Appended::Moved,
        })
    }
}

/// Looks at a conversation and at what must not be there.
pub(super) async fn look(
    core: &Core,
    partition: Partition,
    id: &ConversationId,
    unless: &str,
) -> Result<Known, StoreError> {
    let mut call = core.scripts.look.prepare_invoke();
    call.key(unless)
        .key(core.keys.of(partition, format_args!("c:{id}")))
        .key(core.keys.of(partition, "fence"));
    let (there, seq, waiting, fence): (u8, u64, u32, u64) = core.connection.run(&call).await?;
    Ok(Known { there: there > 0, seq: Seq(seq), waiting, fence: FencingToken(fence) })
}

/// The fields of a new conversation, and those that an entry changes. Nobody's name takes the last author's place.
pub(super) fn fields(
    key: &ConversationKey,
    chat: &Chat,
    author: &str,
    person: Option<&str>,
) -> Map<String, Value> {
    let names = names_key(&key.chat, key.channel.as_str());
    let mut new = json!({
        "channel": key.channel.as_str(), "chat": key.chat, "author": "", "names_key": names,
    });
    let mut set = json!({ "kind": if chat.kind == ChatKind::Group { "group" } else { "private" } });
    let put = |to: &mut Value, name: &str, value: &str| {
        to.as_object_mut().and_then(|fields| fields.insert(name.to_owned(), Value::from(value)));
    };
    if let Some(member) = &key.member {
        put(&mut new, "member", member);
    }
    if let Some(title) = &chat.title {
        put(&mut set, "title", title);
    }
    if !author.is_empty() {
        put(&mut set, "author", author);
    }
    if let Some(person) = person.filter(|_| chat.kind == ChatKind::Private) {
        put(&mut set, "person", person);
        put(&mut set, "person_key", &person_key(key.channel.as_str(), person));
    }
    Map::from_iter([("new".to_owned(), new), ("set".to_owned(), set)])
}

/// The index of messages in a chat that show answers.
pub(super) fn names_key(chat: &str, channel: &str) -> String {
    format!("names:{channel}:{}", hashed(chat))
}

/// The index of private conversations with a person.
pub(super) fn person_key(channel: &str, person: &str) -> String {
    format!("person:{channel}:{}", hashed(person))
}

/// Marks and appends, or neither.
pub(super) async fn accept(core: &Core, arrival: Arrival) -> Result<Accepted, StoreError> {
    let (partition, id) = (arrival.key.partition(), arrival.key.id());
    let hash = hashed(arrival.message.as_str());
    if core.clock.now() < core.marks_until {
        let mut command = redis::cmd("EXISTS");
        command.arg(core.keys.mark(arrival.key.channel.as_str(), &hash));
        if core.connection.ask::<u8>(&command).await? > 0 {
            return Ok(Accepted::Duplicate);
        }
    }
    let mark = format!("mark:{}:{hash}", arrival.key.channel);
    let mark = core.keys.of(partition, mark);
    for _ in 0..TRIES_MAX {
        let known = look(core, partition, &id, &mark).await?;
        if known.there {
            return Ok(Accepted::Duplicate);
        }
        let verdict = arrival.admission.verdict(known.waiting);
        let kept = u64::try_from(DEDUPLICATION_KEPT.as_millis()).unwrap_or(u64::MAX);
        if let Verdict::Pass(_) = verdict {
            let mut command = redis::cmd("SET");
            command.arg(&mark).arg(1).arg("NX").arg("PX").arg(kept);
            let marked: Option<String> = core.connection.ask(&command).await?;
            if marked.is_none() {
                return Ok(Accepted::Duplicate);
            }
            return Ok(Accepted::First { seq: None, verdict, at: core.clock.now() });
        }
        if known.seq == Seq(0) {
            core.note_place(id.as_str(), partition, None).await?;
        }
        let now = core.clock.now();
        let seq = known.seq.next();
        let person = arrival.sender.im_user_id.as_deref();
        let mut more = fields(&arrival.key, &arrival.chat, &arrival.sender.name, person);
        more.insert("mark".to_owned(), Value::from(kept.to_string()));
        more.insert("waiting".to_owned(), Value::from(known.waiting.to_string()));
        let entry = arrival.clone().into_entry(seq, verdict, known.fence, now);
        let append = Append { partition, id: &id, known, entry, unless: Some(mark.clone()), more };
        match append.make(core, now).await? {
            Appended::Done => return Ok(Accepted::First { seq: Some(seq), verdict, at: now }),
            Appended::There => {
                arrival.admission.unused();
                return Ok(Accepted::Duplicate);
            }
            Appended::Moved | Appended::Gone | Appended::Before => arrival.admission.unused(),
        }
    }
    Err(StoreError::Unavailable("too many write to one conversation".to_owned()))
}
