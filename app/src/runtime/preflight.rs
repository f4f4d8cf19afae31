//! Asking a channel's platform and directories whether its settings work, without connecting.

use switchboard_ports::channels::Channel;
use switchboard_ports::error::StoreError;
use switchboard_ports::provider::Check;

use super::channel::{Bot, BotError};
use super::shared::Shared;

/// Asks with the settings that a bot has.
pub(crate) async fn of(bot: &Bot) -> Vec<Check> {
    let directories = async {
        match &bot.directories {
            Some(chain) => chain.checks(&bot.link, bot.channel.platform.as_str()).await,
            None => Vec::new(),
        }
    };
    let (mut checks, directories) = tokio::join!(bot.link.preflight(), directories);
    checks.extend(directories);
    checks
}

/// Asks with settings that are not stored. What the platform counts is counted for the app that they name. They are in force
/// nowhere, whatever they say: the limits of a channel that runs with the same app stay its own.
pub(crate) async fn of_unsaved(shared: &Shared, channel: Channel) -> Result<Vec<Check>, StoreError> {
    let channel = Channel { enabled: false, ..channel };
    match Bot::build(shared, channel).await {
        Ok(bot) => Ok(of(&bot).await),
        Err(BotError::Store(error)) => Err(error),
        // They were checked before; there is nothing that could be asked.
        Err(BotError::UnknownPlatform(_) | BotError::Settings { .. }) => Ok(Vec::new()),
    }
}
