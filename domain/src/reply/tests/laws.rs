//! What holds for every run of a reply.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::super::state::{Call, State};
use super::super::{
    CallNumber, CardCall, CardOutcome, DELIVERY_AGE_MAX, Effect, Effects, Event, PartOutcome, Progress,
    Reason, Reply,
};
use super::{Bench, CODE, START, facts};
use crate::settings::Locale;
use crate::snapshot::{PartStatus, ReplyStateSnapshot};

#[derive(Debug, Clone, Copy)]
enum Step {
    Admitted,
    Grew(usize),
    /// A tool of this number is at work.
    Progressed(u8),
    Parked,
    Ended(bool),
    Anew,
    /// Something of a call, so many numbers before the last one.
    Granted(u32),
    CardDone(u32, CardOutcome),
    PartDone(u32, PartOutcome),
    /// The outcome of a call there never was.
    Invented,
    Restart(bool),
    Pass(Duration),
    Stall(Duration),
    ToDeadline,
}

fn any_pause() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(Duration::ZERO), (0..100_000_u64).prop_map(Duration::from_millis)]
}

fn any_card() -> impl Strategy<Value = CardOutcome> {
    prop_oneof![
        4 => Just(CardOutcome::Done),
        1 => Just(CardOutcome::AlreadyFinished),
        1 => Just(CardOutcome::Missing),
        1 => any_pause().prop_map(|retry_after| CardOutcome::Throttled { retry_after }),
        2 => Just(CardOutcome::NotSent),
        2 => Just(CardOutcome::Unknown),
        1 => Just(CardOutcome::Refused(CODE)),
    ]
}

