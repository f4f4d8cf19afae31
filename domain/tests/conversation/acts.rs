//! Arbitrary walks: every message ends once, people see every word once, whatever dies and whenever.

use proptest::prelude::*;
use switchboard_domain::choice::{Lookup, Pick};
use switchboard_domain::inbox::{Control, Intake, Origin};
use switchboard_domain::outbound::Format;
use switchboard_domain::outcome::{AgentFailureKind, Refusal};
use switchboard_domain::settings::Busy;

use super::platform::Luck;
use super::shell::{Fuse, World};
use super::store::{ask, send};
use super::walk::{Act, Quiet, Talk, policy};

fn intake() -> impl Strategy<Value = Intake> {
    let control = prop_oneof![
        3 => Just(Control::New),
        3 => Just(Control::Stop { all: false }),
        2 => Just(Control::Stop { all: true }),
        1 => Just(Control::Help),
        1 => Just(Control::Withdraw),
    ];
    let origin = prop_oneof![4 => Just(Origin::Chat), 1 => Just(Origin::Api)];
    prop_oneof![
        6 => Just(ask("question")),
        1 => prop_oneof![Just(Format::Text), Just(Format::Markdown)].prop_map(send),
        3 => (control, origin).prop_map(|(control, origin)| Intake::Control { control, origin }),
        1 => Just(Intake::Lookup(Lookup::Status)),
        2 => Just(Intake::Lookup(Lookup::Agents(Pick::Number(2)))),
        1 => Just(Intake::Refused(Refusal::TooManyMessages)),
    ]
}

/// How a platform is disposed: weights of working, working unheard, being lost, throttling, no connection, refusing.
const MOODS: [[u32; 6]; 4] =
    [[12, 1, 1, 1, 1, 1], [2, 2, 1, 1, 1, 3], [1, 4, 1, 1, 1, 4], [3, 1, 1, 4, 4, 1]];

fn luck(mood: [u32; 6]) -> impl Strategy<Value = Luck> + Clone {
    prop_oneof![
        mood[0] => Just(Luck::Works),
        mood[1] => Just(Luck::WorksUnheard),
        mood[2] => Just(Luck::LostUnheard),
        mood[3] => prop::sample::select(&[0, 1_500, 90_000][..]).prop_map(Luck::Throttled),
        mood[4] => Just(Luck::NotSent),
        mood[5] => Just(Luck::Refused),
    ]
}

fn talk() -> impl Strategy<Value = Talk> {
    prop_oneof![
        2 => any::<bool>().prop_map(Talk::Started),
        8 => (0..40u8).prop_map(Talk::Words),
        1 => Just(Talk::Progress),
        4 => Just(Talk::Completed),
        2 => prop::sample::select(AgentFailureKind::ALL.as_slice()).prop_map(Talk::Failed),
    ]
}

fn act(mood: [u32; 6]) -> impl Strategy<Value = Act> {
    let fuse = prop_oneof![
        1 => Just(Fuse::BeforeCommit),
        2 => (0..4u8).prop_map(Fuse::AfterCommit),
    ];
    let busy = prop_oneof![Just(Busy::Queue), Just(Busy::Interrupt), Just(Busy::Reject)];
    prop_oneof![
        10 => (intake(), prop::option::of(0..200_000u32), prop::bool::weighted(0.8))
            .prop_map(|(intake, address, feed)| Act::Accept(intake, address, feed)),
        3 => any::<u8>().prop_map(Act::Retry),
        2 => Just(Act::Feed),
        20 => any::<u8>().prop_map(Act::Grant),
        20 => (any::<u8>(), luck(mood)).prop_map(|(which, luck)| Act::Land(which, luck)),
        2 => any::<u8>().prop_map(Act::Retell),
        // The newest run is the one that is listened to, mostly.
        16 => (prop_oneof![4 => Just(None), 1 => any::<u8>().prop_map(Some)], talk())
            .prop_map(|(which, talk)| Act::Talk(which.unwrap_or(u8::MAX), talk)),
        6 => any::<u8>().prop_map(Act::Close),
        3 => (0..20_000u32).prop_map(Act::Wait),
        1 => (0..4_000_000u32).prop_map(Act::Wait),
        8 => Just(Act::Deadline),
        2 => (0..4_000_000u32).prop_map(Act::Stall),
        1 => Just(Act::Lazy),
        4 => Just(Act::Look),
        2 => fuse.prop_map(Act::Arm),
        2 => Just(Act::Crash),
        1 => prop::option::of(intake()).prop_map(Act::Park),
        1 => any::<bool>().prop_map(Act::Enable),
        1 => busy.prop_map(Act::Configure),
        1 => prop::sample::select(&[0, 500, 3_000][..]).prop_map(Act::Merge),
    ]
}

fn quiet(mood: [u32; 6]) -> impl Strategy<Value = Quiet> {
    let control = prop_oneof![Just(Control::Stop { all: true }), Just(Control::Withdraw)];
    prop_oneof![
        3 => Just(Quiet::Works),
        2 => (control.clone(), prop::collection::vec(luck(mood), 1..6))
            .prop_map(|(control, lucks)| Quiet::Stopped(control, lucks)),
        1 => control.prop_map(Quiet::Silent),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn every_message_ends_once_and_every_word_is_seen_once(
        cards in prop::bool::weighted(0.8),
        dice in any::<u64>(),
        (acts, quiet) in prop::sample::select(&MOODS[..])
            .prop_flat_map(|mood| (prop::collection::vec(act(mood), 1..120), quiet(mood))),
    ) {
        let mut world = World::new(policy(cards), dice);
        for act in acts {
            world.act(act);
        }
        world.calm_down(&quiet);
    }
}

/// Time that a commit takes is not given back: what counts from its end is not early.
#[test]
fn a_wait_in_which_a_commit_stalls_is_no_shorter_for_it() {
    let ask = || Intake::Ask { text: "question".to_owned(), attachments: Vec::new(), quotes: None };
    let mut world = World::new(policy(true), 0);
    for act in [
        Act::Accept(ask(), None, true),
        Act::Stall(1),
        Act::Deadline,
        Act::Close(0),
        Act::Accept(ask(), None, true),
        Act::Deadline,
    ] {
        world.act(act);
    }
    world.calm_down(&Quiet::Works);
}
