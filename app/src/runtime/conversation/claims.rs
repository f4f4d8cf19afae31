//! Replies that wait for a place in the budget.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::reply::{CallNumber, Claim};
use switchboard_domain::snapshot::ReplyId;
use switchboard_ports::provider::ClaimRequest;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::ports::SharedLink;
use crate::runtime::channel::ChannelHandle;

/// How long a claim waits before the channel's status says so: as long as a card may stand still where there are calls enough.
const WAIT_TOLD: Duration = Duration::from_secs(3);
/// What it says then.
const WAITS: &str = "calls wait for their turn";

/// Waits until a claim is granted. Where that takes long, or the platform bars everybody meanwhile, the channel's status says so: no
/// call of its own is answered that could tell.
pub(super) async fn granted(link: SharedLink, request: ClaimRequest, handle: Arc<ChannelHandle>) {
    // What nobody would miss is not worth a word.
    let mut is_to_tell = request.claim != Claim::Note;
    let mut place = pin!(link.claim(request));
    // Priorities: 1 the claim's place, 2 that it has none because of a ban, 3 that it has none for long.
    let words = loop {
        tokio::select! {
            biased;
            () = &mut place => return,
            words = link.barred() => break words,
            () = sleep(WAIT_TOLD), if is_to_tell => {
                is_to_tell = false;
                handle.note_wait(WAITS);
            }
        }
    };
    handle.note(ErrorCode::RateLimited, words);
    place.await;
}

/// The latest claim of each reply, as long as it waits. A claim that is given up leaves the queue: granted, it would take a call
/// from others and make none.
#[derive(Default)]
pub(super) struct Claims(BTreeMap<ReplyId, (CallNumber, AbortHandle)>);

impl Claims {
    /// A claim waits. A reply makes one call at a time: what it claimed before is [`over`](Self::over).
    pub(super) fn wait(&mut self, reply: ReplyId, call: CallNumber, wait: AbortHandle) {
        self.0.insert(reply, (call, wait));
    }

    /// What a reply has claimed is given up.
    pub(super) fn over(&mut self, reply: ReplyId) {
        if let Some((_, given_up)) = self.0.remove(&reply) {
            given_up.abort();
        }
    }

    /// Whatever is not waited for any more is given up; one that was granted has ended by itself.
    pub(super) fn keep(&mut self, is_waiting: impl Fn(ReplyId, CallNumber) -> bool) {
        self.0.retain(|reply, (call, wait)| {
            let keeps = is_waiting(*reply, *call);
            if !keeps {
                wait.abort();
            }
            keeps
        });
    }

    /// Nothing is left to claim for.
    pub(super) fn give_up(&mut self) {
        for (_, wait) in std::mem::take(&mut self.0).into_values() {
            wait.abort();
        }
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        self.give_up();
    }
}
