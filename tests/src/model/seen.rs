//! What people see: each word once, in the right chat, in order, in cards that are closed.

use std::collections::{BTreeMap, BTreeSet};

use super::account::{Account, Act, Shown};
use super::sentences::{Sentence, sentences_of};
use super::verdict::Verdict;
use super::words::{Word, words_in};

/// What people see of all answers.
pub(super) struct Seen {
    items: Vec<Item>,
}

struct Item {
    chat: String,
    words: Vec<Word>,
    sentences: Vec<Sentence>,
}

impl Seen {
    /// Reads what is shown, and judges what needs no more than that.
    pub(super) fn of(account: &Account, verdict: &mut Verdict) -> Self {
        cards_are_closed_once(account, verdict);
        let read = |shown: &Shown| Item {
            chat: shown.chat.clone(),
            words: if is_abandoned(account, shown) { Vec::new() } else { words_in(&shown.text) },
            sentences: sentences_of(&shown.text),
        };
        let seen = Self { items: account.shown.iter().map(read).collect() };
        seen.words_are_where_they_belong(account, verdict);
        seen.no_word_twice(account, verdict);
        seen.answers_in_order(account, verdict);
        seen
    }

    /// Whether all words of one run's answer are seen.
    pub(super) fn whole(&self, key: u64) -> bool {
        let mut runs = BTreeMap::<u64, (BTreeSet<u64>, Option<u64>)>::new();
        for word in self.words_of(key) {
            let (places, last) = runs.entry(word.run).or_default();
            places.insert(word.place);
            if word.last {
                *last = Some(word.place);
            }
        }
        let is_whole = |(places, last): &(BTreeSet<u64>, Option<u64>)| {
            last.is_some_and(|last| (0..=last).all(|place| places.contains(&place)))
        };
        runs.values().any(is_whole)
    }

    /// Whether any word of an answer is seen.
    pub(super) fn any(&self, key: u64) -> bool {
        self.words_of(key).next().is_some()
    }

    /// Whether a sentence of ours stands with what is seen of an answer, or right behind it.
    pub(super) fn has_a_sentence(&self, key: u64) -> bool {
        let Some(last) = self.items.iter().rposition(|item| item.words.iter().any(|word| word.key == key))
        else {
            return false;
        };
        let chat = &self.items[last].chat;
        let mut from = self.items[last..].iter().filter(|item| item.chat == *chat).take(2);
        from.any(|item| !item.sentences.is_empty())
    }

    /// Whether an answer is shown as all that its agent had to say.
    pub(super) fn is_cut(&self, key: u64) -> bool {
        let mut of = self.items.iter().filter(|item| item.words.iter().any(|word| word.key == key));
        of.any(|item| item.sentences.contains(&Sentence::Cut))
    }

    /// How many cards and messages of a chat have such a sentence.
    pub(super) fn count(&self, chat: &str, is_such: impl Fn(Sentence) -> bool) -> usize {
        let here = self.items.iter().filter(|item| item.chat == chat);
        here.filter(|item| item.sentences.iter().any(|sentence| is_such(*sentence))).count()
    }

    /// All sentences, with their chats.
    pub(super) fn sentences(&self) -> impl Iterator<Item = (&str, Sentence)> {
        let of = |item: &'_ Item| item.sentences.clone();
        self.items.iter().flat_map(move |item| of(item).into_iter().map(|one| (item.chat.as_str(), one)))
    }

    fn words_of(&self, key: u64) -> impl Iterator<Item = &Word> {
        self.items.iter().flat_map(|item| &item.words).filter(move |word| word.key == key)
    }

    fn words_are_where_they_belong(&self, account: &Account, verdict: &mut Verdict) {
        let mut told = BTreeSet::new();
        for item in &self.items {
            for key in item.words.iter().map(|word| word.key) {
                let given = || account.given.iter().find(|given| given.key == key).map(|given| &given.chat);
                let chat = account.question(key).map(|act| &act.chat).or_else(given);
                if chat != Some(&item.chat) && told.insert(key) {
                    let chat = &item.chat;
                    verdict.broken(format!(
                        "q{key}: words of it are seen in {chat}, where nobody asked for them"
                    ));
                }
            }
        }
    }

