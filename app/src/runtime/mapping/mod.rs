//! Who asks: the author of a message becomes a company user, by the domain's decision.

mod facts;
mod profile;
mod shut_out;
mod trial;

use std::collections::BTreeMap;

use switchboard_domain::access;
use switchboard_domain::ids::{UserId, Version};
use switchboard_domain::inbox::Entry;
use switchboard_domain::mapping::{Decision, NewUser, Rule};
use switchboard_domain::message::{Chat, Sender};
use switchboard_domain::outcome::{Refusal, RunFailure};
use switchboard_ports::audit::{AuditAct, AuditLine};
use switchboard_ports::error::StoreError;
use switchboard_ports::users::{Identity, User};

use self::facts::Gathered;
pub(crate) use self::trial::tried;
use super::channel::Bot;
use super::directories::{Answer, Wait};
use super::shared::{Patience, Shared};

/// Tries at linking when somebody else makes or changes the same user at the same moment.
const LINK_TRIES_MAX: u32 = 5;

/// The user that a message is answered for, and the rule that says so, if its author may use the channel. A store that is away for a moment is waited
/// for.
pub(crate) async fn map_author(
    shared: &Shared,
    bot: &Bot,
    entry: &Entry,
) -> Result<(User, Rule), RunFailure> {
    let mut patience = Patience::of_turn(shared);
    let mut tries = 0;
    while tries < LINK_TRIES_MAX {
        match try_map(shared, bot, entry).await {
            Ok(user) => return user,
            Err(StoreError::Duplicate(_) | StoreError::Conflict) => tries += 1,
            Err(StoreError::Unavailable(_)) if patience.waits().await => {}
            Err(error) => {
                tracing::warn!(channel = %bot.channel.id, %error, "failed to look a user up");
                return Err(RunFailure::UserLookup);
            }
        }
    }
    tracing::warn!(channel = %bot.channel.id, tries, "failed to map an author: others change the same user");
    Err(RunFailure::UserLookup)
}

type Mapped = Result<(User, Rule), RunFailure>;

async fn try_map(shared: &Shared, bot: &Bot, entry: &Entry) -> Result<Mapped, StoreError> {
    let gathered = Gathered::of(shared, bot, &entry.sender, Wait::Long).await?;
    if let access::Decision::Deny(refusal) = admitted(shared, bot, &gathered, &entry.chat).await? {
        return Ok(Err(RunFailure::Refused(refusal)));
    }
    let users = &shared.ports.users;
    let verdict = gathered.verdict(bot);
    let mapped = match verdict.decision {
        Decision::Reject(refusal) => Err(RunFailure::Refused(refusal)),
        Decision::Unknown => {
            if let Some(Answer::Unavailable(_, why)) = &gathered.answer {
                tracing::warn!(channel = %bot.channel.id, why, "nobody new is mapped while a directory is away");
            }
            Err(RunFailure::UserLookup)
        }
        Decision::Use(id) => match gathered.one(&id).cloned() {
            Some(user) => Ok(refreshed(shared, bot, user, &gathered).await),
            None => Err(RunFailure::UserLookup),
        },
        Decision::Link(id) => {
            let user = gathered.one(&id).cloned().ok_or(StoreError::Conflict)?;
            adopt(shared, &user, &gathered, verdict.rule).await?;
            // Deleted since it was looked up: looked up again.
            let line = note(shared, bot, AuditAct::Linked, verdict.rule, &user, &gathered);
            let linked = users.link(&id, &gathered.identity, &[line]).await?;
            enabled(linked.ok_or(StoreError::Conflict)?)
        }
        Decision::Create(new) => {
            let new = made(shared, new, gathered.identity.clone());
            let line = note(shared, bot, AuditAct::Created, verdict.rule, &new, &gathered);
            enabled(users.create(&new, &[line]).await?)
        }
    };
    Ok(mapped.map(|user| (user, verdict.rule)))
}

