//! Files that people send: contents, download codes, and the signed addresses they are exchanged for (dingtalk §7.1).

use std::collections::{HashMap, VecDeque};

use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::Outcome;
use crate::envelope::ApiError;
use crate::request::ApiRequest;
use crate::state::State;

/// Contents kept, uploads included (bytes); the oldest leave.
pub(crate) const CONTENT_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Download codes remembered; the oldest leave.
const CODES_MAX: usize = 20_000;
/// Signed addresses remembered; the oldest leave.
const SIGNATURES_MAX: usize = 20_000;
/// Largest generated content (bytes).
const GENERATED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Path below which signed addresses live; the last segment is the object's name.
pub(crate) const OBJECTS: &str = "/objects/";

/// A file somebody sends. Exactly one of `text`, `base64` and `bytes` says what is in it; none = an empty file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileSpec {
    /// File name as the sender sees it.
    pub name: String,
    /// Media type served with it; empty = guessed from the name.
    pub mime: String,
    /// Content as text.
    pub text: Option<String>,
    /// Content in Base64.
    pub base64: Option<String>,
    /// Generated content of this many bytes, at most 64 MiB.
    pub bytes: Option<usize>,
}

impl FileSpec {
    /// A file with these bytes.
    #[must_use]
    pub fn new(name: &str, content: &[u8]) -> Self {
        Self { name: name.to_owned(), base64: Some(STANDARD.encode(content)), ..Self::default() }
    }

    /// A file of generated content.
    #[must_use]
    pub fn of_size(name: &str, bytes: usize) -> Self {
        Self { name: name.to_owned(), bytes: Some(bytes), ..Self::default() }
    }

    /// The same with another media type.
    #[must_use]
    pub fn mime(mut self, mime: &str) -> Self {
        mime.clone_into(&mut self.mime);
        self
    }

    /// The content; `None` = not Base64, or too large to generate.
    pub(crate) fn content(&self) -> Option<Bytes> {
        if let Some(text) = &self.text {
            return Some(Bytes::from(text.clone()));
        }
        if let Some(encoded) = &self.base64 {
            return STANDARD.decode(encoded).ok().map(Bytes::from);
        }
        let length = self.bytes.unwrap_or_default();
        (length <= GENERATED_BYTES_MAX).then(|| {
            let letters = b"0123456789abcdef".iter().copied().cycle();
            Bytes::from(letters.take(length).collect::<Vec<u8>>())
        })
    }

    /// The media type, guessed from the name unless given.
    pub(crate) fn media_type(&self) -> String {
        if self.mime.is_empty() { guess(&self.name).to_owned() } else { self.mime.clone() }
    }
}

/// Media type by file name extension.
pub(crate) fn guess(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref().unwrap_or_default() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "bmp" => "image/bmp",
        "webp" => "image/webp",
        "txt" | "md" => "text/plain; charset=utf-8",
        "pdf" => "application/pdf",
        "amr" => "audio/amr",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

/// Bytes with their media type.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) mime: String,
    pub(crate) bytes: Bytes,
}

/// What a download code stands for.
#[derive(Clone, Debug)]
struct Shared {
    robot_code: String,
    content: Content,
    valid_until_ms: u64,
}

/// A signed address.
#[derive(Clone, Debug)]
struct Signed {
    download_code: String,
    signature: String,
    expires_s: u64,
}

/// Download codes and signed addresses.
#[derive(Debug, Default)]
pub(crate) struct Files {
    shared: HashMap<String, Shared>,
    order: VecDeque<String>,
    bytes: usize,
    signed: HashMap<String, Signed>,
    signed_order: VecDeque<String>,
}

impl Files {
    fn keep(&mut self, id: String, code: Shared) {
        self.bytes = self.bytes.saturating_add(code.content.bytes.len());
        self.shared.insert(id.clone(), code);
        self.order.push_back(id);
        while self.shared.len() > CODES_MAX || (self.bytes > CONTENT_BYTES_MAX && self.shared.len() > 1) {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some(left) = self.shared.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(left.content.bytes.len());
            }
        }
    }

    /// The content behind a code, whatever its age.
    pub(crate) fn content(&self, code: &str) -> Option<&Content> {
        self.shared.get(code).map(|code| &code.content)
    }

    /// No code given out so far works any more.
    pub(crate) fn expire_codes(&mut self) {
        for code in self.shared.values_mut() {
            code.valid_until_ms = 0;
        }
    }
}

