//! Channels whose settings change while messages come, and what their status says.

use std::time::Duration;

use switchboard::runtime::operations::{Operations, RuntimeEvent};
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_domain::ids::ChannelId;
use switchboard_domain::secret::Secret;
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::world::{Process, World};
use tokio::sync::broadcast::Receiver;

const WAITS: &str = "Your message waits and is answered next.";
const SECS: fn(u64) -> Duration = Duration::from_secs;

fn first() -> ChannelId {
    ChannelId::new("chn_1")
}

/// Every status published so far, oldest first.
fn statuses(events: &mut Receiver<RuntimeEvent>) -> Vec<String> {
    let mut seen = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let RuntimeEvent::ChannelStatus(status) = event {
            seen.push(status.status.to_string());
        }
    }
    seen.dedup();
    seen
}

fn slow(world: &World) {
    world.agent.script(|request, _| Act::Say(answer_to(&request.text), SECS(2)));
}

/// Two channels, both connected.
async fn two(process: &Process<'_>) -> ChannelId {
    process.set_up().await;
    let other = process.add_channel("chn_2", |_| {}).await;
    process.until("both are connected", || process.world.platform.connections().0 == 2).await;
    other
}

/// Wrong credentials: red at once with the reason, and never green, not for a moment. Corrected: green within 2 s.
#[test]
fn wrong_credentials_are_never_connected_and_corrected_ones_soon_are() {
    let world = World::new(1);
    world.platform.takes_secret("right");
    world
        .process(|process| async move {
            let mut events = process.driver.events();
            process.world.set_up().await;
            process.driver.channel_changed(&first()).await.unwrap();
            process.wait(SECS(600)).await;
            let status = process.status();
            assert_eq!(status.status, "disconnected");
            assert_eq!(status.last_error.unwrap().code, ErrorCode::InvalidCredentials);
            assert_eq!(status.connected_at, None);
            assert!(!statuses(&mut events).contains(&"connected".to_owned()));
            process
                .patch(&first(), |channel| {
                    channel.secrets.insert("/secret".to_owned(), Secret::new("right"));
                })
                .await;
            process.wait(SECS(2)).await;
            assert_eq!(process.status().status, "connected");
            process.says("ann", "hello").await;
            process.finals(1).await;
        })
        .unwrap();
}

/// A changed secret makes its own channel connect anew and touches no other; a changed name makes none.
#[test]
fn a_changed_secret_reconnects_its_own_channel_only() {
    let world = World::new(2);
    world
        .process(|process| async move {
            let other = two(&process).await;
            process.patch(&first(), |channel| channel.name = "renamed".to_owned()).await;
            process.wait(SECS(5)).await;
            assert_eq!(process.world.platform.connections_of(&first()), (1, 1));
            process
                .patch(&first(), |channel| {
                    channel.secrets.insert("/secret".to_owned(), Secret::new("new"));
                })
                .await;
            process.wait(SECS(5)).await;
            assert_eq!(process.world.platform.connections_of(&first()), (1, 2));
            assert_eq!(process.world.platform.connections_of(&other), (1, 1));
        })
        .unwrap();
}

