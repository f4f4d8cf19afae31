//! Fields that take one word of several, for the API's document: the same lists that the readers of documents use.

use switchboard_ports::agents::AgentMode;

use super::access::{GROUPS, USERS};
use super::channel::{BUSY, LOCALES, ON_MISS, SCOPES, STALE};
use super::mapping::{DIRECTORY_KINDS, MODES};
use super::switching::{REMEMBER, WHO};
use crate::http::tokens::create::ROLES;

/// Schema, field and words, each.
#[must_use]
pub fn all() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let mut all = Vec::new();
    let mut add = |schemas: &[&'static str], field, words: &[&'static str]| {
        all.extend(schemas.iter().map(|schema| (*schema, field, words.to_vec())));
    };
    add(&["AgentInput", "AgentPatch", "AgentView"], "mode", &words(&AgentMode::ALL));
    add(&["ChannelInput", "ChannelPatch", "ChannelView"], "locale", &words(&LOCALES));
    add(&["UserMappingInput", "UserMappingView"], "mode", &words(&MODES));
    add(&["DirectoryInput", "DirectoryView"], "kind", &DIRECTORY_KINDS);
    add(&["UserMappingInput", "UserMappingView"], "on_miss", &words(&ON_MISS));
    add(&["ConversationSettingsInput", "ConversationSettingsView"], "group_scope", &words(&SCOPES));
    add(&["ConversationSettingsInput", "ConversationSettingsView"], "busy", &words(&BUSY));
    add(&["ConversationSettingsInput", "ConversationSettingsView"], "stale", &words(&STALE));
    add(&["AccessInput", "AccessView"], "users", &words(&USERS));
    add(&["AccessInput", "AccessView"], "groups", &words(&GROUPS));
    add(&["SwitchingInput", "SwitchingView"], "who", &words(&WHO));
    add(&["SwitchingInput", "SwitchingView"], "remember", &words(&REMEMBER));
    add(&["TokenInput", "TokenView"], "role", &words(&ROLES));
    all
}

fn words<T>(choices: &[(&'static str, T)]) -> Vec<&'static str> {
    choices.iter().map(|(word, _)| *word).collect()
}
