//! Failures retried by an operator: a new card by R8, an answer that is there delivered again by R9, each once.

use std::time::Duration;

use switchboard::runtime::operations::Operations;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind, FailureCause};
use switchboard_domain::reply::{CardOutcome, Trial, Tried, Way};
use switchboard_domain::settings::Busy;
use switchboard_ports::failures::{FailureInfo, FailureStore, Requeued};
use switchboard_ports::page::PageRequest;
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// All records, oldest first.
async fn records(process: &Process<'_>) -> Vec<FailureInfo> {
    let page = PageRequest { limit: 200, after: None };
    let listed = process.world.stores().failures.list(&page).await.unwrap();
    listed.items.into_iter().rev().collect()
}

async fn retry(process: &Process<'_>, id: &str) -> Requeued {
    process.driver.retry(id).await.unwrap().unwrap().outcome
}

/// The agent fails the first time it is asked this, and answers afterwards.
fn fails_once(world: &World, question: &'static str) {
    world.agent.script(move |request, before| {
        if request.text == question && before == 0 {
            return Act::Fail(Vec::new(), AgentFailure::new(AgentFailureKind::BadRequest));
        }
        Act::Say(answer_to(&request.text), Duration::from_millis(200))
    });
}

fn lost_once() -> impl Fn(Call, &str, usize) -> Fate {
    |_, _, before| if before == 0 { Fate::Refuse(CardOutcome::Unknown) } else { Fate::Do }
}

#[test]
fn a_question_that_failed_is_asked_again_and_answered_in_a_new_card() {
    let world = World::new(1);
    fails_once(&world, "hello");
    world
        .process(|process| async move {
            process.set_up().await;
            let message = process.says("ann", "hello").await;
            process.finals(1).await;
            let failed = records(&process).await.remove(0);
            assert_eq!(failed.failure.cause, FailureCause::Agent(AgentFailureKind::BadRequest));
            assert_eq!(retry(&process, &failed.id).await, Requeued::Now(switchboard_domain::ids::Seq(2)));
            assert_eq!(retry(&process, &failed.id).await, Requeued::Before);
            process.sees("answer to <hello>").await;
            process.wait(SECS(60)).await;
            let cards = process.world.platform.cards();
            assert_eq!(cards.len(), 2, "{cards:#?}");
            assert!(cards.values().all(|card| card.finished && card.finishes == 1), "{cards:#?}");
            assert!(cards[&message].text != "answer to <hello>");
            assert_eq!(records(&process).await.len(), 1);
            let asked = process.world.agent.asked();
            assert_eq!(asked.len(), 2);
            assert!(asked[0].turn != asked[1].turn, "another turn, another key for the agent");
            assert_eq!(process.conversation("ann").await.waiting, 0);
        })
        .unwrap();
}

#[test]
fn a_retry_that_fails_has_a_record_of_its_own_that_names_the_first() {
    let world = World::new(2);
    world.agent.script(|_, _| Act::Fail(Vec::new(), AgentFailure::new(AgentFailureKind::Unauthorized)));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            let first = records(&process).await.remove(0);
            retry(&process, &first.id).await;
            process.finals(2).await;
            let records = records(&process).await;
            assert_eq!(records.len(), 2);
            assert!(records[0].retried_at.is_some() && records[1].retried_at.is_none());
            assert_eq!(format!("flr_{}", records[1].failure.retry), first.id);
            assert_eq!(records[1].failure.message, first.failure.message);
            // And so on, each time with another card.
            retry(&process, &records[1].id).await;
            process.finals(3).await;
            assert_eq!(process.world.platform.cards().len(), 3);
        })
        .unwrap();
}

