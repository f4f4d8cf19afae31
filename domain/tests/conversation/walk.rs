//! Walks through a world: one act after the other, then quiet.

use std::time::Duration;

use switchboard_domain::choice::Choices;
use switchboard_domain::conversation::{Effects, Event, Policy, Said};
use switchboard_domain::ids::AgentId;
use switchboard_domain::inbox::{Control, Intake};
use switchboard_domain::message::SessionAddress;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind, RunFailure};
use switchboard_domain::reply::Progress;
use switchboard_domain::secret::Secret;
use switchboard_domain::session::{Found, Hold, Rules};
use switchboard_domain::settings::{Busy, ConversationSettings, Locale, ReplyLimits, TurnLimits};
use switchboard_domain::time::Timestamp;

use super::platform::Luck;
use super::shell::{Fuse, World};
use super::store::command;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// A message or command is accepted; with the flag it is taken in at once.
    Accept(Intake, Option<u32>, bool),
    /// A failure is retried.
    Retry(u8),
    /// What is new in the inbox is taken in.
    Feed,
    /// A claim gets its place.
    Grant(u8),
    /// A call comes back.
    Land(u8, Luck),
    /// An outcome told before is told again.
    Retell(u8),
    /// An agent says something.
    Talk(u8, Talk),
    /// A stopped run is closed.
    Close(u8),
    /// So many milliseconds pass.
    Wait(u32),
    /// Time passes to the next deadline.
    Deadline,
    /// The next commit waits so many milliseconds for the store.
    Stall(u32),
    /// Lazy changes are stored.
    Lazy,
    /// What a command asked for is found.
    Look,
    /// The process dies during a commit to come.
    Arm(Fuse),
    /// The process dies now.
    Crash,
    /// The process stops in good order; something may still be taken in before it is gone.
    Park(Option<Intake>),
    /// The channel is disabled, or enabled.
    Enable(bool),
    /// The channel's rule for busy conversations changes.
    Configure(Busy),
    /// The merge window changes.
    Merge(u16),
}

/// The tool that agents work with; only an open card may name it.
pub(crate) const STATUS: &str = "lathe";

/// What an agent does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Talk {
    /// Takes the request on.
    Started(bool),
    /// Says so many words.
    Words(u8),
    /// Thinks.
    Progress,
    /// Is done.
    Completed,
    /// Fails.
    Failed(AgentFailureKind),
}

/// How the world calms down.
#[derive(Debug, Clone)]
pub(crate) enum Quiet {
    /// Everything works, and everybody finishes.
    Works,
    /// A last control act, then calls go as they like.
    Stopped(Control, Vec<Luck>),
    /// A last control act, then nothing but time.
    Silent(Control),
}

/// The rules of a small channel, so that long answers are long soon.
pub(crate) fn policy(cards: bool) -> Policy {
    Policy {
        rules: Rules {
            conversation: ConversationSettings::default(),
            limits: TurnLimits { output_chars_max: 1_500, ..TurnLimits::default() },
        },
        reply: ReplyLimits {
            cards,
            card_chars_max: 100,
            part_chars_max: 80,
            part_bytes_max: 400,
            update_interval: Duration::from_millis(800),
            pace: switchboard_domain::usage::Pace::Normal,
        },
        locale: Locale::En,
        shares_choices: true,
    }
}

/// An address that works until then.
pub(crate) fn address(until: Timestamp) -> SessionAddress {
    SessionAddress { url: Secret::new("https://example.invalid/session"), until }
}

