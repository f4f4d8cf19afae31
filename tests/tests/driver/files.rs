//! R6: files are fetched at once after the ack, kept while their message waits, and dropped with it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::{ChannelId, ConversationId, ConversationKey, Seq};
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_domain::snapshot::Role;
use switchboard_ports::agent::AgentAttachment;
use switchboard_ports::page::PageRequest;
use switchboard_ports::provider::{Ack, FetchFailure};
use switchboard_tests::fakes::agent::{Act, failure};
use switchboard_tests::fakes::platform::FileFate;
use switchboard_tests::world::{Process, World};

const LOST: &str = "What you sent could not be fetched from the chat. Please send it again.";

fn conversation(person: &str) -> ConversationId {
    ConversationKey { channel: ChannelId::new("chn_1"), chat: format!("chat-{person}"), member: None }.id()
}

/// Files of somebody's message that are kept.
async fn kept(world: &World, person: &str, seq: u64) -> usize {
    world.stores().attachments.load(&conversation(person), Seq(seq)).await.unwrap().len()
}

/// The contents that the agent got with each question, in order.
fn handed(world: &World) -> Vec<Vec<(String, Option<String>)>> {
    let content = |file: AgentAttachment| {
        (file.name, file.content.map(|content| String::from_utf8(content.to_vec()).unwrap()))
    };
    world
        .agent
        .asked()
        .into_iter()
        .map(|asked| asked.attachments.into_iter().map(content).collect())
        .collect()
}

fn whole(name: &str, source: &str) -> (String, Option<String>) {
    (format!("{name}.png"), Some(format!("content of {source}")))
}

fn lost(name: &str) -> (String, Option<String>) {
    (name.to_owned(), None)
}

fn slow(pause: Duration) -> impl Fn(&str) -> FileFate {
    move |source| FileFate::Give(Bytes::from(format!("content of {source}")), pause)
}

async fn sends(process: &Process<'_>, person: &str, text: &str, sources: &[&str]) {
    process.deliver(process.world.message_with(person, text, sources)).await;
}

/// Lets what runs beside a conversation come to its end.
async fn settled(process: &Process<'_>) {
    process.wait(Duration::from_secs(1)).await;
}

#[test]
fn the_agent_gets_the_files_in_order_and_they_are_gone_afterwards() {
    let world = World::new(1);
    world.process(|process| async move {
        process.set_up().await;
        sends(&process, "ann", "compare", &["a", "b"]).await;
        process.finals(1).await;
        assert_eq!(handed(process.world), [[whole("picture-1", "a"), whole("picture-2", "b")]]);
        let question = "compare\n[picture: picture-1]\n[picture: picture-2]";
        assert_eq!(process.world.agent.questions(), [question]);
        settled(&process).await;
        assert_eq!(process.world.platform.fetches(), ["a", "b"], "each once");
        assert_eq!(kept(process.world, "ann", 1).await, 0);
        // The transcript keeps the names, and the next question has them in its history.
        process.says("ann", "and now?").await;
        process.finals(2).await;
        let history = process.world.agent.asked().pop().unwrap().history;
        assert_eq!((history[0].role, history[0].text.as_str()), (Role::User, question));
        let page = PageRequest { limit: 10, after: None };
        let lines = process.world.stores().transcripts.lines(&conversation("ann"), &page).await.unwrap();
        assert!(lines.items.iter().any(|line| line.text == question));
    });
}

#[test]
fn files_are_fetched_while_their_message_waits() {
    let world = World::new(2);
    world.process(|process| async move {
        process.set_up().await;
        process.world.agent.script(|request, _| match request.text.as_str() {
            "long" => Act::Say(vec!["x".to_owned(); 20], Duration::from_secs(1)),
            _ => Act::Say(vec!["done".to_owned()], Duration::ZERO),
        });
        process.says("ann", "long").await;
        sends(&process, "ann", "see", &["a"]).await;
        process.wait(Duration::from_secs(5)).await;
        assert_eq!(process.world.agent.questions(), ["long"]);
        assert_eq!(kept(process.world, "ann", 2).await, 1, "before its turn");
        process.finals(2).await;
        assert_eq!(process.world.platform.fetches(), ["a"]);
    });
}

