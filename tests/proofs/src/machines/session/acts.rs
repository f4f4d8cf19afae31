//! What can happen to a session, and how it is made to happen.

use std::time::Duration;

use switchboard_domain::inbox::{Control, Origin};
use switchboard_domain::outcome::Outcome;
use switchboard_domain::rejected::Rejected;
use switchboard_domain::session::{Effect, Event, Hold, Taken};

use super::world::{Act, CHARS_MAX, Item, Run, Said, World};

impl super::super::World for World {
    type Act = Act;

    fn acts(&self) -> Vec<Act> {
        let mut acts = Vec::new();
        acts.extend(self.script.first().map(|next| Act::Accept(*next, false)));
        acts.extend(self.next().map(|_| Act::Take));
        acts.extend((self.taken > 0).then_some(Act::Retake(0)));
        for (epoch, run) in &self.runs {
            acts.extend([Act::Closed(*epoch), Act::Run(*epoch, Said::Completed)]);
            if *run == Run::Open {
                let failures = super::checks::failures().map(|failure| Said::Failed(failure, false));
                let said = [Said::Started(Some(1)), Said::Heard(1), Said::Heard(CHARS_MAX + 1)];
                let said = failures.into_iter().chain(said);
                acts.extend(said.map(|said| Act::Run(*epoch, said)));
            }
        }
        acts.extend((self.patience > 0 && self.session.deadline().is_some()).then_some(Act::Deadline));
        acts.extend((self.parks > 0).then_some(Act::Park));
        if self.crashes > 0 {
            acts.extend([Act::Crash, Act::Arm]);
        }
        acts.push(Act::Disable(!self.disabled));
        acts
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Accept(kind, take) => {
                if !self.script.is_empty() {
                    self.script.remove(0);
                }
                self.inbox.push(Item { kind, at: self.now, process: self.process });
                if take {
                    self.take();
                }
            }
            Act::Take => self.take(),
            Act::Retake(back) => {
                let seq = self.taken.saturating_sub(back);
                if seq > 0 {
                    let again = self.tell(self.taken_event(seq)).expect_err("taken twice");
                    assert!(matches!(again, Rejected::Duplicate { .. }));
                }
            }
            Act::Run(epoch, said) => self.run(epoch, said),
            Act::Closed(epoch) => self.closed(epoch),
            Act::Disable(disabled) => {
                self.disabled = disabled;
                let hold = Hold::Disabled;
                let event = if disabled { Event::Held(hold) } else { Event::Released(hold) };
                let effects = self.tell(event).expect("held or released");
                self.see(&effects);
                let (process, running) = (self.process, self.turn.map(|turn| turn.seq));
                self.commit(effects.durability);
                // A running turn is stored as such at once, unless the process died on the way.
                if disabled && self.process == process && running.is_some() {
                    assert_eq!(self.stored_begun(), running, "nobody will know that it has begun");
                }
            }
            Act::Park => self.park(),
            Act::Crash => self.crash(),
            Act::Arm => self.armed = true,
            Act::Pass(millis) => self.pass(millis),
            Act::Stall(millis) => self.stall(millis),
            Act::Deadline => {
                self.patience = self.patience.saturating_sub(1);
                let due = self.session.deadline().map_or(Duration::ZERO, |it| it.at.since(self.now));
                self.pass(u64::try_from(due.as_millis()).unwrap_or(u64::MAX));
            }
        }
        self.check(self.died);
    }

    fn come_to_rest(mut self) {
        self.armed = false;
        self.script.clear();
        self.act(&Act::Accept(Taken::Control(Control::Stop { all: true }, Origin::Api), false));
        while self.next().is_some() {
            self.act(&Act::Take);
        }
        for _deadline in 0..10 {
            if self.session.deadline().is_none() {
                break;
            }
            self.act(&Act::Deadline);
        }
        assert!(self.session.is_at_rest(), "no rest: {:?}", self.session);
        assert!((1..=self.last()).all(|seq| self.ended.contains_key(&seq)), "something accepted has no end");
    }

    fn sights(&self) -> Vec<&'static str> {
        let mut sights = Vec::new();
        for outcome in self.ended.values() {
            sights.push(match outcome {
                Outcome::Answered => "answered",
                Outcome::Cancelled => "cancelled",
                Outcome::Joined => "joined",
                Outcome::HandedOver => "handed over",
                Outcome::Refused(_) => "refused",
                Outcome::Failed(_) => "failed",
            });
        }
        sights.extend(self.closing.map(|_| "stopping"));
        sights.extend((!self.runs.is_empty() && self.session.resume().is_some()).then_some("gone on with"));
        let is_upstream = self.closing.is_some_and(|(epoch, _)| !self.runs.contains_key(&epoch));
        sights.extend(is_upstream.then_some("stopped by name"));
        sights.extend((self.died > 0 && self.turn.is_some()).then_some("resumed"));
        sights
    }
}

impl World {
    fn park(&mut self) {
        self.parks = self.parks.saturating_sub(1);
        let was_running = self.turn.take();
        let effects = self.tell(Event::Parked).expect("parked");
        for effect in &effects.list {
            let Effect::Cancel { epoch } = effect else { panic!("parking does {effect:?}") };
            assert_eq!(was_running.map(|turn| turn.epoch), Some(epoch.0));
        }
        let process = self.process;
        self.commit(effects.durability);
        // It may have died on the way.
        if self.process == process {
            self.restart();
        }
    }
}
