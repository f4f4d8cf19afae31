//! What is read out of bodies of every shape.

use proptest::prelude::any;
use proptest::{prop_assert, prop_assert_eq, proptest};
use rstest::rstest;
use serde_json::json;
use switchboard_ports::agent::AgentEvent;

use super::super::super::http::answer::{Answer, Ending, WHOLE_BYTES_MAX};
use super::Completion;

const SSE: Option<&str> = Some("text/event-stream; charset=utf-8");
const JSON: Option<&str> = Some("application/json");

fn read_in<'a>(content_type: Option<&str>, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<AgentEvent> {
    let mut answer = Answer::new(content_type, Completion::default());
    for chunk in chunks {
        answer.push(chunk);
    }
    answer.end();
    let mut events: Vec<_> = std::iter::from_fn(|| answer.next()).collect();
    match answer.ending() {
        Some(Ending::Event(event)) => events.push(event),
        other => panic!("no end: {other:?}"),
    }
    assert_eq!(answer.ending(), None, "the end is told once");
    events
}

fn read(content_type: Option<&str>, body: &str) -> Vec<AgentEvent> {
    read_in(content_type, [body.as_bytes()])
}

/// The events as short lines, a failure as its name and detail.
fn lines(events: &[AgentEvent]) -> Vec<String> {
    events
        .iter()
        .map(|event| match event {
            AgentEvent::Started { .. } => "started".to_owned(),
            AgentEvent::Delta(text) => text.clone(),
            AgentEvent::Reasoning(text) => format!("thinks {text}"),
            AgentEvent::Tool { name } => format!("uses {name}"),
            AgentEvent::Completed { cut: None, .. } => "completed".to_owned(),
            AgentEvent::Completed { cut: Some(cut), .. } => format!("cut {cut:?}"),
            AgentEvent::Failed { failure, detail } => format!("{}: {detail}", failure.kind.as_str()),
        })
        .collect()
}

