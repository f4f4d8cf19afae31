//! People quote what the bot answered; the platform hands over a name instead of the words.

use std::time::Duration;

use switchboard_domain::content::{Content, Piece, Quoted};
use switchboard_domain::ids::MessageId;
use switchboard_domain::message::{Body, Chat, ChatKind, Inbound};
use switchboard_domain::snapshot::Role;
use switchboard_ports::page::PageRequest;
use switchboard_tests::fakes::agent::Act;
use switchboard_tests::fakes::platform::FakePlatform;
use switchboard_tests::world::World;

const MARK: &str =
    "> [a card of this bot's: an earlier answer, whose text the platform does not repeat]\n\nand?";

/// "and?" about the card that answers a message.
fn about(message: Inbound, answered: &MessageId) -> Inbound {
    let quoted = Some(Quoted::Card { key: Some(FakePlatform::quote_key(answered)) });
    let body = Body::Content(Content { pieces: vec![Piece::Text("and?".to_owned())], quoted });
    Inbound { body, ..message }
}

fn in_group(message: Inbound) -> Inbound {
    let chat = Chat { id: "group".to_owned(), kind: ChatKind::Group, title: None };
    Inbound { chat, mentioned: Some(true), ..message }
}

#[test]
fn a_quoted_answer_goes_along_also_after_a_restart() {
    let world = World::new(1);
    let answered = world
        .process(|process| async move {
            process.set_up().await;
            let answered = process.says("ann", "hello").await;
            process.finals(1).await;
            process.deliver(about(process.world.message("ann", ""), &answered)).await;
            process.finals(2).await;
            // An answer in between: it is not the last one that is meant.
            process.says("ann", "else").await;
            process.finals(3).await;
            answered
        })
        .unwrap();
    world.process(|process| async move {
        process.deliver(about(process.world.message("ann", ""), &answered)).await;
        process.finals(4).await;
        let asked = "> answer to <hello>\n\nand?";
        assert_eq!(process.world.agent.questions(), ["hello", asked, "else", asked]);
        let id = process.conversation("ann").await.id;
        let page = PageRequest { limit: 50, after: None };
        let lines = process.world.stores().transcripts.lines(&id, &page).await.unwrap().items;
        let questions: Vec<_> = lines.iter().filter(|line| line.role == Role::User).collect();
        assert_eq!(questions[1].text, asked, "the transcript has what the agent was asked");
    });
}

#[test]
fn what_a_card_says_in_the_end_is_quoted_though_it_was_still_growing() {
    let world = World::new(2);
    world.process(|process| async move {
        process.set_up().await;
        process.world.agent.script(|request, _| match request.text.as_str() {
            "long" => Act::Say(vec!["x".to_owned(); 5], Duration::from_secs(1)),
            _ => Act::Say(vec!["done".to_owned()], Duration::ZERO),
        });
        let answered = process.says("ann", "long").await;
        process.sees("xx").await;
        process.deliver(about(process.world.message("ann", ""), &answered)).await;
        process.finals(2).await;
        assert_eq!(process.world.agent.questions(), ["long", "> xxxxx\n\nand?"]);
    });
}

#[test]
fn members_of_a_group_may_quote_what_others_were_answered() {
    let world = World::new(3);
    world.process(|process| async move {
        process.set_up().await;
        let answered = process.deliver(in_group(process.world.message("ann", "hello"))).await;
        process.finals(1).await;
        process.wait(Duration::from_secs(1)).await;
        process.deliver(in_group(about(process.world.message("bob", ""), &answered))).await;
        process.finals(2).await;
        // The same name in another chat is another message.
        process.deliver(about(process.world.message("bob", ""), &answered)).await;
        process.finals(3).await;
        assert_eq!(process.world.agent.questions(), ["hello", "> answer to <hello>\n\nand?", MARK]);
    });
}

#[test]
fn an_answer_that_is_not_known_is_said_to_be_one() {
    let world = World::new(4);
    world.process(|process| async move {
        process.set_up().await;
        process.deliver(about(process.world.message("ann", ""), &MessageId::new("long ago"))).await;
        process.finals(1).await;
        assert_eq!(process.world.agent.questions(), [MARK]);
    });
}

#[test]
fn the_card_of_a_turn_that_outlives_its_process_is_known_to_the_next() {
    let world = World::new(5);
    world.agent.script(|request, before| match (request.text.as_str(), before) {
        ("long", 0) => Act::Say(vec!["x".to_owned(); 100], Duration::from_secs(1)),
        _ => Act::Say(vec![format!("answer to <{}>", request.text)], Duration::ZERO),
    });
    let answered = world
        .process(|process| async move {
            process.set_up().await;
            let answered = process.says("ann", "long").await;
            process.sees("xx").await;
            process.driver.stop(Duration::from_millis(500)).await;
            answered
        })
        .unwrap();
    world.process(|process| async move {
        process.finals(1).await;
        process.deliver(about(process.world.message("ann", ""), &answered)).await;
        process.finals(2).await;
        let questions = process.world.agent.questions();
        assert_eq!(questions.last().map(String::as_str), Some("> answer to <long>\n\nand?"));
        assert!(process.world.platform.finals_in("chat-ann")[0].contains("answer to <long>"));
    });
}