#[test]
fn a_retry_waits_its_turn_whatever_the_rule_for_busy_conversations_says() {
    for busy in [Busy::Queue, Busy::Reject, Busy::Interrupt] {
        let world = World::new(3);
        fails_once(&world, "one");
        world
            .process(|process| async move {
                process.set_up_with(|channel, _| channel.conversation.busy = busy).await;
                process.says("ann", "one").await;
                process.finals(1).await;
                let failed = records(&process).await.remove(0);
                process.world.agent.script(|request, _| Act::Say(answer_to(&request.text), SECS(2)));
                process.says("ann", "two").await;
                process.sees("answer").await;
                retry(&process, &failed.id).await;
                process.finals(3).await;
                let finals = process.world.platform.finals();
                assert_eq!(finals[1..], ["answer to <two>", "answer to <one>"], "{busy:?}");
            })
            .unwrap();
    }
}

/// R9, R10: what may have arrived is sent a second time only because somebody says so, and the agent is not asked.
#[test]
fn a_plain_answer_of_unknown_fate_is_delivered_again_without_asking_the_agent() {
    let world = World::new(4);
    world.platform.cards_on(false);
    world.platform.rule(lost_once());
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.wait(SECS(60)).await;
            let failed = records(&process).await.remove(0);
            assert_eq!(failed.failure.cause, FailureCause::DeliveryUnknown);
            let lost = Tried { session_address: Some(Trial::Unknown), ..Tried::default() };
            assert_eq!(failed.failure.tried, lost);
            retry(&process, &failed.id).await;
            process.sees("answer to <hello>").await;
            assert_eq!(retry(&process, &failed.id).await, Requeued::Before);
            process.wait(SECS(60)).await;
            assert_eq!(process.world.agent.asked().len(), 1);
            assert_eq!(process.world.platform.finals(), ["answer to <hello>"]);
            assert_eq!(records(&process).await.len(), 1);
        })
        .unwrap();
}

/// R10: of a long answer only the part that is missing is sent again.
#[test]
fn of_a_long_answer_only_what_did_not_arrive_is_delivered_again() {
    let world = World::new(5);
    world.platform.cards_on(false);
    world
        .agent
        .script(|_, _| Act::Say((0..400).map(|n| format!("line number {n:04}\n\n")).collect(), SECS(0)));
    world.platform.rule(lost_once());
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.wait(SECS(60)).await;
            let arrived = process.world.platform.finals().len();
            let failed = records(&process).await.remove(0);
            retry(&process, &failed.id).await;
            process.wait(SECS(60)).await;
            let finals = process.world.platform.finals();
            assert_eq!(finals.len(), arrived + 1);
            let mut numbers: Vec<_> =
                finals.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("line")).collect();
            numbers.sort_unstable();
            let expected: Vec<_> = (0..400).map(|n| format!("line number {n:04}")).collect();
            assert_eq!(numbers, expected);
        })
        .unwrap();
}

/// R11: a card that could not be closed within an hour; the answer comes in another card.
#[test]
fn an_abandoned_card_is_made_up_for_by_another_card() {
    let world = World::new(6);
    world.platform.rule(|call, _, _| match call {
        Call::Finish => Fate::Refuse(CardOutcome::Unknown),
        Call::Open | Call::Update | Call::Send(_) => Fate::Do,
    });
    world
        .long_process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.wait(SECS(2 * 3_600)).await;
            let failed = records(&process).await.remove(0);
            assert_eq!(failed.failure.cause, FailureCause::CardAbandoned);
            assert_eq!(failed.failure.tried, Tried { card: Some(Trial::Unknown), ..Tried::default() });
            process.world.platform.rule(|_, _, _| Fate::Do);
            retry(&process, &failed.id).await;
            process.finals(1).await;
            assert_eq!(process.world.platform.finals(), ["answer to <hello>"]);
            assert_eq!(process.world.platform.cards().len(), 2);
            assert_eq!(process.world.agent.asked().len(), 1);
        })
        .unwrap();
}

