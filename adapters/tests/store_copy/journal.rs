//! Lines in every book of the journal, and all of them read back.

use switchboard_ports::conformance::journal::{line, read};
use switchboard_ports::conformance::{FakeClock, Stores};
use switchboard_ports::journal::{Book, JournalInfo, JournalLine, LINES_AT_ONCE_MAX};

/// A subject with its lines.
type Subject = (String, Vec<JournalInfo>);

/// All of a store, by book, the subjects in their order.
pub(crate) type Lines = Vec<(Book, Vec<Subject>)>;

/// Several batches of subjects, of lines of one subject, and of bytes.
pub(crate) async fn fill(stores: &Stores) {
    let each = Book::ALL.into_iter().flat_map(|book| ["one", "a:{b}|c 语"].map(|subject| (book, subject)));
    let mut lines: Vec<_> = each.map(|(book, subject)| line(book, subject, "first")).collect();
    lines.extend((0..450).map(|n| line(Book::Timelines, &format!("msg_{}", n / 3), n)));
    write(stores, lines).await;
    write(stores, (0..220).map(|n| line(Book::Logs, &format!("chn_{n}"), "text")).collect()).await;
    for _ in 0..3 {
        write(stores, (0..400).map(|n| line(Book::Changes, "all", n)).collect()).await;
    }
    let long = (0..9).map(|n| line(Book::Versions, "one", format_args!("{n}{}", "语".repeat(250_000))));
    write(stores, long.collect()).await;
    let odd = JournalLine { at: FakeClock::START, body: "1|2|".to_owned(), ..line(Book::Acts, "all", "") };
    write(stores, vec![odd]).await;
}

async fn write(stores: &Stores, lines: Vec<JournalLine>) {
    assert!(lines.len() <= LINES_AT_ONCE_MAX);
    stores.journal.append(lines).await.unwrap();
}

/// Reads all of it.
pub(crate) async fn of(stores: &Stores) -> Lines {
    let mut all = Vec::new();
    for book in Book::ALL {
        let mut subjects = Vec::new();
        for subject in stores.journal.subjects(book).await.unwrap() {
            let lines = read(stores, book, &subject, 200).await;
            assert!(!lines.is_empty());
            subjects.push((subject, lines));
        }
        assert!(!subjects.is_empty());
        all.push((book, subjects));
    }
    all
}

/// What a copied journal does.
pub(crate) async fn works(stores: &Stores) {
    let before = read(stores, Book::Changes, "all", 200).await;
    write(stores, vec![line(Book::Changes, "all", "later"), line(Book::Intents, "one", "later")]).await;
    let after = read(stores, Book::Changes, "all", 200).await;
    assert_eq!(after[1..], before);
    assert_eq!(read(stores, Book::Intents, "one", 200).await.len(), 1);
    assert_eq!(stores.journal.subjects(Book::Intents).await.unwrap()[0], "one");
    let fresh = (0..250).map(|n| line(Book::Minutes, &format!("r{n}"), "text"));
    write(stores, fresh.collect()).await;
    assert_eq!(stores.journal.subjects(Book::Minutes).await.unwrap().len(), 200);
    assert_eq!(read(stores, Book::Minutes, "one", 200).await, []);
}
