//! Plain messages: at most once each, in order, by the ways there are (R10, R13).

use alloc::string::String;
use alloc::vec::Vec;

use super::state::{Call, Kind, Plain, State};
use super::{
    CARD_TRIES_MAX, CallNumber, CardOutcome, Effect, Effects, PartOutcome, Reply, SESSION_ADDRESS_MARGIN,
    Trial, WAY_TRIES_MAX, Way, pause, throttle,
};
use crate::channel::ErrorCode;
use crate::outbound::Progress;
use crate::outcome::{FailureCause, Refusal};
use crate::rejected::Rejected;
use crate::settings::ReplyLimits;
use crate::snapshot::{Part, PartStatus, ReplyRole};
use crate::text;
use crate::time::Timestamp;

impl Plain {
    pub(super) fn is_settled(&self) -> bool {
        self.pointer.is_none() && self.next_pending().is_none()
    }

    /// What was under way when the process died may have arrived: it is never repeated (R10). Says what that was.
    pub(super) fn lose_attempts(&mut self) -> Option<String> {
        let is_attempting = |part: &Part| part.status == PartStatus::Attempting;
        let lost = self.parts.iter().any(is_attempting).then(|| self.text_of(is_attempting));
        for part in self.parts.iter_mut().filter(|part| is_attempting(part)) {
            part.status = PartStatus::Unknown;
        }
        lost
    }

    /// Some of its messages as one text.
    pub(super) fn text_of(&self, is_meant: impl Fn(&Part) -> bool) -> String {
        joined(self.parts.iter().filter(|part| is_meant(part)))
    }

    /// The pointer comes first; after three tries the parts go out and it is tried again behind them, unless it holds them.
    pub(super) fn next_kind(&self, address_until: Option<Timestamp>, now: Timestamp) -> Option<Kind> {
        let part = self.next_pending().map(|index| Kind::Part { index, way: self.way(address_until, now) });
        match &self.pointer {
            None => part,
            Some(pointer) if pointer.covers > 0 || self.pointer_tries < CARD_TRIES_MAX => Some(Kind::Point),
            Some(_) => part.or(Some(Kind::Point)),
        }
    }

    fn pointer_failed(&mut self, tries: u32, now: Timestamp) {
        self.pointer_tries = self.pointer_tries.saturating_add(tries);
        let held = self.pointer.as_ref().is_some_and(|pointer| pointer.covers > 0);
        let parts_first = self.pointer_tries >= CARD_TRIES_MAX && self.next_pending().is_some() && !held;
        if !parts_first {
            self.call = Call::Paused { until: now.after(pause(self.pointer_tries)) };
        }
    }

    /// Which way the next part goes.
    pub(super) fn way(&self, address_until: Option<Timestamp>, now: Timestamp) -> Way {
        let usable = address_until.is_some_and(|until| now.after(SESSION_ADDRESS_MARGIN) < until);
        if usable && !self.session_refused { Way::SessionAddress } else { Way::Api }
    }
}

impl Reply {
    /// How far a message is, for its record.
    pub(super) fn told(&self, refusal: Option<Refusal>) -> Effect {
        let parts = match &self.state {
            State::Plain(plain) => plain.parts.iter().map(|part| part.status).collect(),
            State::Unopened { .. }
            | State::Thinking { .. }
            | State::Streaming { .. }
            | State::Collecting { .. }
            | State::Finishing(_)
            | State::Done
            | State::Abandoned => Vec::new(),
        };
        Effect::Tell(Progress { parts, last: self.tried.api, refusal })
    }

