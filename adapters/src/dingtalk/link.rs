//! One channel's access to DingTalk, as the driver sees it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::channel::CloseCause;
use switchboard_domain::content::Attachment;
use switchboard_domain::ids::{ChannelId, ConnectionId, MessageId, RetryNumber};
use switchboard_domain::outbound::Format;
use switchboard_domain::reply::{CardCall, CardOutcome, Claim, PartOutcome, Way};
use switchboard_domain::settings::ReplyLimits;
use switchboard_domain::usage::QuotaRules;
use switchboard_ports::directory::{Contact, DirectoryError};
use switchboard_ports::provider::{
    Came, CardRequest, Check, ClaimRequest, ConnectionSink, FetchFailure, Fetched, Link, PartRequest,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::api::Lane;
use super::bucket::Class;
use super::card::{FlowStatus, track_id};
use super::cards::{Card, finish_lane, update_lane};
use super::classify::Failure;
use super::gateway::{Socket, dial};
use super::http::CALL_TIMEOUT;
use super::images::Images;
use super::media::Downloads;
use super::phases::Phases;
use super::platform::Platform;
use super::robot::{PART_BYTES_MAX, PART_CHARS_MAX};
use super::socket::serve;
use crate::net::Network;

/// Longest text of one card, in characters: longer ones were seen blank or cut (dingtalk §6.6).
const CARD_CHARS_MAX: usize = 3_000;

/// Getting and uploading the images of one text takes at most this part of the time that there is: the call that shows the text comes
/// after it, and a plain message given up in the middle is never repeated (R10).
const IMAGES_TWELFTHS: u32 = 5;

/// A call that starts so long after its place was granted would be counted in another second than it starts in.
const PLACE_USABLE: Duration = Duration::from_millis(100);

/// One channel's access to DingTalk.
pub(super) struct DingTalkLink {
    pub(super) channel: ChannelId,
    pub(super) network: Network,
    pub(super) downloads: Downloads,
    pub(super) platform: Platform,
    pub(super) images: Images,
    pub(super) phases: Phases,
}

/// When a call that began then has to have taken so many twelfths of the time after which the driver gives it up. With eleven, it
/// tells what came of it before that.
fn part_of(begun: Instant, within: Duration, twelfths: u32) -> Instant {
    begun + within.mul_f64(f64::from(twelfths) / 12.0)
}

impl DingTalkLink {
    async fn open(&self) -> Result<Socket, Failure> {
        let gate = self.platform.budget.gate();
        let ticket = gate.opening(self.platform.open_gateway()).await?;
        dial(&self.network, ticket).await
    }

    /// Waits for another place in the lane where the one that the call came with is too old by now: its images took their time.
    async fn renew_place(
        &self,
        begun: Instant,
        lane: Lane,
        class: Class,
        deadline: Instant,
    ) -> Result<(), Failure> {
        if begun.elapsed() <= PLACE_USABLE {
            return Ok(());
        }
        self.platform.take_place(lane, class, deadline).await
    }
}

#[async_trait]
impl Link for DingTalkLink {
    fn limits(&self) -> ReplyLimits {
        let card = &self.platform.settings.card;
        ReplyLimits {
            cards: card.enabled,
            card_chars_max: CARD_CHARS_MAX,
            part_chars_max: PART_CHARS_MAX,
            part_bytes_max: PART_BYTES_MAX,
            update_interval: card.update_interval,
            pace: self.platform.meter.pace(self.platform.settings.quota),
        }
    }

    fn quota_rules(&self) -> QuotaRules {
        self.platform.settings.quota
    }

    async fn connect(
        &self,
        id: ConnectionId,
        sink: Arc<dyn ConnectionSink>,
        close: CancellationToken,
    ) -> CloseCause {
        let socket = tokio::select! { biased;
            () = close.cancelled() => return CloseCause::Clean,
            opened = self.open() => match opened {
                Ok(socket) => socket,
                Err(failure) => return CloseCause::Failed {
                    code: failure.error_code(),
                    retry_after: failure.retry_after(),
                    detail: failure.detail,
                },
            },
        };
        tracing::debug!(channel = %self.channel, connection = %id, "a stream connection is open");
        let stop = self.platform.settings.card.stop.clone();
        serve(socket, sink, Arc::clone(&self.platform.clock), Arc::clone(&self.platform.meter), stop, close)
            .await
    }

    async fn claim(&self, request: ClaimRequest) {
        let ClaimRequest { claim, still, message, retry } = request;
        let card = || track_id(&self.channel, &message, retry);
        let (lane, class) = match claim {
            Claim::Finish => (finish_lane(&self.platform, &self.phases, &card()), Class::Finish),
            Claim::Open => (Lane::CardCreate, Class::Open),
            Claim::Text(way) => (text_lane(way), Class::Text),
            Claim::Update => (update_lane(&self.platform, &self.phases, &card()), Class::Update),
            Claim::Note => (Lane::CardCreate, Class::Extra),
        };
        self.platform.budget.bucket(lane).take_for(class, still).await;
    }

    async fn barred(&self) -> String {
        self.platform.budget.gate().barred().await
    }

    async fn card(&self, request: CardRequest) -> Came<CardOutcome> {
        let begun = Instant::now();
        let call = match request.call {
            CardCall::Open { text, thinking } => CardCall::Open { text, thinking },
            // A finish waits for its images, an update does not.
            CardCall::Update { text } => CardCall::Update { text: self.images.known(&text) },
            CardCall::Finish { text, failed } => {
                let until = part_of(begun, request.within, IMAGES_TWELFTHS);
                CardCall::Finish { text: self.images.shown(&self.platform, text, until).await, failed }
            }
        };
        let card = Card {
            platform: &self.platform,
            phases: &self.phases,
            track_id: track_id(&self.channel, &request.message, request.retry),
            attempt: request.attempt,
            deadline: (Instant::now() + CALL_TIMEOUT).min(part_of(begun, request.within, 11)),
        };
        match call {
            CardCall::Open { text, thinking } => {
                let status = if thinking { FlowStatus::Processing } else { FlowStatus::Inputing };
                card.open(&request.target, status, &text).await
            }
            CardCall::Update { text } => card.update(&text).await,
            CardCall::Finish { text, failed } => {
                let lane = finish_lane(&self.platform, &self.phases, &card.track_id);
                match self.renew_place(begun, lane, Class::Finish, card.deadline).await {
                    Ok(()) => card.finish(&text, failed).await,
                    Err(failure) => failure.came(failure.card_outcome()),
                }
            }
        }
    }

    async fn send(&self, request: PartRequest) -> Came<PartOutcome> {
        let begun = Instant::now();
        let text = match request.format {
            Format::Markdown => {
                let until = part_of(begun, request.within, IMAGES_TWELFTHS);
                self.images.shown(&self.platform, request.text, until).await
            }
            Format::Text => request.text,
        };
        let request = PartRequest { text, ..request };
        let deadline = (Instant::now() + CALL_TIMEOUT).min(part_of(begun, request.within, 11));
        match self.renew_place(begun, text_lane(request.way), Class::Text, deadline).await {
            Ok(()) => self.platform.send_part(&request, deadline).await,
            Err(failure) => failure.came(failure.part_outcome()),
        }
    }

    fn card_id(&self, message: &MessageId, retry: RetryNumber) -> Option<String> {
        self.platform.settings.card.stop.as_ref().map(|_| track_id(&self.channel, message, retry))
    }

    async fn fetch(&self, attachment: &Attachment) -> Result<Fetched, FetchFailure> {
        self.platform.fetch(&self.downloads, attachment).await
    }

    async fn contact(&self, im_user_id: &str) -> Result<Option<Contact>, DirectoryError> {
        self.platform.contact(im_user_id).await
    }

    async fn preflight(&self) -> Vec<Check> {
        self.platform.preflight().await
    }
}

const fn text_lane(way: Way) -> Lane {
    match way {
        Way::SessionAddress => Lane::SessionWebhook,
        Way::Api => Lane::RobotSend,
    }
}
