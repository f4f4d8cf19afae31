//! The provider port: a chat platform, seen from the driver.
//!
//! A [`Provider`] knows a platform's settings; a [`Link`] is one channel's access to it: connections in, calls
//! out. The port is shaped for platforms with sockets and cards as well as for ones with webhook callbacks,
//! plain messages and one exclusive connection.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::Value;
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_domain::content::Attachment;
use switchboard_domain::ids::{ConnectionId, MessageId, RetryNumber, Seq};
use switchboard_domain::message::{Inbound, Target};
use switchboard_domain::notice::Finding;
use switchboard_domain::outbound::Format;
use switchboard_domain::reply::{CardCall, CardOutcome, Claim, PartOutcome, Way};
use switchboard_domain::settings::ReplyLimits;
use switchboard_domain::usage::{Pace, QuotaRules, Used};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::channels::Channel;
use crate::config_field::ConfigField;
use crate::directory::{Contact, DirectoryError};
use crate::form::Words;

/// A chat platform.
pub trait Provider: Send + Sync {
    /// What the platform is and can do.
    fn description(&self) -> Description;

    /// Checks settings and fills in defaults. `config` holds the settings without secrets, `secrets_set` the pointers of
    /// secrets that are there. All bad fields are named at once, unknown ones included. Pure.
    fn check_config(&self, config: &Value, secrets_set: &[String]) -> Result<Value, Vec<FieldError>>;

    /// A channel's access to the platform. Does no I/O. The channel's settings were checked before. Whatever the platform
    /// counts against a monthly quota is counted with `meter`. Where links share something, limits for example, that of a channel
    /// which is not enabled changes nothing for those that are: it may be there to try settings out.
    fn link(&self, channel: &Channel, meter: Arc<dyn Meter>) -> Result<Arc<dyn Link>, Vec<FieldError>>;
}

/// Counts one app's use of its quota. Never blocks and never fails.
pub trait Meter: Send + Sync {
    /// Counts one use, made now.
    fn count(&self, used: Used);

    /// The platform has surely performed a call that counts, which it does only while there is quota. Said of no call whose
    /// fate is unknown: an answer from in front of the API says nothing about the quota.
    fn performed(&self);

    /// The platform has said that the quota of calls is used up.
    fn refused(&self);

    /// A message was pushed, with or without its content: without it where the quota of pushes is used up.
    fn pushed(&self, is_withheld: bool);

    /// The pace that these rules and what was counted here leave now. What it said before counts, too: a pace that follows from
    /// a forecast is kept for a while.
    fn pace(&self, rules: QuotaRules) -> Pace;
}

/// A meter of what nobody counts: of platforms without a quota, and where nothing is kept.
#[derive(Debug, Clone, Copy)]
pub struct Unmetered;

impl Meter for Unmetered {
    fn count(&self, _used: Used) {}

    fn performed(&self) {}

    fn refused(&self) {}

    fn pushed(&self, _is_withheld: bool) {}

    fn pace(&self, rules: QuotaRules) -> Pace {
        rules.pace.unwrap_or_default()
    }
}

/// A quota that a platform sets a company for each month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthlyQuota {
    /// How many minutes the clock by which its months turn is ahead of UTC.
    pub utc_offset_minutes: i16,
}

/// What a platform is and can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// The platform's name in settings and metrics: `dingtalk`.
    pub platform: &'static str,
    /// The platform's name for people.
    pub title: Words,
    /// How to set up a bot there, step by step, for whoever fills in the settings.
    pub guide: &'static [Words],
    /// Whether only one connection per bot may be open anywhere.
    pub exclusive: bool,
    /// Whether every replica has a connection, however many are wanted of others: there is no platform outside, and a
    /// connection costs nothing.
    pub everywhere: bool,
    /// Whether messages of groups that do not mention the bot are passed on to it, or can be.
    pub hears_all: bool,
    /// All settings there are.
    pub config_fields: &'static [ConfigField],
    /// JSON pointers of settings that are secret: `/client_secret`.
    pub secret_fields: &'static [&'static str],
    /// JSON pointers of settings whose change needs a new connection.
    pub connection_fields: &'static [&'static str],
    /// JSON pointers of settings that together name the bot, the telling one first: `/client_id`. Two enabled channels
    /// with the same values would both take in its messages, so the application refuses the second. Empty: nothing
    /// is refused.
    pub identity_fields: &'static [&'static str],
    /// The quota that calls and pushes count against; `None` where there is none. What a channel uses is counted under the
    /// first of its `identity_fields`.
    pub quota: Option<MonthlyQuota>,
}

