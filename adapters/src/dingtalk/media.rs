//! Files that came with messages: asked for by code, then got from the address that the platform names (dingtalk §7.1).

use std::sync::Arc;

use bytes::Bytes;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::content::Attachment;
use switchboard_ports::attachments::FILE_BYTES_MAX;
use switchboard_ports::provider::{FetchFailure, Fetched};
use tokio::time::{Duration, Instant, timeout};
use url::Url;

use super::api::Api;
use super::bucket::Class;
use super::classify::{Failure, Verdict};
use super::http::{CALL_TIMEOUT, CONNECT_TIMEOUT};
use super::media_type::media_type;
use super::platform::Platform;
use crate::net::downloads::{Reach, is_not_public};
use crate::net::{BodyError, ClientError, Network, read_bounded};

/// A download as a whole ends within this. With the call before it, within what the port allows.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest address of a file, in bytes.
const ADDRESS_BYTES_MAX: usize = 8_192;

/// The clients that files are got with; shared by all channels.
#[derive(Clone)]
pub(super) struct Downloads(Arc<Clients>);

struct Clients {
    public: Client,
    anywhere: Client,
    anywhere_plain: Client,
}

impl Downloads {
    pub(super) fn new(network: &Network) -> Result<Self, ClientError> {
        let client = |reach: Reach| reach.client(network, CONNECT_TIMEOUT);
        Ok(Self(Arc::new(Clients {
            public: client(Reach::Public)?,
            anywhere: client(Reach::Anywhere { plain: false })?,
            anywhere_plain: client(Reach::Anywhere { plain: true })?,
        })))
    }

    /// The client for what lies within this reach.
    pub(super) fn client(&self, reach: Reach) -> &Client {
        match reach {
            Reach::Public => &self.0.public,
            Reach::Anywhere { plain: false } => &self.0.anywhere,
            Reach::Anywhere { plain: true } => &self.0.anywhere_plain,
        }
    }

    /// Gets a file within this time: its content, and what the server says it is.
    async fn get(
        &self,
        url: &str,
        reach: Reach,
        within: Duration,
    ) -> Result<(Bytes, Option<String>), FetchFailure> {
        timeout(within, self.get_whole(url, reach)).await.unwrap_or(Err(FetchFailure::Unavailable))
    }

    async fn get_whole(&self, url: &str, reach: Reach) -> Result<(Bytes, Option<String>), FetchFailure> {
        let refused = FetchFailure::Denied(ErrorCode::PlatformError);
        let url = (url.len() <= ADDRESS_BYTES_MAX).then(|| Url::parse(url).ok()).flatten();
        let url = url.and_then(|url| reach.admit(url)).ok_or(refused)?;
        // The address is signed, and a credential: errors that quote it go nowhere.
        let answer = self.client(reach).get(url).send().await;
        let answer = answer.map_err(|error| match () {
            () if is_not_public(&error) => refused,
            () => FetchFailure::Unavailable,
        })?;
        match answer.status().as_u16() {
            200 => {}
            // A signature that has run out, a file that was taken away.
            400..=407 | 409..=428 | 430..=499 => return Err(FetchFailure::Gone),
            // Another host.
            300..=399 => return Err(refused),
            _ => return Err(FetchFailure::Unavailable),
        }
        let announced = answer.headers().get(CONTENT_TYPE);
        let announced = announced.and_then(|value| value.to_str().ok()).map(str::to_owned);
        match read_bounded(answer, FILE_BYTES_MAX).await {
            Ok(content) => Ok((content, announced)),
            Err(BodyError::TooLong { .. }) => Err(FetchFailure::TooLong),
            Err(BodyError::Cut) => Err(FetchFailure::Unavailable),
        }
    }
}

impl Platform {
    /// Fetches a file by its code.
    pub(super) async fn fetch(
        &self,
        downloads: &Downloads,
        attachment: &Attachment,
    ) -> Result<Fetched, FetchFailure> {
        if attachment.source.is_empty() {
            return Err(FetchFailure::Gone);
        }
        let url = self.file_address(attachment).await?;
        let got = downloads.get(&url, self.settings.reach(), DOWNLOAD_TIMEOUT).await;
        let (content, announced) = got?;
        let media_type = media_type(attachment.kind, &content, &attachment.name, announced.as_deref());
        Ok(Fetched { content, media_type })
    }

    async fn file_address(&self, attachment: &Attachment) -> Result<String, FetchFailure> {
        let body = json!({"downloadCode": attachment.source.expose(), "robotCode": self.settings.client_id});
        let deadline = Instant::now() + CALL_TIMEOUT;
        let answer = self.call_in_turn(Api::FileDownload, Class::Text, &body, deadline).await;
        let answer = answer.map_err(|failure| judged(&failure))?;
        let url = answer.get("downloadUrl").and_then(Value::as_str).filter(|url| !url.is_empty());
        url.map(str::to_owned).ok_or(FetchFailure::Unavailable)
    }
}

fn judged(failure: &Failure) -> FetchFailure {
    match failure.verdict {
        Verdict::NotSent | Verdict::Throttled { .. } | Verdict::Unclear(_) => FetchFailure::Unavailable,
        Verdict::TokenRejected => FetchFailure::Denied(ErrorCode::InvalidCredentials),
        // The code is wrong, has run out, or is another robot's.
        Verdict::Refused(ErrorCode::Misconfigured)
        | Verdict::CardMissing
        | Verdict::CardExists
        | Verdict::CardFinished => FetchFailure::Gone,
        Verdict::Refused(code) => FetchFailure::Denied(code),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::{Downloads, Duration, FetchFailure, Instant, Network, Reach};
    use crate::net::{Authorities, Proxies};

    /// A server that goes on with its answer for ever, a byte at a time, and never says how long it is.
    async fn endless() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut peer, _) = listener.accept().await.unwrap();
            let _ = peer.read(&mut [0; 1024]).await;
            let _ = peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n").await;
            while peer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        url
    }

    #[tokio::test]
    async fn a_download_that_always_brings_a_little_ends_with_its_time() {
        let network = Network::new(&Authorities::default(), Proxies::default()).unwrap();
        let downloads = Downloads::new(&network).unwrap();
        let (begun, within) = (Instant::now(), Duration::from_millis(300));
        let got = downloads.get(&endless().await, Reach::Anywhere { plain: true }, within).await;
        assert_eq!(got, Err(FetchFailure::Unavailable));
        assert!((within..Duration::from_secs(5)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
}
