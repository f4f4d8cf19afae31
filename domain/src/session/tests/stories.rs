//! What sessions do, told one by one.

use std::time::Duration;

use super::super::{
    ATTEMPTS_MAX, Effect, Event, Finish, Hold, Reason, STOPPING_WAIT_MAX, Session, TURN_AGE_MAX, Taken,
};
use super::{Bench, asked, completed, ended, failed, rules};
use crate::ids::{Epoch, Seq, SessionNumber};
use crate::inbox::{Control, INBOX_ENTRIES_MAX};
use crate::outcome::{AgentFailureKind, FailureCause, Outcome, Refusal};
use crate::rejected::Rejected;
use crate::reply::Durability;
use crate::settings::Busy;
use crate::snapshot::Attempts;

const DAY: Duration = Duration::from_hours(24);

#[test]
fn a_session_that_slept_starts_over_and_decides_the_same_after_a_crash() {
    let mut rules = rules();
    rules.conversation.idle_timeout = Duration::from_mins(30);
    let mut bench = Bench::with(rules);
    bench.ask(1);
    bench.tell(Event::Completed { epoch: Epoch(1), continuation: Some("first".into()), cut: None });
    let stored = bench.clone();
    bench.pass(DAY);
    bench.ask(2);
    assert_eq!((bench.session.number(), bench.session.continuation()), (SessionNumber(2), None));

    // The process dies in the turn, and is down for another day. Nothing of the decision was stored.
    let mut again = stored.restarted();
    let accepted_at = bench.now;
    again.now = bench.now.after(DAY);
    again.tell(Event::Taken {
        seq: Seq(2),
        kind: Taken::Ask,
        accepted_at,
        written_at: accepted_at,
        resumed: true,
    });
    assert_eq!((again.session.number(), again.session.continuation()), (SessionNumber(2), None));
}

#[test]
fn a_message_that_only_waited_long_does_not_start_the_session_over() {
    let mut rules = rules();
    rules.conversation.idle_timeout = Duration::from_mins(30);
    let bench = Bench::with(rules);
    let mut again = bench.restarted();
    let accepted_at = again.now.after(Duration::from_mins(1));
    again.now = again.now.after(DAY);
    again.tell(Event::Taken {
        seq: Seq(1),
        kind: Taken::Ask,
        accepted_at,
        written_at: accepted_at,
        resumed: true,
    });
    assert_eq!(again.session.number(), SessionNumber(1));
}

#[test]
fn only_the_first_waiting_message_can_have_been_begun_before_a_restart() {
    let mut bench = Bench::new();
    bench.tell(Event::Held(Hold::Loading));
    bench.take(1, Taken::Ask, true);
    bench.take(2, Taken::Ask, true);
    let effects = bench.tell(Event::Released(Hold::Loading));
    assert_eq!(effects.list[0], Effect::Open { seq: Seq(1), attempt: 1, resumed: true, late: None });
    assert_eq!(effects.durability, Durability::Now, "the attempt is counted before the agent is asked");
    let effects = bench.tell(completed(1));
    assert!(effects.list.contains(&Effect::Open { seq: Seq(2), attempt: 0, resumed: false, late: None }));
}

#[test]
fn a_turn_is_resumed_three_times_and_then_given_up() {
    let mut bench = Bench::new();
    bench.take(1, Taken::Ask, false);
    for attempt in 1..=ATTEMPTS_MAX {
        bench = bench.restarted();
        let effects = bench.take(1, Taken::Ask, true);
        assert_eq!(effects.list[0], Effect::Open { seq: Seq(1), attempt, resumed: true, late: None });
        assert_eq!(asked(&effects), [Seq(1)]);
    }
    bench = bench.restarted();
    bench.tell(Event::Held(Hold::Loading));
    bench.take(1, Taken::Ask, true);
    bench.take(2, Taken::Ask, true);
    let effects = bench.tell(Event::Released(Hold::Loading));
    assert_eq!(ended(&effects), [(Seq(1), Outcome::Failed(FailureCause::CrashLoop))]);
    assert_eq!(asked(&effects), [Seq(2)], "the one behind it does not suffer");
}

#[test]
fn stopping_in_good_order_is_not_counted_as_a_crash() {
    let mut bench = Bench::running();
    for _ in 0..3 * ATTEMPTS_MAX {
        let effects = bench.tell(Event::Parked);
        assert_eq!(effects.durability, Durability::Now);
        bench = bench.restarted();
        let effects = bench.take(1, Taken::Ask, true);
        assert_eq!(effects.list[0], Effect::Open { seq: Seq(1), attempt: 0, resumed: true, late: None });
    }
    assert_eq!(bench.session.attempts(), Some(Attempts { seq: Seq(1), count: 0, graceful: false }));
}

