//! Trouble with the store, told once when it begins, once when it ends, and now and then in between: a full disk refuses
//! several things a second, for hours.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use switchboard_domain::time::Timestamp;
use switchboard_domain::trouble::{Episode, Told};
use switchboard_ports::error::StoreError;

use super::shared::lock;

/// What could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Renewing the leases.
    Leases,
    /// Storing a message that came in.
    Message,
    /// Storing a press of a button.
    Press,
    /// Committing what a conversation decided.
    Commit,
    /// Reading a conversation.
    Load,
    /// Looking for what is open.
    Look,
    /// Storing what was counted of the quotas.
    Meter,
    /// Keeping, dropping and looking for files.
    File,
    /// Doing what is asked without delay.
    Haste,
}

/// Renewing the leases takes milliseconds; a store that needs this long for it is slow.
const SLOW: Duration = Duration::from_millis(500);

/// How many kinds there are.
const KINDS: usize = 9;

impl Kind {
    /// What failed, as a log line begins.
    const fn words(self) -> &'static str {
        match self {
            Self::Leases => "failed to renew the leases",
            Self::Message => "failed to store messages; they are offered again",
            Self::Press => "failed to store presses of buttons; they are offered again",
            Self::Commit => "failed to commit; the same commits are tried again",
            Self::Load => "failed to load conversations",
            Self::Look => "failed to look through the open conversations",
            Self::Meter => "failed to store what was counted of the monthly quotas; it is tried again",
            Self::File => "failed to keep or drop files of messages",
            Self::Haste => "the store is slow; people wait for it with each message",
        }
    }
}

/// All kinds.
#[derive(Default)]
pub(crate) struct Troubles {
    episodes: [Mutex<Episode>; KINDS],
    /// Kinds that last, changed under the lock of each: while there is none, nothing has to be locked.
    lasting: AtomicUsize,
}

impl Troubles {
    /// The store could not do something.
    pub(crate) fn refused(&self, kind: Kind, error: &StoreError, now: Timestamp) {
        let told = self.changed(kind, |episode| episode.refused(1, now));
        if let Some(Told { lasted, refused }) = told {
            tracing::warn!(%error, refused, for_secs = lasted.as_secs(), "{}", kind.words());
        }
    }

    /// The store could do it.
    pub(crate) fn done(&self, kind: Kind, now: Timestamp) {
        if self.lasting.load(Ordering::Relaxed) == 0 {
            return;
        }
        let ended = self.changed(kind, |episode| episode.ended(now));
        if let Some(Told { lasted, refused }) = ended {
            tracing::info!(refused, for_secs = lasted.as_secs(), "no longer so: {}", kind.words());
        }
    }

    #[cfg(test)]
    pub(super) fn last(&self, kind: Kind) -> bool {
        self.episodes.get(kind as usize).is_some_and(|episode| lock(episode).lasts())
    }

    /// The store did something, in this time.
    pub(crate) fn took(&self, took: Duration, now: Timestamp) {
        if took < SLOW {
            return self.done(Kind::Haste, now);
        }
        let told = self.changed(Kind::Haste, |episode| episode.refused(1, now));
        if let Some(Told { lasted, refused }) = told {
            let took_ms = took.as_millis();
            tracing::warn!(took_ms, times = refused, for_secs = lasted.as_secs(), "{}", Kind::Haste.words());
        }
    }

    /// The same for an outcome. What is wrong with one record, and not with the store, is told each time.
    pub(crate) fn saw<T>(&self, kind: Kind, outcome: &Result<T, StoreError>, now: Timestamp) {
        match outcome {
            Ok(_) => self.done(kind, now),
            Err(error @ StoreError::Unavailable(_)) => self.refused(kind, error, now),
            Err(error) => tracing::warn!(%error, "{}", kind.words()),
        }
    }

    fn changed(&self, kind: Kind, change: impl FnOnce(&mut Episode) -> Option<Told>) -> Option<Told> {
        let mut episode = lock(self.episodes.get(kind as usize)?);
        let before = episode.lasts();
        let told = change(&mut episode);
        match (before, episode.lasts()) {
            (false, true) => self.lasting.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.lasting.fetch_sub(1, Ordering::Relaxed),
            (true, true) | (false, false) => 0,
        };
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_do_not_silence_one_another_and_end_apart() {
        let troubles = Troubles::default();
        let at = Timestamp::from_millis;
        let away = StoreError::Unavailable("away".to_owned());
        for millis in 0..100 {
            troubles.refused(Kind::Leases, &away, at(millis));
            troubles.refused(Kind::File, &away, at(millis));
        }
        troubles.done(Kind::Leases, at(200));
        assert!(!troubles.last(Kind::Leases) && troubles.last(Kind::File));
        assert_eq!(troubles.lasting.load(Ordering::Relaxed), 1);
        troubles.saw(Kind::File, &Ok(()), at(201));
        assert_eq!(troubles.lasting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_store_that_is_slow_is_so_until_it_is_quick() {
        let troubles = Troubles::default();
        let is_slow = || troubles.last(Kind::Haste);
        troubles.took(Duration::from_millis(499), Timestamp::from_millis(0));
        assert!(!is_slow());
        troubles.took(Duration::from_millis(500), Timestamp::from_millis(1));
        assert!(is_slow());
        troubles.took(Duration::from_millis(3), Timestamp::from_millis(2));
        assert!(!is_slow());
    }
}
