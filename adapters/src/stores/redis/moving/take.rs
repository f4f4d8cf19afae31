//! Rows of another store, put where they are not yet. Each step may be repeated.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use redis::Cmd;
use serde_json::json;
use switchboard_domain::ids::{ConversationId, Partition, Seq};
use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::error::StoreError;

use super::super::accept::{names_key, person_key};
use super::super::messages::PLACE_KEPT;
use super::super::{Core, attachments, audit, failures, users};
use super::journal;
use crate::stores::copy::items::{
    ConversationItem, FailureItem, FileItem, Item, LineItem, MessageItem, Named, TokenItem, UsageItem,
};
use crate::stores::folded;
use crate::stores::records::UserRecord;

/// Steps made at once.
const STEPS_AT_ONCE: usize = 500;

/// Takes rows in: conversations first, because the rest asks where they lie.
pub(super) async fn rows(core: &Core, rows: Vec<Item>) -> Result<(), StoreError> {
    let mut steps = Vec::new();
    for item in &rows {
        if let Item::Conversation(item) = item {
            conversation(core, item, &mut steps);
        }
    }
    make(core, steps).await?;
    let mut places = BTreeMap::new();
    for id in rows.iter().filter_map(Item::conversation) {
        if !places.contains_key(id) {
            let found = core.partition_of(id).await?;
            places.insert(id, found.ok_or_else(|| core.corrupt("at", id))?);
        }
    }
    let place = |id: &str| places.get(id).copied().ok_or_else(|| core.corrupt("at", id));
    let (mut steps, mut ends) = (Vec::new(), Vec::new());
    let (mut lines, mut last_line) = (BTreeMap::<_, Vec<_>>::new(), 0);
    for item in &rows {
        match item {
            Item::Conversation(_) => {}
            Item::Channel(named) => put_named(core, "channels", named, &mut steps),
            Item::Agent(named) => put_named(core, "agents", named, &mut steps),
            Item::Token(token) => put_token(core, token, &mut steps),
            Item::User { id, body } => user(core, id, body, &mut steps)?,
            Item::Identity { platform, im_user_id, user } => {
                identity(core, platform, im_user_id, user, &mut steps);
            }
            Item::Entry { conversation, seq, body } => {
                let inbox = core.keys.of(place(conversation)?, format_args!("inbox:{conversation}"));
                steps.push(step("ZADD", &[&inbox, &seq.to_string(), &format!("{seq}|{body}")]));
            }
            Item::Line(line) => {
                lines.entry((place(&line.conversation)?, &line.conversation)).or_default().push(line);
            }
            Item::Shown { conversation, seq, key } => {
                shown(core, (place(conversation)?, conversation), *seq, key, &mut steps).await?;
            }
            Item::Failure(item) => failure(core, place(&item.conversation)?, item, &mut steps).await?,
            Item::Message(item) => message(core, place(&item.conversation)?, item, &mut steps),
            Item::File(item) => file(core, item).await?,
            Item::Usage(item) => usage(core, item, &mut steps),
            Item::Journal(item) => journal::put(core, item, &mut steps, &mut ends)?,
            Item::Audit { number, body } => {
                last_line = last_line.max(*number);
                let lines = audit::lines_key(core);
                steps.push(step("ZADD", &[&lines, &number.to_string(), &format!("{number}|{body}")]));
            }
        }
    }
    make(core, steps).await?;
    // Steps go side by side: what they make is there only now.
    make(core, ends).await?;
    if last_line > 0 {
        let mut call = core.scripts.raise.prepare_invoke();
        call.key(audit::last_key(core)).arg(last_line);
        core.connection.run::<()>(&call).await?;
    }
    try_join_all(lines.iter().map(|((partition, id), lines)| lay(core, *partition, id, lines)))
        .await
        .map(drop)
}

async fn make(core: &Core, steps: Vec<Cmd>) -> Result<(), StoreError> {
    for some in steps.chunks(STEPS_AT_ONCE) {
        try_join_all(some.iter().map(|step| core.connection.ask::<redis::Value>(step))).await?;
    }
    Ok(())
}

fn step(name: &str, words: &[&str]) -> Cmd {
    let mut command = redis::cmd(name);
    for word in words {
        command.arg(*word);
    }
    command
}

