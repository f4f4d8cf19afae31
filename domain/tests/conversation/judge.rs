//! The naive reference: looks at what was stored and what people see, and knows no machine.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_domain::ids::Seq;
use switchboard_domain::inbox::{Control, Entry, Intake};
use switchboard_domain::outbound::MessageState;
use switchboard_domain::outcome::{FailureCause, Outcome, Refusal};
use switchboard_domain::reply::{CardCall, GATE_WAIT_MAX, SESSION_ADDRESS_MARGIN, Way};
use switchboard_domain::session::ATTEMPTS_MAX;
use switchboard_domain::snapshot::{PartStatus, ReplyId, ReplyRole, ReplySnapshot, ReplyStateSnapshot, Role};

use super::platform::Message;
use super::shell::World;
use super::walk::STATUS;

/// R9: a call that closes a card is made only from a committed reply with that very text.
pub(crate) fn card_call_is_allowed(world: &World, reply: ReplyId, card: &CardCall) {
    let CardCall::Finish { text, .. } = card else { return };
    let committed = match &committed(world, reply).expect("a finish of something never committed").state {
        ReplyStateSnapshot::Finishing { text, .. } => text.clone(),
        ReplyStateSnapshot::Plain { pointer, .. } => pointer.as_ref().expect("a pointer").text.clone(),
    };
    assert_eq!(*text, committed, "R9: a card is closed with another text than the committed one");
}

/// R10: a plain message goes out after the commit that says so, and never a second time. R13: not to an old address.
pub(crate) fn send_is_allowed(world: &World, reply: ReplyId, text: &str, way: Way) {
    let committed = committed(world, reply).expect("R10: no commit");
    let ReplyStateSnapshot::Plain { parts, .. } = &committed.state else {
        panic!("R10: a plain message of a reply committed as a card");
    };
    let attempting = parts.iter().any(|part| part.status == PartStatus::Attempting && part.text == text);
    assert!(attempting, "R10: not committed as attempting: {text:?}");
    assert!(!world.ledger.maybe_sent.contains(&(reply, text.to_owned())), "R10: sent again: {text:?}");
    if way == Way::SessionAddress {
        let address = committed.target.session_address.as_ref().expect("an address");
        // Its own, or that of a message whose words went with it.
        let from = |it: &Entry| it.seq >= reply.seq && it.session_address.as_ref() == Some(address);
        assert!(world.store.entries.iter().any(from), "R13: somebody else's address");
        assert!(world.decided_at.after(SESSION_ADDRESS_MARGIN) < address.until, "R13: too old an address");
    }
}

/// R12: while an earlier answer has not made its last call, a later one shows nothing before its wait is over.
pub(crate) fn order_is_kept(world: &World, reply: ReplyId) {
    if reply.role != ReplyRole::Answer {
        return;
    }
    for earlier in world.process.conversation.replies() {
        let id = earlier.facts().id;
        if id.role != ReplyRole::Answer || id.seq >= reply.seq {
            continue;
        }
        let ended =
            world.process.ended.get(&id).expect("R12: a later answer while an earlier one is written");
        let since = (*ended).max(world.process.began_at);
        assert!(
            world.now >= since.after(GATE_WAIT_MAX),
            "R12: {reply:?} shows something before {id:?} is done"
        );
    }
}

/// R9: after the commit of a turn's end the agent is never asked again for it; and nothing leaks over `/new`.
pub(crate) fn ask_is_allowed(world: &World, seq: Seq) {
    assert_eq!(world.store.outcomes.get(&seq), None, "R9: asked again after the end of {seq}");
    for later in world.store.entries.iter().filter(|entry| entry.seq > seq) {
        let Intake::Control { control, .. } = later.intake else { continue };
        let ends_all = matches!(control, Control::New | Control::Withdraw | Control::Stop { all: true });
        let applied = world.store.outcomes.contains_key(&later.seq);
        assert!(!(ends_all && applied), "R3: {seq} is asked although {control:?} was carried out");
    }
    let session = world.process.conversation.session();
    assert_eq!(session.number().0, world.store.session_of(seq), "asked in another session than written in");
    if let Some(handle) = session.resume() {
        let kept = world.store.snapshot.as_ref().and_then(|snapshot| snapshot.session.run.as_ref());
        let kept = kept.expect("a run is gone on with that no commit knows");
        assert_eq!((kept.seq, kept.handle.as_str()), (seq, handle), "another turn's run is gone on with");
    }
    // Where a stopped run goes on from has the run's own name.
    if let Some(of) = session.continuation().and_then(|continuation| continuation.strip_prefix('c')) {
        let of: u64 = of.parse().expect("a continuation of ours");
        assert_eq!(world.store.session_of(Seq(of)), world.store.session_of(seq), "context leaks over /new");
    }
}

