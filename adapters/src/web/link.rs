//! One channel of the playground, as the driver sees it: a connection that is up at once, and calls that always arrive.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::channel::CloseCause;
use switchboard_domain::content::Attachment;
use switchboard_domain::ids::{ChannelId, ConnectionId, MessageId, RetryNumber, Seq};
use switchboard_domain::notice::Finding;
use switchboard_domain::reply::{CardCall, CardOutcome, PartOutcome};
use switchboard_domain::settings::ReplyLimits;
use switchboard_domain::time::Timestamp;
use switchboard_ports::playground::{By, ITEM_CHARS_MAX, Item, Stage};
use switchboard_ports::provider::{
    Came, CardRequest, Check, CheckResult, ClaimRequest, ConnectionSink, FetchFailure, Fetched, Link,
    PartRequest, Signal,
};
use tokio_util::sync::CancellationToken;

use super::rooms::bounded;
use super::{Door, Inside};

/// Pause between two signs of life: well within the time after which a silent connection is replaced.
const HEARD_PAUSE: Duration = Duration::from_secs(10);

/// UTF-8 has at most so many bytes a character.
const CHAR_BYTES_MAX: usize = 4;

/// One channel.
pub(super) struct WebLink {
    pub(super) channel: ChannelId,
    pub(super) inside: Arc<Inside>,
    /// Pause between two updates of a card.
    pub(super) pace: Duration,
}

/// A connection that is up; its door is closed however it ends.
struct Up<'a> {
    link: &'a WebLink,
    id: ConnectionId,
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        self.link.inside.close(&self.link.channel, self.id);
    }
}

#[async_trait]
impl Link for WebLink {
    fn limits(&self) -> ReplyLimits {
        ReplyLimits {
            cards: true,
            card_chars_max: ITEM_CHARS_MAX,
            part_chars_max: ITEM_CHARS_MAX,
            part_bytes_max: ITEM_CHARS_MAX.saturating_mul(CHAR_BYTES_MAX),
            update_interval: self.pace,
            pace: switchboard_domain::usage::Pace::Normal,
        }
    }

    async fn connect(
        &self,
        id: ConnectionId,
        sink: Arc<dyn ConnectionSink>,
        close: CancellationToken,
    ) -> CloseCause {
        if close.is_cancelled() {
            return CloseCause::Clean;
        }
        let _up = Up { link: self, id };
        sink.signal(Signal::Opened);
        sink.signal(Signal::Heard);
        self.inside.open(&self.channel, Door { connection: id, sink: Arc::clone(&sink) });
        loop {
            tokio::select! {
                biased;
                () = close.cancelled() => return CloseCause::Clean,
                () = tokio::time::sleep(HEARD_PAUSE) => sink.signal(Signal::Heard),
            }
        }
    }

    async fn claim(&self, _claim: ClaimRequest) {}

    async fn card(&self, request: CardRequest) -> Came<CardOutcome> {
        let id = card_name(&request.message, request.retry);
        let now = self.inside.clock.now();
        let mut outcome = CardOutcome::Done;
        let room = (&self.channel, request.target.chat.id.as_str());
        self.inside.rooms.edit(room, &id, now, |there| {
            let (text, stage) = match (&request.call, there.map(|item| item.stage)) {
                // It exists: as good as made.
                (CardCall::Open { .. }, Some(_)) => return None,
                (CardCall::Update { .. } | CardCall::Finish { .. }, Some(Stage::Done | Stage::Failed)) => {
                    outcome = CardOutcome::AlreadyFinished;
                    return None;
                }
                (CardCall::Open { text, .. }, None)
                // A card from before a restart, or of another replica's, is made by whatever comes next.
                | (CardCall::Update { text }, Some(Stage::Open) | None) => (text, Stage::Open),
                (CardCall::Finish { text, failed }, Some(Stage::Open) | None) => {
                    (text, if *failed { Stage::Failed } else { Stage::Done })
                }
            };
            let at = there.map_or(now, |item| item.at);
            Some(said(id.clone(), text, stage, request.seq, at))
        });
        outcome.into()
    }

    async fn send(&self, request: PartRequest) -> Came<PartOutcome> {
        let now = self.inside.clock.now();
        let entropy = &self.inside.entropy;
        let id = format!("part-{:016x}{:016x}", entropy.next_u64(), entropy.next_u64());
        let item = said(id.clone(), &request.text, Stage::Done, request.seq, now);
        self.inside.rooms.edit((&self.channel, &request.target.chat.id), &id, now, |_| Some(item));
        PartOutcome::Sent.into()
    }

    fn card_id(&self, _message: &MessageId, _retry: RetryNumber) -> Option<String> {
        // `/stop` stands beside the words that are written.
        None
    }

    async fn fetch(&self, _attachment: &Attachment) -> Result<Fetched, FetchFailure> {
        Err(FetchFailure::Gone)
    }

    async fn preflight(&self) -> Vec<Check> {
        let (result, finding) = (CheckResult::Ok, Finding::NothingOutside);
        vec![Check { name: "playground", result, finding, detail: String::new() }]
    }
}

/// The same for all attempts at one message (R8).
fn card_name(message: &MessageId, retry: RetryNumber) -> String {
    format!("card-{message}-{retry}")
}

/// Something that the bot says.
fn said(id: String, text: &str, stage: Stage, seq: Seq, at: Timestamp) -> Item {
    let (text, is_cut) = bounded(text);
    Item { id, by: By::Bot, text, is_cut, stage, seq: Some(seq), at }
}
