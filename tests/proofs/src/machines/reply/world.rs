//! The world around a reply: one message, one platform, and what was said.

use std::collections::BTreeSet;
use std::time::Duration;

use switchboard_domain::outcome::FailureCause;
use switchboard_domain::rejected::Rejected;
use switchboard_domain::reply::{
    CallNumber, CardOutcome, Effects, Event, GATE_WAIT_MAX, Progress, Reason, Reply,
};
use switchboard_domain::snapshot::ReplySnapshot;
use switchboard_domain::time::Timestamp;

use super::facts::facts;
use crate::machines::Luck;
use crate::machines::conversation::STATUS;
use crate::machines::conversation::platform::{self, Platform};
use crate::machines::conversation::shell::Request;

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The reply before it has made its last call.
    Admit,
    /// The agent says so many words.
    Grow(u8),
    /// The agent does something besides answering.
    Progress(u8),
    /// The turn ends.
    End {
        /// Badly.
        failed: bool,
        /// With a sentence of ours behind the agent's words.
        marked: bool,
    },
    /// The agent is asked anew.
    Anew,
    /// The claim gets its place.
    Grant,
    /// The call comes back.
    Land(Luck),
    /// The outcome told last is told again.
    Retell,
    /// The outcome of a call there never was is told.
    Invent,
    /// The process dies, and the next one begins.
    Crash {
        /// Whether a call under way reaches the platform.
        arrives: bool,
        /// Whether the next one waits behind another reply.
        waits: bool,
    },
    /// So many milliseconds pass.
    Pass(u64),
    /// Time passes to the deadline.
    Deadline {
        /// Whether a call that is overdue then has reached the platform.
        arrives: bool,
    },
}

/// What a world begins with.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Whether the channel has cards.
    pub cards: bool,
    /// How long the short-lived address works, in seconds.
    pub address_s: Option<u64>,
    /// Ways a call goes in a search.
    pub lucks: Vec<Luck>,
    /// How many words a search says at once, one entry each time.
    pub words: Vec<u8>,
    /// How often a search lets the process die.
    pub crashes: usize,
    /// How many deadlines a search passes.
    pub patience: usize,
    /// How many calls a search makes.
    pub calls: usize,
    /// How often an agent in a search does something besides answering.
    pub signs: usize,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            cards: true,
            address_s: None,
            lucks: Vec::new(),
            words: Vec::new(),
            crashes: usize::MAX,
            patience: usize::MAX,
            calls: usize::MAX,
            signs: usize::MAX,
        }
    }
}

/// A reply and everything around it.
#[derive(Debug, Clone)]
pub struct World {
    pub(super) reply: Reply,
    pub(super) now: Timestamp,
    pub(super) platform: Platform,
    /// What was committed last; the turn's end at first.
    pub(super) stored: Option<ReplySnapshot>,
    /// The words said since the agent was asked last; fixed once the turn has ended.
    pub(super) words: Vec<String>,
    said: u32,
    asked: u32,
    pub(super) ended: bool,
    pub(super) claim: Option<CallNumber>,
    pub(super) flight: Option<(CallNumber, Request)>,
    pub(super) last_call: CallNumber,
    told: Option<Event>,
    pub(super) maybe_sent: BTreeSet<String>,
    pub(super) failures: Vec<FailureCause>,
    pub(super) sights: BTreeSet<&'static str>,
    setting: Setting,
}

impl World {
    /// A reply that nobody has seen anything of.
    #[must_use]
    pub fn new(setting: &Setting) -> Self {
        let now = Timestamp::from_millis(1_000_000_000);
        Self {
            reply: Reply::answer(facts(setting, now), false, now.after(GATE_WAIT_MAX), now),
            now,
            platform: Platform::default(),
            stored: None,
            words: Vec::new(),
            said: 0,
            asked: 1,
            ended: false,
            claim: None,
            flight: None,
            last_call: 0,
            told: None,
            maybe_sent: BTreeSet::new(),
            failures: Vec::new(),
            sights: BTreeSet::new(),
            setting: setting.clone(),
        }
    }

    pub(super) fn tell(&mut self, event: Event) -> Result<(), Rejected> {
        let before = self.reply.clone();
        let mut twin = before.clone();
        let result = self.reply.apply(event.clone(), self.now);
        assert_eq!(twin.apply(event, self.now), result, "not the same twice");
        assert_eq!(twin, self.reply);
        match result {
            Ok(effects) => {
                self.see(&effects);
                Ok(())
            }
            Err(rejected) => {
                assert_eq!(self.reply, before, "rejected, but changed");
                Err(rejected)
            }
        }
    }

