//! Who waits for a call of one API, and whose turn it is (R14).
//!
//! The more important claim goes first; of equally important ones the one whose card has stood still longest. A card that has stood
//! still for too long goes before everything, or a crowd of finishes could keep all others from being written on: with `n` cards
//! that wait for `r` calls a second, no card then stands much longer than each of them has to, `n ÷ r`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a card stands still, at least, before its claim goes before more important ones.
const STANDING_MAX: Duration = Duration::from_millis(2_500);

/// How important a claim is: the first goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Finishing a card.
    Finish,
    /// Opening a card.
    Open,
    /// Sending a plain message.
    Text,
    /// Updating a card.
    Update,
    /// What nobody would miss.
    Extra,
}

impl Class {
    /// Whether it is of a card that people look at meanwhile.
    const fn is_standing(self) -> bool {
        match self {
            Self::Finish | Self::Update => true,
            Self::Open | Self::Text | Self::Extra => false,
        }
    }
}

/// A place in the queue, in the order of turns; `since` is always there but for the place before all others of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    class: Class,
    /// Since when people have seen nothing new.
    since: Option<Instant>,
    ticket: u64,
}

impl Place {
    /// How important its claim is.
    pub(super) const fn class(&self) -> Class {
        self.class
    }
}

/// Who waits. One entry per claim under way, so as many as there are replies with a call to make.
#[derive(Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Place, Arc<Notify>>,
    /// How many of them are of cards that people look at.
    standing: u32,
    next_ticket: u64,
}

impl Queue {
    /// Lines up. `since`: since when people have seen nothing new of what the claim is for.
    pub(super) fn line_up(&mut self, class: Class, since: Instant, notify: Arc<Notify>) -> Place {
        let place = Place { class, since: Some(since), ticket: self.next_ticket };
        self.next_ticket = self.next_ticket.wrapping_add(1);
        self.standing += u32::from(class.is_standing());
        self.waiting.insert(place, notify);
        place
    }

    /// Leaves.
    pub(super) fn leave(&mut self, place: Place) {
        if self.waiting.remove(&place).is_some() {
            self.standing -= u32::from(place.class.is_standing());
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whose turn it is, at a rate of so many calls a second.
    pub(super) fn first(&self, rate: u32, now: Instant) -> Option<(Place, &Arc<Notify>)> {
        let standing = [Class::Finish, Class::Update].into_iter().filter_map(|class| self.first_of(class));
        let longest = standing.min_by_key(|(place, _)| (place.since, place.ticket));
        let too_long = self.standing_max(rate);
        let overdue = longest.filter(|(place, _)| place.since.is_some_and(|since| now - since >= too_long));
        overdue.or_else(|| self.waiting.first_key_value().map(|(place, notify)| (*place, notify)))
    }

    /// How long a card may stand still, with those that wait now.
    fn standing_max(&self, rate: u32) -> Duration {
        STANDING_MAX.max(Duration::from_secs(u64::from(self.standing)) / rate.max(1))
    }

    fn first_of(&self, class: Class) -> Option<(Place, &Arc<Notify>)> {
        let before_all = Place { class, since: None, ticket: 0 };
        let (place, notify) = self.waiting.range(before_all..).next()?;
        (place.class == class).then_some((*place, notify))
    }
}
