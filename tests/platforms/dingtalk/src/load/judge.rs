//! The judge of a load run: what became of each message, told by what people would see, and forgotten when it is over.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::marks::{Mark, marks_in};
use super::places::{Places, place_of};
use super::standstill::Standstill;
use super::verdict::{Times, Verdict};
use crate::records::{CallCount, CallRecord};
use crate::timeline::CardState;

/// APIs counted one by one; further ones count as `other`.
const APIS_MAX: usize = 100;

/// What a card says about itself to the judge.
pub(crate) struct JudgedCard<'a> {
    /// The conversation that shows it, if one does.
    pub(crate) conversation: Option<&'a str>,
    pub(crate) text: &'a str,
    pub(crate) state: CardState,
    pub(crate) judgement: &'a mut Judgement,
}

/// What the judge remembers of a card, in the card itself: it is forgotten with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judgement {
    shown_us: Option<u64>,
    /// The marks in it, each once.
    seen: Vec<Mark>,
    /// Those of the messages that it answers.
    own: Vec<Mark>,
    standstill: Standstill,
    is_over: bool,
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Answered,
    Cut,
    Failed,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sending {
    pub(crate) mark: Mark,
    pub(crate) msg_id: String,
}

/// Watches one run. Times are microseconds since the simulator's start.
#[derive(Debug)]
pub(crate) struct Judge {
    seed: u64,
    places: Places,
    /// One permit for each message that is over.
    slots: Arc<Semaphore>,
    /// What a whole answer ends with.
    ending: Option<&'static str>,
    pub(crate) verdict: Verdict,
    pub(crate) times: Times,
    calls: BTreeMap<String, CallCount>,
}

impl Judge {
    pub(crate) fn new(seed: u64, run: u64, order: Vec<usize>, is_closed: bool) -> Self {
        Self {
            seed,
            places: Places::new(run, order, is_closed),
            slots: Arc::new(Semaphore::new(0)),
            ending: None,
            verdict: Verdict::default(),
            times: Times::default(),
            calls: BTreeMap::new(),
        }
    }

    /// Whole answers end with this.
    pub(crate) fn expect_ending(&mut self, ending: &'static str) {
        self.ending = Some(ending);
    }

    /// Gets a permit for each message that is over.
    pub(crate) fn slots(&self) -> Arc<Semaphore> {
        Arc::clone(&self.slots)
    }

    /// Messages that are not over.
    pub(crate) fn open(&self) -> usize {
        self.places.open_count()
    }

    /// Calls by API since the last [`Judge::measure`].
    pub(crate) fn calls(&self) -> &BTreeMap<String, CallCount> {
        &self.calls
    }

    /// Times and calls count from here on; the verdict has counted from the beginning.
    pub(crate) fn measure(&mut self) {
        self.times = Times::default();
        self.calls.clear();
    }

    /// The next message, open from now on; `None` when too many are.
    pub(crate) fn send(&mut self, due_us: u64, now_us: u64) -> Option<Sending> {
        let Some((place, number, msg_id)) = self.places.begin(due_us, now_us) else {
            self.verdict.unsent = self.verdict.unsent.saturating_add(1);
            return None;
        };
        self.verdict.sent = self.verdict.sent.saturating_add(1);
        self.times.first_us.get_or_insert(due_us);
        self.times.late.record(now_us.saturating_sub(due_us));
        Some(Sending { mark: Mark { seed: self.seed, place, number }, msg_id })
    }

    /// The platform got an acknowledgement for the message with this text.
    pub(crate) fn acknowledged(&mut self, text: &str, now_us: u64) {
        let mark = marks_in(text).into_iter().find(|mark| mark.seed == self.seed);
        let due_us = mark.and_then(|mark| self.places.place(mark.place)?.acknowledge(mark.number));
        if let Some(due_us) = due_us {
            self.times.acknowledged.record(now_us.saturating_sub(due_us));
        }
    }

