//! A conversation with two questions and one control act, a platform that works, refuses or leaves open, and a process
//! that dies between any two steps.

use switchboard_domain::inbox::Control;
use switchboard_proofs::machines::Luck;
use switchboard_proofs::machines::conversation::{Setting, Small};

use super::explorer::{Expected, Totals, is_deep};

fn explore(name: &str, setting: Setting, expected: Expected) {
    let mut totals = Totals::default();
    totals.explore(Small::new(setting));
    totals.report(name, expected);
}

fn setting(control: Option<Control>) -> Setting {
    let (crashes, patience, talks, calls) = if is_deep() { (1, 1, 3, 4) } else { (1, 1, 2, 2) };
    Setting {
        cards: true,
        questions: 1,
        control,
        lucks: vec![Luck::Works, Luck::WorksUnheard, Luck::Refused],
        crashes,
        patience,
        talks,
        calls,
        fails: false,
    }
}

#[test]
fn a_question_and_a_stop_keep_the_promises_in_every_reachable_state() {
    let setting = setting(Some(Control::Stop { all: true }));
    let sights = &["answered", "cancelled", "card closed", "resumed"];
    explore("conversation stop", setting, Expected { states: 1_000, sights });
}
