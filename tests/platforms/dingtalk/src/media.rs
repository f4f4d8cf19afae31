//! Uploads of apps: `POST /media/upload` with its limits, and the media ids given for them (dingtalk §7.2).

use std::collections::VecDeque;

use axum::body::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::api::Outcome;
use crate::apps::legacy;
use crate::files::{CONTENT_BYTES_MAX, guess};
use crate::multipart::{Form, parse};
use crate::request::ApiRequest;
use crate::state::State;

/// Uploads remembered; the oldest leave.
const MEDIA_MAX: usize = 5_000;
/// One megabyte as the limits count it (bytes).
const MB: usize = 1024 * 1024;

/// One upload.
#[derive(Clone, Debug, Serialize)]
pub struct Media {
    /// `media_id`, beginning with `@`.
    pub media_id: String,
    /// Client id that uploaded it.
    pub app: String,
    /// `image`, `voice`, `video` or `file`.
    pub kind: String,
    /// File name of the form part.
    pub name: String,
    /// Media type of the form part, or guessed from the name.
    pub mime: String,
    /// Size in bytes.
    pub size: usize,
    /// When (ms since the epoch).
    pub at_ms: u64,
    /// Content.
    #[serde(skip)]
    pub content: Bytes,
}

/// All uploads kept, oldest first.
#[derive(Debug, Default)]
pub(crate) struct MediaStore {
    list: VecDeque<Media>,
    bytes: usize,
}

impl MediaStore {
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Media> {
        self.list.iter()
    }

    pub(crate) fn named(&self, media_id: &str) -> Option<&Media> {
        self.list.iter().find(|media| media.media_id == media_id)
    }

    fn keep(&mut self, media: Media) {
        self.bytes = self.bytes.saturating_add(media.size);
        self.list.push_back(media);
        while self.list.len() > MEDIA_MAX || (self.bytes > CONTENT_BYTES_MAX && self.list.len() > 1) {
            if let Some(left) = self.list.pop_front() {
                self.bytes = self.bytes.saturating_sub(left.size);
            }
        }
    }
}

/// Limits of one media type: bytes and extensions.
struct Limits {
    bytes: usize,
    extensions: &'static [&'static str],
    prefix: &'static str,
}

fn limits_of(kind: &str) -> Option<Limits> {
    let (megabytes, extensions, prefix): (_, &[&str], _) = match kind {
        "image" => (20, &["jpg", "jpeg", "gif", "png", "bmp"], "@lAD"),
        "voice" => (2, &["amr", "mp3", "wav"], "@lAT"),
        "video" => (20, &["mp4"], "@lAV"),
        "file" => (20, &["doc", "docx", "xls", "xlsx", "ppt", "pptx", "zip", "pdf", "rar"], "@lAL"),
        _ => return None,
    };
    Some(Limits { bytes: megabytes * MB, extensions, prefix })
}

/// `POST /media/upload?access_token=&type=`
#[expect(clippy::unnecessary_wraps, reason = "one signature for all endpoints")]
pub(crate) fn upload(state: &mut State, request: &ApiRequest) -> Outcome {
    Ok(match try_upload(state, request) {
        Ok(media) => json!({
            "errcode": 0, "errmsg": "ok", "type": media.kind, "media_id": media.media_id, "created_at": media.at_ms,
        }),
        Err((errcode, errmsg)) => legacy(errcode, errmsg),
    })
}

fn try_upload(state: &mut State, request: &ApiRequest) -> Result<Media, (i64, &'static str)> {
    if request.too_large {
        return Err((45_001, "多媒体文件大小超过限制"));
    }
    let form = request.multipart_boundary.as_deref().and_then(|boundary| parse(&request.body, boundary));
    let Some(Form { fields, file }) = form else {
        return Err((43_008, "参数需要multipart类型"));
    };
    let kind = fields.get("type").map(String::as_str).filter(|kind| !kind.is_empty());
    let kind = kind.unwrap_or_else(|| request.query_value("type")).to_owned();
    let limits = limits_of(&kind).ok_or((40_004, "不合法的媒体文件类型"))?;
    let file = file.filter(|file| file.field == "media" && !file.content.is_empty());
    let file = file.ok_or((44_001, "空白的多媒体文件"))?;
    let extension = file.name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let extension = extension.unwrap_or_default();
    let checked = kind != "file" || state.knobs.upload_extensions_checked;
    if checked && !limits.extensions.contains(&extension.as_str()) {
        return Err((40_005, "不合法的文件类型"));
    }
    if file.content.len() > limits.bytes {
        return Err((40_006, "不合法的文件大小"));
    }
    let mime = if file.mime.is_empty() { guess(&file.name).to_owned() } else { file.mime };
    let media = Media {
        media_id: format!("{}{}", limits.prefix, state.hex(24)),
        app: request.caller().to_owned(),
        kind,
        name: file.name,
        mime,
        size: file.content.len(),
        at_ms: state.now_ms(),
        content: file.content,
    };
    state.media.keep(media.clone());
    Ok(media)
}
