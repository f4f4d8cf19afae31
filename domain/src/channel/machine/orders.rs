//! What people and the process order: enable, disable, edit, restart, drain.

use alloc::vec::Vec;

use super::super::event::Effects;
use super::state::State;
use super::{Channel, DRAIN_WAIT_MAX};
use crate::rejected::Rejected;
use crate::time::Timestamp;

impl Channel {
    pub(super) fn enabled(&mut self, now: Timestamp) -> Result<Effects, Rejected> {
        match self.state {
            State::Disabled { ground } => Ok(self.begin(ground, 0, now)),
            State::Standby { .. }
            | State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Refused { .. }
            | State::Draining { .. } => Err(self.duplicate("Enabled")),
        }
    }

    pub(super) fn disabled(&mut self) -> Result<Effects, Rejected> {
        match self.state {
            State::Disabled { .. } => Err(self.duplicate("Disabled")),
            State::Standby { .. }
            | State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Refused { .. }
            | State::Draining { .. } => {
                let effects = self.close_all();
                self.state = State::Disabled { ground: self.state.ground() };
                Ok(effects)
            }
        }
    }

    pub(super) fn edited(&mut self, now: Timestamp) -> Effects {
        match self.state {
            // There is nothing to connect anew.
            State::Disabled { .. } | State::Standby { .. } | State::Draining { .. } => Vec::new(),
            State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Refused { .. } => self.start_over(now),
        }
    }

    pub(super) fn restart_asked(&mut self, now: Timestamp) -> Result<Effects, Rejected> {
        match self.state {
            State::Disabled { .. } | State::Draining { .. } => Err(Rejected::Illegal {
                event: "RestartAsked",
                phase: self.phase(),
                expected: "an enabled channel",
            }),
            State::Standby { .. } => Ok(Vec::new()),
            State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Refused { .. } => Ok(self.start_over(now)),
        }
    }

    pub(super) fn drain(&mut self, now: Timestamp) -> Result<Effects, Rejected> {
        match self.state {
            State::Draining { .. } => Err(self.duplicate("Drain")),
            State::Disabled { .. }
            | State::Standby { .. }
            | State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Refused { .. } => {
                let effects = self.close_all();
                let (ground, open) = (self.state.ground(), self.state.sockets());
                self.state = State::Draining { ground, open, until: now.after(DRAIN_WAIT_MAX) };
                Ok(effects)
            }
        }
    }

    fn start_over(&mut self, now: Timestamp) -> Effects {
        let mut effects = self.close_all();
        effects.extend(self.begin(self.state.ground(), 0, now));
        effects
    }
}
