//! Runs whose result can be asked for later: kept with their turn, gone on with, stopped by their name.

use super::super::{ATTEMPTS_MAX, Effect, Event, HANDLE_BYTES_MAX, Hold, STOPPING_WAIT_MAX, Taken};
use super::{Bench, asked, completed, ended, failed};
use crate::ids::{Epoch, Seq};
use crate::inbox::Control;
use crate::outcome::{AgentFailureKind, FailureCause, Outcome};
use crate::reply::Durability;
use crate::snapshot::KeptRun;

/// What is kept of the run that answers message 1.
fn run(handle: &str) -> KeptRun {
    let limits = Some(super::rules().limits);
    KeptRun { seq: Seq(1), through: Seq(1), handle: handle.into(), continuation: None, limits }
}

fn started(epoch: u64, handle: &str) -> Event {
    Event::Started { epoch: Epoch(epoch), handle: Some(handle.into()), continuation: None }
}

/// Message 1 is being answered by a run that can be asked for.
fn pollable() -> Bench {
    let mut bench = Bench::running();
    bench.tell(started(1, "run-a"));
    bench
}

/// The process dies; the next one has read the inbox and not begun anything.
fn found(bench: &Bench) -> Bench {
    let mut bench = bench.restarted();
    bench.tell(Event::Held(Hold::Loading));
    bench.take(1, Taken::Ask, true);
    bench
}

fn kept(bench: &Bench) -> Option<KeptRun> {
    bench.session.snapshot().run.map(|run| *run)
}

/// The closing that was asked for upstream: its epoch and the run's name.
fn closings(effects: &super::Effects) -> Vec<(Epoch, String)> {
    effects
        .list
        .iter()
        .filter_map(|effect| match effect {
            Effect::CancelUpstream { epoch, handle } => Some((*epoch, handle.clone())),
            Effect::Join { .. }
            | Effect::Open { .. }
            | Effect::Ask { .. }
            | Effect::Cancel { .. }
            | Effect::Finish { .. }
            | Effect::LookUp { .. }
            | Effect::Say { .. }
            | Effect::End { .. } => None,
        })
        .collect()
}

#[test]
fn a_pollable_run_is_stored_at_once_and_only_when_it_is_new() {
    let mut bench = Bench::running();
    let nameless = Event::Started { epoch: Epoch(1), handle: None, continuation: None };
    assert_eq!(bench.tell(nameless).durability, Durability::None);
    assert_eq!(bench.tell(started(1, "run-a")).durability, Durability::Now);
    assert_eq!(kept(&bench), Some(run("run-a")));
    assert_eq!(bench.tell(started(1, "run-a")).durability, Durability::None, "it is stored already");
    assert_eq!(bench.tell(started(1, "run-b")).durability, Durability::Now, "it was asked anew");
    assert_eq!(bench.session.resume(), Some("run-b"));
}

#[test]
fn a_handle_of_nothing_or_too_long_is_none() {
    for handle in [String::new(), "x".repeat(HANDLE_BYTES_MAX + 1)] {
        let mut bench = Bench::running();
        assert_eq!(bench.tell(started(1, &handle)).durability, Durability::None);
        assert_eq!(kept(&bench), None);
    }
}

#[test]
fn a_resumed_turn_goes_on_with_its_run_and_its_end_forgets_it() {
    let mut bench = found(&pollable());
    assert_eq!(asked(&bench.tell(Event::Released(Hold::Loading))), [Seq(1)]);
    assert_eq!(bench.session.resume(), Some("run-a"));
    bench.ask(2);
    assert_eq!(asked(&bench.tell(completed(2))), [Seq(2)]);
    assert_eq!((bench.session.resume(), kept(&bench)), (None, None), "another turn has no part in it");
}

#[test]
fn a_run_of_a_turn_that_is_gone_is_forgotten() {
    let mut bench = pollable().restarted();
    bench.take(2, Taken::Ask, false);
    assert_eq!((bench.session.resume(), kept(&bench)), (None, None));
}

#[test]
fn a_broken_connection_asks_for_the_result_and_a_failed_run_is_begun_anew() {
    for (kind, resume) in
        [(AgentFailureKind::Unreachable, Some("run-a")), (AgentFailureKind::ServerError, None)]
    {
        let mut bench = pollable();
        bench.tell(failed(1, kind, false));
        assert_eq!(asked(&bench.pass_to_deadline()), [Seq(1)]);
        assert_eq!(bench.session.resume(), resume, "{kind:?}");
    }
}

