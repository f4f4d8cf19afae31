//! The files of a question on their way to the agent.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_domain::content::Attachment;
use switchboard_domain::ids::{ConversationId, Seq};
use switchboard_domain::outcome::Refusal;
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

/// One file of a question.
pub(super) struct Gathered {
    /// As the agent gets it; without content where it could not be had in time.
    pub(super) handed: AgentAttachment,
    /// Why it could not.
    failure: Option<FetchFailure>,
}

/// The files as the agent gets them, in order.
pub(super) async fn gather(
    shared: &Shared,
    handle: &ChannelHandle,
    (conversation, seq): (&ConversationId, Seq),
    attachments: &[Attachment],
    first_output_timeout: Duration,
) -> Vec<Gathered> {
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
        let file = match (kept.remove(&position), failed_for_good(progress.as_ref(), position)) {
            (Some(file), _) => Ok(file),
            (None, Some(failure)) => Err(failure),
            (None, None) => {
                let place = AttachmentPlace { conversation: conversation.clone(), seq, position };
                let fetched = fetch_now(shared, handle, &place, attachment, &mut room);
                timeout_at(deadline, fetched).await.unwrap_or(Err(FetchFailure::Unavailable))
            }
        };
        let failure = file.as_ref().err().copied();
        files.push(Gathered { handed: handed(attachment, file.ok()), failure });
    }
    files
}

/// What is to be said about a message of which nothing could be had; `None` where there is something. Sending it again
/// is asked for where that may help with at least one of its files.
pub(super) fn refusal(files: &[Gathered]) -> Option<Refusal> {
    let failures: Option<Vec<FetchFailure>> = files.iter().map(|file| file.failure).collect();
    let failures = failures.filter(|failures| !failures.is_empty())?;
    let any = |is: fn(&FetchFailure) -> bool| failures.iter().any(is);
    if any(|failure| matches!(failure, FetchFailure::Unavailable | FetchFailure::Gone)) {
        Some(Refusal::NotFetched)
    } else if any(|failure| matches!(failure, FetchFailure::Denied(_))) {
        Some(Refusal::FilesDenied)
    } else {
        Some(Refusal::FilesTooLarge)
    }
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

/// How fetching a file ended, where fetching it again would end the same.
fn failed_for_good(progress: Option<&Progress>, position: u32) -> Option<FetchFailure> {
    let position = usize::try_from(position).unwrap_or(usize::MAX);
    match progress.and_then(|progress| progress.outcomes.get(position)) {
        Some(Outcome::Failed(
            failure @ (FetchFailure::Gone | FetchFailure::TooLong | FetchFailure::Denied(_)),
        )) => Some(*failure),
        Some(Outcome::Kept | Outcome::NotKept | Outcome::Failed(FetchFailure::Unavailable)) | None => None,
    }
}

/// A file that is not in the store: nobody fetched it (the process died in between), or there was no room for it.
async fn fetch_now(
    shared: &Shared,
    handle: &ChannelHandle,
    place: &AttachmentPlace,
    attachment: &Attachment,
    room: &mut usize,
) -> Result<StoredAttachment, FetchFailure> {
    let file = fetch(handle, attachment, room).await?;
    // For the next attempt, should there be one; a store that does not take it changes nothing now.
    keep(shared, place, file.clone()).await;
    Ok(StoredAttachment { media_type: file.media_type, content: file.content })
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
    use switchboard_domain::channel::ErrorCode;
    use switchboard_domain::notice::Notice;
    use switchboard_domain::settings::Locale;
    use switchboard_ports::attachments::FILE_BYTES_MAX;

    use super::{AgentAttachment, FetchFailure, Gathered, MESSAGE_BYTES_MAX, Refusal, refusal, with_ending};

    fn gathered(failure: Option<FetchFailure>) -> Gathered {
        let content = failure.is_none().then(Default::default);
        let handed = AgentAttachment { name: "a".to_owned(), media_type: "text/plain".to_owned(), content };
        Gathered { handed, failure }
    }

    #[test]
    fn what_is_said_of_lost_files_is_true_of_each() {
        let (gone, away) = (Some(FetchFailure::Gone), Some(FetchFailure::Unavailable));
        let denied = Some(FetchFailure::Denied(ErrorCode::PermissionDenied));
        let long = Some(FetchFailure::TooLong);
        for (failures, expected) in [
            (vec![], None),
            (vec![long, None], None),
            (vec![gone], Some(Refusal::NotFetched)),
            (vec![away], Some(Refusal::NotFetched)),
            (vec![long, gone], Some(Refusal::NotFetched)),
            (vec![denied], Some(Refusal::FilesDenied)),
            (vec![long, denied], Some(Refusal::FilesDenied)),
            (vec![long, long], Some(Refusal::FilesTooLarge)),
        ] {
            let files: Vec<_> = failures.iter().copied().map(gathered).collect();
            assert_eq!(refusal(&files), expected, "{failures:?}");
        }
    }

    #[test]
    fn the_sentence_about_large_files_names_the_limits() {
        for locale in [Locale::En, Locale::ZhCn] {
            let text = Notice::Refused(Refusal::FilesTooLarge).text(locale);
            for bytes in [FILE_BYTES_MAX, MESSAGE_BYTES_MAX] {
                assert!(text.contains(&format!("{} MB", bytes / 1_048_576)), "{text}");
            }
        }
    }

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
