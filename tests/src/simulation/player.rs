//! Makes a plan's moves in one process after the other, until all is quiet.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use switchboard::runtime::Settings;
use switchboard_domain::ids::{ChannelId, Partition};
use switchboard_ports::clock::Clock;
use switchboard_ports::page::PageRequest;
use switchboard_ports::provider::Ack;
use switchboard_ports::transcripts::ConversationFilter;

use super::ledger::Ledger;
use super::moves;
use super::plan::Plan;
use crate::world::{Process, World};

/// How often the player looks up.
const LOOK: Duration = Duration::from_millis(200);
/// The pause before a message is pushed again.
const PUSHED_AGAIN: u64 = 3_000;
/// How long after the last move, and the last beginning of a process, all has to be quiet (ms): longer than it takes to ask all
/// that can wait, and to close a card whose platform is well again.
pub(super) const QUIET_WITHIN: u64 = 3_600_000;

/// How one process's part ended.
pub(super) enum Ended {
    /// All is quiet.
    Quiet,
    /// It was stopped, and is away for so long (ms).
    Stopped(u64),
    /// It did not become quiet.
    Never(String),
}

pub(super) type Work<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What a player needs.
pub(super) struct Player<'w> {
    pub(super) world: &'w World,
    pub(super) plan: &'w Plan,
    pub(super) ledger: &'w Ledger,
    /// Set by a move that ends the process: how long it is away.
    pub(super) stop: Cell<Option<u64>>,
    /// How long the process that is killed next is away.
    pub(super) down: Cell<u64>,
    /// When the process began.
    pub(super) began: Cell<u64>,
}

/// Plays a plan, and says how long it took from the last move, or the last beginning of a process, until all was quiet; the error
/// says what never became so.
pub(super) fn play(world: &World, plan: &Plan, ledger: &Ledger) -> Result<u64, String> {
    let settings = Settings {
        // Nothing depends on how often it is looked; the bounds between these are kept.
        lease_ttl: Duration::from_mins(1),
        renew_interval: Duration::from_secs(5),
        scan_interval: Duration::from_secs(4),
        ..Settings::default()
    };
    let player =
        Player { world, plan, ledger, stop: Cell::new(None), down: Cell::new(0), began: Cell::new(0) };
    loop {
        let ended = world.process_with(settings.clone(), |process| player.part(process));
        ledger.process_died();
        // The store does not stay away over restarts: a process that cannot read it does not start.
        moves::store_back(world);
        let down = match ended {
            Some(Ended::Quiet) => return Ok(ledger.now() - plan.last_at().max(player.began.get())),
            Some(Ended::Never(what)) => return Err(what),
            Some(Ended::Stopped(down)) => down,
            None => {
                let at = world.steps.log().last().copied().unwrap_or_default();
                ledger.note(format!("killed at {at}"));
                world.steps.kill_at(None);
                player.down.get()
            }
        };
        if !plan.leases_last {
            now(world.store.end_leases());
        }
        world.clock.pass(Duration::from_millis(down));
    }
}

impl<'w> Player<'w> {
    async fn part(&'w self, process: Process<'w>) -> Ended {
        let process = &process;
        let mut work = FuturesUnordered::<Work<'_>>::new();
        self.ledger.note("a process begins");
        let began = self.ledger.now();
        self.began.set(began);
        // What was being done about channels when the last process died is done again, as its caller would.
        let again: Vec<_> = self.ledger.pages().deleted.iter().filter(|it| !it.1).map(|it| *it.0).collect();
        for channel in again {
            work.push(Box::pin(moves::delete(self, process, channel)));
        }
        loop {
            self.make_moves(process, &mut work);
            self.push_letters(&mut work);
            if work.is_empty() && self.is_over() && self.is_quiet().await {
                self.world.steps.kill_at(None);
                process.wait(Duration::from_secs(5)).await;
                if self.is_quiet().await {
                    return Ended::Quiet;
                }
            }
            if self.ledger.now() > self.plan.last_at().max(began) + QUIET_WITHIN {
                return Ended::Never(self.unfinished().await);
            }
            let looked = process.wait(LOOK);
            tokio::pin!(looked);
            loop {
                tokio::select! {
                    biased;
                    Some(()) = work.next(), if !work.is_empty() => {}
                    () = &mut looked => break,
                }
            }
            if let Some(down) = self.stop.take() {
                return Ended::Stopped(down);
            }
        }
    }

