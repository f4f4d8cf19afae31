//! Commits of unknown fate, conflicts, and leases (R7, R15, R16).

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use switchboard_domain::ids::{Partition, ReplicaId};
use switchboard_domain::snapshot::ReplyStateSnapshot;
use switchboard_ports::error::StoreError;
use switchboard_tests::fakes::agent::Act;
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::fakes::store::{CommitFate, Verb};
use switchboard_tests::world::World;

const SECS: fn(u64) -> Duration = Duration::from_secs;

fn away() -> CommitFate {
    CommitFate::Refuse(StoreError::Unavailable("away".to_owned()))
}

/// R7: a commit of unknown fate is repeated unchanged, and nothing is performed meanwhile.
#[rstest]
fn a_commit_of_unknown_fate_is_repeated_unchanged_and_nothing_is_performed_meanwhile(
    #[values(true, false)] cards: bool,
    #[values(CommitFate::Lie, away())] fate: CommitFate,
) {
    let world = World::new(1);
    world.platform.cards_on(cards);
    world.store.fates([fate.clone(), fate.clone(), fate]);
    let store = Arc::clone(&world.store);
    world.platform.rule(move |call, _, _| {
        let last = matches!(call, Call::Finish | Call::Send(_));
        assert!(!last || store.fates_left() == 0, "{call:?} while its commit is of unknown fate");
        Fate::Do
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.wait(SECS(30)).await;
        })
        .unwrap();
    let commits = world.store.commits();
    assert!(commits.len() > 4, "{}", commits.len());
    assert!(commits[..4].iter().all(|commit| *commit == commits[0]), "the same commit, unchanged");
    assert!(commits[4..].iter().all(|commit| commit.id != commits[0].id), "and then others");
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
    assert_eq!(world.agent.asked().len(), 1);
}

/// R7: a store that is away for a minute in the middle of a turn delays its end and changes nothing else.
#[test]
fn a_store_away_at_the_end_of_a_turn_delays_the_end_only() {
    let world = World::new(2);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.world.store.away(&[Verb::Commit]);
            process.wait(SECS(60)).await;
            assert_eq!(process.world.platform.finals(), [""; 0]);
            process.world.store.away(&[]);
            process.finals(1).await;
            process.wait(SECS(30)).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
    assert_eq!(world.agent.asked().len(), 1);
}

/// R7: after `Conflict` and `Fenced` memory is dropped and nothing of the step is performed; the turn goes on from the store.
#[rstest]
#[case::the_note_that_it_has_begun(true, 0)]
#[case::the_end_of_a_card_turn(true, 1)]
#[case::the_end_of_a_plain_turn(false, 1)]
#[case::the_attempt_at_a_part(false, 2)]
fn after_a_conflict_memory_is_dropped_and_nothing_is_performed(
    #[case] cards: bool,
    #[case] commits_before: usize,
    #[values(StoreError::Conflict, StoreError::Fenced)] error: StoreError,
) {
    let world = World::new(3);
    world.platform.cards_on(cards);
    let fates = std::iter::repeat_n(CommitFate::Do, commits_before);
    world.store.fates(fates.chain([CommitFate::Refuse(error)]));
    let store = Arc::clone(&world.store);
    world.platform.rule(move |call, text, _| {
        let commits = store.commits();
        let known = commits.last().is_some_and(|commit| {
            let shown = |reply: &switchboard_domain::snapshot::ReplySnapshot| match &reply.state {
                ReplyStateSnapshot::Finishing { text: last, .. } => last == text,
                ReplyStateSnapshot::Plain { parts, pointer } => {
                    let points = pointer.as_ref().is_some_and(|pointer| pointer.text == text);
                    points || parts.iter().any(|part| part.text == text)
                }
            };
            commit.snapshot.replies.iter().any(shown)
        });
        assert!(call == Call::Open || call == Call::Update || known, "{call:?} is not of the last commit");
        Fate::Do
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.until("the refusal", || process.world.store.fates_left() == 0).await;
            assert_eq!(process.world.platform.finals(), [""; 0], "nothing of the refused step was performed");
            process.finals(1).await;
            process.wait(SECS(30)).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
    let asked = world.agent.asked();
    assert_eq!(asked.len(), if commits_before < 2 { 2 } else { 1 });
    assert!(asked.iter().all(|request| request.turn == asked[0].turn), "the idempotency key stays");
    assert!(world.platform.cards().values().all(|card| card.finishes == 1));
}

/// A conversation whose task panics goes on from the store, and so does every other.
#[test]
fn a_conversation_whose_task_panics_goes_on_from_the_store() {
    let world = World::new(4);
    world.store.fates([CommitFate::Panic]);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.wait(SECS(30)).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
    assert_eq!(world.counters.sum("switchboard_alarms_total", &["kind=panic"]), 1);
    assert!(world.platform.calls().iter().any(|called| called.attempt == 1), "that was a crash");
}

/// Streaming deltas commit nothing: a card turn commits its end, and lazily that it has begun and that its reply is done.
#[test]
fn a_card_turn_commits_its_end_and_later_that_its_reply_is_done() {
    let world = World::new(5);
    world
        .agent
        .script(|_, _| Act::Say((0..100).map(|n| format!("word{n} ")).collect(), Duration::from_millis(100)));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.wait(SECS(30)).await;
        })
        .unwrap();
    let commits = world.store.commits();
    assert_eq!(commits.len(), 3);
    assert_eq!(commits[0].snapshot.session.attempts.map(|it| it.count), Some(0), "it has begun");
    assert_eq!(commits[1].snapshot.replies.len(), 1);
    assert_eq!(commits[2].snapshot.replies.len(), 0);
}

