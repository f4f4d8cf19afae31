//! Numbers of the journal's lines: they go up, and hold the time of writing, so that one number says both which line is newer
//! and how old it is. So a copy into another kind of store keeps them.

use std::time::Duration;

use switchboard_domain::time::Timestamp;
use switchboard_ports::journal::Book;

/// Numbers of one millisecond; those of a busier one run ahead. The greatest there will be in two centuries is exact in Redis, which
/// counts in floating point.
const IN_A_MILLISECOND: u64 = 1_000;

/// How far ahead numbers of other subjects may be and still count: the rest was written under a clock that was wrong, and must
/// not make everything that comes later look as young.
const AHEAD_MAX: Duration = Duration::from_hours(24);

/// What the number of a new line depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbering {
    /// The least number for now.
    pub(super) least: u64,
    /// The greatest number of other subjects that is still gone by.
    pub(super) ahead_max: u64,
}

impl Numbering {
    /// For lines that are written now.
    pub(super) fn at(now: Timestamp) -> Self {
        Self { least: first(now), ahead_max: first(now.after(AHEAD_MAX)) }
    }

    /// The next number: above the last one of its own subject, and above those of others that are written together with it.
    pub(super) fn next(self, own: u64, others: u64) -> u64 {
        self.least.max(others.min(self.ahead_max).saturating_add(1)).max(own.saturating_add(1))
    }
}

/// The least number that a book still keeps.
pub(super) fn oldest_kept(book: Book, now: Timestamp) -> u64 {
    let kept = u64::try_from(book.limits().kept.as_millis()).unwrap_or(u64::MAX);
    let over = now.as_millis().checked_sub(kept);
    over.map_or(0, |over| first(Timestamp::from_millis(over.saturating_add(1))))
}

fn first(at: Timestamp) -> u64 {
    at.as_millis().saturating_mul(IN_A_MILLISECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn written_at(number: u64) -> Timestamp {
        Timestamp::from_millis(number / IN_A_MILLISECOND)
    }

    #[test]
    fn numbers_go_up_whatever_the_clock_does() {
        let numbering = Numbering::at(NOW);
        let one = numbering.next(0, 0);
        assert_eq!(written_at(one), NOW);
        assert_eq!(numbering.next(one, one), one + 1);
        assert_eq!(numbering.next(0, one), one + 1);
        let back = Numbering::at(NOW.before(Duration::from_hours(1)));
        assert_eq!(back.next(one, one), one + 1);
    }

    #[test]
    fn a_clock_that_was_far_ahead_ages_its_own_subjects_alone() {
        let wrong = Numbering::at(NOW.after(Duration::from_hours(24 * 365))).next(0, 0);
        let right = Numbering::at(NOW);
        assert!(right.next(wrong, wrong) > wrong);
        assert_eq!(written_at(right.next(0, wrong)), NOW.after(AHEAD_MAX));
    }

    #[test]
    fn a_number_is_kept_until_the_time_of_its_book_is_over() {
        let number = Numbering::at(NOW).next(0, 0) + IN_A_MILLISECOND - 1;
        let kept = Book::Minutes.limits().kept;
        let before = NOW.after(kept).before(Duration::from_millis(1));
        assert!(number >= oldest_kept(Book::Minutes, before));
        assert!(number < oldest_kept(Book::Minutes, NOW.after(kept)));
        assert_eq!(oldest_kept(Book::Changes, NOW), 0);
        assert_eq!(oldest_kept(Book::Minutes, Timestamp::from_millis(5)), 0);
    }
}
