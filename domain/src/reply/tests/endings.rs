//! How replies come to their end, whatever the platform says, told one by one.

use std::time::Duration;

use super::super::{
    CARD_TRIES_MAX, CardOutcome, DELIVERY_AGE_MAX, Event, FINISH_TRIES_MAX, PartOutcome, Reason,
    SESSION_ADDRESS_MARGIN, WAY_TRIES_MAX,
};
use super::{Bench, CODE, START, failures, shown};
use crate::outcome::FailureCause;
use crate::rejected::Rejected;
use crate::reply::Durability;
use crate::reply::state::Kind;
use crate::snapshot::{PartStatus, ReplyStateSnapshot};

const LONG: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
                    sixteen seventeen eighteen nineteen twenty twenty-one twenty-two twenty-three twenty-four";

fn statuses(bench: &Bench) -> Vec<PartStatus> {
    match bench.reply.snapshot().expect("it is not done").state {
        ReplyStateSnapshot::Plain { parts, .. } => parts.into_iter().map(|part| part.status).collect(),
        ReplyStateSnapshot::Finishing { .. } => panic!("it is a card still"),
    }
}

#[test]
fn the_last_text_is_stored_before_the_card_is_closed_with_it() {
    let mut bench = Bench::streaming();
    bench.grow(" text");
    let effects = bench.end(Some("Stopped."));
    assert_eq!(effects.durability, Durability::Now, "R9");
    assert_eq!(shown(&bench.call()), ("finish", "some text\n\nStopped."));
    bench.card(CardOutcome::Done);
    assert!(bench.reply.is_done());
    assert!(matches!(bench.offer(Event::Grew { text: "late".into() }), Err(Rejected::Stale { .. })));
}

#[test]
fn a_finish_of_unknown_fate_is_asked_again_until_the_card_says_that_it_is_closed() {
    let mut bench = Bench::finishing();
    for _ in 0..2 * FINISH_TRIES_MAX {
        bench.call();
        bench.card(CardOutcome::Unknown);
        bench.pass_to_deadline();
    }
    assert_eq!(shown(&bench.call()), ("finish", "some"), "never as text: it may stand there already");
    bench.card(CardOutcome::AlreadyFinished);
    assert!(bench.reply.is_done());
}

#[test]
fn a_finish_that_is_never_sent_gives_way_to_text_with_a_pointer_first() {
    let mut bench = Bench::finishing();
    for _ in 1..FINISH_TRIES_MAX {
        bench.call();
        bench.card(CardOutcome::NotSent);
        bench.pass_to_deadline();
    }
    bench.call();
    assert_eq!(
        bench.card(CardOutcome::NotSent).durability,
        Durability::Now,
        "R11: stored before its first part"
    );
    assert_eq!(shown(&bench.call()), ("finish", "The answer follows as text below."));
    bench.card(CardOutcome::Done);
    assert_eq!(shown(&bench.call()), ("send", "some"));
}

#[test]
fn a_throttled_finish_is_only_late() {
    let mut bench = Bench::finishing();
    for _ in 0..3 * FINISH_TRIES_MAX {
        bench.call();
        bench.card(CardOutcome::Throttled { retry_after: Duration::from_secs(10) });
        bench.pass_to_deadline();
    }
    assert_eq!(shown(&bench.call()), ("finish", "some"));
}

#[test]
fn a_card_refused_while_its_last_text_may_stand_on_it_holds_the_text_back() {
    let uncertain = || {
        let mut bench = Bench::finishing();
        bench.call();
        bench.card(CardOutcome::Unknown);
        bench.pass_to_deadline();
        bench.call();
        bench.card(CardOutcome::Refused(CODE));
        assert_eq!(bench.kind(), Some(Kind::Point));
        bench.call();
        bench
    };
    // The pointer went through: the last text had not.
    let mut lost = uncertain();
    lost.card(CardOutcome::Done);
    assert_eq!(shown(&lost.call()), ("send", "some"));

    // It is closed: the last text stands on it.
    let mut worked = uncertain();
    assert_eq!(failures(&worked.card(CardOutcome::AlreadyFinished)), []);
    assert!(worked.reply.is_done());

    // A pointer of unknown fate before: nobody knows which of the two closed it.
    let mut unknown = uncertain();
    unknown.card(CardOutcome::Unknown);
    unknown.pass_to_deadline();
    unknown.call();
    assert_eq!(failures(&unknown.card(CardOutcome::AlreadyFinished)), [FailureCause::DeliveryUnknown]);

    // It says nothing for an hour: neither is known, and nothing is repeated.
    let mut silent = uncertain();
    silent.card(CardOutcome::Refused(CODE));
    assert_eq!(silent.kind(), None, "the text waits for the pointer");
    silent.pass_to_deadline();
    assert_eq!(silent.kind(), Some(Kind::Point), "however often it is refused");
    let effects = silent.pass(DELIVERY_AGE_MAX);
    assert_eq!(failures(&effects), [FailureCause::DeliveryUnknown, FailureCause::CardAbandoned]);
}

