//! Killing the process between any two steps, in one scenario after the other.

use std::time::Duration;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::message::Inbound;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::FailureCause;
use switchboard_domain::reply::CardOutcome;
use switchboard_domain::settings::Locale;
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::fakes::store::CommitFate;
use switchboard_tests::world::{Process, World};

/// What is said, with the pause before each.
type Script = [(u64, &'static str)];

/// Says it all, and kills the process at the first step, then at the second, and so on, until there is no step left to be
/// killed at; each time the next process is judged by what people saw.
fn kill_at_every_step(script: &Script, prepare: impl Fn(&World), judge: impl Fn(&Ended<'_>)) {
    for step in 1.. {
        let world = World::new(42);
        world.process(|process| async move { process.set_up().await }).expect("set-up");
        prepare(&world);
        let messages: Vec<_> =
            script.iter().map(|(pause, text)| (*pause, world.message("ann", text))).collect();
        world.steps.kill_at(Some(step));
        let ended = world.process(|process| say_all(process, messages.clone()));
        if ended.is_some() {
            assert!(step > 10, "the scenario has more steps than that");
            return;
        }
        let killed_at = world.steps.log().last().copied().unwrap_or_default();
        world.steps.kill_at(None);
        let failures = world.process(|process| say_all(process, messages)).expect("nobody kills this one");
        let at = format!("killed at step {step} ({killed_at}); seen: {:#?}", world.platform.seen());
        judge(&Ended { world: &world, failures, killed_at, at });
    }
}

/// How it ended.
struct Ended<'w> {
    world: &'w World,
    failures: Vec<FailureCause>,
    killed_at: &'static str,
    at: String,
}

impl Ended<'_> {
    fn finals(&self) -> Vec<String> {
        self.world.platform.finals()
    }

    /// Every card is closed, once, and no two calls on one overlapped.
    fn cards_are_closed(&self) {
        let cards = self.world.platform.cards();
        assert!(cards.values().all(|card| card.finished && card.finishes == 1), "{}", self.at);
        assert_eq!(self.world.platform.overlapping(), 0, "{}", self.at);
    }

    /// A plain message was seen once; or not at all, and then it was on its way when the process died, and is listed.
    fn was_sent(&self, text: &str) {
        let seen = self.finals().iter().filter(|seen| *seen == text).count();
        let listed = self.failures.contains(&FailureCause::DeliveryUnknown);
        assert!(seen == 1 || seen == 0 && listed, "{text} was seen {seen} times; {}", self.at);
    }
}

async fn say_all(process: Process<'_>, messages: Vec<(u64, Inbound)>) -> Vec<FailureCause> {
    for (pause, message) in messages {
        process.wait(Duration::from_millis(pause)).await;
        process.deliver(message).await;
    }
    process.wait(Duration::from_mins(1)).await;
    process.failures().await
}

#[test]
fn a_card_reply_killed_between_any_two_steps_is_answered_once() {
    kill_at_every_step(
        &[(0, "hello")],
        |_| {},
        |ended| {
            assert_eq!(ended.finals(), ["answer to <hello>"], "{}", ended.at);
            ended.cards_are_closed();
            assert_eq!(ended.failures, [], "{}", ended.at);
        },
    );
}

#[test]
fn a_plain_reply_killed_between_any_two_steps_is_never_answered_twice() {
    kill_at_every_step(
        &[(0, "hello")],
        |world| world.platform.cards_on(false),
        |ended| {
            ended.was_sent("answer to <hello>");
            // Between the mark and the call is the only moment that costs an answer.
            let lost = ended.finals().is_empty();
            assert!(!lost || ["send:before", "commit:after"].contains(&ended.killed_at), "{}", ended.at);
        },
    );
}

#[test]
fn a_card_reply_with_a_store_that_lies_about_commits_is_answered_once() {
    kill_at_every_step(
        &[(0, "hello")],
        |world| world.store.fates([CommitFate::Lie, CommitFate::Do].into_iter().cycle().take(100)),
        |ended| {
            assert_eq!(ended.finals(), ["answer to <hello>"], "{}", ended.at);
            ended.cards_are_closed();
        },
    );
}

#[test]
fn two_messages_killed_between_any_two_steps_are_answered_in_order() {
    kill_at_every_step(
        &[(0, "one"), (300, "two")],
        |_| {},
        |ended| {
            assert_eq!(ended.finals(), ["answer to <one>", "answer to <two>"], "{}", ended.at);
            ended.cards_are_closed();
        },
    );
}

#[test]
fn nothing_said_before_new_is_known_after_it_wherever_the_process_is_killed() {
    kill_at_every_step(
        &[(0, "one"), (300, "two"), (300, "/new"), (0, "three")],
        |_| {},
        |ended| {
            ended.cards_are_closed();
            let finals = ended.finals();
            let answers = finals.iter().filter(|text| *text == "answer to <three>").count();
            assert_eq!(answers, 1, "{}", ended.at);
            ended.was_sent(&Notice::NewConversation.text(Locale::En));
            let asked = ended.world.agent.asked();
            let three: Vec<_> = asked.iter().filter(|request| request.text == "three").collect();
            assert!(!three.is_empty() && three.iter().all(|request| request.history.is_empty()));
            let last = three.last().map(|request| &request.turn);
            assert!(three.iter().all(|request| Some(&request.turn) == last), "{}", ended.at);
        },
    );
}

#[test]
fn a_fallback_to_text_killed_between_any_two_steps_shows_the_answer_once() {
    kill_at_every_step(
        &[(0, "hello")],
        |world| {
            world.agent.script(|request, _| Act::Say(answer_to(&request.text), Duration::from_secs(1)));
            world.platform.rule(|call, text, _| match call {
                Call::Update if text.contains("to") => {
                    Fate::Refuse(CardOutcome::Refused(ErrorCode::PermissionDenied))
                }
                Call::Finish if text.contains("answer to") => {
                    Fate::Refuse(CardOutcome::Refused(ErrorCode::PermissionDenied))
                }
                Call::Open | Call::Update | Call::Finish | Call::Send(_) => Fate::Do,
            });
        },
        |ended| {
            ended.was_sent("answer to <hello>");
            ended.cards_are_closed();
        },
    );
}
