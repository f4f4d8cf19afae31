//! The suite of the journal: lines in their order, never too many, never too old, and each subject for itself.

mod bounds;

use std::time::Duration;

use futures_util::future::join_all;

use crate::conformance::{FakeClock, Fixture, Stores};
use crate::journal::{
    Book, JournalInfo, JournalLine, LINE_BYTES_MAX, LINES_AT_ONCE_MAX, SUBJECTS_LISTED_MAX,
};
use crate::page::{PAGE_ROWS_MAX, PageRequest};

pub use bounds::{
    a_subject_is_forgotten_when_its_time_is_over, a_subject_that_is_written_to_is_kept_with_all_its_lines,
    of_too_many_lines_the_oldest_go, of_too_many_subjects_those_written_longest_ago_go,
    what_is_kept_for_good_is_there_after_years,
};

/// One test per case of the journal's contract.
#[macro_export]
macro_rules! journal_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (journal);
            lines_are_read_newest_first_in_pages,
            of_too_many_lines_the_oldest_go,
            of_too_many_subjects_those_written_longest_ago_go,
            a_subject_is_forgotten_when_its_time_is_over,
            a_subject_that_is_written_to_is_kept_with_all_its_lines,
            what_is_kept_for_good_is_there_after_years,
            books_and_subjects_do_not_see_each_other,
            odd_subjects_are_kept_apart,
            subjects_are_listed_newest_first,
            no_more_subjects_are_listed_than_may_be,
            a_forgotten_subject_begins_anew,
            one_call_writes_to_many_subjects_and_to_many_books,
            of_a_call_with_too_many_lines_the_rest_is_not_written,
            long_lines_come_back_as_they_were,
            writers_at_once_lose_nothing,
            lines_survive,
        );
    };
}

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A line of this text.
#[must_use]
pub fn line(book: Book, subject: &str, text: impl std::fmt::Display) -> JournalLine {
    let (subject, body) = (subject.to_owned(), format!("{{\"text\":\"{text}\"}}"));
    JournalLine { book, subject, at: FakeClock::START, body }
}

async fn write(stores: &Stores, book: Book, subject: &str, text: impl std::fmt::Display) {
    stores.journal.append(vec![line(book, subject, text)]).await.unwrap();
}

