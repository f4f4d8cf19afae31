//! A response as one JSON document: how far it is, what it says. Pure.

use serde_json::Value;
use switchboard_domain::outcome::Cut;

use super::super::http::failure::{ErrorObject, word};

/// Which of a response's items are the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agents) enum Scope {
    /// All: the response is one turn.
    Whole,
    /// The last assistant message that is newer than the item with this id, which was the last one before the turn. Where
    /// that is not known, newer than the last user message: a response that is a whole conversation ends with the turn.
    NewerThan(Option<String>),
}

/// How far a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::agents) enum Status {
    /// It waits or is being made.
    Unfinished,
    /// It is whole, or as whole as it will be.
    Completed,
    /// It failed by itself.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

/// A response.
#[derive(Debug, Clone, Copy)]
pub(in crate::agents) struct Object<'a>(&'a Value);

impl<'a> Object<'a> {
    /// The document, if it is a response at all.
    pub(in crate::agents) fn read(value: &'a Value) -> Option<Self> {
        let is_response = value.get("object").and_then(Value::as_str) == Some("response")
            || value.get("status").is_some_and(Value::is_string)
            || value.get("output").is_some_and(Value::is_array);
        is_response.then_some(Self(value))
    }

    /// Its id.
    pub(in crate::agents) fn id(self) -> Option<&'a str> {
        self.0.get("id")?.as_str().filter(|id| !id.is_empty())
    }

    /// How far it is; one that does not say so is whole.
    pub(in crate::agents) fn status(self) -> Status {
        match self.0.get("status").and_then(Value::as_str) {
            Some("queued" | "in_progress" | "pending" | "cancelling") => Status::Unfinished,
            Some("failed") => Status::Failed,
            Some("cancelled" | "canceled") => Status::Cancelled,
            None if ErrorObject::find(self.0).is_some() => Status::Failed,
            Some(_) | None => Status::Completed,
        }
    }

    /// Why it failed.
    pub(in crate::agents) fn error(self) -> ErrorObject {
        ErrorObject::find(self.0).unwrap_or_default()
    }

    /// Why it is not complete: `max_output_tokens`, `content_filter`.
    pub(in crate::agents) fn incomplete(self) -> Option<String> {
        self.0.get("incomplete_details")?.get("reason").and_then(word)
    }

    /// What ended it before its end, if it says that something did.
    pub(in crate::agents) fn cut(self) -> Option<Cut> {
        match (self.0.get("status").and_then(Value::as_str), self.incomplete().as_deref()) {
            (_, Some("content_filter")) => Some(Cut::Filter),
            // The protocol has no other reasons.
            (Some("incomplete"), _) | (_, Some(_)) => Some(Cut::Length),
            (_, None) => None,
        }
    }

    /// The answer's text so far.
    pub(in crate::agents) fn text(self, scope: &Scope) -> String {
        match scope {
            Scope::Whole => {
                let texts = self.items().iter().filter(|item| is_message(item, "assistant")).map(item_text);
                let text = texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n");
                if text.is_empty() { self.short() } else { text }
            }
            Scope::NewerThan(marker) => self.newest(marker.as_deref()).map(item_text).unwrap_or_default(),
        }
    }

    /// Whether there is an assistant's message of the turn at all, be it empty.
    pub(in crate::agents) fn has_answer(self, scope: &Scope) -> bool {
        match scope {
            Scope::Whole => true,
            Scope::NewerThan(marker) => self.newest(marker.as_deref()).is_some(),
        }
    }

    /// What the agent asks back, where the answer is a question (`pending_user_input`).
    pub(in crate::agents) fn question(self, scope: &Scope) -> Option<String> {
        let own = match scope {
            Scope::Whole => self.items().last(),
            Scope::NewerThan(marker) => self.newest(marker.as_deref()),
        };
        let asked = [Some(self.0), self.0.get("result"), own].into_iter().flatten();
        let asked = asked.filter_map(|place| place.get("pending_user_input")).find(|it| !it.is_null())?;
        Some(question_text(asked)).filter(|text| !text.trim().is_empty())
    }

    /// The id of its last message.
    pub(in crate::agents) fn last_item(self) -> Option<&'a str> {
        self.items().iter().rev().find_map(|item| item.get("id")?.as_str())
    }

    fn items(self) -> &'a [Value] {
        self.0.get("output").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Some servers repeat the text in one field beside the items.
    fn short(self) -> String {
        self.0.get("output_text").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn newest(self, marker: Option<&str>) -> Option<&'a Value> {
        let items = self.items();
        let id_of = |item: &'a Value| item.get("id").and_then(Value::as_str);
        let known = marker.and_then(|id| items.iter().rposition(|item| id_of(item) == Some(id)));
        let asked = || items.iter().rposition(|item| is_message(item, "user"));
        let newer = match known.or_else(asked) {
            Some(at) => items.get(at.saturating_add(1)..).unwrap_or_default(),
            None => items,
        };
        newer.iter().rfind(|item| is_message(item, "assistant"))
    }
}

/// Whether an item is a message of this role; one without a role is the assistant's.
fn is_message(item: &Value, role: &str) -> bool {
    matches!(item.get("type").and_then(Value::as_str), Some("message") | None)
        && item.get("role").and_then(Value::as_str).unwrap_or("assistant") == role
}

/// The text of a message item; pictures and the like are passed over.
pub(super) fn item_text(item: &Value) -> String {
    match item.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(part_text).collect(),
        _ => String::new(),
    }
}