fn any_part() -> impl Strategy<Value = PartOutcome> {
    prop_oneof![
        3 => Just(PartOutcome::Sent),
        1 => any_pause().prop_map(|retry_after| PartOutcome::Throttled { retry_after }),
        1 => Just(PartOutcome::NotSent),
        1 => Just(PartOutcome::Unknown),
        1 => Just(PartOutcome::Refused(CODE)),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let back = || prop_oneof![8 => Just(0_u32), 1 => 1..4_u32];
    prop_oneof![
        2 => Just(Step::Admitted),
        4 => (0..60_usize).prop_map(Step::Grew),
        2 => any::<u8>().prop_map(Step::Progressed),
        1 => Just(Step::Parked),
        1 => any::<bool>().prop_map(Step::Ended),
        1 => Just(Step::Anew),
        8 => back().prop_map(Step::Granted),
        8 => (back(), any_card()).prop_map(|(back, outcome)| Step::CardDone(back, outcome)),
        4 => (back(), any_part()).prop_map(|(back, outcome)| Step::PartDone(back, outcome)),
        1 => Just(Step::Invented),
        1 => any::<bool>().prop_map(Step::Restart),
        1 => any_pause().prop_map(Step::Pass),
        1 => (0..8_000_000_u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        1 => (0..8_000_000_u64).prop_map(|millis| Step::Stall(Duration::from_millis(millis))),
        5 => Just(Step::ToDeadline),
    ]
}

/// The reply as somebody outside sees it.
#[derive(Debug, Default)]
struct Outside {
    /// Numbers of this process.
    numbers: BTreeSet<CallNumber>,
    /// Words that went out, or may have, as text.
    maybe_sent: BTreeSet<String>,
    attempted: Option<String>,
    words: usize,
    /// Since the process ends: what its card was told.
    parted: Option<u32>,
}

/// Of the sentence that says that the process ends.
const PARTING: &str = "restarting";

impl Outside {
    fn see(&mut self, effects: &Effects, reply: &Reply) {
        for effect in &effects.list {
            match effect {
                Effect::Claim { call, .. } => assert!(self.numbers.insert(*call), "number {call} twice"),
                Effect::Card { card: CardCall::Finish { text, .. }, .. } => {
                    assert_eq!(Some(text), last_text(reply).as_ref(), "R9: closed with another text");
                    assert!(!text.contains("lathe"), "a status that stays: {text:?}");
                    assert!(!text.contains(PARTING), "a sentence that stays: {text:?}");
                }
                Effect::Send { text, .. } => {
                    assert!(!self.maybe_sent.contains(text), "R10: {text:?} again");
                    assert!(!text.contains("lathe"), "a status that stays: {text:?}");
                    assert!(!text.contains(PARTING), "a sentence that stays: {text:?}");
                    self.attempted = Some(text.clone());
                }
                Effect::Card { card: CardCall::Update { text }, .. } => {
                    assert_eq!(text.contains(PARTING), self.parted.is_some(), "{text:?}");
                    assert!(text.chars().count() <= reply.facts().limits.card_chars_max, "{text:?}");
                    self.parted = self.parted.map(|told| told + 1);
                    assert!(self.parted.is_none_or(|told| told <= 1), "told twice that the process ends");
                }
                Effect::Card { card: CardCall::Open { .. }, .. } => {
                    assert!(self.parted.is_none() || reply.is_ended(), "a card made by a process that ends");
                }
                Effect::Fail { .. } | Effect::Tell(_) | Effect::Note(_) => {}
            }
        }
    }

    /// What became of the part on its way.
    fn settle(&mut self, outcome: Option<PartOutcome>) {
        let Some(text) = self.attempted.take() else { return };
        match outcome {
            None | Some(PartOutcome::Sent | PartOutcome::Unknown) => drop(self.maybe_sent.insert(text)),
            Some(PartOutcome::NotSent | PartOutcome::Throttled { .. } | PartOutcome::Refused(_)) => {}
        }
    }
}

fn last_text(reply: &Reply) -> Option<String> {
    match reply.snapshot()?.state {
        ReplyStateSnapshot::Finishing { text, .. } => Some(text),
        ReplyStateSnapshot::Plain { pointer, .. } => pointer.map(|pointer| pointer.text),
    }
}

fn step(bench: &mut Bench, step: Step, outside: &mut Outside) {
    let call = |bench: &Bench, back| bench.reply.calls.saturating_sub(back);
    match step {
        Step::Admitted => offer(bench, Event::Admitted, outside),
        Step::Grew(count) => {
            let words = outside.words..outside.words + count;
            outside.words = words.end;
            let words: Vec<_> = words.map(|word| format!("w{word}")).collect();
            offer(bench, Event::Grew { text: words.join(" ") + " " }, outside)
        }
        Step::Progressed(tool) => {
            offer(bench, Event::Progressed { what: Progress::Tool(format!("lathe{tool}")) }, outside)
        }
        Step::Ended(failed) => offer(bench, Event::Ended { suffix: Some("End.".into()), failed }, outside),
        Step::Parked => {
            let told = offer(bench, Event::Parked, outside);
            if told {
                outside.parted = Some(0);
            }
            told
        }
        Step::Anew => {
            bench.reply.begin_anew();
            outside.parted = None;
            true
        }
        Step::Granted(back) => offer(bench, Event::Granted { call: call(bench, back) }, outside),
        Step::CardDone(back, outcome) => {
            offer(bench, Event::CardDone { call: call(bench, back), outcome }, outside)
        }
        Step::PartDone(back, outcome) => {
            let mut sent = std::mem::take(outside);
            let taken = {
                let event = Event::PartDone { call: call(bench, back), outcome };
                let before = sent.attempted.clone();
                if bench.clone().offer(event.clone()).is_ok() {
                    sent.settle(Some(outcome));
                } else {
                    sent.attempted = before;
                }
                offer(bench, event, &mut sent)
            };
            *outside = sent;
            taken
        }
        Step::Invented => {
            let call = bench.reply.calls + 1;
            let refused = bench.offer(Event::CardDone { call, outcome: CardOutcome::Done });
            assert!(refused.expect_err("no such call").is_alarm());
            true
        }
        Step::Restart(gated) => restart(bench, gated, outside),
        Step::Pass(span) => pass(bench, span, outside),
        Step::Stall(span) => stall(bench, span, outside),
        Step::ToDeadline => {
            let due = bench.reply.deadline().map_or(Duration::ZERO, |deadline| deadline.at.since(bench.now));
            pass(bench, due, outside)
        }
    };
    holds(bench);
}

fn offer(bench: &mut Bench, event: Event, outside: &mut Outside) -> bool {
    let before = bench.reply.clone();
    let mut twin = bench.clone();
    let result = bench.offer(event.clone());
    assert_eq!(twin.offer(event), result);
    assert_eq!(twin.reply, bench.reply);
    match &result {
        Ok(effects) => outside.see(effects, &bench.reply),
        Err(_) => assert_eq!(bench.reply, before, "rejected, but changed"),
    }
    result.is_ok()
}

fn pass(bench: &mut Bench, span: Duration, outside: &mut Outside) -> bool {
    let before = bench.reply.clone();
    let effects = bench.pass(span);
    if before.deadline().is_none_or(|deadline| deadline.at > bench.now) {
        assert_eq!((&bench.reply, &effects), (&before, &Effects::default()), "something before the deadline");
    } else if bench.sent().is_none() {
        // An outcome that never came counts as unknown.
        outside.settle(None);
    }
    if let Some(next) = bench.reply.deadline() {
        assert!(next.at > bench.now, "still due: {next:?}");
    }
    let after = bench.reply.clone();
    assert_eq!(bench.reply.expire(bench.now), Effects::default());
    assert_eq!(bench.reply, after, "twice is more than once");
    outside.see(&effects, &bench.reply);
    true
}

/// A wait for the store moves what others owe, and the hour of tries, by its length; pauses and updates are due as before.
fn stall(bench: &mut Bench, span: Duration, outside: &mut Outside) -> bool {
    let before = bench.reply.clone();
    let mut twice = bench.reply.clone();
    bench.now = bench.now.after(span);
    bench.reply.stalled(span);
    let half = Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or_default() / 2);
    twice.stalled(half);
    twice.stalled(span.saturating_sub(half));
    assert_eq!(twice, bench.reply, "two waits are one of their length");
    assert_eq!((bench.reply.phase(), bench.reply.draft()), (before.phase(), before.draft()));
    let (Some(was), Some(is)) = (before.deadline(), bench.reply.deadline()) else {
        assert_eq!(bench.reply, before, "nothing is owed by a reply that is done");
        return true;
    };
    if matches!(was.reason, Reason::Update | Reason::Retry) {
        assert_eq!(is, was);
    } else if was.reason == is.reason {
        assert_eq!(is.at, was.at.after(span));
    } else {
        assert!(matches!(is.reason, Reason::Update | Reason::Retry) && is.at >= was.at, "{was:?} {is:?}");
    }
    pass(bench, Duration::ZERO, outside)
}

/// A restart, where there is something to come back to.
fn restart(bench: &mut Bench, gated: bool, outside: &mut Outside) -> bool {
    if bench.reply.snapshot().is_none() {
        return false;
    }
    outside.settle(None);
    outside.numbers.clear();
    *bench = bench.restarted();
    let gate = gated.then(|| bench.now.after(Duration::from_secs(10)));
    offer(bench, Event::Resumed { gate }, outside)
}

fn holds(bench: &Bench) {
    let reply = &bench.reply;
    if let Some(kept) = reply.snapshot() {
        assert!(!format!("{kept:?}").contains("lathe"), "a status that is kept: {kept:?}");
        let back = Reply::restore(kept.clone(), reply.facts().limits, Locale::En);
        assert_eq!(back.snapshot(), Some(kept));
    }
    assert_eq!(reply.is_done(), reply.deadline().is_none(), "a reply that is not done has a deadline");
    let moves = match reply.state.call() {
        Call::Claimed { .. } | Call::Sent { .. } | Call::Paused { .. } => true,
        Call::Idle => false,
    };
    assert!(
        moves || !reply.is_ended() || reply.is_done() || reply.gate().is_some(),
        "it stands still: {reply:?}"
    );
    if let State::Plain(plain) = &reply.state {
        let attempting = plain.parts.iter().filter(|part| part.status == PartStatus::Attempting);
        assert!(attempting.count() <= 1, "R12: one part at a time");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_its_end_and_time_bring_a_reply_to_rest(
        cards in prop::bool::weighted(0.8),
        resumed in any::<bool>(),
        address in prop::option::of(any_pause()),
        steps in prop::collection::vec(any_step(), 0..80),
    ) {
        let until = address.map(|span| START.after(span));
        let mut bench = Bench::answering(facts(cards, until), resumed);
        let mut outside = Outside::default();
        for it in steps {
            step(&mut bench, it, &mut outside);
        }
        step(&mut bench, Step::Ended(false), &mut outside);
        let ended = bench.now;
        while bench.reply.deadline().is_some() {
            step(&mut bench, Step::ToDeadline, &mut outside);
        }
        prop_assert!(bench.reply.is_done());
        // It may fall back from its card once on the way, and wait for a call.
        prop_assert!(bench.now.since(ended) <= 3 * DELIVERY_AGE_MAX);
    }
}