impl World {
    pub(crate) fn act(&mut self, act: Act) {
        match act {
            Act::Accept(intake, address_ms, feed) => {
                let address =
                    address_ms.map(|ms| address(self.now.after(Duration::from_millis(u64::from(ms)))));
                self.accept(intake, address);
                if feed {
                    self.feed();
                }
            }
            Act::Retry(which) => {
                self.store.retry(which.into(), self.now);
            }
            Act::Feed => self.feed(),
            Act::Grant(which) => self.grant(which.into()),
            Act::Land(which, luck) => {
                if let Some(index) = pick(which, self.process.calls.len()) {
                    self.land(index, luck);
                }
            }
            Act::Retell(which) => {
                if let Some(index) = pick(which, self.process.told.len()) {
                    let event = self.process.told[index].clone();
                    self.step(&event).expect_err("an outcome was taken twice");
                }
            }
            Act::Talk(which, talk) => {
                if let Some(index) = pick(which, self.process.runs.len()) {
                    self.talk(index, talk);
                }
            }
            Act::Close(which) => {
                if let Some(index) = pick(which, self.process.runs.len()) {
                    self.close(index);
                }
            }
            Act::Wait(millis) => self.wait(Duration::from_millis(u64::from(millis))),
            Act::Deadline => self.pass_to_deadline(),
            Act::Stall(millis) => self.stall = Duration::from_millis(u64::from(millis)),
            Act::Look => self.look(),
            Act::Lazy => {
                if self.process.dirty {
                    let snapshot = self.process.conversation.snapshot();
                    self.store.commit(snapshot, &Effects::default());
                    self.process.dirty = false;
                }
            }
            Act::Arm(fuse) => self.fuse = Some(fuse),
            Act::Crash => self.crash(),
            Act::Park(last) => self.park(last),
            Act::Enable(enabled) => {
                self.disabled = !enabled;
                let hold = Hold::Disabled;
                self.step(&if enabled { Event::Released(hold) } else { Event::Held(hold) }).unwrap();
            }
            Act::Merge(millis) => {
                let window = Duration::from_millis(u64::from(millis));
                self.policy.rules.conversation.merge_window = window;
                self.process.conversation.configure(self.policy);
            }
            Act::Configure(busy) => {
                self.policy.rules.conversation.busy = busy;
                self.process.conversation.configure(self.policy);
            }
        }
    }

    /// The process stops in good order and the next one begins.
    pub(crate) fn park(&mut self, last: Option<Intake>) {
        self.ledger.parks += 1;
        let fuse = self.fuse.take();
        self.step(&Event::Parked).unwrap();
        if let Some(intake) = last {
            self.accept(intake, None);
            self.feed();
        }
        self.part();
        if self.process.dirty {
            self.store.commit(self.process.conversation.snapshot(), &Effects::default());
        }
        // What is under way comes back before the process is gone, or does not.
        for flight in std::mem::take(&mut self.process.calls) {
            let _ = self.arrive(&flight, Luck::WorksUnheard);
        }
        self.restart();
        self.fuse = fuse;
    }

    /// An open card is told that the process ends, once the call under way has come back.
    fn part(&mut self) {
        while let Some(reply) = self.process.conversation.parting() {
            let claim = self.process.claims.iter().position(|(claimed, _)| *claimed == reply);
            let flight = self.process.calls.iter().position(|flight| flight.reply == reply);
            match (claim, flight) {
                (Some(index), _) => self.grant(index),
                (None, Some(index)) => self.land(index, Luck::Works),
                (None, None) => panic!("nothing comes of {reply:?}"),
            }
        }
    }

    pub(crate) fn grant(&mut self, which: usize) {
        if self.process.claims.is_empty() {
            return;
        }
        let (reply, call) = self.process.claims.remove(which % self.process.claims.len());
        // A claim given up since is granted all the same; nothing comes of it.
        let _ = self.step(&Event::Granted { reply, call });
    }

    pub(crate) fn talk(&mut self, index: usize, talk: Talk) {
        let listened = self.is_listened_to(index);
        let said = match talk {
            Talk::Started(pollable) => {
                let run = &self.process.runs[index];
                let handle = pollable.then(|| format!("run {}", run.epoch));
                let continuation = pollable.then(|| format!("c{}", run.seq));
                Said::Started { handle, continuation }
            }
            Talk::Words(count) => return self.say_words(index, count),
            Talk::Progress => Said::Progress(Progress::Tool(STATUS.to_owned())),
            Talk::Completed => {
                self.process.runs[index].over = true;
                let continuation = Some(format!("c{}", self.process.runs[index].seq));
                Said::Completed { continuation, cut: None }
            }
            Talk::Failed(kind) => {
                self.process.runs[index].over = true;
                Said::Failed(RunFailure::Agent(AgentFailure::new(kind)))
            }
        };
        let heard = self.say(index, said);
        assert!(listened || heard.is_err(), "a run that was given up, or had ended, was listened to");
    }

    /// As the shell knows it: it was neither told to stop, nor has it ended by itself.
    fn is_listened_to(&self, index: usize) -> bool {
        let run = &self.process.runs[index];
        !run.cancelled && !run.over && !self.store.outcomes.contains_key(&run.seq)
    }

