//! What came with a question, uploaded before it is asked: Wegent takes files by id only.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use sha2::{Digest, Sha256};
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::{AgentAttachment, AgentEvent, RunRequest};
use tokio::time::timeout;

use super::super::attachments::named;
use super::super::http::call::{self, Unanswered};
use super::super::http::failure::failed;
use super::super::http::telling::Teller;
use super::Inner;

/// How long one upload may take.
const UPLOAD_WAIT: Duration = Duration::from_mins(2);

/// A question with its files uploaded.
pub(super) struct Uploaded {
    /// The question, with a line for each file that could not be handed over.
    pub(super) text: String,
    /// The ids that Wegent gave the others.
    pub(super) ids: Vec<Value>,
}

/// Uploads what came with the question. A file that Wegent does not take is named in the text, so that the team knows of it;
/// anything else that goes wrong ends the run.
pub(super) async fn upload(
    agent: &Inner,
    request: &RunRequest,
    identity: Option<&str>,
    tell: &Teller,
) -> Result<Uploaded, AgentEvent> {
    let mut text = request.text.clone();
    let mut ids = Vec::new();
    for attachment in &request.attachments {
        let line = match &attachment.content {
            None => named(attachment, "its content is not available"),
            Some(content) => {
                match tell.patiently(upload_one(agent, request, identity, attachment, content)).await {
                    Ok(id) => {
                        ids.push(id);
                        continue;
                    }
                    Err(Unanswered::Refused(refused)) if matches!(refused.status, 400 | 413 | 415 | 422) => {
                        named(attachment, "it was refused")
                    }
                    Err(unanswered) => return Err(unanswered.into_event_of(true)),
                }
            }
        };
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&line);
    }
    Ok(Uploaded { text, ids })
}

async fn upload_one(
    agent: &Inner,
    request: &RunRequest,
    identity: Option<&str>,
    attachment: &AgentAttachment,
    content: &Bytes,
) -> Result<Value, Unanswered> {
    let broken = |kind, detail: &str| Unanswered::Failed(failed(kind, detail.to_owned()));
    let builder = agent
        .uploading(&request.user, identity)
        .ok_or_else(|| broken(AgentFailureKind::BadRequest, "a header cannot carry the user's name"))?;
    let boundary = boundary(content);
    let builder = builder
        .header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
        .body(form(attachment, content, &boundary));
    let work = call::document(builder, &*agent.surroundings.clock);
    let answer = timeout(UPLOAD_WAIT, work)
        .await
        .map_err(|_| broken(AgentFailureKind::Unreachable, "an upload took too long"))??;
    answer
        .get("id")
        .filter(|id| id.is_number() || id.is_string())
        .cloned()
        .ok_or_else(|| broken(AgentFailureKind::Malformed, "an upload was answered without an id"))
}

/// A line that does not occur in the content: made of its hash.
fn boundary(content: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(content).into();
    let digits: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("switchboard-{digits}")
}

/// One file as a form (RFC 7578), its name as browsers write it.
fn form(attachment: &AgentAttachment, content: &[u8], boundary: &str) -> Bytes {
    let name: String = attachment.name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let name = name.replace('"', "%22");
    let media_type: String = attachment.media_type.chars().filter(char::is_ascii_graphic).collect();
    let mut form = BytesMut::new();
    form.put_slice(
        format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: {media_type}\r\n\r\n"
        )
        .as_bytes(),
    );
    form.put_slice(content);
    form.put_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    form.freeze()
}
