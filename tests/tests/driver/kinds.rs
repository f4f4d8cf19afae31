//! What kinds of messages ask for.

use switchboard_domain::content::{Content, Piece, Quoted};
use switchboard_domain::message::{Body, Inbound};
use switchboard_tests::world::World;

#[test]
fn what_is_quoted_goes_along_and_a_command_is_still_a_command() {
    let world = World::new(16);
    world.process(|process| async move {
        process.set_up().await;
        let answering = |text: &str, quoted| {
            let pieces = vec![Piece::Text(text.to_owned())];
            let body = Body::Content(Content { pieces, quoted: Some(quoted) });
            Inbound { body, ..process.world.message("ann", "") }
        };
        let quoted = Quoted::Content(vec![Piece::Text("old words".to_owned())]);
        process.deliver(answering("what about this?", quoted.clone())).await;
        process.finals(1).await;
        process.deliver(answering("/new", quoted.clone())).await;
        process.sees("Started a new conversation").await;
        process.deliver(answering("", quoted)).await;
        process.finals(3).await;
        assert_eq!(process.world.agent.questions(), ["> old words\n\nwhat about this?", "> old words"]);
    });
}

#[test]
fn what_nobody_can_read_is_refused_with_a_sentence() {
    let world = World::new(17);
    world.process(|process| async move {
        process.set_up().await;
        process.deliver(Inbound { body: Body::Unknown, ..process.world.message("ann", "") }).await;
        process.sees("I cannot read this kind of message.").await;
        assert!(process.world.agent.asked().is_empty());
    });
}