/// Its words went into the turn of a question before it, and people see nothing else of it.
fn goes_with_another(world: &World, seq: Seq) {
    assert_eq!(world.ledger.asked.get(&seq), None, "{seq} is asked by itself");
    let earlier =
        world.store.entries.iter().filter(|it| it.seq < seq && matches!(it.intake, Intake::Ask { .. }));
    assert!(earlier.count() > 0, "{seq} goes with nothing");
    assert!(world.store.transcript.iter().all(|line| line.seq != seq), "{seq} has a line of its own");
    the_card_is_closed(world, seq);
}

fn committed(world: &World, reply: ReplyId) -> Option<&ReplySnapshot> {
    world.store.snapshot.as_ref()?.replies.iter().find(|it| it.id == reply)
}

/// What must be true once all is quiet.
pub(crate) fn judge(world: &World) {
    for entry in &world.store.entries {
        let outcome = *world.store.outcomes.get(&entry.seq).expect("a message without an end");
        match entry.intake {
            Intake::Ask { .. } if outcome == Outcome::Joined => goes_with_another(world, entry.seq),
            Intake::Ask { .. } => {
                every_word_once(world, entry.seq, outcome);
                the_card_is_closed(world, entry.seq);
                asked_a_bounded_number_of_times(world, entry.seq, outcome);
            }
            Intake::Deliver { ref text } => {
                delivered_once(world, entry.seq, outcome, text);
                the_card_is_closed(world, entry.seq);
            }
            Intake::Send { ref text, .. } => told_truly(world, entry.seq, outcome, text),
            Intake::Lookup(_) => {
                let is_full = outcome == Outcome::Refused(Refusal::InboxFull);
                assert!(is_full || matches!(outcome, Outcome::Answered | Outcome::Cancelled), "{outcome:?}");
            }
            Intake::Control { .. } => assert_eq!(outcome, Outcome::Answered),
            Intake::Refused(refusal) => assert_eq!(outcome, Outcome::Refused(refusal)),
        }
    }
    for line in &world.store.transcript {
        assert_eq!(line.session.0, world.store.session_of(line.seq), "a line in another session: {line:?}");
        let wanted = world.store.transcript.iter().filter(|it| it.seq == line.seq && it.role == line.role);
        assert_eq!(wanted.count(), 1, "a line twice: {line:?}");
    }
    messages_come_in_order(world);
    nothing_late_is_seen(world);
    no_status_is_left(world);
    no_message_twice(world);
}

/// Words of the agent, as `walk` makes them: `k1q2`.
pub(crate) fn words(text: &str) -> Vec<String> {
    let is_word = |word: &&str| {
        word.strip_prefix('k')
            .and_then(|rest| rest.split_once('q'))
            .is_some_and(|(run, word)| run.parse::<u32>().is_ok() && word.parse::<u32>().is_ok())
    };
    text.split_whitespace().filter(is_word).map(str::to_owned).collect()
}

/// What people see of an answer: its card, if it is closed, then its messages.
fn seen(world: &World, seq: Seq) -> Vec<String> {
    let card = world.platform.cards.get(&world.store.card_of(seq)).filter(|card| card.finished);
    let mut seen = card.map(|card| words(&card.text)).unwrap_or_default();
    for message in world.platform.messages.iter().filter(|message| message.reply.seq == seq) {
        seen.extend(words(&message.text));
    }
    seen
}

fn every_word_once(world: &World, seq: Seq, outcome: Outcome) {
    let seen = seen(world, seq);
    let mut counts = BTreeMap::<&String, u32>::new();
    for word in &seen {
        *counts.entry(word).or_default() += 1;
    }
    assert!(counts.values().all(|count| *count == 1), "seen twice for {seq}: {seen:?}");
    let said = world.store.transcript.iter().find(|line| line.seq == seq && line.role == Role::Assistant);
    let said = said.map(|line| words(&line.text)).unwrap_or_default();
    if outcome == Outcome::Answered {
        assert!(!said.is_empty(), "answered without a word");
    }
    let undelivered =
        [FailureCause::DeliveryRefused, FailureCause::DeliveryUnknown, FailureCause::CardAbandoned];
    if undelivered.iter().any(|cause| world.store.failed_with(seq, *cause)) {
        assert!(seen.iter().all(|word| said.contains(word)), "seen, but not in the transcript: {seen:?}");
    } else {
        assert_eq!(seen, said, "what people see of {seq} is not what was said");
    }
    if let Outcome::Failed(cause) = outcome {
        assert!(world.store.failed_with(seq, cause), "a failure without a record");
    }
}

