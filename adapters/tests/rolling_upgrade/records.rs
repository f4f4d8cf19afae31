//! All records in a Redis, where they stand, and what other versions would have written there.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use redis::{Client, Connection, cmd};
use serde_json::{Value, json};

/// How a version writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    /// As this one does.
    ThisFormat,
    /// The next format, which adds fields that readers of this one may pass over.
    Next,
    /// The first format: without whatever was added since.
    Oldest,
    /// The next format, which readers of this one do not understand.
    Unreadable,
}

/// Fields that came after the first format, wherever they stand. The flows use what the first format could say.
const ADDED_SINCE: [&str; 4] = ["run", "retry", "format", "tried"];

/// The same of users, whose records have names in common with others that always had them.
const ADDED_TO_USERS: [&str; 5] = ["department", "directory", "shut_out_by", "version", "updated_at"];

/// Fields that hold what their owner likes, or names of things.
const FREE: [&str; 4] = ["config", "secrets_sealed", "headers", "extra_body"];

/// Where a record stands: its key, its member or field, its part of that.
type Place = (String, String, usize);

/// Reads and rewrites records.
pub(crate) struct Records(RefCell<Connection>);

impl Records {
    pub(crate) fn of(url: &str) -> Self {
        Self(RefCell::new(Client::open(url).unwrap().get_connection().unwrap()))
    }

    /// Every record by where it stands.
    pub(crate) fn all(&self) -> BTreeMap<Place, String> {
        let connection = &mut *self.0.borrow_mut();
        let mut all = BTreeMap::new();
        let keys: Vec<String> = cmd("KEYS").arg("test:*").query(connection).unwrap();
        for key in keys {
            let kind: String = cmd("TYPE").arg(&key).query(connection).unwrap();
            let stored: Vec<(String, String)> = match kind.as_str() {
                "hash" => cmd("HGETALL").arg(&key).query(connection).unwrap(),
                "zset" => {
                    let members: Vec<String> =
                        cmd("ZRANGE").arg(&key).arg(0).arg(-1).query(connection).unwrap();
                    // The sequence is the place: the member is rewritten.
                    let named = members.into_iter().filter_map(|member| {
                        let (seq, record) = member.split_once('|')?;
                        Some((seq.to_owned(), record.to_owned()))
                    });
                    named.collect()
                }
                "list" => {
                    let lines: Vec<String> =
                        cmd("LRANGE").arg(&key).arg(0).arg(-1).query(connection).unwrap();
                    lines.into_iter().enumerate().map(|(at, line)| (at.to_string(), line)).collect()
                }
                _ => continue,
            };
            for (field, text) in stored {
                for (part, record) in parts(&text).into_iter().enumerate() {
                    if is_record(&record) {
                        all.insert((key.clone(), field.clone(), part), record);
                    }
                }
            }
        }
        all
    }

    /// Rewrites what is new or changed.
    pub(crate) fn rewrite(&self, before: &BTreeMap<Place, String>, writes: Writes) {
        for (place, record) in self.all() {
            if before.get(&place) != Some(&record) {
                self.put(&place, &as_written(&place.0, &record, writes));
            }
        }
    }

    fn put(&self, (key, field, part): &Place, record: &str) {
        let connection = &mut *self.0.borrow_mut();
        let kind: String = cmd("TYPE").arg(key).query(connection).unwrap();
        let joined = |text: &str| {
            let mut all = parts(text);
            record.clone_into(&mut all[*part]);
            if all.len() == 1 { record.to_owned() } else { json!(all).to_string() }
        };
        match kind.as_str() {
            "hash" => {
                let text: String = cmd("HGET").arg(key).arg(field).query(connection).unwrap();
                cmd("HSET").arg(key).arg(field).arg(joined(&text)).exec(connection).unwrap();
            }
            "zset" => {
                cmd("ZREMRANGEBYSCORE").arg(key).arg(field).arg(field).exec(connection).unwrap();
                cmd("ZADD").arg(key).arg(field).arg(format!("{field}|{record}")).exec(connection).unwrap();
            }
            _ => {
                let text: String = cmd("LINDEX").arg(key).arg(field).query(connection).unwrap();
                cmd("LSET").arg(key).arg(field).arg(joined(&text)).exec(connection).unwrap();
            }
        }
    }

    /// What formats there are, with what they may be read since.
    pub(crate) fn formats(&self) -> BTreeSet<String> {
        let envelope = |record: &String| {
            let record: Value = serde_json::from_str(record).unwrap();
            format!("{} {}", record["v"], record["since"])
        };
        let conversations = self.all().into_iter().filter(|((key, field, _), _)| {
            field == "state" || key.contains(":lines:") || key.contains(":inbox:")
        });
        conversations.map(|(_, record)| envelope(&record)).collect()
    }
}

/// The texts of a row that is stored as an array, or the one text there is.
fn parts(text: &str) -> Vec<String> {
    serde_json::from_str::<Vec<String>>(text).unwrap_or_else(|_| vec![text.to_owned()])
}

fn is_record(text: &str) -> bool {
    let value = serde_json::from_str::<Value>(text);
    value.is_ok_and(|value| value.get("v").is_some() && value.get("r").is_some())
}

fn as_written(key: &str, record: &str, writes: Writes) -> String {
    let mut envelope: Value = serde_json::from_str(record).unwrap();
    let format = envelope["v"].as_u64().unwrap();
    match writes {
        Writes::ThisFormat => return record.to_owned(),
        Writes::Next => {
            envelope["since"] = json!(format);
            envelope["v"] = json!(format + 1);
            add(&mut envelope["r"]);
        }
        Writes::Oldest => {
            envelope["v"] = json!(1);
            envelope.as_object_mut().unwrap().remove("since");
            remove(&mut envelope["r"]);
            if key.ends_with("{users}:records") {
                let fields = envelope["r"].as_object_mut().unwrap();
                fields.retain(|name, _| !ADDED_TO_USERS.contains(&name.as_str()));
            }
        }
        Writes::Unreadable => {
            envelope["v"] = json!(format + 1);
            envelope.as_object_mut().unwrap().remove("since");
            add(&mut envelope["r"]);
        }
    }
    envelope.to_string()
}

/// A field more wherever there are fields, but not in a value that says by its only field which kind it is.
fn add(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let known = fields.iter_mut().filter(|(name, _)| !FREE.contains(&name.as_str()));
            known.for_each(|(_, value)| add(value));
            if fields.len() != 1 {
                fields.insert("of_the_future".to_owned(), json!({ "nested": [1, "未来"] }));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(add),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn remove(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !ADDED_SINCE.contains(&name.as_str()));
            fields.values_mut().for_each(remove);
        }
        Value::Array(items) => items.iter_mut().for_each(remove),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
