//! What is read out of responses of every shape.

use proptest::prelude::any;
use proptest::{prop_assert, prop_assert_eq, proptest};
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_ports::agent::{AgentEvent, RunHandle};

use super::super::super::http::answer::{Answer, Ending};
use super::super::object::Scope;
use super::Reader;

fn reader(scope: Scope) -> Reader {
    Reader::new(
        scope,
        Box::new(|id| Some(RunHandle { id: id.to_owned(), pollable: true, continuation: None })),
    )
}

fn read_in<'a>(scope: Scope, chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, Option<String>) {
    let mut answer = Answer::new(Some("text/event-stream"), reader(scope));
    for chunk in chunks {
        answer.push(chunk);
    }
    answer.end();
    let mut lines: Vec<String> = std::iter::from_fn(|| answer.next()).map(|event| line(&event)).collect();
    lines.push(match answer.ending() {
        Some(Ending::Event(event)) => line(&event),
        Some(Ending::Unfinished) => "goes on".to_owned(),
        None => panic!("no end"),
    });
    (lines, answer.into_protocol().id().map(str::to_owned))
}

fn line(event: &AgentEvent) -> String {
    match event {
        AgentEvent::Started { run } => format!("started {}", run.as_ref().map_or("", |run| &run.id)),
        AgentEvent::Delta(text) => text.clone(),
        AgentEvent::Reasoning(text) if text.is_empty() => "lives".to_owned(),
        AgentEvent::Reasoning(text) => format!("thinks {text}"),
        AgentEvent::Tool { name } => format!("uses {name}"),
        AgentEvent::Completed { .. } => "completed".to_owned(),
        AgentEvent::Failed { failure, detail } => format!("{}: {detail}", failure.kind.as_str()),
    }
}

fn stream(events: &[Value]) -> String {
    let lines: Vec<String> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    lines.concat()
}

fn read(events: &[Value]) -> Vec<String> {
    read_in(Scope::Whole, [stream(events).as_bytes()]).0
}

/// A question back is part of the answer, whether there are words before it or not, and is asked once.
#[rstest]
#[case("", "Which one?\n\n- a\n- b", &["Which one?\n\n- a\n- b"])]
#[case("I need to know more.", "Which one?\n\n- a\n- b", &["I need to know more.", "\n\n", "Which one?\n\n- a\n- b"])]
#[case("Well. Which one?", "Which one?", &["Well. Which one?"])]
#[case("<think>Which one?</think>", "Which one?", &["thinks Which one?", "Which one?"])]
fn a_question_back_stands_behind_what_was_said(
    #[case] text: &str,
    #[case] asked: &str,
    #[case] said: &[&str],
) {
    let output =
        json!([{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}]);
    let whole = json!({"id": "resp_1", "status": "completed", "output": output, "pending_user_input": asked});
    let expected: Vec<&str> =
        ["started resp_1"].into_iter().chain(said.iter().copied()).chain(["completed"]).collect();
    let done = json!({"type": "response.completed", "response": whole});
    let streamed =
        if text.is_empty() { vec![created(), done] } else { vec![created(), delta(0, text), done] };
    assert_eq!(read(&streamed), expected);
}

fn created() -> Value {
    json!({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}})
}

fn delta(item: u64, text: &str) -> Value {
    json!({"type": "response.output_text.delta", "output_index": item, "content_index": 0, "delta": text})
}

fn completed(texts: &[&str]) -> Value {
    let output: Vec<Value> = texts
        .iter()
        .map(|text| json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}))
        .collect();
    json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": output}})
}

#[test]
fn a_whole_stream_in_order() {
    let events = [
        created(),
        json!({"type": "response.in_progress", "response": {"id": "resp_1", "status": "in_progress"}}),
        json!({"type": "response.reasoning_text.delta", "delta": "hm"}),
        json!({"type": "response.output_item.added", "item": {"type": "file_search_call", "id": "fs_1"}}),
        json!({"type": "response.file_search_call.searching", "item_id": "fs_1"}),
        delta(1, "Hel"),
        delta(1, "lo"),
        completed(&["Hello"]),
        delta(1, "never read"),
    ];
    assert_eq!(
        read(&events),
        ["started resp_1", "thinks hm", "uses file_search", "lives", "Hel", "lo", "completed"]
    );
}

