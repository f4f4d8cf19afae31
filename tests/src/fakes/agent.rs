//! An agent that does as its questions say. All configured agents do the same; which of them was asked is remembered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind, Cut};
use switchboard_ports::agent::{Agent, AgentEvent, AgentKind, KindForm, RunHandle, RunRequest};
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::form::Words;

/// What the agent does with a question.
#[derive(Debug, Clone)]
pub enum Act {
    /// Says these words, one after the other, with this pause between.
    Say(Vec<String>, Duration),
    /// Says these words, and that this is not all there would have been to say.
    Stop(Vec<String>, Cut),
    /// Says these words and then nothing any more.
    Hang(Vec<String>),
    /// Says these words and fails.
    Fail(Vec<String>, AgentFailure),
    /// Says where it can be gone on from, then these words, then where the next turn goes on from.
    GoOn(String, Vec<String>, String),
    /// Does all this, one after the other, with this pause before each, and is done.
    Work(Vec<AgentEvent>, Duration),
    /// Says where the run can be asked for, then these words, and then nothing any more: the run goes on without us. A stop
    /// leaves the next turn to go on from `stopped RUN`.
    Leave(String, Vec<String>),
    /// Breaks with a panic of its own code.
    Panic,
}

type Script = Box<dyn Fn(&RunRequest, usize) -> Act + Send + Sync>;
type Models = Result<Option<Vec<String>>, String>;

/// The agent; also its own kind.
#[derive(Clone)]
pub struct FakeAgent {
    inner: Arc<Inner>,
}

struct Inner {
    script: Mutex<Script>,
    /// What was asked, and of whom.
    asked: Mutex<Vec<(String, RunRequest)>>,
    dropped: Mutex<usize>,
    /// What it tells of its models, and how often it was asked.
    models: Mutex<(Models, usize)>,
    /// What was cancelled, and where.
    cancelled: Mutex<Vec<(String, String)>>,
}

/// One configured agent.
struct Configured {
    /// Its id, and its address where it has one: `agt_1`, `agt_1@elsewhere`.
    who: String,
    inner: Arc<Inner>,
}

impl Default for FakeAgent {
    fn default() -> Self {
        let script: Script =
            Box::new(|request, _| Act::Say(answer_to(&request.text), Duration::from_millis(200)));
        let inner = Inner {
            script: Mutex::new(script),
            asked: Mutex::default(),
            dropped: Mutex::default(),
            models: Mutex::new((Ok(None), 0)),
            cancelled: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }
}

/// The words of the ordinary answer to a question.
pub fn answer_to(question: &str) -> Vec<String> {
    vec!["answer ".to_owned(), "to ".to_owned(), format!("<{question}>")]
}

impl FakeAgent {
    /// Does something else from now on; the number counts questions asked before.
    pub fn script(&self, script: impl Fn(&RunRequest, usize) -> Act + Send + Sync + 'static) {
        *self.inner.script.lock().expect("script") = Box::new(script);
    }

    /// What it tells of its models from now on.
    pub fn tell_models(&self, told: Result<Option<Vec<String>>, String>) {
        self.inner.models.lock().expect("models").0 = told;
    }

    /// How often it was asked for its models.
    pub fn asked_for_models(&self) -> usize {
        self.inner.models.lock().expect("models").1
    }

    /// What was asked so far, in order.
    pub fn asked(&self) -> Vec<RunRequest> {
        self.inner.asked.lock().expect("asked").iter().map(|(_, request)| request.clone()).collect()
    }

    /// Who was asked so far, in order: ids, with addresses where there are any (`agt_1@elsewhere`).
    pub fn whom(&self) -> Vec<String> {
        self.inner.asked.lock().expect("asked").iter().map(|(who, _)| who.clone()).collect()
    }

    /// The texts of what was asked so far, in order.
    pub fn questions(&self) -> Vec<String> {
        self.asked().into_iter().map(|request| request.text).collect()
    }

    /// What was cancelled upstream, in order.
    pub fn cancelled(&self) -> Vec<String> {
        self.cancelled_where().into_iter().map(|(_, run)| run).collect()
    }

