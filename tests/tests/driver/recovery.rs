//! Lost wakes, resumed turns, and what is never asked again (R5, R8, R9).

use std::sync::Arc;
use std::time::Duration;

use switchboard::runtime::Settings;
use switchboard_domain::ids::{ChannelId, ConversationKey};
use switchboard_domain::inbox::{Intake, Verdict};
use switchboard_domain::message::Inbound;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::FailureCause;
use switchboard_domain::reply::CardOutcome;
use switchboard_domain::settings::{Locale, Stale};
use switchboard_domain::snapshot::ReplyStateSnapshot;
use switchboard_ports::conversations::{Admission, Arrival};
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::fakes::store::Verb;
use switchboard_tests::world::World;

const SECS: fn(u64) -> Duration = Duration::from_secs;

struct Yes;

impl Admission for Yes {
    fn verdict(&self, _waiting: u32) -> Verdict {
        Verdict::Admit
    }
}

/// What comes in with a private message to the channel that scenarios use.
fn arrival(message: Inbound, text: &str) -> Arrival {
    let chat = message.chat.id.clone();
    Arrival {
        key: ConversationKey { channel: ChannelId::new("chn_1"), chat, member: None },
        message: message.id,
        chat: message.chat,
        sender: message.sender,
        sent_at: message.sent_at,
        session_address: None,
        intake: Intake::Ask { text: text.to_owned(), attachments: Vec::new(), quotes: None },
        admission: Arc::new(Yes),
    }
}

/// R5: a wake may be lost; the scan finds what is open.
#[test]
fn what_nobody_was_woken_for_is_found_by_the_scan() {
    let world = World::new(1);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            let message = process.world.message("ann", "and this?");
            // Behind the driver's back: stored, and nobody is told.
            let arrival = arrival(message, "and this?");
            process.world.store.beneath().accept(arrival).await.unwrap();
            process.wait(SECS(3)).await;
            assert_eq!(process.world.agent.questions(), ["hello", "and this?"]);
            process.finals(2).await;
        })
        .unwrap();
}

/// R5: a message that comes at the very moment its conversation leaves memory is answered without waiting for the scan.
#[test]
fn no_wake_is_lost_while_a_conversation_leaves_memory() {
    let world = World::new(2);
    world.agent.script(|request, _| Act::Say(answer_to(&request.text), Duration::from_millis(1)));
    let settings = Settings {
        rest_kept: Duration::from_millis(100),
        scan_interval: SECS(3_600),
        // The last commit of a conversation at rest is made on its way out, and takes a while.
        lazy_commit_wait: SECS(10),
        ..Settings::default()
    };
    world
        .process_with(settings, |process| async move {
            process.set_up().await;
            process.world.store.slow(Verb::Commit, Duration::from_millis(20));
            for n in 0..60_u64 {
                process.says("ann", &n.to_string()).await;
                let count = usize::try_from(n).unwrap() + 1;
                while process.world.platform.finals().len() < count {
                    process.wait(Duration::from_millis(1)).await;
                    assert!(
                        process.world.clock_millis() < 1_800_000_600_000,
                        "message {n} was not woken for"
                    );
                }
                process.wait(Duration::from_millis(80 + n)).await;
            }
        })
        .unwrap();
    assert_eq!(world.platform.finals().len(), 60);
}

/// R8: after a resume the first call is an update; the card is created only when the platform says it does not exist.
#[test]
fn a_resumed_turn_updates_its_card_first() {
    let world = World::new(3);
    hang_at_first(&world);
    let message = world
        .process(|process| async move {
            process.set_up().await;
            let id = process.says("ann", "hello").await;
            process.sees("half").await;
            id
        })
        .unwrap();
    let before = world.platform.calls().len();
    world.process(|process| async move { process.finals(1).await }).unwrap();
    let calls = world.platform.calls().split_off(before);
    assert_eq!(calls[0].call, Call::Update);
    assert!(calls.iter().all(|called| called.call != Call::Open), "{calls:#?}");
    assert!(calls.iter().all(|called| called.card.as_ref() == Some(&message)), "the same card");
    assert!(calls.iter().all(|called| called.attempt == 1), "with another key");
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
    let asked = world.agent.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].turn, asked[1].turn, "the agent gets the same idempotency key");
}

