//! Rooms: what each person of a channel sees, in memory and bounded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use switchboard_domain::ids::ChannelId;
use switchboard_domain::time::Timestamp;
use switchboard_ports::playground::{ITEM_CHARS_MAX, ITEMS_MAX, Item, Listening, Sight, Stage};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::lock;

/// Rooms kept; of those that nobody looks into, the one that was silent for longest goes.
const ROOMS_MAX: usize = 256;

/// Texts of one room together, in bytes; the oldest items go.
const ROOM_BYTES_MAX: usize = 256 * 1024;

/// How long a room is kept after the last that happened in it.
const ROOM_KEPT: Duration = Duration::from_hours(24);

/// Changes kept for somebody who looks into a room and is slow; of more, the whole room is shown again.
const CHANGES_KEPT_MAX: usize = 64;

/// What happened in rooms, kept for whoever tells it to other replicas.
const SIGHTS_KEPT_MAX: usize = 1_024;

type Place = (ChannelId, String);

/// All rooms of this process.
pub(super) struct Rooms {
    rooms: Mutex<BTreeMap<Place, Room>>,
    sights: broadcast::Sender<Sight>,
}

struct Room {
    items: VecDeque<Item>,
    changes: broadcast::Sender<Item>,
    used_at: Timestamp,
}

impl Default for Rooms {
    fn default() -> Self {
        Self { rooms: Mutex::default(), sights: broadcast::channel(SIGHTS_KEPT_MAX).0 }
    }
}

impl Rooms {
    /// Puts an item into a room, by what `edit` makes of the one that is there; `None` leaves everything as it is.
    pub(super) fn edit(
        &self,
        (channel, person): (&ChannelId, &str),
        id: &str,
        now: Timestamp,
        edit: impl FnOnce(Option<&Item>) -> Option<Item>,
    ) {
        let changed = self.with_room(channel, person, now, |room| {
            let item = edit(room.items.iter().find(|item| item.id == id))?;
            room.put(item.clone());
            Some(item)
        });
        if let Some(item) = changed {
            // Nobody listening is the ordinary case: a process that is alone tells nobody.
            let _ =
                self.sights.send(Sight::Seen { channel: channel.clone(), person: person.to_owned(), item });
        }
    }

    /// What somebody else's replica has shown. What has ended here stays.
    pub(super) fn take_in(&self, channel: &ChannelId, person: &str, item: Item, now: Timestamp) {
        self.with_room(channel, person, now, |room| {
            let there = room.items.iter().find(|there| there.id == item.id);
            if there.is_none_or(|there| there.stage == Stage::Open || item.stage != Stage::Open) {
                room.put(item);
            }
        });
    }

    pub(super) fn listen(&self, channel: &ChannelId, person: &str, now: Timestamp) -> Listening {
        self.with_room(channel, person, now, |room| {
            let changes = stream::unfold(room.changes.subscribe(), |mut changes| async move {
                // Too slow, or forgotten: whoever listens begins anew.
                changes.recv().await.ok().map(|item| (item, changes))
            });
            Listening { items: room.items.iter().cloned().collect(), changes: changes.boxed() }
        })
    }

    pub(super) fn sights(&self) -> BoxStream<'static, Sight> {
        stream::unfold(self.sights.subscribe(), |mut sights| async move {
            loop {
                match sights.recv().await {
                    Ok(sight) => return Some((sight, sights)),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }

    /// Forgets a person's room, or all of a channel. Whoever looks into one begins anew.
    pub(super) fn forget(&self, channel: &ChannelId, person: Option<&str>) {
        lock(&self.rooms).retain(|(of, whose), _| of != channel || person.is_some_and(|one| one != whose));
    }

    /// Has the other replicas forget as well.
    pub(super) fn tell_forgotten(&self, channel: &ChannelId, person: Option<&str>) {
        let person = person.map(str::to_owned);
        let _ = self.sights.send(Sight::Forgotten { channel: channel.clone(), person });
    }

    fn with_room<T>(
        &self,
        channel: &ChannelId,
        person: &str,
        now: Timestamp,
        act: impl FnOnce(&mut Room) -> T,
    ) -> T {
        let mut rooms = lock(&self.rooms);
        let place = (channel.clone(), person.to_owned());
        if !rooms.contains_key(&place) {
            make_room(&mut rooms, now);
        }
        let room = rooms.entry(place).or_insert_with(|| Room::new(now));
        room.used_at = now;
        act(room)
    }
}

/// Lets go of rooms that were silent for long, and of one more where there are too many.
fn make_room(rooms: &mut BTreeMap<Place, Room>, now: Timestamp) {
    rooms.retain(|_, room| room.is_watched() || now.since(room.used_at) < ROOM_KEPT);
    if rooms.len() < ROOMS_MAX {
        return;
    }
    let unwatched = rooms.iter().filter(|(_, room)| !room.is_watched());
    let oldest = unwatched.min_by_key(|(_, room)| room.used_at).map(|(place, _)| place.clone());
    if let Some(oldest) = oldest {
        rooms.remove(&oldest);
    }
}

impl Room {
    fn new(now: Timestamp) -> Self {
        Self { items: VecDeque::new(), changes: broadcast::channel(CHANGES_KEPT_MAX).0, used_at: now }
    }

    fn is_watched(&self) -> bool {
        self.changes.receiver_count() > 0
    }

    fn put(&mut self, item: Item) {
        // Nobody looking is an ordinary case.
        let _ = self.changes.send(item.clone());
        match self.items.iter_mut().find(|there| there.id == item.id) {
            Some(there) => *there = item,
            None => self.items.push_back(item),
        }
        let mut bytes: usize = self.items.iter().map(|item| item.text.len()).sum();
        while self.items.len() > ITEMS_MAX || bytes > ROOM_BYTES_MAX {
            let Some(gone) = self.items.pop_front() else { break };
            bytes = bytes.saturating_sub(gone.text.len());
        }
    }
}

/// A text as rooms keep it: without what cannot be seen, and not too long; whether it was cut.
pub(super) fn bounded(text: &str) -> (String, bool) {
    let mut kept = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    let text = kept.by_ref().take(ITEM_CHARS_MAX).collect();
    (text, kept.next().is_some())
}
