//! One conversation: its session and at most a handful of open replies, as one value that is loaded, stepped and committed.
//!
//! Nothing is decided here: the session decides about turns, each reply about its own calls. This module carries what the
//! one wants to the others, keeps the order of visible calls (R12) and gathers what a step leaves behind.

mod burst;
mod deadline;
mod effects;
mod event;
mod language;
mod messages;
mod notes;
mod steps;
mod taken;
mod told;

pub use deadline::{Deadline, Reason};
pub use effects::{Effects, Failed, Perform};
pub use event::{Event, Said};
pub use notes::{NOTE_AFTER, NOTES_MAX};

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use crate::ids::{Epoch, Seq};
use crate::inbox::{Entry, Intake};
use crate::outcome::{AgentFailure, AgentFailureKind, RunFailure};
use crate::rejected::Rejected;
use crate::reply::{self, CallNumber, Reply};
use crate::session::{self, Hold, Session};
use crate::settings::{Locale, ReplyLimits};
use crate::snapshot::{ConversationSnapshot, ReplyId, ReplyRole};
use crate::text;
use crate::time::Timestamp;
use crate::usage::Pace;

/// Answers of one conversation that may be open at once; no new turn begins beyond.
pub const ANSWERS_OPEN_MAX: usize = 4;
/// Notices of one conversation that may be on their way at once; further ones are not said.
pub const NOTICES_OPEN_MAX: usize = 8;

/// What the channel and its agent say about conversations; may change while one lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Rules of the session.
    pub rules: session::Rules,
    /// What the channel can show.
    pub reply: ReplyLimits,
    /// The language of our own sentences, unless another was chosen.
    pub locale: Locale,
    /// Whether what was chosen counts for the conversation, and not for each user alone.
    pub shares_choices: bool,
}

/// One conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    session: Session,
    /// What of the policy is not the session's.
    limits: ReplyLimits,
    language: language::Language,
    replies: Vec<Reply>,
    entries: BTreeMap<Seq, Box<Entry>>,
    /// Entries whose words went with another one's, by that one.
    joined: BTreeMap<Seq, Vec<Seq>>,
    /// What waiting messages say on their cards.
    notes: BTreeMap<Seq, notes::Note>,
    /// The languages that authors of entries have chosen for themselves.
    tongues: BTreeMap<Seq, Locale>,
    /// Messages that nobody asked for, waiting for the one before them.
    outgoing: VecDeque<Seq>,
    /// Length of the running turn's answer, in characters.
    answer_chars: usize,
    told_busy: told::ToldBusy,
    told_waiting: told::ToldBusy,
}

impl Conversation {
    /// From what a store has of it, or new. Nothing begins before [`Event::Loaded`].
    #[must_use]
    pub fn restore(from: Option<ConversationSnapshot>, policy: Policy, now: Timestamp) -> Self {
        let (mut session, replies, noted) = match from {
            None => (Session::new(policy.rules, now), Vec::new(), Vec::new()),
            Some(from) => {
                let session = Session::restore(from.session, policy.rules);
                let locale = language::Language::of(&policy).spoken(&session);
                let replies =
                    from.replies.into_iter().map(|it| Reply::restore(it, policy.reply, locale)).collect();
                (session, replies, from.noted)
            }
        };
        // Holding a new session cannot be refused.
        let _ = session.apply(session::Event::Held(Hold::Loading), now);
        Self {
            session,
            limits: policy.reply,
            language: language::Language::of(&policy),
            replies,
            entries: BTreeMap::new(),
            joined: BTreeMap::new(),
            notes: noted.into_iter().map(|seq| (seq, notes::Note::Shown { sure: false })).collect(),
            tongues: BTreeMap::new(),
            outgoing: VecDeque::new(),
            answer_chars: 0,
            told_busy: told::ToldBusy::default(),
            told_waiting: told::ToldBusy::default(),
        }
    }

    /// What is kept of it.
    #[must_use]
    pub fn snapshot(&self) -> ConversationSnapshot {
        ConversationSnapshot {
            session: self.session.snapshot(),
            replies: self.replies.iter().filter_map(Reply::snapshot).collect(),
            noted: self.noted().collect(),
        }
    }

