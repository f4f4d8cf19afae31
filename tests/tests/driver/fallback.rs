//! From a card that cannot be written any more to text (R11).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::message::{ChatKind, Inbound};
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::FailureCause;
use switchboard_domain::reply::{CardOutcome, Way};
use switchboard_domain::settings::Locale;
use switchboard_domain::snapshot::ReplyStateSnapshot;
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::world::World;

const SECS: fn(u64) -> Duration = Duration::from_secs;
const ANSWER: &str = "answer to <hello>";
const DENIED: Fate = Fate::Refuse(CardOutcome::Refused(ErrorCode::PermissionDenied));

fn pointer() -> String {
    Notice::AnswerBelow.text(Locale::En)
}

/// Asks once and lets an hour pass; says which failures were recorded.
fn asked_once(world: &World) -> Vec<FailureCause> {
    world
        .long_process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.wait(SECS(3_700)).await;
            process.failures().await
        })
        .unwrap()
}

/// An agent slow enough for an update between its words.
fn slow(world: &World) {
    world.agent.script(|request, _| Act::Say(answer_to(&request.text), SECS(1)));
}

fn sends(world: &World) -> usize {
    world.platform.kinds().into_iter().filter(|call| matches!(call, Call::Send(_))).count()
}

/// R11: a card that is denied at once was never there: the answer is one text.
#[test]
fn a_card_denied_at_open_becomes_text() {
    let world = World::new(1);
    world.platform.rule(|call, _, _| if call == Call::Open { DENIED } else { Fate::Do });
    assert_eq!(asked_once(&world), []);
    assert_eq!(world.platform.finals(), [ANSWER]);
    assert_eq!(world.platform.cards().len(), 0);
}

/// R11: a card that is denied half-way is reduced to one line, and the whole answer follows as text, committed before.
#[test]
fn a_card_denied_half_way_points_to_the_whole_answer_as_text() {
    let world = World::new(2);
    slow(&world);
    let store = Arc::clone(&world.store);
    world.platform.rule(move |call, text, _| match call {
        Call::Update if text.contains("to") => DENIED,
        Call::Send(_) => {
            let commits = store.commits();
            let fallen = commits.iter().flat_map(|commit| &commit.snapshot.replies).any(|reply| {
                matches!(&reply.state, ReplyStateSnapshot::Plain { parts, .. } if parts[0].text == text)
            });
            assert!(fallen, "the fallback is committed before its first part");
            Fate::Do
        }
        Call::Open | Call::Update | Call::Finish => Fate::Do,
    });
    assert_eq!(asked_once(&world), []);
    assert_eq!(world.platform.finals(), [pointer(), ANSWER.to_owned()]);
    assert!(world.platform.cards().values().all(|card| card.finished && card.text == pointer()));
}

/// R11: a card that says it is closed already is not written to again; the answer goes out as text.
#[test]
fn a_card_closed_by_somebody_else_half_way_becomes_text() {
    let world = World::new(3);
    slow(&world);
    world.platform.rule(|call, text, _| match call {
        Call::Update if text.contains("to") => Fate::Refuse(CardOutcome::AlreadyFinished),
        Call::Open | Call::Update | Call::Finish | Call::Send(_) => Fate::Do,
    });
    assert_eq!(asked_once(&world), []);
    assert!(world.platform.finals().contains(&ANSWER.to_owned()));
    assert_eq!(sends(&world), 1);
}

/// R11, R9: a finish that worked without our knowing, then a refusal: the card shows the answer, and nothing follows.
#[test]
fn a_finish_of_unknown_fate_that_worked_is_not_followed_by_text() {
    let world = World::new(4);
    let finishes = AtomicU32::new(0);
    world.platform.rule(move |call, text, _| match call {
        Call::Finish if text == ANSWER => match finishes.fetch_add(1, Ordering::Relaxed) {
            0 => Fate::DoUnknown,
            _ => DENIED,
        },
        Call::Open | Call::Update | Call::Finish | Call::Send(_) => Fate::Do,
    });
    assert_eq!(asked_once(&world), []);
    assert_eq!(world.platform.finals(), [ANSWER]);
    assert_eq!(sends(&world), 0);
}

