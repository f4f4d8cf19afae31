//! The conversations of a load run, each with its messages that are not over; what is over leaves.

use std::collections::VecDeque;

/// Messages open at the same time; beyond, none is sent.
pub const OPEN_MAX: usize = 50_000;
/// Lost messages of one conversation remembered, so that a late answer is not taken for a second one.
const LOST_MAX: usize = 64;

/// Answered messages of one conversation remembered until they are acknowledged, too.
const ANSWERED_MAX: usize = 8;

/// A message that is not over.
#[derive(Debug)]
pub(crate) struct Open {
    /// In its conversation, from 0.
    pub(crate) number: u64,
    pub(crate) msg_id: String,
    /// When it should have been sent: latencies count from here.
    pub(crate) due_us: u64,
    pub(crate) delivered_us: u64,
    pub(crate) repeats: u32,
    pub(crate) is_acknowledged: bool,
    pub(crate) is_asked: bool,
    pub(crate) appeared_us: Option<u64>,
    /// The built-in agent said its last word.
    pub(crate) told_us: Option<u64>,
}

/// One conversation.
#[derive(Debug, Default)]
pub(crate) struct Place {
    next: u64,
    /// Together at most [`OPEN_MAX`] in all places.
    open: VecDeque<Open>,
    /// Answered before they were acknowledged: the platform repeats them all the same.
    answered: VecDeque<Open>,
    lost: VecDeque<u64>,
}

impl Place {
    /// The message with this number, unless it is over.
    pub(crate) fn open(&mut self, number: u64) -> Option<&mut Open> {
        self.open.iter_mut().find(|open| open.number == number)
    }

    /// The message is acknowledged: when it was due, the first time.
    pub(crate) fn acknowledge(&mut self, number: u64) -> Option<u64> {
        if let Some(at) = self.answered.iter().position(|answered| answered.number == number) {
            return self.answered.remove(at).map(|answered| answered.due_us);
        }
        let open = self.open(number).filter(|open| !open.is_acknowledged)?;
        open.is_acknowledged = true;
        Some(open.due_us)
    }

    /// Keeps what is still to be acknowledged.
    pub(crate) fn remember_answered(&mut self, answered: Open) {
        if answered.is_acknowledged {
            return;
        }
        if self.answered.len() >= ANSWERED_MAX {
            self.answered.pop_front();
        }
        self.answered.push_back(answered);
    }

    pub(crate) fn has_sent(&self, number: u64) -> bool {
        number < self.next
    }

    /// A message before this one waits for its answer.
    pub(crate) fn has_unanswered_before(&self, number: u64) -> bool {
        self.open.iter().any(|open| open.number < number && open.appeared_us.is_none())
    }

    /// True: the message was lost, and is not remembered as such any more.
    pub(crate) fn forget_lost(&mut self, number: u64) -> bool {
        let found = self.lost.iter().position(|lost| *lost == number);
        found.and_then(|index| self.lost.remove(index)).is_some()
    }
}

/// Where the next message goes.
#[derive(Debug)]
enum Choice {
    /// To each conversation in turn.
    Turns,
    /// To the conversation that has had nothing open for the longest time; in turn when each has something.
    Idle(VecDeque<usize>),
}

/// All conversations.
#[derive(Debug)]
pub(crate) struct Places {
    /// In every message id, so that two runs against one store have none in common.
    run: u64,
    list: Vec<Place>,
    /// The places in a random order.
    order: Vec<usize>,
    cursor: usize,
    choice: Choice,
    open: usize,
}

impl Places {
    pub(crate) fn new(run: u64, order: Vec<usize>, is_closed: bool) -> Self {
        let choice = if is_closed { Choice::Idle(order.iter().copied().collect()) } else { Choice::Turns };
        let list = order.iter().map(|_| Place::default()).collect();
        Self { run, list, order, cursor: 0, choice, open: 0 }
    }

    /// Opens the next message: its place, number and id. `None` when too many are open.
    pub(crate) fn begin(&mut self, due_us: u64, now_us: u64) -> Option<(usize, u64, String)> {
        if self.open >= OPEN_MAX {
            return None;
        }
        let at = self.next_place();
        let place = self.list.get_mut(at)?;
        let number = place.next;
        let msg_id = format!("msgload{}x{at}x{number}==", self.run);
        place.next = number.saturating_add(1);
        place.open.push_back(Open {
            number,
            msg_id: msg_id.clone(),
            due_us,
            delivered_us: now_us,
            repeats: 0,
            is_acknowledged: false,
            is_asked: false,
            appeared_us: None,
            told_us: None,
        });
        self.open = self.open.saturating_add(1);
        Some((at, number, msg_id))
    }

    fn next_place(&mut self) -> usize {
        if let Choice::Idle(idle) = &mut self.choice
            && let Some(place) = idle.pop_front()
        {
            return place;
        }
        let place = self.order.get(self.cursor).copied().unwrap_or(0);
        self.cursor = self.cursor.saturating_add(1).checked_rem(self.order.len()).unwrap_or(0);
        place
    }

    pub(crate) fn place(&mut self, at: usize) -> Option<&mut Place> {
        self.list.get_mut(at)
    }

    /// A message that is not over.
    pub(crate) fn open(&mut self, at: usize, number: u64) -> Option<&mut Open> {
        self.list.get_mut(at)?.open(number)
    }

    /// All messages that are not acknowledged.
    pub(crate) fn unacknowledged(&mut self) -> impl Iterator<Item = &mut Open> {
        let all = self.list.iter_mut().flat_map(|place| place.open.iter_mut().chain(&mut place.answered));
        all.filter(|open| !open.is_acknowledged)
    }

    /// How many messages are not over.
    pub(crate) fn open_count(&self) -> usize {
        self.open
    }

    /// The message is over.
    pub(crate) fn end(&mut self, at: usize, number: u64) -> Option<Open> {
        let place = self.list.get_mut(at)?;
        let index = place.open.iter().position(|open| open.number == number)?;
        let open = place.open.remove(index)?;
        self.open = self.open.saturating_sub(1);
        if let Choice::Idle(idle) = &mut self.choice
            && place.open.is_empty()
        {
            idle.push_back(at);
        }
        Some(open)
    }

    /// Place and number of the messages that were due longer ago than that.
    pub(crate) fn stale(&self, patience_us: u64, now_us: u64) -> Vec<(usize, u64)> {
        let is_stale = |open: &&Open| now_us.saturating_sub(open.due_us) > patience_us;
        let places = self.list.iter().enumerate();
        places
            .flat_map(|(at, place)| place.open.iter().filter(is_stale).map(move |open| (at, open.number)))
            .collect()
    }

    /// So that a late answer is known as one.
    pub(crate) fn remember_lost(&mut self, at: usize, number: u64) {
        let Some(place) = self.list.get_mut(at) else { return };
        if place.lost.len() >= LOST_MAX {
            place.lost.pop_front();
        }
        place.lost.push_back(number);
    }
}

/// The conversation of a place.
pub(crate) fn conversation_of(place: usize) -> String {
    format!("cid-load-{place}==")
}

/// The place of a conversation.
pub(crate) fn place_of(conversation: &str) -> Option<usize> {
    conversation.strip_prefix("cid-load-")?.strip_suffix("==")?.parse().ok()
}
