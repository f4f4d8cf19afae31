//! What the agent and the platform do wrong, each by chance that belongs to the call and not to its moment.

use std::time::Duration;

use bytes::Bytes;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind, Cut};
use switchboard_domain::reply::CardOutcome;
use switchboard_ports::agent::AgentEvent;
use switchboard_ports::provider::FetchFailure;

use super::dice::Dice;
use super::plan::Plan;
use crate::fakes::agent::Act;
use crate::fakes::platform::{Call, Fate, FileFate};
use crate::model::words;

/// Causes that the agent of a troubled run brings about.
pub(super) const AGENT_CAUSES: [&str; 9] = [
    "agent_unreachable",
    "agent_rate_limited",
    "agent_server_error",
    "agent_bad_request",
    "agent_cut_stream",
    "agent_empty",
    "agent_first_output_timeout",
    "agent_idle_timeout",
    "agent_turn_timeout",
];

const FAILURES: [AgentFailureKind; 6] = [
    AgentFailureKind::Unreachable,
    AgentFailureKind::RateLimited,
    AgentFailureKind::ServerError,
    AgentFailureKind::BadRequest,
    AgentFailureKind::CutStream,
    AgentFailureKind::Empty,
];

/// What the agent does with a question of this key, asked for the `run`-th time.
///
/// `context` is what the turn goes on from: an agent that keeps conversations itself names it as where the next one does.
pub(super) fn agent(plan: &Plan, key: u64, run: u64, context: &[u64], resumed: bool) -> Act {
    let mut d = Dice::of(plan.seed, &[1, key, run]);
    let count = match d.between(0, 19) {
        0 => d.between(400, 900),
        1..5 => 1,
        _ => d.between(2, 8),
    };
    let count = usize::try_from(count).expect("few");
    let said = |words: Vec<String>| words.into_iter().map(|word| format!("{word} ")).collect::<Vec<_>>();
    let all = said(words::answer(key, run, count));
    let pause = if count > 20 { 5 } else { d.pick(&[0, 50, 400, 2_000]) };
    let some = |d: &mut Dice| {
        said(words::answer(key, run, 9))[..usize::try_from(d.between(0, 3)).expect("few")].to_vec()
    };
    if resumed {
        return Act::Say(all, Duration::from_millis(pause));
    }
    match d.between(0, 19) {
        0..3 if plan.trouble.agent => {
            let retry_after = d.chance(20).then(|| Duration::from_secs(d.between(1, 40)));
            Act::Fail(some(&mut d), AgentFailure { kind: d.pick(&FAILURES), retry_after })
        }
        3 if plan.trouble.agent => Act::Hang(some(&mut d)),
        4 if plan.trouble.agent => {
            let mut words = some(&mut d);
            words.push(format!("q{key}r{run}w{} ", words.len()));
            Act::Stop(words, d.pick(&[Cut::Length, Cut::Filter]))
        }
        5 | 6 if plan.trouble.agent => Act::Leave(format!("run of q{key}, number {run}"), some(&mut d)),
        7 if count < 20 => {
            let mut events = vec![AgentEvent::Reasoning("let me see".to_owned())];
            events.extend(
                all.into_iter().flat_map(|word| {
                    [AgentEvent::Tool { name: "search".to_owned() }, AgentEvent::Delta(word)]
                }),
            );
            Act::Work(events, Duration::from_millis(pause))
        }
        8 if count < 20 => {
            let known: Vec<_> = context.iter().chain([&key]).map(|key| words::name(*key)).collect();
            Act::GoOn(format!("run {run}"), all, known.join(" "))
        }
        _ => Act::Say(all, Duration::from_millis(pause)),
    }
}

/// What becomes of a file of this name: the message's key, and its number.
pub(super) fn file(plan: &Plan, name: &str) -> FileFate {
    let mut numbers = name.split(' ').map(|number| number.parse().expect("a number"));
    let mut d = Dice::of(plan.seed, &[3, numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)]);
    match d.between(0, 9) {
        0 if plan.trouble.platform => FileFate::Hang,
        1 | 2 if plan.trouble.platform => {
            FileFate::Refuse(if d.chance(50) { FetchFailure::Gone } else { FetchFailure::Unavailable })
        }
        _ => {
            FileFate::Give(Bytes::from_static(b"a picture"), Duration::from_millis(d.pick(&[0, 100, 3_000])))
        }
    }
}

/// What becomes of a call; `number` counts calls before.
pub(super) fn platform(plan: &Plan, percent: u64, call: Call, number: usize) -> Fate {
    let mut d = Dice::of(plan.seed, &[2, number as u64]);
    if !d.chance(percent) {
        return Fate::Do;
    }
    let throttled = CardOutcome::Throttled { retry_after: Duration::from_secs(d.between(1, 20)) };
    match d.between(0, 9) {
        0 | 1 => Fate::Refuse(CardOutcome::Refused(
            d.pick(&[ErrorCode::PermissionDenied, ErrorCode::PlatformError]),
        )),
        2 | 3 => Fate::Refuse(throttled),
        4 => Fate::Refuse(CardOutcome::Unknown),
        5 => Fate::DoUnknown,
        6 => Fate::Refuse(CardOutcome::NotSent),
        7 => Fate::Slow(Duration::from_millis(d.between(500, 11_000))),
        8 => Fate::Slow(Duration::from_hours(1)),
        _ if call == Call::Open => Fate::Refuse(CardOutcome::Refused(ErrorCode::PermissionDenied)),
        _ => Fate::Refuse(CardOutcome::Unknown),
    }
}
