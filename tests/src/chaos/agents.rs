//! The agent of a chaos run: it answers in the model's words, shorter and longer, and fails while it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::random::Random;
use crate::model::words;
use crate::scripted_agent::{Asked, Behaviour, ScriptedAgent};

/// The agent's time-outs where it may fail, in milliseconds: what hangs is to end within the run.
pub(super) const TIMEOUT_MS: u64 = 2_500;

/// How many in a hundred go wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble(Arc<AtomicU64>);

impl Trouble {
    pub(super) fn set(&self, percent: u64) {
        self.0.store(percent, Ordering::Relaxed);
    }

    fn percent(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Starts it.
pub(super) async fn start(seed: u64, trouble: Trouble) -> ScriptedAgent {
    let random = Random::new(seed, 2);
    let choose = move |asked: &Asked| behaviour(&random, &trouble, asked);
    ScriptedAgent::start(choose).await.expect("the agent starts")
}

fn behaviour(random: &Random, trouble: &Trouble, asked: &Asked) -> Behaviour {
    // Whoever asks something else gets an answer that the model finds wrong.
    let key = words::key_of(asked.question()).unwrap_or(u64::MAX);
    let count = random.between(2, 16);
    let count = usize::try_from(count).expect("small");
    let said = words::answer(key, asked.number as u64, count);
    if random.percent(trouble.percent()) {
        return wrong(random, &said[..count / 2].join(" "));
    }
    Behaviour::Words { text: said.join(" "), pause: Duration::from_millis(random.between(0, 25)) }
}

fn wrong(random: &Random, half: &str) -> Behaviour {
    let text = || half.to_owned();
    match random.between(0, 9) {
        0 => Behaviour::status(500),
        1 => Behaviour::status(503),
        2 => Behaviour::Status { status: 429, code: None, retry_after_s: Some(random.between(0, 2)) },
        3 => Behaviour::HangBeforeHeaders,
        4 => Behaviour::HangAfter { text: text() },
        5 => Behaviour::Cut { text: text() },
        6 => Behaviour::Malformed { text: text() },
        7 => Behaviour::ErrorInStream { text: text() },
        8 => Behaviour::Cut { text: String::new() },
        _ => Behaviour::Empty,
    }
}