/// A restart of one channel touches no other, nor the answers being written.
#[test]
fn a_restart_touches_no_other_channel_and_no_answer() {
    let world = World::new(3);
    slow(&world);
    world
        .process(|process| async move {
            let other = two(&process).await;
            let mut events = process.driver.events();
            let hello = process.world.message("ann", "hello");
            process.world.platform.push_to(&first(), hello).unwrap().await;
            process.wait(SECS(1)).await;
            assert!(process.driver.restart(&first()).await.unwrap());
            process.finals(1).await;
            assert_eq!(process.world.platform.connections_of(&first()), (1, 2));
            assert_eq!(process.world.platform.connections_of(&other), (1, 1));
            while let Ok(event) = events.try_recv() {
                assert!(!matches!(event, RuntimeEvent::ChannelStatus(status) if status.channel == other));
            }
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
    assert_eq!(world.agent.asked().len(), 1);
}

/// Disable closes the sockets at once, lets the running answer finish, and keeps what waits for the next enable.
#[test]
fn a_disabled_channel_finishes_what_runs_and_keeps_what_waits() {
    let world = World::new(4);
    slow(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            for text in ["one", "two", "three"] {
                process.says("ann", text).await;
            }
            process.wait(SECS(1)).await;
            process.patch(&first(), |channel| channel.enabled = false).await;
            process.wait(Duration::from_millis(500)).await;
            assert_eq!(process.world.platform.connections().0, 0);
            assert_eq!(process.status().status, "disabled");
            assert!(!process.driver.restart(&first()).await.unwrap(), "there is nothing to restart");
            process.wait(SECS(120)).await;
            assert_eq!(process.world.platform.finals(), ["answer to <one>"]);
            assert_eq!(process.world.agent.questions(), ["one"]);
            assert_eq!(process.conversation("ann").await.waiting, 2);
        })
        .unwrap();
    // A restart in between changes nothing.
    world
        .process(|process| async move {
            process.wait(SECS(60)).await;
            assert_eq!(process.world.agent.questions(), ["one"]);
            process.patch(&first(), |channel| channel.enabled = true).await;
            process.finals(3).await;
            assert_eq!(process.status().status, "connected");
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["one", "two", "three"].map(|text| format!("answer to <{text}>")));
    assert_eq!(world.agent.asked().len(), 3);
}

/// The running answer finishes also where its process dies: no card stands open until somebody enables the channel.
#[test]
fn a_disabled_channel_finishes_what_ran_when_its_process_died() {
    for step in 1.. {
        let world = World::new(4);
        slow(&world);
        let killed = world.process(|process| async move {
            process.set_up().await;
            for text in ["one", "two"] {
                process.says("ann", text).await;
            }
            process.wait(SECS(1)).await;
            assert_eq!(process.world.platform.cards().len(), 1, "the answer is seen");
            process.patch(&first(), |channel| channel.enabled = false).await;
            process.world.steps.kill_at(Some(step));
            process.wait(SECS(60)).await;
        });
        world.steps.kill_at(None);
        world
            .process(|process| async move {
                process.wait(SECS(60)).await;
                let at = format!("killed at step {step}; seen: {:#?}", process.world.platform.seen());
                let cards = process.world.platform.cards();
                let (closed, open): (Vec<_>, Vec<_>) = cards.into_values().partition(|card| card.finished);
                assert!(closed.len() == 1 && closed[0].finishes == 1, "{at}");
                assert!(open.iter().all(|card| card.text == WAITS), "{at}");
                assert_eq!(process.world.platform.finals(), ["answer to <one>"], "{at}");
                assert!(!process.world.agent.questions().contains(&"two".to_owned()), "{at}");
                assert_eq!(process.conversation("ann").await.waiting, 1, "{at}");
            })
            .unwrap();
        if killed.is_some() {
            assert!(step > 3, "the answer has more steps than that");
            return;
        }
    }
}

/// Make before break: while the platform rotates connections the channel stays green and no message is lost.
#[test]
fn a_rotation_is_not_seen_by_anybody() {
    let world = World::new(5);
    world
        .process(|process| async move {
            process.set_up().await;
            let mut events = process.driver.events();
            for n in 0..5 {
                process.world.platform.rotate();
                process.says("ann", &n.to_string()).await;
                process.wait(SECS(120)).await;
            }
            process.finals(5).await;
            assert!(!statuses(&mut events).contains(&"disconnected".to_owned()));
            assert_eq!(process.world.platform.connections(), (1, 6));
        })
        .unwrap();
}

/// A connection that is cut is red, with the reason, until there is another.
#[test]
fn a_cut_connection_is_red_and_comes_back_by_itself() {
    let world = World::new(6);
    world
        .process(|process| async move {
            process.set_up().await;
            let mut events = process.driver.events();
            process.world.platform.refuse_connections(Some(CloseCause::Failed {
                code: ErrorCode::NetworkUnreachable,
                detail: "no route".to_owned(),
                retry_after: None,
            }));
            process.world.platform.cut_connections();
            process.wait(SECS(1)).await;
            assert_eq!(process.status().status, "disconnected");
            assert_eq!(process.status().last_error.unwrap().code, ErrorCode::ConnectionLost);
            process.wait(SECS(600)).await;
            let status = process.status();
            assert_eq!(status.last_error.unwrap().code, ErrorCode::NetworkUnreachable);
            assert!(status.next_attempt_at.is_some() && status.attempt > 5);
            process.world.platform.refuse_connections(None);
            process.wait(SECS(61)).await;
            assert_eq!(process.status().status, "connected");
            assert_eq!(statuses(&mut events), ["disconnected", "connected"]);
        })
        .unwrap();
}

/// Of two changes at once the later one wins, and a new channel is started once.
#[test]
fn changes_at_once_start_a_channel_once() {
    let world = World::new(7);
    world
        .process(|process| async move {
            process.world.set_up().await;
            let id = first();
            let changed = (0..10).map(|_| process.driver.channel_changed(&id));
            for result in futures_util::future::join_all(changed).await {
                result.unwrap();
            }
            process.connected().await;
            process.wait(SECS(60)).await;
            assert_eq!(process.world.platform.connections(), (1, 1));
            let (disabled, ()) = tokio::join!(
                process.driver.channel_changed(&id),
                process.patch(&id, |channel| channel.enabled = false)
            );
            disabled.unwrap();
            process.wait(SECS(1)).await;
            assert_eq!(process.status().status, "disabled");
        })
        .unwrap();
}

/// What is changed counts from the next question on, without a restart of anything.
#[test]
fn a_changed_model_is_used_for_the_next_question() {
    let world = World::new(8);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.finals(1).await;
            process.patch(&first(), |channel| channel.default_model = Some("other".to_owned())).await;
            process.says("ann", "two").await;
            process.finals(2).await;
        })
        .unwrap();
    let models: Vec<_> = world.agent.asked().into_iter().map(|asked| asked.model).collect();
    assert_eq!(models, [None, Some("other".to_owned())]);
    assert_eq!(world.platform.connections().1, 1);
}