/// R11, R9: a finish that did not work, then a refusal: the pointer call tells, and the answer follows as text.
#[test]
fn a_finish_of_unknown_fate_that_did_not_work_is_followed_by_text() {
    let world = World::new(5);
    let finishes = AtomicU32::new(0);
    world.platform.rule(move |call, text, _| match call {
        Call::Finish if text == ANSWER => match finishes.fetch_add(1, Ordering::Relaxed) {
            0 => Fate::Refuse(CardOutcome::Unknown),
            _ => DENIED,
        },
        Call::Open | Call::Update | Call::Finish | Call::Send(_) => Fate::Do,
    });
    assert_eq!(asked_once(&world), []);
    assert_eq!(world.platform.finals(), [pointer(), ANSWER.to_owned()]);
}

/// R11: where the platform refuses even the pointer, the text goes out, the pointer is tried for an hour and then recorded.
#[test]
fn a_card_that_cannot_even_point_is_recorded_as_abandoned_after_an_hour() {
    let world = World::new(6);
    slow(&world);
    world.platform.rule(|call, text, _| match call {
        Call::Update if text.contains("to") => DENIED,
        Call::Finish => DENIED,
        Call::Open | Call::Update | Call::Send(_) => Fate::Do,
    });
    assert_eq!(asked_once(&world), [FailureCause::CardAbandoned]);
    assert_eq!(world.platform.finals(), [ANSWER], "the answer itself went out");
    assert_tried_for_an_hour(&world);
}

/// R11, R9: a card whose finish never tells is asked for an hour; the text never follows, because it may be there.
#[test]
fn a_card_whose_finish_never_tells_is_abandoned_after_an_hour() {
    let world = World::new(7);
    world.platform.rule(|call, _, _| match call {
        Call::Finish => Fate::Refuse(CardOutcome::Unknown),
        Call::Open | Call::Update | Call::Send(_) => Fate::Do,
    });
    assert_eq!(asked_once(&world), [FailureCause::CardAbandoned]);
    assert_eq!(sends(&world), 0);
    assert_tried_for_an_hour(&world);
}

fn assert_tried_for_an_hour(world: &World) {
    let calls = world.platform.calls();
    let tries: Vec<_> = calls.iter().filter(|called| called.call == Call::Finish).collect();
    assert!(tries.len() > 50 && tries.len() < 200, "{} tries", tries.len());
    let span = tries.last().unwrap().at.since(tries[0].at);
    assert!(span > SECS(3_400) && span <= SECS(3_600), "{span:?}");
}

/// R11: a finish that reaches nobody, six times, gives way to text, and the card is pointed from once it can be.
#[test]
fn a_finish_that_reaches_nobody_gives_way_to_text() {
    let world = World::new(8);
    world.platform.rule(|call, text, _| match call {
        Call::Finish if text == ANSWER => Fate::Refuse(CardOutcome::NotSent),
        Call::Open | Call::Update | Call::Finish | Call::Send(_) => Fate::Do,
    });
    assert_eq!(asked_once(&world), []);
    assert_eq!(world.platform.finals(), [pointer(), ANSWER.to_owned()]);
}

/// R11: a fallback is never reverted, not even by a restart.
#[test]
fn a_fallback_outlives_the_process() {
    let world = World::new(9);
    slow(&world);
    world.platform.rule(|call, text, _| match call {
        Call::Update if text.contains("to") => DENIED,
        Call::Finish | Call::Send(_) => Fate::Refuse(CardOutcome::NotSent),
        Call::Open | Call::Update => Fate::Do,
    });
    world
        .long_process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.until("a pointer", || process.world.platform.kinds().contains(&Call::Finish)).await;
        })
        .unwrap();
    world.platform.rule(|_, _, _| Fate::Do);
    let failures = world
        .long_process(|process| async move {
            process.wait(SECS(3_700)).await;
            process.failures().await
        })
        .unwrap();
    assert_eq!(failures, []);
    assert_eq!(world.platform.finals(), [pointer(), ANSWER.to_owned()]);
    assert_eq!(world.agent.asked().len(), 1);
}

/// R11: cards that are switched off while a card stands open, and no process runs: it is reduced to one line all the same.
#[test]
fn a_card_left_open_is_pointed_from_although_the_channel_shows_none_any_more() {
    let world = World::new(11);
    slow(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("answer").await;
        })
        .unwrap();
    world.platform.cards_on(false);
    let failures = world
        .process(|process| async move {
            process.finals(2).await;
            process.wait(SECS(30)).await;
            process.failures().await
        })
        .unwrap();
    assert_eq!(failures, []);
    assert_eq!(world.platform.finals(), [pointer(), ANSWER.to_owned()]);
    assert!(world.platform.cards().values().all(|card| card.finished));
}

