//! A channel with two sockets at a time and three in all, every order and report, and deadlines at any moment.

use switchboard_proofs::machines::channel::World;

use super::explorer::{Expected, Totals, is_deep};

#[test]
fn a_channel_keeps_its_promises_in_every_reachable_state() {
    let (sockets, patience) = if is_deep() { (4, 3) } else { (3, 1) };
    let mut totals = Totals::default();
    totals.explore(World::new(1, patience).with_sockets(sockets));
    let expected =
        Expected { states: 4_500, sights: &["connected", "two sockets", "lost again", "refused", "drained"] };
    totals.report("channel", expected);
}
