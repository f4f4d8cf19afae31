//! What a card does while its turn runs, and what calls are, told one by one.

use std::time::Duration;

use super::super::{
    CALL_AGE_MAX, CARD_TRIES_MAX, CardOutcome, Effect, Event, GATE_WAIT_MAX, OPEN_WAIT_MAX, PartOutcome,
    RETRY_PAUSE_MAX, Reason, THROTTLE_PAUSE_MIN,
};
use super::{Bench, CODE, facts, shown};
use crate::rejected::Rejected;
use crate::reply::state::{Call, Kind};
use crate::usage::Pace;

const INTERVAL: Duration = Duration::from_millis(800);

#[test]
fn a_card_is_made_shown_sooner_twice_and_then_at_its_own_pace() {
    let mut bench = Bench::new();
    bench.grow("The ");
    bench.tell(Event::Admitted);
    assert_eq!(shown(&bench.call()), ("open", "Thinking..."));
    bench.card(CardOutcome::Done);
    assert_eq!(shown(&bench.call()), ("update", "The "), "the first update is due at once");
    bench.card(CardOutcome::Done);
    for wait in [INTERVAL / 2, INTERVAL, INTERVAL] {
        bench.grow("more ");
        let due = bench.reply.deadline().expect("there is text to show");
        assert_eq!((due.at.since(bench.now), due.reason), (wait, Reason::Update));
        bench.pass_to_deadline();
        bench.call();
        bench.card(CardOutcome::Done);
    }
}

#[test]
fn another_pace_counts_from_the_next_update_on() {
    let mut bench = Bench::streaming();
    bench.grow(" more");
    bench.reply.keep_pace(Pace::FinalOnly);
    assert_eq!(bench.reply.deadline().map(|deadline| deadline.reason), Some(Reason::Age));
    assert_eq!(bench.pass(Duration::from_mins(1)).list, [], "only the whole answer is shown");
    bench.reply.keep_pace(Pace::FewUpdates);
    bench.pass_to_deadline();
    bench.reply.keep_pace(Pace::FinalOnly);
    assert_eq!(shown(&bench.call()), ("update", "some more"), "what was claimed is made");
    bench.card(CardOutcome::Done);
    bench.grow(" and more");
    bench.reply.keep_pace(Pace::Normal);
    let due = bench.reply.deadline().expect("there is text to show");
    assert!(due.reason == Reason::Update && due.at.since(bench.now) <= INTERVAL, "{due:?}");
    bench.reply.keep_pace(Pace::FinalOnly);
    bench.end(None);
    assert_eq!(shown(&bench.call()), ("finish", "some more and more"));
}

#[test]
fn deltas_that_come_while_an_update_is_on_its_way_are_shown_by_the_next_one() {
    let mut bench = Bench::streaming();
    bench.grow(" more");
    bench.pass_to_deadline();
    bench.grow(" and");
    assert_eq!(shown(&bench.call()), ("update", "some more and"), "the text is taken when the call is made");
    bench.grow(" more");
    bench.card(CardOutcome::Done);
    bench.pass_to_deadline();
    assert_eq!(shown(&bench.call()), ("update", "some more and more"));
}

#[test]
fn a_full_card_does_not_look_as_if_it_stood_still() {
    let mut bench = Bench::streaming();
    bench.grow(&" word".repeat(60));
    bench.pass_to_deadline();
    bench.call();
    bench.card(CardOutcome::Done);
    assert_eq!(bench.reply.deadline().map(|deadline| deadline.reason), Some(Reason::Age));
    bench.grow(" and more");
    assert_eq!(bench.reply.deadline().map(|deadline| deadline.reason), Some(Reason::Update));
}

/// It is there, and its card is not: behind the opening of many others, or of an API that is closed for minutes.
#[test]
fn an_answer_that_has_ended_does_not_wait_for_its_card_for_long() {
    let mut bench = Bench::new();
    bench.tell(Event::Admitted);
    bench.grow("all of it");
    bench.end(None);
    assert_eq!(bench.kind(), Some(Kind::Open));
    let due = bench.reply.deadline().unwrap();
    assert_eq!((due.at, due.reason), (bench.now.after(OPEN_WAIT_MAX), Reason::Opening));
    bench.pass(OPEN_WAIT_MAX);
    assert!(matches!(bench.kind(), Some(Kind::Part { .. })), "{:?}", bench.reply);
}

