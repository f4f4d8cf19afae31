//! Whether a message is taken in: group rules, access, messages per minute, waiting messages.
//!
//! One [`Admission`] serves one channel on one replica. It is asked for a first delivery only (R1); a verdict that was
//! not stored after all is given back with [`Admission::refund`].

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::time::Duration;

use crate::inbox::{INBOX_ENTRIES_MAX, Verdict};
use crate::message::ChatKind;
use crate::outcome::Refusal;
use crate::settings::{AccessSettings, GroupPolicy};
use crate::time::Timestamp;

/// Authors remembered at once; beyond it the one who was silent longest is forgotten.
pub const AUTHORS_MAX: usize = 10_000;
/// Commands a minute per author that are always taken, whatever the channel's limit: control must work when a
/// conversation does not.
pub const CONTROL_PER_MINUTE: u32 = 60;
/// The span that messages are counted in; it begins with an author's first message after the one before ended.
const SPAN: Duration = Duration::from_mins(1);

/// What is asked about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Who wrote it: [`crate::message::Sender::key`].
    pub author: &'a str,
    /// Where.
    pub chat: ChatKind,
    /// Whether the bot was mentioned; `None` where the platform does not say, which counts as yes.
    pub mentioned: Option<bool>,
    /// Whether it is a command.
    pub control: bool,
    /// Why its author may not write here, where that is known already ([`crate::access`]).
    pub denied: Option<Refusal>,
    /// The conversation's entries that have not ended.
    pub waiting: u32,
}

/// A verdict and what it cost the author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The verdict.
    pub verdict: Verdict,
    /// For [`Admission::refund`], when the message was not stored after all.
    pub ticket: Ticket,
}

/// What a verdict cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket(Option<Cost>);

impl Ticket {
    /// Whether the message was meant for the bot at all.
    #[must_use]
    pub const fn is_addressed(&self) -> bool {
        self.0.is_some()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cost {
    author: Arc<str>,
    span: Timestamp,
    counted: Counted,
    told: Option<Told>,
}

/// As what a message was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Control,
    Message {
        /// When the minute began in which it counts among all of the channel; `None`: it does not.
        of_all: Option<Timestamp>,
    },
    /// Of somebody without access: not at all.
    Denied,
}

/// What an author was told in this span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    TooMany,
    Full,
    Denied,
}

/// One channel's memory of who wrote how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    authors: BTreeMap<Arc<str>, Author>,
    /// Authors by their last message: the first entry is forgotten first.
    order: BTreeMap<u64, Arc<str>>,
    clock: u64,
    authors_max: usize,
    /// Messages of all authors together.
    all: Span,
}

/// Messages counted since a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    began: Timestamp,
    messages: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Author {
    last: u64,
    span: Timestamp,
    messages: u32,
    controls: u32,
    told_too_many: bool,
    told_full: bool,
    /// Kept from one span to the next: the sentence comes once in any minute.
    told_denied_at: Option<Timestamp>,
}

impl Span {
    /// Counts a message within the limit, and says in which span; `None` over it.
    fn count(&mut self, limit: u32, now: Timestamp) -> Option<Timestamp> {
        if now.since(self.began) >= SPAN {
            *self = Self { began: now, messages: 0 };
        }
        if limit > 0 && self.messages >= limit {
            return None;
        }
        self.messages = self.messages.saturating_add(1);
        Some(self.began)
    }
}

impl Default for Admission {
    fn default() -> Self {
        Self::new(AUTHORS_MAX)
    }
}

impl Admission {
    /// An empty memory for this many authors, at least one.
    #[must_use]
    pub const fn new(authors_max: usize) -> Self {
        let authors_max = if authors_max == 0 { 1 } else { authors_max };
        let all = Span { began: Timestamp::from_millis(0), messages: 0 };
        Self { authors: BTreeMap::new(), order: BTreeMap::new(), clock: 0, authors_max, all }
    }

    /// Decides about a message and counts it. What is not meant for the bot is passed over and not counted.
    pub fn decide(&mut self, asked: &Asked<'_>, settings: &AccessSettings, now: Timestamp) -> Decided {
        if !is_addressed(asked, settings.groups) {
            return Decided { verdict: Verdict::Pass(Refusal::AccessDenied), ticket: Ticket(None) };
        }
        let (key, author) = self.remember(asked.author, now);
        if let Some(refusal) = asked.denied {
            let told = author.tells_denied(now);
            let verdict = if told { Verdict::Refuse(refusal) } else { Verdict::Pass(refusal) };
            let (span, told) = (author.span, told.then_some(Told::Denied));
            let cost = Cost { author: key, span, counted: Counted::Denied, told };
            return Decided { verdict, ticket: Ticket(Some(cost)) };
        }
        let span = author.span;
        let (mut verdict, mut told) = author.judge(asked, settings.messages_per_minute);
        let mut counted = if asked.control { Counted::Control } else { Counted::Message { of_all: None } };
        // What the author's own limit refused takes no place from others, and control always works.
        if verdict == Verdict::Admit && !asked.control {
            if let Some(began) = self.all.count(settings.channel_messages_per_minute, now) {
                counted = Counted::Message { of_all: Some(began) };
            } else {
                (verdict, told) = self.too_many(&key);
            }
        }
        Decided { verdict, ticket: Ticket(Some(Cost { author: key, span, counted, told })) }
    }

