//! Agent, model and language, chosen in the chat.

use std::time::Duration;

use switchboard_domain::choice::AllowList;
use switchboard_domain::ids::{AgentId, ChannelId, UserId};
use switchboard_domain::notice::{Listed, Notice};
use switchboard_domain::outcome::Refusal;
use switchboard_domain::settings::{Locale, MappingMode, OnMiss, Remember, Switchers};
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

async fn two_agents(process: &Process<'_>) {
    process.set_up().await;
    process.add_agent("two").await;
}

fn en(notice: &Notice) -> String {
    notice.text(Locale::En)
}

fn chosen(name: &str) -> String {
    en(&Notice::AgentChosen { name: name.to_owned() })
}

/// What people saw whole, by their beginnings.
#[track_caller]
fn finals_are(world: &World, expected: &[&str]) {
    assert_eq!(world.platform.finals(), expected);
}

async fn says(process: &Process<'_>, who: &str, text: &str) {
    let before = process.world.platform.finals().len();
    process.says(who, text).await;
    process.finals(before + 1).await;
}

/// The next question is asked of the agent chosen before it, and the channel's own again after `default`.
#[test]
fn an_agent_is_chosen_for_the_conversation_and_for_no_other() {
    let world = World::new(1);
    world
        .process(|process| async move {
            two_agents(&process).await;
            says(&process, "ann", "one").await;
            says(&process, "ann", "/agents two").await;
            says(&process, "ann", "two").await;
            says(&process, "bob", "three").await;
            says(&process, "ann", "/new").await;
            says(&process, "ann", "four").await;
            says(&process, "ann", "/agents default").await;
            says(&process, "ann", "five").await;
        })
        .unwrap();
    assert_eq!(world.agent.whom(), ["agt_1", "two", "agt_1", "two", "agt_1"]);
}

/// What is said behind a switch waits for it, however slowly the store tells; `/status` tells whom the next one is asked of.
#[test]
fn a_question_right_behind_a_switch_is_asked_of_the_new_agent_wherever_the_process_dies() {
    for kill in [None, Some(1), Some(2), Some(3), Some(4), Some(5), Some(6)] {
        let world = World::new(2);
        world.process(|process| async move { two_agents(&process).await }).unwrap();
        world.agent.script(|request, _| Act::Say(answer_to(&request.text), SECS(2)));
        if let Some(step) = kill {
            world.steps.kill_at(Some(step));
        }
        let died = world
            .process(|process| async move {
                process.connected().await;
                for text in ["/agents 2", "hello", "/status"] {
                    process.says("ann", text).await;
                }
                process.finals(3).await;
            })
            .is_none();
        world.steps.kill_at(None);
        world
            .process(|process| async move {
                process.connected().await;
                for text in ["/agents 2", "hello", "/status"].into_iter().filter(|_| died) {
                    // The platform knows no ack of what died before it was stored; another copy changes nothing.
                    process.says("ann", text).await;
                }
                process.wait(SECS(60)).await;
            })
            .unwrap();
        assert!(!world.agent.whom().is_empty());
        for whom in world.agent.whom() {
            assert_eq!(whom, "two", "killed at {kill:?}");
        }
    }
}

#[test]
fn lists_are_numbered_and_nobody_is_called_what_nobody_is() {
    let world = World::new(3);
    world
        .process(|process| async move {
            two_agents(&process).await;
            for text in ["/agents", "/agents 9", "/agents nobody", "/agents TWO"] {
                says(&process, "ann", text).await;
            }
        })
        .unwrap();
    let names = vec!["fake".to_owned(), "two".to_owned()];
    let name = world.platform.finals()[0].clone();
    let own = name.lines().find(|line| line.contains("(default)")).expect("the channel's own");
    assert!(own.starts_with("1. "), "{name}");
    assert_eq!(name.lines().filter(|line| line.contains("`two`")).count(), 1, "{name} {names:?}");
    let none = en(&Notice::NoSuchAgent);
    assert_eq!(world.platform.finals()[1..], [none.clone(), none, chosen("two")]);
}