    /// The built-in agent was asked a question with these marks.
    pub(crate) fn asked(&mut self, marks: &[Mark], now_us: u64) {
        self.times.requests = self.times.requests.saturating_add(1);
        for mark in marks {
            let open = self.places.open(mark.place, mark.number);
            if let Some(open) = open.filter(|open| !open.is_asked) {
                open.is_asked = true;
                self.times.asked.record(now_us.saturating_sub(open.due_us));
            }
        }
    }

    /// The built-in agent said its last word to a question with these marks.
    pub(crate) fn told(&mut self, marks: &[Mark], now_us: u64) {
        for mark in marks {
            if let Some(open) = self.places.open(mark.place, mark.number) {
                open.told_us = Some(now_us);
            }
        }
    }

    /// A bot called the platform.
    pub(crate) fn called(&mut self, record: &CallRecord) {
        let mut api = format!("{} {}", record.method, record.path);
        if self.calls.len() >= APIS_MAX && !self.calls.contains_key(&api) {
            "other".clone_into(&mut api);
        }
        self.calls.entry(api).or_default().add(record);
    }

    /// A plain text appeared.
    pub(crate) fn replied(&mut self, conversation: &str, text: &str, now_us: u64) {
        let Some(place) = place_of(conversation) else { return };
        let mut judgement = Judgement::default();
        self.appear(place, &mut judgement, text, now_us, now_us);
        self.end(place, &judgement.own, text, CardState::Finished, now_us);
    }

    /// A card appeared or changed.
    pub(crate) fn card_changed(&mut self, card: JudgedCard<'_>, now_us: u64) {
        let JudgedCard { conversation, text, state, judgement } = card;
        let Some(place) = conversation.and_then(place_of) else { return };
        let is_final = state.is_final();
        if judgement.is_over {
            return;
        }
        if is_final || !text.is_empty() {
            let shown_us = *judgement.shown_us.get_or_insert(now_us);
            // A text that is being written has its mark at once or never: looking once, and at the end, is enough.
            if judgement.seen.is_empty() || is_final {
                self.appear(place, judgement, text, shown_us, now_us);
            }
        }
        // An empty card stands still, too.
        let told_us = self.told_us(place, &judgement.own);
        judgement.standstill.shows(text, is_final, told_us, now_us);
        if is_final {
            judgement.is_over = true;
            self.stood(place, judgement);
            self.end(place, &judgement.own, text, state, now_us);
        }
    }

    /// When the built-in agent said its last word to these messages; `None` while it goes on, and where another one answers.
    fn told_us(&mut self, at: usize, own: &[Mark]) -> Option<u64> {
        own.iter().filter_map(|mark| self.places.open(at, mark.number)?.told_us).max()
    }

    /// The card is over: its longest standstill counts, unless whoever it answers was given up before.
    fn stood(&mut self, at: usize, judgement: &Judgement) {
        let is_awaited = judgement.own.iter().any(|mark| self.places.open(at, mark.number).is_some());
        if let Some(longest_us) = judgement.standstill.longest_us().filter(|_| is_awaited) {
            self.times.stood.record(longest_us);
        }
    }

    /// Looks for marks in a text that were not seen in it before.
    fn appear(&mut self, at: usize, judgement: &mut Judgement, text: &str, shown_us: u64, now_us: u64) {
        for mark in marks_in(text) {
            if mark.seed != self.seed || judgement.seen.contains(&mark) {
                continue;
            }
            judgement.seen.push(mark);
            if self.appear_one(at, mark, shown_us, now_us) {
                judgement.own.push(mark);
            }
        }
    }

