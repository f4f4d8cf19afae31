//! What happens in rooms of the playground is told to the other replicas, where whoever looks in may be.
//!
//! A note holds an item whole, which a bound of the port keeps below the bound of a note. A note that is lost is made good by
//! the item's next change; an end that is lost shows when the room is looked into anew, from the transcript.

use std::sync::Arc;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use switchboard_domain::ids::{ChannelId, Seq};
use switchboard_domain::time::Timestamp;
use switchboard_ports::playground::{By, Item, Sight, Stage};

use super::peers::News;
use super::shared::Shared;

/// Tells what happens here until the server has stopped.
pub(crate) async fn tell(shared: Arc<Shared>) {
    let mut sights = shared.ports.playground.sights();
    loop {
        let sight = tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            sight = sights.next() => match sight {
                Some(sight) => sight,
                None => return,
            },
        };
        if !shared.peers.is_alone() {
            shared.peers.post(News::Seen(Box::new(sight.into())).into_note());
        }
    }
}

/// A sight as it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    channel: String,
    person: Option<String>,
    item: Option<SeenItem>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SeenItem {
    id: String,
    by_bot: bool,
    text: String,
    is_cut: bool,
    stage: SeenStage,
    seq: Option<u64>,
    at: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SeenStage {
    Open,
    Done,
    Failed,
}

impl From<Sight> for Seen {
    fn from(sight: Sight) -> Self {
        match sight {
            Sight::Seen { channel, person, item } => {
                Self { channel: channel.to_string(), person: Some(person), item: Some(item.into()) }
            }
            Sight::Forgotten { channel, person } => Self { channel: channel.to_string(), person, item: None },
        }
    }
}

impl From<Seen> for Sight {
    fn from(Seen { channel, person, item }: Seen) -> Self {
        let channel = ChannelId::new(channel);
        match (person, item) {
            (Some(person), Some(item)) => Self::Seen { channel, person, item: item.into() },
            (person, _) => Self::Forgotten { channel, person },
        }
    }
}

impl From<Item> for SeenItem {
    fn from(Item { id, by, text, is_cut, stage, seq, at }: Item) -> Self {
        let stage = match stage {
            Stage::Open => SeenStage::Open,
            Stage::Done => SeenStage::Done,
            Stage::Failed => SeenStage::Failed,
        };
        let (seq, at) = (seq.map(|seq| seq.0), at.as_millis());
        Self { id, by_bot: by == By::Bot, text, is_cut, stage, seq, at }
    }
}

impl From<SeenItem> for Item {
    fn from(SeenItem { id, by_bot, text, is_cut, stage, seq, at }: SeenItem) -> Self {
        let stage = match stage {
            SeenStage::Open => Stage::Open,
            SeenStage::Done => Stage::Done,
            SeenStage::Failed => Stage::Failed,
        };
        let by = if by_bot { By::Bot } else { By::Person };
        Self { id, by, text, is_cut, stage, seq: seq.map(Seq), at: Timestamp::from_millis(at) }
    }
}

#[cfg(test)]
mod tests {
    use switchboard_ports::playground::ITEM_CHARS_MAX;
    use switchboard_ports::replicas::{NEWS_BYTES_MAX, Note};

    use super::*;

    fn seen(text: String) -> Sight {
        let item = Item {
            id: format!("card-web_{}-0", "0".repeat(32)),
            by: By::Bot,
            text,
            is_cut: true,
            stage: Stage::Failed,
            seq: Some(Seq(u64::MAX)),
            at: Timestamp::from_millis(u64::MAX),
        };
        Sight::Seen {
            channel: ChannelId::new(format!("chn_{}", "0".repeat(32))),
            person: "人".repeat(100),
            item,
        }
    }

    #[test]
    fn the_longest_item_fits_into_a_note_and_comes_out_as_it_was() {
        for character in ["\u{1f600}", "\"", "\\", "\n", "\t", "汉"] {
            let sight = seen(character.repeat(ITEM_CHARS_MAX));
            let Note::News(text) = News::Seen(Box::new(sight.clone().into())).into_note() else {
                panic!("news is told as news");
            };
            assert!(text.len() <= NEWS_BYTES_MAX, "{} bytes of {character}", text.len());
            let News::Seen(told) = serde_json::from_str(&text).unwrap() else {
                panic!("it is a sight");
            };
            assert_eq!(Sight::from(*told), sight);
        }
    }

    #[test]
    fn what_is_forgotten_is_told_with_and_without_a_person() {
        for person in [None, Some(String::from("ann"))] {
            let sight = Sight::Forgotten { channel: ChannelId::new("chn_1"), person };
            assert_eq!(Sight::from(Seen::from(sight.clone())), sight);
        }
    }
}