/// Who may choose, among what: settings that count at once, also for what was chosen before.
#[test]
fn only_those_who_may_choose_and_only_what_is_offered() {
    let world = World::new(4);
    let channel = ChannelId::new("chn_1");
    world
        .process(|process| async move {
            two_agents(&process).await;
            process.add_agent("three").await;
            process.patch(&channel, |channel| channel.switching.agents = vec![AgentId::new("two")]).await;
            says(&process, "ann", "/agents three").await;
            says(&process, "ann", "/agents two").await;
            says(&process, "ann", "to two").await;
            process.patch(&channel, |channel| channel.switching.who = Switchers::Nobody).await;
            for text in ["/agents", "/models", "/agents two"] {
                says(&process, "ann", text).await;
            }
            says(&process, "ann", "to the channel's own").await;
            says(&process, "ann", "/lang zh").await;
            let nobody = vec![UserId::new("usr_nobody")];
            process.patch(&channel, |channel| channel.switching.who = Switchers::Listed(nobody)).await;
            says(&process, "ann", "/agents two").await;
            let user = process.conversation("ann").await.user.expect("a user");
            process.patch(&channel, |channel| channel.switching.who = Switchers::Listed(vec![user])).await;
            says(&process, "ann", "/agents default").await;
            process.patch(&channel, |channel| channel.switching.agents = vec![AgentId::new("three")]).await;
            says(&process, "ann", "/agents two").await;
        })
        .unwrap();
    assert_eq!(world.agent.whom(), ["two", "agt_1"]);
    let finals = world.platform.finals();
    let zh = |notice: &Notice| notice.text(Locale::ZhCn);
    assert_eq!(finals[0..2], [en(&Notice::NoSuchAgent), chosen("two")]);
    assert_eq!(
        finals[3..6],
        [en(&Notice::MayNotSwitch), en(&Notice::MayNotSwitch), en(&Notice::MayNotSwitch)]
    );
    assert_eq!(finals[7], zh(&Notice::LanguageChosen(Locale::ZhCn)));
    assert_eq!(finals[8], zh(&Notice::MayNotSwitch));
    assert_eq!(finals[10], zh(&Notice::NoSuchAgent));
}

/// What was chosen goes on counting for those who may not choose any more, and they are not held to it.
#[test]
fn whoever_may_not_choose_any_more_may_go_back_to_the_default() {
    let world = World::new(12);
    let channel = ChannelId::new("chn_1");
    world
        .process(|process| async move {
            two_agents(&process).await;
            says(&process, "ann", "/agents two").await;
            let nobody = vec![UserId::new("usr_nobody")];
            process.patch(&channel, |channel| channel.switching.who = Switchers::Listed(nobody)).await;
            says(&process, "ann", "to two").await;
            says(&process, "ann", "/models default").await;
            says(&process, "ann", "/agents default").await;
            says(&process, "ann", "to the channel's own").await;
            says(&process, "ann", "/agents two").await;
        })
        .unwrap();
    assert_eq!(world.agent.whom(), ["two", "agt_1"]);
    let finals = world.platform.finals();
    assert!(!finals[2..4].contains(&en(&Notice::MayNotSwitch)), "{finals:?}");
    assert_eq!(finals[5], en(&Notice::MayNotSwitch));
}

#[test]
fn an_agent_that_is_gone_gives_way_to_the_channel_s_own() {
    let world = World::new(5);
    world
        .process(|process| async move {
            two_agents(&process).await;
            says(&process, "ann", "/agents two").await;
            assert!(process.world.stores().agents.delete(&AgentId::new("two")).await.unwrap());
            says(&process, "ann", "hello").await;
            says(&process, "ann", "/status").await;
        })
        .unwrap();
    assert_eq!(world.agent.whom(), ["agt_1"]);
    assert!(!world.platform.finals()[2].contains("two"), "{:?}", world.platform.finals());
}

/// Lists come from the agent, are asked for once in a while, and hold what an administrator allows.
#[test]
fn models_are_those_the_agent_tells_and_the_list_is_kept_for_a_while() {
    let world = World::new(6);
    let told = ["gpt-5", "gpt-4", "o1"].map(str::to_owned).to_vec();
    world.agent.tell_models(Ok(Some(told)));
    world
        .process(|process| async move {
            process.set_up_with(|_, agent| agent.models = AllowList(vec!["gpt-*".to_owned()])).await;
            says(&process, "ann", "/models").await;
            says(&process, "ann", "/models o1").await;
            says(&process, "ann", "/models 2").await;
            says(&process, "bob", "/models").await;
            assert_eq!(process.world.agent.asked_for_models(), 1);
            says(&process, "ann", "hello").await;
            says(&process, "ann", "/status").await;
            process.wait(SECS(600)).await;
            says(&process, "ann", "/models default").await;
            assert_eq!(process.world.agent.asked_for_models(), 2);
            says(&process, "ann", "again").await;
        })
        .unwrap();
    let finals = world.platform.finals();
    let names = ["gpt-4", "gpt-5", "model-1"].map(str::to_owned).to_vec();
    let own = Some("model-1".to_owned());
    let list = Notice::Models(Listed { names, more: 0, now: own.clone(), default: own.clone() });
    assert_eq!(finals[0..2], [en(&list), en(&Notice::NoSuchModel)]);
    assert_eq!(finals[2], en(&Notice::ModelChosen { name: Some("gpt-5".to_owned()) }));
    assert_eq!(finals[3], en(&list), "somebody else's choice is not bob's");
    assert!(finals[5].contains("Model: gpt-5"), "{finals:?}");
    assert_eq!(finals[6], en(&Notice::ModelChosen { name: own }));
    let models: Vec<_> = world.agent.asked().into_iter().map(|request| request.model).collect();
    assert_eq!(models, [Some("gpt-5".to_owned()), None]);
}