#[test]
fn a_parked_turn_keeps_its_run() {
    let mut bench = pollable();
    bench.tell(Event::Parked);
    assert_eq!(kept(&bench), Some(run("run-a")));
}

#[test]
fn a_run_found_after_a_crash_is_stopped_by_its_name_before_the_next_turn() {
    for control in [Control::Stop { all: false }, Control::New] {
        let mut bench = found(&pollable());
        let effects = bench.command(2, control);
        assert_eq!(ended(&effects)[0], (Seq(1), Outcome::Cancelled));
        let closing = closings(&effects);
        assert_eq!(closing.iter().map(|(_, handle)| handle.as_str()).collect::<Vec<_>>(), ["run-a"]);
        assert_eq!(kept(&bench), None);
        bench.tell(Event::Released(Hold::Loading));
        assert_eq!(asked(&bench.ask(3)), [], "a late stop could hit the next run");
        let mut patient = bench.clone();
        assert_eq!(asked(&patient.tell(Event::Closed { epoch: closing[0].0 })), [Seq(3)]);
        assert_eq!(asked(&bench.pass(STOPPING_WAIT_MAX)), [Seq(3)]);
    }
}

#[test]
fn a_turn_stopped_in_the_pause_between_two_runs_stops_its_run_upstream() {
    let mut bench = pollable();
    bench.tell(failed(1, AgentFailureKind::Unreachable, false));
    let effects = bench.command(2, Control::Stop { all: false });
    assert_eq!(closings(&effects), [(Epoch(3), "run-a".to_owned())]);
}

#[test]
fn a_turn_that_kills_the_process_again_and_again_stops_its_run_upstream() {
    let mut bench = pollable();
    for _ in 0..ATTEMPTS_MAX {
        bench = found(&bench);
        bench.tell(Event::Released(Hold::Loading));
    }
    let effects = found(&bench).tell(Event::Released(Hold::Loading));
    assert_eq!(ended(&effects), [(Seq(1), Outcome::Failed(FailureCause::CrashLoop))]);
    assert_eq!(closings(&effects).len(), 1);
}

/// Message 1 is being answered by a run that can be gone on from, in a conversation that went on from elsewhere before.
fn placed() -> Bench {
    let mut bench = Bench::running();
    bench.tell(Event::Started {
        epoch: Epoch(1),
        handle: Some("run-a".into()),
        continuation: Some("place-a".into()),
    });
    bench
}

#[test]
fn a_stop_goes_on_where_the_stopped_run_stands_and_a_new_session_does_not() {
    for (control, next) in [
        (Control::Stop { all: false }, Some("place-a")),
        (Control::Stop { all: true }, Some("place-a")),
        (Control::StopAnswer { seq: Seq(1) }, Some("place-a")),
        (Control::New, None),
    ] {
        let mut listening = placed();
        listening.command(2, control);
        let mut pausing = placed();
        pausing.tell(failed(1, AgentFailureKind::Unreachable, false));
        pausing.command(2, control);
        let mut crashed = found(&placed());
        crashed.command(2, control);
        for bench in [listening, pausing, crashed] {
            assert_eq!(bench.session.continuation(), next, "{control:?}");
        }
    }
}

#[test]
fn a_run_that_was_stopped_elsewhere_is_gone_on_from_and_one_that_failed_is_not() {
    for (kind, next) in [(AgentFailureKind::Cancelled, Some("place-a")), (AgentFailureKind::BadRequest, None)]
    {
        let mut bench = placed();
        bench.tell(failed(1, kind, true));
        assert_eq!(bench.session.continuation(), next, "{kind:?}");
    }
    let mut bench = placed();
    bench.pass_to_deadline();
    assert_eq!(bench.session.continuation(), Some("place-a"), "a time-out stops the run as a person does");
}

#[test]
fn the_end_of_an_answer_says_where_to_go_on_from_whatever_its_beginning_said() {
    let mut bench = placed();
    bench.tell(Event::Completed { epoch: Epoch(1), continuation: Some("place-b".into()), cut: None });
    assert_eq!(bench.session.continuation(), Some("place-b"));
}
