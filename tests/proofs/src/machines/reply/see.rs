//! The naive reference: what a reply may do, and what people must see of it in the end.

use std::collections::BTreeSet;

use switchboard_domain::outcome::FailureCause;
use switchboard_domain::reply::{CardCall, Durability, Effect, Effects, Reply, SESSION_ADDRESS_MARGIN, Way};
use switchboard_domain::snapshot::{PartStatus, ReplyStateSnapshot};

use super::world::World;
use crate::machines::conversation::STATUS;
use crate::machines::conversation::judge::words;
use crate::machines::conversation::shell::Request;

impl World {
    /// Commits what has to be committed, then looks at what is to be done.
    pub(super) fn see(&mut self, effects: &Effects) {
        if effects.durability == Durability::Now {
            self.stored = self.reply.snapshot();
        }
        for effect in &effects.list {
            match effect {
                Effect::Claim { call, .. } => {
                    assert!(*call > self.last_call, "number {call} twice");
                    assert!(self.flight.is_none(), "a claim while a call is under way");
                    (self.last_call, self.claim) = (*call, Some(*call));
                }
                Effect::Card { call, card } => {
                    if let CardCall::Finish { text, .. } = card {
                        assert_eq!(
                            Some(text),
                            self.committed_text().as_ref(),
                            "R9: another text than committed"
                        );
                    }
                    let message = self.reply.facts().message.clone();
                    self.take_off(*call, Request::Card(message, card.clone()));
                }
                Effect::Send { call, text, way } => {
                    self.may_send(text, *way);
                    self.take_off(*call, Request::Send(text.clone(), *way));
                }
                Effect::Fail { cause, .. } => {
                    assert_eq!(effects.durability, Durability::Now, "a failure without a commit");
                    self.failures.push(*cause);
                }
                Effect::Tell(_) => panic!("an answer has no record"),
                Effect::Note(_) => {}
            }
        }
    }

    fn take_off(&mut self, call: u32, request: Request) {
        assert!(self.flight.is_none(), "R12: two calls at once");
        assert_eq!(call, self.last_call, "a call that was not granted");
        self.flight = Some((call, request));
    }

    fn committed_text(&self) -> Option<String> {
        match &self.stored.as_ref()?.state {
            ReplyStateSnapshot::Finishing { text, .. } => Some(text.clone()),
            ReplyStateSnapshot::Plain { pointer, .. } => pointer.as_ref().map(|pointer| pointer.text.clone()),
        }
    }

    /// R10: only what is committed as attempting, and never a second time. R13: not to an old address.
    fn may_send(&self, text: &String, way: Way) {
        let stored = self.stored.as_ref().map(|stored| &stored.state);
        let Some(ReplyStateSnapshot::Plain { parts, .. }) = stored else { panic!("R10: no commit") };
        let attempting = parts.iter().filter(|part| part.status == PartStatus::Attempting);
        let attempting: Vec<&String> = attempting.map(|part| &part.text).collect();
        assert_eq!(attempting, [text], "R10: not committed as the one under way");
        assert!(!self.maybe_sent.contains(text), "R10: sent again");
        let address = self.reply.facts().target.session_address.as_ref();
        let is_fresh = address.is_some_and(|address| self.now.after(SESSION_ADDRESS_MARGIN) < address.until);
        assert!(way == Way::Api || is_fresh, "R13: too old an address");
    }

    /// What holds after every step.
    pub(super) fn check(&mut self) {
        let reply = &self.reply;
        assert_eq!(reply.is_done(), reply.deadline().is_none(), "a reply that is not done has a deadline");
        assert_eq!(reply.is_ended(), self.ended, "ended is what its turn has ended");
        if let Some(kept) = reply.snapshot() {
            let back = Reply::restore(kept.clone(), reply.facts().limits, reply.facts().locale);
            assert_eq!(back.snapshot(), Some(kept));
        } else {
            assert!(reply.is_done() || !self.ended, "an ended reply is kept until it is done");
        }
        if !self.ended {
            assert_eq!(words(reply.draft()), self.words, "the draft is what was said");
        }
        let mut seen = BTreeSet::new();
        for message in &self.platform.messages {
            assert!(seen.insert(&message.text), "seen twice: {message:?}");
        }
        let cards = self.platform.cards.values().filter(|card| card.finished).map(|card| &card.text);
        for text in cards.chain(self.platform.messages.iter().map(|message| &message.text)) {
            assert!(!text.contains(STATUS), "a sign of life that stays: {text:?}");
        }
        if reply.is_done() {
            self.claim = None;
            self.judge();
        }
    }

    /// What people see once the reply is done: every word once, unless a record says otherwise.
    pub(super) fn judge(&self) {
        let card = self.platform.cards.get(&self.reply.facts().message);
        let mut seen = card.filter(|card| card.finished).map(|card| words(&card.text)).unwrap_or_default();
        for message in &self.platform.messages {
            seen.extend(words(&message.text));
        }
        let once: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(once.len(), seen.len(), "seen twice: {seen:?}");
        if self.failures.is_empty() {
            assert_eq!(seen, self.words, "not what was said");
        } else {
            assert!(seen.iter().all(|word| self.words.contains(word)), "seen and not said: {seen:?}");
        }
        let is_recorded = self.failures.contains(&FailureCause::CardAbandoned);
        assert!(card.is_none_or(|card| card.finished) || is_recorded, "the card is left at {card:?}");
    }
}
