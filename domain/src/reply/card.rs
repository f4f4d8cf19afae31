//! The card while its turn runs: made, shown, updated at its own pace.

use super::pace::{UPDATE_PAUSE_MAX, updates_apart};
use super::state::{Call, Draft, Kind, Parting, Presence, State};
use super::status::Status;
use super::{
    CARD_TRIES_MAX, CallNumber, CardCall, CardOutcome, Effect, Effects, OPEN_WAIT_MAX, Progress, Reply,
    STATUS_INTERVAL_MIN, pause, throttle,
};
use crate::channel::ErrorCode;
use crate::notice::Notice;
use crate::rejected::Rejected;
use crate::settings::ReplyLimits;
use crate::text;
use crate::time::Timestamp;
use crate::usage::Pace;

impl Reply {
    pub(super) fn admitted(&mut self, now: Timestamp) -> Result<Effects, Rejected> {
        if self.gate.take().is_none() {
            return Err(Rejected::Duplicate { event: "Admitted", phase: self.phase() });
        }
        if let State::Unopened { draft, presence } = &mut self.state {
            let draft = take(draft);
            self.state = State::Thinking { draft, presence: *presence, tries: 0, call: Call::Idle };
        }
        Ok(self.advance(now))
    }

    pub(super) fn grew(&mut self, more: &str) -> Result<Effects, Rejected> {
        match &mut self.state {
            State::Unopened { draft, .. }
            | State::Thinking { draft, .. }
            | State::Streaming { draft, .. }
            | State::Collecting { draft, .. } => {
                draft.text.push_str(more);
                if text::says_something(more) {
                    draft.status.clear();
                }
                Ok(Effects::none())
            }
            State::Finishing(_) | State::Plain(_) | State::Done | State::Abandoned => Err(self.stale("Grew")),
        }
    }

    pub(super) fn progressed(&mut self, what: Progress) -> Result<Effects, Rejected> {
        match &mut self.state {
            State::Unopened { draft, .. }
            | State::Thinking { draft, .. }
            | State::Streaming { draft, .. }
            | State::Collecting { draft, .. } => {
                draft.status.take_in(what);
                Ok(Effects::none())
            }
            State::Finishing(_) | State::Plain(_) | State::Done | State::Abandoned => {
                Err(self.stale("Progressed"))
            }
        }
    }

    /// Claims the next call if one is due and none is under way.
    pub(super) fn advance(&mut self, now: Timestamp) -> Effects {
        if !self.is_free(now) {
            return Effects::none();
        }
        let kind = match &self.state {
            State::Thinking { .. } | State::Streaming { .. } if self.parts() => self.parting_kind(),
            State::Thinking { presence, .. } => match presence {
                Presence::Absent => Some(Kind::Open),
                Presence::Unknown | Presence::Present => Some(Kind::Update),
            },
            State::Streaming { .. } => self.update_due().filter(|at| *at <= now).map(|_| Kind::Update),
            State::Finishing(ending) => match ending.presence {
                Presence::Absent => Some(Kind::Open),
                Presence::Unknown | Presence::Present => Some(Kind::Finish),
            },
            State::Plain(plain) => {
                if plain.is_settled() {
                    self.state = State::Done;
                    return Effects::none().lazy();
                }
                plain.next_kind(self.facts.target.session_address.as_ref().map(|address| address.until), now)
            }
            State::Unopened { .. } | State::Collecting { .. } | State::Done | State::Abandoned => None,
        };
        if let Some(kind) = kind {
            return self.claim(kind, now);
        }
        // A pause that is over is forgotten, or it would be due for ever.
        self.set_call(Call::Idle);
        Effects::none()
    }

    fn claim(&mut self, kind: Kind, now: Timestamp) -> Effects {
        let number = self.next_call();
        if let Some(call) = self.state.call_mut() {
            *call = Call::Claimed { number, kind, since: now };
        }
        Effects::one(Effect::Claim { call: number, claim: kind.claim(), since: self.seen_at(now) })
    }

    /// Since when people have seen nothing new of it, where a card of its shows that; the claims of cards that have stood longest
    /// go first.
    pub(super) const fn seen_at(&self, now: Timestamp) -> Timestamp {
        match &self.state {
            State::Streaming { updated_at, .. } => *updated_at,
            State::Finishing(ending) => ending.seen_at,
            State::Unopened { .. }
            | State::Thinking { .. }
            | State::Collecting { .. }
            | State::Plain(_)
            | State::Done
            | State::Abandoned => now,
        }
    }

    fn is_free(&self, now: Timestamp) -> bool {
        if self.gate.is_some() {
            return false;
        }
        match self.state.call() {
            Call::Idle => true,
            Call::Paused { until } => until <= now,
            Call::Claimed { .. } | Call::Sent { .. } => false,
        }
    }

