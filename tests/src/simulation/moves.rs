//! The moves of a plan, each made in a running process.

use std::time::Duration;

use switchboard::runtime::operations::Operations;
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_domain::ids::{ChannelId, ConversationKey, MessageId};
use switchboard_domain::inbox::Control;
use switchboard_domain::message::{Chat, ChatKind, Inbound};
use switchboard_domain::outbound::Format;
use switchboard_ports::channels::Channel;
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::Requeued;
use switchboard_ports::messages::{Given, NewMessage};
use switchboard_ports::page::PageRequest;
use switchboard_ports::provider::Pressed;

use super::ledger::Letter;
use super::plan::{CHANNELS, Move, Place};
use super::player::{Player, Work, timestamp};
use crate::fakes::store::{CommitFate, Verb};
use crate::model::{What, words};
use crate::world::{Process, World};

/// The pause before what the store could not do is asked for again.
const AGAIN: Duration = Duration::from_secs(1);

/// Makes a move; what takes time comes back.
pub(super) fn make<'a>(player: &'a Player<'a>, process: &'a Process<'a>, it: &Move) -> Option<Work<'a>> {
    let world = player.world;
    match *it {
        Move::Ask { at, key, files } => ask(player, at, key, files),
        Move::Command { at, text } => command(player, at, text),
        Move::Duplicate { back } => return duplicate(player, back),
        Move::Press { key } => return press(player, key),
        Move::Reset { at } => return Some(Box::pin(control(player, process, at, Control::New, What::New))),
        Move::Stop { at, all } => {
            let what = if all { What::StopAll } else { What::Stop };
            return Some(Box::pin(control(player, process, at, Control::Stop { all }, what)));
        }
        Move::Give { at, key, times } => return Some(Box::pin(give(player, process, at, key, times))),
        Move::Retry => return Some(Box::pin(retry(player, process))),
        Move::Kill { steps, down } => {
            player.down.set(down);
            world.steps.kill_at(Some(steps));
        }
        Move::Shutdown { grace, down } => {
            return Some(Box::pin(async move {
                process.driver.stop(Duration::from_millis(grace)).await;
                player.stop.set(Some(down));
            }));
        }
        Move::Away { verbs } => world.store.away(verbs),
        Move::Hung { verbs } => world.store.hung(verbs),
        Move::Slow { commit } => world.store.slow(Verb::Commit, Duration::from_millis(commit)),
        Move::Doubt { lies, refusals } => doubt(world, lies, refusals),
        Move::StoreBack => store_back(world),
        Move::Users { away } => world.users.away(away),
        Move::Platform { percent } => player.ledger.pages().platform_percent = percent,
        Move::Claims { held } => world.platform.hold_claims(held),
        Move::Cut => world.platform.cut_connections(),
        Move::Refuse { on } => world.platform.refuse_connections(on.then(unreachable)),
        Move::Busy { busy } => {
            return Some(Box::pin(set(player, process, CHANNELS[0], move |it| it.conversation.busy = busy)));
        }
        Move::Switch { channel, on } => {
            return Some(Box::pin(set(player, process, channel, move |it| it.enabled = on)));
        }
        Move::Delete { channel } => return Some(Box::pin(delete(player, process, channel))),
    }
    None
}

/// The store is as it should be.
pub(super) fn store_back(world: &World) {
    world.store.away(&[]);
    world.store.hung(&[]);
    world.store.slow(Verb::Commit, Duration::ZERO);
}

fn doubt(world: &World, lies: u64, refusals: u64) {
    let refused = CommitFate::Refuse(StoreError::Unavailable("as the plan says".to_owned()));
    let fates = (0..lies).map(|_| CommitFate::Lie).chain((0..refusals).map(|_| refused.clone()));
    world.store.fates(fates);
    world.store.lie_about_accepts(u32::try_from(lies).expect("few"));
}

fn ask(player: &Player<'_>, at: Place, key: u64, files: u64) {
    let text = format!("{} please", words::name(key));
    let sources: Vec<_> = (0..files).map(|number| format!("{key} {number}")).collect();
    let sources: Vec<_> = sources.iter().map(String::as_str).collect();
    let message = inbound(player.world, at, &format!("m{key}"), &text, &sources);
    say(player, at, message, What::Question { key });
}

fn say(player: &Player<'_>, at: Place, message: Inbound, what: What) {
    let (plan, ledger) = (player.plan, player.ledger);
    let act = ledger.act(message.id.as_str(), at.chat(), at.conversation(plan.scope), what, true);
    let due = Some(ledger.now());
    ledger.pages().letters.push(Letter { message, channel: at.channel, act, due });
}

fn command(player: &Player<'_>, at: Place, text: &'static str) {
    let what = match text {
        "/new" => What::New,
        "/stop" => What::Stop,
        "/stop all" => What::StopAll,
        _ => What::Command,
    };
    let id = format!("c{}", player.ledger.pages().made);
    say(player, at, inbound(player.world, at, &id, text, &[]), what);
}

fn inbound(world: &World, at: Place, id: &str, text: &str, files: &[&str]) -> Inbound {
    let mentioned = at.group.then_some(true);
    Inbound { id: MessageId::new(id), chat: chat(at), mentioned, ..world.message_with(at.who, text, files) }
}

fn chat(at: Place) -> Chat {
    let kind = if at.group { ChatKind::Group } else { ChatKind::Private };
    Chat { id: at.chat(), kind, title: None }
}

fn key(player: &Player<'_>, at: Place) -> ConversationKey {
    let channel = ChannelId::new(at.channel);
    ConversationKey { channel, chat: at.chat(), member: at.member(player.plan.scope) }
}

