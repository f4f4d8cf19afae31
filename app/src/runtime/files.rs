//! Files of messages: fetched at once after the ack, kept in the store's area, dropped when their turns end (R6).
//!
//! Nothing here holds up an ack, a wake or a control act. A conversation's files are fetched one after the other, so that
//! one person who sends many takes one of the channel's places and no more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::content::Attachment;
use switchboard_domain::ids::{ConversationId, Seq};
use switchboard_ports::attachments::{AttachmentError, AttachmentPlace, StoredAttachment};
use switchboard_ports::error::StoreError;
use switchboard_ports::provider::{FETCH_TIMEOUT, FetchFailure, Fetched};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::channel::ChannelHandle;
use super::shared::{Shared, lock};
use super::troubles::Kind;

/// Fetches of one channel at once.
pub(super) const FETCHES_MAX: usize = 16;

/// Bytes of all files of one message, together; what is beyond is not taken.
pub(super) const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Messages whose files are remembered here; the files of further ones are fetched by their turns.
const MESSAGES_MAX: usize = 1_000;

/// A link bounds its fetches itself; this is for one that does not.
const FETCH_WAIT: Duration = FETCH_TIMEOUT.saturating_add(Duration::from_secs(5));

/// How long the store may take with one file.
const STORE_WAIT: Duration = Duration::from_secs(10);

/// How often what nobody dropped is looked for.
const SWEEP_INTERVAL: Duration = Duration::from_mins(5);

/// What became of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is in the store.
    Kept,
    /// It was fetched, and the store did not take it.
    NotKept,
    /// It was not fetched.
    Failed(FetchFailure),
}

/// Outcomes of a message's files so far, and whether that is all.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    pub(super) outcomes: Vec<Outcome>,
    done: bool,
}

/// Messages whose files are fetched or were.
#[derive(Default)]
pub(crate) struct Files {
    messages: Mutex<BTreeMap<(ConversationId, Seq), Message>>,
}

struct Message {
    cancel: CancellationToken,
    progress: watch::Receiver<Progress>,
}

/// One message's files.
pub(super) struct Job {
    pub(super) conversation: ConversationId,
    pub(super) seq: Seq,
    pub(super) attachments: Vec<Attachment>,
}

impl Files {
    /// Starts fetching the files of a message that was taken in just now.
    pub(super) fn begin(&self, shared: &Arc<Shared>, handle: &Arc<ChannelHandle>, job: Job) {
        let key = (job.conversation.clone(), job.seq);
        let (tell, progress) = watch::channel(Progress::default());
        let cancel = shared.parking.child_token();
        let before = {
            let mut messages = lock(&self.messages);
            if messages.len() >= MESSAGES_MAX {
                messages.retain(|_, message| !message.progress.borrow().done);
            }
            if messages.len() >= MESSAGES_MAX || messages.contains_key(&key) {
                return;
            }
            let before = messages.range((key.0.clone(), Seq(0))..key.clone()).next_back();
            let before = before.map(|(_, message)| message.progress.clone());
            messages.insert(key, Message { cancel: cancel.clone(), progress });
            before
        };
        let (shared, handle) = (Arc::clone(shared), Arc::clone(handle));
        let tracker = shared.tasks.clone();
        tracker.spawn(async move {
            tokio::select! {
                biased;
                () = cancel.cancelled() => {}
                () = fetch_all(&shared, &handle, &job, before, &tell) => {}
            }
            tell.send_modify(|progress| progress.done = true);
        });
    }

    /// Waits until a message's files are fetched, as far as they can be; `None` where nobody fetches them.
    pub(super) async fn fetched(&self, conversation: &ConversationId, seq: Seq) -> Option<Progress> {
        let key = (conversation.clone(), seq);
        let mut progress = lock(&self.messages).get(&key).map(|message| message.progress.clone())?;
        // The task says that it is done in any case; if it died without, that is what there is.
        let done = progress.wait_for(|progress| progress.done).await.map(|progress| progress.clone());
        Some(done.unwrap_or_default())
    }

