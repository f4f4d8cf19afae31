//! What is known of a run from outside.

/// Everything that is known of a run once it is quiet. Times are milliseconds of any one clock.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// What was said to the bot, and what was done about conversations in other ways.
    pub acts: Vec<Act>,
    /// What people see in the end, in order of appearance; a card stands where it appeared first.
    pub shown: Vec<Shown>,
    /// All failure records.
    pub failures: Vec<Failed>,
    /// What the agent was asked, in order.
    pub asked: Vec<Asked>,
    /// Messages given in through the API.
    pub given: Vec<Given>,
    /// How entries ended in the store, where that can be looked at.
    pub ends: Option<Vec<End>>,
    /// What may be otherwise than in a run where all goes well.
    pub faults: Faults,
    /// Events that cannot come.
    pub alarms: u64,
}

/// Something that was said to the bot, or done about a conversation.
#[derive(Debug, Clone)]
pub struct Act {
    /// The platform's id of the message, or a name for what the API was told.
    pub id: String,
    /// The chat in which people see what comes of it.
    pub chat: String,
    /// The conversation: chat, and member where each has their own.
    pub conversation: String,
    /// What it was.
    pub what: What,
    /// When it was first pushed or sent.
    pub at: u64,
    /// When it was acked, or the API said that it is done.
    pub acked_at: Option<u64>,
    /// Where it was taken in: of two acts with the same first number, that with the lesser second one came first. What is
    /// not known here is known by times alone.
    pub place: Option<(u64, u64)>,
    /// How often its failure was retried.
    pub retries: u64,
    /// Whether it was said in the chat: what the API is told gets no sentence there.
    pub in_chat: bool,
}

/// What an act is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A question with the key that its text names.
    Question {
        /// The key, [`super::words::name`].
        key: u64,
    },
    /// The conversation starts over: `/new`, or the API's reset.
    New,
    /// `/stop`, or the API's stop.
    Stop,
    /// `/stop all`.
    StopAll,
    /// The stop button of the answer to this message.
    StopAnswer {
        /// The message's id.
        of: String,
    },
    /// Another command: it is answered with a sentence of its own.
    Command,
    /// The channel is deleted; counts for all conversations whose names begin with this one's.
    Delete,
}

/// Something that people see: a card, or a plain message.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Where.
    pub chat: String,
    /// The card, by its track id; `None` for plain messages.
    pub card: Option<Card>,
    /// The message answered, where the platform can know.
    pub answers: Option<String>,
    /// The text in the end.
    pub text: String,
}

/// How a card stands.
#[derive(Debug, Clone)]
pub struct Card {
    /// Its track id.
    pub id: String,
    /// Whether it is closed, finished or failed.
    pub closed: bool,
    /// How often it was closed.
    pub finalized: u32,
}

/// A failure record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The message.
    pub message: String,
    /// The cause's stable name.
    pub cause: String,
}

/// Something that the agent was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The turn: the idempotency key.
    pub turn: String,
    /// The key that the question names.
    pub key: Option<u64>,
    /// Keys that the context mentions.
    pub context: Vec<u64>,
    /// When.
    pub at: u64,
}

/// A message that was given in through the API.
#[derive(Debug, Clone)]
pub struct Given {
    /// Its id, or the key with which it was asked for.
    pub id: String,
    /// The key that its words name; its run is 0.
    pub key: u64,
    /// Where it goes.
    pub chat: String,
    /// The state of its record in the end; `None` where the API never said that it took it.
    pub state: Option<String>,
}

/// How an entry ended in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The message.
    pub message: String,
    /// Which retry of it, 0: the first time.
    pub retry: u64,
    /// `answered`, `cancelled`, `refused` or `failed`.
    pub outcome: &'static str,
    /// When.
    pub at: u64,
}

/// What a run's faults and settings may have changed. What is not allowed here is a violation.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Causes that failure records may have.
    pub causes: Vec<&'static str>,
    /// Sentences with which messages may have been refused ([`switchboard_domain::outcome::Refusal::as_str`]).
    pub refusals: Vec<&'static str>,
    /// A newer message may have ended an answer (`busy = "interrupt"`).
    pub interrupts: bool,
    /// The platform refused or delayed calls: what is seen may be in another order than what was asked.
    pub platform: bool,
    /// The process was killed: what was on its way may be of unknown fate, and an answer may be closed without its text.
    pub kills: u32,
}

impl Faults {
    pub(super) fn allows_cause(&self, cause: &str) -> bool {
        let by_kills =
            self.kills > 0 && cause == "delivery_unknown" || self.kills > 2 && cause == "crash_loop";
        by_kills || self.causes.contains(&cause)
    }

    pub(super) fn allows_refusal(&self, refusal: &str) -> bool {
        self.refusals.contains(&refusal)
    }
}

impl Act {
    /// The key, if it is a question.
    pub fn key(&self) -> Option<u64> {
        match self.what {
            What::Question { key } => Some(key),
            What::New
            | What::Stop
            | What::StopAll
            | What::StopAnswer { .. }
            | What::Command
            | What::Delete => None,
        }
    }

    /// Whether it was surely taken in before another of the same conversation.
    pub fn surely_before(&self, other: &Self) -> bool {
        match (self.place, other.place) {
            (Some((lane, place)), Some((other_lane, other_place))) if lane == other_lane => {
                place < other_place
            }
            _ => self.acked_at.is_some_and(|acked| acked < other.at),
        }
    }
}

impl Account {
    /// The question of a key.
    pub fn question(&self, key: u64) -> Option<&Act> {
        self.acts.iter().find(|act| act.key() == Some(key))
    }

    /// Causes of a message's failure records.
    pub fn causes<'a>(&'a self, message: &'a str) -> impl Iterator<Item = &'a str> {
        let of = self.failures.iter().filter(move |failed| failed.message == message);
        of.map(|failed| failed.cause.as_str())
    }

    /// Whether the channel was deleted, after which nothing may be owed that was not surely over before.
    pub(super) fn is_deleted(&self, act: &Act) -> bool {
        let deletes = |it: &Act| it.what == What::Delete && act.conversation.starts_with(&it.conversation);
        self.acts.iter().any(deletes)
    }

    /// Whether the message was left to a process that had no settings of its channel any more, and it is recorded so: a
    /// deletion does not wait for ever for a platform that takes nothing.
    pub(super) fn is_left_by_deletion(&self, act: &Act) -> bool {
        let undelivered = self.causes(&act.id).any(|cause| UNDELIVERED.contains(&cause));
        self.faults.kills > 0 && undelivered && self.is_deleted(act)
    }
}

/// Causes that say that an answer did not arrive, or may not have.
pub const UNDELIVERED: [&str; 3] = ["delivery_refused", "delivery_unknown", "card_abandoned"];
