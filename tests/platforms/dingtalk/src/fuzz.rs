//! Type fuzz: robot pushes with odd but legal shapes, and garbage, from a seed; and the account of both.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::sleep;

use crate::connections::Order;
use crate::fuzz_account::{Account, Duty, FuzzReport, FuzzedPush};
use crate::fuzz_mutations::{self, LONG_TEXT_CHARS_MAX, Patient};
use crate::fuzz_traffic::{self, Traffic};
use crate::push::PushHandle;
use crate::state::{Inner, State};

/// What is to be disturbed. Ends with the first limit that is reached; without limits it ends when stopped.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FuzzPlan {
    /// Seed; `None` = a random one, which is answered.
    pub seed: Option<u64>,
    /// Robot pushes to disturb; `None` = no limit.
    pub messages: Option<u64>,
    /// How long; `None` = no limit.
    pub seconds: Option<u64>,
    /// Share of pushes that become garbage, 0 to 1; `None` = 0.15.
    pub garbage_rate: Option<f64>,
    /// Share of pushes beside which a frame is sent that is no push, 0 to 1; `None` = 0.3.
    pub beside_rate: Option<f64>,
    /// Characters that the mutation `long_text` adds, at most 50,000; `None` = 50,000.
    pub long_text_chars: Option<usize>,
    /// Messages that the simulator sends by itself; `None` = only what others push is disturbed.
    pub traffic: Option<Traffic>,
}

const GARBAGE_RATE: f64 = 0.15;
const BESIDE_RATE: f64 = 0.3;
/// Mutations of one push that has to be answered.
const MUTATIONS_MAX: usize = 4;

/// The running plan, if any, and the account of the last one.
#[derive(Debug, Default)]
pub(crate) struct Fuzz {
    running: Option<Running>,
    account: Account,
}

#[derive(Debug)]
struct Running {
    rng: StdRng,
    left: Option<u64>,
    until_ms: Option<u64>,
    garbage_rate: f64,
    beside_rate: f64,
    long_text_chars: usize,
}

impl Fuzz {
    /// A plan was started since the simulator was.
    pub(crate) fn was_used(&self) -> bool {
        self.account.started
    }

    /// Disturbs nothing any more.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    /// The running plan; ends it when one of its limits is reached.
    fn plan(&mut self, now_ms: u64) -> Option<&mut Running> {
        let over =
            |it: &Running| it.left == Some(0) || it.until_ms.is_some_and(|until_ms| now_ms >= until_ms);
        if self.running.as_ref().is_some_and(over) {
            self.stop();
        }
        self.running.as_mut()
    }

    /// A message was pushed, with its number if the plan's own traffic sent it and an echoing robot repeats its marker.
    pub(crate) fn pushed(&mut self, now_ms: u64, pushed: &PushHandle, marker: Option<u64>) {
        if self.plan(now_ms).is_some() {
            self.account.pushed(&pushed.msg_id, &pushed.conversation, marker);
        }
    }

    /// A connection took a delivery.
    pub(crate) fn taken(&mut self, msg_id: &str, duty: Duty) {
        self.account.taken(msg_id, duty);
    }

    /// A message was acknowledged.
    pub(crate) fn acked(&mut self, msg_id: &str) {
        self.account.acked(msg_id);
    }

    /// A message will not be repeated any more although nobody acknowledged it.
    pub(crate) fn given_up(&mut self, msg_id: &str) {
        self.account.given_up(msg_id);
    }

    /// What a robot said leaves the simulator's memory.
    pub(crate) fn forgetting(&mut self, conversation: &str, text: &str) {
        self.account.said(conversation, text);
    }

    fn push(&mut self, patient: Patient, header_id: &str) -> Order {
        let msg_id = patient.msg_id.clone();
        let (order, mutations, duty) = patient.finish();
        self.account.push(&msg_id, FuzzedPush { header_id: header_id.to_owned(), mutations, duty });
        order
    }
}

/// Starts a plan in place of the running one; returns its seed.
pub(crate) fn start(inner: &Arc<Inner>, plan: FuzzPlan) -> u64 {
    let (seed, traffic) = inner.change(|state| {
        let seed = plan.seed.unwrap_or_else(|| state.rng.random());
        let now_ms = state.now_ms();
        state.fuzz.account = Account::new(seed, &state.observed);
        state.fuzz.running = Some(Running {
            rng: StdRng::seed_from_u64(seed),
            left: plan.messages,
            until_ms: plan.seconds.map(|seconds| now_ms.saturating_add(seconds.saturating_mul(1_000))),
            garbage_rate: plan.garbage_rate.unwrap_or(GARBAGE_RATE).clamp(0.0, 1.0),
            beside_rate: plan.beside_rate.unwrap_or(BESIDE_RATE).clamp(0.0, 1.0),
            long_text_chars: plan.long_text_chars.unwrap_or(LONG_TEXT_CHARS_MAX).min(LONG_TEXT_CHARS_MAX),
        });
        (seed, plan.traffic)
    });
    tracing::info!(seed, "type fuzz started");
    if let Some(traffic) = traffic {
        inner.runtime.spawn(fuzz_traffic::run(Arc::clone(inner), seed, traffic));
    }
    if let Some(seconds) = plan.seconds {
        let ending = Arc::clone(inner);
        inner.runtime.spawn(async move {
            tokio::select! {
                biased;
                () = ending.root.cancelled() => {}
                () = sleep(Duration::from_secs(seconds)) => ending.change(|state| {
                    // A plan that was started since then has another seed or another account.
                    if state.fuzz.account.seed == seed {
                        state.fuzz.stop();
                    }
                }),
            }
        });
    }
    seed
}

/// The plan with this seed is running.
pub(crate) fn is_running(state: &mut State, seed: u64) -> bool {
    let now_ms = state.now_ms();
    state.fuzz.plan(now_ms).is_some() && state.fuzz.account.seed == seed
}

/// The account, judged against what was acknowledged and answered since.
pub(crate) fn report(state: &State) -> FuzzReport {
    state.fuzz.account.judge(&state.observed, state.fuzz.running.is_some())
}

/// What is sent for one robot push: the frame as it is, or disturbed, with or without frames beside it.
pub(crate) fn disturb(state: &mut State, frame: Value, header_id: &str) -> Vec<Order> {
    if !state.fuzz.was_used() {
        return vec![Order::frame(&frame)];
    }
    let now_ms = state.now_ms();
    let Some(running) = state.fuzz.plan(now_ms) else {
        // After the end of a plan its messages go out as they are, and are owed what any message is.
        return vec![state.fuzz.push(Patient::new(frame, 0), header_id)];
    };
    running.left = running.left.map(|left| left.saturating_sub(1));
    let rng = &mut running.rng;
    let mut patient = Patient::new(frame, running.long_text_chars);
    if rng.random_bool(running.garbage_rate) {
        fuzz_mutations::ruin(&mut patient, rng);
    } else {
        for _ in 0..rng.random_range(1..=MUTATIONS_MAX) {
            fuzz_mutations::vary(&mut patient, rng);
        }
    }
    let mut orders = Vec::new();
    if rng.random_bool(running.beside_rate) {
        let (name, order) = fuzz_mutations::beside(rng);
        state.fuzz.account.beside(name);
        orders.push(order);
    }
    state.fuzz.account.enter_older(&state.observed, &patient.msg_id);
    orders.push(state.fuzz.push(patient, header_id));
    // What ends the connection comes after the push, which can still be acknowledged while it drains.
    if matches!(orders.first(), Some(Order::BareDisconnect)) {
        orders.rotate_left(1);
    }
    orders
}
