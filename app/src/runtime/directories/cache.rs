//! What directories said, for a while: bounded, the oldest answer goes first.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_domain::mapping::Last;
use switchboard_domain::time::Timestamp;

use super::Answer;

/// Answers kept for one channel, at most; about 5 MB. Asking about one more forgets the oldest.
const ANSWERS_MAX: usize = 10_000;

/// Answers by the platform's id of the person. One that is too old to count stays until it is replaced, so that a directory
/// that cannot be asked lets nobody in whom it had shut out.
#[derive(Debug, Default)]
pub(super) struct Cache {
    answers: BTreeMap<String, Kept>,
    by_age: BTreeSet<(Timestamp, String)>,
}

#[derive(Debug)]
struct Kept {
    answer: Answer,
    at: Timestamp,
    until: Timestamp,
}

impl Cache {
    /// What counts now.
    pub(super) fn fresh(&self, person: &str, now: Timestamp) -> Option<Answer> {
        let kept = self.answers.get(person).filter(|kept| now < kept.until)?;
        Some(kept.answer.clone())
    }

    /// What was said last, however long ago.
    pub(super) fn last(&self, person: &str) -> Last {
        match self.answers.get(person).map(|kept| &kept.answer) {
            Some(Answer::Found(found)) if found.disabled => Last::Disabled,
            Some(Answer::Absent) => Last::Absent,
            Some(Answer::Found(_) | Answer::Ambiguous | Answer::Unavailable(..)) | None => Last::Nothing,
        }
    }

    /// Keeps an answer that came `at` this time.
    pub(super) fn put(&mut self, person: &str, answer: Answer, at: Timestamp, until: Timestamp) {
        if let Some(before) = self.answers.insert(person.to_owned(), Kept { answer, at, until }) {
            self.by_age.remove(&(before.at, person.to_owned()));
        }
        self.by_age.insert((at, person.to_owned()));
        while self.answers.len() > ANSWERS_MAX
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.answers.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ANSWERS_MAX, Answer, Cache, Last, Timestamp};

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn an_answer_counts_until_its_time_and_is_remembered_after_it() {
        let mut cache = Cache::default();
        cache.put("ann", Answer::Absent, at(0), at(10));
        assert_eq!(cache.fresh("ann", at(9)), Some(Answer::Absent));
        assert_eq!(cache.fresh("ann", at(10)), None);
        assert_eq!((cache.last("ann"), cache.last("bob")), (Last::Absent, Last::Nothing));
        cache.put("ann", Answer::Ambiguous, at(10), at(20));
        assert_eq!(cache.last("ann"), Last::Nothing);
    }

    #[test]
    fn of_too_many_the_oldest_goes() {
        let mut cache = Cache::default();
        for n in 0..=ANSWERS_MAX {
            cache.put(&format!("p{n}"), Answer::Absent, at(n as u64), at(u64::MAX));
            // Asked again, it is no longer the oldest.
            cache.put("p0", Answer::Absent, at(n as u64), at(u64::MAX));
        }
        assert_eq!((cache.answers.len(), cache.by_age.len()), (ANSWERS_MAX, ANSWERS_MAX));
        assert!(cache.fresh("p0", at(0)).is_some() && cache.fresh("p1", at(0)).is_none());
    }
}
