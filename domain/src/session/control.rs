//! Control acts: `/new`, `/stop` and the stop button, `/help`, and the withdrawal of a channel (R3).

use super::{Effect, Effects, Finish, Say, Session};
use crate::ids::Seq;
use crate::inbox::{Control, Origin};
use crate::outcome::{Outcome, Refusal};
use crate::time::Timestamp;

impl Session {
    pub(super) fn control(
        &mut self,
        seq: Seq,
        control: Control,
        origin: Origin,
        effects: &mut Effects,
        now: Timestamp,
    ) {
        let said = match control {
            Control::New => {
                self.stop_running(Finish::Stopped, effects, now);
                self.withdraw_waiting(Outcome::Cancelled, effects);
                self.start_over(now);
                self.kept.last_activity_at = now;
                Some(Say::NewSession)
            }
            Control::Stop { all } => self.stop(all, effects, now),
            Control::StopAnswer { seq: answered } => {
                if self.running().is_some_and(|(running, _)| running == answered)
                    || self.begun_before() == Some(answered)
                {
                    self.stop_running(Finish::Stopped, effects, now);
                }
                // The card itself shows what came of the button.
                None
            }
            Control::Help => Some(Say::Help),
            Control::Withdraw => {
                self.stop_running(Finish::Withdrawn, effects, now);
                self.withdraw_waiting(Outcome::Refused(Refusal::ChannelDeleted), effects);
                self.withdraw_lookups(effects);
                None
            }
        };
        match origin {
            Origin::Chat => {
                if let Some(what) = said {
                    effects.push(Effect::Say { seq, what });
                }
            }
            // Whoever asked through the API has the API's answer.
            Origin::Api => {}
        }
        effects.push(Effect::End { seq, outcome: Outcome::Answered });
    }

    fn stop(&mut self, all: bool, effects: &mut Effects, now: Timestamp) -> Option<Say> {
        let running = self.running().is_some() || self.begun_before().is_some();
        self.stop_running(Finish::Stopped, effects, now);
        let waiting = self.waiting_count();
        if all && waiting > 0 {
            self.withdraw_waiting(Outcome::Cancelled, effects);
            return Some(Say::Withdrawn(waiting));
        }
        if !running && let Some(withdrawn) = self.withdraw_open(effects, now) {
            return Some(withdrawn);
        }
        // The stopped reply itself shows that it was stopped.
        (!running).then_some(Say::NothingToStop)
    }

    /// Ends the running turn; after a restart the one that was running then, whose card may stand open.
    pub(super) fn stop_running(&mut self, how: Finish, effects: &mut Effects, now: Timestamp) {
        if let Some(seq) = self.begun_before() {
            let attempt = self.kept.attempts.filter(|attempts| attempts.seq == seq).map_or(0, |it| it.count);
            self.take_next(effects);
            self.kept.attempts = None;
            effects.push(Effect::Open { seq, attempt, resumed: true, late: None });
            effects.push(self.finish_of(seq, how));
            effects.push(Effect::End { seq, outcome: Outcome::Cancelled });
            self.cancel_upstream(seq, effects, now);
        }
        self.give_up(how, effects, now);
    }

    fn withdraw_waiting(&mut self, outcome: Outcome, effects: &mut Effects) {
        while let Some(waiting) = self.waiting.pop_front() {
            if outcome == Outcome::Refused(Refusal::ChannelDeleted) {
                effects.push(Effect::Say { seq: waiting.seq, what: Say::Refused(Refusal::ChannelDeleted) });
            }
            effects.push(Effect::End { seq: waiting.seq, outcome });
        }
    }

    pub(super) fn waiting_count(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }
}
