//! A small configuration of a conversation, for the search.

use switchboard_domain::inbox::{Control, Intake, Origin};
use switchboard_domain::outcome::{AgentFailureKind, Outcome};

use super::shell::{Fuse, Run, World};
use super::store::ask;
use super::walk::{self, Quiet, Talk, policy};
use crate::machines::{self, Luck};

/// What a search does with a conversation.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Whether the channel has cards.
    pub cards: bool,
    /// Questions that are asked.
    pub questions: usize,
    /// A control act that comes at any time.
    pub control: Option<Control>,
    /// Ways a call goes.
    pub lucks: Vec<Luck>,
    /// How often the process dies.
    pub crashes: usize,
    /// How many deadlines pass.
    pub patience: usize,
    /// How often an agent says something.
    pub talks: usize,
    /// How many calls come back.
    pub calls: usize,
    /// What else an agent may say than words and their end.
    pub also: Vec<Also>,
}

/// What else an agent may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Also {
    /// That it failed in a way that may pass.
    Failed,
    /// What its run is called, so that it can be asked for its result after a crash.
    Name,
    /// What it does besides answering.
    Progress,
}

/// A conversation in its world, with bounds on what a search may still do.
#[derive(Debug, Clone)]
pub struct Small {
    world: World,
    left: Setting,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    Ask,
    Control,
    Grant(u8),
    Land(u8, Luck),
    Retell,
    Start(u8),
    Progress(u8),
    Say(u8),
    Complete(u8),
    Fail(u8),
    Close(u8),
    Deadline,
    Crash,
    Arm(u8),
}

impl Small {
    /// A new conversation.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        Self { world: World::new(policy(setting.cards), 0), left: setting }
    }
}

impl machines::World for Small {
    type Act = Act;

    fn acts(&self) -> Vec<Act> {
        let process = &self.world.process;
        let mut acts = Vec::new();
        acts.extend((self.left.questions > 0).then_some(Act::Ask));
        acts.extend(self.left.control.map(|_| Act::Control));
        acts.extend((0..process.claims.len()).map(|which| Act::Grant(byte(which))));
        if self.left.calls > 0 {
            for which in 0..process.calls.len() {
                acts.extend(self.left.lucks.iter().map(|luck| Act::Land(byte(which), *luck)));
            }
        }
        acts.extend((!process.told.is_empty()).then_some(Act::Retell));
        for (which, run) in process.runs.iter().enumerate() {
            let which = byte(which);
            if !run.over && !run.cancelled && self.left.talks > 0 {
                acts.extend([Act::Say(which), Act::Complete(which)]);
                acts.extend(self.left.also.iter().map(|also| match also {
                    Also::Failed => Act::Fail(which),
                    Also::Name => Act::Start(which),
                    Also::Progress => Act::Progress(which),
                }));
            } else if run.cancelled && !run.over {
                acts.push(Act::Close(which));
                acts.extend((self.left.talks > 0).then_some(Act::Say(which)));
            }
        }
        acts.extend(
            (self.left.patience > 0 && process.conversation.deadline().is_some()).then_some(Act::Deadline),
        );
        if self.left.crashes > 0 {
            acts.push(Act::Crash);
            // Dying before a commit, right behind it, or behind the first thing done.
            acts.extend(if self.world.fuse.is_none() {
                vec![Act::Arm(0), Act::Arm(1), Act::Arm(2)]
            } else {
                vec![]
            });
        }
        acts
    }

    fn act(&mut self, act: &Act) {
        let crashes = self.world.ledger.crashes;
        let act = match *act {
            Act::Ask => {
                self.left.questions -= 1;
                walk::Act::Accept(ask("question"), None, true)
            }
            Act::Control => {
                let control = self.left.control.take().unwrap_or(Control::Help);
                walk::Act::Accept(Intake::Control { control, origin: Origin::Api }, None, true)
            }
            Act::Grant(which) => walk::Act::Grant(which),
            Act::Land(which, luck) => {
                self.left.calls -= 1;
                walk::Act::Land(which, luck.into())
            }
            Act::Retell => walk::Act::Retell(u8::MAX),
            Act::Start(which) => {
                self.left.talks -= 1;
                walk::Act::Talk(which, Talk::Started(true))
            }
            Act::Progress(which) => {
                self.left.talks -= 1;
                walk::Act::Talk(which, Talk::Progress)
            }
            Act::Say(which) => {
                self.left.talks -= 1;
                walk::Act::Talk(which, Talk::Words(1))
            }
            Act::Complete(which) => {
                self.left.talks -= 1;
                walk::Act::Talk(which, Talk::Completed)
            }
            Act::Fail(which) => {
                self.left.talks -= 1;
                walk::Act::Talk(which, Talk::Failed(AgentFailureKind::ServerError))
            }
            Act::Close(which) => walk::Act::Close(which),
            Act::Deadline => {
                self.left.patience -= 1;
                walk::Act::Deadline
            }
            Act::Crash => walk::Act::Crash,
            Act::Arm(0) => walk::Act::Arm(Fuse::BeforeCommit),
            Act::Arm(count) => walk::Act::Arm(Fuse::AfterCommit(count - 1)),
        };
        self.world.act(act);
        let died = (self.world.ledger.crashes - crashes) as usize;
        self.left.crashes = self.left.crashes.saturating_sub(died);
    }

    fn come_to_rest(self) {
        for quiet in [Quiet::Works, Quiet::Silent(Control::Stop { all: true })] {
            self.world.clone().calm_down(&quiet);
        }
    }

    fn essence(&self) -> String {
        let World { now, store, platform, process, fuse, ledger, dice, .. } = &self.world;
        let left = &self.left;
        format!(
            "{now}{store:?}{platform:?}{:?}{:?}{:?}{:?}{:?}{}{fuse:?}{:?}{:?}{dice}{left:?}",
            process.conversation,
            process.claims,
            process.calls,
            process.runs,
            process.told.last(),
            process.dirty,
            ledger.maybe_sent,
            ledger.late_words,
        )
    }

    fn sights(&self) -> Vec<&'static str> {
        let world = &self.world;
        let mut sights: Vec<&'static str> = Vec::new();
        for outcome in world.store.outcomes.values() {
            sights.push(match outcome {
                Outcome::Answered => "answered",
                Outcome::Cancelled => "cancelled",
                Outcome::Joined => "joined",
                Outcome::HandedOver => "handed over",
                Outcome::Refused(_) => "refused",
                Outcome::Failed(_) => "failed",
            });
        }
        sights.extend(world.platform.cards.values().any(|card| card.finished).then_some("card closed"));
        sights.extend((!world.platform.messages.is_empty()).then_some("text sent"));
        sights.extend((world.ledger.crashes > 0 && !world.process.runs.is_empty()).then_some("resumed"));
        let session = world.process.conversation.session();
        sights.extend((world.ledger.crashes > 0 && session.resume().is_some()).then_some("gone on with"));
        let is_named = |run: &Run| run.number == 0 && !run.over;
        sights.extend(world.process.runs.iter().any(is_named).then_some("stopped by name"));
        sights.extend((world.process.conversation.replies().len() > 1).then_some("two replies"));
        sights
    }
}

fn byte(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}
