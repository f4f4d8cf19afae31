//! A timeline as it is read: the journal's lines of a message, oldest first, each a name, a time and its details.
//!
//! Lines of later versions are read as they stand: their names and details are shown as they are.

use serde_json::{Map, Value};
use switchboard_domain::ids::{ChannelId, ConversationId, MessageId};
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{Book, JournalInfo};
use switchboard_ports::page::{PAGE_ROWS_MAX, PageRequest};

use super::{place_of, trace_id};
use crate::ports::Ports;
use crate::runtime::scribe::once;

/// What happened to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// The message's name.
    pub(crate) message: String,
    /// Its conversation, where it is known.
    pub(crate) conversation: Option<ConversationId>,
    /// Its channel, unless that is gone.
    pub(crate) channel: Option<ChannelId>,
    /// Its trace.
    pub(crate) trace: String,
    /// What happened, oldest first; at least one.
    pub(crate) items: Vec<Item>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// When.
    pub(crate) at: Timestamp,
    /// What: the stable name.
    pub(crate) event: String,
    /// Which try at asking the agent it belongs to, from 1.
    pub(crate) attempt: Option<u32>,
    /// Which replica did it.
    pub(crate) replica: Option<String>,
    /// The rest.
    pub(crate) detail: Map<String, Value>,
}

impl Timeline {
    /// The timeline of a message; none where nothing is known of it (any more).
    pub(crate) async fn of(ports: &Ports, message: &str) -> Result<Option<Self>, StoreError> {
        let page = PageRequest { limit: PAGE_ROWS_MAX, after: None };
        let lines = ports.journal.read(Book::Timelines, message, &page).await?.items;
        let items = items(lines);
        if items.is_empty() {
            return Ok(None);
        }
        let (conversation, channel) = match place_of(message) {
            Some((id, _)) => {
                let found = ports.transcripts.conversation(&id).await?;
                (Some(id), found.map(|found| found.key.channel))
            }
            None => ports
                .messages
                .find(&MessageId::new(message))
                .await?
                .map(|record| (record.conversation, record.channel))
                .unzip(),
        };
        Ok(Some(Self { message: message.to_owned(), conversation, channel, trace: trace_id(message), items }))
    }

    /// Whether more is to be expected.
    pub(crate) fn is_open(&self) -> bool {
        let ended = self.items.iter().any(|item| match item.event.as_str() {
            "ended" => true,
            "sending" => {
                item.text("state").is_some_and(|state| matches!(state, "sent" | "failed" | "unknown"))
            }
            _ => false,
        });
        !ended
    }
}

impl Item {
    /// A detail that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.detail.get(name).and_then(Value::as_str)
    }

    /// A detail that is a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.detail.get(name).and_then(Value::as_u64)
    }
}

/// Lines, the newest first, as what they tell, in the order of time.
fn items(lines: Vec<JournalInfo>) -> Vec<Item> {
    let mut items: Vec<Item> =
        once(lines).into_iter().rev().filter_map(|line| item(&line)).flat_map(unfolded).collect();
    // Replicas write each for themselves; what is of one time stays as it was written.
    items.sort_by_key(|item| item.at);
    let mut attempt = 0;
    for item in &mut items {
        if item.event == "asked" && item.detail.get("goes_on") != Some(&Value::Bool(true)) {
            attempt += 1;
        }
        let is_agents =
            matches!(item.event.as_str(), "asked" | "first_output" | "agent_finished" | "agent_failed");
        item.attempt = Some(attempt).filter(|attempt| is_agents && *attempt > 0);
    }
    items
}

fn item(line: &JournalInfo) -> Option<Item> {
    let Ok(Value::Object(mut detail)) = serde_json::from_str(&line.body) else { return None };
    let mut text = |name| match detail.remove(name) {
        Some(Value::String(text)) => Some(text),
        Some(_) | None => None,
    };
    let (event, replica) = (text("kind")?, text("replica"));
    detail.retain(|_, value| !value.is_null());
    Some(Item { at: line.at, event, attempt: None, replica, detail })
}

/// That a message was taken in is one line and three things that happened.
fn unfolded(mut item: Item) -> Vec<Item> {
    if item.event != "accepted" {
        return vec![item];
    }
    let stored_ms = item.number("stored_ms").unwrap_or_default();
    let stored_at = item.at.after(std::time::Duration::from_millis(stored_ms));
    item.detail.remove("stored_ms");
    let later = |event: &str| Item {
        at: stored_at,
        event: event.to_owned(),
        attempt: None,
        replica: item.replica.clone(),
        detail: Map::new(),
    };
    let (stored, acknowledged) = (later("stored"), later("acknowledged"));
    "received".clone_into(&mut item.event);
    vec![item, stored, acknowledged]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64, at: u64, body: &str) -> JournalInfo {
        JournalInfo { number, at: Timestamp::from_millis(at), body: body.to_owned() }
    }

    #[test]
    fn lines_are_told_in_the_order_of_time_with_their_attempts() {
        let lines = vec![
            line(6, 9_000, r#"{"kind":"later_version","x":1}"#),
            line(5, 5_000, r#"{"kind":"asked","goes_on":true,"replica":"b"}"#),
            line(4, 4_000, r#"{"kind":"asked","goes_on":false,"replica":"b","model":null}"#),
            line(3, 3_000, r#"{"kind":"agent_failed","cause":"agent_unreachable"}"#),
            line(2, 1_000, r#"{"kind":"accepted","stored_ms":12,"asks":"question","replica":"a"}"#),
            line(1, 2_000, r#"{"kind":"asked","goes_on":false,"replica":"a"}"#),
            line(0, 2_000, "no line of ours"),
        ];
        let told = items(lines);
        let told: Vec<_> = told.iter().map(|it| (it.at.as_millis(), it.event.as_str(), it.attempt)).collect();
        assert_eq!(
            told,
            [
                (1_000, "received", None),
                (1_012, "stored", None),
                (1_012, "acknowledged", None),
                (2_000, "asked", Some(1)),
                (3_000, "agent_failed", Some(1)),
                (4_000, "asked", Some(2)),
                (5_000, "asked", Some(2)),
                (9_000, "later_version", None),
            ]
        );
    }
}
