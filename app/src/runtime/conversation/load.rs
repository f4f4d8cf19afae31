//! Reading a conversation: whole at first, later what is new in its inbox.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use switchboard_domain::conversation::{Conversation, Effects, Event};
use switchboard_domain::ids::{ConversationId, FencingToken, Partition, Seq};
use switchboard_domain::inbox::{Entry, Intake};
use switchboard_domain::session::Hold;
use switchboard_ports::conversations::{LOADED_ENTRIES_MAX, Lease, Loaded};
use switchboard_ports::error::StoreError;

use super::claims::Claims;
use super::outcomes::Outcomes;
use super::screening::Denied;
use super::{Actor, Begun, Lost};
use crate::runtime::channel;
use crate::runtime::registry::Slot;
use crate::runtime::shared::Shared;
use crate::runtime::timeline::Story;
use crate::runtime::troubles::Kind;
use crate::telemetry::metrics as names;

/// Whether the inbox could be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// To its end.
    Done,
    /// The store is away; the scan makes us look again.
    Away,
}

impl<'a> Actor<'a> {
    /// Reads a conversation and goes on with it. `None` where that cannot be: the scan tries again as long as it is open.
    pub(super) async fn load(
        shared: &'a Arc<Shared>,
        partition: Partition,
        id: &'a ConversationId,
        slot: &'a Slot,
        begun: Begun<'a>,
    ) -> Option<Self> {
        drop(slot.take_wake());
        let lease = shared.lease(partition)?;
        let loaded = match load_from(shared, &lease, id, Seq(0)).await {
            Ok(loaded) => {
                shared.troubles.done(Kind::Load, shared.now());
                loaded?
            }
            Err(error @ StoreError::Unavailable(_)) => {
                shared.troubles.refused(Kind::Load, &error, shared.now());
                return None;
            }
            Err(error) => {
                tracing::warn!(conversation = %id, %error, "failed to load a conversation");
                return None;
            }
        };
        let handle = match shared.channel(&loaded.key.channel) {
            Some(handle) => handle,
            None => channel::stand_in(shared, &loaded.key.channel).await?,
        };
        slot.belongs_to(&handle);
        let bot = handle.bot();
        let mut actor = Self {
            shared,
            slot,
            id,
            key: loaded.key,
            partition,
            token: lease.token,
            lineage: lease.lineage,
            conversation: Conversation::restore(loaded.snapshot, bot.policy(), shared.now()),
            story: Story::of(handle.id.clone()),
            handle,
            bot,
            version: loaded.version,
            seen: loaded.last,
            pending: 0,
            open: BTreeMap::new(),
            with_files: BTreeSet::new(),
            user: None,
            shown: Vec::new(),
            refused: None,
            lazy_since: None,
            rest_since: None,
            run: None,
            card: None,
            stopped_by_control: None,
            parting_until: None,
            events_since_look: 0,
            claims: Claims::default(),
            calls: 0,
            under_way: begun.calls,
            outcomes: Outcomes::default(),
        };
        let mut effects = Effects::default();
        let is_resumed = |entry: &Entry| begun.crashed || entry.fence < lease.token;
        let denied = actor.screened(loaded.entries.iter().map(|entry| (entry, is_resumed(entry)))).await;
        for entry in loaded.entries {
            let resumed = is_resumed(&entry);
            actor.take_in(entry, resumed, &denied, &mut effects).await;
        }
        actor.hold(&mut effects);
        actor.apply_into(Event::Loaded, &mut effects);
        if let Err(lost) = actor.finish_step(effects).await {
            actor.lose(&lost).await;
            return None;
        }
        Some(actor)
    }

    /// Takes in what is new in the inbox, and changed settings. With `must_read` the inbox is read even where a wake has brought what is
    /// new: somebody knows of an entry whose own wake may still be on its way.
    pub(super) async fn look_again(&mut self, must_read: bool) -> Result<Look, Lost> {
        let fresh = self.slot.take_wake();
        self.events_since_look = 0;
        let bot = self.handle.bot();
        self.conversation.configure(bot.policy());
        self.bot = bot;
        let mut effects = Effects::default();
        self.hold(&mut effects);
        let lease = self.shared.lease_under(self.partition, self.token).ok_or(Lost::Fenced)?;
        let taken = self.conversation.session().taken();
        let began = self.shared.now();
        let fresh = fresh.filter(|_| lease.lineage == self.lineage);
        let fresh = fresh.filter(|_| !must_read).and_then(|fresh| following(self.seen, self.token, fresh));
        let entries = match fresh {
            Some(entries) => {
                self.seen = entries.last().map_or(self.seen, |entry| entry.seq);
                Ok(entries)
            }
            None => self.read_after(&lease, taken).await,
        };
        let new = entries.iter().flatten().filter(|entry| entry.seq > taken).map(|entry| (entry, false));
        let denied = self.screened(new).await;
        self.stalled_since(began);
        let look = match entries {
            Ok(entries) => {
                for entry in entries {
                    self.take_in(entry, false, &denied, &mut effects).await;
                }
                Look::Done
            }
            // What is known already goes on.
            Err(StoreError::Unavailable(_)) => Look::Away,
            Err(StoreError::Fenced) => return Err(Lost::Fenced),
            Err(_) => return Err(Lost::Otherwise),
        };
        self.finish_step(effects).await?;
        Ok(look)
    }