/// R16: calls start only while the lease lasts for longer than a call takes.
#[test]
fn no_call_starts_while_the_lease_may_run_out_under_it() {
    let world = World::new(6);
    world.agent.script(|_, _| Act::Say((0..120).map(|n| format!("word{n} ")).collect(), SECS(1)));
    let lost = world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("word3").await;
            let lost = process.world.platform.calls().last().unwrap().at;
            process.world.store.away(&[Verb::Claim]);
            process.wait(SECS(60)).await;
            process.world.store.away(&[]);
            process.finals(1).await;
            process.wait(SECS(30)).await;
            lost
        })
        .unwrap();
    // Leases last for 30 s, were renewed at most 3 s before, and a call takes 12 s at most.
    let forbidden = lost.after(SECS(19))..lost.after(SECS(58));
    let calls = world.platform.calls();
    let early: Vec<_> = calls.iter().filter(|called| forbidden.contains(&called.at)).collect();
    assert!(early.is_empty(), "{early:#?}");
    assert!(calls.iter().any(|called| called.at > lost.after(SECS(10))), "until then they do");
    assert_eq!(world.platform.finals().len(), 1);
    assert!(world.platform.finals()[0].contains("word119"));
}

/// R15: what was read under a lease that somebody else had since is dropped; nothing of it is performed.
#[rstest]
#[case::for_a_while(SECS(20))]
#[case::unseen_by_us(SECS(1))]
fn a_conversation_whose_lease_was_somebody_elses_is_read_anew(#[case] held: Duration) {
    let world = World::new(7);
    world.agent.script(|_, _| Act::Say((0..120).map(|n| format!("word{n} ")).collect(), SECS(1)));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("word3").await;
            process.world.store.away(&[Verb::Claim]);
            process.wait(SECS(31)).await;
            // Another replica takes everything over, for a while.
            let other = ReplicaId::new("other");
            let all: Vec<_> = Partition::all().collect();
            let beneath = process.world.store.beneath();
            assert_eq!(beneath.claim(&other, &all, held).await.unwrap().len(), 256);
            process.wait(SECS(1)).await;
            let calls = process.world.platform.calls().len();
            process.world.store.away(&[]);
            process.wait(held).await;
            assert_eq!(process.world.agent.closed_early(), 1, "the run is given up");
            process.finals(1).await;
            process.wait(SECS(30)).await;
            let first = process.world.platform.calls().swap_remove(calls);
            assert_eq!((first.call, first.attempt), (Call::Update, 1), "it is resumed, as after a crash");
        })
        .unwrap();
    let finals = world.platform.finals();
    assert_eq!(finals.len(), 1, "{finals:?}");
    assert!(finals[0].contains("word119"));
    assert_eq!(world.agent.asked().len(), 2);
}

/// R7, R8: what was begun before memory was dropped is known to have begun, however often the conversation cannot be read
/// in between. Else its open card would be taken for none, and stay open.
#[test]
fn a_turn_lost_in_the_middle_closes_its_card_even_if_it_could_not_be_read_at_first() {
    let world = World::new(8);
    world.agent.script(|_, _| Act::Hang(vec!["half ".to_owned()]));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            process.world.store.fates([CommitFate::Refuse(StoreError::Conflict)]);
            process.says("ann", "/new").await;
            process.until("the commit is refused", || process.world.store.fates_left() == 0).await;
            process.world.store.away(&[Verb::Load]);
            process.wait(SECS(5)).await;
            process.world.store.away(&[]);
            process.finals(2).await;
            process.wait(SECS(30)).await;
        })
        .unwrap();
    let cards = world.platform.cards();
    assert!(cards.len() == 1 && cards.values().all(|card| card.finished), "{cards:?}");
}