#[test]
fn a_stop_taken_in_behind_the_parking_ends_the_parked_turn() {
    let mut bench = Bench::running();
    bench.tell(Event::Parked);
    let effects = bench.command(2, Control::Stop { all: false });
    assert_eq!(ended(&effects), [(Seq(1), Outcome::Cancelled), (Seq(2), Outcome::Answered)]);
    assert!(!effects.list.iter().any(|effect| matches!(effect, Effect::Say { .. })), "the answer shows it");
}

#[test]
fn the_stop_button_ends_the_turn_of_its_card_and_no_other_and_says_nothing() {
    let button = |seq| Control::StopAnswer { seq: Seq(seq) };
    let mut bench = Bench::running();
    bench.ask(2);
    let other = bench.command(3, button(2));
    assert_eq!(other.list, [Effect::End { seq: Seq(3), outcome: Outcome::Answered }], "2 only waits");
    let effects = bench.command(4, button(1));
    assert_eq!(ended(&effects), [(Seq(1), Outcome::Cancelled), (Seq(4), Outcome::Answered)]);
    assert!(!effects.list.iter().any(|effect| matches!(effect, Effect::Say { .. })));
    bench.tell(Event::Closed { epoch: Epoch(1) });
    let running = bench.session.running();
    assert_eq!(running.map(|(seq, _)| seq), Some(Seq(2)));
    let late = bench.command(5, button(1));
    assert_eq!(late.list, [Effect::End { seq: Seq(5), outcome: Outcome::Answered }]);
    assert_eq!(bench.session.running(), running, "2 goes on");
}

#[test]
fn the_stop_button_ends_the_turn_that_ran_before_a_restart() {
    let mut bench = Bench::running().restarted();
    bench.tell(Event::Held(Hold::Loading));
    bench.take(1, Taken::Ask, true);
    let effects = bench.command(2, Control::StopAnswer { seq: Seq(1) });
    assert_eq!(ended(&effects), [(Seq(1), Outcome::Cancelled), (Seq(2), Outcome::Answered)]);
}

#[test]
fn a_transient_failure_is_tried_again_once_if_nothing_was_said() {
    let mut bench = Bench::running();
    assert_eq!(bench.tell(failed(1, AgentFailureKind::ServerError, false)).list, []);
    assert_eq!(
        bench.offer(completed(1)),
        Err(Rejected::Stale { event: "Completed", phase: "Running" }),
        "nothing of the failed run counts"
    );
    assert_eq!(asked(&bench.pass_to_deadline()), [Seq(1)]);
    assert_eq!(bench.running_epoch(), Some(Epoch(2)));
    let effects = bench.tell(failed(2, AgentFailureKind::ServerError, false));
    let cause = FailureCause::Agent(AgentFailureKind::ServerError);
    assert_eq!(ended(&effects), [(Seq(1), Outcome::Failed(cause))]);
}

#[test]
fn a_failure_after_the_first_word_or_of_a_lasting_kind_is_not_tried_again() {
    for (kind, shown) in [(AgentFailureKind::CutStream, true), (AgentFailureKind::Unauthorized, false)] {
        let effects = Bench::running().tell(failed(1, kind, shown));
        assert_eq!(ended(&effects), [(Seq(1), Outcome::Failed(FailureCause::Agent(kind)))]);
    }
}

#[test]
fn a_turn_stopped_between_two_runs_has_nothing_to_close() {
    let mut bench = Bench::running();
    bench.ask(2);
    bench.tell(failed(1, AgentFailureKind::ServerError, false));
    let effects = bench.command(3, Control::Stop { all: false });
    assert!(!effects.list.contains(&Effect::Cancel { epoch: Epoch(1) }));
    assert_eq!(asked(&effects), [Seq(2)], "the next one begins at once");
}

#[test]
fn a_stopped_run_holds_the_next_turn_back_until_it_is_closed_or_too_long() {
    let mut bench = Bench::running();
    bench.ask(2);
    let effects = bench.command(3, Control::Stop { all: false });
    assert!(effects.list.contains(&Effect::Cancel { epoch: Epoch(1) }));
    assert_eq!(asked(&effects), []);
    let mut patient = bench.clone();
    assert_eq!(asked(&patient.tell(Event::Closed { epoch: Epoch(1) })), [Seq(2)]);
    assert_eq!(asked(&bench.pass(STOPPING_WAIT_MAX)), [Seq(2)]);
}