fn conversation(core: &Core, item: &ConversationItem, steps: &mut Vec<Cmd>) {
    let partition = item.partition();
    let of = |what: String| core.keys.of(partition, what);
    let mut fields = redis::cmd("HSET");
    fields.arg(of(format!("c:{}", item.id)));
    let numbers = [
        ("session", item.session),
        ("session_at", item.session_at),
        ("created_at", Some(item.created_at)),
        ("active_at", Some(item.active_at)),
        ("seq", Some(item.seq)),
        ("waiting", Some(item.waiting)),
        ("replies", Some(item.replies)),
        ("version", Some(item.version)),
    ];
    let texts = [
        ("channel", Some(&item.channel)),
        ("chat", Some(&item.chat)),
        ("member", item.member.as_ref()),
        ("kind", Some(&item.kind)),
        ("title", item.title.as_ref()),
        ("author", Some(&item.author)),
        ("person", item.person.as_ref()),
        ("user", item.user.as_ref()),
        ("commit", item.commit.as_ref()),
        ("state", item.state.as_ref()),
    ];
    for (name, number) in numbers.into_iter().filter_map(|(name, number)| Some((name, number?))) {
        fields.arg(name).arg(number);
    }
    for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text?))) {
        fields.arg(name).arg(text);
    }
    fields.arg("names_key").arg(names_key(&item.chat, &item.channel));
    let person = item.person.as_ref().map(|person| person_key(&item.channel, person));
    if let Some(person) = &person {
        fields.arg("person_key").arg(person);
    }
    steps.push(fields);
    steps.push(step("SET", &[&core.keys.place(&item.id), &partition.0.to_string()]));
    let at = item.active_at.to_string();
    let user = item.user.as_ref().map(|user| format!("active:user:{user}"));
    let lists = [Some("active".to_owned()), Some(format!("active:channel:{}", item.channel)), user, person];
    for list in lists.into_iter().flatten() {
        steps.push(step("ZADD", &[&of(list), &at, &item.id]));
    }
    if item.waiting > 0 || item.replies > 0 {
        steps.push(step("ZADD", &[&of("open".to_owned()), "0", &item.id]));
    }
}

fn put_named(core: &Core, table: &'static str, named: &Named, steps: &mut Vec<Cmd>) {
    let stored = json!([named.version.to_string(), named.name, named.body]).to_string();
    table_row(core, table, (&named.id, &stored), &named.name, steps);
}

fn put_token(core: &Core, token: &TokenItem, steps: &mut Vec<Cmd>) {
    let stored = json!([token.id, token.hash, token.body]).to_string();
    table_row(core, "tokens", (&token.name, &stored), &token.hash, steps);
}

fn table_row(core: &Core, table: &str, (id, stored): (&str, &str), name: &str, steps: &mut Vec<Cmd>) {
    steps.push(step("HSET", &[&core.keys.shared("config", table), id, stored]));
    let names = core.keys.shared("config", format_args!("{table}:names"));
    steps.push(step("HSET", &[&names, name, id]));
}

fn user(core: &Core, id: &str, body: &str, steps: &mut Vec<Cmd>) -> Result<(), StoreError> {
    let row = core.row("users", id);
    let user = row.read::<UserRecord>(body)?.open(Vec::new(), &row);
    let key = |what: &str| core.keys.shared("users", what);
    steps.push(step("HSET", &[&key("records"), id, body]));
    steps.push(step("ZADD", &[&key("ids"), "0", id]));
    steps.push(step("HSET", &[&key("names"), &folded(&user.username), id]));
    if let Some(email) = user.email.filter(|_| user.email_verified) {
        steps.push(step("ZADD", &[&users::with_address(core, &email), "0", id]));
    }
    Ok(())
}

fn identity(core: &Core, platform: &str, im_user_id: &str, user: &str, steps: &mut Vec<Cmd>) {
    let text = json!([platform, im_user_id]).to_string();
    steps.push(step("HSET", &[&core.keys.shared("users", "links"), &text, user]));
    steps.push(step("SADD", &[&core.keys.shared("users", format_args!("of:{user}")), &text]));
}

