//! Plain messages: at most once each, by the ways there are (R10, R13).

use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::outcome::FailureCause;
use switchboard_domain::reply::{CardOutcome, Way};
use switchboard_domain::snapshot::{PartStatus, ReplyStateSnapshot};
use switchboard_tests::fakes::agent::Act;
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;
const ADDRESS: Call = Call::Send(Way::SessionAddress);
const API: Call = Call::Send(Way::Api);

fn plain(seed: u64) -> World {
    let world = World::new(seed);
    world.platform.cards_on(false);
    world
}

async fn answered(process: &Process<'_>) {
    process.set_up().await;
    process.says("ann", "hello").await;
    process.wait(SECS(120)).await;
}

/// R10: a part is marked as attempted in a commit of its own, before the call.
#[test]
fn a_part_is_committed_as_attempted_before_it_is_sent() {
    let world = plain(1);
    let store = Arc::clone(&world.store);
    world.platform.rule(move |_, text, _| {
        let commits = store.commits();
        let last = commits.last().unwrap();
        let attempted = last.snapshot.replies.iter().any(|reply| match &reply.state {
            ReplyStateSnapshot::Plain { parts, .. } => {
                parts.iter().any(|part| part.text == text && part.status == PartStatus::Attempting)
            }
            ReplyStateSnapshot::Finishing { .. } => false,
        });
        assert!(attempted, "{:#?}", last.snapshot);
        Fate::Do
    });
    world.process(|process| async move { answered(&process).await }).unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// R10: what may have been sent is never sent again; it is listed.
#[test]
fn a_part_of_unknown_fate_is_listed_and_never_repeated() {
    for fate in [Fate::DoUnknown, Fate::Refuse(CardOutcome::Unknown)] {
        let world = plain(2);
        world.platform.rule(move |_, _, _| fate);
        world
            .process(|process| async move {
                answered(&process).await;
                assert_eq!(process.failures().await, [FailureCause::DeliveryUnknown]);
            })
            .unwrap();
        assert_eq!(world.platform.kinds(), [ADDRESS]);
    }
}

/// R10: a call that takes too long is of unknown fate.
#[test]
fn a_part_whose_call_hangs_is_of_unknown_fate() {
    let world = plain(3);
    world.platform.rule(|_, _, _| Fate::Slow(SECS(3_600)));
    world
        .process(|process| async move {
            answered(&process).await;
            assert_eq!(process.failures().await, [FailureCause::DeliveryUnknown]);
        })
        .unwrap();
    assert_eq!(world.platform.kinds(), [ADDRESS]);
}

/// R10: a throttled part was not sent: it is sent later, the same way.
#[test]
fn a_throttled_part_is_sent_later() {
    let world = plain(4);
    world.platform.rule(|_, _, before| match before {
        0 | 1 => Fate::Refuse(CardOutcome::Throttled { retry_after: SECS(7) }),
        _ => Fate::Do,
    });
    world
        .process(|process| async move {
            answered(&process).await;
            assert_eq!(process.failures().await, []);
            assert_eq!(process.status().last_error.unwrap().code, ErrorCode::RateLimited);
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
    assert_eq!(world.platform.kinds(), [ADDRESS; 3]);
    let calls = world.platform.calls();
    assert!(calls[2].at.since(calls[0].at) >= SECS(14), "{calls:#?}");
}

/// R10: a call that reached nobody is made again; after three times the other way is taken.
#[test]
fn a_way_that_cannot_be_reached_gives_way_to_the_other() {
    let world = plain(5);
    world.platform.rule(|call, _, _| match call {
        Call::Send(Way::SessionAddress) => Fate::Refuse(CardOutcome::NotSent),
        Call::Send(Way::Api) | Call::Open | Call::Update | Call::Finish => Fate::Do,
    });
    world
        .process(|process| async move {
            answered(&process).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.platform.kinds(), [ADDRESS, ADDRESS, ADDRESS, API]);
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// R13: the address refused, then the API; both refused, then a failure record. The status says why.
#[test]
fn the_ways_are_taken_in_order_and_end_in_a_failure_record() {
    let world = plain(6);
    world.platform.rule(|_, _, _| Fate::Refuse(CardOutcome::Refused(ErrorCode::PermissionDenied)));
    world
        .process(|process| async move {
            answered(&process).await;
            assert_eq!(process.failures().await, [FailureCause::DeliveryRefused]);
            let error = process.status().last_error.unwrap();
            assert_eq!((error.code, error.detail.as_str()), (ErrorCode::PermissionDenied, "fake.refused"));
            assert_eq!(process.status().status, "connected");
        })
        .unwrap();
    assert_eq!(world.platform.kinds(), [ADDRESS, API]);
}

/// R13: an address is used only while it has a minute left.
#[test]
fn an_address_about_to_expire_is_not_used() {
    for (left, way) in [(Some(SECS(58)), API), (Some(SECS(70)), ADDRESS), (None, API)] {
        let world = plain(7);
        world
            .process(|process| async move {
                process.set_up().await;
                let mut message = process.world.message("ann", "hello");
                match (&mut message.session_address, left) {
                    (Some(address), Some(left)) => address.until = message.sent_at.after(left),
                    (address, _) => *address = None,
                }
                process.deliver(message).await;
                process.finals(1).await;
            })
            .unwrap();
        assert_eq!(world.platform.kinds(), [way], "with {left:?} left");
    }
}

/// R13: an address that expires while its call waits for the budget is not used either.
#[test]
fn an_address_that_expires_in_the_queue_is_not_used() {
    let world = plain(8);
    world
        .process(|process| async move {
            process.set_up().await;
            let mut message = process.world.message("ann", "hello");
            if let Some(address) = &mut message.session_address {
                address.until = message.sent_at.after(SECS(90));
            }
            process.world.platform.hold_claims(true);
            process.deliver(message).await;
            process.wait(SECS(120)).await;
            assert_eq!(process.world.platform.kinds(), [], "nothing is called before its claim is granted");
            process.world.platform.hold_claims(false);
            process.finals(1).await;
        })
        .unwrap();
    assert_eq!(world.platform.kinds(), [API]);
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// A long answer goes out in parts, in order, each once.
#[test]
fn a_long_answer_goes_out_in_parts_in_order() {
    let world = plain(9);
    world
        .agent
        .script(|_, _| Act::Say((0..400).map(|n| format!("line number {n:04}\n\n")).collect(), SECS(0)));
    world
        .process(|process| async move {
            answered(&process).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    let finals = world.platform.finals();
    assert!(finals.len() >= 2, "{}", finals.len());
    let whole = finals.join("\n");
    let numbers: Vec<_> = whole.lines().filter_map(|line| line.strip_prefix("line number ")).collect();
    let expected: Vec<_> = (0..400).map(|n| format!("{n:04}")).collect();
    assert_eq!(numbers, expected);
}