#[test]
fn a_slow_file_holds_up_neither_its_ack_nor_anybody_else() {
    let world = World::new(3);
    world.process(|process| async move {
        process.set_up().await;
        process.world.platform.files(slow(Duration::from_secs(20)));
        let message = process.world.message_with("ann", "see", &["a"]);
        let before = process.world.clock_millis();
        assert_eq!(process.push(message).await.unwrap(), Ack::Stored);
        assert_eq!(process.world.clock_millis(), before, "the ack waits for nothing");
        process.says("bob", "hello").await;
        process.sees("answer to <hello>").await;
        assert!(process.world.clock_millis() - before < 5_000);
        // Order within the conversation is kept.
        process.says("ann", "next").await;
        process.finals(3).await;
        let texts = process.world.platform.finals_in("chat-ann");
        assert!(texts[0].contains("see") && texts[1].contains("next"), "{texts:?}");
        assert_eq!(handed(process.world)[1], [whole("picture-1", "a")]);
    });
}

#[test]
fn a_hanging_file_is_done_without_and_the_turn_still_has_time() {
    let world = World::new(4);
    world.process(|process| async move {
        process.set_up().await;
        process.world.platform.files(|source| match source {
            "hangs" => FileFate::Hang,
            _ => slow(Duration::from_millis(100))(source),
        });
        let before = process.world.clock_millis();
        sends(&process, "ann", "see", &["a", "hangs", "b"]).await;
        process.finals(1).await;
        let took = process.world.clock_millis() - before;
        assert!((30_000..35_000).contains(&took), "{took}");
        // What stands behind it was not reached in time.
        assert_eq!(handed(process.world), [[whole("picture-1", "a"), lost("picture-2"), lost("picture-3")]]);
        settled(&process).await;
        assert_eq!(kept(process.world, "ann", 1).await, 0);
        // Its end stopped the fetch: the next message's files wait for nobody.
        let before = process.world.clock_millis();
        sends(&process, "ann", "again", &["c"]).await;
        process.finals(2).await;
        assert!(process.world.clock_millis() - before < 5_000);
    });
}

#[test]
fn a_message_of_nothing_but_lost_files_ends_with_one_sentence() {
    for fate in
        [FileFate::Refuse(FetchFailure::Gone), FileFate::Refuse(FetchFailure::Unavailable), FileFate::Hang]
    {
        let world = World::new(5);
        world.process(|process| async move {
            process.set_up().await;
            process.world.platform.files(move |_| fate.clone());
            sends(&process, "ann", "", &["a", "b"]).await;
            process.finals(1).await;
            assert_eq!(process.world.platform.finals(), [LOST]);
            assert!(process.world.agent.asked().is_empty());
            assert_eq!(process.conversation("ann").await.waiting, 0);
        });
    }
}

#[test]
fn with_one_file_or_a_word_the_agent_is_asked_all_the_same() {
    let world = World::new(6);
    world.process(|process| async move {
        process.set_up().await;
        process.world.platform.files(|source| match source {
            "gone" => FileFate::Refuse(FetchFailure::Gone),
            _ => slow(Duration::ZERO)(source),
        });
        sends(&process, "ann", "", &["gone", "b"]).await;
        sends(&process, "ann", "what was it?", &["gone"]).await;
        process.finals(2).await;
        assert_eq!(
            handed(process.world),
            [vec![lost("picture-1"), whole("picture-2", "b")], vec![lost("picture-1")]]
        );
        assert_eq!(process.world.platform.fetches(), ["gone", "b", "gone"], "what is gone is asked for once");
    });
}

