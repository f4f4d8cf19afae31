//! The one message that is answered, and what its channel can show.

use std::time::Duration;

use switchboard_domain::ids::{MessageId, RetryNumber, Seq};
use switchboard_domain::message::{Chat, ChatKind, SessionAddress, Target};
use switchboard_domain::outbound::Format;
use switchboard_domain::reply::Facts;
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::{Locale, ReplyLimits};
use switchboard_domain::snapshot::{ReplyId, ReplyRole};
use switchboard_domain::time::Timestamp;

use super::world::Setting;

pub(super) fn facts(setting: &Setting, now: Timestamp) -> Facts {
    let address = |seconds| SessionAddress {
        url: Secret::new("https://example.invalid"),
        until: now.after(Duration::from_secs(seconds)),
    };
    Facts {
        id: ReplyId { seq: Seq(1), role: ReplyRole::Answer },
        message: MessageId::new("m1"),
        retry: RetryNumber(0),
        target: Target {
            chat: Chat { id: "chat".into(), kind: ChatKind::Private, title: None },
            im_user_id: Some("staff".to_owned()),
            session_address: setting.address_s.map(address),
        },
        attempt: 0,
        format: Format::Markdown,
        limits: ReplyLimits {
            cards: setting.cards,
            card_chars_max: 150,
            part_chars_max: 80,
            part_bytes_max: 400,
            update_interval: Duration::from_millis(800),
            pace: switchboard_domain::usage::Pace::Normal,
        },
        locale: Locale::En,
    }
}