    /// True: this is the message's answer.
    fn appear_one(&mut self, at: usize, mark: Mark, shown_us: u64, now_us: u64) -> bool {
        let (verdict, times) = (&mut self.verdict, &mut self.times);
        let place = self.places.place(at).filter(|place| mark.place == at && place.has_sent(mark.number));
        let Some(place) = place else {
            verdict.strayed = verdict.strayed.saturating_add(1);
            return false;
        };
        let is_overtaking = place.has_unanswered_before(mark.number);
        match place.open(mark.number) {
            Some(open) if open.appeared_us.is_none() => {
                open.appeared_us = Some(now_us);
                times.shown.record(shown_us.saturating_sub(open.due_us));
                times.worded.record(now_us.saturating_sub(open.due_us));
                if is_overtaking {
                    verdict.out_of_order = verdict.out_of_order.saturating_add(1);
                }
                return true;
            }
            Some(_) => verdict.twice = verdict.twice.saturating_add(1),
            None => {
                if place.forget_lost(mark.number) {
                    verdict.lost = verdict.lost.saturating_sub(1);
                    verdict.late = verdict.late.saturating_add(1);
                } else {
                    verdict.twice = verdict.twice.saturating_add(1);
                }
            }
        }
        false
    }

    /// What was shown is final: the messages that it answers are over.
    fn end(&mut self, at: usize, own: &[Mark], text: &str, state: CardState, now_us: u64) {
        let marks = marks_in(text);
        if own.is_empty() && !marks.iter().any(|mark| mark.seed == self.seed) {
            self.verdict.unmarked = self.verdict.unmarked.saturating_add(1);
        }
        let is_whole = self.ending.is_none_or(|ending| text.trim_end().ends_with(ending));
        let end = if state == CardState::Failed {
            End::Failed
        } else if is_whole {
            End::Answered
        } else {
            End::Cut
        };
        for mark in own {
            if marks.iter().filter(|found| *found == mark).count() > 1 {
                self.verdict.twice = self.verdict.twice.saturating_add(1);
            }
            self.end_one(at, *mark, end, now_us);
        }
    }

    fn end_one(&mut self, at: usize, mark: Mark, end: End, now_us: u64) {
        let Some(open) = self.places.end(at, mark.number) else { return };
        match end {
            End::Failed => self.verdict.failed = self.verdict.failed.saturating_add(1),
            End::Cut => self.verdict.cut = self.verdict.cut.saturating_add(1),
            End::Answered => {}
        }
        if end != End::Failed {
            self.verdict.answered = self.verdict.answered.saturating_add(1);
            self.times.finished.record(now_us.saturating_sub(open.due_us));
            if let Some(told_us) = open.told_us {
                self.times.closing.record(now_us.saturating_sub(told_us));
            }
        }
        if let Some(place) = self.places.place(at) {
            place.remember_answered(open);
        }
        self.times.last_us = now_us;
        self.slots.add_permits(1);
    }

    /// Gives up messages for which there is no patience left.
    pub(crate) fn give_up(&mut self, patience_us: u64, now_us: u64) {
        for (at, number) in self.places.stale(patience_us, now_us) {
            let Some(open) = self.places.end(at, number) else { continue };
            if open.appeared_us.is_some() {
                self.verdict.unfinished = self.verdict.unfinished.saturating_add(1);
            } else {
                self.verdict.lost = self.verdict.lost.saturating_add(1);
                self.places.remember_lost(at, open.number);
            }
            self.times.last_us = now_us;
            self.slots.add_permits(1);
        }
    }

    /// Messages to deliver again: nobody acknowledged them for so long.
    pub(crate) fn unacknowledged(&mut self, after_us: u64, repeats_max: u32, now_us: u64) -> Vec<String> {
        let mut again = Vec::new();
        for open in self.places.unacknowledged() {
            if open.repeats < repeats_max && now_us.saturating_sub(open.delivered_us) >= after_us {
                open.repeats = open.repeats.saturating_add(1);
                open.delivered_us = now_us;
                self.verdict.redelivered = self.verdict.redelivered.saturating_add(1);
                again.push(open.msg_id.clone());
            }
        }
        again
    }
}

#[cfg(test)]
mod tests;