    /// Whether somebody without access is to be told so, once a minute; counts as told.
    pub fn tells_denied(&mut self, author: &str, now: Timestamp) -> bool {
        self.remember(author, now).1.tells_denied(now)
    }

    /// Takes a verdict back: the message was a duplicate, or could not be stored and will come again.
    pub fn refund(&mut self, ticket: Ticket) {
        let Some(cost) = ticket.0 else { return };
        if let Counted::Message { of_all: Some(began) } = cost.counted
            && began == self.all.began
        {
            self.all.messages = self.all.messages.saturating_sub(1);
        }
        let Some(author) = self.authors.get_mut(&cost.author) else { return };
        if cost.told == Some(Told::Denied) {
            author.told_denied_at = None;
        }
        if author.span != cost.span {
            return;
        }
        match cost.counted {
            Counted::Control => author.controls = author.controls.saturating_sub(1),
            Counted::Message { .. } => author.messages = author.messages.saturating_sub(1),
            Counted::Denied => {}
        }
        match cost.told {
            Some(Told::TooMany) => author.told_too_many = false,
            Some(Told::Full) => author.told_full = false,
            Some(Told::Denied) | None => {}
        }
    }

    /// Refuses a message over the channel's limit.
    fn too_many(&mut self, key: &Arc<str>) -> (Verdict, Option<Told>) {
        let mut spoken = false;
        let told = self.authors.get_mut(key).map_or(&mut spoken, |author| &mut author.told_too_many);
        once(told, Refusal::TooManyMessages, Told::TooMany)
    }

    /// How many authors are remembered.
    #[must_use]
    pub fn authors(&self) -> usize {
        self.authors.len()
    }

    /// The author's counts, begun anew when their minute is over; makes room for a new author first.
    fn remember(&mut self, name: &str, now: Timestamp) -> (Arc<str>, &mut Author) {
        self.clock = self.clock.saturating_add(1);
        let known = self.authors.get_key_value(name).map(|(key, author)| (Arc::clone(key), author.last));
        let key = if let Some((key, last)) = known {
            self.order.remove(&last);
            key
        } else {
            self.forget_the_silent();
            Arc::from(name)
        };
        self.order.insert(self.clock, Arc::clone(&key));
        let author = self.authors.entry(Arc::clone(&key)).or_insert_with(|| Author::new(now));
        if now.since(author.span) >= SPAN {
            *author = Author { told_denied_at: author.told_denied_at, ..Author::new(now) };
        }
        author.last = self.clock;
        (key, author)
    }

    fn forget_the_silent(&mut self) {
        while self.authors.len() >= self.authors_max
            && let Some((_, silent)) = self.order.pop_first()
        {
            self.authors.remove(&silent);
        }
    }
}

impl Author {
    const fn new(now: Timestamp) -> Self {
        Self {
            last: 0,
            span: now,
            messages: 0,
            controls: 0,
            told_too_many: false,
            told_full: false,
            told_denied_at: None,
        }
    }

    fn tells_denied(&mut self, now: Timestamp) -> bool {
        if self.told_denied_at.is_some_and(|at| now.since(at) < SPAN) {
            return false;
        }
        self.told_denied_at = Some(now);
        true
    }

    /// Counts the message and decides; the first refusal of each kind in a minute is spoken.
    fn judge(&mut self, asked: &Asked<'_>, messages_per_minute: u32) -> (Verdict, Option<Told>) {
        let (count, limit) = if asked.control {
            (&mut self.controls, messages_per_minute.max(CONTROL_PER_MINUTE))
        } else {
            (&mut self.messages, messages_per_minute)
        };
        *count = count.saturating_add(1);
        if messages_per_minute > 0 && *count > limit {
            return once(&mut self.told_too_many, Refusal::TooManyMessages, Told::TooMany);
        }
        if !asked.control && asked.waiting >= INBOX_ENTRIES_MAX {
            return once(&mut self.told_full, Refusal::InboxFull, Told::Full);
        }
        (Verdict::Admit, None)
    }
}

fn once(told: &mut bool, refusal: Refusal, what: Told) -> (Verdict, Option<Told>) {
    if *told {
        return (Verdict::Pass(refusal), None);
    }
    *told = true;
    (Verdict::Refuse(refusal), Some(what))
}

fn is_addressed(asked: &Asked<'_>, groups: GroupPolicy) -> bool {
    match (asked.chat, groups) {
        (ChatKind::Private, GroupPolicy::MentionOnly | GroupPolicy::Off | GroupPolicy::AllMessages)
        | (ChatKind::Group, GroupPolicy::AllMessages) => true,
        (ChatKind::Group, GroupPolicy::MentionOnly) => asked.mentioned != Some(false),
        (ChatKind::Group, GroupPolicy::Off) => false,
    }
}

#[cfg(test)]
mod tests;
