//! The journal of tests: nothing is ever forgotten by itself.

use async_trait::async_trait;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{Book, JournalInfo, JournalLine, JournalStore};
use switchboard_ports::page::{Page, PageRequest};

use super::stores::{FakeStores, page};

#[async_trait]
impl JournalStore for FakeStores {
    async fn append(&self, lines: Vec<JournalLine>) -> Result<(), StoreError> {
        self.up()?.journal.extend(lines);
        Ok(())
    }

    async fn read(
        &self,
        book: Book,
        subject: &str,
        request: &PageRequest,
    ) -> Result<Page<JournalInfo>, StoreError> {
        let state = self.up()?;
        let numbered = (1..).zip(&state.journal);
        let of = numbered.filter(|(_, line)| line.book == book && line.subject == subject);
        let mut lines: Vec<_> =
            of.map(|(number, line)| JournalInfo { number, at: line.at, body: line.body.clone() }).collect();
        lines.reverse();
        Ok(page(&lines, request))
    }

    async fn subjects(&self, book: Book) -> Result<Vec<String>, StoreError> {
        let state = self.up()?;
        let mut subjects: Vec<String> = Vec::new();
        for line in state.journal.iter().rev().filter(|line| line.book == book) {
            if !subjects.contains(&line.subject) {
                subjects.push(line.subject.clone());
            }
        }
        Ok(subjects)
    }

    async fn forget(&self, book: Book, subject: &str) -> Result<(), StoreError> {
        self.up()?.journal.retain(|line| line.book != book || line.subject != subject);
        Ok(())
    }
}
