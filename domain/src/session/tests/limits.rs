//! The limits that hold for a turn are those it began with, whatever becomes of its agent's settings meanwhile.

use std::time::Duration;

use super::super::{Event, Reason};
use super::{Bench, ended, failed, rules};
use crate::ids::{Epoch, Seq};
use crate::outcome::{AgentFailureKind, FailureCause, Outcome};
use crate::settings::TurnLimits;
use crate::time::Timestamp;

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// Far narrower than those of [`rules`].
const NARROW: TurnLimits = TurnLimits {
    first_output_timeout: HALF,
    idle_timeout: SECOND,
    turn_timeout: SECOND,
    output_chars_max: 1,
};
const SECOND: Duration = Duration::from_secs(1);
const HALF: Duration = Duration::from_millis(500);

fn edit(bench: &mut Bench, limits: TurnLimits) {
    bench.session.configure(super::super::Rules { limits, ..rules() });
}

fn due(bench: &Bench) -> (Timestamp, Reason) {
    let deadline = bench.session.deadline().expect("a turn has a deadline");
    (deadline.at, deadline.reason)
}

#[test]
fn a_running_turn_keeps_its_limits_and_the_next_one_has_the_new_ones() {
    let mut bench = Bench::running();
    let first = due(&bench);
    edit(&mut bench, NARROW);
    assert_eq!(due(&bench), first, "no output yet");
    bench.pass(SECS(30));
    bench.tell(Event::Heard { epoch: Epoch(1), chars: 100 });
    assert_eq!(due(&bench), (bench.now.after(rules().limits.idle_timeout), Reason::Idle));
    assert_eq!(ended(&bench.pass(SECS(59))), [], "neither too long nor too quiet for the old limits");
    let effects = bench.tell(Event::Heard { epoch: Epoch(1), chars: 101 });
    let too_long = FailureCause::Agent(AgentFailureKind::TooLong);
    assert_eq!(ended(&effects), [(Seq(1), Outcome::Failed(too_long))]);
    bench.tell(Event::Closed { epoch: Epoch(1) });
    bench.ask(2);
    assert_eq!(due(&bench), (bench.now.after(HALF), Reason::FirstOutput));
}

#[test]
fn a_second_try_keeps_the_limits_of_its_turn() {
    let mut bench = Bench::running();
    let began = bench.now;
    bench.tell(failed(1, AgentFailureKind::Unreachable, false));
    edit(&mut bench, NARROW);
    bench.pass_to_deadline();
    assert_eq!(
        bench.running_epoch(),
        Some(Epoch(2)),
        "tried again, long after the new limit of the whole turn"
    );
    assert_eq!(due(&bench).0, bench.now.after(rules().limits.first_output_timeout));
    assert!(bench.now.since(began) >= NARROW.turn_timeout);
}

#[test]
fn a_turn_that_is_gone_on_with_has_the_limits_it_began_with_and_one_that_is_asked_anew_has_the_present_ones()
{
    for (handle, expected) in [(Some("run".to_owned()), rules().limits), (None, NARROW)] {
        let mut bench = Bench::running();
        bench.tell(Event::Started { epoch: Epoch(1), handle, continuation: None });
        edit(&mut bench, NARROW);
        let mut bench = bench.restarted();
        bench.take(1, super::super::Taken::Ask, true);
        assert_eq!(due(&bench).0, bench.now.after(expected.first_output_timeout));
    }
}
