//! Commands that take a look at what is outside.

use std::time::Duration;

use super::super::{Effect, Effects, Event, Found, LOOKUP_WAIT_MAX, LOOKUPS_WAITING_MAX, Say, Taken};
use super::{Bench, asked, completed, ended};
use crate::choice::Choices;
use crate::ids::{AgentId, Epoch, Seq};
use crate::inbox::Control;
use crate::notice::Notice;
use crate::outcome::{Outcome, Refusal};
use crate::rejected::Rejected;
use crate::settings::TurnLimits;

fn choice() -> Choices {
    Choices { agent: Some(AgentId::new("agt_2")), ..Choices::default() }
}

fn found(seq: u64) -> Event {
    let notice = Notice::AgentChosen { name: "two".into() };
    Event::LookedUp { seq: Seq(seq), found: Found::Told(notice, Some(choice())) }
}

fn look(bench: &mut Bench, seq: u64, switches: bool) -> Effects {
    bench.take(seq, Taken::Lookup { switches }, false)
}

fn looked(effects: &Effects) -> Vec<Seq> {
    let of = |effect: &Effect| if let Effect::LookUp { seq } = effect { Some(*seq) } else { None };
    effects.list.iter().filter_map(of).collect()
}

fn said(effects: &Effects) -> Vec<Say> {
    let of = |effect: &Effect| if let Effect::Say { what, .. } = effect { Some(what.clone()) } else { None };
    effects.list.iter().filter_map(of).collect()
}

#[test]
fn a_question_behind_a_switch_waits_for_it_and_one_behind_a_list_does_not() {
    for (switches, begun) in [(true, vec![]), (false, vec![Seq(2)])] {
        let mut bench = Bench::new();
        assert_eq!(looked(&look(&mut bench, 1, switches)), [Seq(1)]);
        assert_eq!(asked(&bench.ask(2)), begun);
        let effects = bench.tell(found(1));
        assert_eq!(bench.session.choices(), &choice());
        assert_eq!(ended(&effects), [(Seq(1), Outcome::Answered)]);
        assert_eq!(asked(&effects).is_empty(), !switches);
    }
}

#[test]
fn a_running_turn_goes_on_beside_a_switch_and_the_next_begins_after_it() {
    let mut bench = Bench::running();
    look(&mut bench, 2, true);
    bench.ask(3);
    let effects = bench.tell(completed(1));
    assert_eq!((ended(&effects), asked(&effects)), (vec![(Seq(1), Outcome::Answered)], vec![]));
    assert_eq!(asked(&bench.tell(found(2))), [Seq(3)]);
}

#[test]
fn looks_are_taken_one_after_the_other_and_later_ones_are_refused_at_a_bound() {
    let mut bench = Bench::new();
    assert_eq!(looked(&look(&mut bench, 1, true)), [Seq(1)]);
    let last = u64::try_from(LOOKUPS_WAITING_MAX).unwrap();
    for seq in 2..=last {
        assert_eq!(looked(&look(&mut bench, seq, true)), []);
    }
    let full = look(&mut bench, last + 1, true);
    assert_eq!(ended(&full), [(Seq(last + 1), Outcome::Refused(Refusal::InboxFull))]);
    for seq in 1..last {
        assert_eq!(looked(&bench.tell(found(seq))), [Seq(seq + 1)]);
    }
    assert_eq!(looked(&bench.tell(found(last))), []);
    assert_eq!(bench.session.looking(), None);
}

#[test]
fn what_is_found_twice_or_too_late_changes_nothing() {
    let mut bench = Bench::new();
    look(&mut bench, 1, true);
    bench.ask(2);
    let before = bench.session.clone();
    assert!(matches!(bench.offer(found(3)), Err(Rejected::Stale { .. })));
    assert_eq!(bench.session, before);
    let effects = bench.pass(LOOKUP_WAIT_MAX);
    assert_eq!(said(&effects), [Say::Told(Notice::LookupFailed)]);
    assert_eq!(asked(&effects), [Seq(2)], "the next turn waits no longer");
    assert!(matches!(bench.offer(found(1)), Err(Rejected::Stale { .. })));
    assert_eq!(bench.session.choices(), &Choices::default());
}

#[test]
fn a_look_that_waited_has_its_whole_time() {
    let mut bench = Bench::new();
    look(&mut bench, 1, true);
    look(&mut bench, 2, true);
    bench.pass(LOOKUP_WAIT_MAX / 2);
    bench.tell(found(1));
    let due = bench.session.deadline().expect("a deadline").at;
    assert_eq!(due, bench.now.after(LOOKUP_WAIT_MAX));
}

#[test]
fn new_and_stop_leave_a_look_alone_and_a_deleted_channel_ends_it() {
    let mut bench = Bench::new();
    look(&mut bench, 1, true);
    for (seq, control) in
        [(2, Control::New), (3, Control::Stop { all: true }), (4, Control::Stop { all: false })]
    {
        assert_eq!(ended(&bench.command(seq, control)), [(Seq(seq), Outcome::Answered)]);
    }
    let gone = bench.command(5, Control::Withdraw);
    assert_eq!(ended(&gone), [(Seq(1), Outcome::Cancelled), (Seq(5), Outcome::Answered)]);
}

#[test]
fn a_choice_outlives_a_new_conversation_and_a_restart() {
    let mut bench = Bench::new();
    look(&mut bench, 1, true);
    bench.tell(found(1));
    bench.command(2, Control::New);
    let bench = bench.restarted();
    assert_eq!(bench.session.choices(), &choice());
}

#[test]
fn status_tells_what_is_so_when_it_is_answered() {
    let mut bench = Bench::running();
    look(&mut bench, 2, false);
    bench.ask(3);
    bench.tell(completed(1));
    let status = Found::Status { agent: Some("two".into()), model: None };
    let effects = bench.tell(Event::LookedUp { seq: Seq(2), found: status });
    let expected = Say::Status {
        agent: Some("two".into()),
        model: None,
        started_at: super::START,
        turns: 1,
        waiting: 0,
        running: true,
    };
    assert_eq!(said(&effects), [expected]);
}

#[test]
fn a_turn_goes_by_the_limits_of_whom_it_is_asked() {
    let mut bench = Bench::running();
    let limits = TurnLimits { first_output_timeout: Duration::from_secs(7), ..TurnLimits::default() };
    bench.tell(Event::Asked { epoch: Epoch(1), limits });
    assert_eq!(bench.session.deadline().map(|it| it.at), Some(bench.now.after(Duration::from_secs(7))));
    assert!(bench.offer(Event::Asked { epoch: Epoch(0), limits }).is_err());
}
