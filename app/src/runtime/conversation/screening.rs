//! Who may not use the channel, found out before anything is done for what they wrote.
//!
//! It is a part of reading the inbox, and bounded like it: each author is looked up once, all at the same time, and of whom
//! it takes longer the turn finds it out.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use switchboard_domain::access::Decision;
use switchboard_domain::ids::Seq;
use switchboard_domain::inbox::{Control, Entry, Intake, Origin};
use switchboard_domain::message::Sender;
use switchboard_domain::outcome::Refusal;

use super::Actor;
use crate::runtime::mapping::may_use;
use crate::runtime::shared::lock;

/// Entries that nothing is done for, with the reason.
pub(super) type Denied = BTreeMap<Seq, Refusal>;

impl Actor<'_> {
    /// Which of these entries nothing is done for.
    pub(super) async fn screened<'e>(&self, entries: impl Iterator<Item = (&'e Entry, bool)>) -> Denied {
        let asked: Vec<_> =
            entries.filter_map(|(entry, resumed)| Some((entry, asks(entry, resumed)?))).collect();
        let authors: BTreeMap<&str, &Sender> =
            asked.iter().map(|(entry, _)| (entry.sender.key(), &entry.sender)).collect();
        // All entries of a conversation were written in one chat.
        let Some(chat) = asked.first().map(|(entry, _)| &entry.chat) else { return Denied::new() };
        let decided = join_all(authors.into_iter().map(async |(key, sender)| {
            let decision = may_use(self.shared, &self.bot, sender, chat).await;
            (key, decision)
        }));
        let decided: BTreeMap<&str, Decision> = decided.await.into_iter().collect();
        let refusal = |(entry, by): (&Entry, By)| {
            let refusal = match (decided.get(entry.sender.key())?, by) {
                (Decision::Allow, _) | (Decision::Open, By::Turn) => return None,
                (Decision::Deny(refusal), _) => *refusal,
                // No turn looks again for a command.
                (Decision::Open, By::Command) => Refusal::NotLookedUp,
            };
            Some((entry.seq, refusal))
        };
        asked.into_iter().filter_map(refusal).collect()
    }

    /// Whether the author of an entry that nothing is done for is told so.
    pub(super) fn tells_denied(&self, entry: &Entry) -> bool {
        lock(&self.handle.admission).tells_denied(entry.sender.key(), self.shared.now())
    }
}

/// What would be done for an entry.
#[derive(Clone, Copy)]
enum By {
    Turn,
    Command,
}

/// What a person asks for with an entry; `None` where nothing is to be found out.
const fn asks(entry: &Entry, resumed: bool) -> Option<By> {
    match &entry.intake {
        // A turn that was begun before has a card: it looks by itself, and ends on that.
        Intake::Ask { .. } if resumed => None,
        Intake::Ask { .. } => Some(By::Turn),
        // Whoever presses a button was judged when it was pressed; the entry has the name of who asked.
        Intake::Control { control: Control::StopAnswer { .. }, .. }
        | Intake::Control { origin: Origin::Api, .. }
        | Intake::Deliver { .. }
        | Intake::Send { .. }
        | Intake::Refused(_) => None,
        Intake::Control { origin: Origin::Chat, .. } | Intake::Lookup(_) => Some(By::Command),
    }
}