/// The metrics that the contract names are there after a day's ordinary events.
#[test]
fn the_metrics_of_the_contract_are_there() {
    let world = World::new(9);
    world.agent.script(|request, _| match request.text.as_str() {
        "fail" => Act::Fail(
            Vec::new(),
            switchboard_tests::fakes::agent::failure(
                switchboard_domain::outcome::AgentFailureKind::Malformed,
            ),
        ),
        text => Act::Say(answer_to(text), SECS(1)),
    });
    world
        .process(|process| async move {
            process.set_up().await;
            let hello = process.world.message("ann", "hello");
            for message in [hello.clone(), hello] {
                process.deliver(message).await;
            }
            process.says("ann", "fail").await;
            process.finals(2).await;
            process.wait(SECS(5)).await;
        })
        .unwrap();
    let names = world.counters.names();
    for name in [
        "switchboard_channel_connected",
        "switchboard_channel_reconnects_total",
        "switchboard_messages_received_total",
        "switchboard_messages_duplicate_total",
        "switchboard_turns_total",
        "switchboard_turns_running",
        "switchboard_inbox_pending",
        "switchboard_time_to_first_output_seconds",
        "switchboard_turn_seconds",
        "switchboard_card_updates_total",
        "switchboard_agent_requests_total",
        "switchboard_failures_total",
    ] {
        assert!(names.iter().any(|known| known == name), "{name} is missing in {names:#?}");
    }
    assert_eq!(world.counters.sum("switchboard_turns_total", &["outcome=answered"]), 1);
    assert_eq!(world.counters.sum("switchboard_turns_total", &["outcome=failed"]), 1);
}
