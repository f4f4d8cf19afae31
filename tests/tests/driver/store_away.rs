//! A store that is away: what is held, what is closed, what comes back by itself (R4).

use std::time::Duration;

use switchboard::runtime::operations::Operations;
use switchboard_domain::channel::ErrorCode;
use switchboard_ports::provider::Ack;
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::fakes::platform::Fate;
use switchboard_tests::fakes::store::Verb;
use switchboard_tests::world::World;

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// R4: a short absence holds what comes and offers it again; the connection stays.
#[test]
fn a_message_that_comes_while_the_store_is_away_for_three_seconds_is_held_and_answered_once() {
    let world = World::new(1);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.store.away(&Verb::ALL);
            let acks = ["one", "two", "three"].map(|text| process.push(process.world.message("ann", text)));
            process.wait(SECS(3)).await;
            assert!(acks.iter().all(|ack| !ack.is_finished()), "an uncommitted message is never acked");
            process.world.store.away(&[]);
            for ack in acks {
                assert_eq!(ack.await.unwrap(), Ack::Stored);
            }
            process.finals(3).await;
            assert_eq!(process.status().status, "connected");
        })
        .unwrap();
    assert_eq!(world.platform.connections().1, 1, "the connection stays");
    assert_eq!(world.agent.questions(), ["one", "two", "three"], "in frame order");
    assert_eq!(world.platform.finals().len(), 3);
}

