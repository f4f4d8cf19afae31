//! Who may use a channel, in the channel's record.

use serde::{Deserialize, Serialize};
use switchboard_domain::access::Names;
use switchboard_domain::settings::{AccessSettings, GroupPolicy, PeopleList, UsersPolicy};

use super::mirrored;

/// Rules of access.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AccessRecord {
    groups: GroupPolicyRecord,
    messages_per_minute: u32,
    // A later format added these (`has_rules`); not written where they are as ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    users: Option<UsersPolicyRecord>,
    #[serde(default, skip_serializing_if = "PeopleListRecord::is_empty")]
    allow: PeopleListRecord,
    #[serde(default, skip_serializing_if = "PeopleListRecord::is_empty")]
    deny: PeopleListRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel_messages_per_minute: Option<u32>,
}

mirrored!(GroupPolicyRecord = GroupPolicy { MentionOnly, Off, AllMessages });
mirrored!(UsersPolicyRecord = UsersPolicy { Everyone, MappedOnly });

impl AccessRecord {
    /// Whether there are rules that the first format does not know.
    pub(super) fn has_rules(&self) -> bool {
        self.users.is_some()
            || self.channel_messages_per_minute.is_some()
            || matches!(self.groups, GroupPolicyRecord::AllMessages)
            || !self.allow.is_empty()
            || !self.deny.is_empty()
    }
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PeopleListRecord {
    users: Vec<String>,
    departments: Vec<String>,
    groups: Vec<String>,
}

impl PeopleListRecord {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&PeopleList> for PeopleListRecord {
    fn from(from: &PeopleList) -> Self {
        Self {
            users: from.users.given().to_vec(),
            departments: from.departments.given().to_vec(),
            groups: from.groups.given().to_vec(),
        }
    }
}

impl From<PeopleListRecord> for PeopleList {
    fn from(from: PeopleListRecord) -> Self {
        Self {
            users: Names::new(from.users),
            departments: Names::new(from.departments),
            groups: Names::new(from.groups),
        }
    }
}

impl From<&AccessSettings> for AccessRecord {
    fn from(from: &AccessSettings) -> Self {
        let usual = AccessSettings::default();
        let for_all = from.channel_messages_per_minute;
        Self {
            groups: from.groups.into(),
            messages_per_minute: from.messages_per_minute,
            users: (from.users != usual.users).then(|| from.users.into()),
            allow: (&from.allow).into(),
            deny: (&from.deny).into(),
            channel_messages_per_minute: (for_all != usual.channel_messages_per_minute).then_some(for_all),
        }
    }
}

impl From<AccessRecord> for AccessSettings {
    fn from(from: AccessRecord) -> Self {
        let usual = Self::default();
        Self {
            users: from.users.map_or(usual.users, Into::into),
            groups: from.groups.into(),
            allow: from.allow.into(),
            deny: from.deny.into(),
            messages_per_minute: from.messages_per_minute,
            channel_messages_per_minute: from
                .channel_messages_per_minute
                .unwrap_or(usual.channel_messages_per_minute),
        }
    }
}
