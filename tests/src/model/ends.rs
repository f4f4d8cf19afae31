//! What was acked has exactly one end.

use std::collections::{BTreeMap, BTreeSet};

use super::account::{Account, Act, End, UNDELIVERED, What};
use super::seen::Seen;
use super::sentences::Sentence;
use super::verdict::Verdict;

/// Sentences that one conversation has on their way at once; further ones are not said.
pub(crate) const NOTICES_MAX: usize = 8;

/// Sentences that have to be seen in a chat, by what they say.
type Owed<'a> = BTreeMap<(&'a str, Kind), usize>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Refused,
    Failed,
    New,
}

/// Judges what became of each question.
pub(super) fn judge(account: &Account, seen: &Seen, verdict: &mut Verdict) {
    let mut owed = Owed::new();
    for act in &account.acts {
        match act.key() {
            Some(key) => question(account, seen, act, key, &mut owed, verdict),
            None => control(account, act, &mut owed),
        }
    }
    for (&(chat, kind), &count) in &owed {
        let said = seen.count(chat, |sentence| match (kind, sentence) {
            (Kind::Refused, Sentence::Refused(_)) | (Kind::New, Sentence::NewConversation) => true,
            (Kind::Failed, Sentence::Failed(cause)) => !UNDELIVERED.contains(&cause),
            _ => false,
        });
        let unsaid = if kind == Kind::Failed { 0 } else { unsaid(account, &owed, chat) };
        if said + unsaid < count {
            verdict.counts.lost += (count - said) as u64;
            verdict.broken(format!("{chat}: {count} sentences are owed ({kind:?}), {said} are seen"));
        }
    }
    records_have_reasons(account, verdict);
    sentences_have_reasons(account, seen, verdict);
    if let Some(ends) = &account.ends {
        one_end_each(ends, verdict);
    }
}

/// How many sentences of a chat need not be said: those beyond what may be on its way at once, answers to commands included.
fn unsaid(account: &Account, owed: &Owed<'_>, chat: &str) -> usize {
    let commands = account.acts.iter().filter(|act| act.chat == chat && act.key().is_none()).count();
    let refused = owed.get(&(chat, Kind::Refused)).copied().unwrap_or_default();
    (refused + commands).saturating_sub(NOTICES_MAX)
}

fn control<'a>(account: &'a Account, act: &'a Act, owed: &mut Owed<'a>) {
    let is_told = act.what == What::New && act.in_chat && act.acked_at.is_some();
    if is_told && !is_undelivered(account, act) && !account.is_deleted(act) {
        *owed.entry((&act.chat, Kind::New)).or_default() += 1;
    }
}

fn question<'a>(
    account: &'a Account,
    seen: &Seen,
    act: &'a Act,
    key: u64,
    owed: &mut Owed<'a>,
    verdict: &mut Verdict,
) {
    let acked = act.acked_at.is_some();
    let failed = account.causes(&act.id).any(|cause| !UNDELIVERED.contains(&cause));
    let undelivered = is_undelivered(account, act);
    verdict.counts.unknown += u64::from(account.causes(&act.id).any(|cause| cause == "delivery_unknown"));
    if !acked && !seen.any(key) && !failed && !undelivered {
        return;
    }
    let counted = u64::from(acked);
    verdict.counts.acked += counted;
    let ended = account.ends.as_ref().and_then(|ends| ends.iter().find(|end| is_first(end, act)));
    let said = ended.map(|end| end.outcome);
    if seen.whole(key) || seen.is_cut(key) {
        verdict.counts.answered += counted;
        if failed && act.retries == 0 {
            verdict.broken(format!("{}: it is answered, and recorded as failed", act.id));
        }
        if said.is_some_and(|said| !["answered", "cancelled"].contains(&said)) && act.retries == 0 {
            verdict.broken(format!("{}: it is answered, and ended as {said:?}", act.id));
        }
    } else if failed || undelivered {
        verdict.counts.failed += counted;
        // Those that are too old together are told once.
        let stale = account.causes(&act.id).any(|cause| cause == "stale");
        if failed && !undelivered && !stale && !account.is_deleted(act) {
            *owed.entry((&act.chat, Kind::Failed)).or_default() += 1;
        }
        if said == Some("cancelled") && failed {
            verdict.broken(format!("{}: it was cancelled, and recorded as failed", act.id));
        }
    } else if said.is_none_or(|said| said == "cancelled") && may_be_cancelled(account, act) {
        verdict.counts.cancelled += counted;
        if seen.any(key) && !seen.has_a_sentence(key) {
            verdict.broken(format!("{}: its answer is cut off without a word", act.id));
        }
    } else if said.is_none_or(|said| said == "refused") && !seen.any(key) && may_be_refused(account, act) {
        verdict.counts.refused += counted;
        // Whoever writes too much is told once a while, wherever they write next.
        if !account.is_deleted(act) && !account.faults.allows_refusal("too_many_messages") {
            let count = owed.entry((&act.chat, Kind::Refused)).or_default();
            *count = if is_told_once(account) { told_once(account, act) } else { *count + 1 };
        }
    } else {
        verdict.counts.lost += 1;
        let shown =
            if seen.any(key) { "a part of its answer is seen" } else { "nothing of its answer is seen" };
        let said = said.unwrap_or("nothing that is known");
        verdict.broken(format!("{}: {shown}, no record says why, and it ended as {said}", act.id));
    }
    let flooded = account.faults.allows_refusal("too_many_messages") && !seen.any(key);
    if acked && account.ends.is_some() && ended.is_none() && !flooded {
        verdict.counts.lost += 1;
        verdict.broken(format!("{}: it was acked and has no end in the store", act.id));
    }
}

