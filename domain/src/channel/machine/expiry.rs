//! What time does to a channel.

use alloc::vec;
use alloc::vec::Vec;

use super::super::error::ErrorCode;
use super::super::event::{Effect, Effects};
use super::state::{Dialing, Ground, Link, State, Successor};
use super::{Channel, HEALTHY_AFTER, PROOF_WAIT_MAX, SILENCE_MAX};
use crate::time::Timestamp;

/// After a long sleep several things can be due at once: the silence of one socket and the proof of the next.
const STEPS_MAX: usize = 4;

impl Channel {
    pub(super) fn do_what_is_due(&mut self, now: Timestamp) -> Effects {
        let mut effects = Vec::new();
        for _step in 0..STEPS_MAX {
            match self.state.deadline() {
                Some(deadline) if deadline.at <= now => effects.extend(self.one_thing_due(now)),
                Some(_) | None => break,
            }
        }
        effects
    }

    fn one_thing_due(&mut self, now: Timestamp) -> Effects {
        match self.state {
            State::Disabled { .. } | State::Standby { .. } | State::StoreLost { .. } => Vec::new(),
            State::Connecting { attempt, socket } => {
                let code = self.note_unproven(socket, now);
                self.pause(attempt, code, None, now);
                vec![Effect::Close { connection: socket.connection }]
            }
            State::Connected(link) if link.silent_at() <= now => self.silent(link, now),
            State::Connected(link) => self.successor_due(link, now),
            State::Waiting { attempt, .. } | State::Refused { attempt, .. } => {
                self.begin(Ground::FIRM, attempt, now)
            }
            State::Draining { ground, until, .. } => {
                self.state = State::Draining { ground, open: [None, None], until };
                Vec::new()
            }
        }
    }

    /// The socket is half-open at best: close it, so that the platform stops choosing it, and go on with the next.
    fn silent(&mut self, link: Link, now: Timestamp) -> Effects {
        let detail = alloc::format!("nothing was heard for {} s", SILENCE_MAX.as_secs());
        self.note(ErrorCode::ConnectionLost, &detail, now);
        match link.successor {
            Successor::None => {
                self.pause(link.attempts_by(now, HEALTHY_AFTER), ErrorCode::ConnectionLost, None, now);
            }
            Successor::Dialing(_) | Successor::Waiting { .. } => self.fall_to_successor(link),
        }
        vec![Effect::Close { connection: link.connection }]
    }

    fn successor_due(&mut self, link: Link, now: Timestamp) -> Effects {
        match link.successor {
            Successor::None => Vec::new(),
            Successor::Dialing(socket) => {
                let code = self.note_unproven(socket, now);
                self.replace_later(link, code, None, now);
                vec![Effect::Close { connection: socket.connection }]
            }
            Successor::Waiting { .. } => {
                let (socket, open) = self.dial(now);
                self.state = State::Connected(Link { successor: Successor::Dialing(socket), ..link });
                vec![open]
            }
        }
    }

    fn note_unproven(&mut self, socket: Dialing, now: Timestamp) -> ErrorCode {
        let (code, what) = if socket.opened {
            (ErrorCode::PlatformError, "the connection was opened and nothing was heard over it")
        } else {
            (ErrorCode::NetworkUnreachable, "the connection could not be opened")
        };
        self.note(code, &alloc::format!("{what} for {} s", PROOF_WAIT_MAX.as_secs()), now);
        code
    }
}
