//! What happens in a run, thrown from its seed before anything runs.

use std::fmt;
use std::time::Duration;

use switchboard_domain::settings::{Busy, GroupScope, Locale, Stale};

use super::dice::Dice;
use crate::fakes::store::Verb;

/// Channels of a run.
pub(super) const CHANNELS: [&str; 2] = ["chn_1", "chn_2"];
/// People of a run.
const PEOPLE: [&str; 3] = ["ann", "bob", "cid"];

/// A run before it runs.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Where all chance comes from.
    pub(super) seed: u64,
    /// Whether answers are shown in cards.
    pub(super) cards: bool,
    /// What a message does that comes while an answer is written.
    pub(super) busy: Busy,
    /// Whose session it is in groups.
    pub(super) scope: GroupScope,
    /// When a message is stale, and what becomes of it then.
    pub(super) stale: (Duration, Stale),
    /// Messages a minute and person; 0: no limit.
    pub(super) per_minute: u32,
    /// After how long without a message a session ends; zero: never.
    pub(super) idle: Duration,
    /// The second channel's language.
    pub(super) locale: Locale,
    /// Whether the leases of a process that died last until they run out, as in a store that several have open.
    pub(super) leases_last: bool,
    /// What may go wrong.
    pub(super) trouble: Trouble,
    /// What happens when, in milliseconds from the start, in order.
    pub(super) moves: Vec<(u64, Move)>,
}

/// Which kinds of trouble a run has.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent throw")]
pub(super) struct Trouble {
    /// The agent fails, hangs, says much.
    pub(super) agent: bool,
    /// The platform refuses, throttles, hangs.
    pub(super) platform: bool,
    /// The store is away, slow, or lies.
    pub(super) store: bool,
    /// The process is killed or stopped.
    pub(super) process: bool,
    /// Channels are switched off and on, connections cut; one is deleted.
    pub(super) channels: bool,
    /// Users cannot be looked up.
    pub(super) users: bool,
}

