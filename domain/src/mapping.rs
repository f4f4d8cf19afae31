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
use crate::person::Person;
use crate::settings::{MappingMode, OnMiss, UserMapping};

/// Longest platform id that becomes a username, in bytes; the author of a longer one is a guest.
pub const USERNAME_BYTES_MAX: usize = 128;

/// The part of a user that the decision needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts that are independent of each other")]
pub struct UserFacts {
    /// Its id.
    pub id: UserId,
    /// Whether it is disabled.
    pub disabled: bool,
    /// Whether somebody else leads to it: another identity of the author's platform is linked to it.
    pub elsewhere: bool,
    /// Whether a directory vouches for it: it came from one, or was linked by one. Of [`Facts::by_person`]: whether the one
    /// does that found the person.
    pub vouched: bool,
    /// Whether it is written down that a directory shut it out, and none has let it in since.
    pub shut_out: bool,
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
}

impl<'a> Author<'a> {
    /// The author of a message.
    #[must_use]
    pub fn of(sender: &'a Sender, platform: &'a str) -> Self {
        Self {
            platform,
            im_user_id: sender.im_user_id.as_deref(),
            opaque_id: &sender.opaque_id,
            name: &sender.name,
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

    /// The platform's id, where it is one that can be somebody's name: what directories are asked for.
    #[must_use]
    pub fn usable_id(&self) -> Option<&'a str> {
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
    /// Users whose *verified* e-mail address is the one that directories know of the author; two are enough to know that
    /// it is not unique.
    pub by_email: &'a [UserFacts],
    /// The user of `fixed_user`, if there still is one.
    pub fixed: Option<&'a UserFacts>,
    /// What directories say of the author.
    pub directory: Looked<'a>,
    /// The user whose username is that of the person whom directories found, without regard to case.
    pub by_person: Option<&'a UserFacts>,
}

/// What directories say of an author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked<'a> {
    /// They were not asked: the mode does not, or the author has no id that could be asked for.
    NotAsked,
    /// One of them knows this person, and all before it do not.
    Found(&'a Person),
    /// All were asked, and none knows the author.
    Absent,
    /// One of them knows several people who fit.
    Ambiguous,
    /// One that counts could not be asked. Nobody new is mapped meanwhile, and nobody who is mapped is locked out, except
    /// for whom it was said before that they have no access.
    Unavailable(Last),
}

/// What a directory that cannot be asked now said before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Last {
    /// Nothing, or that there is access.
    Nothing,
    /// The person was disabled.
    Disabled,
    /// It did not know the author.
    Absent,
}

/// Who the author is, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Who.
    pub decision: Decision,
    /// Why.
    pub rule: Rule,
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
    /// It cannot be said at the moment: nothing is made and nothing linked.
    Unknown,
}

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The author is linked already.
    Linked,
    /// Somebody has the author's platform id as username.
    Username,
    /// Somebody has the author's address.
    Email,
    /// Everybody is one user.
    FixedUser,
    /// A directory says so: who it is, that there is no access, or only that it is somebody whom nothing matches.
    Directory,
    /// Nobody matched, and no directory knows the author: `on_miss`.
    OnMiss,
}

impl Rule {
    /// The stable name used in the API and the guides.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Username => "username",
            Self::Email => "email",
            Self::FixedUser => "fixed_user",
            Self::Directory => "directory",
            Self::OnMiss => "on_miss",
        }
    }
}

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The username.
    pub username: String,
    /// The address: a directory's, else a made-up one.
    pub email: String,
    /// Whether the address is the user's: never true of one that is made up.
    pub email_verified: bool,
    /// The name to show.
    pub display_name: String,
    /// The department, where a directory tells one.
    pub department: Option<String>,
    /// Where the user comes from: the platform's name, or `directory`.
    pub auth_source: String,
    /// The directory that knows the user.
    pub directory: Option<String>,
}

/// Decides who the author is.
#[must_use]
pub fn decide(settings: &UserMapping, facts: &Facts<'_>) -> Verdict {
    if let Some(user) = facts.linked {
        return linked(user, facts.directory);
    }
    match facts.directory {
        Looked::Found(person) if person.disabled => return disabled(Rule::Directory),
        // Also where something else might fit: who the author is would depend on the moment.
        Looked::Unavailable(_) => return Verdict { decision: Decision::Unknown, rule: Rule::Directory },
        // Whoever of them it is, it is not somebody new, and not whoever has a fitting name.
        Looked::Ambiguous => return not_mapped(Rule::Directory),
        Looked::Found(_) | Looked::Absent | Looked::NotAsked => {}
    }
    match &settings.mode {
        MappingMode::AutoCreate => match facts.by_username {
            Some(user) => link(user, Rule::Username),
            None => miss(settings, facts),
        },
        MappingMode::MatchUsername => match (facts.author.usable_id(), facts.by_username) {
            (Some(_), Some(user)) => link(user, Rule::Username),
            (Some(_) | None, _) => miss(settings, facts),
        },
        MappingMode::MatchEmail => match (has_address(facts), facts.by_email) {
            (true, [user]) => link(user, Rule::Email),
            // It is not said who of them is meant.
            (true, [_, _, ..]) => not_mapped(Rule::Email),
            (true, []) | (false, _) => miss(settings, facts),
        },
        // Not linked, so that a later change of the mode finds everybody unlinked.
        MappingMode::FixedUser(_) => match facts.fixed {
            Some(user) if user.disabled => disabled(Rule::FixedUser),
            Some(user) => Verdict { decision: Decision::Use(user.id.clone()), rule: Rule::FixedUser },
            None => miss(settings, facts),
        },
        MappingMode::Directory => match (facts.directory, facts.by_person) {
            // Its directory itself says of both identities that they are this person's.
            (Looked::Found(_), Some(user)) => link(
                &UserFacts { elsewhere: user.elsewhere && !user.vouched, ..user.clone() },
                Rule::Directory,
            ),
            (Looked::Found(person), None) => {
                let decision = Decision::Create(of_directory(settings, &facts.author, person));
                Verdict { decision, rule: Rule::Directory }
            }
            (Looked::Absent | Looked::Ambiguous | Looked::NotAsked | Looked::Unavailable(_), _) => {
                miss(settings, facts)
            }
        },
    }
}