/// Words that did not arrive, and were delivered again: once, without asking anybody.
fn delivered_once(world: &World, seq: Seq, outcome: Outcome, text: &str) {
    let seen = seen(world, seq);
    let once: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(once.len(), seen.len(), "seen twice for {seq}: {seen:?}");
    assert_eq!(world.ledger.asked.get(&seq), None, "asked for an answer that there was");
    let wanted = if outcome == Outcome::Answered { words(text) } else { Vec::new() };
    if world.store.failures.iter().any(|failed| failed.seq == seq) {
        assert!(seen.iter().all(|word| wanted.contains(word)), "seen, and not to be delivered: {seen:?}");
    } else {
        assert_eq!(seen, wanted, "what people see of {seq} is not what was to be delivered");
    }
    assert!(!world.store.transcript.iter().any(|line| line.seq == seq), "told a second time");
}

/// The record of a message says no more than is true.
fn told_truly(world: &World, seq: Seq, outcome: Outcome, text: &str) {
    let record = &world.store.records[&world.store.entry(seq).message];
    let (seen, wanted) = (seen(world, seq), words(text));
    match (outcome, record.state()) {
        (Outcome::HandedOver, MessageState::Sent) => assert_eq!(seen, wanted, "{seq} is said to be sent"),
        (Outcome::HandedOver, MessageState::Failed | MessageState::Unknown) => {
            assert!(seen.iter().all(|word| wanted.contains(word)), "{seq}: {seen:?}");
        }
        (Outcome::Refused(Refusal::ChannelDeleted), MessageState::Failed) => assert!(seen.is_empty()),
        other => panic!("{seq} ended as {other:?}"),
    }
    assert!(!world.store.failures.iter().any(|failed| failed.seq == seq), "told in two places");
    let by_api = |message: &&Message| message.reply.seq == seq && message.way != Way::Api;
    assert_eq!(world.platform.messages.iter().find(by_api), None, "by a way that takes a question");
}

fn messages_come_in_order(world: &World) {
    let messages = world.platform.messages.iter();
    let sent: Vec<_> =
        messages.filter(|it| it.reply.role == ReplyRole::Message).map(|it| it.reply.seq).collect();
    assert!(sent.is_sorted(), "{sent:?}");
}

fn the_card_is_closed(world: &World, seq: Seq) {
    let Some(card) = world.platform.cards.get(&world.store.card_of(seq)) else { return };
    let recorded = world.store.failed_with(seq, FailureCause::CardAbandoned);
    assert!(card.finished || recorded, "the card of {seq} is left at {:?}", card.text);
}

fn asked_a_bounded_number_of_times(world: &World, seq: Seq, outcome: Outcome) {
    // Each begin may be tried again once; graceful stops are not counted and stay out of this bound.
    let begins = ATTEMPTS_MAX + 1 + world.ledger.parks;
    let asked = world.ledger.asked.get(&seq).copied().unwrap_or_default();
    assert!(asked <= 2 * begins, "{seq} was asked {asked} times");
    if outcome == Outcome::Failed(FailureCause::CrashLoop) {
        assert!(world.ledger.crashes >= ATTEMPTS_MAX, "given up after {} crashes", world.ledger.crashes);
    }
}

fn nothing_late_is_seen(world: &World) {
    let cards = world.platform.cards.values().map(|card| card.text.as_str());
    let messages = world.platform.messages.iter().map(|message| message.text.as_str());
    for word in cards.chain(messages).flat_map(words) {
        assert!(!world.ledger.late_words.contains(&word), "{word} was said after its turn had ended");
    }
}

/// What an agent did besides is in nothing that stays.
fn no_status_is_left(world: &World) {
    let cards = world.platform.cards.values().filter(|card| card.finished).map(|card| card.text.as_str());
    let messages = world.platform.messages.iter().map(|message| message.text.as_str());
    let transcript = world.store.transcript.iter().map(|line| line.text.as_str());
    for text in cards.chain(messages).chain(transcript) {
        assert!(!text.contains(STATUS), "a status that stayed: {text:?}");
        assert!(!text.contains("restarting"), "a sentence about a restart that stayed: {text:?}");
    }
}

fn no_message_twice(world: &World) {
    let mut seen = BTreeSet::new();
    for message in &world.platform.messages {
        assert!(seen.insert((message.reply, &message.text)), "seen twice: {message:?}");
    }
}