    fn no_word_twice(&self, account: &Account, verdict: &mut Verdict) {
        let mut counts = BTreeMap::<Word, u64>::new();
        for word in self.items.iter().flat_map(|item| &item.words) {
            *counts.entry(*word).or_default() += 1;
        }
        let mut runs = BTreeMap::<u64, BTreeSet<u64>>::new();
        let mut repeated = BTreeMap::<u64, u64>::new();
        for (word, count) in counts {
            runs.entry(word.key).or_default().insert(word.run);
            let most = repeated.entry(word.key).or_default();
            *most = count.max(*most);
        }
        for (key, runs) in runs {
            let allowed = 1 + account.question(key).map_or(0, |act| act.retries);
            let most = repeated.get(&key).copied().unwrap_or_default();
            if most > allowed {
                verdict.counts.twice += 1;
                verdict.broken(format!("q{key}: a word of its answer is seen {most} times"));
            } else if runs.len() as u64 > allowed {
                verdict.counts.twice += 1;
                verdict.broken(format!("q{key}: it is answered out of {} runs", runs.len()));
            }
        }
    }

    /// Parts of an answer come in order, and answers in the order of their questions.
    fn answers_in_order(&self, account: &Account, verdict: &mut Verdict) {
        let mut last = BTreeMap::<(u64, u64), u64>::new();
        let mut first = BTreeMap::<u64, usize>::new();
        let mut told = BTreeSet::new();
        for (index, item) in self.items.iter().enumerate() {
            for word in &item.words {
                first.entry(word.key).or_insert(index);
                let before = last.insert((word.key, word.run), word.place);
                let retried = account.question(word.key).is_some_and(|act| act.retries > 0);
                let late = before.is_some_and(|before| before > word.place);
                if late && !retried && told.insert(word.key) {
                    verdict.counts.out_of_order += 1;
                    verdict.broken(format!("q{}: parts of its answer are out of order", word.key));
                }
            }
        }
        if account.faults.platform {
            return;
        }
        let place = |act: &Act| first.get(&act.key()?).copied().filter(|_| act.retries == 0);
        for_pairs_in_order(account, |earlier, later| {
            let (Some(one), Some(other)) = (place(earlier), place(later)) else { return };
            if one > other {
                verdict.counts.out_of_order += 1;
                verdict.broken(format!("{} is answered after {}, which came later", earlier.id, later.id));
            }
        });
    }
}

/// Calls for each two questions of a conversation of which one was surely taken in before the other.
pub(super) fn for_pairs_in_order<'a>(account: &'a Account, mut each: impl FnMut(&'a Act, &'a Act)) {
    let mut conversations = BTreeMap::<&str, Vec<&Act>>::new();
    for act in account.acts.iter().filter(|act| act.key().is_some()) {
        conversations.entry(&act.conversation).or_default().push(act);
    }
    for acts in conversations.values() {
        for (index, one) in acts.iter().enumerate() {
            for other in acts.iter().skip(index + 1) {
                if one.surely_before(other) {
                    each(one, other);
                } else if other.surely_before(one) {
                    each(other, one);
                }
            }
        }
    }
}

fn cards_are_closed_once(account: &Account, verdict: &mut Verdict) {
    for shown in &account.shown {
        let Some(card) = &shown.card else { continue };
        if card.finalized > 1 {
            verdict.counts.twice += 1;
            verdict.broken(format!("card {} was closed {} times", card.id, card.finalized));
        }
        if !card.closed && !is_abandoned(account, shown) {
            verdict.counts.open_cards += 1;
            verdict.broken(format!("card {} is open", card.id));
        }
    }
}

/// Whether a card is listed as one that could not be closed. Where nobody can tell whose card it is, any of the chat's counts.
fn is_abandoned(account: &Account, shown: &Shown) -> bool {
    if shown.card.as_ref().is_none_or(|card| card.closed) {
        return false;
    }
    let by_words = || {
        let key = words_in(&shown.text).first().map(|word| word.key)?;
        account.question(key).map(|act| act.id.clone())
    };
    if let Some(message) = shown.answers.clone().or_else(by_words) {
        let left = account.acts.iter().any(|act| act.id == message && account.is_left_by_deletion(act));
        return left || account.causes(&message).any(|cause| cause == "card_abandoned");
    }
    let mut here = account.acts.iter().filter(|act| act.chat == shown.chat);
    here.any(|act| account.causes(&act.id).any(|cause| cause == "card_abandoned"))
}