    /// A call reaches the platform, or does not; what it would answer.
    fn arrive(&mut self, call: CallNumber, request: &Request, luck: Luck) -> Event {
        let luck = platform::Luck::from(luck);
        match request {
            Request::Card(message, card) => {
                let outcome = self.platform.card(message, card, luck);
                if outcome == CardOutcome::Done {
                    self.sights.insert("card");
                }
                Event::CardDone { call, outcome }
            }
            Request::Send(text, way) => {
                let id = self.reply.facts().id;
                let outcome = self.platform.send(id, text, *way, luck);
                match luck {
                    platform::Luck::Works | platform::Luck::WorksUnheard | platform::Luck::LostUnheard => {
                        self.maybe_sent.insert(text.clone());
                    }
                    platform::Luck::Throttled(_) | platform::Luck::NotSent | platform::Luck::Refused => {}
                }
                Event::PartDone { call, outcome }
            }
        }
    }

    /// A call under way whose outcome nobody hears.
    fn lose_flight(&mut self, arrives: bool) {
        if let Some((call, request)) = self.flight.take() {
            let luck = if arrives { Luck::WorksUnheard } else { Luck::LostUnheard };
            let _ = self.arrive(call, &request, luck);
        }
    }

    fn grow(&mut self, count: u8) {
        let words = (0..u32::from(count)).map(|word| format!("k{}q{}", self.asked, self.said + word));
        let words: Vec<String> = words.collect();
        let heard = self.tell(Event::Grew { text: format!("{} ", words.join(" ")) });
        assert_eq!(heard.is_ok(), !self.ended, "words count until the turn's end and no longer");
        if heard.is_ok() {
            self.said += u32::from(count);
            self.words.extend(words);
        }
    }

    /// It is told of while the turn runs, and is part of nothing that is kept.
    fn progress(&mut self, which: u8) {
        self.setting.signs = self.setting.signs.saturating_sub(1);
        let what = match which % 4 {
            0 => Progress::Tool(STATUS.to_owned()),
            1 => Progress::Tool(String::new()),
            2 => Progress::Reasoning(format!("{STATUS}. ")),
            _ => Progress::Reasoning(format!(" *{STATUS}*\n{STATUS}")),
        };
        let draft = self.reply.draft().to_owned();
        let heard = self.tell(Event::Progressed { what });
        assert_eq!(heard.is_ok(), !self.ended, "signs of life count until the turn's end and no longer");
        assert_eq!(self.reply.draft(), draft, "a sign of life became part of the answer");
    }

    fn end(&mut self, failed: bool, marked: bool) {
        // A turn that ends well and without a word is a failure to its session: there is always something to show.
        let suffix = (marked || failed || self.words.is_empty()).then(|| "That is all.".to_owned());
        let was_ended = std::mem::replace(&mut self.ended, true);
        let ended = self.tell(Event::Ended { suffix, failed });
        assert_eq!(ended.is_err(), was_ended, "a turn ends once");
    }

    fn crash(&mut self, arrives: bool, waits: bool) {
        self.setting.crashes = self.setting.crashes.saturating_sub(1);
        self.sights.insert("crash");
        self.lose_flight(arrives);
        if self.stored.is_some() || !self.ended {
            (self.claim, self.told, self.last_call) = (None, None, 0);
        }
        let facts = self.reply.facts().clone();
        match self.stored.clone() {
            Some(kept) => {
                self.reply = Reply::restore(kept, facts.limits, facts.locale);
                let gate = waits.then(|| self.now.after(GATE_WAIT_MAX));
                self.tell(Event::Resumed { gate }).expect("resumed");
            }
            None if !self.ended => {
                // The inbox still has the message: the agent is asked again, and a card may stand open.
                self.reply = Reply::answer(facts, true, self.now.after(GATE_WAIT_MAX), self.now);
                self.words.clear();
                self.asked += 1;
            }
            None => {}
        }
    }

    fn pass(&mut self, millis: u64, arrives: bool) {
        self.now = self.now.after(Duration::from_millis(millis));
        let before = self.reply.clone();
        let due = before.deadline().filter(|deadline| deadline.at <= self.now);
        if due.is_some_and(|deadline| deadline.reason == Reason::Call) {
            self.lose_flight(arrives);
        }
        let effects = self.reply.expire(self.now);
        if due.is_none() {
            assert_eq!((&self.reply, &effects), (&before, &Effects::default()), "before the deadline");
        }
        // A reply that grows too old ends by itself, with a sentence.
        self.ended |= self.reply.is_ended();
        self.see(&effects);
        if let Some(deadline) = self.reply.deadline() {
            assert!(deadline.at > self.now, "still due: {deadline:?}");
        }
        let after = self.reply.clone();
        assert_eq!((self.reply.expire(self.now), &self.reply), (Effects::default(), &after), "twice");
    }
}

impl super::super::World for World {
    type Act = Act;

