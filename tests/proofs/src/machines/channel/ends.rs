//! Which connections the platform has announced the end of, and whether that leaves the channel deaf.

use std::collections::BTreeSet;

/// What the platform said about ends, kept apart from the machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Ends {
    /// Held sockets whose end was announced.
    pub(super) announced: BTreeSet<u64>,
    /// The proven socket's end was announced, and since then there was a moment without a socket to follow it.
    pub(super) deaf: bool,
}

impl Ends {
    /// Looks at the held sockets, each with whether it is proven, after every step.
    pub(super) fn look(&mut self, held: impl Iterator<Item = (u64, bool)>) {
        let held: Vec<(u64, bool)> = held.collect();
        self.announced.retain(|end| held.iter().any(|(socket, _)| socket == end));
        let ending = held.iter().any(|(socket, proven)| *proven && self.announced.contains(socket));
        self.deaf = ending && (self.deaf || held.len() == 1);
    }
}
