//! What a person sees in a conversation: context, a new one, and nothing of the old one in it.

use dingtalk_sim::{CardState, Origin, Push, Quote, Quoted};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;

use super::judge::no_violations;
use super::stage::{APP, Stage, answer_to, chat};

const NEW: &str = "Started a new conversation. How can I help you?";

#[tokio::test(flavor = "multi_thread")]
async fn the_second_question_reaches_the_agent_with_the_first_exchange_and_after_new_it_does_not() {
    let stage = Stage::start().await;
    let (react, optimize) = ("I'm working on a React project", "How do I optimize performance?");
    stage.say("ann", react);
    stage.wait_texts("ann", &[&answer_to(react)]).await;
    stage.say("ann", optimize);
    stage.wait_texts("ann", &[&answer_to(react), &answer_to(optimize)]).await;
    stage.say("ann", "/new");
    stage.wait_texts("ann", &[&answer_to(react), &answer_to(optimize), NEW]).await;
    stage.say("ann", optimize);
    stage.wait_texts("ann", &[&answer_to(react), &answer_to(optimize), NEW, &answer_to(optimize)]).await;

    let asked = stage.agent.asked();
    assert_eq!(asked.len(), 3, "{asked:?}");
    let said = |number: usize| -> Vec<(String, String)> {
        let messages = asked[number].messages.iter().filter(|message| message.role != "system");
        messages.map(|message| (message.role.clone(), message.content.clone())).collect()
    };
    let line = |role: &str, text: &str| (role.to_owned(), text.to_owned());
    assert_eq!(said(0), [line("user", react)]);
    let context = [line("user", react), line("assistant", &answer_to(react)), line("user", optimize)];
    assert_eq!(said(1), context);
    assert_eq!(said(2), [line("user", optimize)]);
    stage.simulator.observe(|seen| {
        no_violations(seen, false);
        for card in seen.cards_in(&chat("ann")).iter().filter(|card| card.text != NEW) {
            // The public template shows its own words in this state; the variable carries ours.
            assert_eq!(
                (card.shown[0].state, card.params["content"].as_str()),
                (CardState::Processing, "Thinking...")
            );
        }
    });
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_in_the_middle_of_an_answer_closes_its_card_and_nothing_of_it_appears_later() {
    let stage = Stage::start().await;
    stage
        .agent
        .queue([Behaviour::Held { before: "The beginning of".into(), after: " the old answer".into() }]);
    stage.say("ann", "a long story, please");
    stage.wait_streaming("ann", "The beginning of").await;
    stage.say("ann", "/new");
    let is_over = |seen: &dingtalk_sim::Observed| {
        seen.open_cards().is_empty() && seen.robot_texts(&chat("ann")).iter().any(|text| text == NEW)
    };
    stage.simulator.wait_for(CAP, is_over).await.unwrap();
    let closed = stage.agent.wait_for(|asked| asked[0].was_closed_by_client(), CAP).await;
    closed.expect("the request to the agent is closed");
    stage.agent.release(1);
    // The next answer comes after whatever the old one could still have done.
    stage.say("ann", "something else");
    let texts = || stage.texts("ann");
    let is_answered = |seen: &dingtalk_sim::Observed| {
        seen.open_cards().is_empty()
            && seen.robot_texts(&chat("ann")).last() == Some(&answer_to("something else"))
    };
    stage.simulator.wait_for(CAP, is_answered).await.unwrap();
    let texts = texts();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[0].starts_with("The beginning of") && !texts[0].contains("old answer"), "{texts:?}");
    assert_eq!(texts[1], NEW);
    let asked = stage.agent.asked();
    assert!(!asked[1].remembers("a long story") && !asked[1].remembers("The beginning"), "{asked:?}");
    stage.simulator.observe(|seen| {
        no_violations(seen, false);
        let shown = seen.cards().flat_map(|card| &card.shown);
        assert!(shown.into_iter().all(|shown| !shown.text.contains("old answer")));
        let card = seen.cards_in(&chat("ann"))[0];
        assert_eq!((card.finalize_count, card.refused_after_final), (1, 0));
    });
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_group_each_member_has_a_conversation_of_their_own() {
    use dingtalk_sim::Origin;

    use super::stage::APP;

    let stage = Stage::start().await;
    let say = |who: &str, text: &str| {
        stage.simulator.push_text(APP, Origin::group("cid-team==", who), text).unwrap();
    };
    let answered = async |texts: &[String]| {
        let seen = |seen: &dingtalk_sim::Observed| {
            seen.open_cards().is_empty() && seen.robot_texts("cid-team==") == texts
        };
        stage.simulator.wait_for(CAP, seen).await.unwrap();
    };
    say("ann", "the password is swordfish");
    answered(&[answer_to("the password is swordfish")]).await;
    say("bob", "what did Ann say?");
    answered(&[answer_to("the password is swordfish"), answer_to("what did Ann say?")]).await;
    let asked = stage.agent.asked();
    assert_eq!(asked[1].question(), "what did Ann say?");
    assert!(!asked[1].remembers("swordfish"), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quoted_card_brings_its_words_also_after_a_restart() {
    let mut stage = Stage::start().await;
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
    let card = stage.simulator.observe(|seen| seen.cards_in(&chat("ann"))[0].out_track_id.clone());
    stage.server.signal(Signal::SIGTERM);
    assert_eq!(stage.server.end().await.code(), Some(0));
    stage.serve_again().await;
    stage.api.wait_connected(&stage.channel).await;
    let quote = Quote::of(Quoted::Card { out_track_id: card });
    let push = Push::text(APP, Origin::private(&chat("ann"), "ann"), "and in French?").quoting(quote);
    stage.simulator.push(push).expect("the platform takes it");
    let asked = "> You said: hello\n\nand in French?";
    stage.wait_texts("ann", &[&answer_to("hello"), &answer_to(asked)]).await;
    stage.assert_no_alarm();
}

/// No call of the platform can name somebody from outside the company: plain text by the message's own address.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_from_outside_is_answered_in_plain_text_and_the_channel_is_well() {
    let stage = Stage::start().await;
    let push = Push::text(APP, Origin::private(&chat("eve"), "eve"), "hello").outsider();
    stage.simulator.push(push).expect("the platform takes it");
    stage.wait_texts("eve", &[&answer_to("hello")]).await;
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
    let status = stage.api.get(&format!("/channels/{}/status", stage.channel)).await;
    assert_eq!((&status["status"], &status["last_error"]), (&json!("connected"), &Value::Null));
    stage.simulator.observe(|seen| {
        assert!(seen.cards_in(&chat("eve")).is_empty() && !seen.cards_in(&chat("ann")).is_empty());
        no_violations(seen, false);
    });
    stage.assert_no_alarm();
}