    fn make_moves<'a>(&'a self, process: &'a Process<'w>, work: &mut FuturesUnordered<Work<'a>>) {
        loop {
            let made = self.ledger.pages().made;
            let Some((at, next)) = self.plan.moves.get(made) else { return };
            if *at > self.ledger.now() {
                return;
            }
            self.ledger.pages().made += 1;
            self.ledger.note(format!("{next:?}"));
            if let Some(more) = moves::make(self, process, next) {
                work.push(more);
            }
        }
    }

    /// Pushes what is due.
    fn push_letters<'a>(&'a self, work: &mut FuturesUnordered<Work<'a>>) {
        let now = self.ledger.now();
        let due: Vec<usize> = {
            let pages = self.ledger.pages();
            let is_due =
                |(_, letter): &(usize, &super::ledger::Letter)| letter.due.is_some_and(|due| due <= now);
            pages.letters.iter().enumerate().filter(is_due).map(|(index, _)| index).collect()
        };
        for index in due {
            let (channel, message) = {
                let pages = self.ledger.pages();
                let letter = &pages.letters[index];
                (ChannelId::new(letter.channel), letter.message.clone())
            };
            let id = message.id.clone();
            // The push itself may store the message, which is written down.
            let push = self.world.platform.push_to(&channel, message);
            let due = if push.is_some() { None } else { Some(now + PUSHED_AGAIN) };
            self.ledger.pages().letters[index].due = due;
            let Some(push) = push else { continue };
            self.ledger.note(format!("{id} is pushed"));
            work.push(Box::pin(async move {
                let stored = push.await == Ack::Stored;
                self.ledger.note(format!("{id} is {}", if stored { "acked" } else { "not acked" }));
                let act = self.ledger.pages().letters[index].act;
                if stored {
                    self.ledger.acked(act);
                } else {
                    let due = self.ledger.now() + PUSHED_AGAIN;
                    self.ledger.pages().letters[index].due = Some(due);
                }
            }));
        }
    }

    /// Whether all moves are made, and all that can be acked is.
    fn is_over(&self) -> bool {
        let pages = self.ledger.pages();
        let reachable = |letter: &super::ledger::Letter| !pages.deleted.contains_key(letter.channel);
        let acked = |letter: &super::ledger::Letter| pages.acts[letter.act].acked_at.is_some();
        pages.made == self.plan.moves.len()
            && pages.letters.iter().all(|letter| acked(letter) || !reachable(letter))
            && pages.deleted.values().all(|done| *done)
    }

    /// Whether no conversation has anything left to do.
    async fn is_quiet(&self) -> bool {
        let store = self.world.store.beneath();
        for partition in Partition::all() {
            if !store.open(partition, None).await.expect("the memory store").is_empty() {
                return false;
            }
        }
        true
    }

    async fn unfinished(&self) -> String {
        let page = PageRequest { limit: 200, after: None };
        let transcripts = &self.world.stores().transcripts;
        let all =
            transcripts.conversations(&ConversationFilter::default(), &page).await.expect("conversations");
        let waiting: Vec<_> = all
            .items
            .iter()
            .map(|info| format!("{} in {}: {} wait", info.key.chat, info.id, info.waiting))
            .collect();
        format!("never quiet: {waiting:?}")
    }
}

/// What takes no time, between processes.
pub(super) fn now<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(work)
}

/// The present, as the domain has it.
pub(super) fn timestamp(world: &World) -> switchboard_domain::time::Timestamp {
    world.clock.now()
}