/// An agent that cannot be asked for a list takes any name that is allowed, and is asked again soon.
#[test]
fn an_agent_without_a_list_takes_names() {
    let world = World::new(7);
    world.agent.tell_models(Err("status 500".to_owned()));
    world
        .process(|process| async move {
            process.set_up().await;
            says(&process, "ann", "/models").await;
            says(&process, "ann", "/models My Model").await;
            says(&process, "ann", "hello").await;
            process.wait(SECS(20)).await;
            process.world.agent.tell_models(Ok(Some(vec!["gpt".to_owned()])));
            says(&process, "ann", "/models My Model").await;
        })
        .unwrap();
    let finals = world.platform.finals();
    assert_eq!(finals[0], en(&Notice::ModelsUntold));
    assert_eq!(finals[1], en(&Notice::ModelChosen { name: Some("My Model".to_owned()) }));
    assert_eq!(finals[3], en(&Notice::NoSuchModel));
    assert_eq!(world.agent.asked()[0].model.as_deref(), Some("My Model"));
}

/// Remembered per user: in all conversations of the channel, nobody else's, over restarts.
#[test]
fn choices_of_a_user_count_in_every_conversation_of_theirs() {
    let world = World::new(8);
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.switching.remember = Remember::User).await;
            process.add_agent("two").await;
            says(&process, "ann", "/agents two").await;
            says(&process, "ann", "/lang zh").await;
            says(&process, "bob", "/lang fr").await;
        })
        .unwrap();
    world
        .process(|process| async move {
            process.connected().await;
            says(&process, "ann", "one").await;
            says(&process, "bob", "two").await;
            let mut elsewhere = process.world.message("ann", "three");
            elsewhere.chat.id = "another chat".to_owned();
            process.deliver(elsewhere).await;
            process.finals(6).await;
            says(&process, "ann", "/status").await;
            says(&process, "bob", "/stop").await;
            says(&process, "ann", "/stop").await;
            says(&process, "ann", "/lang default").await;
        })
        .unwrap();
    assert_eq!(world.agent.whom(), ["two", "agt_1", "two"]);
    let finals = world.platform.finals();
    assert_eq!(finals[1], Notice::LanguageChosen(Locale::ZhCn).text(Locale::ZhCn));
    assert_eq!(finals[2], en(&Notice::Languages));
    assert!(finals[6].contains("智能体：two"), "{finals:?}");
    let nothing = Notice::NothingToStop;
    assert_eq!(finals[7..9], [nothing.text(Locale::En), nothing.text(Locale::ZhCn)]);
    assert_eq!(finals[9], en(&Notice::LanguageChosen(Locale::En)));
}

/// Whoever may not be answered chooses nothing.
#[test]
fn somebody_without_an_account_chooses_nothing() {
    let world = World::new(9);
    world
        .process(|process| async move {
            process
                .set_up_with(|channel, _| {
                    channel.user_mapping.mode = MappingMode::MatchUsername;
                    channel.user_mapping.on_miss = OnMiss::Reject;
                })
                .await;
            process.add_agent("two").await;
            says(&process, "ann", "/agents two").await;
        })
        .unwrap();
    finals_are(&world, &[&en(&Notice::Refused(Refusal::NotMapped))]);
}

/// A turn is bounded by the limits of the agent that was chosen, not by those of the channel's own.
#[test]
fn a_chosen_agent_has_its_own_limits() {
    let world = World::new(10);
    world.agent.script(|_, _| Act::Say(vec!["word ".to_owned(); 3], SECS(30)));
    world
        .process(|process| async move {
            process.set_up_with(|_, agent| agent.limits.idle_timeout = SECS(5)).await;
            process.add_agent("two").await;
            says(&process, "ann", "/agents two").await;
            says(&process, "ann", "hello").await;
        })
        .unwrap();
    finals_are(&world, &[&chosen("two"), "word word word"]);
}
