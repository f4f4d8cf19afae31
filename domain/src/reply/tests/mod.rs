//! Stories, laws and the table of the reply machine. What replies show together with their session is told in
//! `domain/tests/conversation`.

mod endings;
mod laws;
mod statuses;
mod stories;
pub(crate) mod transitions;

use std::time::Duration;

use super::state::{Call, Kind};
use super::{
    CallNumber, CardCall, CardOutcome, Effect, Effects, Event, Facts, GATE_WAIT_MAX, PartOutcome, Reply, Way,
};
use crate::channel::ErrorCode;
use crate::ids::{MessageId, RetryNumber, Seq};
use crate::message::{Chat, ChatKind, SessionAddress, Target};
use crate::outbound::Format;
use crate::outcome::FailureCause;
use crate::rejected::Rejected;
use crate::secret::Secret;
use crate::settings::{Locale, ReplyLimits};
use crate::snapshot::{ReplyId, ReplyRole};
use crate::time::Timestamp;

const START: Timestamp = Timestamp::from_millis(1_000_000_000);

/// The code of every refusal here.
const CODE: ErrorCode = ErrorCode::PermissionDenied;

/// A reply with a clock that only the test moves, and a budget that grants at once.
#[derive(Debug, Clone)]
struct Bench {
    reply: Reply,
    now: Timestamp,
}

impl Bench {
    fn new() -> Self {
        Self::answering(facts(true, None), false)
    }

    fn answering(facts: Facts, resumed: bool) -> Self {
        Self { reply: Reply::answer(facts, resumed, START.after(GATE_WAIT_MAX), START), now: START }
    }

    /// A reply without cards, admitted.
    fn plain(until: Option<Timestamp>) -> Self {
        let mut bench = Self::answering(facts(false, until), false);
        bench.tell(Event::Admitted);
        bench
    }

    /// A message that nobody asked for.
    fn message(text: &str) -> Self {
        let id = ReplyId { seq: Seq(1), role: ReplyRole::Message };
        let facts = Facts { id, format: Format::Text, ..facts(false, None) };
        let mut bench = Self { reply: Reply::message(facts, text, START), now: START };
        bench.tell(Event::Resumed { gate: None });
        bench
    }

    /// A card that shows `some`.
    fn streaming() -> Self {
        let mut bench = Self::new();
        bench.tell(Event::Admitted);
        bench.call();
        bench.grow("some");
        bench.card(CardOutcome::Done);
        bench.call();
        bench.card(CardOutcome::Done);
        bench
    }

    /// A card that shows `some`, on its way to showing it for good.
    fn finishing() -> Self {
        let mut bench = Self::streaming();
        bench.end(None);
        bench
    }

    /// Another process takes over from what was stored.
    fn restarted(&self) -> Self {
        let kept = self.reply.snapshot().expect("something is stored");
        let limits = self.reply.facts().limits;
        Self { reply: Reply::restore(kept, limits, Locale::En), now: self.now }
    }

    fn resumed(&self) -> Self {
        let mut bench = self.restarted();
        bench.tell(Event::Resumed { gate: None });
        bench
    }

    fn offer(&mut self, event: Event) -> Result<Effects, Rejected> {
        self.reply.apply(event, self.now)
    }

    fn tell(&mut self, event: Event) -> Effects {
        self.offer(event).expect("the event fits")
    }

    fn grow(&mut self, text: &str) -> Effects {
        self.tell(Event::Grew { text: text.into() })
    }

    fn end(&mut self, suffix: Option<&str>) -> Effects {
        self.tell(Event::Ended { suffix: suffix.map(str::to_owned), failed: false })
    }

    /// Grants the claim there is and tells what is done.
    fn call(&mut self) -> Effects {
        let call = self.claimed().expect("something is claimed");
        self.tell(Event::Granted { call })
    }

    fn card(&mut self, outcome: CardOutcome) -> Effects {
        let call = self.sent().expect("a call is on its way");
        self.tell(Event::CardDone { call, outcome })
    }

    fn part(&mut self, outcome: PartOutcome) -> Effects {
        let call = self.sent().expect("a call is on its way");
        self.tell(Event::PartDone { call, outcome })
    }

    fn pass(&mut self, span: Duration) -> Effects {
        self.now = self.now.after(span);
        self.reply.expire(self.now)
    }

    fn pass_to_deadline(&mut self) -> Effects {
        let at = self.reply.deadline().expect("there is a deadline").at;
        self.pass(at.since(self.now))
    }

    fn claimed(&self) -> Option<CallNumber> {
        match self.reply.state.call() {
            Call::Claimed { number, .. } => Some(number),
            Call::Idle | Call::Sent { .. } | Call::Paused { .. } => None,
        }
    }

    fn sent(&self) -> Option<CallNumber> {
        match self.reply.state.call() {
            Call::Sent { number, .. } => Some(number),
            Call::Idle | Call::Claimed { .. } | Call::Paused { .. } => None,
        }
    }

    /// What is claimed or on its way.
    fn kind(&self) -> Option<Kind> {
        match self.reply.state.call() {
            Call::Claimed { kind, .. } | Call::Sent { kind, .. } => Some(kind),
            Call::Idle | Call::Paused { .. } => None,
        }
    }
}

fn facts(cards: bool, address_until: Option<Timestamp>) -> Facts {
    Facts {
        id: ReplyId { seq: Seq(1), role: ReplyRole::Answer },
        message: MessageId::new("m1"),
        retry: RetryNumber(0),
        target: Target {
            chat: Chat { id: "chat".into(), kind: ChatKind::Private, title: None },
            im_user_id: Some("staff".into()),
            session_address: address_until
                .map(|until| SessionAddress { url: Secret::new("https://example.invalid"), until }),
        },
        attempt: 0,
        format: Format::Markdown,
        limits: ReplyLimits {
            cards,
            card_chars_max: 150,
            part_chars_max: 80,
            part_bytes_max: 400,
            update_interval: Duration::from_millis(800),
            pace: crate::usage::Pace::Normal,
        },
        locale: Locale::En,
    }
}

/// The only text a step shows, and how.
fn shown(effects: &Effects) -> (&'static str, &str) {
    let mut calls = effects.list.iter().filter_map(|effect| match effect {
        Effect::Card { card: CardCall::Open { text, .. }, .. } => Some(("open", text.as_str())),
        Effect::Card { card: CardCall::Update { text }, .. } => Some(("update", text.as_str())),
        Effect::Card { card: CardCall::Finish { text, .. }, .. } => Some(("finish", text.as_str())),
        Effect::Send { text, way: Way::Api, .. } => Some(("send", text.as_str())),
        Effect::Send { text, way: Way::SessionAddress, .. } => Some(("post", text.as_str())),
        Effect::Claim { .. } | Effect::Fail { .. } | Effect::Tell(_) | Effect::Note(_) => None,
    });
    let call = calls.next().expect("something is shown");
    assert_eq!(calls.next(), None, "one call at a time (R12)");
    call
}

fn failures(effects: &Effects) -> Vec<FailureCause> {
    let failure = |effect: &Effect| match effect {
        Effect::Fail { cause, .. } => Some(*cause),
        Effect::Claim { .. }
        | Effect::Card { .. }
        | Effect::Send { .. }
        | Effect::Tell(_)
        | Effect::Note(_) => None,
    };
    effects.list.iter().filter_map(failure).collect()
}
