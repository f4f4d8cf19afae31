//! Who may use a channel: a pure decision over its rules and what is known of an author.
//!
//! It is asked twice. When a message arrives, with what came along ([`Who::NotAsked`]): what that decides costs no look-up
//! and no place in the inbox. Then, before anything is done for the message, with the user whom the mapping leads to.

mod names;

use crate::message::{Chat, ChatKind, Sender};
use crate::outcome::Refusal;
use crate::settings::{AccessSettings, PeopleList, UsersPolicy};

pub use names::{Names, fold};

/// Entries of each list, at most.
pub const LIST_ENTRIES_MAX: usize = 1_000;

/// What is known of an author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Where the message was written.
    pub chat: &'a Chat,
    /// Who wrote it, as the platform tells.
    pub sender: &'a Sender,
    /// Who that is in the company.
    pub who: Who<'a>,
}

/// Who an author is in the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who<'a> {
    /// Nobody was asked yet.
    NotAsked,
    /// It cannot be told at the moment.
    Unknown,
    /// Nobody matched; this user would be made.
    Nobody(Profile<'a>),
    /// This user; also one whom a directory knows and who is made with this message.
    User(Profile<'a>),
    /// Somebody whom the mapping refuses.
    Refused(Refusal),
}

/// What lists can name of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile<'a> {
    /// Our id; `None` of one who is not made yet.
    pub id: Option<&'a str>,
    /// The username.
    pub username: &'a str,
    /// The e-mail address, if it is known to be the user's.
    pub email: Option<&'a str>,
    /// The department.
    pub department: Option<&'a str>,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// There is access.
    Allow,
    /// There is none.
    Deny(Refusal),
    /// It depends on who the author is in the company, which is not known (yet).
    Open,
}

/// Decides whether an author may use the channel in this chat.
#[must_use]
pub fn decide(settings: &AccessSettings, facts: &Facts<'_>) -> Decision {
    let AccessSettings { allow, deny, .. } = settings;
    let denied = Decision::Deny(Refusal::AccessDenied);
    // What came along with the message decides first: it is always there.
    if is_group_of(facts.chat, &deny.groups) || names_sender(deny, facts.sender) {
        return denied;
    }
    if facts.chat.kind == ChatKind::Group
        && !allow.groups.is_empty()
        && !is_group_of(facts.chat, &allow.groups)
    {
        return denied;
    }
    let (profile, is_mapped) = match facts.who {
        Who::Refused(refusal) => return Decision::Deny(refusal),
        // Whoever is somebody, or refused, when it can be told: the mapping has a say even where the lists have none.
        Who::Unknown => return Decision::Open,
        Who::NotAsked if settings.needs_user() => return Decision::Open,
        Who::NotAsked => return Decision::Allow,
        Who::Nobody(profile) => (profile, false),
        Who::User(profile) => (profile, true),
    };
    if names_profile(deny, &profile) {
        return denied;
    }
    let names_people = !allow.users.is_empty() || !allow.departments.is_empty();
    if names_people && !names_sender(allow, facts.sender) && !names_profile(allow, &profile) {
        return denied;
    }
    match settings.users {
        UsersPolicy::MappedOnly if !is_mapped => Decision::Deny(Refusal::NotMapped),
        UsersPolicy::MappedOnly | UsersPolicy::Everyone => Decision::Allow,
    }
}

fn is_group_of(chat: &Chat, groups: &Names) -> bool {
    chat.kind == ChatKind::Group && groups.has(&chat.id)
}

/// The platform's own id of a person; the opaque one too, since outsiders have no other.
fn names_sender(list: &PeopleList, sender: &Sender) -> bool {
    sender.im_user_id.as_deref().is_some_and(|id| list.users.has(id)) || list.users.has(&sender.opaque_id)
}

fn names_profile(list: &PeopleList, profile: &Profile<'_>) -> bool {
    profile.id.is_some_and(|id| list.users.has(id))
        || list.users.has_folded(profile.username)
        || profile.email.is_some_and(|email| list.users.has_folded(email))
        || profile.department.is_some_and(|department| list.departments.has_folded(department))
}

#[cfg(test)]
mod tests;