fn duplicate<'a>(player: &'a Player<'a>, back: u64) -> Option<Work<'a>> {
    let (channel, message) = {
        let pages = player.ledger.pages();
        let letter = pages.letters.iter().rev().nth(usize::try_from(back).expect("few"))?;
        (ChannelId::new(letter.channel), letter.message.clone())
    };
    let id = message.id.clone();
    let push = player.world.platform.push_to(&channel, message)?;
    Some(Box::pin(async move {
        let ack = push.await;
        player.ledger.note(format!("{id}, once more: {ack:?}"));
    }))
}

fn press<'a>(player: &'a Player<'a>, key: u64) -> Option<Work<'a>> {
    let (id, chat, conversation, who) = {
        let pages = player.ledger.pages();
        let act = pages.acts.iter().find(|act| act.key() == Some(key))?;
        let letter = pages.letters.iter().find(|letter| letter.message.id.as_str() == act.id)?;
        (act.id.clone(), act.chat.clone(), act.conversation.clone(), letter.message.sender.name.clone())
    };
    let press = player.world.platform.press(&MessageId::new(&id), &who)?;
    let name = format!("press on {id}, {}", player.ledger.pages().made);
    let act = player.ledger.act(&name, chat, conversation, What::StopAnswer { of: id }, false);
    Some(Box::pin(async move {
        let pressed = press.await;
        player.ledger.note(format!("{name}: {pressed:?}"));
        if pressed == Pressed::Stored {
            player.ledger.acked(act);
        }
    }))
}

async fn control(player: &Player<'_>, process: &Process<'_>, at: Place, control: Control, what: What) {
    let ledger = player.ledger;
    let name = format!("control {}", ledger.pages().made);
    let act = ledger.act(&name, at.chat(), at.conversation(player.plan.scope), what, false);
    let done = process.driver.control(&key(player, at).id(), control).await;
    ledger.note(format!("{name}: {done:?}"));
    if done.is_ok_and(|done| done) {
        ledger.acked(act);
    }
}

async fn give(player: &Player<'_>, process: &Process<'_>, at: Place, number: u64, times: u64) {
    let id = format!("msg_{number}");
    player.ledger.pages().given.push((id.clone(), number, at.chat()));
    for _ in 0..times {
        let message = NewMessage {
            id: MessageId::new(&id),
            key: key(player, at),
            chat: chat(at),
            person: (!at.group).then(|| at.who.to_owned()),
            text: words::answer(number, 0, 3).join(" "),
            format: Format::Text,
            fingerprint: String::new(),
        };
        let given = process.driver.send(message).await;
        let told = given.map(|given| given.map(|given| matches!(given, Given::Now { .. })));
        player.ledger.note(format!("{id} is given in: new {told:?}"));
    }
}

async fn retry(player: &Player<'_>, process: &Process<'_>) {
    let page = PageRequest { limit: 50, after: None };
    let listed = player.world.stores().failures.list(&page).await.expect("failures").items;
    let is_open = |channel: &str| !player.ledger.pages().deleted.contains_key(channel);
    let Some(newest) = listed.into_iter().find(|it| it.retried_at.is_none() && is_open(it.channel.as_str()))
    else {
        return;
    };
    let message = newest.failure.message.clone();
    {
        let mut pages = player.ledger.pages();
        if let Some(act) = pages.acts.iter_mut().find(|act| act.id == message.as_str()) {
            act.retries += 1;
        }
    }
    let retried = process.driver.retry(&newest.id).await;
    player.ledger.note(format!(
        "{message} is retried: {:?}",
        retried.as_ref().map(|it| it.as_ref().map(|it| it.outcome))
    ));
    if let Ok(Some(retried)) = retried
        && let Requeued::Now(seq) = retried.outcome
    {
        let retry = player
            .ledger
            .pages()
            .acts
            .iter()
            .find(|act| act.id == message.as_str())
            .map_or(1, |act| act.retries);
        player.ledger.retried(&newest.conversation, seq, &message, retry);
    }
}

fn unreachable() -> CloseCause {
    CloseCause::Failed { code: ErrorCode::NetworkUnreachable, detail: String::new(), retry_after: None }
}

async fn set(
    player: &Player<'_>,
    process: &Process<'_>,
    channel: &'static str,
    change: impl FnOnce(&mut Channel),
) {
    let id = ChannelId::new(channel);
    let channels = &player.world.stores().channels;
    let Some(mut stored) = channels.find(&id).await.expect("channels") else { return };
    let version = stored.version;
    change(&mut stored);
    stored.updated_at = timestamp(player.world);
    channels.update(&stored, version).await.expect("a change");
    let taken = process.driver.channel_changed(&id).await;
    player.ledger.note(format!("{channel} is changed: {taken:?}"));
}

/// Deletes a channel as the API does, and again until it is done.
pub(super) async fn delete(player: &Player<'_>, process: &Process<'_>, channel: &'static str) {
    let ledger = player.ledger;
    let is_new = ledger.pages().deleted.insert(channel, false).is_none();
    if is_new {
        ledger.act(
            &format!("deletion of {channel}"),
            String::new(),
            format!("{channel}/"),
            What::Delete,
            false,
        );
    }
    let id = ChannelId::new(channel);
    loop {
        let withdrawn = process.driver.withdraw(&id).await;
        ledger.note(format!("{channel} is withdrawn: {withdrawn:?}"));
        if withdrawn.is_ok() {
            break;
        }
        process.wait(AGAIN).await;
    }
    player.world.stores().channels.delete(&id).await.expect("channels");
    let taken = process.driver.channel_changed(&id).await;
    ledger.note(format!("{channel} is deleted: {taken:?}"));
    ledger.pages().deleted.insert(channel, true);
}
