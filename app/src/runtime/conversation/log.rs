//! What a step did, in one form for sessions and replies: machine, phase before, event, phase after or rejection, effects.
//! At debug; never a text.

use crate::telemetry::metrics as names;
use switchboard_domain::conversation::{Conversation, Effects};
use switchboard_domain::ids::ConversationId;
use switchboard_domain::rejected::Rejected;
use switchboard_domain::snapshot::ReplyId;

/// The machines' phases before a step.
pub(super) struct Phases {
    session: &'static str,
    replies: Vec<(ReplyId, &'static str)>,
}

/// The phases as they are; `None` where nobody reads the log.
pub(super) fn phases(conversation: &Conversation) -> Option<Phases> {
    tracing::enabled!(tracing::Level::DEBUG).then(|| Phases {
        session: conversation.session().phase(),
        replies: conversation.replies().iter().map(|reply| (reply.facts().id, reply.phase())).collect(),
    })
}

/// A step that was taken. Words of the agent are not worth a line each.
pub(super) fn stepped(
    id: &ConversationId,
    conversation: &Conversation,
    before: Option<&Phases>,
    event: &'static str,
    effects: &Effects,
) {
    let Some(before) = before.filter(|_| event != "Delta") else {
        return;
    };
    let after = conversation.session().phase();
    tracing::debug!(
        machine = "session", conversation = %id, before = before.session, event, after,
        effects = effects.perform.len(), ended = effects.ended.len(), "stepped"
    );
    for reply in conversation.replies() {
        let ReplyId { seq, role } = reply.facts().id;
        let known = before.replies.iter().find(|(known, _)| *known == reply.facts().id);
        let (before, after) = (known.map_or("new", |(_, phase)| *phase), reply.phase());
        if before != after {
            tracing::debug!(
                machine = "reply", conversation = %id, seq = seq.0, role = ?role, before, event, after, "stepped"
            );
        }
    }
}

/// An event that was refused; one that cannot come is an alarm.
pub(super) fn rejected(id: &ConversationId, rejected: &Rejected) {
    if rejected.is_alarm() {
        tracing::error!(machine = "session", conversation = %id, %rejected, "an impossible event; this is a bug");
        metrics::counter!(names::ALARMS, "kind" => "illegal").increment(1);
    } else {
        tracing::debug!(machine = "session", conversation = %id, %rejected, "rejected");
    }
}