#[rstest]
#[case::all(&[], &["One.", "Two."], "One.\n\nTwo.")]
#[case::second_half(&[delta(1, "One")], &["One and more."], "One and more.")]
#[case::second_message(&[delta(1, "One.")], &["One.", "Two."], "One.\n\nTwo.")]
#[case::messages_stand_apart(&[delta(1, "One."), delta(2, "Two.")], &["One.", "Two."], "One.\n\nTwo.")]
#[case::what_was_said_stands(&[delta(1, "Something else.")], &["One."], "Something else.")]
#[case::nothing_at_the_end(&[delta(1, "One.")], &[], "One.")]
fn the_text_is_whole_whatever_came_in_pieces(
    #[case] deltas: &[Value],
    #[case] whole: &[&str],
    #[case] text: &str,
) {
    let events = [&[created()], deltas, &[completed(whole)]].concat();
    let lines = read(&events);
    let said: String = lines[1..lines.len() - 1].concat();
    assert_eq!((said.as_str(), lines.last().unwrap().as_str()), (text, "completed"));
}

#[rstest]
#[case::in_pieces(&[delta(1, "<thi"), delta(1, "nk>hm</think>\n"), delta(1, "\n42")], &["<think>hm</think>\n\n42"], "hm", "42")]
#[case::at_the_end(&[], &["<think>hm</think>\n\n42"], "hm", "42")]
#[case::rest_at_the_end(&[delta(1, "<think>h")], &["<think>hm</think>42"], "hm", "42")]
#[case::taken_out_of_the_whole(&[delta(1, "<think>hm</think>")], &["42"], "hm", "42")]
#[case::taken_out_before_it_closed(&[delta(1, "<think>hm")], &["42"], "hm", "42")]
#[case::a_message_of_its_own(&[delta(1, "<think>hm</think>"), delta(2, "42")], &["<think>hm</think>", "42"], "hm", "42")]
#[case::never_closed(&[delta(1, "<think>hm")], &[], "hm", "<think>hm")]
#[case::half_a_mark(&[delta(1, "<thi")], &["<thi"], "", "<thi")]
#[case::further_on(&[delta(1, "42 <think>hm</think>")], &[], "", "42 <think>hm</think>")]
fn a_thought_that_the_text_begins_with_is_thinking(
    #[case] deltas: &[Value],
    #[case] whole: &[&str],
    #[case] thought: &str,
    #[case] answer: &str,
) {
    let events = [&[created()], deltas, &[completed(whole)]].concat();
    let lines = read(&events);
    let said = &lines[1..lines.len() - 1];
    let thoughts: String = said.iter().filter_map(|line| line.strip_prefix("thinks ")).collect();
    let words: String = said.iter().filter(|line| !line.starts_with("thinks ")).map(String::as_str).collect();
    assert_eq!((thoughts.as_str(), words.as_str()), (thought, answer), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "completed");
}

#[test]
fn thoughts_alone_are_no_answer() {
    let events = [created(), delta(1, "<think>hm</think>\n"), completed(&[])];
    assert_eq!(read(&events)[1..], ["thinks hm", "agent_empty: no text"]);
}

#[test]
fn a_part_or_an_item_that_is_done_says_what_did_not_come_in_pieces() {
    let part =
        json!({"type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "Hello."});
    assert_eq!(read(&[created(), delta(1, "Hel"), part.clone(), completed(&[])])[1..3], ["Hel", "lo."]);
    assert_eq!(read(&[created(), part, completed(&[])])[1..2], ["Hello."]);
    let item = json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]}});
    assert_eq!(read(&[created(), item.clone(), completed(&[])])[1..2], ["Hello."]);
    assert_eq!(read(&[created(), delta(1, "Hello."), item, completed(&[])])[1..], ["Hello.", "completed"]);
}