#[test]
fn each_silence_has_its_own_time_and_its_own_sentence() {
    let finish = |bench: &mut Bench| match bench.pass_to_deadline().list.as_slice() {
        [
            Effect::Cancel { .. },
            Effect::Finish { how: Finish::Failed(FailureCause::Agent(kind)), .. },
            ..,
        ] => *kind,
        other => panic!("not given up: {other:?}"),
    };
    assert_eq!(finish(&mut Bench::running()), AgentFailureKind::FirstOutputTimeout);

    let mut silent = Bench::running();
    silent.tell(Event::Heard { epoch: Epoch(1), chars: 1 });
    assert_eq!(finish(&mut silent), AgentFailureKind::IdleTimeout);

    let mut endless = Bench::running();
    while endless.session.deadline().is_some_and(|deadline| deadline.reason != Reason::Turn) {
        endless.pass(Duration::from_secs(50));
        endless.tell(Event::Heard { epoch: Epoch(1), chars: 1 });
    }
    assert_eq!(finish(&mut endless), AgentFailureKind::TurnTimeout);
}

#[test]
fn no_setting_makes_a_turn_longer_than_an_hour() {
    let mut rules = rules();
    rules.limits.turn_timeout = DAY;
    rules.limits.first_output_timeout = DAY;
    let mut bench = Bench::with(rules);
    bench.ask(1);
    let deadline = bench.session.deadline().expect("a running turn has one");
    assert_eq!((deadline.at, deadline.reason), (bench.now.after(TURN_AGE_MAX), Reason::Turn));
}

#[test]
fn a_look_that_comes_too_late_ends_the_turn_instead_of_asking_again() {
    let mut bench = Bench::running();
    bench.tell(failed(1, AgentFailureKind::Unreachable, false));
    let effects = bench.pass(DAY);
    assert_eq!(asked(&effects), []);
    let cause = FailureCause::Agent(AgentFailureKind::TurnTimeout);
    assert_eq!(ended(&effects), [(Seq(1), Outcome::Failed(cause))]);
}

#[test]
fn an_answer_longer_than_allowed_is_given_up() {
    let mut bench = Bench::running();
    bench.tell(Event::Heard { epoch: Epoch(1), chars: 100 });
    let effects = bench.tell(Event::Heard { epoch: Epoch(1), chars: 101 });
    let cause = FailureCause::Agent(AgentFailureKind::TooLong);
    assert_eq!(ended(&effects), [(Seq(1), Outcome::Failed(cause))]);
}

#[test]
fn a_message_during_an_answer_waits_interrupts_or_is_refused_as_the_channel_says() {
    let during = |busy| {
        let mut rules = rules();
        rules.conversation.busy = busy;
        let mut bench = Bench::with(rules);
        bench.ask(1);
        ended(&bench.ask(2))
    };
    assert_eq!(during(Busy::Queue), []);
    assert_eq!(during(Busy::Interrupt), [(Seq(1), Outcome::Cancelled)]);
    assert_eq!(during(Busy::Reject), [(Seq(2), Outcome::Refused(Refusal::Busy))]);
}

#[test]
fn the_inbox_is_full_with_the_running_one_counted() {
    let mut bench = Bench::running();
    let full = u64::from(INBOX_ENTRIES_MAX);
    for seq in 2..=full {
        assert_eq!(ended(&bench.ask(seq)), []);
    }
    assert_eq!(ended(&bench.ask(full + 1)), [(Seq(full + 1), Outcome::Refused(Refusal::InboxFull))]);
}

#[test]
fn an_epoch_never_given_out_is_an_alarm() {
    let mut bench = Bench::running();
    for event in [
        completed(2),
        Event::Closed { epoch: Epoch(2) },
        Event::Started { epoch: Epoch(2), handle: None, continuation: None },
    ] {
        assert!(bench.offer(event).expect_err("nothing of it ever began").is_alarm());
    }
}

#[test]
fn what_is_kept_of_a_session_comes_back() {
    let mut bench = Bench::running();
    bench.command(2, Control::New);
    let kept = bench.session.snapshot();
    assert_eq!(Session::restore(kept.clone(), rules()).snapshot(), kept);
}
