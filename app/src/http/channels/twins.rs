//! Twins: two enabled channels that are the same bot. Each would take in and answer the bot's messages, so that one message
//! could be answered twice and a chat's order broken. The second one is refused; disabled twins are allowed.

use serde_json::Value;
use switchboard_ports::channels::Channel;
use switchboard_ports::provider::FieldError;
use url::Url;

use crate::http::dto::channel_input::Providers;
use crate::http::problem::Problem;
use crate::ports::Ports;

/// Refuses an enabled channel whose bot another enabled channel of the store has already. Call it while holding the
/// settings, before the channel is written.
pub(super) async fn refuse(ports: &Ports, channel: &Channel) -> Result<(), Problem> {
    if !channel.enabled {
        return Ok(());
    }
    let others = ports.channels.list().await?;
    match twin(channel, &others, &ports.providers) {
        Some(FieldError { pointer, message }) => Err(Problem::duplicate(&pointer, &message)),
        None => Ok(()),
    }
}

/// What is wrong with an enabled channel beside the others: the pointer from the channel's root, and the other's name. A
/// channel of the same id or name is no twin: it is the same one, or is refused for its name.
pub fn twin<'a>(
    channel: &Channel,
    others: impl IntoIterator<Item = &'a Channel>,
    providers: &Providers,
) -> Option<FieldError> {
    let fields = providers.get(channel.platform.as_str())?.description().identity_fields;
    let telling = fields.first()?;
    channel.config.pointer(telling).filter(|_| channel.enabled)?;
    let other = others.into_iter().find(|other| {
        other.enabled
            && other.platform == channel.platform
            && other.id != channel.id
            && fields.iter().all(|field| same(channel.config.pointer(field), other.config.pointer(field)))
            && other.name.to_lowercase() != channel.name.to_lowercase()
    })?;
    let message = format!(
        "is the same bot as that of the enabled channel \"{}\" ({}): only one enabled channel may have it",
        other.name, other.id
    );
    Some(FieldError { pointer: format!("/config{telling}"), message })
}

/// Whether two settings mean the same; addresses may be spelt differently.
fn same(one: Option<&Value>, other: Option<&Value>) -> bool {
    let address = |value: Option<&Value>| Url::parse(value?.as_str()?).ok();
    one == other || address(one).is_some_and(|one| address(other).as_ref() == Some(&one))
}