#[test]
fn a_server_that_never_says_completed_is_believed_at_its_end_mark_and_not_before() {
    let body = stream(&[created(), delta(0, "Hi")]);
    let marked = format!("{body}data: [DONE]\n\n");
    assert_eq!(read_in(Scope::Whole, [marked.as_bytes()]).0, ["started resp_1", "Hi", "completed"]);
    let cut = read_in(Scope::Whole, [body.as_bytes()]).0;
    assert_eq!(cut.last().unwrap(), "agent_cut_stream: the answer broke off");
}

#[test]
fn a_document_is_read_as_it_is_and_one_that_goes_on_is_known_by_its_id() {
    let whole =
        json!({"id": "resp_9", "object": "response", "status": "completed", "output_text": "Hi"}).to_string();
    assert_eq!(read_in(Scope::Whole, [whole.as_bytes()]).0, ["started resp_9", "Hi", "completed"]);
    let queued = json!({"id": "resp_9", "object": "response", "status": "queued", "output": []}).to_string();
    let (lines, id) = read_in(Scope::Whole, [queued.as_bytes()]);
    assert_eq!(
        (lines.as_slice(), id.as_deref()),
        (["started resp_9".to_owned(), "goes on".to_owned()].as_slice(), Some("resp_9"))
    );
    let other = json!({"choices": []}).to_string();
    assert_eq!(
        read_in(Scope::Whole, [other.as_bytes()]).0,
        ["agent_malformed: the answer is not a response"]
    );
}

#[rstest]
#[case(json!({"type": "error", "error": {"type": "server_error", "code": "boom", "message": "s3cr3t"}}), "agent_server_error: code boom, type server_error")]
#[case(json!({"type": "error", "message": "s3cr3t"}), "agent_server_error: an error without a code")]
#[case(json!({"error": {"message": "s3cr3t", "code": "model_not_found"}}), "agent_unknown_model: code model_not_found")]
#[case(json!({"type": "response.failed"}), "agent_server_error: an error without a code")]
fn each_error_is_named_and_quotes_nothing(#[case] event: Value, #[case] expected: &str) {
    assert_eq!(read(&[event]).last().unwrap(), expected);
}

#[test]
fn a_tool_is_told_once_and_types_of_nobody_say_nothing() {
    let events = [
        json!({"type": "response.mcp_call.in_progress", "item_id": "m"}),
        json!({"type": "response.mcp_call.in_progress", "item_id": "m"}),
        json!({"type": "ping"}),
        json!({"type": 7}),
        json!({}),
        delta(0, "Hi"),
        completed(&["Hi"]),
    ];
    assert_eq!(read(&events), ["started ", "uses mcp", "lives", "Hi", "completed"]);
}

proptest! {
    #[test]
    fn chunks_do_not_matter_and_nothing_of_the_text_is_lost_or_doubled(
        texts in proptest::collection::vec("[a-z 你好]{1,12}", 1..4),
        told in 0_usize..5,
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
    ) {
        let mut events = vec![created()];
        for (item, text) in texts.iter().enumerate().take(told) {
            events.extend(text.split_inclusive(' ').map(|piece| delta(item as u64, piece)));
        }
        let whole: Vec<&str> = texts.iter().map(String::as_str).collect();
        events.push(completed(&whole));
        let body = stream(&events);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        ends.push(body.len());
        ends.sort_unstable();
        let mut start = 0;
        let mut chunks = Vec::new();
        for end in ends {
            chunks.push(&body.as_bytes()[start..end]);
            start = end;
        }
        let at_once = read_in(Scope::Whole, [body.as_bytes()]).0;
        prop_assert_eq!(&read_in(Scope::Whole, chunks).0, &at_once);
        if texts.iter().all(|text| !text.trim().is_empty()) {
            let said: String = at_once[1..at_once.len() - 1].concat();
            prop_assert!(said == texts.join("\n\n"), "{said:?}");
        }
    }
}