    /// The same with who was told so.
    pub fn cancelled_where(&self) -> Vec<(String, String)> {
        self.inner.cancelled.lock().expect("cancelled").clone()
    }

    /// How many requests were closed before their end.
    pub fn closed_early(&self) -> usize {
        *self.inner.dropped.lock().expect("dropped")
    }
}

impl AgentKind for FakeAgent {
    fn kind(&self) -> &'static str {
        "fake"
    }

    fn needs_base_url(&self) -> bool {
        false
    }

    fn form(&self) -> KindForm {
        KindForm { title: Words::same("Fake"), about: Words::same("Says what it is told to."), fields: &[] }
    }

    fn build(&self, config: &AgentConfig) -> Result<Arc<dyn Agent>, (String, String)> {
        let address =
            if config.base_url.is_empty() { String::new() } else { format!("@{}", config.base_url) };
        Ok(Arc::new(Configured { who: format!("{}{address}", config.id), inner: Arc::clone(&self.inner) }))
    }
}

#[async_trait]
impl Agent for Configured {
    fn run(&self, request: RunRequest) -> BoxStream<'static, AgentEvent> {
        let count = {
            let mut asked = self.inner.asked.lock().expect("asked");
            asked.push((self.who.clone(), request.clone()));
            asked.len() - 1
        };
        let act = (self.inner.script.lock().expect("script"))(&request, count);
        let guard = Early(Arc::clone(&self.inner), false);
        let mut started: Option<RunHandle> = None;
        let said = |words: Vec<String>| words.into_iter().map(AgentEvent::Delta).collect();
        let (events, pause, end): (Vec<_>, _, _) = match act {
            Act::Say(words, pause) => {
                (said(words), pause, Some(AgentEvent::Completed { continuation: None, cut: None }))
            }
            Act::Stop(words, cut) => (
                said(words),
                Duration::from_millis(100),
                Some(AgentEvent::Completed { continuation: None, cut: Some(cut) }),
            ),
            Act::Work(events, pause) => {
                (events, pause, Some(AgentEvent::Completed { continuation: None, cut: None }))
            }
            Act::GoOn(first, words, next) => {
                started = Some(RunHandle { id: first, pollable: false, continuation: None });
                (
                    said(words),
                    Duration::from_millis(100),
                    Some(AgentEvent::Completed { continuation: Some(next), cut: None }),
                )
            }
            Act::Leave(id, words) => {
                let continuation = Some(format!("stopped {id}"));
                started = Some(RunHandle { id, pollable: true, continuation });
                (said(words), Duration::from_millis(100), None)
            }
            Act::Panic => {
                return stream::once(async { panic!("the agent panics, as the test wants") }).boxed();
            }
            Act::Hang(words) => (said(words), Duration::from_millis(100), None),
            Act::Fail(words, failure) => {
                let detail = failure.kind.as_str().to_owned();
                (said(words), Duration::from_millis(100), Some(AgentEvent::Failed { failure, detail }))
            }
        };
        let events = stream::iter(events).then(move |event| async move {
            tokio::time::sleep(pause).await;
            event
        });
        let mut guard = guard;
        let last = stream::once(async move {
            if let Some(end) = end {
                guard.ended();
                return end;
            }
            let _kept = guard;
            std::future::pending().await
        });
        stream::iter([AgentEvent::Started { run: started }]).chain(events).chain(last).boxed()
    }

    async fn cancel(&self, run: &str) {
        self.inner.cancelled.lock().expect("cancelled").push((self.who.clone(), run.to_owned()));
    }

    async fn models(&self) -> Result<Option<Vec<String>>, String> {
        let mut models = self.inner.models.lock().expect("models");
        models.1 += 1;
        models.0.clone()
    }
}

/// Counts requests that were closed before their end.
struct Early(Arc<Inner>, bool);

impl Early {
    fn ended(&mut self) {
        self.1 = true;
    }
}

impl Drop for Early {
    fn drop(&mut self) {
        if !self.1 {
            *self.0.dropped.lock().expect("dropped") += 1;
        }
    }
}

/// A failure of this kind, without a pause asked for.
pub fn failure(kind: AgentFailureKind) -> AgentFailure {
    AgentFailure::new(kind)
}
