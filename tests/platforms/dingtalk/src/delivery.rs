//! Robot callbacks on their way: payload, routing, acknowledgement clock, redelivery (dingtalk §2.6, §2.9).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::connections;
use crate::gateway::TOPIC_ROBOT;
use crate::payload::payload;
use crate::push::{ChatKind, Push, PushError, PushHandle, QuotaShape};
use crate::records::{Delivery, DeliveryCause, PushedMessage};
use crate::routing::{self, Outgoing};
use crate::state::{Inner, State};
use crate::timeline::ItemContent;

/// Deliveries of one message remembered; the platform gives up beyond.
const DELIVERIES_MAX: usize = 1_000;

/// Accepts a message, delivers it, and keeps repeating it as the knobs say.
pub(crate) fn accept(inner: &Arc<Inner>, push: Push) -> Result<PushHandle, PushError> {
    accept_marked(inner, push, None)
}

/// The same for a message of a type fuzz, whose marker (its number) a robot repeats.
pub(crate) fn accept_marked(
    inner: &Arc<Inner>,
    push: Push,
    marker: Option<u64>,
) -> Result<PushHandle, PushError> {
    let handle = inner.change(|state| {
        let handle = admit(state, push)?;
        let now_ms = state.now_ms();
        // Accounted for from here on, whether or not it is ever delivered.
        state.fuzz.pushed(now_ms, &handle, marker);
        deliver(state, &handle.msg_id, DeliveryCause::First);
        let rate = state.knobs.duplicate_rate;
        if state.chance(rate) {
            deliver(state, &handle.msg_id, DeliveryCause::Duplicate);
        }
        Ok::<_, PushError>(handle)
    })?;
    inner.runtime.spawn(keep_repeating(Arc::clone(inner), handle.msg_id.clone()));
    Ok(handle)
}

/// Accepts a message of a load run and delivers it once; whoever runs the load repeats it.
pub(crate) fn accept_once(state: &mut State, push: Push) -> Result<(), PushError> {
    let handle = admit(state, push)?;
    deliver(state, &handle.msg_id, DeliveryCause::First);
    Ok(())
}

/// Delivers a message of a load run again, since nobody acknowledged it.
pub(crate) fn repeat(state: &mut State, msg_id: &str) {
    deliver(state, msg_id, DeliveryCause::Redelivery);
}

/// Delivers a known message once more under a new header id.
pub(crate) fn duplicate(inner: &Inner, msg_id: &str) -> bool {
    inner.change(|state| {
        let known = state.observed.message(msg_id).is_some();
        if known {
            deliver(state, msg_id, DeliveryCause::Duplicate);
        }
        known
    })
}

async fn keep_repeating(inner: Arc<Inner>, msg_id: String) {
    loop {
        let after_ms = inner.look(|state| state.knobs.redelivery_after_ms);
        tokio::select! {
            biased;
            () = inner.root.cancelled() => return,
            () = sleep(Duration::from_millis(after_ms)) => {}
        }
        let over = inner.change(|state| {
            let repeats_max = state.knobs.redelivery_max;
            let Some(message) = state.observed.message_mut(&msg_id) else {
                // It left the log: nobody is there to be repeated.
                state.fuzz.given_up(&msg_id);
                return true;
            };
            if message.acked.is_some() {
                return true;
            }
            if message.repeats >= repeats_max || message.deliveries.len() >= DELIVERIES_MAX {
                message.given_up = true;
                state.fuzz.given_up(&msg_id);
                return true;
            }
            message.repeats = message.repeats.saturating_add(1);
            deliver(state, &msg_id, DeliveryCause::Redelivery);
            false
        });
        if over {
            return;
        }
    }
}

/// Makes the message known: sender, conversation, timeline, payload.
fn admit(state: &mut State, mut push: Push) -> Result<PushHandle, PushError> {
    if state.apps.named(&push.app).is_none() {
        return Err(PushError::UnknownApp);
    }
    if push.msg_id.as_deref().is_some_and(|id| state.observed.message(id).is_some()) {
        return Err(PushError::MessageIdUsed);
    }
    if push.origin.nick.is_empty() {
        push.origin.nick = state.nick_of(&push.origin.sender);
    }
    if !push.outsider {
        state.learn_person(&push.origin.sender, &push.origin.nick);
    }
    match push.origin.kind {
        ChatKind::Private if push.origin.conversation.is_empty() => {
            push.origin.conversation = state.private_chat(&push.app, &push.origin.sender);
        }
        ChatKind::Private if !push.outsider => {
            state.learn_private(&push.app, &push.origin.sender, &push.origin.conversation);
        }
        ChatKind::Private => {
            state.conversation(&push.origin.conversation, ChatKind::Private, &push.origin.nick, None);
        }
        ChatKind::Group => state.learn_group(&push.origin.conversation, &push.origin.conversation),
    }
    if state.observed.conversation(&push.origin.conversation).is_none() {
        return Err(PushError::Full);
    }
    let msg_id = push.msg_id.clone().unwrap_or_else(|| format!("msg{}==", state.hex(20)));
    state.pushes = state.pushes.saturating_add(1);
    let pushes_max = state.knobs.pushes_per_month_max;
    if pushes_max > 0 && state.pushes > pushes_max {
        push.quota.get_or_insert(QuotaShape::Err);
    }
    let payload = payload(state, &push, &msg_id)?;
    let conversation = push.origin.conversation.clone();
    let content = ItemContent::User {
        msg_id: Some(msg_id.clone()),
        nick: push.origin.nick.clone(),
        text: payload.text.clone(),
        files: payload.files.clone(),
        quoted: payload.quoted,
    };
    state.appear(&conversation, content);
    let at_ms = state.now_ms();
    state.observed.add_message(PushedMessage {
        msg_id: msg_id.clone(),
        app: push.app,
        conversation: conversation.clone(),
        kind: push.origin.kind,
        sender: (!push.outsider).then_some(push.origin.sender),
        nick: push.origin.nick,
        text: payload.text,
        at_ms,
        deliveries: Vec::new(),
        acked: None,
        repeats: 0,
        given_up: false,
        files: payload.files,
        payload: payload.data.to_string(),
    });
    Ok(PushHandle { msg_id, conversation })
}

/// Sends one delivery to one connection, chosen at random.
fn deliver(state: &mut State, msg_id: &str, cause: DeliveryCause) {
    let Some((app, payload)) =
        state.observed.message(msg_id).map(|message| (message.app.clone(), message.payload.clone()))
    else {
        return;
    };
    let at_ms = state.now_ms();
    let routed = routing::route(state, &app, &Outgoing::callback(TOPIC_ROBOT, &payload));
    if let Some(routed) = &routed {
        connections::note(state, routed.number, |record| {
            record.pushes = record.pushes.saturating_add(1);
        });
        if let Some(message) = state.observed.message_numbers.get(msg_id).copied() {
            state.observed.header_ids.insert(routed.header_id.clone(), message);
        }
    }
    let (header_id, connection) =
        routed.map_or((String::new(), None), |routed| (routed.header_id, Some(routed.connection)));
    if let Some(message) = state.observed.message_mut(msg_id) {
        message.deliveries.push(Delivery {
            header_id,
            connection,
            at_ms,
            cause,
            acked_at_ms: None,
            swallowed: false,
        });
    }
}