    pub(super) fn granted(&mut self, number: CallNumber, now: Timestamp) -> Result<Effects, Rejected> {
        let kind = match self.state.call() {
            Call::Claimed { number: claimed, kind, .. } if claimed == number => kind,
            Call::Sent { number: sent, .. } if sent == number => {
                return Err(Rejected::Duplicate { event: "Granted", phase: self.phase() });
            }
            Call::Claimed { .. } | Call::Idle | Call::Sent { .. } | Call::Paused { .. } => {
                return Err(self.late("Granted", number));
            }
        };
        if let (Kind::Part { way, .. }, State::Plain(plain)) = (kind, &self.state) {
            // The address may have run out while the call waited for its place.
            let until = self.facts.target.session_address.as_ref().map(|address| address.until);
            if plain.way(until, now) != way {
                self.set_call(Call::Idle);
                return Ok(self.advance(now));
            }
        }
        let bytes = self.state.draft().len();
        let status = self.state.status().map_or(0, Status::number);
        self.set_call(Call::Sent { number, kind, since: now, bytes, status });
        self.parts_now();
        Ok(self.perform(number, kind))
    }

    fn perform(&mut self, call: CallNumber, kind: Kind) -> Effects {
        let locale = self.facts.locale;
        let card = match kind {
            Kind::Open => CardCall::Open { text: Notice::Thinking.text(locale), thinking: true },
            Kind::Update => CardCall::Update { text: self.visible() },
            Kind::Finish => {
                let State::Finishing(ending) = &self.state else {
                    return Effects::none();
                };
                CardCall::Finish { text: ending.text.clone(), failed: ending.failed }
            }
            Kind::Point => {
                let State::Plain(plain) = &self.state else {
                    return Effects::none();
                };
                let text = plain.pointer.as_ref().map(|pointer| pointer.text.clone()).unwrap_or_default();
                CardCall::Finish { text, failed: false }
            }
            Kind::Part { index, way } => return self.attempt_part(call, index, way),
        };
        Effects::one(Effect::Card { call, card })
    }

    pub(super) fn card_done(
        &mut self,
        number: CallNumber,
        outcome: CardOutcome,
        now: Timestamp,
    ) -> Result<Effects, Rejected> {
        let Call::Sent { number: sent, kind, bytes, status, since } = self.state.call() else {
            return Err(self.late("CardDone", number));
        };
        let shown = Shown { bytes, status, at: since };
        if sent != number {
            return Err(self.late("CardDone", number));
        }
        match kind {
            Kind::Open | Kind::Update | Kind::Finish | Kind::Point => self.set_call(Call::Idle),
            Kind::Part { .. } => return Err(self.illegal("CardDone", "PartDone for a plain message")),
        }
        self.tried.card = Some(outcome.into());
        self.parts_after(outcome);
        match &self.state {
            State::Thinking { .. } => Ok(self.opened(kind, outcome, shown, now)),
            State::Streaming { .. } => Ok(self.updated(outcome, shown, now)),
            State::Finishing(_) => Ok(self.finish_done(kind, outcome, now)),
            State::Plain(_) => Ok(self.pointed(outcome, now)),
            State::Unopened { .. } | State::Collecting { .. } | State::Done | State::Abandoned => {
                Err(self.stale("CardDone"))
            }
        }
    }

    /// The outcome of making the card, or of the first update after a restart (R8).
    fn opened(&mut self, kind: Kind, outcome: CardOutcome, shown: Shown, now: Timestamp) -> Effects {
        let State::Thinking { draft, presence, tries, call } = &mut self.state else {
            return Effects::none();
        };
        match outcome {
            CardOutcome::Done => {
                // A card just made shows nothing of the draft; an update shows what there was.
                let shown = if kind == Kind::Open { Shown { bytes: 0, status: 0, at: now } } else { shown };
                let draft = take(draft);
                self.state = State::Streaming {
                    draft,
                    shown: shown.bytes,
                    status_shown: shown.status,
                    updates: 0,
                    updated_at: shown.at,
                    tries: 0,
                    call: Call::Idle,
                };
                self.advance(now)
            }
            CardOutcome::Missing if kind == Kind::Update => {
                *presence = Presence::Absent;
                self.advance(now)
            }
            CardOutcome::Throttled { .. }
                if *presence == Presence::Absent && now.since(draft.since) >= OPEN_WAIT_MAX =>
            {
                // Nobody has seen anything for too long, and no card was made: text takes over.
                self.give_up_card(Presence::Absent).and(Effect::Note(ErrorCode::RateLimited))
            }
            CardOutcome::Throttled { retry_after } => {
                *call = Call::Paused { until: now.after(throttle(retry_after)) };
                Effects::one(Effect::Note(ErrorCode::RateLimited))
            }
            CardOutcome::NotSent | CardOutcome::Unknown => {
                if outcome == CardOutcome::Unknown {
                    *presence = Presence::Unknown;
                }
                *tries = tries.saturating_add(1);
                if *tries >= CARD_TRIES_MAX {
                    let presence = *presence;
                    return self.give_up_card(presence);
                }
                *call = Call::Paused { until: now.after(pause(*tries)) };
                Effects::none()
            }
            CardOutcome::AlreadyFinished | CardOutcome::Missing => self.give_up_card(Presence::Absent),
            CardOutcome::Refused(code) => {
                let presence = *presence;
                self.give_up_card(presence).and(Effect::Note(code))
            }
        }
    }