#[test]
fn a_refused_pointer_lets_the_text_go_first_and_is_tried_for_an_hour() {
    let mut bench = Bench::streaming();
    bench.grow(" text");
    bench.pass_to_deadline();
    bench.call();
    bench.card(CardOutcome::Refused(CODE));
    bench.end(None);
    assert_eq!(bench.kind(), Some(Kind::Point));
    bench.call();
    bench.card(CardOutcome::Refused(CODE));
    assert_eq!(shown(&bench.call()), ("send", "some text"));
    bench.part(PartOutcome::Sent);
    let mut tries = 0;
    let recorded = loop {
        if bench.kind().is_some() {
            bench.call();
            bench.card(CardOutcome::Refused(CODE));
            tries += 1;
        } else {
            let effects = bench.pass_to_deadline();
            if bench.reply.is_done() {
                break failures(&effects);
            }
        }
    };
    assert_eq!(recorded, [FailureCause::CardAbandoned]);
    assert!(tries > CARD_TRIES_MAX, "only {tries} tries");
}

#[test]
fn a_long_answer_fills_the_card_and_goes_on_as_text() {
    let mut bench = Bench::streaming();
    bench.grow(LONG);
    bench.end(None);
    let effects = bench.call();
    let (how, card) = shown(&effects);
    assert_eq!(how, "finish");
    let mut whole = card.replace("\n\nThe rest of the answer follows as text below.", " ");
    assert!(card.chars().count() <= 150, "{card}");
    bench.card(CardOutcome::Done);
    while !bench.reply.is_done() {
        let effects = bench.call();
        whole.push_str(shown(&effects).1);
        whole.push(' ');
        bench.part(PartOutcome::Sent);
    }
    assert_eq!(whole.trim_end(), format!("some{LONG}"));
}

/// The line that points below belongs to the card: as text alone, nothing is below.
#[test]
fn a_long_answer_whose_card_is_refused_says_nothing_of_a_card() {
    let mut bench = Bench::streaming();
    bench.grow(LONG);
    bench.end(None);
    let effects = bench.call();
    assert_eq!(shown(&effects).0, "finish");
    bench.card(CardOutcome::Refused(CODE));
    let mut whole = String::new();
    while !bench.reply.is_done() {
        let effects = bench.call();
        let (how, text) = shown(&effects);
        if how == "finish" {
            bench.card(CardOutcome::Done);
        } else {
            whole.push_str(text);
            whole.push(' ');
            bench.part(PartOutcome::Sent);
        }
    }
    assert_eq!(whole.trim_end(), format!("some{LONG}"));
}

#[test]
fn a_part_goes_out_after_the_commit_that_says_so() {
    let mut bench = Bench::plain(None);
    bench.grow("text");
    bench.end(None);
    assert_eq!(statuses(&bench), [PartStatus::Pending]);
    assert_eq!(bench.call().durability, Durability::Now, "R10");
    assert_eq!(statuses(&bench), [PartStatus::Attempting]);
}

#[test]
fn a_part_found_attempting_after_a_restart_is_recorded_and_the_others_go_on() {
    let mut bench = Bench::plain(None);
    bench.grow(LONG);
    bench.end(None);
    bench.call();
    let mut bench = bench.restarted();
    let effects = bench.tell(Event::Resumed { gate: None });
    assert_eq!(
        (failures(&effects), effects.durability),
        (vec![FailureCause::DeliveryUnknown], Durability::Now)
    );
    assert_eq!(statuses(&bench)[..2], [PartStatus::Unknown, PartStatus::Pending]);
    assert_eq!(bench.kind(), Some(Kind::Part { index: 1, way: super::Way::Api }));
}

#[test]
fn a_part_of_unknown_fate_is_never_repeated() {
    let mut bench = Bench::plain(None);
    bench.grow("text");
    bench.end(None);
    bench.call();
    assert_eq!(failures(&bench.part(PartOutcome::Unknown)), [FailureCause::DeliveryUnknown]);
    assert!(bench.reply.is_done());
}