/// All lines of a subject, the newest first, read in pages.
pub async fn read(stores: &Stores, book: Book, subject: &str, limit: u32) -> Vec<JournalInfo> {
    let (mut read, mut after) = (Vec::new(), None);
    loop {
        let page = stores.journal.read(book, subject, &PageRequest { limit, after }).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        read.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(read.is_sorted_by(|one, next| one.number > next.number), "numbers go up");
    read
}

/// The texts of a subject, the oldest first.
async fn texts(stores: &Stores, book: Book, subject: &str) -> Vec<String> {
    let read = read(stores, book, subject, PAGE_ROWS_MAX).await.into_iter().rev();
    let text = |info: JournalInfo| {
        let text = info.body.strip_prefix("{\"text\":\"").and_then(|text| text.strip_suffix("\"}"));
        text.unwrap().to_owned()
    };
    read.map(text).collect()
}

async fn listed(stores: &Stores, book: Book) -> Vec<String> {
    stores.journal.subjects(book).await.unwrap()
}

/// With numbers that go up and the time they were given; an unknown cursor gives an empty page.
pub async fn lines_are_read_newest_first_in_pages(fixture: impl Fixture) {
    let stores = fixture.stores();
    assert_eq!(read(&stores, Book::States, "chn_1", 2).await, []);
    let lines: Vec<_> = (0..5).map(|n| line(Book::States, "chn_1", n)).collect();
    let at = |n: u64| FakeClock::START.after(Duration::from_secs(n));
    for (n, line) in (0..).zip(&lines) {
        stores.journal.append(vec![JournalLine { at: at(n), ..line.clone() }]).await.unwrap();
    }
    for limit in [1, 2, 5, 50] {
        let read = read(&stores, Book::States, "chn_1", limit).await;
        let found: Vec<_> = read.iter().rev().map(|info| (info.at, info.body.as_str())).collect();
        let expected: Vec<_> = (0..).zip(&lines).map(|(n, line)| (at(n), line.body.as_str())).collect();
        assert_eq!(found, expected);
    }
    for nowhere in ["nowhere", "", "-1", "99999999999999999999"] {
        let page = PageRequest { limit: 2, after: Some(nowhere.to_owned()) };
        let page = stores.journal.read(Book::States, "chn_1", &page).await.unwrap();
        assert_eq!((page.items, page.next), (vec![], None), "{nowhere:?}");
    }
}

/// Of the same name.
pub async fn books_and_subjects_do_not_see_each_other(fixture: impl Fixture) {
    let stores = fixture.stores();
    for book in Book::ALL {
        write(&stores, book, "all", book.name()).await;
    }
    for book in Book::ALL {
        assert_eq!(texts(&stores, book, "all").await, [book.name()]);
        assert_eq!(listed(&stores, book).await, ["all"]);
        assert_eq!(read(&stores, book, "al", 2).await, []);
        assert_eq!(read(&stores, book, "all ", 2).await, []);
    }
    stores.journal.forget(Book::States, "all").await.unwrap();
    for book in Book::ALL {
        let left = if book == Book::States { vec![] } else { vec![book.name()] };
        assert_eq!(texts(&stores, book, "all").await, left);
    }
}

/// Names that look like parts of a store's own, and such as differ in little.
pub async fn odd_subjects_are_kept_apart(fixture: impl Fixture) {
    let stores = fixture.stores();
    let long = ["x".repeat(300), format!("{}y", "x".repeat(299)), "语".repeat(100)];
    let short = [
        "a",
        "A",
        " a",
        "a:b",
        "a:",
        ":",
        "{a}",
        "{}",
        "}{",
        "a|b",
        "|",
        "*",
        "%",
        "_",
        "é",
        "e\u{301}",
        "语言",
        "\u{1f600}",
        "a\nb",
        "\"",
        "'",
        "\\",
        "\u{0}",
        "subjects",
        "lines:a",
        "1",
    ];
    let subjects: Vec<_> = short.into_iter().chain(long.iter().map(String::as_str)).collect();
    for book in [Book::Logs, Book::Versions] {
        for (n, subject) in subjects.iter().enumerate() {
            fixture.clock().advance(Duration::from_millis(1));
            stores.journal.append(vec![line(book, subject, n), line(book, subject, "more")]).await.unwrap();
        }
        for (n, subject) in subjects.iter().enumerate() {
            assert_eq!(texts(&stores, book, subject).await, [n.to_string(), "more".to_owned()]);
        }
        let newest: Vec<_> = subjects.iter().rev().copied().collect();
        assert_eq!(listed(&stores, book).await, newest);
        stores.journal.forget(book, "a").await.unwrap();
        assert_eq!(listed(&stores, book).await.len(), subjects.len() - 1);
    }
}

/// By the time of their last line, as exactly as the clock goes.
pub async fn subjects_are_listed_newest_first(fixture: impl Fixture) {
    let (stores, clock) = (fixture.stores(), fixture.clock());
    for book in [Book::States, Book::Timelines, Book::Minutes] {
        assert_eq!(listed(&stores, book).await, [""; 0]);
        for n in 0..100 {
            write(&stores, book, &format!("s{n}"), "first").await;
            clock.advance(Duration::from_millis(1));
        }
        // Whenever it happened: what counts is when it was written.
        let late = JournalLine { at: FakeClock::START.before(DAY), ..line(book, "s7", "second") };
        stores.journal.append(vec![late]).await.unwrap();
        let expected = [7].into_iter().chain((0..100).rev().filter(|n| *n != 7));
        let expected: Vec<_> = expected.map(|n| format!("s{n}")).collect();
        assert_eq!(listed(&stores, book).await, expected);
    }
}

/// Those that are left out are there all the same.
pub async fn no_more_subjects_are_listed_than_may_be(fixture: impl Fixture) {
    let (stores, book) = (fixture.stores(), Book::Versions);
    let all: Vec<_> = (0..SUBJECTS_LISTED_MAX + 24).map(|n| line(book, &format!("s{n}"), n)).collect();
    for some in all.chunks(256) {
        stores.journal.append(some.to_vec()).await.unwrap();
        fixture.clock().advance(Duration::from_millis(1));
    }
    let newest: Vec<_> =
        all.iter().rev().take(SUBJECTS_LISTED_MAX).map(|line| line.subject.clone()).collect();
    assert_eq!(listed(&stores, book).await, newest);
    for n in [0, 23, 24, SUBJECTS_LISTED_MAX] {
        assert_eq!(texts(&stores, book, &format!("s{n}")).await, [n.to_string()]);
    }
}

/// And may be forgotten again.
pub async fn a_forgotten_subject_begins_anew(fixture: impl Fixture) {
    let stores = fixture.stores();
    for book in [Book::Logs, Book::Timelines] {
        for _ in 0..2 {
            write(&stores, book, "one", "first").await;
            write(&stores, book, "other", "first").await;
            write(&stores, book, "one", "second").await;
            assert_eq!(texts(&stores, book, "one").await, ["first", "second"]);
            for _ in 0..2 {
                stores.journal.forget(book, "one").await.unwrap();
                assert_eq!(texts(&stores, book, "one").await, [""; 0]);
                assert_eq!(listed(&stores, book).await, ["other"]);
            }
        }
        stores.journal.forget(book, "never there").await.unwrap();
        assert_eq!(texts(&stores, book, "other").await, ["first", "first"]);
    }
}

/// The lines of each in the order given.
pub async fn one_call_writes_to_many_subjects_and_to_many_books(fixture: impl Fixture) {
    let stores = fixture.stores();
    stores.journal.append(Vec::new()).await.unwrap();
    let subjects: Vec<_> = (0..28).map(|n| format!("s{n}")).collect();
    let books = [Book::Versions, Book::Timelines, Book::Logs, Book::Quarters, Book::States, Book::Minutes];
    let each = |round: u32| books.iter().flat_map(move |book| (0..28).map(move |n| (*book, n, round)));
    let lines = (0..3).flat_map(each).map(|(book, n, round)| line(book, &format!("s{n}"), round));
    let lines: Vec<_> = lines.collect();
    assert!(lines.len() <= LINES_AT_ONCE_MAX);
    for _ in 0..2 {
        stores.journal.append(lines.clone()).await.unwrap();
        fixture.clock().advance(Duration::from_millis(1));
    }
    for book in books {
        for subject in &subjects {
            assert_eq!(texts(&stores, book, subject).await, ["0", "1", "2", "0", "1", "2"]);
        }
        assert_eq!(listed(&stores, book).await, subjects.iter().rev().cloned().collect::<Vec<_>>());
    }
}

/// Which is the caller's mistake.
pub async fn of_a_call_with_too_many_lines_the_rest_is_not_written(fixture: impl Fixture) {
    let stores = fixture.stores();
    let lines: Vec<_> = (0..=LINES_AT_ONCE_MAX).map(|n| line(Book::Acts, "all", n)).collect();
    stores.journal.append(lines).await.unwrap();
    let expected: Vec<_> = (0..LINES_AT_ONCE_MAX).map(|n| n.to_string()).collect();
    assert_eq!(texts(&stores, Book::Acts, "all").await, expected);
}

/// The longest there may be, several in one call, and whatever is in them.
pub async fn long_lines_come_back_as_they_were(fixture: impl Fixture) {
    let stores = fixture.stores();
    let long = |n: usize| {
        let body = format!("{{\"text\":\"{n}|{}\"}}", "语".repeat((LINE_BYTES_MAX - 40) / 3));
        assert!(body.len() <= LINE_BYTES_MAX);
        JournalLine { body, ..line(Book::Versions, "chn_1", "") }
    };
    let odd = ["", "{}", "|", "1|2|3", "\u{0}", "\"\\\u{1f600}"];
    let odd = odd.map(|body| JournalLine { body: body.to_owned(), ..line(Book::Versions, "chn_1", "") });
    let lines: Vec<_> = (0..7).map(long).chain(odd).collect();
    stores.journal.append(lines.clone()).await.unwrap();
    let read = read(&stores, Book::Versions, "chn_1", 5).await;
    assert!(read.iter().rev().map(|info| &info.body).eq(lines.iter().map(|line| &line.body)));
}

/// Each line is there once, those of each writer in its order.
pub async fn writers_at_once_lose_nothing(fixture: impl Fixture) {
    const WRITERS: usize = 8;
    const ROUNDS: usize = 12;
    let stores = fixture.stores();
    let writer = async |writer: usize| {
        for round in 0..ROUNDS {
            let text = format!("{writer}-{round:02}");
            let lines = vec![
                line(Book::Logs, "chn_1", &text),
                line(Book::Timelines, &format!("msg_{writer}"), &text),
                line(Book::Changes, "all", &text),
            ];
            stores.journal.append(lines).await.unwrap();
        }
    };
    join_all((0..WRITERS).map(writer)).await;
    for (book, subject) in [(Book::Logs, "chn_1"), (Book::Changes, "all")] {
        let all = texts(&stores, book, subject).await;
        assert_eq!(all.len(), WRITERS * ROUNDS);
        for writer in 0..WRITERS {
            let beginning = format!("{writer}-");
            let own: Vec<_> = all.iter().filter(|text| text.starts_with(&beginning)).collect();
            assert_eq!(own.len(), ROUNDS);
            assert!(own.is_sorted());
        }
    }
    for writer in 0..WRITERS {
        assert_eq!(texts(&stores, Book::Timelines, &format!("msg_{writer}")).await.len(), ROUNDS);
    }
}

/// Stores that forget leave this case at once. What comes later follows upon it.
pub async fn lines_survive(mut fixture: impl Fixture) {
    let subjects = ["one", "two", "three"];
    let lines = Book::ALL.iter().flat_map(|book| subjects.map(|subject| line(*book, subject, subject)));
    fixture.stores().journal.append(lines.collect()).await.unwrap();
    let mut before = Vec::new();
    for book in Book::ALL {
        before
            .push((listed(&fixture.stores(), book).await, read(&fixture.stores(), book, "three", 50).await));
    }
    if !fixture.reopen().await {
        return;
    }
    let stores = fixture.stores();
    for (book, before) in Book::ALL.into_iter().zip(before) {
        assert_eq!((listed(&stores, book).await, read(&stores, book, "three", 50).await), before);
        write(&stores, book, "three", "later").await;
        let expected = if book.limits().lines > 1 { vec!["three", "later"] } else { vec!["later"] };
        assert_eq!(texts(&stores, book, "three").await, expected);
        let newest = read(&stores, book, "three", 1).await;
        assert!(newest[0].number > before.1[0].number);
    }
}
