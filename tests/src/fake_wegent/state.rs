//! What the fake Wegent knows: tasks, what runs do, what it was asked, and the limits.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{CHAT_TEAM, EXECUTOR_TEAM, MODELLESS_TEAM, OWNER, PERSONAL_KEY, SERVICE_KEY, Seen, TOKEN};
use crate::loopback::{Memory, Script};

/// Over what limits count.
const MINUTE: Duration = Duration::from_mins(1);

/// What a run does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Play {
    /// Says the text, word by word.
    Say(String),
    /// Says `before`, waits for a release, says `after`.
    Held {
        /// Said at once; may be empty.
        before: String,
        /// Said once released.
        after: String,
    },
    /// Says `before`, then the stream breaks; says `after` once it was looked at.
    Cut {
        /// Said before the stream breaks.
        before: String,
        /// Said after that.
        after: String,
    },
    /// Fails with these words.
    Fail(String),
    /// Ends with a question back and no text.
    Ask(String),
    /// Streams without pieces of text: all of it comes with the end.
    SayAtTheEnd(String),
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `POST /responses`.
    Ask,
    /// `GET /responses/{id}`.
    Look,
    /// `POST /responses/{id}/cancel`.
    Cancel,
    /// `POST /attachments/upload`.
    Upload,
}

impl Verb {
    const fn per_minute(self) -> usize {
        match self {
            Self::Ask => 60,
            Self::Look => 120,
            Self::Cancel => 30,
            Self::Upload => usize::MAX,
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    /// What for.
    pub verb: Verb,
    /// The key it came with.
    pub key: String,
    /// Whom it was for, once that was clear.
    pub user: Option<String>,
    /// The response it names.
    pub response: Option<String>,
    /// Its body; null where it has none.
    pub body: Value,
    /// The status it was answered with; 0 while it is not.
    pub status: u16,
    /// When.
    pub at: Instant,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// An executor has not begun.
    Queued,
    /// A run is at work.
    Running,
    /// The last run is done.
    Completed,
    /// The last run failed.
    Failed,
}

impl TaskState {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// One message of a task.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its number: `msg_{id}`.
    pub id: u64,
    /// `user` or `assistant`.
    pub role: &'static str,
    /// What is said.
    pub text: String,
}

/// A conversation.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its number: `resp_{id}`.
    pub id: u64,
    /// Whose it is.
    pub user: String,
    /// `namespace#team`.
    pub team: String,
    /// All its messages.
    pub items: Vec<Item>,
    /// How far it is.
    pub state: TaskState,
    /// What the last run asks back.
    pub question: Option<String>,
    /// Why the last run failed.
    pub error: Option<String>,
    /// Stops asked for.
    pub cancels: usize,
    /// Whether the last run was told to stop.
    pub stopped: bool,
    /// Looks at the last run so far.
    pub looks: usize,
}

impl Task {
    /// Its response's id.
    #[must_use]
    pub fn response(&self) -> String {
        format!("resp_{}", self.id)
    }

    /// Whether its last run is over.
    #[must_use]
    pub fn state_is_over(&self) -> bool {
        self.state.is_over()
    }

    pub(super) fn is_executors(&self) -> bool {
        self.team.starts_with(EXECUTOR_TEAM)
    }

    pub(super) fn document(&self, model: &str) -> Value {
        let status = if self.state.is_over() { "completed" } else { "in_progress" };
        let mut output: Vec<Value> = Vec::new();
        for item in &self.items {
            if item.role == "assistant" {
                // Executors think, and say so among the items.
                output.push(json!({"type": "reasoning", "id": format!("rs_{}", item.id), "summary": []}));
            }
            output.push(json!({
                "type": "message", "id": format!("msg_{}", item.id), "status": status, "role": item.role,
                "content": [{"type": "output_text", "text": item.text, "annotations": []}],
            }));
        }
        let error = self.error.as_ref().map(|words| json!({"code": "task_failed", "message": words}));
        let mut document = json!({
            "id": self.response(), "object": "response", "created_at": 1_700_000_000, "status": self.state.name(),
            "model": model, "output": output, "error": error, "previous_response_id": null,
        });
        if let Some(question) = &self.question {
            document["pending_user_input"] = json!({"question": question});
        }
        document
    }
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) tasks: Vec<Task>,
    pub(super) script: Script<Play>,
    pub(super) calls: Vec<Call>,
    pub(super) violations: Vec<String>,
    pub(super) files: Vec<(String, String, usize)>,
    pub(super) throttled: Vec<Verb>,
    pub(super) executor_looks: usize,
    last_id: u64,
}

impl Memory for State {
    type Play = Play;
    type Seen = Seen;

    fn script(&mut self) -> &mut Script<Play> {
        &mut self.script
    }

    fn seen(&self) -> Seen {
        Seen {
            calls: self.calls.clone(),
            tasks: self.tasks.clone(),
            violations: self.violations.clone(),
            files: self.files.clone(),
        }
    }
}

/// A refusal: status and words.
pub(super) type Refusal = (u16, Value);

/// A refusal in the words of the framework.
pub(super) fn detail(status: u16, words: impl Into<Value>) -> Refusal {
    (status, json!({ "detail": words.into() }))
}

