//! What stands in for a channel that was deleted while answers of it were still on their way.
//!
//! A deletion waits a while for them and then goes on. While the process lives they go on, too, with the settings they have;
//! the next process has no settings to go on with. There they end by the usual rules, with a link that is refused
//! everything: each has its end and its record, and nothing stays open in the store for good.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::admission::Admission;
use switchboard_domain::channel::{Channel as Machine, CloseCause, ErrorCode};
use switchboard_domain::content::Attachment;
use switchboard_domain::conversation::Policy;
use switchboard_domain::ids::{ChannelId, ConnectionId, MessageId, RetryNumber, Version};
use switchboard_domain::reply::{CardOutcome, PartOutcome};
use switchboard_domain::session::Rules;
use switchboard_domain::settings::{Locale, ReplyLimits, TurnLimits};
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::directory::Directories;
use switchboard_ports::form::Words;
use switchboard_ports::provider::{
    Came, CardRequest, Check, ClaimRequest, ConnectionSink, Description, FetchFailure, Fetched, Link,
    PartRequest,
};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::status::project;
use super::{Bot, ChannelHandle};
use crate::runtime::shared::Shared;

/// A stand-in for a channel that the store does not have any more; `None` while it has it, or cannot tell.
pub(crate) async fn stand_in(shared: &Shared, id: &ChannelId) -> Option<Arc<ChannelHandle>> {
    match shared.ports.channels.find(id).await {
        Ok(None) => {}
        Ok(Some(_)) => return None,
        Err(error) => {
            tracing::warn!(channel = %id, %error, "failed to find out whether a channel is gone");
            return None;
        }
    }
    tracing::info!(channel = %id, "what a deleted channel has left open is ended");
    let machine = Machine::new(0, shared.now());
    Some(Arc::new(ChannelHandle {
        status: Mutex::new(project(id, &shared.replica, &machine, true)),
        id: id.clone(),
        admission: Mutex::new(Admission::default()),
        bot: Mutex::new(Arc::new(bot(id))),
        messages: mpsc::channel(1).0,
        withdrawn: AtomicBool::new(true),
        wait_told_at: Mutex::default(),
        placed: AtomicBool::new(false),
        lives: Mutex::default(),
        sockets: AtomicUsize::new(0),
        message_at: AtomicU64::new(0),
        reply_at: AtomicU64::new(0),
        fetches: Semaphore::new(0),
    }))
}

fn bot(id: &ChannelId) -> Bot {
    let channel = Channel {
        id: id.clone(),
        name: id.to_string(),
        platform: NOWHERE.platform.to_owned(),
        enabled: true,
        default_agent: None,
        default_model: None,
        locale: Locale::default(),
        config: serde_json::Value::Null,
        secrets: std::collections::BTreeMap::new(),
        user_mapping: switchboard_domain::settings::UserMapping::default(),
        directories: Directories::default(),
        switching: switchboard_domain::settings::SwitchingSettings::default(),
        conversation: switchboard_domain::settings::ConversationSettings::default(),
        access: switchboard_domain::settings::AccessSettings::default(),
        privacy: switchboard_domain::settings::PrivacySettings::default(),
        managed_by_file: false,
        version: Version(0),
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
    };
    let policy = Policy {
        rules: Rules { conversation: channel.conversation, limits: TurnLimits::default() },
        reply: Nowhere.limits(),
        locale: channel.locale,
        shares_choices: true,
    };
    let link = Arc::new(Nowhere);
    Bot { channel, description: NOWHERE, link, agent: None, policy, directories: None, meter: None }
}

const NOWHERE: Description = Description {
    platform: "none",
    title: Words::same("none"),
    guide: &[],
    exclusive: false,
    everywhere: false,
    hears_all: false,
    config_fields: &[],
    secret_fields: &[],
    connection_fields: &[],
    identity_fields: &[],
    quota: None,
};

/// No way to any platform: whatever is to be shown is refused.
struct Nowhere;

#[async_trait]
impl Link for Nowhere {
    fn limits(&self) -> ReplyLimits {
        ReplyLimits {
            cards: false,
            card_chars_max: 1_000,
            part_chars_max: 1_000,
            part_bytes_max: 4_000,
            update_interval: Duration::from_secs(1),
            pace: switchboard_domain::usage::Pace::Normal,
        }
    }

    async fn connect(
        &self,
        _id: ConnectionId,
        _sink: Arc<dyn ConnectionSink>,
        _close: CancellationToken,
    ) -> CloseCause {
        CloseCause::Clean
    }

    async fn claim(&self, _claim: ClaimRequest) {}

    async fn card(&self, _call: CardRequest) -> Came<CardOutcome> {
        CardOutcome::Refused(ErrorCode::Misconfigured).into()
    }

    async fn send(&self, _request: PartRequest) -> Came<PartOutcome> {
        PartOutcome::Refused(ErrorCode::Misconfigured).into()
    }

    fn card_id(&self, _message: &MessageId, _retry: RetryNumber) -> Option<String> {
        None
    }

    async fn fetch(&self, _attachment: &Attachment) -> Result<Fetched, FetchFailure> {
        Err(FetchFailure::Gone)
    }

    async fn preflight(&self) -> Vec<Check> {
        Vec::new()
    }
}