    fn acts(&self) -> Vec<Act> {
        let mut acts = vec![Act::Admit];
        if !self.ended {
            acts.extend(self.setting.words.first().map(|count| Act::Grow(*count)));
            acts.extend((self.setting.signs > 0).then_some(Act::Progress(0)));
            acts.extend([Act::End { failed: false, marked: false }, Act::End { failed: true, marked: true }]);
            acts.extend((self.setting.words.len() > 1).then_some(Act::Anew));
        }
        acts.extend(self.claim.filter(|_| self.setting.calls > 0).map(|_| Act::Grant));
        if self.flight.is_some() {
            acts.extend(self.setting.lucks.iter().map(|luck| Act::Land(*luck)));
        }
        acts.extend(self.told.as_ref().map(|_| Act::Retell));
        if self.setting.crashes > 0 {
            acts.push(Act::Crash { arrives: false, waits: false });
            acts.extend(self.flight.as_ref().map(|_| Act::Crash { arrives: true, waits: false }));
        }
        if self.setting.patience > 0 && self.reply.deadline().is_some() {
            acts.push(Act::Deadline { arrives: false });
            acts.extend(self.flight.as_ref().map(|_| Act::Deadline { arrives: true }));
        }
        if self.reply.is_done() { Vec::new() } else { acts }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Admit => drop(self.tell(Event::Admitted)),
            Act::Grow(count) => {
                if !self.setting.words.is_empty() {
                    self.setting.words.remove(0);
                }
                self.grow(count);
            }
            Act::Progress(which) => self.progress(which),
            Act::End { failed, marked } => self.end(failed, marked),
            Act::Anew => {
                if !self.ended {
                    self.reply.begin_anew();
                    self.words.clear();
                    self.asked += 1;
                }
            }
            Act::Grant => {
                if let Some(call) = self.claim.take() {
                    self.setting.calls = self.setting.calls.saturating_sub(1);
                    let granted = self.tell(Event::Granted { call });
                    assert!(granted.is_ok() || self.reply.is_done(), "a claim is refused: {granted:?}");
                }
            }
            Act::Land(luck) => {
                if let Some((call, request)) = self.flight.take() {
                    let event = self.arrive(call, &request, luck);
                    self.told = Some(event.clone());
                    self.tell(event).expect("the call under way comes back");
                }
            }
            Act::Retell => {
                if let Some(event) = self.told.clone() {
                    assert!(!self.tell(event).expect_err("an outcome was taken twice").is_alarm());
                }
            }
            Act::Invent => {
                let event = Event::CardDone { call: self.last_call + 1, outcome: CardOutcome::Done };
                assert!(self.tell(event).expect_err("there was no such call").is_alarm());
            }
            Act::Crash { arrives, waits } => self.crash(arrives, waits),
            Act::Pass(millis) => self.pass(millis, false),
            Act::Deadline { arrives } => {
                self.setting.patience = self.setting.patience.saturating_sub(1);
                let due = self.reply.deadline().map_or(Duration::ZERO, |it| it.at.since(self.now));
                self.pass(u64::try_from(due.as_millis()).unwrap_or(u64::MAX), arrives);
            }
        }
        self.check();
    }

    fn come_to_rest(mut self) {
        let mut silent = self.clone();
        if !self.ended {
            self.act(&Act::End { failed: false, marked: true });
            silent.act(&Act::End { failed: true, marked: true });
        }
        // Nothing but time ends it.
        for _deadline in 0..2_000 {
            if silent.reply.is_done() {
                break;
            }
            silent.act(&Act::Deadline { arrives: false });
        }
        assert!(silent.reply.is_done(), "no rest: {:?}", silent.reply);
        // A platform that works again ends it well.
        for _call in 0..2_000 {
            if self.reply.is_done() {
                break;
            }
            let act = match (&self.claim, &self.flight) {
                (_, Some(_)) => Act::Land(Luck::Works),
                (Some(_), None) => Act::Grant,
                (None, None) => Act::Deadline { arrives: true },
            };
            self.act(&act);
        }
        assert!(self.reply.is_done(), "no end: {:?}", self.reply);
        self.judge();
    }

    fn essence(&self) -> String {
        // The outcome told last decides only what is told again.
        let Self { reply, now, platform, stored, words, ended, claim, flight, .. } = self;
        let (sent, failures, setting) = (&self.maybe_sent, &self.failures, &self.setting);
        format!(
            "{reply:?}{now}{platform:?}{stored:?}{words:?}{ended}{claim:?}{flight:?}{sent:?}{failures:?}{setting:?}"
        )
    }

    fn sights(&self) -> Vec<&'static str> {
        let mut sights: Vec<_> = self.sights.iter().copied().collect();
        sights.push(self.reply.phase());
        sights
    }
}