/// The text of a part: `output_text`, or `refusal`, which is the answer all the same.
fn part_text(part: &Value) -> Option<&str> {
    part.get("text").or_else(|| part.get("refusal"))?.as_str()
}

/// A question back as text: the question, and its choices as a list. Tolerant, since nothing says how it is written.
fn question_text(asked: &Value) -> String {
    const NAMES: [&str; 6] = ["question", "prompt", "message", "text", "title", "label"];
    match asked {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(question_text).collect::<Vec<_>>().join("\n\n"),
        Value::Object(fields) => {
            let own =
                NAMES.iter().filter_map(|name| fields.get(*name)?.as_str()).find(|text| !text.is_empty());
            let questions = fields.get("questions").map(question_text);
            let choices =
                ["options", "choices"].iter().filter_map(|name| fields.get(*name)?.as_array()).flatten();
            let choices: Vec<String> = choices.map(|choice| format!("- {}", question_text(choice))).collect();
            let choices = (!choices.is_empty()).then(|| choices.join("\n"));
            [own.map(str::to_owned), questions, choices]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("\n\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use switchboard_domain::outcome::Cut;

    use super::{Object, Scope, Status};

    fn message(id: &str, role: &str, text: &str) -> Value {
        json!({"type": "message", "id": id, "role": role, "content": [{"type": "output_text", "text": text}]})
    }

    fn conversation() -> Value {
        json!({"id": "resp_7", "status": "completed", "output": [
            message("msg_1", "user", "first question"),
            message("msg_2", "assistant", "first answer"),
            message("msg_3", "user", "second question"),
            {"type": "reasoning", "id": "rs_1", "summary": []},
            message("msg_4", "assistant", "half"),
            message("msg_5", "assistant", "second answer"),
        ]})
    }

    #[rstest]
    #[case::marked(Some("msg_2"), "second answer")]
    #[case::unknown_marker(Some("msg_99"), "second answer")]
    #[case::no_marker(None, "second answer")]
    #[case::nothing_newer(Some("msg_5"), "")]
    fn the_answer_is_the_last_assistant_message_newer_than_the_turn(
        #[case] marker: Option<&str>,
        #[case] expected: &str,
    ) {
        let value = conversation();
        let scope = Scope::NewerThan(marker.map(str::to_owned));
        let object = Object::read(&value).unwrap();
        assert_eq!(object.text(&scope), expected);
        assert_eq!(object.has_answer(&scope), !expected.is_empty());
        assert_eq!(object.last_item(), Some("msg_5"));
    }

    #[test]
    fn an_older_answer_is_never_the_new_one() {
        let value = json!({"status": "completed", "output": [
            message("msg_1", "user", "q"), message("msg_2", "assistant", "old"), message("msg_3", "user", "q2"),
        ]});
        assert_eq!(Object::read(&value).unwrap().text(&Scope::NewerThan(None)), "");
        assert_eq!(Object::read(&value).unwrap().text(&Scope::NewerThan(Some("msg_2".into()))), "");
    }

    #[test]
    fn a_whole_response_is_all_its_messages() {
        let value = json!({"id": "resp_1", "output": [
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}]},
            {"type": "message", "content": "c"},
        ]});
        assert_eq!(Object::read(&value).unwrap().text(&Scope::Whole), "ab\n\nc");
        let short = json!({"output": [], "output_text": "short"});
        assert_eq!(Object::read(&short).unwrap().text(&Scope::Whole), "short");
    }

    #[rstest]
    #[case(json!("Which one?"), "Which one?")]
    #[case(json!({"question": "Which one?", "options": ["a", {"label": "b"}]}), "Which one?\n\n- a\n- b")]
    #[case(json!({"questions": [{"question": "One?"}, {"question": "Two?"}]}), "One?\n\nTwo?")]
    fn a_question_back_is_text(#[case] asked: Value, #[case] expected: &str) {
        let value = json!({"status": "completed", "output": [], "pending_user_input": asked});
        assert_eq!(Object::read(&value).unwrap().question(&Scope::Whole).as_deref(), Some(expected));
    }

    #[rstest]
    #[case("queued", Status::Unfinished)]
    #[case("in_progress", Status::Unfinished)]
    #[case("completed", Status::Completed)]
    #[case("incomplete", Status::Completed)]
    #[case("failed", Status::Failed)]
    #[case("cancelled", Status::Cancelled)]
    fn each_status_is_read(#[case] status: &str, #[case] expected: Status) {
        let value = json!({ "status": status });
        assert_eq!(Object::read(&value).unwrap().status(), expected);
    }

    #[rstest]
    #[case(json!({"status": "completed"}), None)]
    #[case(json!({"status": "completed", "incomplete_details": null}), None)]
    #[case(json!({"status": "incomplete"}), Some(Cut::Length))]
    #[case(json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}), Some(Cut::Length))]
    #[case(json!({"output": [], "incomplete_details": {"reason": "max_output_tokens"}}), Some(Cut::Length))]
    #[case(json!({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}), Some(Cut::Filter))]
    fn what_cut_an_answer_is_read(#[case] value: Value, #[case] expected: Option<Cut>) {
        assert_eq!(Object::read(&value).unwrap().cut(), expected);
    }

    #[test]
    fn other_documents_are_no_responses() {
        for value in [json!({"choices": []}), json!({"error": {"message": "x"}}), json!([]), json!("x")] {
            assert!(Object::read(&value).is_none(), "{value}");
        }
    }
}
