//! What was chosen in the chat: whom a turn is asked of because of it, and the looks that commands take.

use std::sync::Arc;

use switchboard_domain::choice::{self, Choices, Decided, Lookup, ModelFacts, Pick};
use switchboard_domain::conversation::Event;
use switchboard_domain::ids::{ChannelId, Seq};
use switchboard_domain::inbox::{Entry, Intake};
use switchboard_domain::mapping::Author;
use switchboard_domain::message::Sender;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind, FailureCause, Refusal, RunFailure};
use switchboard_domain::session::Found;
use switchboard_domain::settings::{Locale, MappingMode, Remember, Switchers};
use switchboard_ports::agent::MODELS_TOLD_MAX;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::error::StoreError;
use switchboard_ports::users::{CHOICES_MAX, Identity, User};

use super::Actor;
use super::owner::Asked;
use crate::runtime::agents::{is_offered, offered};
use crate::runtime::channel::Bot;
use crate::runtime::mapping::map_author;
use crate::runtime::panics::caught;
use crate::runtime::shared::{Patience, Shared};

/// Tries at writing a user's choice down while others change the same user.
const REMEMBER_TRIES_MAX: u32 = 5;

/// Whether a channel remembers choices for each user.
pub(super) fn is_per_user(bot: &Bot) -> bool {
    bot.channel.switching.remember == Remember::User
}

/// What a user chose in a channel.
pub(super) fn choices_of(user: &User, channel: &ChannelId) -> Choices {
    user.choices.get(channel).cloned().unwrap_or_default()
}

/// The agent that answers, given what was chosen; `None` where the channel has none.
pub(super) async fn agent_for(
    shared: &Shared,
    bot: &Bot,
    choices: &Choices,
) -> Result<Option<Asked>, StoreError> {
    let chosen = choices.agent.as_ref().filter(|id| is_offered(&bot.channel, id));
    let chosen = chosen.filter(|id| bot.agent.as_ref().is_none_or(|(own, _)| own.id != **id));
    let Some(id) = chosen else { return Ok(Asked::present(bot)) };
    let config = shared.ports.agents.find(id).await?;
    let chosen = config.and_then(|config| {
        let agent = shared.agents.built(shared, &config)?;
        Some(Asked::new(&config, &agent, false))
    });
    // One that is gone was chosen instead of the channel's own.
    Ok(chosen.or_else(|| Asked::present(bot)))
}

/// The same for a turn: a store that is away is waited for.
pub(super) async fn agent_for_turn(
    shared: &Shared,
    bot: &Bot,
    choices: &Choices,
) -> Result<Option<Asked>, RunFailure> {
    let mut patience = Patience::of_turn(shared);
    loop {
        match agent_for(shared, bot, choices).await {
            Ok(asked) => return Ok(asked),
            Err(StoreError::Unavailable(_)) if patience.waits().await => {}
            Err(error) => {
                tracing::warn!(channel = %bot.channel.id, %error, "failed to read the agent that was chosen");
                return Err(RunFailure::Agent(AgentFailure::new(AgentFailureKind::Unreachable)));
            }
        }
    }
}

/// The model to ask this agent for, instead of its own.
pub(super) fn model_for(bot: &Bot, agent: &AgentConfig, choices: &Choices) -> Option<String> {
    let may = bot.channel.switching.who != Switchers::Nobody;
    let chosen = choices.model_of(&agent.id).filter(|model| may && agent.models.allows(model));
    let is_own = bot.channel.default_agent.as_ref() == Some(&agent.id);
    chosen.map(str::to_owned).or_else(|| bot.channel.default_model.clone().filter(|_| is_own))
}

impl Actor<'_> {
    /// What was chosen in this conversation, as far as that counts.
    pub(super) fn choices(&self) -> Choices {
        let chosen = self.conversation.session().choices();
        if is_per_user(&self.bot) { Choices::default() } else { chosen.clone() }
    }

    /// The language that an entry's author has chosen for themselves. Where the store cannot tell, it is the channel's.
    pub(super) async fn own_locale(&mut self, sender: &Sender) -> Option<Locale> {
        if !is_per_user(&self.bot) {
            return None;
        }
        let began = self.shared.now();
        let user = known_user(self.shared, &self.bot, sender).await;
        self.stalled_since(began);
        choices_of(&user.ok().flatten()?, &self.handle.id).locale
    }

    /// Takes the look that an entry's command asks for; it comes back as an event.
    pub(super) fn look_up(&mut self, seq: Seq) {
        let Some(entry) = self.conversation.entry(seq).cloned() else { return };
        let Intake::Lookup(lookup) = entry.intake.clone() else { return };
        let (shared, bot) = (Arc::clone(self.shared), Arc::clone(&self.bot));
        let (choices, back) = (self.choices(), self.outcomes.way_back());
        self.shared.tasks.spawn(async move {
            let looked = caught("a look", look(&shared, &bot, &lookup, &entry, choices)).await;
            let (found, locale) = looked.unwrap_or((Found::Told(Notice::LookupFailed, None), None));
            back.tell(Event::LookedUp { seq, found, locale }).await;
        });
    }
}

/// Who an author is known to be, without making or changing anybody.
async fn known_user(shared: &Shared, bot: &Bot, sender: &Sender) -> Result<Option<User>, StoreError> {
    let author = Author::of(sender, &bot.channel.platform);
    let identity =
        Identity { platform: bot.channel.platform.clone(), im_user_id: author.identity().to_owned() };
    let linked = shared.ports.users.linked(&identity).await?;
    match &bot.channel.user_mapping.mode {
        MappingMode::FixedUser(id) if linked.is_none() => shared.ports.users.find(id).await,
        MappingMode::FixedUser(_)
        | MappingMode::AutoCreate
        | MappingMode::MatchUsername
        | MappingMode::MatchEmail
        | MappingMode::Directory => Ok(linked),
    }
}

