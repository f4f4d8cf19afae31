//! How long a channel's conversations are kept on the wire, both ways.

use std::ops::RangeInclusive;

use serde::Serialize;
use switchboard_domain::settings::PrivacySettings;
use utoipa::ToSchema;

use super::fields::Reader;

/// At most ten years.
const DAYS: RangeInclusive<u32> = 0..=3_650;

// For the API's document only: reading one is `read`.
/// How long what was said is kept.
#[derive(Debug, ToSchema)]
#[schema(as = PrivacyInput)]
pub struct PrivacyInput {
    /// Days that lines of transcripts, and questions in failure records, are kept; 0: for ever.
    #[schema(minimum = 0, maximum = 3_650, default = 0)]
    pub transcript_days: Option<u32>,
    /// `false`: of a transcript only the running session is kept, for 24 hours after its last message.
    #[schema(default = true)]
    pub store_transcripts: Option<bool>,
}

/// How long what was said is kept.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PrivacyView {
    /// Days that lines of transcripts, and questions in failure records, are kept; 0: for ever.
    pub transcript_days: u32,
    /// `false`: of a transcript only the running session is kept, for 24 hours after its last message.
    pub store_transcripts: bool,
}

impl From<PrivacySettings> for PrivacyView {
    fn from(privacy: PrivacySettings) -> Self {
        Self { transcript_days: privacy.transcript_days, store_transcripts: privacy.store_transcripts }
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> PrivacySettings {
    PrivacySettings {
        transcript_days: reader.number("transcript_days", &DAYS, 0),
        store_transcripts: reader.flag("store_transcripts", true),
    }
}