    /// Takes in changed settings; they count from the next decision on. Open replies keep what they began with, but for the
    /// pace.
    pub fn configure(&mut self, policy: Policy) {
        self.session.configure(policy.rules);
        (self.limits, self.language) = (policy.reply, language::Language::of(&policy));
        self.keep_pace(policy.reply.pace);
    }

    /// From here on cards are updated at this pace, those of open replies as well: a quota that runs out does not wait for
    /// answers to end. Nothing is wanted for it, but the deadline may be another one.
    pub fn keep_pace(&mut self, pace: Pace) {
        self.limits.pace = pace;
        for reply in &mut self.replies {
            reply.keep_pace(pace);
        }
    }

    /// The session.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The open replies, oldest first.
    #[must_use]
    pub fn replies(&self) -> &[Reply] {
        &self.replies
    }

    /// Whether something would be done if this claim on the budget were granted now.
    #[must_use]
    pub fn waits_for(&self, reply: ReplyId, call: CallNumber) -> bool {
        let is_claimed = |it: &Reply| it.facts().id == reply && it.claimed() == Some(call);
        self.replies.iter().any(is_claimed) || self.note_waits_for(reply, call)
    }

    /// An entry that has not ended.
    #[must_use]
    pub fn entry(&self, seq: Seq) -> Option<&Entry> {
        self.entries.get(&seq).map(AsRef::as_ref)
    }

    /// The running turn's question, with words that its message came without: the transcript has what the agent was
    /// asked. Memory only: a turn that is begun again is told again.
    pub fn reworded(&mut self, epoch: Epoch, question: String) {
        let running = self.session.running().filter(|(_, running)| *running == epoch);
        if let Some(entry) = running.and_then(|(seq, _)| self.entries.get_mut(&seq))
            && let Intake::Ask { text, .. } = &mut entry.intake
        {
            *text = question;
        }
    }

