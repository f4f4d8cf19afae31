//! Which company user the author of a message is: a pure decision over what the user store knows.
//!
//! The shell looks up the [`Facts`], asks [`decide`], and carries out the [`Decision`]; when it loses a race for a
//! username it looks again. An existing link always wins. Addresses that we make up are never verified, and unverified
//! addresses are never matched: nobody becomes somebody by being given a name.

use alloc::format;
use alloc::string::{String, ToString as _};

use crate::hash::stable_hash;
use crate::ids::UserId;
use crate::message::Sender;
use crate::outcome::Refusal;
use crate::settings::{MappingMode, OnMiss, UserMapping};

/// Longest platform id that becomes a username, in bytes; the author of a longer one is a guest.
pub const USERNAME_BYTES_MAX: usize = 128;

/// The part of a user that the decision needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFacts {
    /// Its id.
    pub id: UserId,
    /// Whether it is disabled.
    pub disabled: bool,
}

/// The author of a message, as far as the platform tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author<'a> {
    /// The platform's name (`dingtalk`).
    pub platform: &'a str,
    /// The id that the platform's calls take; `None` for outsiders and unpublished apps (dingtalk §3.4).
    pub im_user_id: Option<&'a str>,
    /// An id that is always there and the same for the same person in this channel.
    pub opaque_id: &'a str,
    /// The name shown in the chat.
    pub name: &'a str,
    /// An e-mail address that the platform vouches for, where it gives one.
    pub verified_email: Option<&'a str>,
}

impl<'a> Author<'a> {
    /// The author of a message on a platform that says nothing about addresses.
    #[must_use]
    pub fn of(sender: &'a Sender, platform: &'a str) -> Self {
        Self {
            platform,
            im_user_id: sender.im_user_id.as_deref(),
            opaque_id: &sender.opaque_id,
            name: &sender.name,
            verified_email: None,
        }
    }

    /// The id under which the author is linked: the usable one, else the opaque one.
    #[must_use]
    pub fn identity(&self) -> &'a str {
        self.usable_id().unwrap_or(self.opaque_id)
    }

    /// The username that is looked for, and given to a new user: the platform's id, or for authors without a usable one
    /// `guest-` and a stable hash, which is nobody's id.
    #[must_use]
    pub fn username(&self) -> String {
        self.usable_id().map_or_else(|| guest(self.platform, self.opaque_id), String::from)
    }

    fn usable_id(&self) -> Option<&'a str> {
        self.im_user_id.filter(|id| !id.trim().is_empty() && id.len() <= USERNAME_BYTES_MAX)
    }

    fn display_name(&self) -> String {
        let name = self.name.trim();
        if name.is_empty() { self.username() } else { name.to_string() }
    }
}

/// What the user store knows about an author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The author.
    pub author: Author<'a>,
    /// The user linked to [`Author::identity`].
    pub linked: Option<&'a UserFacts>,
    /// The user whose username is [`Author::username`], without regard to case.
    pub by_username: Option<&'a UserFacts>,
    /// Users whose *verified* e-mail address is the author's; two are enough to know that it is not unique.
    pub by_email: &'a [UserFacts],
    /// The user of `fixed_user`, if there still is one.
    pub fixed: Option<&'a UserFacts>,
}

/// Who the author is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This user.
    Use(UserId),
    /// This user, who is linked to [`Author::identity`] from now on.
    Link(UserId),
    /// A new user, linked to [`Author::identity`].
    Create(NewUser),
    /// Nobody: the message is refused.
    Reject(Refusal),
}

/// A user to be made. Its address is never verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The username.
    pub username: String,
    /// The made-up address.
    pub email: String,
    /// The name to show.
    pub display_name: String,
    /// Where the user comes from: the platform's name.
    pub auth_source: String,
}

/// Decides who the author is.
#[must_use]
pub fn decide(settings: &UserMapping, facts: &Facts<'_>) -> Decision {
    if let Some(user) = facts.linked {
        return unless_disabled(user, Decision::Use);
    }
    match &settings.mode {
        MappingMode::AutoCreate => match facts.by_username {
            Some(user) => unless_disabled(user, Decision::Link),
            None => miss(settings, facts),
        },
        MappingMode::MatchUsername => match (facts.author.usable_id(), facts.by_username) {
            (Some(_), Some(user)) => unless_disabled(user, Decision::Link),
            (Some(_) | None, _) => miss(settings, facts),
        },
        MappingMode::MatchEmail => {
            match (facts.author.usable_id(), facts.author.verified_email, facts.by_email) {
                (Some(_), Some(_), [user]) => unless_disabled(user, Decision::Link),
                // Nobody, or several: it is not said who of them is meant.
                (Some(_) | None, _, _) => miss(settings, facts),
            }
        }
        // Not linked, so that a later change of the mode finds everybody unlinked.
        MappingMode::FixedUser(_) => match facts.fixed {
            Some(user) => unless_disabled(user, Decision::Use),
            None => miss(settings, facts),
        },
    }
}

/// Nobody matched. A user is made only where nobody has the name already: to take a namesake for the author is the rule
/// of `auto_create`, and to make a second account beside a disabled one would undo the disabling.
fn miss(settings: &UserMapping, facts: &Facts<'_>) -> Decision {
    match settings.on_miss {
        OnMiss::Reject => Decision::Reject(Refusal::NotMapped),
        OnMiss::Create => match facts.by_username {
            Some(user) => unless_disabled(user, Decision::Link),
            None => Decision::Create(new_user(settings, &facts.author)),
        },
    }
}

fn unless_disabled(user: &UserFacts, decision: fn(UserId) -> Decision) -> Decision {
    if user.disabled { Decision::Reject(Refusal::UserDisabled) } else { decision(user.id.clone()) }
}

fn new_user(settings: &UserMapping, author: &Author<'_>) -> NewUser {
    let username = author.username();
    NewUser {
        email: settings.email_template.replace("{user_id}", &username),
        display_name: author.display_name(),
        auth_source: author.platform.to_string(),
        username,
    }
}

/// 64 bits of the hash: two guests of one company do not meet by chance.
fn guest(platform: &str, opaque_id: &str) -> String {
    let [_, _, _, _, _, _, _, _, low @ ..] = stable_hash(&["guest", platform, opaque_id]).to_be_bytes();
    format!("guest-{:016x}", u64::from_be_bytes(low))
}

#[cfg(test)]
mod tests;