fn hang_at_first(world: &World) {
    world.agent.script(|request, count| {
        if count == 0 {
            Act::Hang(vec!["half ".to_owned()])
        } else {
            Act::Say(answer_to(&request.text), Duration::from_millis(200))
        }
    });
}

/// R8: "does not exist" makes the card; "already exists" is success.
#[test]
fn a_resumed_turn_without_a_card_makes_it() {
    let world = World::new(4);
    hang_at_first(&world);
    world.platform.rule(|_, _, _| Fate::Refuse(CardOutcome::NotSent));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.until("a try", || !process.world.platform.calls().is_empty()).await;
        })
        .unwrap();
    world.platform.rule(|_, _, _| Fate::Do);
    let before = world.platform.calls().len();
    world.process(|process| async move { process.finals(1).await }).unwrap();
    let kinds = world.platform.kinds().split_off(before);
    assert_eq!(kinds[..2], [Call::Update, Call::Open]);
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// R9: a finishing call is made only from a committed entry with the exact final text.
#[test]
fn what_closes_a_card_stands_in_a_commit_word_for_word() {
    let world = World::new(5);
    let store = Arc::clone(&world.store);
    world.platform.rule(move |call, text, _| {
        let commits = store.commits();
        let committed = commits.iter().flat_map(|commit| &commit.snapshot.replies);
        let texts = committed.filter_map(|reply| match &reply.state {
            ReplyStateSnapshot::Finishing { text, .. } => Some(text),
            ReplyStateSnapshot::Plain { pointer, .. } => pointer.as_ref().map(|pointer| &pointer.text),
        });
        let known = texts.into_iter().any(|committed| committed == text);
        assert!(call != Call::Finish || known, "{text}");
        Fate::Do
    });
    world
        .process(|process| async move {
            process.set_up().await;
            for text in ["one", "two"] {
                process.says("ann", text).await;
            }
            process.finals(2).await;
        })
        .unwrap();
}