impl State {
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn task(&mut self, id: u64) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|task| task.id == id)
    }

    /// Whose request this is.
    pub(super) fn user_of(&mut self, key: &str, named: Option<&str>) -> Result<String, Refusal> {
        match key {
            PERSONAL_KEY | TOKEN => Ok(OWNER.to_owned()),
            SERVICE_KEY => {
                let name = named
                    .ok_or_else(|| detail(400, "Header wegent-username is required for a service key"))?;
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
                if name.is_empty() || !name.bytes().all(plain) {
                    self.violations.push(format!("a user name that Wegent does not take: {name:?}"));
                    return Err(detail(400, "Invalid wegent-username"));
                }
                Ok(name.to_owned())
            }
            _ => Err(detail(401, "Not authenticated")),
        }
    }

    /// Whether there is a place for this request within the key's minute.
    pub(super) fn admit(&mut self, verb: Verb, key: &str) -> Result<(), Refusal> {
        let busy = || (429, json!({"error": "Rate limit exceeded: see the documentation"}));
        if let Some(place) = self.throttled.iter().position(|throttled| *throttled == verb) {
            self.throttled.remove(place);
            return Err(busy());
        }
        let recent = |call: &&Call| call.verb == verb && call.key == key && call.at.elapsed() < MINUTE;
        // The request itself is noted already.
        if self.calls.iter().filter(recent).count() > verb.per_minute() {
            self.violations.push(format!("more than {} requests of {verb:?} a minute", verb.per_minute()));
            return Err(busy());
        }
        Ok(())
    }

    /// The task that a question goes on in, if it names one.
    pub(super) fn previous(&mut self, body: &Value, user: &str) -> Result<Option<u64>, Refusal> {
        let Some(previous) = body.get("previous_response_id").and_then(Value::as_str) else {
            return Ok(None);
        };
        let missing = detail(404, format!("Previous response '{previous}' not found"));
        let id = previous.strip_prefix("resp_").and_then(|id| id.parse().ok());
        let task = id.and_then(|id: u64| self.tasks.iter().find(|task| task.id == id));
        match task {
            None => Err(missing),
            Some(task) if task.user != user => {
                self.violations.push(format!("{user} goes on in a task of {}", task.user));
                Err(missing)
            }
            Some(task) if !task.state.is_over() => Err(detail(400, "Task is still running, please wait")),
            Some(task) => Ok(Some(task.id)),
        }
    }

    /// The team that is asked: what of its name counts, and whether it can answer.
    pub(super) fn team(body: &Value) -> Result<String, Refusal> {
        let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
        let parts: Vec<&str> = model.split('#').collect();
        let [namespace, team, rest @ ..] = parts.as_slice() else {
            return Err(detail(400, format!("Invalid model format: '{model}'")));
        };
        let name = format!("{namespace}#{team}");
        match (name.as_str(), rest) {
            (_, [id]) if *id != "fast" => Err(detail(400, format!("Model '{namespace}/{id}' not found"))),
            (CHAT_TEAM | EXECUTOR_TEAM, _) | (MODELLESS_TEAM, [_]) => Ok(name),
            (MODELLESS_TEAM, _) => Err(detail(
                400,
                "Bot 'default/b' does not have a valid model configured. Please specify model_id in the request",
            )),
            _ => Err(detail(404, format!("Team '{name}' not found or not accessible"))),
        }
    }

    /// The question itself: text alone.
    pub(super) fn input(&mut self, body: &Value) -> Result<String, Refusal> {
        for field in ["instructions", "user", "metadata", "messages", "store"] {
            if body.get(field).is_some() {
                self.violations.push(format!("the field {field}, which Wegent does not have"));
            }
        }
        match body.get("input") {
            Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
            Some(Value::Array(items)) => {
                let last = items.iter().rfind(|item| item["role"] == "user");
                let text = last.and_then(|item| item["content"].as_str());
                text.map(str::to_owned).ok_or_else(|| {
                    self.violations.push("an input that is not text".to_owned());
                    detail(422, json!([{"loc": ["body", "input"], "msg": "Input should be a valid string"}]))
                })
            }
            _ => Err(detail(422, json!([{"loc": ["body", "input"], "msg": "Field required"}]))),
        }
    }

    /// A turn begins: its task, and the two messages it has.
    pub(super) fn begin(
        &mut self,
        previous: Option<u64>,
        user: &str,
        team: &str,
        text: &str,
        state: TaskState,
    ) -> u64 {
        let id = previous.unwrap_or_else(|| {
            let id = self.next_id();
            self.tasks.push(Task {
                id,
                user: user.to_owned(),
                team: team.to_owned(),
                items: Vec::new(),
                state,
                question: None,
                error: None,
                cancels: 0,
                stopped: false,
                looks: 0,
            });
            id
        });
        let (asked, answer) = (self.next_id(), self.next_id());
        if let Some(task) = self.task(id) {
            task.items.push(Item { id: asked, role: "user", text: text.to_owned() });
            task.items.push(Item { id: answer, role: "assistant", text: String::new() });
            (task.state, task.question, task.error) = (state, None, None);
            (task.stopped, task.looks) = (false, 0);
        }
        id
    }
}
