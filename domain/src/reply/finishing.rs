//! The end of a turn, and the card on its way to its last text (R9, R11).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::card::{card_limits, take};
use super::state::{Call, Ending, Kind, Plain, Presence, State};
use super::{
    CARD_TRIES_MAX, CardOutcome, Effect, Effects, FINISH_TRIES_MAX, OPEN_WAIT_MAX, Reply, pause, plain,
    throttle,
};
use crate::channel::ErrorCode;
use crate::notice::Notice;
use crate::rejected::Rejected;
use crate::snapshot::Pointer;
use crate::text;
use crate::time::Timestamp;

impl Reply {
    pub(super) fn ended(
        &mut self,
        suffix: Option<&str>,
        failed: bool,
        now: Timestamp,
    ) -> Result<Effects, Rejected> {
        let (call, seen_at) = (self.state.call(), self.seen_at(now));
        let (draft, presence) = match &mut self.state {
            State::Unopened { draft, presence, .. } | State::Collecting { draft, presence } => {
                (take(draft), *presence)
            }
            State::Thinking { draft, presence, .. } => (take(draft), *presence),
            State::Streaming { draft, .. } => (take(draft), Presence::Present),
            State::Finishing(_) | State::Plain(_) | State::Done | State::Abandoned => {
                return Err(Rejected::Duplicate { event: "Ended", phase: self.phase() });
            }
        };
        let as_text = self.phase() == "Collecting";
        let whole = last_text(&self.led(draft.text.trim_end()), suffix);
        if as_text {
            return Ok(self.fall_back(&whole, Vec::new(), presence, false, now));
        }
        let (text, rest) = self.card_and_rest(&whole);
        // A call on its way is waited for (R12), and a card that is still to be made keeps its place in the budget; any other claim
        // not granted yet is given up.
        let call = match call {
            Call::Sent { .. } => call,
            Call::Claimed { kind: Kind::Open, .. } if presence == Presence::Absent => call,
            Call::Idle | Call::Claimed { .. } | Call::Paused { .. } => Call::Idle,
        };
        self.state = State::Finishing(Ending {
            text,
            rest,
            failed,
            presence,
            uncertain: false,
            ended_at: now,
            seen_at,
            tries: 0,
            reopened: 0,
            call,
        });
        Ok(self.advance(now).now())
    }

    /// What of the whole text stands on the card, and the plain messages it goes on in.
    fn card_and_rest(&self, whole: &str) -> (String, Vec<String>) {
        let limits = card_limits(&self.facts.limits);
        if limits.fits(whole) {
            return (String::from(whole), Vec::new());
        }
        let line = format!("\n\n{}", Notice::ContinuedBelow.text(self.facts.locale));
        let head = text::head(whole, limits.with_room_for(&line));
        let rest = head.rest.map(|rest| rest.split(plain::limits(&self.facts.limits))).unwrap_or_default();
        (format!("{}{line}", head.first), rest)
    }

    /// The whole text that a card on its way to its end, and the messages behind it, were to show.
    pub(super) fn text_of_ending(&self, ending: &Ending) -> String {
        let first = self.without_line(&ending.text, &ending.rest);
        if ending.rest.is_empty() {
            String::from(first)
        } else {
            format!("{first}\n\n{}", ending.rest.join("\n\n"))
        }
    }

