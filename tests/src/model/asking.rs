//! What the agent was asked: in order, under one name a turn, and without what was said before `/new`.

use std::collections::{BTreeMap, BTreeSet};

use super::account::{Account, Act, Asked, What};
use super::seen::for_pairs_in_order;
use super::verdict::Verdict;

/// Judges the agent's questions.
pub(super) fn judge(account: &Account, verdict: &mut Verdict) {
    names_are_kept(account, verdict);
    questions_in_order(account, verdict);
    for asked in &account.asked {
        context_is_of_the_session(account, asked, verdict);
        not_after_its_end(account, asked, verdict);
    }
}

fn names_are_kept(account: &Account, verdict: &mut Verdict) {
    let mut turns = BTreeMap::<u64, BTreeSet<&str>>::new();
    let mut keys = BTreeMap::<&str, u64>::new();
    for asked in &account.asked {
        let Some(act) = asked.key.and_then(|key| account.question(key)) else {
            verdict.broken(format!("turn {}: it asks what nobody asked", asked.turn));
            continue;
        };
        let key = asked.key.unwrap_or_default();
        let of = turns.entry(key).or_default();
        if of.insert(&asked.turn) && of.len() as u64 > 1 + act.retries {
            verdict.counts.twice += 1;
            verdict.broken(format!("{}: it is asked as {} turns", act.id, of.len()));
        }
        if keys.insert(&asked.turn, key).is_some_and(|before| before != key) {
            verdict.broken(format!("turn {}: it asks two questions", asked.turn));
        }
    }
}

fn questions_in_order(account: &Account, verdict: &mut Verdict) {
    let mut first = BTreeMap::<u64, usize>::new();
    for (index, key) in
        account.asked.iter().enumerate().filter_map(|(index, asked)| Some((index, asked.key?)))
    {
        first.entry(key).or_insert(index);
    }
    let place = |act: &Act| first.get(&act.key()?).copied().filter(|_| act.retries == 0);
    for_pairs_in_order(account, |earlier, later| {
        let (Some(one), Some(other)) = (place(earlier), place(later)) else { return };
        if one > other {
            verdict.counts.out_of_order += 1;
            verdict.broken(format!("{} is asked after {}, which came later", earlier.id, later.id));
        }
    });
}

fn context_is_of_the_session(account: &Account, asked: &Asked, verdict: &mut Verdict) {
    let Some(question) = asked.key.and_then(|key| account.question(key)) else { return };
    for key in &asked.context {
        let Some(said) = account.question(*key).filter(|said| said.conversation == question.conversation)
        else {
            verdict
                .broken(format!("{}: its context has q{key}, which is of another conversation", question.id));
            continue;
        };
        // A retry is asked in the session of its day.
        if said.id == question.id || said.retries > 0 {
            continue;
        }
        let parts = |act: &&Act| {
            act.what == What::New
                && act.conversation == question.conversation
                && act.acked_at.is_some()
                && said.surely_before(act)
                && act.surely_before(question)
        };
        if let Some(new) = account.acts.iter().find(parts) {
            let (id, said) = (&question.id, &said.id);
            verdict.broken(format!("{id}: its context has {said}, which came before {}", new.id));
        }
    }
}

fn not_after_its_end(account: &Account, asked: &Asked, verdict: &mut Verdict) {
    let Some(act) = asked.key.and_then(|key| account.question(key)).filter(|act| act.retries == 0) else {
        return;
    };
    let ended = account.ends.iter().flatten().find(|end| end.message == act.id);
    if ended.is_some_and(|end| end.at < asked.at) {
        verdict.counts.twice += 1;
        verdict.broken(format!("{}: it is asked again after its end", act.id));
    }
}