    fn say_words(&mut self, index: usize, count: u8) {
        let listened = self.is_listened_to(index);
        let run = &mut self.process.runs[index];
        let words: Vec<_> =
            (0..u32::from(count)).map(|word| format!("k{}q{}", run.number, run.words + word)).collect();
        run.words += u32::from(count);
        let text = format!("{} ", words.join(" "));
        let heard = self.say(index, Said::Delta(text));
        assert!(listened || heard.is_err(), "words of a run that was given up, or had ended, were taken in");
        if heard.is_err() {
            self.ledger.late_words.extend(words);
        }
    }

    pub(crate) fn close(&mut self, index: usize) {
        let run = &mut self.process.runs[index];
        if run.cancelled || run.over {
            run.over = true;
            let epoch = run.epoch;
            // A run that ended by itself is closed as well, and nobody waits for that.
            let _ = self.step(&Event::Closed { epoch });
        }
    }

    pub(crate) fn pass_to_deadline(&mut self) {
        let landed = self.process.calls.iter().map(|flight| flight.since.after(super::shell::CALL_TIMEOUT));
        let due = self.process.conversation.deadline().map(|deadline| deadline.at);
        if let Some(at) = landed.chain(due).min() {
            self.wait(at.since(self.now));
        }
    }

    /// Brings everything to its end, and calls the judge.
    pub(crate) fn calm_down(&mut self, quiet: &Quiet) {
        self.fuse = None;
        self.feed();
        match quiet {
            Quiet::Works => {}
            Quiet::Stopped(control, _) | Quiet::Silent(control) => {
                self.accept(command(*control), None);
                self.feed();
            }
        }
        let enabled = match quiet {
            Quiet::Works => true,
            // Stopped and withdrawn, nothing waits, even while the channel is disabled.
            Quiet::Stopped(..) | Quiet::Silent(_) => !self.disabled || self.store.has_messages(),
        };
        self.act(Act::Enable(enabled));
        for round in 0..20_000 {
            if self.process.conversation.is_at_rest() {
                assert_eq!(self.store.open_entries(switchboard_domain::ids::Seq(0)), []);
                return super::judge::judge(self);
            }
            match quiet {
                Quiet::Works => self.work(Luck::Works),
                Quiet::Stopped(_, lucks) => self.work(match lucks[round % lucks.len()] {
                    // An hour of short pauses is long to walk through.
                    Luck::Throttled(_) => Luck::Throttled(30_000),
                    luck @ (Luck::Works
                    | Luck::WorksUnheard
                    | Luck::LostUnheard
                    | Luck::NotSent
                    | Luck::Refused) => luck,
                }),
                Quiet::Silent(_) => {
                    self.process.calls.clear();
                    self.pass_to_deadline();
                }
            }
        }
        panic!("no rest: {:?}", self.process.conversation);
    }

    /// What a command asked for is found.
    fn look(&mut self) {
        if let Some(seq) = self.process.conversation.session().looking() {
            assert!(self.process.looks.contains(&seq), "{seq} waits for a look that nobody takes");
            let choices = Choices { agent: Some(AgentId::new("agt_2")), ..Choices::default() };
            let found = Found::Told(Notice::AgentChosen { name: "two".to_owned() }, Some(choices));
            self.step(&Event::LookedUp { seq, found, locale: None }).unwrap();
        }
    }

    /// One thing that can be done, or time where there is none.
    fn work(&mut self, luck: Luck) {
        if !self.process.claims.is_empty() {
            self.grant(0);
        } else if !self.process.calls.is_empty() {
            self.land(0, luck);
        } else if self.process.conversation.session().looking().is_some() {
            self.look();
        } else if let Some(index) = self.process.runs.iter().position(|run| run.cancelled && !run.over) {
            self.close(index);
        } else if let Some(index) = self.process.runs.iter().position(|run| !run.over) {
            self.talk(index, Talk::Words(2));
            self.talk(index, Talk::Completed);
        } else {
            self.pass_to_deadline();
        }
    }
}

/// The last one for `u8::MAX`, else any.
fn pick(which: u8, len: usize) -> Option<usize> {
    match which {
        u8::MAX => len.checked_sub(1),
        0..u8::MAX => (len > 0).then(|| usize::from(which) % len),
    }
}
