//! One call at a time per card, and the platform's budget (R12, R14).

use std::time::Duration;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::notice::Notice;
use switchboard_domain::reply::{CardOutcome, Claim};
use switchboard_domain::settings::Locale;
use switchboard_ports::error::StoreError;
use switchboard_tests::fakes::agent::Act;
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::fakes::store::CommitFate;
use switchboard_tests::world::World;

const SECS: fn(u64) -> Duration = Duration::from_secs;
const MS: fn(u64) -> Duration = Duration::from_millis;

fn talkative(world: &World, words: u32, pause: Duration) {
    world.agent.script(move |request, _| {
        let end = std::iter::once(format!("<{}>", request.text));
        Act::Say((0..words).map(|n| format!("word{n} ")).chain(end).collect(), pause)
    });
}

/// R12: one call per card is under way, none is cut off, and the finish waits for it.
#[test]
fn a_slow_card_has_one_call_under_way_and_the_finish_waits_for_it() {
    let world = World::new(1);
    talkative(&world, 40, MS(100));
    world.platform.rule(|_, _, _| Fate::Slow(SECS(3)));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.wait(SECS(30)).await;
            assert_eq!(process.world.platform.cut_calls(), 0);
        })
        .unwrap();
    assert_eq!(world.platform.overlapping(), 0);
    let calls = world.platform.calls();
    assert!(calls.windows(2).all(|pair| pair[1].at.since(pair[0].at) >= SECS(3)), "{calls:#?}");
    assert_eq!(world.platform.finals().len(), 1);
}

/// R12: a stop does not cut a call off: the finish comes after it.
#[test]
fn a_stop_waits_for_the_call_under_way() {
    let world = World::new(2);
    talkative(&world, 400, MS(100));
    world.platform.rule(|call, _, _| if call == Call::Update { Fate::Slow(SECS(5)) } else { Fate::Do });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.until("an update", || process.world.platform.kinds().contains(&Call::Update)).await;
            process.says("ann", "/stop").await;
            process.wait(SECS(1)).await;
            assert_eq!(process.world.agent.closed_early(), 1, "the agent is stopped at once");
            process.finals(1).await;
            assert_eq!(process.world.platform.cut_calls(), 0);
        })
        .unwrap();
    assert_eq!(world.platform.overlapping(), 0);
    let kinds = world.platform.kinds();
    assert_eq!(kinds, [Call::Open, Call::Update, Call::Finish]);
}

/// R12: a call is bounded in time; after that its fate is unknown, and for a card it may be repeated.
#[test]
fn a_card_call_that_hangs_is_given_up_and_repeated() {
    let world = World::new(3);
    world.platform.rule(|_, _, before| if before == 1 { Fate::Slow(SECS(3_600)) } else { Fate::Do });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.platform.overlapping(), 0);
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// R12: memory that is dropped while a call is under way knows nothing of it afterwards; the next call waits for it all the
/// same.
#[test]
fn a_call_that_outlives_its_memory_is_waited_for() {
    let world = World::new(7);
    world.agent.script(|_, _| Act::Hang(vec!["half ".to_owned()]));
    world.platform.rule(|call, _, _| if call == Call::Update { Fate::Slow(SECS(8)) } else { Fate::Do });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.until("an update", || process.world.platform.kinds().contains(&Call::Update)).await;
            process.world.store.fates([CommitFate::Refuse(StoreError::Conflict)]);
            process.says("ann", "/stop").await;
            process.finals(1).await;
            process.wait(SECS(30)).await;
        })
        .unwrap();
    assert_eq!(world.store.fates_left(), 0);
    assert_eq!(world.platform.overlapping(), 0);
    assert!(world.platform.cards().values().all(|card| card.finished && card.finishes == 1));
}

