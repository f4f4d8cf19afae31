//! What changes around a channel: its store, the lease on an exclusive platform, and what others find wrong.

use alloc::vec::Vec;

use super::super::error::ErrorCode;
use super::super::event::Effects;
use super::Channel;
use super::state::{Ground, State};
use crate::rejected::Rejected;
use crate::time::Timestamp;

impl Channel {
    pub(super) fn store_lost(&mut self, now: Timestamp) -> Result<Effects, Rejected> {
        match self.state {
            State::Disabled { ground: Ground { store: false, .. } }
            | State::Draining { ground: Ground { store: false, .. }, .. }
            | State::Standby { store: false }
            | State::StoreLost { .. } => Err(self.duplicate("StoreLost")),
            State::Disabled { ground } => {
                self.state = State::Disabled { ground: Ground { store: false, ..ground } };
                Ok(Vec::new())
            }
            State::Draining { ground, open, until } => {
                self.state = State::Draining { ground: Ground { store: false, ..ground }, open, until };
                Ok(Vec::new())
            }
            State::Standby { .. } => {
                self.state = State::Standby { store: false };
                Ok(Vec::new())
            }
            State::Connecting { .. }
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Refused { .. } => {
                let effects = self.close_all();
                self.note(ErrorCode::StoreUnavailable, "the store takes no messages", now);
                // What was tried in vain before stays counted: a platform that refuses us is asked slowly again.
                self.state = State::StoreLost { attempt: self.state.attempt() };
                Ok(effects)
            }
        }
    }

    pub(super) fn store_back(&mut self, now: Timestamp) -> Result<Effects, Rejected> {
        match self.state {
            State::Disabled { ground: ground @ Ground { store: false, .. } } => {
                self.state = State::Disabled { ground: Ground { store: true, ..ground } };
                Ok(Vec::new())
            }
            State::Draining { ground: ground @ Ground { store: false, .. }, open, until } => {
                self.state = State::Draining { ground: Ground { store: true, ..ground }, open, until };
                Ok(Vec::new())
            }
            State::Standby { store: false } => {
                self.state = State::Standby { store: true };
                Ok(Vec::new())
            }
            State::StoreLost { attempt } => Ok(self.begin(Ground::FIRM, attempt, now)),
            State::Disabled { .. }
            | State::Draining { .. }
            | State::Standby { .. }
            | State::Connecting { .. }
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Refused { .. } => Err(self.duplicate("StoreBack")),
        }
    }

    pub(super) fn lease_lost(&mut self) -> Result<Effects, Rejected> {
        match self.state {
            State::Disabled { ground: Ground { lease: false, .. } }
            | State::Draining { ground: Ground { lease: false, .. }, .. }
            | State::Standby { .. } => Err(self.duplicate("LeaseLost")),
            State::Disabled { ground } => {
                self.state = State::Disabled { ground: Ground { lease: false, ..ground } };
                Ok(Vec::new())
            }
            State::Draining { ground, open, until } => {
                self.state = State::Draining { ground: Ground { lease: false, ..ground }, open, until };
                Ok(Vec::new())
            }
            State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Refused { .. } => {
                let effects = self.close_all();
                self.state = State::Standby { store: self.state.ground().store };
                Ok(effects)
            }
        }
    }

    pub(super) fn lease_gained(&mut self, now: Timestamp) -> Result<Effects, Rejected> {
        match self.state {
            State::Disabled { ground: ground @ Ground { lease: false, .. } } => {
                self.state = State::Disabled { ground: Ground { lease: true, ..ground } };
                Ok(Vec::new())
            }
            State::Draining { ground: ground @ Ground { lease: false, .. }, open, until } => {
                self.state = State::Draining { ground: Ground { lease: true, ..ground }, open, until };
                Ok(Vec::new())
            }
            State::Standby { store } => Ok(self.begin(Ground { store, lease: true }, 0, now)),
            State::Disabled { .. }
            | State::Draining { .. }
            | State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Refused { .. } => Err(self.duplicate("LeaseGained")),
        }
    }

    /// Changes no state: a channel without an agent, or with a throttled app, is as connected as before.
    pub(super) fn noted(&mut self, code: ErrorCode, detail: &str, now: Timestamp) -> Effects {
        self.note(code, detail, now);
        Vec::new()
    }
}