/// What a look finds, and the language that its author has chosen with it for themselves. A store that is away is waited for.
async fn look(
    shared: &Shared,
    bot: &Bot,
    lookup: &Lookup,
    entry: &Entry,
    choices: Choices,
) -> (Found, Option<Locale>) {
    let mut patience = Patience::new(shared);
    loop {
        match try_look(shared, bot, lookup, entry, &choices).await {
            Ok(found) => return found,
            Err(StoreError::Unavailable(_)) if patience.waits().await => {}
            Err(error) => {
                tracing::warn!(channel = %bot.channel.id, %error, "failed to look up what a command asks for");
                return (Found::Told(Notice::LookupFailed, None), None);
            }
        }
    }
}

async fn try_look(
    shared: &Shared,
    bot: &Bot,
    lookup: &Lookup,
    entry: &Entry,
    choices: &Choices,
) -> Result<(Found, Option<Locale>), StoreError> {
    if *lookup == Lookup::Status {
        let choices = if is_per_user(bot) {
            known_user(shared, bot, &entry.sender).await?.map(|it| choices_of(&it, &bot.channel.id))
        } else {
            Some(choices.clone())
        };
        return Ok((status(shared, bot, &choices.unwrap_or_default()).await?, None));
    }
    // Whoever may not be answered chooses nothing either, and is told the same sentence.
    let user = match map_author(shared, bot, entry).await {
        Ok((user, _)) => user,
        Err(RunFailure::Refused(refusal)) => return Ok((Found::Told(refusal.into(), None), None)),
        Err(RunFailure::UserLookup | RunFailure::Agent(_)) => {
            return Ok((Found::Told(FailureCause::UserLookup.into(), None), None));
        }
    };
    let choices = if is_per_user(bot) { choices_of(&user, &bot.channel.id) } else { choices.clone() };
    let Decided { notice, choices: changed } = decide(shared, bot, lookup, &user, &choices).await?;
    let Some(changed) = changed else {
        return Ok((Found::Told(notice, None), None));
    };
    if !is_per_user(bot) {
        return Ok((Found::Told(notice, Some(changed)), None));
    }
    let locale = changed.locale.unwrap_or(bot.channel.locale);
    // Written before it is said.
    remember(shared, user, &bot.channel.id, changed).await?;
    Ok((Found::Told(notice, None), Some(locale)))
}

async fn status(shared: &Shared, bot: &Bot, choices: &Choices) -> Result<Found, StoreError> {
    let asked = agent_for(shared, bot, choices).await?;
    let model = asked
        .as_ref()
        .and_then(|asked| model_for(bot, &asked.config, choices).or_else(|| asked.config.model.clone()));
    Ok(Found::Status { agent: asked.map(|asked| asked.config.name), model })
}

async fn decide(
    shared: &Shared,
    bot: &Bot,
    lookup: &Lookup,
    user: &User,
    choices: &Choices,
) -> Result<Decided, StoreError> {
    let may_switch = match &bot.channel.switching.who {
        Switchers::Everyone => true,
        Switchers::Listed(users) => users.contains(&user.id),
        Switchers::Nobody => false,
    };
    match lookup {
        Lookup::Language(tongue) => Ok(choice::language(*tongue, bot.channel.locale, choices)),
        // Everybody may go back to what the channel says: whoever may not choose any more would be held to an old choice.
        Lookup::Agents(pick) | Lookup::Models(pick) if !may_switch && *pick != Pick::Default => {
            Ok(Notice::MayNotSwitch.into())
        }
        Lookup::Agents(pick) => {
            let offers = offered(shared, bot).await?;
            Ok(choice::agents(pick, &offers, bot.channel.default_agent.as_ref(), choices))
        }
        Lookup::Status | Lookup::Models(_) => {
            let Some(asked) = agent_for(shared, bot, choices).await? else {
                return Ok(Notice::Refused(Refusal::NoAgent).into());
            };
            let Lookup::Models(pick) = lookup else { return Ok(Notice::LookupFailed.into()) };
            let config = asked.config;
            let unchosen = Choices::default();
            let told = shared.agents.models(shared, &config).await;
            let facts = ModelFacts {
                agent: config.id.clone(),
                is_cut: told.as_ref().is_some_and(|told| told.len() >= MODELS_TOLD_MAX),
                told,
                allowed: config.models.clone(),
                default: model_for(bot, &config, &unchosen).or_else(|| config.model.clone()),
            };
            Ok(choice::models(pick, &facts, choices))
        }
    }
}

/// Writes down what a user chose, whoever else changes the same user at the moment.
async fn remember(
    shared: &Shared,
    mut user: User,
    channel: &ChannelId,
    choices: Choices,
) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        if choices.is_empty() {
            user.choices.remove(channel);
        } else {
            if user.choices.len() >= CHOICES_MAX && !user.choices.contains_key(channel) {
                user.choices.pop_first();
            }
            user.choices.insert(channel.clone(), choices.clone());
        }
        match shared.ports.users.update(&user, user.version, &[]).await {
            Err(StoreError::Conflict) if tries < REMEMBER_TRIES_MAX => {
                tries += 1;
                user = shared.ports.users.find(&user.id).await?.ok_or(StoreError::Conflict)?;
            }
            outcome => return outcome.map(drop),
        }
    }
}