/// Lines of one conversation, in their order.
async fn lay(core: &Core, partition: Partition, id: &str, lines: &[&LineItem]) -> Result<(), StoreError> {
    let Some(first) = lines.first() else { return Ok(()) };
    let mut call = core.scripts.lay.prepare_invoke();
    call.key(core.keys.of(partition, format_args!("lines:{id}")));
    call.key(core.keys.of(partition, format_args!("c:{id}"))).arg(first.position);
    for line in lines {
        let session = line.session.to_string();
        call.arg(&session).arg(json!([session, line.text, line.body]).to_string());
    }
    core.connection.run::<u64>(&call).await.map(drop)
}

async fn shown(
    core: &Core,
    (partition, conversation): (Partition, &str),
    seq: u64,
    key: &str,
    steps: &mut Vec<Cmd>,
) -> Result<(), StoreError> {
    let mut command = redis::cmd("HGET");
    command.arg(core.keys.of(partition, format_args!("c:{conversation}"))).arg("names_key");
    let names: String = core.connection.ask(&command).await?;
    let list = core.keys.of(partition, format_args!("shown:{conversation}"));
    steps.push(step("ZADD", &[&list, &seq.to_string(), key]));
    steps.push(step("HSETNX", &[&core.keys.of(partition, names), key, &format!("{seq}|{conversation}")]));
    Ok(())
}

/// A record keeps its number. Where that names another partition, or none, its place is noted.
async fn failure(
    core: &Core,
    partition: Partition,
    item: &FailureItem,
    steps: &mut Vec<Cmd>,
) -> Result<(), StoreError> {
    let number = item.number.to_string();
    let mut channel = redis::cmd("HGET");
    channel.arg(core.keys.of(partition, format_args!("c:{}", item.conversation))).arg("channel");
    let channel: String = core.connection.ask(&channel).await?;
    if failures::named_partition(item.number) != partition {
        core.note_place(&format!("flr_{number}"), partition, None).await?;
    }
    let record = core.keys.of(partition, format_args!("failure:{number}"));
    let mut fields = step("HSET", &[&record, "conversation", &item.conversation, "channel", &channel]);
    fields.arg("body").arg(&item.body);
    if let Some(again) = &item.again {
        fields.arg("again").arg(again);
    }
    if let Some(at) = item.retried_at {
        fields.arg("retried_at").arg(at);
    }
    steps.push(fields);
    steps.push(step("ZADD", &[&core.keys.of(partition, "failures"), &number, &number]));
    Ok(())
}

fn message(core: &Core, partition: Partition, item: &MessageItem, steps: &mut Vec<Cmd>) {
    let (id, at) = (&item.id, item.at.to_string());
    let record = core.keys.of(partition, format_args!("message:{id}"));
    let ended = if item.ended { "1" } else { "0" };
    let mut fields = step("HSET", &[&record, "conversation", &item.conversation, "channel", &item.channel]);
    fields.arg("body").arg(&item.body).arg("ended").arg(ended);
    steps.push(fields);
    let of_partition = core.keys.of(partition, format_args!("messages:{}", item.channel));
    steps.push(step("ZADD", &[&of_partition, &at, id]));
    let all = core.keys.shared("messages", &item.channel);
    steps.push(step("ZADD", &[&all, &at, &format!("{}/{id}", partition.0)]));
    let (place, kept) = (core.keys.place(id), PLACE_KEPT.as_secs().to_string());
    steps.push(step("SET", &[&place, &partition.0.to_string(), "EX", &kept]));
}

async fn file(core: &Core, item: &FileItem) -> Result<(), StoreError> {
    let entry = attachments::entry_of(&ConversationId::new(item.conversation.clone()), Seq(item.seq));
    let cost = AttachmentLimits::cost(item.content.len());
    // It had its place in the source.
    let room = i64::MAX.unsigned_abs();
    let file = (item.position, cost, room, item.media_type.as_str(), item.content.as_ref());
    attachments::keep(core, &entry, Some(file)).await.map(drop)
}

fn usage(core: &Core, item: &UsageItem, steps: &mut Vec<Cmd>) {
    let month = item.month.to_string();
    let app = json!([item.platform, item.app]).to_string();
    let counts = json!([item.api_calls.to_string(), item.pushes.to_string(), item.batch]).to_string();
    let key = core.keys.shared("usage", format_args!("month:{month}"));
    steps.push(step("HSET", &[&key, &app, &counts]));
    steps.push(step("ZADD", &[&core.keys.shared("usage", "months"), &month, &month]));
}
