//! Taking inbox entries in: what they ask of the session, and what is not the session's business.

use alloc::boxed::Box;

use super::{Conversation, Effects};
use crate::ids::RetryNumber;
use crate::inbox::{Control, Entry, Intake};
use crate::outcome::Refusal;
use crate::rejected::Rejected;
use crate::session::{self, Taken};
use crate::time::Timestamp;

impl Conversation {
    pub(super) fn taken(
        &mut self,
        entry: Entry,
        resumed: bool,
        effects: &mut Effects,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let kind = self.asked_of(&entry);
        self.take_in(entry, kind, resumed, effects, now)
    }

    /// Whatever it asks for, nothing is done for it.
    pub(super) fn denied(
        &mut self,
        entry: Entry,
        refusal: Refusal,
        told: bool,
        effects: &mut Effects,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let kind = if told { Taken::Refused(refusal) } else { Taken::Passed(refusal) };
        self.take_in(entry, kind, false, effects, now)
    }

    fn take_in(
        &mut self,
        entry: Entry,
        kind: Taken,
        resumed: bool,
        effects: &mut Effects,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let (seq, accepted_at) = (entry.seq, entry.accepted_at);
        // What an operator asks again is as old as their asking.
        let written_at =
            if entry.retry == RetryNumber(0) { entry.sent_at.min(accepted_at) } else { accepted_at };
        if seq > self.session.taken() {
            self.entries.insert(seq, Box::new(entry));
        }
        let taken = session::Event::Taken { seq, kind, accepted_at, written_at, resumed };
        self.session_event(taken, effects, now)?;
        match kind {
            Taken::Ask | Taken::More | Taken::AskedAgain => self.note_waiting(seq, resumed, now),
            Taken::Message => self.outgoing.push_back(seq),
            Taken::Control(Control::Withdraw, _) => self.withdraw_messages(effects, now),
            Taken::Control(..)
            | Taken::Deliver
            | Taken::Lookup { .. }
            | Taken::Refused(_)
            | Taken::Passed(_) => {}
        }
        Ok(())
    }

    /// What an entry asks of the session.
    fn asked_of(&self, entry: &Entry) -> Taken {
        match &entry.intake {
            Intake::Ask { .. } if entry.retry == RetryNumber(0) && self.belongs(entry) => Taken::More,
            Intake::Ask { .. } if entry.retry == RetryNumber(0) => Taken::Ask,
            Intake::Ask { .. } => Taken::AskedAgain,
            Intake::Deliver { .. } => Taken::Deliver,
            Intake::Send { .. } => Taken::Message,
            Intake::Control { control, origin } => Taken::Control(*control, *origin),
            Intake::Lookup(lookup) => Taken::Lookup { switches: lookup.switches() },
            Intake::Refused(refusal) => Taken::Refused(*refusal),
        }
    }
}