/// A bad field of somebody's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer to it, from the root of what was checked: `/ai_card/update_interval_ms`.
    pub pointer: String,
    /// What is wrong and what is allowed, one sentence fragment.
    pub message: String,
}

/// One channel's access to its platform. All calls are bounded in time by the link itself: 10 s at most, a fetch
/// [`FETCH_TIMEOUT`].
#[async_trait]
pub trait Link: Send + Sync {
    /// What the channel can show with its present settings, at the pace that its quota leaves now: asked again and again.
    fn limits(&self) -> ReplyLimits;

    /// What the channel's settings say of its platform's quota.
    fn quota_rules(&self) -> QuotaRules {
        QuotaRules::default()
    }

    /// Opens one connection and serves it until it ends; the cause is the result. Answers the platform's pings at once,
    /// whatever the store does. When `close` is cancelled, it waits up to 10 s for the acks under way, then closes
    /// cleanly (close frame and FIN). Dropping the future cuts the connection. Not repeatable: each call is a new one.
    async fn connect(
        &self,
        id: ConnectionId,
        sink: Arc<dyn ConnectionSink>,
        close: CancellationToken,
    ) -> CloseCause;

    /// Waits for a place in the platform's budget for such a call (R14). Safe to cancel: a place not used is given back
    /// by time. The call should follow at once.
    async fn claim(&self, claim: ClaimRequest);

    /// Ends as soon as the platform lets nobody's calls through from here for a while, so that claims wait which hear of it by
    /// no answer; at once while that lasts. Says what is the matter, for the channel's status. Safe to cancel.
    async fn barred(&self) -> String {
        std::future::pending().await
    }

    /// Makes one card call. Never cancelled by the driver. May be repeated: calls are idempotent by card id and key (R8).
    async fn card(&self, call: CardRequest) -> Came<CardOutcome>;

    /// Sends one plain message by one way. Never cancelled, never repeated by the link (R10): a time-out, 5xx or cut
    /// connection is [`PartOutcome::Unknown`].
    async fn send(&self, request: PartRequest) -> Came<PartOutcome>;

    /// The platform's own name for the card that answers a message or a retry of it, where presses of its stop button can come: the `card`
    /// of a [`Press`]. `None` where the channel shows no such button. Pure.
    fn card_id(&self, message: &MessageId, retry: RetryNumber) -> Option<String>;

    /// Fetches a file that came with a message, whole: at most [`FILE_BYTES_MAX`](crate::attachments::FILE_BYTES_MAX)
    /// bytes. Platforms keep files for a while only, so it is made soon after the message. May be repeated and
    /// cancelled.
    async fn fetch(&self, attachment: &Attachment) -> Result<Fetched, FetchFailure>;

    /// What the platform knows of a person of the company; `None` where it knows nobody of this id. Idempotent, safe to
    /// cancel, bounded by [`LOOK_UP_TIMEOUT`](crate::directory::LOOK_UP_TIMEOUT).
    async fn contact(&self, _im_user_id: &str) -> Result<Option<Contact>, DirectoryError> {
        Err(DirectoryError::Unsupported)
    }

    /// Asks the platform with the stored credentials, without connecting, and without anybody seeing anything. Ends within
    /// 10 s; asks for what does not depend on each other at the same time. What the platform does not clearly answer is
    /// [`CheckResult::CannotBeTold`].
    async fn preflight(&self) -> Vec<Check>;
}

/// Where a connection reports to. Implemented by the driver; no method blocks.
pub trait ConnectionSink: Send + Sync {
    /// Something happened on the connection.
    fn signal(&self, signal: Signal);

    /// A message came. Calls are made in frame order; the answers may come in any order (R2). The platform gets its ack
    /// only for [`Ack::Stored`].
    fn offer(&self, message: Inbound) -> BoxFuture<'static, Ack>;

    /// Somebody pressed the stop button of a card. Answered within 1.5 s, whatever the store does; dropping the future
    /// undoes nothing that was stored. The same press may be reported again: it is one act.
    fn press(&self, press: Press) -> BoxFuture<'static, Pressed>;
}

/// A press of a card's stop button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press {
    /// The card, as [`Link::card_id`] names it.
    pub card: String,
    /// Who pressed, by the platform's user id.
    pub person: String,
}