/// Who writes where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The channel.
    pub(super) channel: &'static str,
    /// The author.
    pub(super) who: &'static str,
    /// Whether it is in the group.
    pub(super) group: bool,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub(super) enum Move {
    /// Somebody asks.
    Ask { at: Place, key: u64, files: u64 },
    /// Somebody gives a command.
    Command { at: Place, text: &'static str },
    /// Something that was said is pushed once more: so many messages ago.
    Duplicate { back: u64 },
    /// Somebody presses the stop button of the answer to this question.
    Press { key: u64 },
    /// The API starts a conversation over.
    Reset { at: Place },
    /// The API stops an answer.
    Stop { at: Place, all: bool },
    /// The API gives a message in, under the same id as often as this.
    Give { at: Place, key: u64, times: u64 },
    /// The newest failure is retried.
    Retry,
    /// The process dies at the n-th step from now, and is away for so long (ms).
    Kill { steps: usize, down: u64 },
    /// The process is told to stop, with this grace, and is away for so long (ms).
    Shutdown { grace: u64, down: u64 },
    /// The store fails in these ways.
    Away { verbs: &'static [Verb] },
    /// The store does not answer.
    Hung { verbs: &'static [Verb] },
    /// Commits take so long (ms).
    Slow { commit: u64 },
    /// The next commits happen and are said to have failed, or do not happen.
    Doubt { lies: u64, refusals: u64 },
    /// The store is as it should be.
    StoreBack,
    /// Users cannot be looked up, or can again.
    Users { away: bool },
    /// The platform does so many of a hundred calls wrong.
    Platform { percent: u64 },
    /// The budget gives no places, or does again.
    Claims { held: bool },
    /// All connections are cut.
    Cut,
    /// No connection can be opened, or they can again.
    Refuse { on: bool },
    /// What a message does that comes while an answer is written is set anew, for the first channel.
    Busy { busy: Busy },
    /// A channel is switched.
    Switch { channel: &'static str, on: bool },
    /// A channel is deleted.
    Delete { channel: &'static str },
}

const WRITES: &[Verb] = &[Verb::Accept, Verb::Commit];

impl Plan {
    /// The plan of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let d = &mut dice;
        let trouble = Trouble {
            agent: d.chance(50),
            platform: d.chance(30),
            store: d.chance(30),
            process: d.chance(60),
            channels: d.chance(25),
            users: d.chance(5),
        };
        let stale = [(3_600, Stale::Note), (30, Stale::Skip), (30, Stale::Note), (30, Stale::Answer)];
        let stale = if d.chance(60) { stale[0] } else { d.pick(&stale) };
        let mut plan = Self {
            seed,
            cards: d.chance(75),
            busy: if d.chance(60) { Busy::Queue } else { d.pick(&[Busy::Interrupt, Busy::Reject]) },
            scope: d.pick(&[GroupScope::PerUser, GroupScope::Shared]),
            stale: (Duration::from_secs(stale.0), stale.1),
            per_minute: if d.chance(15) { 6 } else { 0 },
            idle: Duration::from_secs(if d.chance(15) { 20 } else { 0 }),
            locale: d.pick(&[Locale::En, Locale::ZhCn]),
            leases_last: d.chance(15),
            trouble,
            moves: Vec::new(),
        };
        let span = d.between(5_000, 90_000);
        plan.talk(d, span);
        plan.trouble(d, span);
        plan.moves.sort_by_key(|(at, _)| *at);
        plan
    }

    /// When the last thing happens.
    pub(super) fn last_at(&self) -> u64 {
        self.moves.last().map_or(0, |(at, _)| *at)
    }

    /// Whether messages that come while an answer is written do this at any time.
    pub(super) fn is_ever(&self, busy: Busy) -> bool {
        let set = |(_, it): &(u64, Move)| matches!(it, Move::Busy { busy: set } if *set == busy);
        self.busy == busy || self.moves.iter().any(set)
    }

    fn talk(&mut self, d: &mut Dice, span: u64) {
        let mut key = 0;
        // Few places make for busy conversations.
        let places: Vec<_> = (0..d.between(1, 4)).map(|_| place(d)).collect();
        for _ in 0..d.between(2, 7) {
            let mut at = d.between(0, span);
            for _ in 0..d.between(1, 4) {
                key += 1;
                let files = if d.chance(10) { d.between(1, 3) } else { 0 };
                self.moves.push((at, Move::Ask { at: d.pick(&places), key, files }));
                at += d.pick(&[0, 1, 300, 2_000]);
            }
        }
        for _ in 0..d.between(0, 5) {
            let at = d.between(0, span);
            let here = d.pick(&places);
            let said = match d.between(0, 9) {
                0 | 1 => Move::Command { at: here, text: "/new" },
                2 => Move::Command { at: here, text: "/stop" },
                3 => Move::Command { at: here, text: "/stop all" },
                4 => Move::Command { at: here, text: d.pick(&["/status", "/help"]) },
                5 => Move::Press { key: d.between(1, key) },
                6 => Move::Reset { at: here },
                7 => Move::Stop { at: here, all: d.chance(50) },
                8 => Move::Duplicate { back: d.between(0, 5) },
                _ => Move::Retry,
            };
            self.moves.push((at, said));
        }
        for _ in 0..if d.chance(30) { d.between(1, 3) } else { 0 } {
            key += 1;
            let given = Move::Give { at: d.pick(&places), key, times: d.between(1, 2) };
            self.moves.push((d.between(0, span), given));
        }
    }

    fn trouble(&mut self, d: &mut Dice, span: u64) {
        let trouble = self.trouble;
        for _ in 0..if trouble.process { d.between(1, 4) } else { 0 } {
            let down = if d.chance(4) { 2 * 3_600_000 } else { d.pick(&[0, 100, 5_000, 60_000]) };
            let end = if d.chance(75) {
                Move::Kill { steps: usize::try_from(d.between(1, 25)).expect("few"), down }
            } else {
                Move::Shutdown { grace: d.pick(&[0, 1_000, 20_000]), down }
            };
            self.moves.push((d.between(0, span), end));
        }
        for _ in 0..if trouble.store { d.between(1, 2) } else { 0 } {
            let begins = d.between(0, span);
            let fault = match d.between(0, 5) {
                0 => Move::Away { verbs: &Verb::ALL },
                1 => Move::Away { verbs: WRITES },
                2 => Move::Hung { verbs: d.pick(&[WRITES, &[Verb::Commit], &[Verb::Load]]) },
                3 => Move::Slow { commit: d.between(50, 4_000) },
                _ => Move::Doubt { lies: d.between(0, 3), refusals: d.between(0, 3) },
            };
            self.moves.push((begins, fault));
            self.moves.push((begins + d.pick(&[500, 3_000, 15_000, 40_000]), Move::StoreBack));
        }
        if trouble.platform {
            let begins = d.between(0, span / 2);
            self.moves.push((begins, Move::Platform { percent: d.pick(&[10, 40, 100]) }));
            self.moves.push((begins + d.between(1_000, 60_000), Move::Platform { percent: 0 }));
        }
        if trouble.platform && d.chance(30) {
            let begins = d.between(0, span);
            self.moves.push((begins, Move::Claims { held: true }));
            self.moves.push((begins + d.between(500, 30_000), Move::Claims { held: false }));
        }
        if trouble.users {
            let begins = d.between(0, span);
            self.moves.push((begins, Move::Users { away: true }));
            self.moves.push((begins + d.between(500, 30_000), Move::Users { away: false }));
        }
        if trouble.channels {
            self.moves.push((d.between(0, span), Move::Cut));
            if d.chance(30) {
                let begins = d.between(0, span);
                self.moves.push((begins, Move::Refuse { on: true }));
                self.moves.push((begins, Move::Cut));
                self.moves.push((begins + d.between(100, 40_000), Move::Refuse { on: false }));
            }
            if d.chance(30) {
                let busy = d.pick(&[Busy::Queue, Busy::Interrupt, Busy::Reject]);
                self.moves.push((d.between(0, span), Move::Busy { busy }));
            }
            let begins = d.between(0, span);
            // Deleting waits for 10 s, and not until somebody else's leases run out.
            if d.chance(40) && !self.leases_last {
                self.moves.push((begins, Move::Delete { channel: CHANNELS[1] }));
            } else {
                let channel = d.pick(&CHANNELS);
                self.moves.push((begins, Move::Switch { channel, on: false }));
                self.moves.push((begins + d.between(100, 40_000), Move::Switch { channel, on: true }));
            }
        }
    }
}

fn place(d: &mut Dice) -> Place {
    let channel = if d.chance(65) { CHANNELS[0] } else { CHANNELS[1] };
    Place { channel, who: d.pick(&PEOPLE), group: d.chance(30) }
}

impl Place {
    /// The chat.
    pub(super) fn chat(&self) -> String {
        let of = if self.group { "group" } else { self.who };
        format!("{of}@{}", self.channel)
    }

    /// The member, where each has a conversation of their own.
    pub(super) fn member(&self, scope: GroupScope) -> Option<String> {
        (self.group && scope == GroupScope::PerUser).then(|| self.who.to_owned())
    }

    /// The conversation's name, which begins with its channel's.
    pub(super) fn conversation(&self, scope: GroupScope) -> String {
        let member = self.member(scope).unwrap_or_default();
        format!("{}/{}/{member}", self.channel, self.chat())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, moves, trouble, .. } = self;
        let Self { cards, busy, scope, stale, per_minute, idle, locale, leases_last, .. } = self;
        writeln!(f, "seed {seed}: cards {cards}, busy {busy:?}, groups {scope:?}, stale {stale:?}")?;
        writeln!(
            f,
            "{per_minute} a minute, idle {idle:?}, {locale:?}, leases last {leases_last}, {trouble:?}"
        )?;
        moves.iter().try_for_each(|(at, it)| writeln!(f, "{at:>8} {it:?}"))
    }
}
