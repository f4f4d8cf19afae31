//! Single conversations told from beginning to end: what people see.

mod agent;
mod bursts;
mod control;
mod delivery;
mod messages;
mod recovery;
mod retries;
mod waiting;

use std::time::Duration;

use switchboard_domain::ids::Seq;
use switchboard_domain::inbox::Control;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::Outcome;
use switchboard_domain::settings::Locale;
use switchboard_domain::snapshot::{ReplyId, ReplyRole};
use switchboard_domain::time::Timestamp;

use super::platform::{Card, Luck};
use super::shell::World;
use super::store::{ask, command};
use super::walk::{Quiet, Talk, policy};

/// A conversation over cards, with room for whole sentences.
fn world() -> World {
    roomy(true)
}

/// A conversation over plain messages.
fn plain_world() -> World {
    roomy(false)
}

fn roomy(cards: bool) -> World {
    let mut policy = policy(cards);
    policy.reply.card_chars_max = 400;
    policy.reply.part_chars_max = 200;
    World::new(policy, 0)
}

fn sentence(notice: impl Into<Notice>) -> String {
    notice.into().text(Locale::En)
}

fn answer(seq: Seq) -> ReplyId {
    ReplyId { seq, role: ReplyRole::Answer }
}

impl World {
    fn ask(&mut self) -> Seq {
        let seq = self.accept(ask("question"), None);
        self.feed();
        seq
    }

    fn command(&mut self, control: Control) -> Seq {
        let seq = self.accept(command(control), None);
        self.feed();
        seq
    }

    /// The newest run says so many words.
    fn says(&mut self, count: u8) {
        self.talk(self.process.runs.len() - 1, Talk::Words(count));
    }

    fn completes(&mut self) {
        self.talk(self.process.runs.len() - 1, Talk::Completed);
    }

    /// Every stopped run is closed.
    fn closes(&mut self) {
        for index in 0..self.process.runs.len() {
            self.close(index);
        }
    }

    /// Grants what is claimed and lands what is on its way, until nothing is.
    fn delivers(&mut self) {
        while !self.process.claims.is_empty() || !self.process.calls.is_empty() {
            self.goes(Luck::Works);
        }
    }

    /// The next call is made and comes back like this.
    fn goes(&mut self, luck: Luck) {
        while self.process.calls.is_empty() {
            assert!(!self.process.claims.is_empty(), "no call is wanted");
            self.grant(0);
        }
        self.land(0, luck);
    }

    fn card(&self, seq: Seq) -> Card {
        self.platform.cards[&self.store.entry(seq).message].clone()
    }

    fn card_is_finished(&self, seq: Seq) -> bool {
        self.platform.cards.get(&self.store.entry(seq).message).is_some_and(|card| card.finished)
    }

    /// The plain messages in answer to an entry.
    fn messages(&self, seq: Seq) -> Vec<&str> {
        let messages = self.platform.messages.iter().filter(|message| message.reply.seq == seq);
        messages.map(|message| message.text.as_str()).collect()
    }

    fn outcome(&self, seq: Seq) -> Option<Outcome> {
        self.store.outcomes.get(&seq).copied()
    }

    fn asked(&self, seq: Seq) -> u32 {
        self.ledger.asked.get(&seq).copied().unwrap_or_default()
    }

    /// How long after `since` a reply claimed its first call.
    fn admitted_after(&self, reply: ReplyId, since: Timestamp) -> Duration {
        self.ledger.claimed[&reply].since(since)
    }

    /// Everything comes to its end, and the judge has nothing to say.
    fn ends_well(&mut self) {
        self.calm_down(&Quiet::Works);
    }
}
