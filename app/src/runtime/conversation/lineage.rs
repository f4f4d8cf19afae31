//! A store whose server was replaced by one that had not got everything (a fail-over of Redis): what is in memory is looked at
//! again before anything is done with it, and what the store has lost of it is given to the store once more.

use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::ids::{RetryNumber, Seq, Version};
use switchboard_domain::inbox::{Entry, Intake};
use switchboard_ports::conversations::{Accepted, Arrival, Commit, Lease, Loaded};
use switchboard_ports::error::StoreError;
use tokio::time::timeout;

use super::load::load_from;
use super::{Actor, Lost};
use crate::runtime::gate::Admitted;

/// What is older is not given again: its mark against doubles may have run out (they live for a day at least).
const GIVEN_AGAIN_MAX_AGE: Duration = Duration::from_hours(1);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

impl Actor<'_> {
    /// Whether what is in memory is what the store has, where another server than before answers for it. What `committing` ends
    /// has to be there too, or what has its place by now would be ended, unless that was written before.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is not, and whatever the store says.
    pub(super) async fn still_true(
        &mut self,
        lease: &Lease,
        committing: Option<&Commit>,
    ) -> Result<(), StoreError> {
        if lease.lineage == self.lineage {
            return Ok(());
        }
        let loaded = load_from(self.shared, lease, self.id, Seq(0)).await?;
        let is_same = match &loaded {
            Some(loaded) => self.is_in(loaded, committing),
            None => self.version == Version(0) && self.open.is_empty(),
        };
        if !is_same {
            tracing::warn!(conversation = %self.id, "the store has lost what it had acknowledged of a conversation");
            return Err(StoreError::Conflict);
        }
        self.lineage = lease.lineage;
        Ok(())
    }

    fn is_in(&self, loaded: &Loaded, committing: Option<&Commit>) -> bool {
        let written = committing.filter(|commit| loaded.version == commit.expected.next());
        let is_over = |entry: &Entry| {
            written.is_some_and(|commit| commit.ended.iter().any(|(seq, _)| *seq == entry.seq))
        };
        let has = |entry: &Entry| {
            let found = loaded.entries.binary_search_by_key(&entry.seq, |stored| stored.seq);
            found
                .ok()
                .and_then(|at| loaded.entries.get(at))
                .is_some_and(|stored| stored.message == entry.message)
        };
        (loaded.version == self.version || written.is_some())
            && self.open.values().all(|entry| is_over(entry) || has(entry))
    }

    /// Memory is about to be dropped in the middle of a step; whether the store is to be read again at once.
    pub(super) async fn lose(&self, lost: &Lost) -> bool {
        lost.count();
        self.give_again().await
    }

    /// Memory is dropped: questions in it that the store does not know (any more) are given to it again. What it knows it
    /// recognises. Whether there were any.
    ///
    /// Whoever owns the conversation by now: accepting takes no lease, and its owner is woken.
    async fn give_again(&self) -> bool {
        let is_question =
            |entry: &&Entry| matches!(entry.intake, Intake::Ask { .. }) && entry.retry == RetryNumber(0);
        let mut is_given = false;
        for entry in self.open.values().filter(is_question) {
            is_given |= self.give_again_one(entry).await;
        }
        is_given
    }

    /// Tries for as long as the store is away; whether the store had lost it.
    async fn give_again_one(&self, entry: &Entry) -> bool {
        while !self.shared.parking.is_cancelled()
            && !self.handle.is_withdrawn()
            && entry.accepted_at.after(GIVEN_AGAIN_MAX_AGE) >= self.shared.now()
        {
            let accepting = self.shared.ports.conversations.accept(self.arrival_of(entry));
            match timeout(self.shared.settings.store_patience, accepting).await {
                Ok(Ok(Accepted::Duplicate)) => return false,
                Ok(Ok(Accepted::First { .. })) => {
                    // Of its old place, which is another message's or will be.
                    self.shared.files.drop_of(self.shared, self.id, entry.seq);
                    tracing::warn!(conversation = %self.id, "a message that the store had lost was given to it again");
                    return true;
                }
                Ok(Err(StoreError::Unavailable(_))) | Err(_) => tokio::time::sleep(PAUSE).await,
                Ok(Err(error)) => {
                    tracing::warn!(conversation = %self.id, %error, "failed to give a message again that the store may have lost");
                    return false;
                }
            }
        }
        false
    }

    fn arrival_of(&self, entry: &Entry) -> Arrival {
        let Entry { message, chat, sender, sent_at, session_address, intake, .. } = entry.clone();
        let (key, admission) = (self.key.clone(), Arc::new(Admitted));
        Arrival { key, message, chat, sender, sent_at, session_address, intake, admission }
    }
}