/// R9: after the commit of its end the agent is never asked again for a turn: the finish is repeated instead.
#[test]
fn a_turn_killed_after_its_end_was_committed_is_finished_and_not_asked_again() {
    let world = World::new(6);
    let killed = world.process(|process| async move {
        process.set_up().await;
        process.connected().await;
        process.says("ann", "hello").await;
        // Next to the note that it has begun, the first commit of a turn is its end.
        process.until("that it has begun", || process.world.store.commits().len() == 1).await;
        process.world.steps.kill_at_name("commit:after");
        process.wait(SECS(60)).await;
    });
    assert!(killed.is_none());
    assert_eq!(world.agent.asked().len(), 1, "it was asked before it was killed");
    assert_eq!(world.platform.finals(), [""; 0], "the card is open");
    world.steps.kill_at(None);
    world
        .process(|process| async move {
            process.finals(1).await;
            process.wait(SECS(30)).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
    assert_eq!(world.agent.asked().len(), 1);
}

/// R9: a refusal because the card is finished already counts as done.
#[test]
fn a_card_that_is_finished_already_is_done() {
    let world = World::new(7);
    world.platform.rule(|call, _, _| match call {
        Call::Finish => Fate::Refuse(CardOutcome::AlreadyFinished),
        Call::Open | Call::Update | Call::Send(_) => Fate::Do,
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.until("a finish", || process.world.platform.kinds().contains(&Call::Finish)).await;
            process.wait(SECS(120)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    let finishes = world.platform.kinds().into_iter().filter(|call| *call == Call::Finish).count();
    assert_eq!(finishes, 1, "it is not asked again");
    assert_eq!(world.platform.finals(), [""; 0], "and nothing follows as text");
}

/// Three crashes in one turn are enough: a failure record and one sentence, on the same card.
#[test]
fn a_turn_that_kills_the_process_again_and_again_is_given_up_with_a_sentence() {
    let world = World::new(8);
    world.agent.script(|_, _| Act::Hang(vec!["half ".to_owned()]));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
        })
        .unwrap();
    for crash in 1..=3 {
        world
            .process(|process| async move {
                process.until("it is asked again", || process.world.agent.asked().len() == crash + 1).await;
                process.wait(SECS(2)).await;
            })
            .unwrap();
    }
    world
        .process(|process| async move {
            process.finals(1).await;
            process.wait(SECS(30)).await;
            assert_eq!(process.failures().await, [FailureCause::CrashLoop]);
        })
        .unwrap();
    assert_eq!(world.agent.asked().len(), 4);
    assert_eq!(world.platform.cards().len(), 1);
    let sentence = Notice::Failed(FailureCause::CrashLoop).text(Locale::En);
    assert_eq!(world.platform.finals(), [sentence]);
}

/// Messages stored before a long outage, by what the channel says about stale ones.
#[test]
fn what_is_stale_after_an_outage_is_answered_noted_or_skipped_as_the_channel_says() {
    let asks = ["one", "two", "three"];
    let late = Notice::Late { age: Duration::from_hours(3) }.text(Locale::En);
    let skipped = Notice::Failed(FailureCause::Stale).text(Locale::En);
    let whole = |text: &str| answer_to(text).concat();
    for (stale, finals, failures) in [
        (Stale::Answer, asks.map(whole).to_vec(), vec![]),
        (Stale::Note, asks.map(|text| format!("> {late}\n\n{}", whole(text))).to_vec(), vec![]),
        (Stale::Skip, vec![skipped.clone()], vec![FailureCause::Stale; 3]),
    ] {
        let world = World::new(4);
        world.agent.script(|request, _| Act::Say(answer_to(&request.text), Duration::ZERO));
        world
            .long_process(|process| async move {
                process.set_up_with(|channel, _| channel.conversation.stale = stale).await;
                process.patch(&ChannelId::new("chn_1"), |channel| channel.enabled = false).await;
                for text in asks {
                    let message = process.world.message("ann", text);
                    let arrival = arrival(message, text);
                    process.world.store.beneath().accept(arrival).await.unwrap();
                }
                process.wait(Duration::from_hours(3)).await;
            })
            .unwrap();
        let found = world
            .process(|process| async move {
                process.patch(&ChannelId::new("chn_1"), |channel| channel.enabled = true).await;
                // The lease of the first process has to run out.
                process.wait(SECS(300)).await;
                process.failures().await
            })
            .unwrap();
        assert_eq!((world.platform.finals(), found), (finals, failures), "{stale:?}");
    }
}

/// A resumed turn has its whole time again: a new run is begun, and nobody knows how long no process was there.
#[test]
fn a_resumed_turn_has_its_whole_time_again_and_those_behind_it_keep_their_order() {
    let world = World::new(11);
    world.agent.script(|request, _| match request.text.as_str() {
        "long" => Act::Say((0..8).map(|n| format!("word{n} ")).collect(), Duration::from_secs(5)),
        text => Act::Say(answer_to(text), Duration::ZERO),
    });
    world
        .process(|process| async move {
            process.set_up_with(|_, agent| agent.limits.turn_timeout = Duration::from_secs(50)).await;
            for text in ["long", "one", "two"] {
                process.says("ann", text).await;
            }
            process.wait(Duration::from_secs(30)).await;
        })
        .unwrap();
    world
        .process(|process| async move {
            process.finals(3).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    let finals = world.platform.finals();
    assert!(finals[0].starts_with("word0 ") && finals[0].trim_end().ends_with("word7"), "{finals:?}");
    assert_eq!(finals[1..], ["answer to <one>", "answer to <two>"]);
    assert_eq!(world.platform.cards().len(), 3, "the running turn went on on its card");
}