/// A new download code for a file sent to an app's robot.
pub(crate) fn share(state: &mut State, app: &str, content: Content) -> String {
    let id = state.hex(40);
    let robot_code = state.apps.named(app).map(|app| app.robot_code.clone()).unwrap_or_default();
    let valid_until_ms = state.now_ms().saturating_add(state.knobs.download_code_ttl_ms);
    state.files.keep(id.clone(), Shared { robot_code, content, valid_until_ms });
    id
}

/// `POST /v1.0/robot/messageFiles/download`
pub(crate) fn download(state: &mut State, request: &ApiRequest) -> Outcome {
    let robot_code = request.text("robotCode");
    if robot_code.is_empty() {
        return Err(ApiError::bad("invalidParameter.robotCode.empty", "robotCode不能为空"));
    }
    let wrong_code = || ApiError::bad("invalidParameter.robotCode.downloadCode", "downloadCode无效");
    let own = state.apps.named(request.caller()).is_some_and(|app| app.robot_code == robot_code);
    let code = request.text("downloadCode").to_owned();
    let found = state.files.shared.get(&code).ok_or_else(wrong_code)?;
    if !own || found.robot_code != robot_code {
        return Err(ApiError::bad("invalidParameter.robotCode.auth", "robotCode无权限"));
    }
    if state.now_ms() >= found.valid_until_ms {
        return Err(wrong_code());
    }
    let path = sign(state, &code);
    let url = match &request.answer_url {
        Some(pattern) => {
            let host = state.url("").split_once("://").map_or_else(String::new, |(_, host)| host.to_owned());
            pattern.replace("{host}", &host).replace("{path}", &path)
        }
        None => state.url(&path),
    };
    Ok(json!({"downloadUrl": url}))
}

/// A signed address (path and query) for a code.
pub(crate) fn sign(state: &mut State, code: &str) -> String {
    let object = format!("{}.file", state.hex(24));
    let signature = state.hex(28);
    let expires_s = state.now_ms().saturating_add(state.knobs.download_url_ttl_ms).div_ceil(1_000);
    let files = &mut state.files;
    if files.signed_order.len() >= SIGNATURES_MAX
        && let Some(oldest) = files.signed_order.pop_front()
    {
        files.signed.remove(&oldest);
    }
    let path =
        format!("{OBJECTS}{object}?Expires={expires_s}&OSSAccessKeyId=simulated&Signature={signature}");
    files.signed.insert(object.clone(), Signed { download_code: code.to_owned(), signature, expires_s });
    files.signed_order.push_back(object);
    path
}

/// Why a signed address is not served, as the storage service answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoSuchKey,
    SignatureDoesNotMatch,
    Expired,
}

impl Refusal {
    /// HTTP status and the XML error of an object store.
    pub(crate) fn answer(self) -> (u16, String) {
        let (status, code, message) = match self {
            Self::NoSuchKey => (404, "NoSuchKey", "The specified key does not exist."),
            Self::SignatureDoesNotMatch => {
                (403, "SignatureDoesNotMatch", "The request signature we calculated does not match.")
            }
            Self::Expired => (403, "AccessDenied", "Request has expired."),
        };
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        (status, text)
    }
}

/// The content a signed address leads to, with its download code.
pub(crate) fn redeem(state: &State, request: &ApiRequest) -> Result<(String, Content), Refusal> {
    let object = request.path.strip_prefix(OBJECTS).unwrap_or_default();
    let signed = state.files.signed.get(object).ok_or(Refusal::NoSuchKey)?;
    // The signature covers the Content-Type header, and none was signed (dingtalk §7.1).
    let fits = request.query_value("Signature") == signed.signature
        && request.query_value("Expires") == signed.expires_s.to_string()
        && !request.has_content_type;
    if !fits {
        return Err(Refusal::SignatureDoesNotMatch);
    }
    if state.now_ms() >= signed.expires_s.saturating_mul(1_000) {
        return Err(Refusal::Expired);
    }
    let content = state.files.content(&signed.download_code).ok_or(Refusal::NoSuchKey)?;
    Ok((signed.download_code.clone(), content.clone()))
}
