//! Ports that nobody has.

use std::net::TcpListener;

/// Tries of other ports, where somebody else was quicker or a port is no good.
pub const TRIES_MAX: u32 = 20;

/// A port of the loopback device that is free at this moment; somebody else may be quicker.
pub fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
