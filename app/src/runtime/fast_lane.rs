//! The fast lane of control (R3): the request to the agent is closed before the act itself is read from the inbox.
//!
//! In a session that people share, whoever wrote the act may have no say here. That is looked up beside the conversation, which
//! is woken at once and looks it up again when it reads the act: the lane only ever makes a stop quicker.

use std::sync::Arc;

use switchboard_domain::access::Decision;
use switchboard_domain::ids::{ConversationId, ConversationKey, Seq};
use switchboard_domain::inbox::{Control, Entry, Intake};
use switchboard_domain::message::ChatKind;
use switchboard_ports::conversations::Arrival;
use tokio::sync::Semaphore;

use super::channel::ChannelHandle;
use super::mapping::may_use;
use super::shared::Shared;

/// Look-ups for the lane at once, over all channels; further acts are obeyed when they are read.
const LOOK_UPS_MAX: usize = 256;

/// Places for look-ups.
pub(crate) struct Lane(Arc<Semaphore>);

impl Default for Lane {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOOK_UPS_MAX)))
    }
}

/// Wakes a conversation for a new entry, whose author may stop what runs there.
pub(super) fn wake_for(shared: &Arc<Shared>, key: &ConversationKey, intake: &Intake, seq: Seq) {
    let id = key.id();
    stop(shared, &id, intake, seq);
    super::wake(shared, key.partition(), id);
}

fn stop(shared: &Shared, id: &ConversationId, intake: &Intake, seq: Seq) {
    if let Some(meant) = meant(intake, seq) {
        shared.registry.stop_run(id, meant);
    }
}

/// Wakes a conversation for what arrived.
pub(super) fn wake_for_arrival(
    shared: &Arc<Shared>,
    handle: &Arc<ChannelHandle>,
    arrival: &Arrival,
    entry: Entry,
) {
    let (key, chat, seq) = (&arrival.key, &arrival.chat, entry.seq);
    let id = key.id();
    // Nobody else's answer can be stopped by it.
    if chat.kind == ChatKind::Private || key.member.is_some() {
        stop(shared, &id, &arrival.intake, seq);
        return super::wake_for(shared, key.partition(), id, Some(entry));
    }
    let running = shared.registry.running(&id);
    let meant = running.filter(|running| meant(&arrival.intake, seq).is_some_and(|meant| meant(*running)));
    super::wake_for(shared, key.partition(), id.clone(), Some(entry));
    let Some(meant) = meant else { return };
    let Ok(place) = Arc::clone(&shared.lane.0).try_acquire_owned() else { return };
    let (shared, handle) = (Arc::clone(shared), Arc::clone(handle));
    let (sender, chat) = (arrival.sender.clone(), chat.clone());
    // It holds up no stop: nothing of it has to be kept.
    tokio::spawn(async move {
        let _place = place;
        let bot = handle.bot();
        if may_use(&shared, &bot, &sender, &chat).await == Decision::Allow {
            // No other one: by now the act may have been read, and the next turn begun.
            shared.registry.stop_run(&id, |running| running == meant);
        }
    });
}

/// Which runs an act stops; `None` where it stops nothing.
fn meant(intake: &Intake, seq: Seq) -> Option<impl Fn(Seq) -> bool> {
    let Intake::Control { control, .. } = intake else { return None };
    let answered = match control {
        Control::New | Control::Stop { .. } | Control::Withdraw => None,
        Control::StopAnswer { seq } => Some(*seq),
        Control::Help => return None,
    };
    Some(move |running| answered.map_or(running < seq, |answered| running == answered))
}