/// An existing link always wins: directories say whether there is access, never that it is somebody else. Where they cannot be
/// asked, what they said last counts: it is written down of whom they shut out, so that neither a restart nor another
/// replica, which remembers nothing, lets anybody in.
fn linked(user: &UserFacts, directory: Looked<'_>) -> Verdict {
    if user.disabled {
        return disabled(Rule::Linked);
    }
    let is_out = match directory {
        Looked::Found(person) => person.disabled,
        // Whoever was linked by hand or by another rule may be unknown to all directories.
        Looked::Absent | Looked::Unavailable(Last::Absent) => user.vouched,
        Looked::Unavailable(Last::Disabled) => true,
        Looked::Ambiguous | Looked::Unavailable(Last::Nothing) => user.shut_out,
        Looked::NotAsked => false,
    };
    if is_out {
        disabled(Rule::Directory)
    } else {
        Verdict { decision: Decision::Use(user.id.clone()), rule: Rule::Linked }
    }
}

fn has_address(facts: &Facts<'_>) -> bool {
    matches!(facts.directory, Looked::Found(person) if person.email.is_some())
}

/// Nobody matched. A user is made only where nobody has the name already: to take a namesake for the author is the rule
/// of `auto_create`, and to make a second account beside a disabled one would undo the disabling.
///
/// A namesake is taken only for people of whom no directory says anything: of whom one knows, the mode's own rule did not lead
/// to that user, who may be another person.
fn miss(settings: &UserMapping, facts: &Facts<'_>) -> Verdict {
    match (settings.on_miss, facts.by_username, facts.directory) {
        (OnMiss::Reject, _, _) => not_mapped(Rule::OnMiss),
        (OnMiss::Create, None, _) => {
            let decision = Decision::Create(of_platform(settings, &facts.author));
            Verdict { decision, rule: Rule::OnMiss }
        }
        (OnMiss::Create, Some(_), Looked::Found(_) | Looked::Ambiguous) => not_mapped(Rule::Directory),
        (OnMiss::Create, Some(user), Looked::Absent | Looked::NotAsked | Looked::Unavailable(_)) => {
            link(user, Rule::OnMiss)
        }
    }
}

/// Whom somebody else of the same platform is linked to is not the author as well by a name or an address alone: those are
/// reassigned, chosen and written differently. An administrator can link both.
fn link(user: &UserFacts, rule: Rule) -> Verdict {
    if user.disabled {
        return disabled(rule);
    }
    if user.elsewhere {
        return not_mapped(rule);
    }
    Verdict { decision: Decision::Link(user.id.clone()), rule }
}

const fn not_mapped(rule: Rule) -> Verdict {
    Verdict { decision: Decision::Reject(Refusal::NotMapped), rule }
}

const fn disabled(rule: Rule) -> Verdict {
    Verdict { decision: Decision::Reject(Refusal::UserDisabled), rule }
}

fn of_platform(settings: &UserMapping, author: &Author<'_>) -> NewUser {
    let username = author.username();
    NewUser {
        email: settings.email_template.replace("{user_id}", &username),
        email_verified: false,
        display_name: author.display_name(),
        department: None,
        auth_source: author.platform.to_string(),
        directory: None,
        username,
    }
}

fn of_directory(settings: &UserMapping, author: &Author<'_>, person: &Person) -> NewUser {
    NewUser {
        username: person.username.clone(),
        display_name: person.display_name.clone().unwrap_or_else(|| author.display_name()),
        department: person.department.clone(),
        auth_source: String::from("directory"),
        directory: Some(person.directory.clone()),
        email_verified: person.email.is_some(),
        email: person.email.clone().unwrap_or_else(|| of_platform(settings, author).email),
    }
}

/// 64 bits of the hash: two guests of one company do not meet by chance.
fn guest(platform: &str, opaque_id: &str) -> String {
    let [_, _, _, _, _, _, _, _, low @ ..] = stable_hash(&["guest", platform, opaque_id]).to_be_bytes();
    format!("guest-{:016x}", u64::from_be_bytes(low))
}

#[cfg(test)]
mod tests;