#[test]
fn an_answer_that_had_to_wait_behind_another_gets_its_card_all_the_same() {
    let mut bench = Bench::new();
    bench.grow("all of it");
    bench.end(None);
    bench.now = bench.now.after(OPEN_WAIT_MAX * 4);
    bench.tell(Event::Admitted);
    bench.pass(Duration::ZERO);
    assert_eq!(bench.kind(), Some(Kind::Open));
}

#[test]
fn a_card_that_is_missing_when_it_is_made_is_not_made_for_ever() {
    let mut bench = Bench::new();
    bench.tell(Event::Admitted);
    bench.call();
    bench.grow("all of it");
    bench.end(None);
    bench.card(CardOutcome::Missing);
    assert!(matches!(bench.kind(), Some(Kind::Part { .. })), "{:?}", bench.reply);
}

/// A slow platform must not add to the pauses, and the queue is told how long each card has stood.
#[test]
fn pauses_and_claims_count_from_when_people_saw_something_new() {
    let mut bench = Bench::streaming();
    bench.grow(" more");
    bench.pass_to_deadline();
    bench.call();
    let sent_at = bench.now;
    bench.pass(Duration::from_millis(300));
    bench.card(CardOutcome::Done);
    bench.grow(" and more");
    let due = bench.reply.deadline().unwrap().at;
    assert!(due.since(sent_at) <= bench.reply.facts().limits.update_interval, "{:?}", due.since(sent_at));
    let claimed = bench.pass_to_deadline().list;
    assert!(matches!(claimed[..], [Effect::Claim { since, .. }] if since == sent_at), "{claimed:?}");
}

#[test]
fn after_a_restart_the_first_call_is_an_update_and_a_missing_card_is_made() {
    let mut bench = Bench::answering(facts(true, None), true);
    bench.tell(Event::Admitted);
    assert_eq!(shown(&bench.call()), ("update", "Thinking..."));
    bench.card(CardOutcome::Missing);
    assert_eq!(bench.kind(), Some(Kind::Open));
}

#[test]
fn nothing_is_shown_before_the_reply_is_admitted_or_its_gate_has_come() {
    let mut bench = Bench::new();
    bench.grow("early");
    assert_eq!(bench.end(None).list, []);
    assert_eq!(bench.pass(GATE_WAIT_MAX.saturating_sub(Duration::from_millis(1))).list, []);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.kind(), Some(Kind::Open));
    assert!(matches!(bench.offer(Event::Admitted), Err(Rejected::Duplicate { .. })));
}

#[test]
fn a_card_that_cannot_be_made_three_times_over_gives_way_to_text() {
    let mut bench = Bench::new();
    bench.tell(Event::Admitted);
    for _ in 1..CARD_TRIES_MAX {
        bench.call();
        bench.card(CardOutcome::NotSent);
        bench.pass_to_deadline();
    }
    bench.call();
    bench.card(CardOutcome::NotSent);
    assert_eq!(bench.reply.phase(), "Collecting");
    bench.grow("all of it");
    bench.end(None);
    assert_eq!(shown(&bench.call()), ("send", "all of it"), "and there is no card to point from");
}

#[test]
fn an_update_that_fails_loses_nothing() {
    for outcome in [CardOutcome::NotSent, CardOutcome::Unknown] {
        let mut bench = Bench::streaming();
        bench.grow(" more");
        bench.pass_to_deadline();
        bench.call();
        bench.card(outcome);
        bench.grow(" and more");
        bench.pass_to_deadline();
        assert_eq!(shown(&bench.call()), ("update", "some more and more"));
    }
}

#[test]
fn a_throttle_pauses_as_long_as_it_says_within_reason() {
    let paused = |retry_after| {
        let mut bench = Bench::finishing();
        bench.call();
        bench.card(CardOutcome::Throttled { retry_after });
        bench.reply.deadline().expect("a pause ends").at.since(bench.now)
    };
    let seconds = Duration::from_secs(3);
    assert_eq!(paused(seconds), seconds);
    assert_eq!(paused(Duration::ZERO), THROTTLE_PAUSE_MIN);
    assert_eq!(paused(Duration::from_hours(3)), RETRY_PAUSE_MAX);
}