/// R12: the first visible call of the next reply waits for the last call of the one before.
#[test]
fn the_next_reply_shows_nothing_before_the_last_one_is_closed() {
    let world = World::new(4);
    world.platform.rule(|call, text, _| match call {
        Call::Finish if text.contains("one") => Fate::Slow(SECS(6)),
        Call::Open | Call::Update | Call::Finish | Call::Send(_) => Fate::Do,
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.says("ann", "two").await;
            process.finals(2).await;
        })
        .unwrap();
    let seen = world.platform.seen();
    let closed = seen.iter().position(|seen| seen.last && seen.text.contains("one")).unwrap();
    let thinking = Notice::Thinking.text(Locale::En);
    let opened = seen.iter().rposition(|seen| seen.text == thinking).unwrap();
    assert!(opened > closed, "{seen:#?}");
    assert_eq!(world.agent.questions(), ["one", "two"]);
}

/// R12: but no longer than ten seconds.
#[test]
fn a_reply_that_cannot_be_closed_holds_the_next_for_ten_seconds_only() {
    let world = World::new(5);
    world.platform.rule(|call, text, _| match call {
        Call::Finish if text.contains("one") => Fate::Refuse(CardOutcome::Unknown),
        Call::Open | Call::Update | Call::Finish | Call::Send(_) => Fate::Do,
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.says("ann", "two").await;
            process.finals(1).await;
        })
        .unwrap();
    let calls = world.platform.calls();
    let first_finish = calls.iter().find(|called| called.call == Call::Finish).unwrap().at;
    let second_open = calls.iter().rfind(|called| called.call == Call::Open).unwrap().at;
    assert!(second_open.since(first_finish) <= SECS(11), "{calls:#?}");
    assert_eq!(world.platform.finals(), ["answer to <two>"]);
}

/// R14: every call claims its place first, by its importance.
#[test]
fn every_call_claims_its_place_first() {
    let world = World::new(6);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.says("ann", "/help").await;
            process.finals(2).await;
        })
        .unwrap();
    let claims = world.platform.claims();
    let called: Vec<_> = world
        .platform
        .kinds()
        .into_iter()
        .map(|call| match call {
            Call::Open => Claim::Open,
            Call::Update => Claim::Update,
            Call::Finish => Claim::Finish,
            Call::Send(way) => Claim::Text(way),
        })
        .collect();
    // An update that was still waiting when the turn ended is given up; everything else is called.
    assert!(claims.len() - called.len() <= 1, "{claims:?} {called:?}");
    assert!(called.iter().all(|call| claims.contains(call)));
    assert_eq!(claims[0], Claim::Open);
}