    /// A message has ended: nobody needs its files any more.
    pub(super) fn drop_of(&self, shared: &Arc<Shared>, conversation: &ConversationId, seq: Seq) {
        if let Some(message) = lock(&self.messages).remove(&(conversation.clone(), seq)) {
            message.cancel.cancel();
        }
        let (shared, conversation) = (Arc::clone(shared), conversation.clone());
        let tracker = shared.tasks.clone();
        tracker.spawn(async move {
            let removed = shared.ports.attachments.remove(&conversation, seq);
            // Where it fails, a sweep drops them.
            let removed =
                tokio::time::timeout(STORE_WAIT, removed).await.unwrap_or_else(|_| Err(no_answer()));
            shared.troubles.saw(Kind::File, &removed, shared.now());
        });
    }
}

async fn fetch_all(
    shared: &Shared,
    handle: &ChannelHandle,
    job: &Job,
    before: Option<watch::Receiver<Progress>>,
    tell: &watch::Sender<Progress>,
) {
    if let Some(mut before) = before {
        // Gone is done.
        let _ = before.wait_for(|progress| progress.done).await;
    }
    let mut room = MESSAGE_BYTES_MAX;
    for (position, attachment) in (0..).zip(&job.attachments) {
        let outcome = match fetch(handle, attachment, &mut room).await {
            Ok(file) => {
                let place =
                    AttachmentPlace { conversation: job.conversation.clone(), seq: job.seq, position };
                keep(shared, &place, file).await
            }
            Err(failure) => Outcome::Failed(failure),
        };
        tell.send_modify(|progress| progress.outcomes.push(outcome));
    }
}

/// Fetches one file when it is the channel's turn to; it takes its bytes out of `room`.
pub(super) async fn fetch(
    handle: &ChannelHandle,
    attachment: &Attachment,
    room: &mut usize,
) -> Result<Fetched, FetchFailure> {
    let Ok(_place) = handle.fetches.acquire().await else {
        return Err(FetchFailure::Unavailable);
    };
    let bot = handle.bot();
    let fetched = tokio::time::timeout(FETCH_WAIT, bot.link.fetch(attachment)).await;
    let fetched = fetched.unwrap_or(Err(FetchFailure::Unavailable)).and_then(|file| {
        *room = room.checked_sub(file.content.len()).ok_or(FetchFailure::TooLong)?;
        Ok(file)
    });
    if let Err(failure) = fetched {
        let kind = attachment.kind.as_str();
        tracing::warn!(channel = %handle.id, kind, %failure, "failed to fetch a file that came with a message");
        note(handle, failure);
    }
    fetched
}

/// What somebody has to do something about shows in the channel's status.
fn note(handle: &ChannelHandle, failure: FetchFailure) {
    match failure {
        FetchFailure::Denied(
            code @ (ErrorCode::PermissionDenied | ErrorCode::InvalidCredentials | ErrorCode::QuotaExceeded),
        ) => handle.note(code, "a file that came with a message may not be fetched".to_owned()),
        FetchFailure::Denied(_) | FetchFailure::Unavailable | FetchFailure::Gone | FetchFailure::TooLong => {}
    }
}

/// Puts a file into the store. Where it does not go, the turn fetches it again.
pub(super) async fn keep(shared: &Shared, place: &AttachmentPlace, file: Fetched) -> Outcome {
    let Fetched { content, media_type } = file;
    let put = shared.ports.attachments.put(place, StoredAttachment { media_type, content });
    let put = tokio::time::timeout(STORE_WAIT, put).await;
    match put.unwrap_or_else(|_| Err(no_answer().into())) {
        Ok(()) => {
            shared.troubles.done(Kind::File, shared.now());
            Outcome::Kept
        }
        Err(AttachmentError::Unwanted) => Outcome::NotKept,
        Err(AttachmentError::Store(error @ StoreError::Unavailable(_))) => {
            shared.troubles.refused(Kind::File, &error, shared.now());
            Outcome::NotKept
        }
        Err(error) => {
            tracing::warn!(conversation = %place.conversation, %error, "failed to keep a file until its turn");
            Outcome::NotKept
        }
    }
}

fn no_answer() -> StoreError {
    StoreError::Unavailable("no answer in time".to_owned())
}

/// Drops, for ever, what belongs to no waiting message: somebody died between a message's end and its files'.
pub(super) async fn sweep(shared: Arc<Shared>) {
    loop {
        loop {
            let swept = shared.ports.attachments.sweep().await;
            shared.troubles.saw(Kind::File, &swept, shared.now());
            match swept {
                Ok(0) | Err(_) => break,
                Ok(files) => tracing::info!(files, "files without a waiting message were dropped"),
            }
        }
        tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
        }
    }
}
