//! A conversation with two questions and one control act, a platform that works, refuses or leaves open, and a process
//! that dies between any two steps.

use switchboard_domain::ids::Seq;
use switchboard_domain::inbox::Control;
use switchboard_proofs::machines::Luck;
use switchboard_proofs::machines::conversation::{Also, Setting, Small};

use super::explorer::{Expected, Totals, is_deep};

fn explore(name: &str, setting: &Setting, expected: Expected) {
    let mut totals = Totals::default();
    totals.explore(Small::new(setting.clone()));
    totals.report(name, expected);
}

/// One question and one control act; a deeper search has another question, more words and more calls.
fn setting(control: Option<Control>) -> Setting {
    let (questions, talks, calls) = if is_deep() { (2, 2, 2) } else { (1, 2, 2) };
    Setting {
        cards: true,
        questions,
        control,
        lucks: vec![Luck::Works, Luck::WorksUnheard, Luck::Refused],
        crashes: 1,
        patience: 1,
        talks,
        calls,
        also: Vec::new(),
    }
}

#[test]
fn a_question_and_a_stop_keep_the_promises_in_every_reachable_state() {
    let setting = setting(Some(Control::Stop { all: true }));
    let sights = &["answered", "cancelled", "card closed", "resumed"];
    explore("conversation stop", &setting, Expected { states: 87_000, sights });
}

#[test]
fn a_question_and_a_new_session_keep_the_promises_in_every_reachable_state() {
    let setting = setting(Some(Control::New));
    let sights = &["answered", "cancelled", "card closed", "resumed"];
    explore("conversation new", &setting, Expected { states: 87_000, sights });
}

#[test]
fn a_run_with_a_name_and_a_button_keep_the_promises_in_every_reachable_state() {
    let setting =
        Setting { also: vec![Also::Name], calls: 1, ..setting(Some(Control::StopAnswer { seq: Seq(1) })) };
    let sights = &["answered", "cancelled", "gone on with", "stopped by name"];
    explore("conversation button", &setting, Expected { states: 43_000, sights });
}

#[test]
fn what_an_agent_does_besides_is_seen_on_an_open_card_only_in_every_reachable_state() {
    let setting = Setting { also: vec![Also::Progress], crashes: 0, calls: 3, ..setting(None) };
    let sights = &["answered", "card closed"];
    explore("conversation progress", &setting, Expected { states: 1_800, sights });
}

#[test]
fn two_questions_in_messages_keep_the_promises_in_every_reachable_state() {
    let setting = Setting { cards: false, questions: 2, calls: 3, ..setting(None) };
    let sights = &["answered", "text sent", "two replies"];
    explore("conversation text", &setting, Expected { states: 11_000, sights });
}