/// R4: after ten seconds the sockets are closed, the status says why, and everything comes back by itself.
#[test]
fn a_store_away_for_longer_closes_the_sockets_and_recovery_comes_by_itself() {
    let world = World::new(2);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.store.away(&Verb::ALL);
            let message = process.world.message("ann", "hello");
            let ack = process.push(message.clone());
            process.wait(SECS(9)).await;
            assert_eq!(process.world.platform.connections().0, 1, "patience is not over");
            // But nothing is green of which a message could not be stored.
            assert_eq!(process.status().status, "disconnected");
            assert_eq!(process.status().last_error.unwrap().code, ErrorCode::StoreUnavailable);
            assert!(process.driver.ready().await.is_err());
            assert!(process.status().last_frame_at > Some(message.sent_at), "frames go on being taken in");
            process.wait(SECS(2)).await;
            assert!(ack.is_finished());
            assert_eq!(ack.await.unwrap(), Ack::Withheld);
            let status = process.status();
            assert_eq!(status.status, "disconnected");
            assert_eq!(status.last_error.unwrap().code, ErrorCode::StoreUnavailable);
            assert_eq!(process.world.platform.connections().0, 0, "the sockets are closed");
            assert!(process.driver.ready().await.is_err());
            process.wait(SECS(60)).await;
            assert_eq!(process.world.platform.connections().0, 0, "and stay so");
            process.world.store.away(&[]);
            process.wait(SECS(5)).await;
            assert_eq!(process.status().status, "connected", "recovery needs nobody");
            assert!(process.driver.ready().await.is_ok());
            process.deliver(message).await;
            process.finals(1).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// R4: patience with a store that takes no messages is ten seconds, also where its leases can be renewed.
#[test]
fn a_store_that_takes_no_messages_closes_the_sockets_after_ten_seconds() {
    let world = World::new(9);
    for hung in [false, true] {
        world
            .process(|process| async move {
                if hung {
                    process.connected().await;
                    process.world.store.hung(&[Verb::Accept]);
                } else {
                    process.set_up().await;
                    process.world.store.away(&[Verb::Accept]);
                }
                let ack = process.push(process.world.message("ann", "hello"));
                process.wait(Duration::from_millis(9_900)).await;
                assert!(!ack.is_finished());
                assert_eq!(process.world.platform.connections().0, 1, "patience is not over");
                let told = if hung { "connected" } else { "disconnected" };
                assert_eq!(process.status().status, told, "what was refused is told at once");
                process.wait(Duration::from_millis(300)).await;
                assert!(ack.is_finished());
                assert_eq!(ack.await.unwrap(), Ack::Withheld);
                let status = process.status();
                assert_eq!(status.status, "disconnected");
                assert_eq!(status.last_error.unwrap().code, ErrorCode::StoreUnavailable);
                process.world.store.away(&[]);
                process.world.store.hung(&[]);
            })
            .unwrap();
    }
}

/// R4: a store that does not answer is away like one that says so.
#[test]
fn a_store_that_hangs_is_away() {
    let world = World::new(3);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.store.hung(&Verb::ALL);
            let message = process.world.message("ann", "hello");
            let ack = process.push(message.clone());
            process.wait(SECS(11)).await;
            assert!(ack.is_finished());
            assert_eq!(ack.await.unwrap(), Ack::Withheld);
            assert_eq!(process.status().status, "disconnected");
            assert_eq!(process.world.platform.connections().0, 0);
            process.wait(SECS(20)).await;
            process.world.store.hung(&[]);
            process.deliver(message).await;
            process.finals(1).await;
            process.wait(SECS(30)).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// R4: a channel where nobody writes learns of it from the leases, so that its status does not lie.
#[test]
fn a_quiet_channel_does_not_stay_green_while_the_store_is_away() {
    let world = World::new(4);
    for verbs in [SteppingVerbs::Away, SteppingVerbs::Hung] {
        world
            .process(|process| async move {
                match verbs {
                    SteppingVerbs::Away => process.set_up().await,
                    SteppingVerbs::Hung => process.connected().await,
                }
                match verbs {
                    SteppingVerbs::Away => process.world.store.away(&Verb::ALL),
                    SteppingVerbs::Hung => process.world.store.hung(&Verb::ALL),
                }
                process.wait(SECS(15)).await;
                assert_eq!(process.status().status, "disconnected");
                process.world.store.away(&[]);
                process.world.store.hung(&[]);
                process.wait(SECS(15)).await;
                assert_eq!(process.status().status, "connected");
            })
            .unwrap();
    }
}

#[derive(Clone, Copy)]
enum SteppingVerbs {
    Away,
    Hung,
}

/// R4: what is held is bounded; at the bound the sockets are closed at once.
#[test]
fn too_many_held_messages_close_the_sockets_before_patience_is_over() {
    let world = World::new(5);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.store.away(&[Verb::Accept]);
            let push = |n: u32| process.push(process.world.message("ann", &n.to_string()));
            let mut acks: Vec<_> = (0..64).map(push).collect();
            process.wait(SECS(1)).await;
            assert_eq!(process.world.platform.connections().0, 1, "so many are held");
            acks.push(push(64));
            process.wait(SECS(1)).await;
            assert_eq!(process.world.platform.connections().1, 1);
            assert_eq!(process.world.platform.connections().0, 0, "one more is too many");
            for ack in acks {
                assert_eq!(ack.await.unwrap(), Ack::Withheld);
            }
        })
        .unwrap();
}

/// R1, R4: an answer that was lost on its way is asked for again; the message was stored once and is woken for.
#[test]
fn a_message_stored_without_our_knowing_is_answered_once_and_soon() {
    let world = World::new(6);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "first").await;
            process.finals(1).await;
            process.world.store.lie_about_accepts(1);
            process.says("ann", "second").await;
            process.wait(SECS(1)).await;
            assert_eq!(process.world.agent.questions(), ["first", "second"], "without waiting for the scan");
            process.finals(2).await;
            process.wait(SECS(30)).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <first>", "answer to <second>"]);
}

/// A turn that begins while the store is away for a moment waits for it instead of failing.
#[test]
fn a_user_store_away_for_three_seconds_fails_no_turn() {
    let world = World::new(7);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.users.away(true);
            process.says("ann", "hello").await;
            process.wait(SECS(3)).await;
            process.world.users.away(false);
            process.finals(1).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// A user store that stays away ends the turn with a sentence.
#[test]
fn a_user_store_that_stays_away_ends_the_turn_with_one_sentence() {
    use switchboard_domain::notice::Notice;
    use switchboard_domain::outcome::FailureCause;
    use switchboard_domain::settings::Locale;
    let world = World::new(8);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.users.away(true);
            process.says("ann", "hello").await;
            process.finals(1).await;
            assert_eq!(process.failures().await, [FailureCause::UserLookup]);
        })
        .unwrap();
    assert_eq!(world.platform.finals(), [Notice::Failed(FailureCause::UserLookup).text(Locale::En)]);
}