    /// Nothing of a message begins any more; what is on its way is waited for.
    pub(super) fn withdrawn(&mut self, now: Timestamp) -> Result<Effects, Rejected> {
        let is_message = self.facts.id.role == ReplyRole::Message;
        match &mut self.state {
            State::Plain(plain) if is_message => {
                refuse_all(&mut plain.parts);
                match plain.call {
                    Call::Sent { .. } => {}
                    Call::Idle | Call::Claimed { .. } | Call::Paused { .. } => {
                        plain.call = Call::Idle;
                        // Back from a store and not gone on with yet: what was under way there may have arrived.
                        plain.lose_attempts();
                    }
                }
            }
            State::Done | State::Abandoned => return Err(self.stale("Withdrawn")),
            State::Plain(_)
            | State::Unopened { .. }
            | State::Thinking { .. }
            | State::Streaming { .. }
            | State::Collecting { .. }
            | State::Finishing(_) => return Err(self.illegal("Withdrawn", "a message that nobody asked for")),
        }
        let told = self.told(Some(Refusal::ChannelDeleted));
        let next = self.advance(now);
        let mut effects = Effects::one(told);
        effects.list.extend(next.list);
        Ok(effects.now())
    }

    /// Marks a part as attempted; the commit that says so comes before the call.
    pub(super) fn attempt_part(&mut self, call: CallNumber, index: usize, way: Way) -> Effects {
        let State::Plain(plain) = &mut self.state else {
            return Effects::none();
        };
        let Some(part) = plain.parts.get_mut(index) else {
            return Effects::none();
        };
        part.status = PartStatus::Attempting;
        let send = Effect::Send { call, text: part.text.clone(), way };
        self.tried.note(way, Trial::UnderWay);
        let told = (self.facts.id.role == ReplyRole::Message).then(|| self.told(None));
        Effects { list: told.into_iter().chain([send]).collect(), ..Effects::none() }.now()
    }

    pub(super) fn part_done(
        &mut self,
        number: CallNumber,
        outcome: PartOutcome,
        now: Timestamp,
    ) -> Result<Effects, Rejected> {
        let (index, way) = match self.state.call() {
            Call::Sent { number: sent, kind: Kind::Part { index, way }, .. } if sent == number => {
                (index, way)
            }
            Call::Sent { number: sent, .. } if sent == number => {
                return Err(self.illegal("PartDone", "CardDone for a card call"));
            }
            Call::Sent { .. } | Call::Idle | Call::Claimed { .. } | Call::Paused { .. } => {
                return Err(self.late("PartDone", number));
            }
        };
        let State::Plain(plain) = &mut self.state else {
            return Err(self.stale("PartDone"));
        };
        plain.call = Call::Idle;
        self.tried.note(way, outcome.into());
        let mut effects = Effects::none().now();
        let mut failed = None;
        let status = match outcome {
            PartOutcome::Sent => {
                (plain.tries, plain.throttles) = (0, 0);
                PartStatus::Sent
            }
            PartOutcome::Unknown => {
                let text = plain.text_of(|part| part.status == PartStatus::Attempting);
                failed = Some((FailureCause::DeliveryUnknown, text));
                PartStatus::Unknown
            }
            PartOutcome::Throttled { retry_after } => {
                plain.call = Call::Paused { until: now.after(plain.throttled(retry_after)) };
                effects = effects.and(Effect::Note(ErrorCode::RateLimited));
                PartStatus::Pending
            }
            PartOutcome::NotSent => {
                plain.tries = plain.tries.saturating_add(1);
                if way == Way::SessionAddress && plain.tries >= WAY_TRIES_MAX {
                    plain.session_refused = true;
                }
                plain.call = Call::Paused { until: now.after(pause(plain.tries)) };
                PartStatus::Pending
            }
            PartOutcome::Refused(code) => match way {
                Way::SessionAddress => {
                    (plain.session_refused, plain.throttles) = (true, 0);
                    PartStatus::Pending
                }
                Way::Api => {
                    let is_left =
                        |part: &Part| matches!(part.status, PartStatus::Attempting | PartStatus::Pending);
                    failed = Some((FailureCause::DeliveryRefused, plain.text_of(is_left)));
                    // A person whom no call can name is no fault of the channel's.
                    if self.facts.target.takes_calls() {
                        effects = effects.and(Effect::Note(code));
                    }
                    refuse_all(&mut plain.parts);
                    PartStatus::Refused
                }
            },
        };
        if let Some(part) = plain.parts.get_mut(index) {
            part.status = status;
        }
        effects.list.extend(self.after_part(failed));
        let next = self.advance(now);
        effects.list.extend(next.list);
        Ok(effects)
    }