/// What limits one person or chat lasts for minutes, and each try may count against a month's quota.
#[test]
fn a_message_that_is_throttled_again_and_again_is_tried_more_and_more_seldom() {
    let mut bench = Bench::plain(None);
    bench.grow("text");
    bench.end(None);
    let throttled = |bench: &mut Bench| {
        bench.call();
        bench.part(PartOutcome::Throttled { retry_after: Duration::from_secs(1) });
        let pause = bench.reply.deadline().expect("a pause ends").at.since(bench.now);
        bench.pass_to_deadline();
        pause.as_secs()
    };
    let pauses: [u64; 10] = core::array::from_fn(|_| throttled(&mut bench));
    assert_eq!(pauses, [1, 1, 1, 2, 4, 8, 16, 32, 60, 60]);
    bench.call();
    bench.part(PartOutcome::Sent);
    assert!(bench.reply.is_done());
}

#[test]
fn the_end_of_the_turn_waits_for_the_call_under_way_and_gives_up_a_mere_claim() {
    let mut bench = Bench::streaming();
    bench.grow(" more");
    bench.pass_to_deadline();
    let mut claimed = bench.clone();
    let update = claimed.claimed().expect("an update is claimed");
    claimed.end(None);
    assert_eq!(claimed.kind(), Some(Kind::Finish));
    assert!(matches!(claimed.offer(Event::Granted { call: update }), Err(Rejected::Stale { .. })));

    bench.call();
    assert_eq!(bench.end(None).list, [], "R12");
    bench.card(CardOutcome::Done);
    assert_eq!(shown(&bench.call()), ("finish", "some more"));
}

#[test]
fn a_call_whose_outcome_never_comes_is_of_unknown_fate() {
    let mut bench = Bench::finishing();
    bench.call();
    let late = bench.sent().expect("a finish is on its way");
    assert_eq!(bench.reply.deadline().map(|deadline| deadline.reason), Some(Reason::Call));
    bench.pass(CALL_AGE_MAX);
    assert!(matches!(bench.reply.state.call(), Call::Paused { .. }));
    let outcome = CardOutcome::Done;
    assert!(matches!(bench.offer(Event::CardDone { call: late, outcome }), Err(Rejected::Stale { .. })));
}

#[test]
fn an_outcome_of_the_wrong_kind_or_of_no_call_is_an_alarm() {
    let mut plain = Bench::plain(None);
    plain.grow("text");
    plain.end(None);
    let claimed = plain.claimed().expect("a part is claimed");
    let not_yet = plain.offer(Event::PartDone { call: claimed, outcome: PartOutcome::Sent });
    assert!(not_yet.expect_err("it was not granted").is_alarm());
    plain.call();
    for (call, is_alarm) in [(claimed, true), (claimed + 1, true), (claimed - 1, false)] {
        let refused = plain.offer(Event::CardDone { call, outcome: CardOutcome::Refused(CODE) });
        assert_eq!(refused.expect_err("it sent no card call").is_alarm(), is_alarm, "call {call}");
    }

    let mut card = Bench::finishing();
    card.call();
    let call = card.sent().expect("a finish is on its way");
    let refused = card.offer(Event::PartDone { call, outcome: PartOutcome::Sent });
    assert!(refused.expect_err("it sent no part").is_alarm());
}

#[test]
fn an_agent_asked_anew_begins_with_an_empty_text() {
    let mut bench = Bench::streaming();
    bench.grow(" of the old answer");
    bench.reply.begin_anew();
    assert_eq!(bench.reply.draft(), "");
    bench.grow("new");
    bench.pass_to_deadline();
    assert_eq!(shown(&bench.call()), ("update", "new"), "although the card showed more");
}

#[test]
fn a_pause_that_ends_with_nothing_to_show_is_over() {
    let mut bench = Bench::streaming();
    bench.grow(" more");
    bench.pass_to_deadline();
    bench.call();
    bench.card(CardOutcome::NotSent);
    bench.reply.begin_anew();
    bench.pass_to_deadline();
    assert_eq!(bench.reply.deadline().map(|deadline| deadline.reason), Some(Reason::Age));
}
