//! Messages that nobody asked for, told from beginning to end.

use std::time::Duration;

use switchboard_domain::ids::Seq;
use switchboard_domain::inbox::Control;
use switchboard_domain::outbound::{Format, MessageState, Undelivered};
use switchboard_domain::outcome::{Outcome, Refusal};

use super::super::platform::Luck;
use super::super::shell::World;
use super::super::store::send;
use super::super::walk::Act;
use super::{plain_world, world};

impl World {
    fn sends(&mut self, format: Format) -> Seq {
        let seq = self.accept(send(format), None);
        self.feed();
        seq
    }

    fn state(&self, seq: Seq) -> MessageState {
        self.store.records[&self.store.entry(seq).message].state()
    }
}

#[test]
fn a_message_goes_out_in_parts_beside_a_running_turn_and_its_record_follows_each() {
    let mut world = plain_world();
    let asked = world.ask();
    let seq = world.sends(Format::Markdown);
    assert_eq!((world.state(seq), world.outcome(seq)), (MessageState::Queued, Some(Outcome::HandedOver)));
    world.grant(0);
    assert_eq!(world.state(seq), MessageState::Attempting, "told before the call");
    world.land(0, Luck::Works);
    assert_eq!(world.state(seq), MessageState::Attempting, "there is more");
    world.delivers();
    assert_eq!(world.state(seq), MessageState::Sent);
    assert!(world.messages(seq).len() > 1);
    assert_eq!(world.outcome(asked), None, "the turn runs on");
    world.says(1);
    world.completes();
    world.ends_well();
}

#[test]
fn messages_wait_for_the_one_before_them() {
    let mut world = world();
    let (first, second) = (world.sends(Format::Text), world.sends(Format::Text));
    world.goes(Luck::Throttled(30_000));
    assert_eq!((world.state(first), world.state(second)), (MessageState::Queued, MessageState::Queued));
    assert_eq!(world.outcome(second), None);
    world.ends_well();
    assert_eq!((world.state(first), world.state(second)), (MessageState::Sent, MessageState::Sent));
}

#[test]
fn a_part_that_may_have_arrived_makes_the_whole_message_of_unknown_fate() {
    for luck in [Luck::WorksUnheard, Luck::LostUnheard] {
        let mut world = world();
        let seq = world.sends(Format::Text);
        world.goes(luck);
        world.ends_well();
        assert_eq!(world.state(seq), MessageState::Unknown);
    }
    let mut world = world();
    let seq = world.sends(Format::Text);
    world.grant(0);
    world.crash();
    world.ends_well();
    assert_eq!(world.state(seq), MessageState::Unknown);
}

#[test]
fn a_refusal_or_an_hour_of_tries_ends_a_message_as_failed() {
    let mut world = world();
    let refused = world.sends(Format::Text);
    world.goes(Luck::Refused);
    assert_eq!(world.state(refused), MessageState::Failed);
    let tried = world.sends(Format::Text);
    while world.state(tried) != MessageState::Failed {
        world.goes(Luck::NotSent);
        world.pass_to_deadline();
    }
    world.ends_well();
    assert!(world.messages(tried).is_empty() && world.store.failures.is_empty());
}

#[test]
fn neither_new_nor_stop_touches_a_message_and_a_disabled_channel_keeps_it() {
    let mut world = world();
    world.act(Act::Enable(false));
    let seq = world.sends(Format::Text);
    world.command(Control::New);
    world.command(Control::Stop { all: true });
    world.wait(Duration::from_mins(5));
    assert_eq!((world.state(seq), world.outcome(seq)), (MessageState::Queued, None));
    world.act(Act::Enable(true));
    world.ends_well();
    assert_eq!(world.state(seq), MessageState::Sent);
}

#[test]
fn with_its_channel_a_message_ends_and_what_is_on_its_way_is_waited_for() {
    let mut world = world();
    let (first, second) = (world.sends(Format::Markdown), world.sends(Format::Text));
    world.grant(0);
    world.command(Control::Withdraw);
    assert_eq!((world.state(first), world.state(second)), (MessageState::Attempting, MessageState::Failed));
    world.land(0, Luck::Works);
    assert_eq!(world.state(first), MessageState::Failed, "its other parts were not sent");
    assert_eq!(world.messages(first).len(), 1);
    let record = &world.store.records[&world.store.entry(first).message];
    assert_eq!(record.cause(), Some(Undelivered::Refused(Refusal::ChannelDeleted)));
    world.ends_well();
}
