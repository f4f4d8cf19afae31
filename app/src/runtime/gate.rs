//! The decision about one first delivery (R1): whether it is taken in, as far as that can be told without asking anybody.

use std::sync::{Arc, Mutex};

use switchboard_domain::access::{self, Decision, Facts, Who};
use switchboard_domain::admission::{Asked, Ticket};
use switchboard_domain::inbox::Verdict;
use switchboard_domain::message::{Chat, Inbound, Sender};
use switchboard_domain::outcome::Refusal;
use switchboard_ports::conversations::{Accepted, Admission};

use super::channel::ChannelHandle;
use super::shared::{Shared, lock};
use crate::telemetry::metrics as names;

/// What was decided about before, or is always taken in: control through the API, a button's press, what is given again.
pub(super) struct Admitted;

impl Admission for Admitted {
    fn verdict(&self, _waiting: u32) -> Verdict {
        Verdict::Admit
    }
}

/// Decides about one first delivery, and gives back what it took when the message was not stored after all.
pub(super) struct Gate {
    shared: Arc<Shared>,
    handle: Arc<ChannelHandle>,
    chat: Chat,
    sender: Sender,
    mentioned: Option<bool>,
    control: bool,
    kind_refused: Option<Refusal>,
    ticket: Mutex<Option<Ticket>>,
}

impl Gate {
    pub(super) fn of(
        shared: &Arc<Shared>,
        handle: &Arc<ChannelHandle>,
        message: &Inbound,
        control: bool,
        kind_refused: Option<Refusal>,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            handle: Arc::clone(handle),
            chat: message.chat.clone(),
            sender: message.sender.clone(),
            mentioned: message.mentioned,
            control,
            kind_refused,
            ticket: Mutex::default(),
        }
    }

    /// Counts what was refused without a word. It has no entry whose end would be counted; what was never meant for the
    /// bot is no turn.
    pub(super) fn passed(&self, accepted: &Accepted) {
        let is_addressed = || lock(&self.ticket).as_ref().is_some_and(Ticket::is_addressed);
        if matches!(accepted, Accepted::First { verdict: Verdict::Pass(_), .. }) && is_addressed() {
            let channel = self.handle.id.to_string();
            metrics::counter!(names::TURNS, "channel" => channel, "outcome" => "refused").increment(1);
            self.shared.tally.turn("refused");
        }
    }

    fn refund(&self) {
        if let Some(ticket) = lock(&self.ticket).take() {
            lock(&self.handle.admission).refund(ticket);
        }
    }
}

impl Admission for Gate {
    fn verdict(&self, waiting: u32) -> Verdict {
        // Asked again for the same message: the first answer was not used.
        self.refund();
        let bot = self.handle.bot();
        let settings = &bot.channel.access;
        let facts = Facts { chat: &self.chat, sender: &self.sender, who: Who::NotAsked };
        let denied = match access::decide(settings, &facts) {
            Decision::Deny(refusal) => Some(refusal),
            Decision::Allow | Decision::Open => None,
        };
        let asked = Asked {
            author: self.sender.key(),
            chat: self.chat.kind,
            mentioned: self.mentioned,
            control: self.control,
            denied,
            waiting,
        };
        let decided = lock(&self.handle.admission).decide(&asked, settings, self.shared.now());
        *lock(&self.ticket) = Some(decided.ticket);
        match (decided.verdict, self.kind_refused) {
            (Verdict::Admit, Some(refusal)) => Verdict::Refuse(refusal),
            (verdict, _) => verdict,
        }
    }

    fn unused(&self) {
        self.refund();
    }
}
