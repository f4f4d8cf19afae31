//! Platform calls of one reply, counted: what happens often is told in one line.

use switchboard_domain::reply::{CardCall, CardOutcome, PartOutcome, Way};
use switchboard_domain::snapshot::{ReplyId, ReplyRole};
use switchboard_domain::time::Timestamp;
use switchboard_ports::traces::{Span, SpanKind};

use super::Happened;
use super::spans::{part, span_id};
use crate::runtime::shared::Shared;

/// A platform call that was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Called {
    /// What for.
    pub(crate) what: What,
    /// When it began.
    pub(crate) began: Timestamp,
}

/// What a platform call was for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    /// To make a card.
    Open,
    /// To change one.
    Update,
    /// To close one.
    Finish,
    /// To send a plain message.
    Part(Way),
}

impl What {
    /// What a card call is for.
    pub(crate) const fn of(card: &CardCall) -> Self {
        match card {
            CardCall::Open { .. } => Self::Open,
            CardCall::Update { .. } => Self::Update,
            CardCall::Finish { .. } => Self::Finish,
        }
    }
}

/// The calls of one reply.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// From the first call's beginning to the last one's end.
    pub(super) span: Option<(Timestamp, Timestamp)>,
    pub(super) updates: Count,
    pub(super) parts: Count,
    pub(super) way: Option<Way>,
    pub(super) closed: bool,
    pub(super) troubled: bool,
}

/// How often something was done, and when.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) done: u32,
    pub(super) failed: u32,
    pub(super) span: Option<(Timestamp, Timestamp)>,
}

impl Count {
    pub(super) fn add(&mut self, done: bool, at: Timestamp) {
        let count = if done { &mut self.done } else { &mut self.failed };
        *count = count.saturating_add(1);
        self.span = Some((self.span.map_or(at, |(first, _)| first), at));
    }

    /// The count so far, where something was added since it was told last.
    fn take(&mut self) -> Option<(Self, Timestamp, Timestamp)> {
        let (first, last) = self.span.take()?;
        Some((*self, first, last))
    }
}

/// The calls of one reply, as a part of its message's trace.
pub(super) fn delivery(
    message: &str,
    (shared, reply): (&Shared, ReplyId),
    times: (Timestamp, Timestamp),
    tally: &Tally,
    failed: bool,
) -> Span {
    let role = match reply.role {
        ReplyRole::Answer => "answer",
        ReplyRole::Notice => "notice",
        ReplyRole::Note => "note",
        ReplyRole::Message => "message",
    };
    let id = span_id(message, &["reply", role, shared.replica.as_str(), &times.0.to_string()]);
    let known = vec![
        ("switchboard.reply", role.into()),
        ("switchboard.card_updates", u64::from(tally.updates.done).into()),
        ("switchboard.parts", u64::from(tally.parts.done).into()),
        (
            "switchboard.calls_failed",
            u64::from(tally.updates.failed.saturating_add(tally.parts.failed)).into(),
        ),
    ];
    let span = part(message, ("platform.reply", id), SpanKind::Client, times, known);
    Span { failed: failed.then_some("not_delivered"), ..span }
}

/// Tells how often the card was updated, once.
pub(super) fn tell_updates(shared: &Shared, message: String, tally: &mut Tally) {
    if let Some((Count { done, failed, .. }, first, last)) = tally.updates.take() {
        let (first_at, last_at) = (first.as_millis(), last.as_millis());
        shared.tell_at(message, last, &Happened::CardUpdates { count: done, failed, first_at, last_at });
    }
}

/// Tells how many plain messages were sent, once.
pub(super) fn tell_parts(shared: &Shared, message: String, reply: ReplyId, tally: &mut Tally) {
    if reply.role != ReplyRole::Answer {
        return;
    }
    let way = tally.way.map(|way| match way {
        Way::SessionAddress => "webhook",
        Way::Api => "api",
    });
    if let Some((Count { done: sent, failed, .. }, first, last)) = tally.parts.take() {
        let (first_at, last_at) = (first.as_millis(), last.as_millis());
        shared.tell_at(message, last, &Happened::Parts { sent, failed, way, first_at, last_at });
    }
}

/// What was wrong with a card call, in the words of failure records.
pub(super) const fn card_trouble(outcome: CardOutcome) -> Option<(&'static str, Option<&'static str>)> {
    match outcome {
        CardOutcome::Done | CardOutcome::AlreadyFinished => None,
        CardOutcome::Missing => Some(("missing", None)),
        CardOutcome::Throttled { .. } => Some(("throttled", None)),
        CardOutcome::NotSent => Some(("not_sent", None)),
        CardOutcome::Unknown => Some(("unknown", None)),
        CardOutcome::Refused(code) => Some(("refused", Some(code.as_str()))),
    }
}

/// The same of a plain message.
pub(super) const fn part_trouble(outcome: PartOutcome) -> Option<(&'static str, Option<&'static str>)> {
    match outcome {
        PartOutcome::Sent => None,
        PartOutcome::Throttled { .. } => Some(("throttled", None)),
        PartOutcome::NotSent => Some(("not_sent", None)),
        PartOutcome::Unknown => Some(("unknown", None)),
        PartOutcome::Refused(code) => Some(("refused", Some(code.as_str()))),
    }
}