/// Whether one sentence stands for many refusals: of a busy or full conversation each author is told once a while, in that
/// conversation.
fn is_told_once(account: &Account) -> bool {
    ["busy", "inbox_full"].iter().any(|refusal| account.faults.allows_refusal(refusal))
}

/// The one sentence, unless it is the one of unknown fate.
fn told_once(account: &Account, act: &Act) -> usize {
    let mut here = account.acts.iter().filter(|other| other.chat == act.chat);
    usize::from(!here.any(|other| is_undelivered(account, other)))
}

fn is_first(end: &End, act: &Act) -> bool {
    end.message == act.id && end.retry == 0
}

fn is_undelivered(account: &Account, act: &Act) -> bool {
    account.causes(&act.id).any(|cause| UNDELIVERED.contains(&cause))
}

fn may_be_cancelled(account: &Account, act: &Act) -> bool {
    let cancels = |other: &Act| {
        let here = other.conversation == act.conversation && !other.surely_before(act);
        match &other.what {
            What::New | What::Stop | What::StopAll => here,
            What::StopAnswer { of } => *of == act.id,
            What::Question { .. } => here && other.id != act.id && account.faults.interrupts,
            What::Delete => act.conversation.starts_with(&other.conversation),
            What::Command => false,
        }
    };
    account.acts.iter().any(cancels)
}

fn may_be_refused(account: &Account, act: &Act) -> bool {
    !account.faults.refusals.is_empty() || account.is_deleted(act)
}

/// Causes that nothing in the run can have brought about.
fn records_have_reasons(account: &Account, verdict: &mut Verdict) {
    for failed in &account.failures {
        let act = account.acts.iter().find(|act| act.id == failed.message);
        let left = act.is_some_and(|act| account.is_left_by_deletion(act));
        if !left && !account.faults.allows_cause(&failed.cause) {
            verdict.broken(format!("{}: recorded as {} without a reason", failed.message, failed.cause));
        }
        if act.is_none() {
            verdict.broken(format!("{}: recorded as {}, and nobody sent it", failed.message, failed.cause));
        }
    }
}

/// Sentences that nothing in the run can have brought about, or that are said more often than somebody gave reason to.
fn sentences_have_reasons(account: &Account, seen: &Seen, verdict: &mut Verdict) {
    let deleted = account.acts.iter().any(|act| act.what == What::Delete);
    let mut told = BTreeSet::new();
    for (chat, sentence) in seen.sentences() {
        let acts = |is_such: fn(&Act) -> bool| {
            let such = account.acts.iter().filter(|act| act.chat == chat && act.in_chat && is_such(act));
            such.map(|act| 1 + act.retries).sum::<u64>()
        };
        let most = match sentence {
            Sentence::Refused("channel_deleted") | Sentence::ChannelDeleted => u64::from(deleted) * u64::MAX,
            Sentence::Refused(refusal) if account.faults.allows_refusal(refusal) => u64::MAX,
            Sentence::Refused(_) => 0,
            Sentence::NewConversation => acts(|act| act.what == What::New),
            Sentence::NothingToStop => acts(|act| matches!(act.what, What::Stop | What::StopAll)),
            Sentence::InterruptMark => u64::from(account.faults.interrupts) * u64::MAX,
            Sentence::Failed(_) | Sentence::StopMark | Sentence::Cut => u64::MAX,
        };
        let count = seen.count(chat, |other| other == sentence) as u64;
        if count > most && told.insert((chat, sentence)) {
            verdict.broken(format!("{chat}: {sentence:?} is said {count} times, with reason for {most}"));
        }
    }
}

fn one_end_each(ends: &[End], verdict: &mut Verdict) {
    let mut counts = BTreeMap::<(&str, u64), u64>::new();
    for end in ends {
        *counts.entry((&end.message, end.retry)).or_default() += 1;
    }
    for ((message, retry), count) in counts.into_iter().filter(|(_, count)| *count > 1) {
        verdict.counts.twice += 1;
        verdict.broken(format!("{message}, retry {retry}: it ended {count} times"));
    }
}

/// Judges messages of the API's: at most once, and the record says no more than is true.
pub(super) fn judge_given(account: &Account, seen: &Seen, verdict: &mut Verdict) {
    let troubled = account.faults.platform
        || account.faults.kills > 0
        || account.acts.iter().any(|act| act.what == What::Delete);
    for given in &account.given {
        let (id, whole, any) = (&given.id, seen.whole(given.key), seen.any(given.key));
        let wrong = match given.state.as_deref() {
            Some("sent") => (!whole).then_some("it is not seen whole"),
            Some("failed") if !troubled && !account.faults.allows_cause("delivery_unknown") => {
                Some("there is no reason")
            }
            Some("failed") => whole.then_some("it is seen"),
            Some("unknown") => {
                verdict.counts.unknown += 1;
                let known = !troubled && !account.faults.allows_cause("delivery_unknown");
                known.then_some("there is no reason")
            }
            Some(_) => Some("that is no end"),
            // Nobody was promised anything; what is seen of it is seen once.
            None => (any && !whole && !troubled).then_some("a part of it is seen"),
        };
        if let Some(wrong) = wrong {
            verdict.counts.lost += 1;
            let state = given.state.as_deref().unwrap_or("never taken");
            verdict.broken(format!("{id}: the record says {state:?}, and {wrong}"));
        }
    }
}
