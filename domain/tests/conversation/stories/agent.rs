//! What people see of an agent that fails, falls silent, says too much or nothing.

use std::time::Duration;

use rstest::rstest;
use switchboard_domain::conversation::Said;
use switchboard_domain::outcome::{AgentFailureKind, FailureCause, Outcome};
use switchboard_domain::usage::Pace;

use super::super::walk::Talk;
use super::{sentence, world};

#[test]
fn a_transient_failure_before_the_first_word_is_tried_again_on_the_same_card() {
    let mut world = world();
    let seq = world.ask();
    world.delivers();
    world.talk(0, Talk::Failed(AgentFailureKind::Unreachable));
    world.delivers();
    assert_eq!(world.card(seq).text, "Thinking...");
    world.pass_to_deadline();
    assert_eq!(world.asked(seq), 2);
    world.says(2);
    world.completes();
    world.ends_well();
    assert_eq!((world.card(seq).text.as_str(), world.platform.cards.len()), ("k2q0 k2q1", 1));
}

/// The quota runs out, or a new month begins, while an answer is being written.
#[test]
fn an_open_answer_goes_on_at_the_pace_that_is_left() {
    let mut world = world();
    let seq = world.ask();
    world.delivers();
    world.says(1);
    world.wait(Duration::from_secs(1));
    world.delivers();
    assert_eq!(world.card(seq).text.trim(), "k1q0");
    let mut policy = world.policy;
    policy.reply.pace = Pace::FinalOnly;
    world.process.conversation.configure(policy);
    world.says(1);
    world.wait(Duration::from_secs(30));
    assert!(world.process.claims.is_empty(), "nothing but the whole answer is shown");
    world.process.conversation.keep_pace(Pace::Normal);
    world.wait(Duration::from_secs(1));
    world.delivers();
    assert_eq!(world.card(seq).text.trim(), "k1q0 k1q1");
    world.process.conversation.keep_pace(Pace::FinalOnly);
    world.says(1);
    world.completes();
    world.ends_well();
    assert_eq!(world.card(seq).text, "k1q0 k1q1 k1q2");
}

#[test]
fn a_second_failure_is_told_and_recorded() {
    let mut world = world();
    let seq = world.ask();
    let kind = AgentFailureKind::Unreachable;
    world.talk(0, Talk::Failed(kind));
    world.pass_to_deadline();
    world.talk(1, Talk::Failed(kind));
    world.ends_well();
    let card = world.card(seq);
    assert_eq!((card.text, card.failed), (sentence(kind), true));
    assert_eq!(world.outcome(seq), Some(Outcome::Failed(FailureCause::Agent(kind))));
}

#[test]
fn a_failure_after_the_first_word_keeps_the_words_and_is_not_tried_again() {
    let mut world = world();
    let seq = world.ask();
    world.says(2);
    world.talk(0, Talk::Failed(AgentFailureKind::CutStream));
    world.ends_well();
    assert_eq!(world.asked(seq), 1);
    assert_eq!(world.card(seq).text, format!("k1q0 k1q1\n\n{}", sentence(AgentFailureKind::CutStream)));
}

#[rstest]
#[case::before_the_first_word(&[], AgentFailureKind::FirstOutputTimeout)]
#[case::in_the_middle(&[10], AgentFailureKind::IdleTimeout)]
#[case::without_an_end(&[50; 20], AgentFailureKind::TurnTimeout)]
fn a_silent_or_endless_agent_is_given_up_in_time(#[case] pauses: &[u64], #[case] kind: AgentFailureKind) {
    let mut world = world();
    let seq = world.ask();
    world.delivers();
    for pause in pauses {
        world.wait(Duration::from_secs(*pause));
        world.delivers();
        if world.outcome(seq).is_none() {
            world.says(1);
        }
    }
    let limits = world.policy.rules.limits;
    world.wait(limits.turn_timeout);
    world.delivers();
    assert_eq!(world.outcome(seq), Some(Outcome::Failed(FailureCause::Agent(kind))));
    world.ends_well();
    assert!(world.card(seq).text.ends_with(&sentence(kind)), "{}", world.card(seq).text);
}

#[test]
fn too_long_an_answer_keeps_what_was_allowed() {
    let mut world = world();
    world.policy.rules.limits.output_chars_max = 20;
    world.process.conversation.configure(world.policy);
    let seq = world.ask();
    world.says(4);
    world.says(1);
    world.closes();
    world.ends_well();
    let cause = FailureCause::Agent(AgentFailureKind::TooLong);
    assert_eq!(world.outcome(seq), Some(Outcome::Failed(cause)));
    assert!(world.card(seq).text.starts_with("k1q0 k1q1 k1q2 k1q3\n\n"), "{}", world.card(seq).text);
}

#[test]
fn an_empty_answer_is_a_failure_of_its_own() {
    let mut world = world();
    let seq = world.ask();
    world.completes();
    world.ends_well();
    assert_eq!(world.card(seq).text, sentence(AgentFailureKind::Empty));
    assert_eq!(world.outcome(seq), Some(Outcome::Failed(FailureCause::Agent(AgentFailureKind::Empty))));
}

#[test]
fn an_answer_that_nobody_can_see_is_empty() {
    let mut world = world();
    let seq = world.ask();
    let run = world.process.runs.len() - 1;
    assert!(world.say(run, Said::Delta("\u{200B}\u{FEFF} \n\u{2060}".to_owned())).is_ok());
    world.completes();
    world.ends_well();
    assert_eq!(world.card(seq).text, sentence(AgentFailureKind::Empty));
    assert_eq!(world.outcome(seq), Some(Outcome::Failed(FailureCause::Agent(AgentFailureKind::Empty))));
}
