//! The whole application on fakes in virtual time, out of one seed: what people and operators do, what goes wrong and when the
//! process dies is thrown before anything runs, and the reference model judges what came of it. The same seed is the same run.

mod account;
mod dice;
mod ledger;
mod mischief;
mod moves;
mod plan;
mod player;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};
use std::time::Duration;

use switchboard_domain::ids::{AgentId, ChannelId};
use switchboard_domain::settings::{Locale, TurnLimits};

use crate::model::{Asked, Verdict, words};
use crate::world::{World, agent_config, channel_config};
use ledger::Ledger;
use plan::Plan;

/// What came of a run.
pub struct Run {
    /// The plan, in words.
    pub plan: String,
    /// What happened, a line each.
    pub log: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Virtual time from the last move until all was quiet, in milliseconds.
    pub quiet_after: u64,
}

thread_local! {
    static PANICS: Cell<u64> = const { Cell::new(0) };
}

/// Runs a seed.
pub fn run(seed: u64) -> Run {
    count_panics();
    PANICS.set(0);
    let plan = Plan::of(seed);
    let world = World::new(seed);
    let ledger = Ledger::new(Arc::clone(&world.clock));
    set_up(&world, &plan, &ledger);
    let played = catch_unwind(AssertUnwindSafe(|| player::play(&world, &plan, &ledger)));
    let (mut verdict, quiet_after) = match played {
        Ok(Ok(after)) => (account::judge(&world, &plan, &ledger), after),
        Ok(Err(never)) => (broken(never), player::QUIET_WITHIN),
        Err(panic) => (broken(format!("the run panics: {}", words_of(&*panic))), 0),
    };
    let panics = PANICS.get();
    if panics > 0 {
        verdict.violations.push(format!("{panics} panics"));
    }
    account::note_calls(&world, &ledger);
    Run { plan: plan.to_string(), log: ledger.text(), verdict, quiet_after }
}

impl Run {
    /// Everything that is needed to understand a run that failed.
    pub fn report(&self, seed: u64) -> String {
        let mut text = String::new();
        let Self { plan, log, verdict, .. } = self;
        writeln!(text, "seed {seed} fails; replay it with").expect("a string");
        writeln!(text, "SWITCHBOARD_SEED={seed} cargo xtask test replays_a_seed -- --no-capture")
            .expect("a string");
        write!(text, "\n{plan}\n{log}\n{verdict}").expect("a string");
        text
    }
}

fn broken(what: String) -> Verdict {
    Verdict { violations: vec![what], ..Verdict::default() }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let owned = panic.downcast_ref::<String>().cloned();
    owned.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned())).unwrap_or_default()
}

/// Counts panics of this thread, which are all of a run's, also where a task's are caught.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            before(info);
        }));
    });
}

fn set_up(world: &World, plan: &Plan, ledger: &Ledger) {
    let stores = world.stores();
    player::now(async {
        let now = player::timestamp(world);
        let mut agent = agent_config(now);
        agent.limits = TurnLimits {
            first_output_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(10),
            turn_timeout: Duration::from_mins(1),
            ..agent.limits
        };
        stores.agents.insert(&agent).await.expect("an agent");
        for id in plan::CHANNELS {
            let mut channel = channel_config(now);
            channel.id = ChannelId::new(id);
            id.clone_into(&mut channel.name);
            channel.default_agent = Some(AgentId::new("agt_1"));
            channel.conversation.busy = plan.busy;
            channel.conversation.group_scope = plan.scope;
            channel.conversation.idle_timeout = plan.idle;
            channel.locale = if id == plan::CHANNELS[1] { plan.locale } else { Locale::En };
            (channel.conversation.stale_after, channel.conversation.stale) = plan.stale;
            channel.access.messages_per_minute = plan.per_minute;
            stores.channels.insert(&channel).await.expect("a channel");
        }
    });
    world.platform.cards_on(plan.cards);
    let (mine, theirs) = (plan.clone(), ledger.clone());
    world.platform.rule(move |call, _, number| {
        let percent = theirs.pages().platform_percent;
        mischief::platform(&mine, percent, call, number)
    });
    let mine = plan.clone();
    world.platform.files(move |name| mischief::file(&mine, name));
    let (mine, theirs) = (plan.clone(), ledger.clone());
    world.agent.script(move |request, _| {
        let said = request.history.iter().map(|line| line.text.as_str());
        let mut context: Vec<_> =
            said.chain(request.continuation.as_deref()).flat_map(words::keys_in).collect();
        context.sort_unstable();
        context.dedup();
        let key = words::key_of(&request.text);
        let at = theirs.now();
        let asked = Asked { turn: request.turn.clone(), key, context: context.clone(), at };
        theirs.note(format!(
            "the agent is asked {:?} after {context:?}, resume {:?}",
            request.text, request.resume
        ));
        let mut pages = theirs.pages();
        pages.asked.push(asked);
        let before = pages.runs.entry(key.unwrap_or_default()).or_default();
        let resumed = request.resume.as_deref().and_then(|run| run.rsplit(' ').next()?.parse().ok());
        if resumed.is_none() {
            *before += 1;
        }
        let run = resumed.unwrap_or(*before);
        mischief::agent(&mine, key.unwrap_or_default(), run, &context, resumed.is_some())
    });
    let theirs = ledger.clone();
    world.store.watch(move |stored| theirs.stored(&stored));
}

/// Runs many seeds and adds up what was counted; the first that fails is told whole.
pub fn run_all(seeds: impl Iterator<Item = u64>) -> Result<Totals, String> {
    let mut totals = Totals::default();
    for seed in seeds {
        let run = run(seed);
        if !run.verdict.holds() {
            return Err(run.report(seed));
        }
        totals.runs += 1;
        totals.counts.add(&run.verdict.counts);
        totals.quiet_after_max = totals.quiet_after_max.max(run.quiet_after);
        for line in run.log.lines() {
            let kind = line.split_whitespace().nth(1).unwrap_or_default();
            if kind == "killed" {
                *totals
                    .killed_at
                    .entry(line.rsplit(' ').next().unwrap_or_default().to_owned())
                    .or_default() += 1;
            }
        }
    }
    Ok(totals)
}

/// What many runs add up to.
#[derive(Debug, Default)]
pub struct Totals {
    /// Runs.
    pub runs: u64,
    /// What the model counted.
    pub counts: crate::model::Counts,
    /// The longest virtual time from a last move until all was quiet, in milliseconds.
    pub quiet_after_max: u64,
    /// Kills by the step they came at.
    pub killed_at: BTreeMap<String, u64>,
}
