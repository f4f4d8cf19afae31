//! What is open in a conversation, for whoever looks at it while it goes on.

use switchboard_domain::inbox::Intake;
use switchboard_domain::snapshot::ReplyRole;

use super::Actor;
use crate::runtime::operations::OpenMessage;

impl Actor<'_> {
    /// Tells those who asked.
    pub(super) fn tell_what_is_open(&self) {
        for asker in self.slot.take_askers() {
            // Whoever waits no longer needs no answer.
            drop(asker.send(self.open_messages()));
        }
    }

    fn open_messages(&self) -> Vec<OpenMessage> {
        let running = self.conversation.session().running().map(|(seq, _)| seq);
        let open = self.open.values().filter_map(|entry| {
            let Intake::Ask { text, .. } = &entry.intake else { return None };
            let mut replies = self.conversation.replies().iter();
            let answer = replies.find(|reply| {
                let id = reply.facts().id;
                id.seq == entry.seq && id.role == ReplyRole::Answer
            });
            Some(OpenMessage {
                seq: entry.seq,
                at: entry.accepted_at,
                text: text.clone(),
                runs: running == Some(entry.seq),
                written: answer.map(|reply| reply.draft().to_owned()).unwrap_or_default(),
            })
        });
        open.collect()
    }
}
