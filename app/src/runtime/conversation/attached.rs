//! The files of a question on their way to the agent.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_domain::content::Attachment;
use switchboard_domain::ids::{ConversationId, Seq};
use switchboard_ports::agent::AgentAttachment;
use switchboard_ports::attachments::{AttachmentPlace, StoredAttachment};
use switchboard_ports::provider::FetchFailure;
use tokio::time::{Instant, timeout_at};

use crate::runtime::channel::ChannelHandle;
use crate::runtime::files::{MESSAGE_BYTES_MAX, Outcome, Progress, fetch, keep};
use crate::runtime::shared::Shared;

/// Longest wait for the files of one question, all together. A turn that has half as much time until the agent's first
/// word waits half of that.
const FILES_WAIT_MAX: Duration = Duration::from_secs(30);

/// Where nobody knows what a file is.
const UNKNOWN: &str = "application/octet-stream";

/// Endings of names for what files are.
const ENDINGS: [(&str, &str); 22] = [
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("image/bmp", "bmp"),
    ("image/heic", "heic"),
    ("image/tiff", "tiff"),
    ("image/svg+xml", "svg"),
    ("audio/mpeg", "mp3"),
    ("audio/wav", "wav"),
    ("audio/amr", "amr"),
    ("audio/ogg", "ogg"),
    ("audio/mp4", "m4a"),
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/webm", "webm"),
    ("application/pdf", "pdf"),
    ("application/json", "json"),
    ("application/zip", "zip"),
    ("text/plain", "txt"),
    ("text/markdown", "md"),
    ("text/csv", "csv"),
];

/// The files as the agent gets them, in order; those that cannot be had in time without their content.
pub(super) async fn gather(
    shared: &Shared,
    handle: &ChannelHandle,
    (conversation, seq): (&ConversationId, Seq),
    attachments: &[Attachment],
    first_output_timeout: Duration,
) -> Vec<AgentAttachment> {
    if attachments.is_empty() {
        return Vec::new();
    }
    let deadline = Instant::now() + FILES_WAIT_MAX.min(first_output_timeout / 2);
    let under_way = shared.files.fetched(conversation, seq);
    let progress = timeout_at(deadline, under_way).await.ok().flatten();
    let mut kept = kept(shared, conversation, seq, deadline).await;
    let mut room =
        kept.values().fold(MESSAGE_BYTES_MAX, |room, file| room.saturating_sub(file.content.len()));
    let mut files = Vec::with_capacity(attachments.len());
    for (position, attachment) in (0..).zip(attachments) {
        let file = match kept.remove(&position) {
            Some(file) => Some(file),
            None if is_pointless(progress.as_ref(), position) => None,
            None => {
                let place = AttachmentPlace { conversation: conversation.clone(), seq, position };
                let fetched = fetch_now(shared, handle, &place, attachment, &mut room);
                timeout_at(deadline, fetched).await.ok().flatten()
            }
        };
        files.push(handed(attachment, file));
    }
    files
}

/// What is in the store; nothing when it cannot be read: it is fetched again then.
async fn kept(
    shared: &Shared,
    conversation: &ConversationId,
    seq: Seq,
    deadline: Instant,
) -> BTreeMap<u32, StoredAttachment> {
    match timeout_at(deadline, shared.ports.attachments.load(conversation, seq)).await {
        Ok(Ok(files)) => files.into_iter().collect(),
        Ok(Err(error)) => {
            tracing::warn!(%conversation, %error, "failed to read the files of a message");
            BTreeMap::new()
        }
        Err(_) => BTreeMap::new(),
    }
}

/// Whether fetching a file again would end as it did.
fn is_pointless(progress: Option<&Progress>, position: u32) -> bool {
    let position = usize::try_from(position).unwrap_or(usize::MAX);
    match progress.and_then(|progress| progress.outcomes.get(position)) {
        Some(Outcome::Failed(FetchFailure::Gone | FetchFailure::TooLong | FetchFailure::Denied(_))) => true,
        Some(Outcome::Kept | Outcome::NotKept | Outcome::Failed(FetchFailure::Unavailable)) | None => false,
    }
}

/// A file that is not in the store: nobody fetched it (the process died in between), or there was no room for it.
async fn fetch_now(
    shared: &Shared,
    handle: &ChannelHandle,
    place: &AttachmentPlace,
    attachment: &Attachment,
    room: &mut usize,
) -> Option<StoredAttachment> {
    let file = fetch(handle, attachment, room).await.ok()?;
    // For the next attempt, should there be one; a store that does not take it changes nothing now.
    keep(shared, place, file.clone()).await;
    Some(StoredAttachment { media_type: file.media_type, content: file.content })
}

fn handed(attachment: &Attachment, file: Option<StoredAttachment>) -> AgentAttachment {
    let (media_type, content) = match file {
        Some(file) => (file.media_type, Some(file.content)),
        None => (UNKNOWN.to_owned(), None),
    };
    AgentAttachment { name: with_ending(&attachment.name, &media_type), media_type, content }
}

/// A name with an ending; one that has one keeps it.
fn with_ending(name: &str, media_type: &str) -> String {
    let has_ending = name.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty() && !ending.is_empty() && ending.chars().all(char::is_alphanumeric)
    });
    let ending = ENDINGS.iter().find(|(known, _)| *known == media_type).map(|(_, ending)| *ending);
    match ending.filter(|_| !has_ending) {
        Some(ending) => format!("{name}.{ending}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::with_ending;

    #[test]
    fn a_name_gets_an_ending_where_it_has_none() {
        for (name, media_type, expected) in [
            ("picture-1", "image/png", "picture-1.png"),
            ("a.jpeg", "image/png", "a.jpeg"),
            ("report 2.0 final", "application/pdf", "report 2.0 final.pdf"),
            (".env", "text/plain", ".env.txt"),
            ("data", "application/octet-stream", "data"),
        ] {
            assert_eq!(with_ending(name, media_type), expected);
        }
    }
}