    async fn read_after(&mut self, lease: &Lease, taken: Seq) -> Result<Vec<Entry>, StoreError> {
        self.still_true(lease, None).await?;
        let Some(loaded) = load_from(self.shared, lease, self.id, taken).await? else {
            return Ok(Vec::new());
        };
        self.seen = self.seen.max(loaded.last);
        Ok(loaded.entries)
    }

    async fn take_in(&mut self, entry: Entry, resumed: bool, denied: &Denied, effects: &mut Effects) {
        if entry.seq > self.conversation.session().taken() {
            self.story.taken(self.shared, self.id, &entry, resumed);
            self.pending = self.pending.saturating_add(1);
            metrics::gauge!(names::INBOX_PENDING).increment(1.0);
            self.shared.tally.waits();
            if matches!(&entry.intake, Intake::Ask { attachments, .. } if !attachments.is_empty()) {
                self.with_files.insert(entry.seq);
            }
            let locale = self.own_locale(&entry.sender).await;
            self.open.insert(entry.seq, entry.clone());
            let event = match denied.get(&entry.seq) {
                Some(refusal) => {
                    let told = self.tells_denied(&entry);
                    Event::Denied { entry, refusal: *refusal, told, locale }
                }
                None => Event::Taken { entry, resumed, locale },
            };
            self.apply_into(event, effects);
        }
    }

    /// Whether new turns may begin, as the channel and the server say.
    fn hold(&mut self, effects: &mut Effects) {
        let disabled = !self.bot.channel.enabled;
        let event = if disabled { Event::Held(Hold::Disabled) } else { Event::Released(Hold::Disabled) };
        self.apply_into(event, effects);
        let stopping = self.shared.stopping.is_cancelled() || self.shared.peers.is_leaving(self.partition);
        if stopping != self.conversation.session().is_held_by(Hold::Stopping) {
            let event = if stopping { Event::Held(Hold::Stopping) } else { Event::Released(Hold::Stopping) };
            self.apply_into(event, effects);
        }
    }
}

/// Entries that follow what was seen without a gap, in order; `None` where there may be others between or behind them.
fn following(seen: Seq, token: FencingToken, mut fresh: Vec<Entry>) -> Option<Vec<Entry>> {
    fresh.sort_by_key(|entry| entry.seq);
    let mut next = seen.next();
    for entry in &mut fresh {
        if entry.seq != next {
            return None;
        }
        entry.fence = token;
        next = next.next();
    }
    Some(fresh)
}

pub(super) async fn load_from(
    shared: &Shared,
    lease: &Lease,
    id: &ConversationId,
    after: Seq,
) -> Result<Option<Loaded>, StoreError> {
    let store = &shared.ports.conversations;
    let Some(mut loaded) = store.load(lease, id, after).await? else {
        return Ok(None);
    };
    // The inbox of one conversation is bounded, so this ends.
    let page = LOADED_ENTRIES_MAX as usize;
    let mut full = loaded.entries.len() >= page;
    while full {
        let last = loaded.entries.last().map_or(after, |entry| entry.seq);
        let more = store.load(lease, id, last).await?.map(|more| more.entries).unwrap_or_default();
        full = more.len() >= page;
        loaded.entries.extend(more);
    }
    Ok(Some(loaded))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use switchboard_domain::ids::{FencingToken, Seq};
    use switchboard_domain::inbox::{Entry, Verdict};
    use switchboard_domain::time::Timestamp;
    use switchboard_ports::conformance::samples::{ask, key};

    use super::following;
    use crate::runtime::intake::entry_of;

    fn entries(seqs: &[u64]) -> Vec<Entry> {
        let entry = |seq: &u64| {
            let arrival = ask(&key("c"), &format!("m{seq}"), "hello");
            entry_of(&arrival, Seq(*seq), Verdict::Admit, Timestamp::from_millis(1))
        };
        seqs.iter().map(entry).collect()
    }

    #[rstest]
    #[case::the_next(&[5], Some(&[5][..]))]
    #[case::out_of_order(&[7, 5, 6], Some(&[5, 6, 7][..]))]
    #[case::a_gap(&[6], None)]
    #[case::a_gap_between(&[5, 7], None)]
    #[case::seen_before(&[4], None)]
    #[case::seen_before_and_the_next(&[4, 5], None)]
    #[case::a_place_given_twice(&[5, 5], None)]
    fn only_what_follows_without_a_gap_needs_no_reading(
        #[case] fresh: &[u64],
        #[case] expected: Option<&[u64]>,
    ) {
        let following = following(Seq(4), FencingToken(9), entries(fresh));
        let seqs = following.map(|entries| {
            assert!(entries.iter().all(|entry| entry.fence == FencingToken(9)));
            entries.iter().map(|entry| entry.seq.0).collect::<Vec<_>>()
        });
        assert_eq!(seqs.as_deref(), expected);
    }
}
