//! Commands that take a look at what is outside: one after the other, in order, beside whatever turn runs.
//!
//! A look that may switch something holds back the next turn, so that a question behind `/agents 2` is asked of agent 2.
//! Nothing of a look is stored: its entry is in the inbox until it ends, and is looked up again after a crash.

use core::time::Duration;

use super::{Deadline, Effect, Effects, Found, Reason, Say, Session};
use crate::ids::Seq;
use crate::notice::Notice;
use crate::outcome::{Outcome, Refusal};
use crate::rejected::Rejected;
use crate::time::Timestamp;

/// How long one look may take, a store that is away included.
pub const LOOKUP_WAIT_MAX: Duration = Duration::from_secs(20);
/// Looks of one conversation waiting for those before them; further ones are refused.
pub const LOOKUPS_WAITING_MAX: usize = 10;

/// A look that has not ended; the first one is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    seq: Seq,
    switches: bool,
    /// When it is given up; counts for the one that is under way.
    until: Timestamp,
}

impl Look {
    /// Its command's entry.
    pub(super) const fn seq(&self) -> Seq {
        self.seq
    }
}

impl Session {
    pub(super) fn look_up(&mut self, seq: Seq, switches: bool, effects: &mut Effects, now: Timestamp) {
        if self.lookups.len() >= LOOKUPS_WAITING_MAX {
            effects.push(Effect::Say { seq, what: Say::Refused(Refusal::InboxFull) });
            effects.push(Effect::End { seq, outcome: Outcome::Refused(Refusal::InboxFull) });
            return;
        }
        self.lookups.push_back(Look { seq, switches, until: now.after(LOOKUP_WAIT_MAX) });
        if self.lookups.len() == 1 {
            effects.push(Effect::LookUp { seq });
        }
    }

    pub(super) fn looked_up(&mut self, seq: Seq, found: Found, now: Timestamp) -> Result<Effects, Rejected> {
        if self.lookups.front().is_none_or(|look| look.seq != seq) {
            return Err(Rejected::Stale { event: "LookedUp", phase: self.phase() });
        }
        let what = match found {
            Found::Status { agent, model } => Say::Status {
                agent,
                model,
                started_at: self.kept.started_at,
                turns: self.kept.turns,
                waiting: self.waiting_count(),
                running: self.running().is_some(),
            },
            Found::Told(notice, choices) => {
                if let Some(choices) = choices {
                    self.kept.choices = choices;
                }
                Say::Told(notice)
            }
        };
        Ok(self.look_over(seq, what, now))
    }

    /// The look under way takes too long: whatever it finds counts no more.
    pub(super) fn look_overdue(&mut self, now: Timestamp) -> Effects {
        match self.lookups.front() {
            Some(look) => self.look_over(look.seq, Say::Told(Notice::LookupFailed), now),
            None => Effects::default(),
        }
    }

    fn look_over(&mut self, seq: Seq, what: Say, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        self.lookups.pop_front();
        effects.push(Effect::Say { seq, what });
        effects.push(Effect::End { seq, outcome: Outcome::Answered });
        if let Some(next) = self.lookups.front_mut() {
            next.until = now.after(LOOKUP_WAIT_MAX);
            effects.push(Effect::LookUp { seq: next.seq });
        }
        self.begun(effects, now)
    }

    /// The channel is being deleted: nobody waits for an answer.
    pub(super) fn withdraw_lookups(&mut self, effects: &mut Effects) {
        while let Some(look) = self.lookups.pop_front() {
            effects.push(Effect::End { seq: look.seq, outcome: Outcome::Cancelled });
        }
    }

    /// Whether the next turn depends on a look.
    pub(super) fn is_switching(&self) -> bool {
        self.lookups.iter().any(|look| look.switches)
    }

    pub(super) fn look_deadline(&self) -> Option<Deadline> {
        self.lookups.front().map(|look| Deadline { at: look.until, reason: Reason::Lookup })
    }

    pub(super) fn look_stalled(&mut self, span: Duration) {
        if let Some(look) = self.lookups.front_mut() {
            look.until = look.until.after(span);
        }
    }
}
