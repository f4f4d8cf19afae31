//! Who may use a channel on the wire, both ways.

use std::ops::RangeInclusive;

use serde::Serialize;
use switchboard_domain::access::{LIST_ENTRIES_MAX, Names};
use switchboard_domain::settings::{AccessSettings, GroupPolicy, PeopleList, UsersPolicy};
use utoipa::ToSchema;

use super::channel::word;
use super::fields::Reader;

const MESSAGES_PER_MINUTE: RangeInclusive<u32> = 0..=10_000;
const CHANNEL_MESSAGES_PER_MINUTE: RangeInclusive<u32> = 0..=1_000_000;

/// Longest entry of a list: more than any e-mail address, username or department has.
const ENTRY_CHARS_MAX: usize = 512;

/// Words of the API for each value.
pub(super) const USERS: [(&str, UsersPolicy); 2] =
    [("everyone", UsersPolicy::Everyone), ("mapped_only", UsersPolicy::MappedOnly)];
pub(super) const GROUPS: [(&str, GroupPolicy); 3] = [
    ("mention_only", GroupPolicy::MentionOnly),
    ("off", GroupPolicy::Off),
    ("all_messages", GroupPolicy::AllMessages),
];

// For the API's document only: reading one is `read`.
/// Who may write, how often.
#[derive(Debug, ToSchema)]
#[schema(as = AccessInput)]
pub struct AccessInput {
    /// `everyone`, or `mapped_only`: whoever is a user already, is found to be one by the mapping, or is known to a directory that
    /// the mapping follows; nobody else is made one.
    #[schema(default = "everyone")]
    pub users: Option<String>,
    /// `mention_only`, `off`, or `all_messages` where the platform passes on what does not mention the bot (DingTalk does
    /// not).
    #[schema(default = "mention_only")]
    pub groups: Option<String>,
    /// Whom the channel is for. Of an empty list: for all.
    pub allow: Option<PeopleListInput>,
    /// Whom it is not for, whatever else says that it is.
    pub deny: Option<PeopleListInput>,
    /// Per user; 0: no limit.
    #[schema(minimum = 0, maximum = 10_000, default = 30)]
    pub messages_per_minute: Option<u32>,
    /// Of all users together; 0: no limit. Commands do not count.
    #[schema(minimum = 0, maximum = 1_000_000, default = 0)]
    pub channel_messages_per_minute: Option<u32>,
}

/// People and places.
#[derive(Debug, ToSchema)]
#[schema(as = PeopleListInput)]
pub struct PeopleListInput {
    /// People: our id, username, verified e-mail address, or the platform's id of them.
    #[schema(max_items = 1000, value_type = Option<Vec<String>>)]
    pub users: Option<Vec<String>>,
    /// Departments, as the directory names them.
    #[schema(max_items = 1000, value_type = Option<Vec<String>>)]
    pub departments: Option<Vec<String>>,
    /// Group chats: the platform's id of the conversation.
    #[schema(max_items = 1000, value_type = Option<Vec<String>>)]
    pub groups: Option<Vec<String>>,
}

/// Who may write, how often.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccessView {
    /// `everyone` or `mapped_only`.
    pub users: &'static str,
    /// `mention_only`, `off` or `all_messages`.
    pub groups: &'static str,
    /// Whom the channel is for. Of an empty list: for all.
    pub allow: PeopleListView,
    /// Whom it is not for, whatever else says that it is.
    pub deny: PeopleListView,
    /// Per user; 0: no limit.
    pub messages_per_minute: u32,
    /// Of all users together; 0: no limit.
    pub channel_messages_per_minute: u32,
}

/// People and places.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PeopleListView {
    /// People: our id, username, verified e-mail address, or the platform's id of them.
    pub users: Vec<String>,
    /// Departments, as the directory names them.
    pub departments: Vec<String>,
    /// Group chats: the platform's id of the conversation.
    pub groups: Vec<String>,
}

impl From<&AccessSettings> for AccessView {
    fn from(access: &AccessSettings) -> Self {
        Self {
            users: word(&USERS, &access.users),
            groups: word(&GROUPS, &access.groups),
            allow: (&access.allow).into(),
            deny: (&access.deny).into(),
            messages_per_minute: access.messages_per_minute,
            channel_messages_per_minute: access.channel_messages_per_minute,
        }
    }
}

impl From<&PeopleList> for PeopleListView {
    fn from(list: &PeopleList) -> Self {
        Self {
            users: list.users.given().to_vec(),
            departments: list.departments.given().to_vec(),
            groups: list.groups.given().to_vec(),
        }
    }
}

/// Reads the section. `hears_all`: whether the platform passes on messages of groups that do not mention the bot.
pub(super) fn read(reader: &mut Reader<'_>, hears_all: bool) -> AccessSettings {
    let groups = reader.choice("groups", &GROUPS, GroupPolicy::MentionOnly);
    if groups == GroupPolicy::AllMessages && !hears_all {
        let message = "cannot be \"all_messages\": this platform passes on only what mentions the bot";
        reader.wrong("groups", message);
    }
    AccessSettings {
        users: reader.choice("users", &USERS, UsersPolicy::Everyone),
        groups,
        allow: reader.section("allow", list),
        deny: reader.section("deny", list),
        messages_per_minute: reader.number("messages_per_minute", &MESSAGES_PER_MINUTE, 30),
        channel_messages_per_minute: reader.number(
            "channel_messages_per_minute",
            &CHANNEL_MESSAGES_PER_MINUTE,
            0,
        ),
    }
}

fn list(reader: &mut Reader<'_>) -> PeopleList {
    let mut names = |key| Names::new(reader.lines(key, LIST_ENTRIES_MAX, ENTRY_CHARS_MAX));
    PeopleList { users: names("users"), departments: names("departments"), groups: names("groups") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use switchboard_domain::settings::AccessSettings;
    use switchboard_ports::provider::FieldError;

    use super::super::fields::{Fields, Reader};
    use super::{AccessView, read};

    fn access(document: &Value, hears_all: bool) -> Result<AccessSettings, Vec<FieldError>> {
        let mut fields = Fields::default();
        let mut reader = Reader::new(document, &mut fields);
        let read = read(&mut reader, hears_all);
        reader.finish();
        fields.into_result(read)
    }

    #[test]
    fn what_is_read_is_shown_as_it_was_given() {
        let given = json!({
            "users": "mapped_only",
            "groups": "all_messages",
            "allow": {"users": ["usr_1", "Ann@x.com"], "departments": ["销售"], "groups": ["cid=="]},
            "deny": {"users": [], "departments": [], "groups": []},
            "messages_per_minute": 0,
            "channel_messages_per_minute": 600,
        });
        let view = AccessView::from(&access(&given, true).unwrap());
        assert_eq!(serde_json::to_value(view).unwrap(), given);
        assert_eq!(access(&json!({"allow": null}), false).unwrap(), AccessSettings::default());
    }

    #[test]
    fn each_entry_that_is_wrong_is_named() {
        let long = "x".repeat(513);
        let given = json!({
            "groups": "all_messages",
            "allow": {"users": ["ok", 1, " a", ""], "people": []},
            "deny": {"departments": [long], "groups": "cid", "users": vec!["x"; 1001]},
        });
        let errors = access(&given, false).unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        let expected = [
            "/groups",
            "/allow/users/1",
            "/allow/users/2",
            "/allow/users/3",
            "/allow/people",
            "/deny/users",
            "/deny/departments/0",
            "/deny/groups",
        ];
        assert_eq!(pointers, expected);
        assert!(errors[0].message.contains("this platform"), "{}", errors[0].message);
    }
}
