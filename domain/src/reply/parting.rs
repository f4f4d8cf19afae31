//! The end of a process in the middle of a turn: its open card is told so once, and the next process goes on with it.

use alloc::format;
use alloc::string::String;

use super::card::card_limits;
use super::state::{Call, Kind, Parting, Presence, State};
use super::{CardOutcome, Effects, Reply};
use crate::notice::Notice;
use crate::rejected::Rejected;
use crate::text;
use crate::time::Timestamp;

impl Reply {
    /// One last update says that the answer goes on after the restart. It closes nothing, waits for the call under way, and is
    /// tried once; where nothing is shown, or a plain message will come, nothing is said.
    pub(super) fn parked(&mut self, now: Timestamp) -> Result<Effects, Rejected> {
        let is_shown = match &self.state {
            State::Streaming { .. } => true,
            State::Thinking { presence, call, .. } => match (presence, call) {
                // The call under way may be making it.
                (Presence::Present | Presence::Unknown, _) | (Presence::Absent, Call::Sent { .. }) => true,
                (Presence::Absent, Call::Idle | Call::Claimed { .. } | Call::Paused { .. }) => false,
            },
            State::Unopened { .. } | State::Collecting { .. } => false,
            State::Finishing(_) | State::Plain(_) | State::Done | State::Abandoned => {
                return Err(self.stale("Parked"));
            }
        };
        if self.parts() {
            return Err(Rejected::Duplicate { event: "Parked", phase: self.phase() });
        }
        self.part(if is_shown { Parting::Due } else { Parting::Over });
        match self.state.call() {
            Call::Sent { .. } => Ok(Effects::none()),
            // A claim not granted yet was for something else, and whoever asked for a pause is asked by the budget.
            Call::Idle | Call::Claimed { .. } | Call::Paused { .. } => {
                self.set_call(Call::Idle);
                Ok(self.advance(now))
            }
        }
    }

    /// Whether an update that says so is still to be made.
    #[must_use]
    pub fn is_parting(&self) -> bool {
        match self.state {
            State::Thinking { .. } | State::Streaming { .. } => self.parting() == Parting::Due,
            State::Unopened { .. }
            | State::Collecting { .. }
            | State::Finishing(_)
            | State::Plain(_)
            | State::Done
            | State::Abandoned => false,
        }
    }

    /// What a card whose process ends may still claim: the one update, and only while it is due.
    pub(super) fn parting_kind(&self) -> Option<Kind> {
        self.is_parting().then_some(Kind::Update)
    }

    /// The last update is on its way: whatever comes of it, nothing more is shown.
    pub(super) fn parts_now(&mut self) {
        if self.parting() == Parting::Due {
            self.part(Parting::Over);
        }
    }

    /// A call that was under way came back: only a card that takes calls is told anything.
    pub(super) fn parts_after(&mut self, outcome: CardOutcome) {
        match outcome {
            CardOutcome::Done => {}
            CardOutcome::AlreadyFinished
            | CardOutcome::Missing
            | CardOutcome::Throttled { .. }
            | CardOutcome::NotSent
            | CardOutcome::Unknown
            | CardOutcome::Refused(_) => self.parts_now(),
        }
    }

    fn parting(&self) -> Parting {
        self.state.any_draft().map_or(Parting::No, |draft| draft.parting)
    }

    /// Whether the process ends.
    pub(super) fn parts(&self) -> bool {
        self.parting() != Parting::No
    }

    fn part(&mut self, to: Parting) {
        if let Some(draft) = self.state.any_draft_mut() {
            draft.parting = to;
        }
    }

    /// What the card shows meanwhile: the text so far, and that it goes on.
    pub(super) fn parting_text(&self, draft: &str) -> String {
        let sentence = Notice::ShuttingDown.text(self.facts.locale);
        if !text::says_something(draft) {
            return sentence;
        }
        let line = format!("\n\n> {sentence}");
        let limits = card_limits(&self.facts.limits);
        let whole = format!("{}{line}", text::closed(draft.trim_end()));
        if limits.fits(&whole) {
            return whole;
        }
        format!("{}{line}", text::head(draft, limits.with_room_for(&line)).first)
    }
}