    /// Whether nothing runs, waits or is being delivered: it may be forgotten until the next message.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.session.is_at_rest()
            && self.session.looking().is_none()
            && self.replies.is_empty()
            && self.outgoing.is_empty()
    }

    /// Gives back the memory of what is over; changes nothing else.
    pub fn shrink(&mut self) {
        self.session.shrink();
        self.replies.shrink_to_fit();
        self.outgoing.shrink_to_fit();
        tidy(&mut self.entries);
        tidy(&mut self.joined);
        tidy(&mut self.notes);
        tidy(&mut self.tongues);
    }

    /// Takes an event in. A rejected event leaves the conversation as it was.
    ///
    /// # Errors
    /// [`Rejected`] as the session or the reply concerned says.
    pub fn apply(&mut self, event: Event, now: Timestamp) -> Result<Effects, Rejected> {
        let mut effects = Effects::default();
        match event {
            Event::Taken { entry, resumed, locale } => {
                if entry.seq > self.session.taken() {
                    self.speak(entry.seq, locale);
                }
                self.taken(entry, resumed, &mut effects, now)?;
            }
            Event::Denied { entry, refusal, told, locale } => {
                if entry.seq > self.session.taken() {
                    self.speak(entry.seq, locale);
                }
                self.denied(entry, refusal, told, &mut effects, now)?;
            }
            Event::Loaded => self.loaded(&mut effects, now)?,
            Event::Held(hold) => self.session_event(session::Event::Held(hold), &mut effects, now)?,
            Event::Released(hold) => self.session_event(session::Event::Released(hold), &mut effects, now)?,
            Event::Parked => self.parked(&mut effects, now)?,
            Event::Run { epoch, said } => self.run(epoch, said, &mut effects, now)?,
            Event::LookedUp { seq, found, locale } => {
                if self.session.looking() == Some(seq) {
                    self.speak(seq, locale);
                }
                self.session_event(session::Event::LookedUp { seq, found }, &mut effects, now)?;
            }
            Event::Closed { epoch } => {
                self.session_event(session::Event::Closed { epoch }, &mut effects, now)?;
            }
            // Without cards it is a reply like others.
            Event::Granted { reply, .. } if self.is_waiting_note(reply) => {
                self.note_granted(reply.seq, &mut effects, now)?;
            }
            Event::CardDone { reply, outcome, .. } if self.is_waiting_note(reply) => {
                self.note_done(reply.seq, outcome)?;
            }
            Event::Granted { reply, call } => {
                self.reply_event(reply, reply::Event::Granted { call }, &mut effects, now)?;
            }
            Event::CardDone { reply, call, outcome } => {
                self.reply_event(reply, reply::Event::CardDone { call, outcome }, &mut effects, now)?;
            }
            Event::PartDone { reply, call, outcome } => {
                self.reply_event(reply, reply::Event::PartDone { call, outcome }, &mut effects, now)?;
            }
        }
        self.settle(&mut effects, now);
        Ok(effects)
    }

    fn loaded(&mut self, effects: &mut Effects, now: Timestamp) -> Result<(), Rejected> {
        let mut gate = now;
        for reply in &mut self.replies {
            // Notices made while loading have begun already; only what came back from the store goes on here.
            if reply.is_ended() && !reply.has_begun() {
                // Answers go on in order, each with its own wait for the one before it (R12); notices wait for nobody.
                let waits = match reply.facts().id.role {
                    ReplyRole::Answer => {
                        let waits = gate;
                        gate = gate.after(reply::GATE_WAIT_MAX);
                        Some(waits)
                    }
                    ReplyRole::Notice | ReplyRole::Note | ReplyRole::Message => None,
                };
                let resumed = reply.apply(reply::Event::Resumed { gate: waits }, now)?;
                effects.of_reply(reply, resumed, now);
            }
        }
        self.session_event(session::Event::Released(Hold::Loading), effects, now)
    }

    fn run(
        &mut self,
        epoch: Epoch,
        said: Said,
        effects: &mut Effects,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let event = match said {
            Said::Asked(limits) => session::Event::Asked { epoch, limits },
            Said::Started { handle, continuation } => session::Event::Started { epoch, handle, continuation },
            Said::Progress(what) => {
                let told = reply::Event::Progressed { what };
                return self.heard(epoch, self.answer_chars, told, effects, now);
            }
            Said::Delta(text) => {
                let chars = self.answer_chars.saturating_add(text.chars().count());
                return self.heard(epoch, chars, reply::Event::Grew { text }, effects, now);
            }
            Said::Completed { continuation, cut } => {
                if text::says_something(self.draft()) {
                    session::Event::Completed { epoch, continuation, cut }
                } else {
                    let failure = RunFailure::Agent(AgentFailure::new(AgentFailureKind::Empty));
                    session::Event::Failed { epoch, failure, shown: false }
                }
            }
            Said::Failed(failure) => {
                session::Event::Failed { epoch, failure, shown: text::says_something(self.draft()) }
            }
        };
        self.session_event(event, effects, now)
    }

    /// A sign of life that the answer is told of; `chars` is its length from here on.
    fn heard(
        &mut self,
        epoch: Epoch,
        chars: usize,
        told: reply::Event,
        effects: &mut Effects,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let running = self.session.running();
        self.session_event(session::Event::Heard { epoch, chars }, effects, now)?;
        // Too long an answer has ended the turn just now: what was too much is not shown.
        if let Some((seq, _)) = running.filter(|_| self.session.running() == running) {
            self.answer_chars = chars;
            // The session's word counts: a reply that was closed by its age alone takes nothing in any more.
            if let Some(reply) = self.answer_mut(seq)
                && let Ok(shown) = reply.apply(told, now)
            {
                effects.of_reply(reply, shown, now);
            }
        }
        Ok(())
    }

    fn draft(&self) -> &str {
        let running = self.session.running();
        running.and_then(|(seq, _)| self.answer(seq)).map_or("", Reply::draft)
    }
}

/// A map keeps room for a dozen until it is dropped, however few were left in it.
fn tidy<V>(map: &mut BTreeMap<Seq, V>) {
    if map.is_empty() {
        *map = BTreeMap::new();
    }
}