#[test]
fn a_file_that_failed_for_the_moment_is_tried_once_more_by_its_turn() {
    let world = World::new(7);
    world.process(|process| async move {
        process.set_up().await;
        let tries = AtomicU32::new(0);
        process.world.platform.files(move |source| match tries.fetch_add(1, Ordering::Relaxed) {
            0 => FileFate::Refuse(FetchFailure::Unavailable),
            _ => slow(Duration::ZERO)(source),
        });
        sends(&process, "ann", "", &["a"]).await;
        process.finals(1).await;
        assert_eq!(handed(process.world), [[whole("picture-1", "a")]]);
        assert_eq!(process.world.platform.fetches(), ["a", "a"]);
    });
}

#[test]
fn what_may_not_be_fetched_shows_in_the_status() {
    let world = World::new(8);
    world.process(|process| async move {
        process.set_up().await;
        let denied = FetchFailure::Denied(ErrorCode::PermissionDenied);
        process.world.platform.files(move |_| FileFate::Refuse(denied));
        sends(&process, "ann", "see", &["a"]).await;
        process.finals(1).await;
        let error = process.status().last_error.unwrap();
        assert_eq!(error.code, ErrorCode::PermissionDenied);
    });
}

#[test]
fn stop_and_new_act_at_once_while_files_are_fetched() {
    // The stopped card, and for a new session the sentence that says so.
    for (command, ends) in [("/stop", 1), ("/new", 2)] {
        let world = World::new(9);
        world.process(|process| async move {
            process.set_up().await;
            process.world.platform.files(|_| FileFate::Hang);
            sends(&process, "ann", "see", &["a"]).await;
            settled(&process).await;
            let before = process.world.clock_millis();
            process.says("ann", command).await;
            process.finals(ends).await;
            assert!(process.world.clock_millis() - before < 2_000, "{command}");
            assert!(process.world.agent.asked().is_empty());
            process.world.platform.files(slow(Duration::ZERO));
            sends(&process, "ann", "next", &["b"]).await;
            process.finals(ends + 1).await;
            assert_eq!(handed(process.world), [[whole("picture-1", "b")]]);
            settled(&process).await;
            assert_eq!(kept(process.world, "ann", 1).await + kept(process.world, "ann", 3).await, 0);
        });
    }
}

#[test]
fn files_are_gone_however_their_turn_ends() {
    let world = World::new(10);
    world.process(|process| async move {
        process.set_up().await;
        process.world.agent.script(|request, _| match request.text.lines().next().unwrap_or_default() {
            "fail" => Act::Fail(vec![], failure(AgentFailureKind::AttachmentRefused)),
            "hang" => Act::Hang(vec!["so far".to_owned()]),
            _ => Act::Say(vec!["done".to_owned()], Duration::ZERO),
        });
        sends(&process, "ann", "fail", &["a"]).await;
        process.finals(1).await;
        assert!(process.world.platform.finals()[0].contains("send them in another format"));
        assert!(process.status().last_error.is_none(), "the agent is well");
        sends(&process, "ann", "hang", &["b"]).await;
        process.sees("so far").await;
        assert_eq!(kept(process.world, "ann", 2).await, 1, "while the turn runs");
        sends(&process, "ann", "withdrawn", &["c"]).await;
        settled(&process).await;
        assert_eq!(kept(process.world, "ann", 3).await, 1);
        process.says("ann", "/stop all").await;
        process.until("all of it ended", || process.world.platform.finals().len() >= 3).await;
        settled(&process).await;
        for seq in 1..=4 {
            assert_eq!(kept(process.world, "ann", seq).await, 0, "{seq}");
        }
    });
}