    fn updated(&mut self, outcome: CardOutcome, done: Shown, now: Timestamp) -> Effects {
        let State::Streaming { draft, shown, status_shown, updates, updated_at, tries, call } =
            &mut self.state
        else {
            return Effects::none();
        };
        match outcome {
            CardOutcome::Done => {
                *shown = done.bytes;
                *status_shown = done.status;
                // The first texts come sooner than others; a status is none.
                *updates = updates.saturating_add(u32::from(done.bytes > 0));
                // From when it was sent: a slow platform must not add to the pauses.
                *updated_at = done.at;
                *tries = 0;
                self.advance(now)
            }
            CardOutcome::Throttled { retry_after } => {
                *call = Call::Paused { until: now.after(throttle(retry_after)) };
                Effects::one(Effect::Note(ErrorCode::RateLimited))
            }
            CardOutcome::NotSent | CardOutcome::Unknown => {
                // The next update carries the whole text, so nothing is lost by waiting.
                *tries = tries.saturating_add(1);
                *call = Call::Paused { until: now.after(pause(*tries).min(UPDATE_PAUSE_MAX)) };
                Effects::none()
            }
            CardOutcome::Missing => {
                let draft = take(draft);
                let tries = tries.saturating_add(1);
                if tries >= CARD_TRIES_MAX {
                    self.state = State::Collecting { draft, presence: Presence::Absent };
                    return Effects::none();
                }
                self.state = State::Thinking { draft, presence: Presence::Absent, tries, call: Call::Idle };
                self.advance(now)
            }
            CardOutcome::AlreadyFinished => self.give_up_card(Presence::Absent),
            CardOutcome::Refused(code) => self.give_up_card(Presence::Present).and(Effect::Note(code)),
        }
    }

    /// From here on the answer goes out as text; a card that may exist is pointed from (R11).
    fn give_up_card(&mut self, presence: Presence) -> Effects {
        match &mut self.state {
            State::Thinking { draft, .. } | State::Streaming { draft, .. } => {
                let draft = take(draft);
                self.state = State::Collecting { draft, presence };
            }
            State::Unopened { .. }
            | State::Collecting { .. }
            | State::Finishing(_)
            | State::Plain(_)
            | State::Done
            | State::Abandoned => {}
        }
        Effects::none()
    }

    pub(super) fn set_call(&mut self, to: Call) {
        if let Some(call) = self.state.call_mut() {
            *call = to;
        }
    }

    /// When the next update of a streaming card may go out; `None` while it shows all there is.
    pub(super) fn update_due(&self) -> Option<Timestamp> {
        let State::Streaming { draft, shown, status_shown, updates, updated_at, .. } = &self.state else {
            return None;
        };
        match draft.parting {
            Parting::No => {}
            Parting::Due => return Some(*updated_at),
            Parting::Over => return None,
        }
        let ReplyLimits { update_interval: interval, pace, .. } = self.facts.limits;
        if pace == Pace::FinalOnly {
            return None;
        }
        if draft.text.len() <= *shown {
            let changed = draft.status.number() != *status_shown;
            let apart = updates_apart(pace, interval, u32::MAX).max(STATUS_INTERVAL_MIN);
            return changed.then(|| updated_at.after(apart));
        }
        Some(updated_at.after(updates_apart(pace, interval, *updates)))
    }
}

/// What a card shows of a draft.
#[derive(Debug, Clone, Copy)]
struct Shown {
    /// Bytes of the text.
    bytes: usize,
    /// The status's number; 0: none.
    status: u32,
    /// Since when, at the earliest.
    at: Timestamp,
}

/// Bounds of a card's text.
pub(super) const fn card_limits(limits: &ReplyLimits) -> text::Limits {
    text::Limits::chars(limits.card_chars_max)
}

/// Takes a draft out of a state about to be replaced.
pub(super) fn take(draft: &mut Draft) -> Draft {
    Draft {
        text: core::mem::take(&mut draft.text),
        status: core::mem::take(&mut draft.status),
        parting: draft.parting,
        since: draft.since,
    }
}
