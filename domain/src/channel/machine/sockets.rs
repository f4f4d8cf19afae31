//! What sockets report. Each report carries the socket's number; one that is not counted on changes nothing.

use alloc::vec;
use alloc::vec::Vec;

use super::super::error::{CloseCause, ErrorCode};
use super::super::event::{Effect, Effects};
use super::state::{Dialing, Ground, Link, State, Successor};
use super::{AT_ONCE_MAX, Channel, HEALTHY_AFTER, ROTATION_PAUSE_MAX, paused};
use crate::ids::ConnectionId;
use crate::rejected::Rejected;
use crate::time::Timestamp;

impl Channel {
    pub(super) fn opened(&mut self, connection: ConnectionId) -> Result<Effects, Rejected> {
        match self.state {
            State::Connecting { attempt, socket } if socket.connection == connection => {
                let socket = self.once_opened(socket)?;
                self.state = State::Connecting { attempt, socket };
                Ok(Vec::new())
            }
            State::Connected(link) if link.connection == connection => Err(self.duplicate("Opened")),
            State::Connected(link) => match link.successor {
                Successor::Dialing(socket) if socket.connection == connection => {
                    let successor = Successor::Dialing(self.once_opened(socket)?);
                    self.state = State::Connected(Link { successor, ..link });
                    Ok(Vec::new())
                }
                Successor::None | Successor::Dialing(_) | Successor::Waiting { .. } => {
                    Err(self.stray("Opened", connection))
                }
            },
            State::Disabled { .. }
            | State::Standby { .. }
            | State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Waiting { .. }
            | State::Refused { .. }
            | State::Draining { .. } => Err(self.stray("Opened", connection)),
        }
    }

    fn once_opened(&self, socket: Dialing) -> Result<Dialing, Rejected> {
        if socket.opened { Err(self.duplicate("Opened")) } else { Ok(Dialing { opened: true, ..socket }) }
    }

    pub(super) fn heard(&mut self, connection: ConnectionId, now: Timestamp) -> Result<Effects, Rejected> {
        match self.state {
            State::Connecting { attempt, socket } if socket.connection == connection => {
                self.prove(attempt, connection, now);
                Ok(Vec::new())
            }
            State::Connected(link) if link.connection == connection => {
                self.state = State::Connected(Link { heard_at: link.heard_at.max(now), ..link });
                self.observed.heard_at = Some(now);
                Ok(Vec::new())
            }
            State::Connected(link) => match link.successor {
                Successor::Dialing(socket) if socket.connection == connection => {
                    self.prove(link.attempt, connection, now);
                    Ok(vec![Effect::Close { connection: link.connection }])
                }
                Successor::None | Successor::Dialing(_) | Successor::Waiting { .. } => {
                    Err(self.stray("Heard", connection))
                }
            },
            State::Disabled { .. }
            | State::Standby { .. }
            | State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Waiting { .. }
            | State::Refused { .. }
            | State::Draining { .. } => Err(self.stray("Heard", connection)),
        }
    }

    fn prove(&mut self, attempt: u32, connection: ConnectionId, now: Timestamp) {
        self.state = State::Connected(Link::new(attempt, connection, now));
        self.observed.connected_at = Some(now);
        self.observed.heard_at = Some(now);
    }

    pub(super) fn rotating(&mut self, connection: ConnectionId, now: Timestamp) -> Result<Effects, Rejected> {
        match self.state {
            State::Connecting { attempt, socket } if socket.connection == connection => {
                self.note_ended(now);
                self.pause(attempt, ErrorCode::ConnectionLost, None, now);
                Ok(vec![Effect::Close { connection }])
            }
            State::Connected(link) if link.connection == connection => match link.successor {
                Successor::None => Ok(self.replace(link, now)),
                Successor::Dialing(_) | Successor::Waiting { .. } => Err(self.duplicate("Rotating")),
            },
            State::Connected(link) => match link.successor {
                Successor::Dialing(socket) if socket.connection == connection => {
                    self.note_ended(now);
                    self.replace_later(link, ErrorCode::ConnectionLost, None, now);
                    Ok(vec![Effect::Close { connection }])
                }
                Successor::None | Successor::Dialing(_) | Successor::Waiting { .. } => {
                    Err(self.stray("Rotating", connection))
                }
            },
            State::Disabled { .. }
            | State::Standby { .. }
            | State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Waiting { .. }
            | State::Refused { .. }
            | State::Draining { .. } => Err(self.stray("Rotating", connection)),
        }
    }

    fn note_ended(&mut self, now: Timestamp) {
        self.note(ErrorCode::ConnectionLost, "the platform ended the connection before it was proven", now);
    }

