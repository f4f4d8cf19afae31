//! A session with two or three messages, a control act among them, deaths, parking, late and repeated events.

use switchboard_domain::ids::Seq;
use switchboard_domain::inbox::{Control, Origin};
use switchboard_domain::session::Taken;
use switchboard_domain::settings::Busy;
use switchboard_proofs::machines::session::{Setting, World};

use super::explorer::{Expected, Totals, is_deep};

const CONTROLS: [Control; 6] = [
    Control::New,
    Control::Stop { all: false },
    Control::Stop { all: true },
    Control::StopAnswer { seq: Seq(1) },
    Control::Help,
    Control::Withdraw,
];

fn explore(busy: Busy, least: usize) {
    let (crashes, patience) = if is_deep() { (2, 2) } else { (1, 1) };
    let mut totals = Totals::default();
    for control in CONTROLS {
        let control = Taken::Control(control, Origin::Chat);
        let (first, second) = (vec![Taken::Ask, Taken::Ask, control], vec![Taken::Ask, control, Taken::Ask]);
        for script in [first, second] {
            let setting = Setting {
                busy,
                script,
                crashes,
                parks: usize::from(is_deep()),
                patience,
                ..Setting::default()
            };
            totals.explore(World::new(&setting));
        }
    }
    let sights =
        &["answered", "cancelled", "failed", "stopping", "resumed", "gone on with", "stopped by name"];
    totals.report(&format!("session {busy:?}"), Expected { states: least, sights });
}

#[test]
fn a_session_that_queues_keeps_its_promises_in_every_reachable_state() {
    explore(Busy::Queue, 230_000);
}

#[test]
fn a_session_that_interrupts_keeps_its_promises_in_every_reachable_state() {
    explore(Busy::Interrupt, 260_000);
}

#[test]
fn a_session_that_rejects_keeps_its_promises_in_every_reachable_state() {
    explore(Busy::Reject, 240_000);
}

#[test]
fn a_message_that_kills_the_process_is_given_up() {
    let setting =
        Setting { script: vec![Taken::Ask], crashes: 5, parks: 1, patience: 1, ..Setting::default() };
    let mut totals = Totals::default();
    totals.explore(World::new(&setting));
    totals.report("session crash loop", Expected { states: 36_000, sights: &["failed", "resumed"] });
}
