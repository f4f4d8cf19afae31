//! Killing the process between any two steps of a turn.

use switchboard::runtime::operations::Operations;
use switchboard_domain::ids::ChannelId;
use switchboard_tests::world::{Process, World};

/// A scenario survives being killed at every step: the reference is what the user sees when nobody kills it.
fn kill_at_every_step(cards: bool) {
    let mut step = 1;
    loop {
        let world = World::new(42);
        world.platform.cards_on(cards);
        world.process(|process| async move { process.world.set_up().await }).expect("set-up");
        world.steps.kill_at(Some(step));
        let asked = world.message("ann", "hello");
        let first = asked.clone();
        let ended = world.process(|process| async move {
            process.driver.channel_changed(&ChannelId::new("chn_1")).await.expect("the channel starts");
            process.deliver(first).await;
            quiet(&process).await;
        });
        if ended.is_some() {
            assert!(step > 10, "the scenario has more steps than that");
            return;
        }
        let killed_at = world.steps.log().last().copied().unwrap_or_default();
        world.steps.kill_at(None);
        world
            .process(|process| async move {
                process.deliver(asked).await;
                quiet(&process).await;
            })
            .expect("nobody kills the second process");
        judge(&world, cards, step, killed_at);
        step += 1;
    }
}

async fn quiet(process: &Process<'_>) {
    process.wait(std::time::Duration::from_mins(1)).await;
}

fn judge(world: &World, cards: bool, step: usize, killed_at: &str) {
    let finals = world.platform.finals();
    let at = format!("killed at step {step} ({killed_at}); seen: {:#?}", world.platform.seen());
    if cards {
        assert_eq!(finals, ["answer to <hello>"], "{at}");
        assert!(world.platform.cards().values().all(|card| card.finished && card.finishes == 1), "{at}");
    } else {
        // A plain part whose call was under way is of unknown fate: it may be missing, never twice.
        assert!(finals.len() <= 1, "{at}");
        if finals.is_empty() {
            assert!(killed_at.starts_with("send:before") || killed_at == "commit:after", "{at}");
        }
    }
}

#[test]
fn a_card_reply_killed_between_any_two_steps_is_answered_once() {
    kill_at_every_step(true);
}

#[test]
fn a_plain_reply_killed_between_any_two_steps_is_never_answered_twice() {
    kill_at_every_step(false);
}
