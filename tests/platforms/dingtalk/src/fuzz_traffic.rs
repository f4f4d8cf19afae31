//! Messages that a type fuzz sends by itself: every kind that people can send, from several people and groups.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::sleep;

use crate::contents::{Content, Element, Quote, Quoted};
use crate::delivery;
use crate::files::FileSpec;
use crate::fuzz;
use crate::push::{Origin, Push, QuotaShape};
use crate::state::Inner;

/// Messages of one run.
const COUNT_MAX: u64 = 20_000;

/// What is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Client id of the robot's app.
    pub app: String,
    /// Messages, at most 20,000.
    pub count: u64,
    /// Pause between two messages (ms).
    #[serde(default)]
    pub interval_ms: u64,
    /// People who write, each in a private conversation and in the group.
    #[serde(default = "four_people")]
    pub people: Vec<String>,
    /// Share of plain texts, 0 to 1; the rest is divided between the other kinds.
    #[serde(default = "mostly_texts")]
    pub text_rate: f64,
}

fn four_people() -> Vec<String> {
    ["ann", "bob", "chen", "dana"].map(str::to_owned).to_vec()
}

fn mostly_texts() -> f64 {
    0.7
}

impl Traffic {
    /// This many messages to an app's robot, as fast as possible.
    #[must_use]
    pub fn new(app: &str, count: u64) -> Self {
        Self { app: app.to_owned(), count, interval_ms: 0, people: four_people(), text_rate: mostly_texts() }
    }
}

/// What the text of a message begins with.
pub(crate) fn marker(seed: u64, number: u64) -> String {
    format!("{}{number}.", marker_beginning(seed))
}

fn marker_beginning(seed: u64) -> String {
    format!("fuzz-{seed:x}-")
}

/// Numbers of the messages of a plan whose markers are in a text.
pub(crate) fn markers_in(seed: u64, text: &str) -> Vec<u64> {
    let beginning = marker_beginning(seed);
    let pieces = text.split(beginning.as_str()).skip(1);
    pieces.filter_map(|rest| rest.split_once('.')?.0.parse().ok()).collect()
}

/// Sends everything, unless the plan ends first.
pub(crate) async fn run(inner: Arc<Inner>, seed: u64, traffic: Traffic) {
    // Another stream of numbers than the mutations have, so that both can be repeated.
    let mut rng = StdRng::seed_from_u64(seed ^ 0x7261_6666_6963);
    for number in 0..traffic.count.min(COUNT_MAX) {
        if inner.root.is_cancelled() || !inner.change(|state| fuzz::is_running(state, seed)) {
            return;
        }
        let (push, repeats) = message(&traffic, &mut rng, &marker(seed, number));
        if let Err(error) = delivery::accept_marked(&inner, push, repeats.then_some(number)) {
            tracing::warn!(%error, "a message of the type fuzz was not accepted");
        }
        tokio::select! {
            biased;
            () = inner.root.cancelled() => return,
            () = sleep(Duration::from_millis(traffic.interval_ms)) => {}
        }
    }
}

/// One message; the flag says whether an echoing robot repeats the marker.
fn message(traffic: &Traffic, rng: &mut StdRng, marker: &str) -> (Push, bool) {
    let people = traffic.people.len().max(1);
    let person = traffic.people.get(rng.random_range(0..people)).map_or("ann", String::as_str);
    let in_group = rng.random_bool(0.25);
    let origin = if in_group { Origin::group("cid-team==", person) } else { Origin::private("", person) };
    let app = traffic.app.as_str();
    let is_text = rng.random_bool(traffic.text_rate.clamp(0.0, 1.0));
    // In groups the platform leaves the blank of the mention it took out (dingtalk §3.2).
    let text = if in_group { format!(" {marker}") } else { marker.to_owned() };
    if is_text {
        let push = Push::text(app, origin, &text);
        let quotes = rng.random_bool(0.1);
        let quote = Quote::of(Quoted::Text { text: "an earlier message".to_owned() });
        return (if quotes { push.quoting(quote) } else { push }, true);
    }
    let file = |name: &str| FileSpec::of_size(name, 1_000);
    let content = match rng.random_range(0..9) {
        0 => Content::Picture { file: file("a.png"), one_code: rng.random_bool(0.5) },
        1 => Content::File { file: file("a.pdf"), in_space: rng.random_bool(0.5) },
        2 => Content::Audio {
            file: file("a.amr"),
            duration: json!("4000"),
            recognition: Some(marker.to_owned()),
        },
        3 => Content::Video { file: file("a.mp4"), duration: json!(4_000), video_type: "mp4".to_owned() },
        4 => Content::RichText {
            elements: vec![
                Element::Text { text: marker.to_owned() },
                Element::Picture { file: file("a.png") },
                Element::At { name: "Bob".to_owned(), user: "bob".to_owned() },
            ],
        },
        5 => Content::Unknown,
        6 => Content::Markdown { text: marker.to_owned(), in_text: rng.random_bool(0.5) },
        7 => Content::ChatRecord { title: "t".to_owned(), summary: "s".to_owned() },
        _ => {
            let shape = if rng.random_bool(0.5) { QuotaShape::Err } else { QuotaShape::Error };
            return (Push::text(app, origin, &text).without_quota(shape), false);
        }
    };
    (Push::of(app, origin, content), false)
}