    /// What the answer itself says of a card's text: the line that points to the rest belongs to a card alone.
    fn without_line<'t>(&self, text: &'t str, rest: &[String]) -> &'t str {
        let line = Notice::ContinuedBelow.text(self.facts.locale);
        let pointed = text.strip_suffix(line.as_str()).filter(|_| !rest.is_empty());
        pointed.map_or(text, str::trim_end)
    }

    pub(super) fn finish_done(&mut self, kind: Kind, outcome: CardOutcome, now: Timestamp) -> Effects {
        if kind == Kind::Finish {
            return self.finished(outcome, now);
        }
        // An opening or updating call that was under way when the turn ended, or the opening of a card that had to be made again.
        let State::Finishing(ending) = &mut self.state else {
            return Effects::none();
        };
        match outcome {
            CardOutcome::Done => ending.presence = Presence::Present,
            // Asked for again and again it would never come: text takes over.
            CardOutcome::Missing if kind == Kind::Open => return self.finishing_falls_back(now),
            CardOutcome::Missing => ending.presence = Presence::Absent,
            CardOutcome::Throttled { retry_after }
                if ending.presence == Presence::Absent
                    && now.after(throttle(retry_after)).since(ending.ended_at) >= OPEN_WAIT_MAX =>
            {
                return self.finishing_falls_back(now).and(Effect::Note(ErrorCode::RateLimited));
            }
            CardOutcome::Throttled { retry_after } => {
                ending.call = Call::Paused { until: now.after(throttle(retry_after)) };
                return Effects::one(Effect::Note(ErrorCode::RateLimited));
            }
            CardOutcome::NotSent | CardOutcome::Unknown => {
                if outcome == CardOutcome::Unknown {
                    ending.presence = Presence::Unknown;
                }
                ending.tries = ending.tries.saturating_add(1);
                if ending.presence == Presence::Absent && ending.tries >= CARD_TRIES_MAX {
                    return self.finishing_falls_back(now);
                }
                ending.call = Call::Paused { until: now.after(pause(ending.tries)) };
            }
            CardOutcome::AlreadyFinished => {
                // Nobody but us closes it: an earlier finish of ours must have worked.
                return self.card_closed(now);
            }
            CardOutcome::Refused(code) => {
                if kind == Kind::Open || ending.presence == Presence::Absent {
                    return self.finishing_falls_back(now).and(Effect::Note(code));
                }
                // The card may still take its last text.
                return self.advance(now).and(Effect::Note(code));
            }
        }
        self.advance(now)
    }

    fn finished(&mut self, outcome: CardOutcome, now: Timestamp) -> Effects {
        let State::Finishing(ending) = &mut self.state else {
            return Effects::none();
        };
        match outcome {
            CardOutcome::Done | CardOutcome::AlreadyFinished => self.card_closed(now),
            CardOutcome::Missing => {
                ending.presence = Presence::Absent;
                ending.uncertain = false;
                ending.reopened = ending.reopened.saturating_add(1);
                if ending.reopened >= CARD_TRIES_MAX {
                    return self.finishing_falls_back(now);
                }
                self.advance(now)
            }
            CardOutcome::Throttled { retry_after } => {
                ending.call = Call::Paused { until: now.after(throttle(retry_after)) };
                Effects::one(Effect::Note(ErrorCode::RateLimited))
            }
            CardOutcome::NotSent => {
                ending.tries = ending.tries.saturating_add(1);
                if ending.tries >= FINISH_TRIES_MAX && !ending.uncertain {
                    return self.finishing_falls_back(now);
                }
                ending.call = Call::Paused { until: now.after(pause(ending.tries)) };
                Effects::none()
            }
            CardOutcome::Unknown => {
                // It may show the whole answer now: only the card itself can tell, so ask it until it does.
                ending.uncertain = true;
                ending.tries = ending.tries.saturating_add(1);
                ending.call = Call::Paused { until: now.after(pause(ending.tries)) };
                Effects::none().lazy()
            }
            CardOutcome::Refused(code) => self.finishing_falls_back(now).and(Effect::Note(code)),
        }
    }

    /// The card shows its last text; what did not fit follows as plain messages.
    fn card_closed(&mut self, now: Timestamp) -> Effects {
        let State::Finishing(ending) = &mut self.state else {
            return Effects::none();
        };
        let rest = core::mem::take(&mut ending.rest);
        if rest.is_empty() {
            self.state = State::Done;
            return Effects::none().lazy();
        }
        let parts = rest.into_iter().map(plain::pending).collect();
        self.state = State::Plain(Plain::new(parts, None, ending.ended_at));
        self.advance(now).now()
    }

    pub(super) fn finishing_falls_back(&mut self, now: Timestamp) -> Effects {
        let State::Finishing(ending) = &mut self.state else {
            return Effects::none();
        };
        let text = core::mem::take(&mut ending.text);
        let rest = core::mem::take(&mut ending.rest);
        let (presence, uncertain) = (ending.presence, ending.uncertain);
        let first = self.without_line(&text, &rest);
        self.fall_back(first, rest, presence, uncertain, now)
    }

    /// The whole answer as text (R11): committed before its first part, never reverted.
    fn fall_back(
        &mut self,
        whole: &str,
        rest: Vec<String>,
        presence: Presence,
        uncertain: bool,
        now: Timestamp,
    ) -> Effects {
        let mut parts = plain::parts(whole, &self.facts.limits);
        let shown = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let pointer = match presence {
            Presence::Absent => None,
            Presence::Present | Presence::Unknown => Some(Pointer {
                text: Notice::AnswerBelow.text(self.facts.locale),
                covers: if uncertain { shown } else { 0 },
            }),
        };
        parts.extend(rest.into_iter().map(plain::pending));
        self.state = State::Plain(Plain::new(parts, pointer, now));
        self.advance(now).now()
    }
}

/// The text a reply ends with; never empty.
fn last_text(said: &str, suffix: Option<&str>) -> String {
    match suffix {
        None => String::from(said),
        Some(suffix) if !text::says_something(said) => String::from(suffix),
        Some(suffix) => {
            format!("{}\n\n{suffix}", text::closed(said))
        }
    }
}