/// What became of a press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed {
    /// The act is stored, or was before: the answer ends with the text it has.
    Stored,
    /// The card's answer has ended, or is not known here: there is nothing to stop.
    Over,
    /// This person may not stop this answer; nothing changes.
    Foreign,
    /// The act is not stored yet, and goes on being offered to the store for a while: nothing can be said of it. Whoever
    /// pressed sees the answer stop, or may press again.
    Underway,
    /// The act is not taken: there are too many presses already. Whoever pressed should press again.
    Withheld,
}

/// What happened on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The transport is open; not yet proof of anything.
    Opened,
    /// A frame or a pong came: the proof. Report each; the sink is cheap.
    Heard,
    /// The platform announced that it will close this connection: make a new one now.
    Rotating,
    /// A push could not be understood and was acked, because the same would come again. For log and metrics.
    Undecodable,
}

/// Whether the platform gets its ack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// The message is stored, or was before.
    Stored,
    /// It could not be stored: no ack, so that the platform delivers it again.
    Withheld,
}

/// A call that waits for its place in the budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequest {
    /// What for.
    pub claim: Claim,
    /// How long people have seen nothing new of the reply.
    pub still: Duration,
    /// Names the card, as in its [`CardRequest`].
    pub message: MessageId,
    /// Names the card, as in its [`CardRequest`].
    pub retry: RetryNumber,
}

/// One card call with all it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardRequest {
    /// Where the card lives.
    pub target: Target,
    /// Names the card, with the channel and the retry: the same for all attempts at one message (R8).
    pub message: MessageId,
    /// The operator's retry of the message: each has a card of its own (R8).
    pub retry: RetryNumber,
    /// The place in the conversation's inbox that it answers.
    pub seq: Seq,
    /// Crash attempts so far: part of the call's key, never of the card's id (R8).
    pub attempt: u32,
    /// What to do.
    pub call: CardCall,
    /// The driver gives the call up after this, and then takes its fate for unknown.
    pub within: Duration,
}

/// One plain message with all it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRequest {
    /// Where it goes.
    pub target: Target,
    /// The place in the conversation's inbox that it answers.
    pub seq: Seq,
    /// Its text.
    pub text: String,
    /// How it is meant: characters are to be shown as they stand.
    pub format: Format,
    /// Which way.
    pub way: Way,
    /// The driver gives the call up after this, and then takes its fate for unknown.
    pub within: Duration,
}

/// What came of a call that shows something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came<T> {
    /// The outcome.
    pub outcome: T,
    /// What the platform calls the message that the call made, where it says: people who quote the message send this name
    /// instead of its words. 1 to [`KEY_BYTES_MAX`](switchboard_domain::content::KEY_BYTES_MAX) bytes.
    pub key: Option<String>,
    /// Why it was refused: the platform's code, and what it says is missing. For the channel's status, so at most some hundred
    /// characters, no secret and nothing of what was to be shown. Empty where nothing was refused, or nobody says why.
    pub detail: String,
}

impl<T> From<T> for Came<T> {
    fn from(outcome: T) -> Self {
        Self { outcome, key: None, detail: String::new() }
    }
}

/// Longest fetch of one file.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(40);

/// A file as the platform gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The content; may be empty.
    pub content: Bytes,
    /// What it is, as far as content, name or platform tell: `image/png`, else `application/octet-stream`.
    pub media_type: String,
}

/// Why a file could not be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FetchFailure {
    /// Not now: network, time-out, throttle, an error of the platform's own. Worth another try.
    #[error("the file cannot be fetched at the moment")]
    Unavailable,
    /// The platform does not have it (any more), or not for this bot. Another try would end the same.
    #[error("the platform does not have the file any more")]
    Gone,
    /// It is longer than any file may be.
    #[error("the file is too long")]
    TooLong,
    /// We may not have it until somebody changes something; the code says what.
    #[error("the file may not be fetched ({0:?})")]
    Denied(ErrorCode),
}

/// One line of a preflight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked: `token`, `stream`, `card`; unique in one preflight.
    pub name: &'static str,
    /// How it went.
    pub result: CheckResult,
    /// What was found; the words are the domain's, in the reader's language.
    pub finding: Finding,
    /// The other side's code and words, where there are any; at most some hundred characters, no secret.
    pub detail: String,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckResult {
    /// Fine.
    Ok,
    /// Not fine.
    Failed,
    /// The platform does not tell.
    CannotBeTold,
}