/// R14: a card that is still to be made keeps its place when its answer ends, and what is given up leaves the queue: it would take
/// calls from others, and make none.
#[test]
fn an_answer_that_ends_while_it_waits_has_one_place_in_the_queue() {
    let world = World::new(6);
    let answered = |world: &World, number| world.agent.asked().len() == number;
    world
        .process(|process| async move {
            process.set_up().await;
            let platform = &process.world.platform;
            platform.hold_claims(true);
            process.says("ann", "one").await;
            process.until("the agent is asked", || answered(process.world, 1)).await;
            process.wait(SECS(10)).await;
            assert_eq!((platform.claims(), platform.claims_waiting()), (vec![Claim::Open], 1));
            platform.hold_claims(false);
            process.finals(1).await;
            assert_eq!(platform.claims(), [Claim::Open, Claim::Finish]);
            process.says("ann", "two").await;
            process.until("the card is made", || platform.kinds().len() == 3).await;
            platform.hold_claims(true);
            process.wait(SECS(10)).await;
            assert_eq!(platform.claims().last(), Some(&Claim::Finish));
            assert_eq!(platform.claims_waiting(), 1, "{:?}", platform.claims());
            platform.hold_claims(false);
            process.finals(2).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <one>", "answer to <two>"]);
}

/// R14: a note that waits for its place gives it up when its message's turn comes.
#[test]
fn a_note_that_becomes_an_answer_leaves_the_queue() {
    let world = World::new(6);
    world.agent.script(|_, _| Act::Say(vec!["word ".to_owned(); 10], SECS(1)));
    world
        .process(|process| async move {
            process.set_up().await;
            let platform = &process.world.platform;
            process.says("ann", "one").await;
            process.until("the card is made", || !platform.kinds().is_empty()).await;
            platform.hold_claims(true);
            process.says("ann", "two").await;
            process.until("its note waits", || platform.claims().contains(&Claim::Note)).await;
            process.until("its turn has come", || process.world.agent.asked().len() == 2).await;
            process.wait(SECS(20)).await;
            // The first answer's end and the second one's card.
            assert_eq!(platform.claims_waiting(), 2, "{:?}", platform.claims());
            platform.hold_claims(false);
            process.finals(2).await;
        })
        .unwrap();
}

/// R14: a budget without a place delays everything and loses nothing.
#[test]
fn a_used_up_budget_delays_and_never_fails() {
    let world = World::new(7);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.platform.hold_claims(true);
            process.says("ann", "one").await;
            process.says("ann", "/help").await;
            process.wait(SECS(300)).await;
            assert_eq!(process.world.platform.kinds(), [], "nothing is called before its claim is granted");
            let status = process.status();
            assert_eq!(status.status, "connected");
            let error = status.last_error.unwrap();
            assert_eq!(error.code, ErrorCode::RateLimited);
            assert_eq!(error.detail, "calls wait for their turn");
            process.world.platform.hold_claims(false);
            process.finals(2).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert!(world.platform.finals().contains(&"answer to <one>".to_owned()));
}

/// R14: whoever waits because the platform bars everybody hears of it by no answer, and the status says so all the same.
#[test]
fn a_claim_that_waits_for_the_end_of_a_ban_shows_as_rate_limited() {
    for is_barred_before in [true, false] {
        let world = World::new(71);
        world
            .process(|process| async move {
                process.set_up().await;
                let platform = process.world.platform.clone();
                platform.hold_claims(true);
                platform.bar(is_barred_before.then_some("1111: banned"));
                process.says("ann", "one").await;
                process.wait(SECS(2)).await;
                platform.bar(Some("1111: banned"));
                process.wait(SECS(2)).await;
                let status = process.status();
                let error = status.last_error.unwrap();
                assert_eq!((error.code, error.detail.as_str()), (ErrorCode::RateLimited, "1111: banned"));
                assert_eq!(status.status, "connected");
                platform.bar(None);
                platform.hold_claims(false);
                process.finals(1).await;
                assert_eq!(process.failures().await, []);
            })
            .unwrap();
    }
}

/// R14: a throttle delays a reply and never fails it, and shows in the status.
#[test]
fn a_throttle_delays_a_card_and_shows_as_rate_limited() {
    for throttled in [Call::Open, Call::Update, Call::Finish] {
        let world = World::new(8);
        world.platform.rule(move |call, _, before| {
            if call == throttled && before < 30 {
                Fate::Refuse(CardOutcome::Throttled { retry_after: SECS(5) })
            } else {
                Fate::Do
            }
        });
        world
            .process(|process| async move {
                process.set_up().await;
                process.says("ann", "hello").await;
                process.wait(SECS(10)).await;
                let status = process.status();
                if throttled == Call::Finish || throttled == Call::Open {
                    assert_eq!(process.world.platform.finals(), [""; 0]);
                }
                assert_eq!(status.last_error.unwrap().code, ErrorCode::RateLimited);
                assert_eq!(status.status, "connected", "a throttled app is as connected as before");
                process.finals(1).await;
                process.wait(SECS(60)).await;
                assert_eq!(process.failures().await, []);
            })
            .unwrap();
        assert_eq!(world.platform.finals(), ["answer to <hello>"], "{throttled:?}");
        // A card that cannot be made for too long gives way to text; one that is there waits for its throttle to end.
        assert_eq!(world.platform.cards().is_empty(), throttled == Call::Open, "{throttled:?}");
    }
}

/// A card is updated at its own pace, however fast the agent talks.
#[test]
fn a_card_is_updated_at_its_own_pace() {
    let world = World::new(9);
    talkative(&world, 300, MS(33));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
        })
        .unwrap();
    let updates: Vec<_> =
        world.platform.calls().into_iter().filter(|called| called.call == Call::Update).collect();
    // Ten seconds of talk: the first two updates soon, then one each 800 ms, and later ones further apart.
    assert!((8..=10).contains(&updates.len()), "{} updates", updates.len());
    assert!(updates[3..].windows(2).all(|pair| pair[1].at.since(pair[0].at) >= MS(800)));
}