/// While nothing can be written, nobody is told that a look into the store failed: the turn goes on when the store is back.
#[test]
fn a_turn_that_begins_in_a_long_outage_is_answered_after_it() {
    let world = World::new(9);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.users.away(true);
            process.says("ann", "hello").await;
            process.wait(SECS(1)).await;
            process.world.store.away(&Verb::ALL);
            // Longer than patience lasts.
            process.wait(SECS(60)).await;
            process.world.store.away(&[]);
            process.wait(SECS(2)).await;
            process.world.users.away(false);
            process.finals(1).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// A turn that follows another begins when its question goes out: what the commit before it waited for is not the agent's
/// silence.
#[test]
fn a_commit_that_waits_for_longer_than_the_first_output_may_take_is_not_the_agents_silence() {
    let world = World::new(10);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "first").await;
            process.says("ann", "second").await;
            process.world.store.away(&[Verb::Commit]);
            // Longer than the agent may be silent, and than a whole turn may take.
            process.wait(SECS(700)).await;
            assert_eq!(process.world.agent.questions(), ["first"], "nothing is performed before its commit");
            process.world.store.away(&[]);
            process.finals(2).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <first>", "answer to <second>"]);
    assert_eq!(world.agent.questions(), ["first", "second"]);
}

/// What an agent says while the conversation waits for a commit is heard afterwards, and is no silence.
#[test]
fn an_agent_that_talks_while_a_commit_waits_is_not_silent() {
    let world = World::new(11);
    world.agent.script(|request, _| Act::Say(answer_to(&request.text), SECS(20)));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("answer").await;
            process.world.store.away(&[Verb::Commit]);
            // Its sentence is stored before it is sent, and everything waits for that.
            process.says("ann", "/help").await;
            process.wait(SECS(90)).await;
            process.world.store.away(&[]);
            process.finals(2).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert!(world.platform.finals().contains(&"answer to <hello>".to_owned()));
    assert_eq!(world.agent.questions(), ["hello"], "asked once");
}

/// R10: a message is under way from its call on, not from the decision that its commit waited with.
#[test]
fn a_part_whose_commit_waits_for_longer_than_a_call_may_take_is_sent_and_known_to_be() {
    let world = World::new(12);
    world.platform.cards_on(false);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.platform.hold_claims(true);
            process.says("ann", "hello").await;
            process.until("it is about to be sent", || !process.world.platform.claims().is_empty()).await;
            process.world.store.away(&[Verb::Commit]);
            process.world.platform.hold_claims(false);
            process.wait(SECS(120)).await;
            assert_eq!(process.world.platform.calls(), [], "nothing is performed before its commit");
            process.world.store.away(&[]);
            process.finals(1).await;
            process.wait(SECS(60)).await;
            assert_eq!(process.failures().await, [], "its fate is known");
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// R10: an outcome that came while the conversation waited for another commit is taken in, however long that took.
#[test]
fn a_part_that_arrives_while_a_commit_waits_is_known_to_have_arrived() {
    let world = World::new(13);
    world.platform.cards_on(false);
    world.platform.rule(|_, _, _| Fate::Slow(SECS(1)));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.until("a call", || !process.world.platform.calls().is_empty()).await;
            process.world.store.away(&[Verb::Commit]);
            process.says("ann", "/help").await;
            process.wait(SECS(120)).await;
            process.world.store.away(&[]);
            process.finals(2).await;
            process.wait(SECS(60)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.platform.finals().len(), 2);
}

/// R11: an hour of tries is an hour in which something could be tried.
#[test]
fn an_answer_whose_commit_waits_for_two_hours_is_delivered_all_the_same() {
    let world = World::new(14);
    world
        .long_process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("answer").await;
            process.world.store.away(&[Verb::Commit]);
            process.wait(SECS(7_200)).await;
            process.world.store.away(&[]);
            process.finals(1).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}