    /// Opens the successor of a rotating connection: at once, or soon when the platform does little else than rotate.
    fn replace(&mut self, link: Link, now: Timestamp) -> Effects {
        let attempt = link.attempts_by(now, HEALTHY_AFTER);
        if attempt >= AT_ONCE_MAX {
            // A rotation is no failure: it neither waits for the tries before it nor makes later pauses longer.
            let cause = ErrorCode::ConnectionLost;
            self.note(cause, "the platform ends its connections too often", now);
            let until = now.after(self.pause_after(0, cause, None).min(ROTATION_PAUSE_MAX));
            let successor = Successor::Waiting { until, cause };
            self.state = State::Connected(Link { attempt, successor, deaf: true, ..link });
            return Vec::new();
        }
        let (socket, open) = self.dial(now);
        let successor = Successor::Dialing(socket);
        self.state = State::Connected(Link { attempt: attempt.saturating_add(1), successor, ..link });
        vec![open]
    }

    pub(super) fn replace_later(
        &mut self,
        link: Link,
        cause: ErrorCode,
        retry_after: Option<core::time::Duration>,
        now: Timestamp,
    ) {
        let until = now.after(self.pause_after(link.attempt, cause, retry_after));
        let successor = Successor::Waiting { until, cause };
        let attempt = link.attempt.saturating_add(1);
        self.state = State::Connected(Link { attempt, successor, deaf: true, ..link });
    }

    pub(super) fn closed(
        &mut self,
        connection: ConnectionId,
        cause: &CloseCause,
        now: Timestamp,
    ) -> Result<Effects, Rejected> {
        match self.state {
            State::Connecting { attempt, socket } if socket.connection == connection => {
                Ok(self.ended(attempt, cause, now))
            }
            State::Connected(link) if link.connection == connection => Ok(self.link_closed(link, cause, now)),
            State::Connected(link) => match link.successor {
                Successor::Dialing(socket) if socket.connection == connection => {
                    if *cause == CloseCause::Clean {
                        self.note_ended(now);
                    }
                    let (code, retry_after) = self.blame(cause, now);
                    self.replace_later(link, code, retry_after, now);
                    Ok(Vec::new())
                }
                Successor::None | Successor::Dialing(_) | Successor::Waiting { .. } => {
                    Err(self.stray("Closed", connection))
                }
            },
            State::Draining { ground, open, until } if open.contains(&Some(connection)) => {
                let open = open.map(|socket| socket.filter(|open| *open != connection));
                self.state = State::Draining { ground, open, until };
                Ok(Vec::new())
            }
            State::Disabled { .. }
            | State::Standby { .. }
            | State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Waiting { .. }
            | State::Refused { .. }
            | State::Draining { .. } => Err(self.stray("Closed", connection)),
        }
    }

    /// The proven connection is gone.
    fn link_closed(&mut self, link: Link, cause: &CloseCause, now: Timestamp) -> Effects {
        match link.successor {
            Successor::None => self.ended(link.attempts_by(now, HEALTHY_AFTER), cause, now),
            Successor::Dialing(_) | Successor::Waiting { .. } => {
                self.blame(cause, now);
                self.fall_to_successor(link);
                Vec::new()
            }
        }
    }

    /// The old connection is gone before the new one was proven.
    pub(super) fn fall_to_successor(&mut self, link: Link) {
        self.state = match link.successor {
            Successor::None => State::Connected(link),
            Successor::Dialing(socket) => State::Connecting { attempt: link.attempt, socket },
            Successor::Waiting { until, cause } => paused(link.attempt, until, cause),
        };
    }

    /// The only socket is gone: after a good end the next comes at once, a few times; else there is a pause.
    fn ended(&mut self, attempt: u32, cause: &CloseCause, now: Timestamp) -> Effects {
        let in_good_order = match cause {
            CloseCause::Clean => attempt < AT_ONCE_MAX,
            CloseCause::Failed { .. } => false,
        };
        if in_good_order {
            return self.begin(Ground::FIRM, attempt.saturating_add(1), now);
        }
        if *cause == CloseCause::Clean {
            let what = "the platform ends its connections one after the other, each in good order";
            self.note(ErrorCode::ConnectionLost, what, now);
        }
        let (code, retry_after) = self.blame(cause, now);
        self.pause(attempt, code, retry_after, now);
        Vec::new()
    }

    /// What a close says is wrong; noted, unless it was in good order: whether that is worth a note, the caller knows.
    fn blame(&mut self, cause: &CloseCause, now: Timestamp) -> (ErrorCode, Option<core::time::Duration>) {
        match cause {
            CloseCause::Clean => (ErrorCode::ConnectionLost, None),
            CloseCause::Failed { code, detail, retry_after } => {
                self.note(*code, detail, now);
                (*code, *retry_after)
            }
        }
    }
}