#[rstest]
#[case::text(r#"{"content":"Hi"}"#, &["Hi"])]
#[case::parts(r#"{"content":[{"type":"text","text":"a"},{"type":"image_url"},{"text":"b"}]}"#, &["a", "b"])]
#[case::thinking_parts(r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#, &["thinks hm"])]
#[case::reasoning_content(r#"{"reasoning_content":"hm","content":null}"#, &["thinks hm"])]
#[case::reasoning(r#"{"reasoning":"hm","content":""}"#, &["thinks hm"])]
#[case::both_names(r#"{"reasoning":"hm","reasoning_content":"hm"}"#, &["thinks hm"])]
#[case::refusal(r#"{"refusal":"No."}"#, &["No."])]
#[case::tool(r#"{"tool_calls":[{"index":0,"function":{"name":"search","arguments":""}}]}"#, &["uses search"])]
#[case::more_of_a_tool(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{"}},{"function":{"name":""}},5]}"#, &[])]
#[case::role_only(r#"{"role":"assistant"}"#, &[])]
#[case::in_order(r#"{"content":"c","reasoning":"r","tool_calls":[{"function":{"name":"t"}}]}"#, &["thinks r", "c", "uses t"])]
fn each_kind_of_delta_is_read(#[case] delta: &str, #[case] expected: &[&str]) {
    let body = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\ndata: {{\"choices\":[{{\"delta\":{{\"content\":\"!\"}}}}]}}\n\ndata: [DONE]\n\n"
    );
    let read = lines(&read(SSE, &body));
    assert_eq!(read, [expected, &["!", "completed"]].concat());
}

#[rstest]
#[case("length", "cut Length")]
#[case("max_tokens", "cut Length")]
#[case("MAX_TOKENS", "cut Length")]
#[case("content_filter", "cut Filter")]
#[case("stop", "completed")]
#[case("tool_calls", "completed")]
fn an_answer_that_is_not_whole_is_told_from_one_that_is(#[case] reason: &str, #[case] end: &str) {
    let choice = json!({"choices": [{"index": 0, "message": {"content": "half"}, "finish_reason": reason}]});
    assert_eq!(lines(&read(JSON, &choice.to_string())), ["half", end]);
    for done in ["", "data: [DONE]\n\n"] {
        assert_eq!(lines(&read(SSE, &format!("data: {choice}\n\n{done}"))), ["half", end]);
    }
    let silent = json!({"choices": [{"index": 0, "message": {"content": ""}, "finish_reason": reason}]});
    assert_eq!(
        lines(&read(JSON, &silent.to_string())),
        [format!("agent_empty: no text, finish_reason {reason}")]
    );
}

#[test]
fn a_thought_in_the_text_is_told_as_one_and_an_unclosed_one_said_at_the_end() {
    let piece = |text: &str| format!("data: {}\n\n", json!({"choices": [{"delta": {"content": text}}]}));
    let stream =
        |texts: &[&str]| texts.iter().map(|text| piece(text)).collect::<String>() + "data: [DONE]\n\n";
    assert_eq!(
        lines(&read(SSE, &stream(&["<th", "ink>hm", "</thi", "nk>\n\n4", "2"]))),
        ["thinks hm", "4", "2", "completed"]
    );
    assert_eq!(
        lines(&read(SSE, &stream(&["<think>", "the answer"]))),
        ["thinks the answer", "<think>the answer", "completed"]
    );
    let whole =
        json!({"choices": [{"message": {"content": "<think>hm</think>42"}, "finish_reason": "length"}]});
    assert_eq!(lines(&read(JSON, &whole.to_string())), ["thinks hm", "42", "cut Length"]);
    let thought_alone =
        json!({"choices": [{"message": {"content": "<think>hm</think>"}, "finish_reason": "stop"}]});
    assert_eq!(
        lines(&read(JSON, &thought_alone.to_string())),
        ["thinks hm", "agent_empty: no text, finish_reason stop"]
    );
    assert_eq!(
        lines(&read(SSE, &piece("<think>hm"))),
        ["thinks hm", "agent_cut_stream: the answer broke off"],
        "a thought of an answer that broke off is none of it"
    );
}

const A: &str = r#"data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}"#;
const STOP: &str = r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"data: {"choices":[],"usage":{"total_tokens":7}}"#;

#[rstest]
#[case::as_documented(&[A, STOP, USAGE, "data: [DONE]"], &["a", "completed"])]
#[case::without_done(&[A, STOP], &["a", "completed"])]
#[case::without_finish_reason(&[A, "data: [DONE]"], &["a", "completed"])]
#[case::nothing_after_done_counts(&[A, "data: [DONE]", A, "data: x"], &["a", "completed"])]
#[case::text_after_the_reason_counts(&[A, STOP, A, "data: [DONE]"], &["a", "a", "completed"])]
#[case::comments_and_heartbeats(&[": ping", A, "event: ping\ndata: now", "data:", STOP], &["a", "completed"])]
#[case::other_choices(&[A, r#"data: {"choices":[{"index":1,"delta":{"content":"b"}}]}"#, STOP], &["a", "completed"])]
#[case::whole_message_in_a_stream(&[r#"data: {"choices":[{"message":{"content":"b"},"finish_reason":"stop"}]}"#], &["b", "completed"])]
#[case::cut_after_text(&[A], &["a", "agent_cut_stream: the answer broke off"])]
#[case::cut_before_text(&[": ping"], &["agent_cut_stream: the answer broke off"])]
#[case::cut_in_an_event(&[A, r#"data: {"choices":[{"del"#], &["a", "agent_cut_stream: the answer broke off"])]
#[case::error_object(&[A, r#"data: {"error":{"message":"secret","code":"overloaded","type":"server_error"}}"#], &["a", "agent_server_error: code overloaded, type server_error"])]
#[case::error_text(&[r#"data: {"error":"secret"}"#], &["agent_server_error: an error without a code"])]
#[case::error_null(&[r#"data: {"error":null,"choices":[{"delta":{"content":"b"}}]}"#, STOP], &["b", "completed"])]
#[case::error_event(&["event: error\ndata: secret"], &["agent_server_error: an error event"])]
#[case::error_event_in_json(&["event: error\ndata: {\"message\":\"secret\"}"], &["agent_server_error: an error event"])]
#[case::error_reason(&[A, r#"data: {"choices":[{"delta":{},"finish_reason":"error"}]}"#], &["a", "agent_server_error: finish_reason error"])]
#[case::not_json(&[A, "data: {nonsense}", A], &["a", "agent_malformed: an event is not JSON"])]
#[case::not_json_and_cut_off_is_malformed_when_closed(&["data: {\"choices\":", ""], &["agent_malformed: an event is not JSON"])]
#[case::not_an_object(&["data: 5", ""], &["agent_malformed: not an object"])]
#[case::choices_no_list(&[r#"data: {"choices":{}}"#, ""], &["agent_malformed: choices is not a list"])]
#[case::choice_no_object(&[r#"data: {"choices":[5]}"#, ""], &["agent_malformed: a choice is not an object"])]
#[case::message_no_object(&[r#"data: {"choices":[{"delta":"x"}]}"#, ""], &["agent_malformed: a message is not an object"])]
#[case::content_no_text(&[r#"data: {"choices":[{"delta":{"content":5}}]}"#, ""], &["agent_malformed: content is neither text nor parts"])]
#[case::empty(&[STOP, "data: [DONE]"], &["agent_empty: no text, finish_reason stop"])]
#[case::empty_without_reason(&["data: [DONE]"], &["agent_empty: no text"])]
#[case::only_white_space(&[r#"data: {"choices":[{"delta":{"content":" \n"}}]}"#, STOP], &[" \n", "agent_empty: no text, finish_reason stop"])]
#[case::only_thinking(&[r#"data: {"choices":[{"delta":{"reasoning":"hm"},"finish_reason":"length"}]}"#], &["thinks hm", "agent_empty: no text, finish_reason length"])]
#[case::filtered(&[r#"data: {"choices":[{"delta":{},"finish_reason":"content_filter"}]}"#], &["agent_empty: no text, finish_reason content_filter"])]
fn each_course_of_a_stream_has_its_end(#[case] events: &[&str], #[case] expected: &[&str]) {
    assert_eq!(lines(&read(SSE, &events.join("\n\n"))), expected);
}

#[rstest]
#[case::as_documented(JSON, r#"{"choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#, &["Hi", "completed"])]
#[case::spread_over_lines(JSON, "\n\n{\n \"choices\": [{\"message\": {\"content\": \"Hi\"}}]\n}\n", &["Hi", "completed"])]
#[case::announced_as_a_stream(SSE, r#"{"choices":[{"message":{"content":"Hi"}}]}"#, &["Hi", "completed"])]
#[case::not_announced(None, r#"{"choices":[{"delta":{"content":"Hi"}}]}"#, &["Hi", "completed"])]
#[case::problem_json(Some("application/problem+json"), r#"{"error":{"code":"x"}}"#, &["agent_server_error: code x"])]
#[case::old_error(JSON, r#"{"object":"error","code":50001}"#, &["agent_server_error: code 50001"])]
#[case::no_choices(JSON, r#"{"choices":[]}"#, &["agent_malformed: the answer has no choices"])]
#[case::something_else(JSON, r#"{"ok":true}"#, &["agent_malformed: the answer has no choices"])]
#[case::not_json(JSON, "hello", &["agent_malformed: the answer is not JSON"])]
#[case::two_objects(None, "{}{}", &["agent_malformed: the answer is not JSON"])]
#[case::cut(JSON, r#"{"choices":[{"message":{"content":"Hi"#, &["agent_cut_stream: the answer broke off"])]
#[case::no_body(JSON, "", &["agent_cut_stream: the answer broke off"])]
#[case::empty(JSON, r#"{"choices":[{"message":{"content":null},"finish_reason":"tool_calls"}]}"#, &["agent_empty: no text, finish_reason tool_calls"])]
#[case::web_page(Some("text/html"), "<html>{}</html>", &["agent_malformed: the answer is a web page"])]
#[case::plain_text(Some("text/plain"), "Hello there.", &["agent_malformed: the answer is neither JSON nor an event stream"])]
#[case::stream_announced_as_text(Some("text/plain"), "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n", &["Hi", "completed"])]
fn a_whole_answer_is_taken_as_such(
    #[case] content_type: Option<&str>,
    #[case] body: &str,
    #[case] expected: &[&str],
) {
    assert_eq!(lines(&read(content_type, body)), expected);
}

#[test]
fn a_long_delta_comes_in_pieces_of_at_most_64_kib() {
    let text = "好".repeat(50_000);
    let body = json!({ "choices": [{ "delta": { "content": text, "reasoning": text } }] });
    let events = read(SSE, &format!("data: {body}\n\n{STOP}\n\n"));
    let (mut said, mut thought) = (String::new(), String::new());
    for event in &events {
        match event {
            AgentEvent::Delta(piece) => {
                assert!(piece.len() <= 64 * 1024);
                said.push_str(piece);
            }
            AgentEvent::Reasoning(piece) => {
                assert!(piece.len() <= 64 * 1024);
                thought.push_str(piece);
            }
            AgentEvent::Completed { .. } => {}
            AgentEvent::Started { .. } | AgentEvent::Tool { .. } | AgentEvent::Failed { .. } => {
                panic!("{event:?}")
            }
        }
    }
    assert!(said == text && thought == text);
}

#[test]
fn an_event_without_end_is_given_up() {
    let line = vec![b'x'; 64 * 1024];
    let chunks: Vec<&[u8]> =
        std::iter::once(&b"data: "[..]).chain((0..17).map(|_| line.as_slice())).collect();
    assert_eq!(
        lines(&read_in(SSE, chunks)),
        ["agent_malformed: decode the event stream: an event is longer than 1048576 bytes"]
    );
}

#[test]
fn a_whole_answer_without_end_is_given_up() {
    let chunk = vec![b'{'; 1024 * 1024];
    let chunks = (0..9).map(|_| chunk.as_slice());
    assert_eq!(
        lines(&read_in(JSON, chunks)),
        [format!("agent_too_long: longer than {WHOLE_BYTES_MAX} bytes")]
    );
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events(chunk_length in 1_usize..40, case in 0_usize..4) {
        let bodies = [
            format!("{A}\r\n\r\n: 你好\r\n\r\n{USAGE}\r\n\r\n{STOP}\r\n\r\ndata: [DONE]\r\n\r\n"),
            format!("{A}\n\n{A}\n\ndata: {{\"choi"),
            format!("\n  {}", r#"{"choices":[{"message":{"content":"你好"}}]}"#),
            "<html></html>".to_owned(),
        ];
        let body = bodies[case].as_bytes();
        prop_assert_eq!(read_in(None, body.chunks(chunk_length)), read_in(None, [body]));
    }

    #[test]
    fn any_bytes_end_in_exactly_one_way(body in proptest::collection::vec(any::<u8>(), 0..300), announced: bool) {
        let events = read_in(if announced { SSE } else { None }, [body.as_slice()]);
        let is_end = |event: &AgentEvent| matches!(event, AgentEvent::Completed { .. } | AgentEvent::Failed { .. });
        prop_assert!(events.last().is_some_and(is_end));
        prop_assert_eq!(events.iter().filter(|event| is_end(event)).count(), 1);
    }
}
