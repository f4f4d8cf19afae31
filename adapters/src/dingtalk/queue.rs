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

const CLASSES: usize = 5;

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    class: Class,
    /// Since when people have seen nothing new.
    since: Instant,
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
    /// By class; within one, who has waited longest first.
    waiting: [BTreeMap<(Instant, u64), Arc<Notify>>; CLASSES],
    next_ticket: u64,
}

impl Queue {
    /// Lines up. `since`: since when people have seen nothing new of what the claim is for.
    pub(super) fn line_up(&mut self, class: Class, since: Instant, notify: Arc<Notify>) -> Place {
        let place = Place { class, since, ticket: self.next_ticket };
        self.next_ticket = self.next_ticket.wrapping_add(1);
        self.line(class).insert((since, place.ticket), notify);
        place
    }

    /// Leaves.
    pub(super) fn leave(&mut self, place: Place) {
        self.line(place.class).remove(&(place.since, place.ticket));
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.iter().map(BTreeMap::len).sum()
    }

    /// Whose turn it is, at a rate of so many calls a second.
    pub(super) fn first(&self, rate: u32, now: Instant) -> Option<(Place, &Arc<Notify>)> {
        let mut firsts = CLASS_ORDER.into_iter().filter_map(|class| self.first_of(class));
        let standing = [Class::Finish, Class::Update].into_iter().filter_map(|class| self.first_of(class));
        let longest = standing.min_by_key(|(place, _)| (place.since, place.ticket));
        longest.filter(|(place, _)| now - place.since >= self.standing_max(rate)).or_else(|| firsts.next())
    }

    /// How long a card may stand still, with those that wait now.
    fn standing_max(&self, rate: u32) -> Duration {
        let cards = [Class::Finish, Class::Update].map(|class| self.waiting[class as usize].len());
        let cards = u32::try_from(cards.into_iter().sum::<usize>()).unwrap_or(u32::MAX);
        STANDING_MAX.max(Duration::from_secs(u64::from(cards)) / rate.max(1))
    }

    fn first_of(&self, class: Class) -> Option<(Place, &Arc<Notify>)> {
        let ((since, ticket), notify) = self.waiting[class as usize].first_key_value()?;
        Some((Place { class, since: *since, ticket: *ticket }, notify))
    }

    fn line(&mut self, class: Class) -> &mut BTreeMap<(Instant, u64), Arc<Notify>> {
        &mut self.waiting[class as usize]
    }
}

const CLASS_ORDER: [Class; CLASSES] = [Class::Finish, Class::Open, Class::Text, Class::Update, Class::Extra];
