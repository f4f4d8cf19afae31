//! Messages of every kind, with their files, as the agent gets them and as the chat ends.

use dingtalk_sim::{Content, Element, FaultAction, FaultRule, FileSpec, Push, Quote, Quoted};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use switchboard_tests::scripted_agent::Asked;
use switchboard_tests::server::CAP;

use super::judge::no_violations;
use super::stage::{APP, Plan, Stage, answer_to, chat};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";

fn picture() -> FileSpec {
    FileSpec::new("photo.png", PNG)
}

fn push(stage: &Stage, content: Content) {
    let origin = dingtalk_sim::Origin::private(&chat("ann"), "ann");
    stage.simulator.push(Push::of(APP, origin, content)).expect("the platform takes it");
}

/// The kinds of the parts of the last question, after its text.
fn parts(asked: &Asked) -> Vec<String> {
    let messages = asked.body["messages"].as_array().expect("messages");
    let content = &messages.last().expect("a question")["content"];
    let parts = content.as_array().map(Vec::as_slice).unwrap_or_default();
    parts.iter().skip(1).map(|part| part["type"].as_str().expect("a type").to_owned()).collect()
}

/// Files that lie in the store of a server that has stopped.
fn stored_files(stage: &Stage) -> u32 {
    let names = std::fs::read_dir(stage.home.store()).expect("the store").flatten();
    let database = names.map(|it| it.path()).find(|path| path.extension().is_some_and(|it| it == "db"));
    let database = rusqlite::Connection::open(database.expect("a database")).expect("the database opens");
    let count = |row: &rusqlite::Row<'_>| row.get(0);
    database.query_row("SELECT count(*) FROM attachments", [], count).expect("the files are counted")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_message_is_answered_and_its_files_reach_the_agent() {
    let stage = Stage::start().await;
    let text = |text: &str| Element::Text { text: text.to_owned() };
    let file = |name: &str, bytes: &[u8]| Content::File { file: FileSpec::new(name, bytes), in_space: false };
    let audio = |recognition: Option<&str>| Content::Audio {
        file: FileSpec::new("voice.mp3", b"ID3 sound"),
        duration: json!("4000"),
        recognition: recognition.map(str::to_owned),
    };
    let rich = vec![text("Compare"), Element::Picture { file: picture() }, text("with the plan")];
    let video = Content::Video {
        file: FileSpec::new("clip.mp4", b"ftyp"),
        duration: json!("5"),
        video_type: "mp4".to_owned(),
    };
    let cases: [(Content, &str, &[&str]); 9] = [
        (Content::Picture { file: picture(), one_code: true }, "[picture: picture-1]", &["image_url"]),
        (file("notes.txt", b"the notes"), "[file: notes.txt]", &["text"]),
        (file("plan.pdf", b"%PDF-1.7 plan"), "[file: plan.pdf]", &["file"]),
        (file("all.zip", b"PK\x03\x04"), "[file: all.zip]", &["text"]),
        (audio(Some("what is said")), "what is said", &[]),
        (audio(None), "[audio: audio-1, 4 s]", &["input_audio"]),
        (video, "[video: video.mp4, 5 s]", &["text"]),
        (
            Content::RichText { elements: rich },
            "Compare\n[picture: picture-1]\nwith the plan",
            &["image_url"],
        ),
        (Content::ChatRecord { title: "Talk".into(), summary: "ann: hi".into() }, "Talk\nann: hi", &[]),
    ];
    let mut said = Vec::new();
    for (content, question, expected) in cases {
        push(&stage, content);
        stage.wait_asked(question).await;
        let asked = stage.agent.asked().pop().expect("a question");
        assert_eq!(
            (asked.question(), parts(&asked)),
            (question, expected.iter().map(ToString::to_string).collect())
        );
        // A line of its own needs a blank line before it in DingTalk's Markdown.
        said.push(answer_to(question).replace('\n', "\n\n"));
        stage.wait_texts("ann", &said.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    stage.simulator.observe(|seen| no_violations(seen, false));
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bot_cannot_read_gets_one_sentence_and_what_cannot_be_fetched_another() {
    let stage = Stage::start().await;
    push(&stage, Content::Unknown);
    let unknown = |texts: &[String]| texts.len() == 1 && texts[0].contains("cannot read");
    let read = |seen: &dingtalk_sim::Observed| unknown(&seen.robot_texts(&chat("ann")));
    let outcome = stage.simulator.wait_for(CAP, read).await;
    assert!(outcome.is_ok(), "{:?}", stage.texts("ann"));
    // No address of a file leads into this machine's network by another name than the platform's own.
    let elsewhere = FaultAction::AnswerUrl { url: "https://elsewhere.invalid/f".to_owned() };
    stage.simulator.add_fault(FaultRule::on("/v1.0/robot/messageFiles/download", elsewhere));
    push(&stage, Content::Picture { file: picture(), one_code: false });
    let gone = |seen: &dingtalk_sim::Observed| {
        let texts = seen.robot_texts(&chat("ann"));
        texts.len() == 2 && texts[1].contains("send it again") && seen.open_cards().is_empty()
    };
    let outcome = stage.simulator.wait_for(CAP, gone).await;
    assert!(outcome.is_ok(), "{:?}", stage.texts("ann"));
    assert!(stage.agent.asked().is_empty());
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_goes_along_with_its_question_and_its_picture() {
    let stage = Stage::start().await;
    let origin = || dingtalk_sim::Origin::private(&chat("ann"), "ann");
    let asks = |text: &str, of: Quoted| Push::text(APP, origin(), text).quoting(Quote::of(of));
    let words = Quoted::Text { text: "the earlier words".to_owned() };
    stage.simulator.push(asks("why?", words)).expect("taken");
    stage.wait_asked("> the earlier words\n\nwhy?").await;
    let shown = Quoted::Message { content: Content::Picture { file: picture(), one_code: true } };
    stage.simulator.push(asks("what is this?", shown)).expect("taken");
    stage.wait_asked("> [picture: picture-1]\n\nwhat is this?").await;
    assert_eq!(parts(&stage.agent.asked()[1]), ["image_url"]);
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_survives_a_kill_and_is_gone_when_it_is_answered() {
    let mut stage = Plan::default().start().await;
    let hold =
        switchboard_tests::scripted_agent::Behaviour::Held { before: "I see".into(), after: " it".into() };
    stage.agent.queue([hold]);
    push(&stage, Content::Picture { file: picture(), one_code: true });
    stage.wait_streaming("ann", "I see").await;
    stage.server.signal(Signal::SIGKILL);
    stage.server.end().await;
    stage.serve_again().await;
    stage.wait_texts("ann", &[&answer_to("[picture: picture-1]")]).await;
    let asked = stage.agent.asked();
    let pictures: Vec<&Value> = asked
        .iter()
        .map(|asked| &asked.body["messages"].as_array().unwrap().last().unwrap()["content"])
        .collect();
    assert_eq!((pictures.len(), pictures[0]), (2, pictures[1]), "the same question with the same picture");
    stage.simulator.observe(|seen| no_violations(seen, true));
    stage.assert_no_alarm();
    stage.server.signal(Signal::SIGTERM);
    assert_eq!(stage.server.end().await.code(), Some(0));
    assert_eq!(stored_files(&stage), 0, "a picture stays behind in the store");
}