/// R13: the record tells all ways that were taken.
#[test]
fn an_answer_refused_by_every_way_tells_them_and_is_delivered_once_the_platform_takes_it() {
    let world = World::new(7);
    world.platform.rule(|_, _, _| Fate::Refuse(CardOutcome::Refused(ErrorCode::PermissionDenied)));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.wait(SECS(60)).await;
            let failed = records(&process).await.remove(0);
            assert_eq!(failed.failure.cause, FailureCause::DeliveryRefused);
            let refused = Some(Trial::Refused(ErrorCode::PermissionDenied));
            assert_eq!(failed.failure.tried, Tried { card: refused, session_address: refused, api: refused });
            // A second refusal makes a second record, and the third time it works.
            retry(&process, &failed.id).await;
            process.wait(SECS(60)).await;
            let again = records(&process).await.remove(1);
            process.world.platform.rule(|_, _, _| Fate::Do);
            retry(&process, &again.id).await;
            process.finals(1).await;
            assert_eq!(process.world.platform.finals(), ["answer to <hello>"]);
            assert_eq!(process.world.agent.asked().len(), 1);
        })
        .unwrap();
}

/// The bound of open answers holds, and every one of them arrives.
#[test]
fn many_retries_at_once_are_delivered_one_after_the_other() {
    let world = World::new(8);
    world.platform.rule(|_, _, _| Fate::Refuse(CardOutcome::Refused(ErrorCode::PermissionDenied)));
    world
        .process(|process| async move {
            process.set_up().await;
            for n in 0..9 {
                process.says("ann", &format!("q{n}")).await;
                process.wait(SECS(10)).await;
            }
            let failed = records(&process).await;
            assert_eq!(failed.len(), 9);
            process.world.platform.rule(|_, _, _| Fate::Do);
            process.world.platform.hold_claims(true);
            for record in &failed {
                retry(&process, &record.id).await;
            }
            process.wait(SECS(3)).await;
            process.world.platform.hold_claims(false);
            process.finals(9).await;
            let expected: Vec<_> = (0..9).map(|n| format!("answer to <q{n}>")).collect();
            assert_eq!(process.world.platform.finals(), expected);
        })
        .unwrap();
}

async fn twice(process: Process<'_>, id: String) -> Vec<FailureCause> {
    retry(&process, &id).await;
    process.wait(SECS(30)).await;
    retry(&process, &id).await;
    process.wait(SECS(60)).await;
    process.failures().await
}

/// Killed before or after any step, an operator who asks twice gets one retry, and people one answer.
#[test]
fn a_retry_killed_between_any_two_steps_is_done_once() {
    for (cards, seed) in [(true, 9), (false, 10)] {
        for step in 1.. {
            let world = World::new(seed);
            world.platform.cards_on(cards);
            fails_once(&world, "hello");
            let id = world
                .process(|process| async move {
                    process.set_up().await;
                    process.says("ann", "hello").await;
                    process.finals(1).await;
                    process.wait(SECS(10)).await;
                    records(&process).await.remove(0).id
                })
                .unwrap();
            world.steps.kill_at(Some(step));
            let ended = world.process(|process| twice(process, id.clone()));
            if ended.is_some() {
                assert!(step > 6, "a retry has more steps than that");
                break;
            }
            let killed_at = world.steps.log().last().copied().unwrap_or_default();
            world.steps.kill_at(None);
            let failures = world.process(|process| twice(process, id)).unwrap();
            let seen = world.platform.finals().iter().filter(|text| *text == "answer to <hello>").count();
            let listed = failures.contains(&FailureCause::DeliveryUnknown);
            assert!(
                seen == 1 || !cards && seen == 0 && listed,
                "{seen} times, killed at {killed_at} ({step})"
            );
            assert!(world.platform.cards().values().all(|card| card.finished && card.finishes == 1));
        }
    }
}

/// Deleting a record forgets it, and nothing that is under way.
#[test]
fn a_deleted_record_cannot_be_retried_and_stops_no_retry() {
    let world = World::new(11);
    fails_once(&world, "hello");
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            let failed = records(&process).await.remove(0);
            retry(&process, &failed.id).await;
            assert!(process.world.failures.delete(&failed.id).await.unwrap());
            process.sees("answer to <hello>").await;
            assert_eq!(process.driver.retry(&failed.id).await.unwrap(), None);
        })
        .unwrap();
    assert!(world.platform.kinds().iter().all(|call| *call != Call::Send(Way::Api)));
}