    /// What a plain message that came back leaves behind, besides what comes next.
    fn after_part(&self, failed: Option<(FailureCause, String)>) -> Option<Effect> {
        match (self.facts.id.role, failed) {
            (ReplyRole::Message, _) => Some(self.told(None)),
            (ReplyRole::Answer | ReplyRole::Notice | ReplyRole::Note, failed) => {
                failed.map(|(cause, text)| Effect::Fail { cause, text })
            }
        }
    }

    /// The outcome of reducing the abandoned card to one line (R11).
    pub(super) fn pointed(&mut self, outcome: CardOutcome, now: Timestamp) -> Effects {
        let State::Plain(plain) = &mut self.state else {
            return Effects::none();
        };
        let covers = plain.pointer.as_ref().map_or(0, |pointer| pointer.covers);
        let mut failed = None;
        match outcome {
            CardOutcome::Done | CardOutcome::Missing => plain.pointer = None,
            CardOutcome::AlreadyFinished => {
                // With `covers` an earlier finish must have worked: the card shows these parts, and they must not come
                // twice. If a pointer call is of unknown fate too, nobody knows which of the two worked.
                let status = if plain.pointer_uncertain { PartStatus::Unknown } else { PartStatus::Sent };
                if covers > 0 && plain.pointer_uncertain {
                    let text = joined(plain.parts.iter().take(covers as usize));
                    failed = Some(Effect::Fail { cause: FailureCause::DeliveryUnknown, text });
                }
                for part in plain.parts.iter_mut().take(covers as usize) {
                    part.status = status;
                }
                plain.pointer = None;
            }
            CardOutcome::Throttled { retry_after } => {
                plain.call = Call::Paused { until: now.after(throttle(retry_after)) };
                return Effects::one(Effect::Note(ErrorCode::RateLimited));
            }
            CardOutcome::NotSent => plain.pointer_failed(1, now),
            CardOutcome::Unknown => {
                plain.pointer_uncertain = true;
                plain.pointer_failed(1, now);
            }
            // Without cards nobody knows whether there was one, and a refusal is what most such channels answer.
            CardOutcome::Refused(_) if !self.facts.limits.cards => plain.pointer = None,
            // A refusal will not change by asking again at once: let the parts go first.
            CardOutcome::Refused(_) => plain.pointer_failed(CARD_TRIES_MAX, now),
        }
        let mut effects = Effects { list: failed.into_iter().collect(), ..Effects::none() };
        if plain.pointer.is_none() {
            effects = effects.now();
        }
        let next = self.advance(now);
        effects.list.extend(next.list);
        effects.durability = effects.durability.max(next.durability);
        effects
    }
}

/// A text as plain messages within a channel's limits.
pub(super) fn parts(whole: &str, limits: &ReplyLimits) -> Vec<Part> {
    text::split(whole, self::limits(limits)).into_iter().map(pending).collect()
}

/// A text that nothing is read into as plain messages within a channel's limits.
pub(super) fn characters(whole: &str, limits: &ReplyLimits) -> Vec<Part> {
    text::split_plain(whole, self::limits(limits)).into_iter().map(pending).collect()
}

/// Bounds of a plain message.
pub(super) const fn limits(limits: &ReplyLimits) -> text::Limits {
    text::Limits::new(limits.part_chars_max, limits.part_bytes_max)
}

/// Messages as one text.
pub(super) fn joined<'a>(parts: impl Iterator<Item = &'a Part>) -> String {
    let texts: Vec<&str> = parts.map(|part| part.text.as_str()).collect();
    texts.join("\n\n")
}

pub(super) fn pending(text: String) -> Part {
    Part { text, status: PartStatus::Pending }
}

pub(super) fn refuse_all(parts: &mut [Part]) {
    for part in parts.iter_mut().filter(|part| part.status == PartStatus::Pending) {
        part.status = PartStatus::Refused;
    }
}
