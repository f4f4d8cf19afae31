//! Never too many lines and subjects, and none too old.

use super::{DAY, HOUR, line, listed, read, texts, write};
use crate::conformance::Fixture;
use crate::journal::Book;

/// Of one call or of several.
pub async fn of_too_many_lines_the_oldest_go(fixture: impl Fixture) {
    let stores = fixture.stores();
    for n in 0..3 {
        write(&stores, Book::Intents, "chn_1", n).await;
        assert_eq!(texts(&stores, Book::Intents, "chn_1").await, [n.to_string()]);
    }
    let many = Book::Minutes.limits().lines as usize + 40;
    let lines: Vec<_> = (0..many).map(|n| line(Book::Minutes, "r1", n)).collect();
    stores.journal.append(lines).await.unwrap();
    for n in many..many + 5 {
        write(&stores, Book::Minutes, "r1", n).await;
    }
    let kept: Vec<_> = (45..many + 5).map(|n| n.to_string()).collect();
    assert_eq!(texts(&stores, Book::Minutes, "r1").await, kept);
}

/// With all their lines.
pub async fn of_too_many_subjects_those_written_longest_ago_go(fixture: impl Fixture) {
    let (stores, book) = (fixture.stores(), Book::Quarters);
    let many = book.limits().subjects as usize;
    let subject = |n: usize| format!("r{n}");
    let lines: Vec<_> = (0..many).map(|n| line(book, &subject(n), "first")).collect();
    stores.journal.append(lines).await.unwrap();
    assert_eq!(listed(&stores, book).await.len(), many);
    write(&stores, book, &subject(0), "second").await;
    stores
        .journal
        .append((many..many + 2).map(|n| line(book, &subject(n), "first")).collect())
        .await
        .unwrap();
    write(&stores, book, &subject(many + 2), "first").await;
    let expected = [many + 2, many + 1, many, 0].into_iter().chain((4..many).rev()).map(subject);
    assert_eq!(listed(&stores, book).await, expected.collect::<Vec<_>>());
    assert_eq!(texts(&stores, book, "r0").await, ["first", "second"]);
    for gone in 1..4 {
        assert_eq!(read(&stores, book, &subject(gone), 2).await, []);
    }
    // Who comes back has nothing left of before.
    write(&stores, book, "r1", "third").await;
    assert_eq!(texts(&stores, book, "r1").await, ["third"]);
}

/// Whether or not anything is written meanwhile, and for good: what comes later begins anew.
pub async fn a_subject_is_forgotten_when_its_time_is_over(fixture: impl Fixture) {
    let (stores, clock, book) = (fixture.stores(), fixture.clock(), Book::Quarters);
    let kept = book.limits().kept;
    write(&stores, book, "old", "first").await;
    write(&stores, Book::Changes, "all", "first").await;
    clock.advance(kept.saturating_sub(HOUR));
    write(&stores, book, "young", "first").await;
    assert_eq!(texts(&stores, book, "old").await, ["first"]);
    assert_eq!(listed(&stores, book).await, ["young", "old"]);
    clock.advance(HOUR);
    assert_eq!(texts(&stores, book, "old").await, [""; 0]);
    assert_eq!(listed(&stores, book).await, ["young"]);
    write(&stores, book, "old", "second").await;
    assert_eq!(texts(&stores, book, "old").await, ["second"]);
    assert_eq!(listed(&stores, book).await, ["old", "young"]);
    clock.advance(kept);
    assert_eq!(listed(&stores, book).await, [""; 0]);
    write(&stores, book, "new", "first").await;
    assert_eq!(listed(&stores, book).await, ["new"]);
    assert_eq!(texts(&stores, Book::Changes, "all").await, ["first"]);
}

/// What counts is its last line, and when that was written.
pub async fn a_subject_that_is_written_to_is_kept_with_all_its_lines(fixture: impl Fixture) {
    let (stores, clock, book) = (fixture.stores(), fixture.clock(), Book::Timelines);
    for n in 0..4 {
        write(&stores, book, "msg_1", n).await;
        clock.advance(book.limits().kept.saturating_sub(HOUR));
    }
    assert_eq!(texts(&stores, book, "msg_1").await, ["0", "1", "2", "3"]);
}

/// What only newer lines replace.
pub async fn what_is_kept_for_good_is_there_after_years(fixture: impl Fixture) {
    let (stores, clock) = (fixture.stores(), fixture.clock());
    for (book, subject) in [(Book::Versions, "chn_1"), (Book::Changes, "all"), (Book::Acts, "all")] {
        write(&stores, book, subject, "first").await;
        clock.advance(DAY * 3_650);
        write(&stores, book, "another", "first").await;
        if book == Book::Versions {
            assert_eq!(texts(&stores, book, subject).await, ["first"]);
            assert_eq!(listed(&stores, book).await, ["another", subject]);
        } else {
            assert_eq!(listed(&stores, book).await, ["another"], "such a book has one subject");
        }
    }
}