#[test]
fn a_kill_between_ack_and_fetch_or_in_the_turn_loses_no_file() {
    for point in ["fetch:before", "fetch:after", "card:before", "card:after", "commit:before", "commit:after"]
    {
        let world = World::new(11);
        world.process(|process| async move { process.set_up().await });
        world.steps.kill_at_name(point);
        let ended = world.process(|process| async move {
            process.connected().await;
            sends(&process, "ann", "see", &["a"]).await;
            process.finals(1).await;
            settled(&process).await;
        });
        assert!(ended.is_none(), "never came to {point}");
        world.steps.kill_at(None);
        world.process(|process| async move {
            process.finals(1).await;
            settled(&process).await;
            assert_eq!(process.world.platform.finals().len(), 1, "{point}");
            for files in handed(process.world) {
                assert_eq!(files, [whole("picture-1", "a")], "{point}");
            }
            assert!(!process.world.agent.asked().is_empty());
            assert_eq!(kept(process.world, "ann", 1).await, 0, "{point}");
        });
    }
}

#[test]
fn what_a_dying_process_left_behind_is_swept() {
    let world = World::new(12);
    world.process(|process| async move {
        process.set_up().await;
        // The message ends and its files cannot be dropped.
        process.world.platform.files(slow(Duration::ZERO));
        process.world.agent.script(|_, _| Act::Say(vec!["done".to_owned()], Duration::from_secs(5)));
        sends(&process, "ann", "see", &["a"]).await;
        settled(&process).await;
        process.world.files.away(true);
        process.finals(1).await;
        settled(&process).await;
    });
    world.process(|process| async move {
        assert_eq!(kept(process.world, "ann", 1).await, 1);
        process.world.files.away(false);
        process.wait(Duration::from_mins(6)).await;
        assert_eq!(kept(process.world, "ann", 1).await, 0);
    });
}

#[test]
fn a_full_area_or_a_store_that_is_away_costs_nobody_a_file() {
    for is_full in [true, false] {
        let world = World::new(13);
        world.process(|process| async move {
            process.set_up().await;
            process.world.files.full(is_full);
            process.world.files.away(!is_full);
            sends(&process, "ann", "see", &["a"]).await;
            process.finals(1).await;
            assert_eq!(handed(process.world), [[whole("picture-1", "a")]]);
            assert_eq!(process.world.platform.fetches(), ["a", "a"], "once too early, once for the turn");
        });
    }
}

#[test]
fn somebody_who_sends_a_flood_takes_one_place_and_a_channel_sixteen() {
    let world = World::new(14);
    world.process(|process| async move {
        process.set_up().await;
        process.world.platform.files(slow(Duration::from_secs(10)));
        for _ in 0..30 {
            sends(&process, "flood", "see", &["f", "f", "f"]).await;
        }
        let before = process.world.clock_millis();
        sends(&process, "bob", "mine", &["b"]).await;
        process.sees("mine").await;
        assert!(process.world.clock_millis() - before < 15_000, "as if nobody else were there");
        assert_eq!(process.world.platform.fetches_at_once(), 2);
        for person in 0..40 {
            sends(&process, &format!("person-{person}"), "see", &["p"]).await;
        }
        process.wait(Duration::from_secs(5)).await;
        assert_eq!(process.world.platform.fetches_at_once(), 16);
    });
}

#[test]
fn a_message_is_taken_up_to_its_bound() {
    let world = World::new(15);
    world.process(|process| async move {
        process.set_up().await;
        let large = Bytes::from(vec![7; 12 * 1024 * 1024]);
        process.world.platform.files(move |_| FileFate::Give(large.clone(), Duration::ZERO));
        sends(&process, "ann", "see", &["a", "b", "c"]).await;
        process.finals(1).await;
        let sizes: Vec<_> = process.world.agent.asked()[0]
            .attachments
            .iter()
            .map(|file| file.content.as_ref().map_or(0, Bytes::len))
            .collect();
        assert_eq!(sizes, [12 * 1024 * 1024, 12 * 1024 * 1024, 0]);
        assert_eq!(process.world.platform.fetches().len(), 3, "and asked for once");
    });
}
