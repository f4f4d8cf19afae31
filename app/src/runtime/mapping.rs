//! Who asks: the author of a message becomes a company user, by the domain's decision.

use switchboard_domain::ids::{UserId, Version};
use switchboard_domain::mapping::{self, Author, Decision, Facts, NewUser, UserFacts};
use switchboard_domain::message::Sender;
use switchboard_domain::outcome::{Refusal, RunFailure};
use switchboard_domain::settings::MappingMode;
use switchboard_ports::error::StoreError;
use switchboard_ports::users::{Identity, User};

use super::channel::Bot;
use super::shared::{Patience, Shared};

/// Tries at linking when somebody else makes the same user at the same moment.
const LINK_TRIES_MAX: u32 = 3;

/// The user that a message is answered for. A store that is away for a moment is waited for.
pub(crate) async fn map_author(shared: &Shared, bot: &Bot, sender: &Sender) -> Result<User, RunFailure> {
    let mut patience = Patience::new(shared);
    let mut tries = 0;
    while tries < LINK_TRIES_MAX {
        match try_map(shared, bot, sender).await {
            Ok(user) => return user,
            Err(StoreError::Duplicate(_) | StoreError::Conflict) => tries += 1,
            Err(StoreError::Unavailable(_)) if patience.waits().await => {}
            Err(error) => {
                tracing::warn!(channel = %bot.channel.id, %error, "failed to look a user up");
                return Err(RunFailure::UserLookup);
            }
        }
    }
    Err(RunFailure::UserLookup)
}

async fn try_map(
    shared: &Shared,
    bot: &Bot,
    sender: &Sender,
) -> Result<Result<User, RunFailure>, StoreError> {
    let users = &shared.ports.users;
    let author = Author::of(sender, &bot.channel.platform);
    let identity =
        Identity { platform: bot.channel.platform.clone(), im_user_id: author.identity().to_owned() };
    let linked = users.linked(&identity).await?;
    let mapping = &bot.channel.user_mapping;
    let matches = users.matching(&author.username(), author.verified_email).await?;
    let fixed = match &mapping.mode {
        MappingMode::FixedUser(id) => users.find(id).await?,
        MappingMode::AutoCreate | MappingMode::MatchUsername | MappingMode::MatchEmail => None,
    };
    let by_email: Vec<UserFacts> = matches.email.iter().map(facts_of).collect();
    let (linked_facts, named, fixed_facts) = (
        linked.as_ref().map(facts_of),
        matches.username.as_ref().map(facts_of),
        fixed.as_ref().map(facts_of),
    );
    let facts = Facts {
        author,
        linked: linked_facts.as_ref(),
        by_username: named.as_ref(),
        by_email: &by_email,
        fixed: fixed_facts.as_ref(),
    };
    let decision = mapping::decide(mapping, &facts);
    let known = [linked, matches.username, fixed].into_iter().flatten().chain(matches.email);
    match decision {
        Decision::Reject(refusal) => Ok(Err(RunFailure::Refused(refusal))),
        Decision::Use(id) => Ok(find(known, &id).ok_or(RunFailure::UserLookup)),
        // Deleted since it was looked up: looked up again.
        Decision::Link(id) => Ok(enabled(users.link(&id, &identity).await?.ok_or(StoreError::Conflict)?)),
        Decision::Create(new) => Ok(enabled(users.create(&made(shared, new, identity)).await?)),
    }
}

/// An existing link wins, also one that was made a moment ago to somebody who is disabled.
fn enabled(user: User) -> Result<User, RunFailure> {
    if user.disabled { Err(RunFailure::Refused(Refusal::UserDisabled)) } else { Ok(user) }
}

fn made(shared: &Shared, new: NewUser, identity: Identity) -> User {
    let entropy = &shared.ports.entropy;
    let now = shared.now();
    User {
        id: UserId::new(format!("usr_{:016x}{:016x}", entropy.next_u64(), entropy.next_u64())),
        username: new.username,
        email: Some(new.email),
        email_verified: false,
        display_name: new.display_name,
        auth_source: new.auth_source,
        disabled: false,
        department: None,
        directory: None,
        identities: vec![identity],
        version: Version(1),
        created_at: now,
        updated_at: now,
    }
}

fn facts_of(user: &User) -> UserFacts {
    UserFacts { id: user.id.clone(), disabled: user.disabled }
}

fn find(mut users: impl Iterator<Item = User>, id: &UserId) -> Option<User> {
    users.find(|user| user.id == *id)
}