#[test]
fn a_part_proven_not_sent_is_tried_again_and_then_the_other_way() {
    let mut bench = Bench::plain(Some(START.after(DELIVERY_AGE_MAX)));
    bench.grow("text");
    bench.end(None);
    for _ in 0..WAY_TRIES_MAX {
        assert_eq!(shown(&bench.call()), ("post", "text"));
        bench.part(PartOutcome::NotSent);
        bench.pass_to_deadline();
    }
    assert_eq!(shown(&bench.call()), ("send", "text"));
}

#[test]
fn a_refused_address_gives_way_at_once_and_a_refused_platform_ends_it() {
    let mut bench = Bench::plain(Some(START.after(DELIVERY_AGE_MAX)));
    bench.grow(LONG);
    bench.end(None);
    bench.call();
    bench.part(PartOutcome::Refused(CODE));
    assert_eq!(shown(&bench.call()).0, "send");
    assert_eq!(failures(&bench.part(PartOutcome::Refused(CODE))), [FailureCause::DeliveryRefused]);
    assert!(bench.reply.is_done(), "the other parts are not tried");
}

#[test]
fn an_address_that_runs_out_while_the_call_waits_for_its_place_is_not_used() {
    let mut bench = Bench::plain(Some(START.after(SESSION_ADDRESS_MARGIN + Duration::from_secs(5))));
    bench.grow("text");
    bench.end(None);
    assert_eq!(bench.kind(), Some(Kind::Part { index: 0, way: super::Way::SessionAddress }));
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.call().list.len(), 1, "another place is claimed");
    assert_eq!(shown(&bench.call()), ("send", "text"));
}

#[test]
fn the_hour_of_tries_begins_again_with_the_process() {
    let mut bench = Bench::finishing();
    bench.now = bench.now.after(10 * DELIVERY_AGE_MAX);
    let mut bench = bench.resumed();
    assert_eq!(shown(&bench.call()), ("finish", "some"), "it was down for long, and the card stands open");
    bench.card(CardOutcome::NotSent);
    bench.pass_to_deadline();
    let due = bench.reply.deadline().expect("it is not done");
    assert_eq!(due.reason, Reason::Delivery);
    assert!(due.at.since(bench.now) > DELIVERY_AGE_MAX / 2);
}

#[test]
fn a_reply_is_resumed_once() {
    let mut bench = Bench::finishing().resumed();
    assert!(matches!(bench.offer(Event::Resumed { gate: None }), Err(Rejected::Duplicate { .. })));
}

#[test]
fn a_look_that_comes_too_late_does_everything_that_is_due_at_once() {
    let mut bench = Bench::finishing();
    bench.call();
    let effects = bench.pass(10 * DELIVERY_AGE_MAX);
    assert_eq!(bench.reply.phase(), "Abandoned");
    assert_eq!(failures(&effects), [FailureCause::CardAbandoned]);
    assert_eq!(effects.list.len(), 1, "and claims nothing on the way");
}

#[test]
fn a_finish_of_unknown_fate_is_not_given_up_because_the_platform_is_out_of_reach() {
    let mut bench = Bench::finishing();
    bench.call();
    bench.card(CardOutcome::Unknown);
    for _ in 0..2 * FINISH_TRIES_MAX {
        bench.pass_to_deadline();
        bench.call();
        bench.card(CardOutcome::NotSent);
    }
    assert_eq!(bench.reply.phase(), "Finishing");
}

#[test]
fn after_a_restart_nobody_knows_whether_the_pointer_or_the_last_text_closed_the_card() {
    let mut bench = Bench::finishing();
    bench.call();
    bench.card(CardOutcome::Unknown);
    bench.pass_to_deadline();
    bench.call();
    bench.card(CardOutcome::Refused(CODE));
    let mut bench = bench.resumed();
    bench.call();
    assert_eq!(failures(&bench.card(CardOutcome::AlreadyFinished)), [FailureCause::DeliveryUnknown]);
    assert!(bench.reply.is_done(), "and the text is not repeated");
}

#[test]
fn a_part_on_its_way_is_settled_before_its_reply_is_given_up() {
    let mut bench = Bench::plain(None);
    bench.grow("text");
    bench.end(None);
    bench.call();
    assert_eq!(failures(&bench.pass(10 * DELIVERY_AGE_MAX)), [FailureCause::DeliveryUnknown]);
}

#[test]
fn each_part_has_its_own_tries_by_the_address() {
    let mut bench = Bench::plain(Some(START.after(DELIVERY_AGE_MAX)));
    bench.grow(LONG);
    bench.end(None);
    for _ in 0..2 {
        for _ in 1..WAY_TRIES_MAX {
            bench.call();
            bench.part(PartOutcome::NotSent);
            bench.pass_to_deadline();
        }
        assert_eq!(shown(&bench.call()).0, "post");
        bench.part(PartOutcome::Sent);
    }
}