/// R11: a channel that never had cards asks once for the one that nobody made, and takes a refusal for an answer.
#[test]
fn a_turn_resumed_without_cards_is_answered_as_text_whatever_the_platform_says_of_cards() {
    for fate in [Fate::Do, DENIED] {
        let world = World::new(12);
        world.platform.cards_on(false);
        slow(&world);
        world.platform.rule(move |call, _, _| if call == Call::Finish { fate } else { Fate::Do });
        world
            .process(|process| async move {
                process.set_up().await;
                process.says("ann", "hello").await;
                process.until("it is asked", || !process.world.agent.asked().is_empty()).await;
            })
            .unwrap();
        let failures = world
            .long_process(|process| async move {
                process.finals(1).await;
                process.wait(SECS(3_700)).await;
                process.failures().await
            })
            .unwrap();
        assert_eq!(failures, [], "{fate:?}");
        assert_eq!(world.platform.finals(), [ANSWER]);
        let finishes = world.platform.kinds().into_iter().filter(|call| *call == Call::Finish).count();
        assert_eq!(finishes, 1, "{fate:?}");
    }
}

/// What does not fit on the card goes on as text; nothing is said twice.
#[test]
fn what_does_not_fit_on_the_card_follows_as_text() {
    let world = World::new(10);
    world.agent.script(|_, _| {
        Act::Say((0..300).map(|n| format!("line number {n:04}\n\n")).collect(), Duration::from_millis(10))
    });
    assert_eq!(asked_once(&world), []);
    let finals = world.platform.finals();
    assert!(finals.len() >= 2, "{finals:#?}");
    let whole = finals.join("\n");
    let numbers: Vec<_> = whole.lines().filter_map(|line| line.strip_prefix("line number ")).collect();
    let expected: Vec<_> = (0..300).map(|n| format!("{n:04}")).collect();
    assert_eq!(numbers, expected);
}

/// Somebody whom no call of the platform can name gets plain text by the address of the message: that is no error.
#[test]
fn an_outsider_is_answered_in_plain_text_and_nothing_is_wrong_with_the_channel() {
    let world = World::new(20);
    world
        .process(|process| async move {
            process.set_up().await;
            process.deliver(outsider(process.world.message("ann", "hello"))).await;
            process.finals(1).await;
            process.wait(SECS(2)).await;
            assert_eq!(process.world.platform.finals(), [ANSWER]);
            assert!(process.world.platform.cards().is_empty());
            assert_eq!(process.world.platform.kinds(), [Call::Send(Way::SessionAddress)], "no card is tried");
            assert!(process.status().last_error.is_none());
            // Everybody else in the channel still gets cards, the outsider in a group too.
            process.says("bob", "hello").await;
            process.finals(2).await;
            let mut in_group = outsider(process.world.message("ann", "hello"));
            in_group.chat.kind = ChatKind::Group;
            in_group.mentioned = Some(true);
            process.deliver(in_group).await;
            process.finals(3).await;
            assert_eq!(process.world.platform.cards().len(), 2);
        })
        .unwrap();
}

/// Without an address that works there is no way left: the answer is recorded as not delivered, and the channel is well.
#[test]
fn an_outsider_whose_address_has_run_out_cannot_be_answered_and_the_channel_is_well() {
    let world = World::new(21);
    let misfit = Fate::Refuse(CardOutcome::Refused(ErrorCode::Misconfigured));
    world.platform.rule(move |call, _, _| if call == Call::Send(Way::Api) { misfit } else { Fate::Do });
    world
        .process(|process| async move {
            process.set_up().await;
            let message = outsider(process.world.message("ann", "hello"));
            process.deliver(Inbound { session_address: None, ..message }).await;
            process.wait(SECS(5)).await;
            assert_eq!(process.failures().await, [FailureCause::DeliveryRefused]);
            assert!(process.status().last_error.is_none());
        })
        .unwrap();
}

fn outsider(mut message: Inbound) -> Inbound {
    message.sender.im_user_id = None;
    message
}