/// Whether somebody may use the channel in a chat, as far as that can be told in a moment.
pub(crate) async fn may_use(shared: &Shared, bot: &Bot, sender: &Sender, chat: &Chat) -> access::Decision {
    let told = async {
        let gathered = Gathered::of(shared, bot, sender, Wait::Short).await?;
        admitted(shared, bot, &gathered, chat).await
    };
    match told.await {
        Ok(decision) => decision,
        // Whoever else changes the same user, or a store that is away: whoever looks next can tell.
        Err(_) if bot.channel.access.needs_user() => access::Decision::Open,
        Err(_) => access::Decision::Allow,
    }
}

/// Whether the author may use the channel in a chat. Whom a directory shuts out is written down before it is said: what is
/// written down stands, whatever is remembered.
async fn admitted(
    shared: &Shared,
    bot: &Bot,
    gathered: &Gathered,
    chat: &Chat,
) -> Result<access::Decision, StoreError> {
    let decision = gathered.access(bot, chat);
    if decision != access::Decision::Allow {
        shut_out::shut_out(shared, bot, gathered).await?;
    }
    Ok(decision)
}

/// The audit list's line of who becomes whom.
fn note(
    shared: &Shared,
    bot: &Bot,
    act: AuditAct,
    rule: Rule,
    user: &User,
    gathered: &Gathered,
) -> AuditLine {
    let source = match &gathered.answer {
        Some(Answer::Found(person)) if matches!(rule, Rule::Directory | Rule::Email) => &person.directory,
        Some(_) | None => &bot.channel.platform,
    };
    line(shared, bot, (act, rule, source), user, gathered)
}

/// A line of the audit list: the act, the rule, and the source.
fn line(
    shared: &Shared,
    bot: &Bot,
    (act, rule, source): (AuditAct, Rule, &str),
    user: &User,
    gathered: &Gathered,
) -> AuditLine {
    AuditLine {
        at: shared.now(),
        act,
        rule: rule.as_str().to_owned(),
        source: source.to_owned(),
        channel: Some(bot.channel.id.clone()),
        platform: gathered.identity.platform.clone(),
        im_user_id: gathered.identity.im_user_id.clone(),
        user: user.id.clone(),
        username: user.username.clone(),
    }
}

/// An existing link wins, also one that was made a moment ago to somebody who is disabled.
fn enabled(user: User) -> Result<User, RunFailure> {
    if user.disabled { Err(RunFailure::Refused(Refusal::UserDisabled)) } else { Ok(user) }
}

/// Marks whom a directory leads to as vouched for by it, before the link is made: once linked, nobody stays who has left.
async fn adopt(shared: &Shared, user: &User, gathered: &Gathered, rule: Rule) -> Result<(), StoreError> {
    let Some(Answer::Found(person)) = &gathered.answer else { return Ok(()) };
    if !matches!(rule, Rule::Directory | Rule::Email) {
        return Ok(());
    }
    if let Some(changed) = profile::adopted(user, person, shared.now()) {
        shared.ports.users.update(&changed, user.version, &[]).await?;
    }
    Ok(())
}

/// The user with what the directory says now. Whoever cannot be brought up to date at this moment is it with a later message.
async fn refreshed(shared: &Shared, bot: &Bot, user: User, gathered: &Gathered) -> User {
    let Some(Answer::Found(person)) = &gathered.answer else { return user };
    let mut changed = profile::refreshed(&user, person, shared.now());
    let lines = shut_out::let_in(shared, bot, &user, &mut changed, gathered);
    let Some(changed) = changed else { return user };
    match shared.ports.users.update(&changed, user.version, lines.as_slice()).await {
        Ok(version) => User { version, ..changed },
        Err(_) => user,
    }
}

fn made(shared: &Shared, new: NewUser, identity: Identity) -> User {
    let entropy = &shared.ports.entropy;
    let now = shared.now();
    User {
        id: UserId::new(format!("usr_{:016x}{:016x}", entropy.next_u64(), entropy.next_u64())),
        username: new.username,
        email: Some(new.email),
        email_verified: new.email_verified,
        display_name: new.display_name,
        auth_source: new.auth_source,
        disabled: false,
        department: new.department,
        directory: new.directory,
        choices: BTreeMap::new(),
        shut_out_by: None,
        identities: vec![identity],
        version: Version(1),
        created_at: now,
        updated_at: now,
    }
}
