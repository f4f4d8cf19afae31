//! Images in answers: got from where the answer says, uploaded, and named by their media id, which the platform's clients
//! show (dingtalk §7.2). Whatever fails leaves the image's address as it is; one that is the image itself becomes a sign when
//! the text is adapted.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::join_all;
use reqwest::Client;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::markdown::image_addresses;
use super::media::Downloads;
use super::platform::Platform;
use crate::net::downloads::Reach;
use crate::net::read_bounded;

/// Images of one text that are uploaded.
const IMAGES_MAX: usize = 5;
/// Largest image, in bytes.
const IMAGE_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Longest address of an image, in bytes.
const ADDRESS_BYTES_MAX: usize = 2_048;
/// Images remembered; beyond, the oldest is forgotten, which costs another upload.
const REMEMBERED_MAX: usize = 512;

/// One channel's images: how to get them, and what became of those seen before.
pub(super) struct Images {
    client: Client,
    reach: Reach,
    seen: Mutex<Seen>,
}

/// What became of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// It has this media id.
    Uploaded(String),
    /// It could not be had.
    Failed,
}

/// What became of images, by address.
#[derive(Default)]
struct Seen {
    fates: HashMap<String, Fate>,
    oldest_first: VecDeque<String>,
}

impl Images {
    /// Images that may come from within this reach.
    pub(super) fn new(downloads: &Downloads, reach: Reach) -> Self {
        Self { client: downloads.client(reach).clone(), reach, seen: Mutex::default() }
    }

    /// The text with those of its images that were uploaded before.
    pub(super) fn known(&self, text: &str) -> String {
        let addresses = image_addresses(text);
        let mut shown = text.to_owned();
        for range in addresses.into_iter().rev() {
            let fate = text.get(range.clone()).and_then(|address| self.recall(address));
            if let Some(Fate::Uploaded(id)) = fate {
                shown.replace_range(range, &id);
            }
        }
        shown
    }

    /// The text with its images uploaded, as far as they can be had by then.
    pub(super) async fn shown(&self, platform: &Platform, text: String, deadline: Instant) -> String {
        let mut wanted: Vec<&str> = Vec::new();
        for range in image_addresses(&text) {
            let address = text.get(range).unwrap_or_default();
            let is_new = !wanted.contains(&address) && self.recall(address).is_none();
            if is_new && wanted.len() < IMAGES_MAX {
                wanted.push(address);
            }
        }
        if wanted.is_empty() {
            return self.known(&text);
        }
        let uploads = wanted.into_iter().map(|address| async move {
            // What was not had in time may be had by the next call that shows the text.
            if let Ok(Some(fate)) = timeout_at(deadline, self.upload(platform, address, deadline)).await {
                self.remember(address, fate);
            }
        });
        join_all(uploads).await;
        self.known(&text)
    }

    /// What becomes of an image; `None`: it may be had another time.
    async fn upload(&self, platform: &Platform, address: &str, deadline: Instant) -> Option<Fate> {
        let content = match address.strip_prefix("data:") {
            Some(data) => written_out(data),
            None => self.fetch_public(&address.replace("&amp;", "&")).await,
        };
        let image = content.as_ref().and_then(|content| Some(Image { content, kind: kind(content)? }));
        let Some(image) = image else { return Some(Fate::Failed) };
        match platform.upload_image(image, deadline).await {
            Ok(id) => Some(Fate::Uploaded(id)),
            Err(failure) => {
                tracing::debug!(code = failure.code(), "an image of an answer was not uploaded");
                failure.is_final().then_some(Fate::Failed)
            }
        }
    }

    /// Gets an image; `None` where it may not be got, cannot be, or is too large.
    async fn fetch_public(&self, address: &str) -> Option<Bytes> {
        let url = (address.len() <= ADDRESS_BYTES_MAX).then(|| Url::parse(address).ok()).flatten();
        let url = self.reach.admit(url?)?;
        // Errors quote the address, which may be a credential: they go nowhere.
        let answer =
            self.client.get(url).send().await.ok().filter(|answer| answer.status().as_u16() == 200)?;
        read_bounded(answer, IMAGE_BYTES_MAX).await.ok()
    }

    fn recall(&self, address: &str) -> Option<Fate> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.fates.get(address).cloned()
    }

    fn remember(&self, address: &str, fate: Fate) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.fates.insert(address.to_owned(), fate).is_none() {
            seen.oldest_first.push_back(address.to_owned());
        }
        while seen.oldest_first.len() > REMEMBERED_MAX {
            if let Some(oldest) = seen.oldest_first.pop_front() {
                seen.fates.remove(&oldest);
            }
        }
    }
}

/// An image that is written out in its address (RFC 2397), in base64.
fn written_out(data: &str) -> Option<Bytes> {
    let (media_type, content) = data.split_once(',')?;
    media_type.strip_suffix(";base64")?;
    STANDARD.decode(content).ok().map(Bytes::from)
}

/// An image to be uploaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image<'a> {
    content: &'a [u8],
    kind: Kind,
}

/// A kind of image that the platform takes: its ending and its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind(&'static str, &'static str);

/// What an image is by its first bytes; `None` for what the platform does not take (dingtalk §7.2).
fn kind(content: &[u8]) -> Option<Kind> {
    let magic: [(&[u8], Kind); 5] = [
        (b"\x89PNG\r\n\x1a\n", Kind("png", "image/png")),
        (b"\xff\xd8\xff", Kind("jpg", "image/jpeg")),
        (b"GIF87a", Kind("gif", "image/gif")),
        (b"GIF89a", Kind("gif", "image/gif")),
        (b"BM", Kind("bmp", "image/bmp")),
    ];
    magic.into_iter().find(|(beginning, _)| content.starts_with(beginning)).map(|(_, kind)| kind)
}

impl Image<'_> {
    /// The content type and the body of the form that carries the image in its field `media` (RFC 7578).
    pub(super) fn form(&self) -> (String, Vec<u8>) {
        let Kind(ending, media_type) = self.kind;
        // Nobody who makes an image up can know it, so it is not in the content.
        let boundary = format!("switchboard-{:032x}", rand::random::<u128>());
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"media\"; filename=\"image.{ending}\"\r\n\
             Content-Type: {media_type}\r\n\r\n"
        );
        let mut body = head.into_bytes();
        body.extend_from_slice(self.content);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={boundary}"), body)
    }
}
