//! What a fresh installation begins with: the echo agent and the playground, so that a newcomer has an answer at once.

use serde_json::json;
use switchboard_domain::ids::AgentId;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::error::StoreError;
use switchboard_ports::playground::PLATFORM;
use switchboard_ports::provider::FieldError;

use super::exit::Exit;
use crate::config::Config;
use crate::http::dto::agent_input;
use crate::http::dto::channel_input::{self, References};
use crate::http::playground::ECHO;
use crate::http::state::{new_agent_id, new_channel_id};
use crate::ports::Ports;

/// The name of the channel.
const PLAYGROUND: &str = "Playground";

/// Makes both where the store was never used: it has neither tokens nor channels, and no agents but perhaps this one, left by a
/// start that was cut off. So whoever deletes them does not get them again. Where the admin token or resources are configured,
/// the installation is set up by a program, and nothing is added to it.
pub async fn furnish(config: &Config, ports: &Ports) -> Result<(), Exit> {
    let is_set_up = config.security.admin_token.is_some()
        || !config.declared.agents.is_empty()
        || !config.declared.channels.is_empty()
        || !ports.providers.contains_key(PLATFORM);
    if is_set_up || !ports.tokens.list().await?.is_empty() || !ports.channels.list().await?.is_empty() {
        return Ok(());
    }
    let agents = ports.agents.list().await?;
    let agent = match agents.as_slice() {
        [] => match echo(ports).await {
            Ok(made) => made.id,
            Err(error) if ports.agents.list().await?.is_empty() => return Err(error),
            // Another replica is doing the same at this moment.
            Err(_) => return Ok(()),
        },
        [one] if one.name == ECHO && one.kind == ECHO => one.id.clone(),
        _ => return Ok(()),
    };
    playground(ports, &agent).await
}

/// Makes the agent, as the API would have.
pub async fn echo(ports: &Ports) -> Result<AgentConfig, Exit> {
    let (id, now) = (new_agent_id(&*ports.entropy), ports.clock.now());
    let document = json!({"name": ECHO, "kind": ECHO});
    let echo = agent_input::created(&document, id, now, &ports.agent_kinds).map_err(|e| bad(&e))?;
    ports.agents.insert(&echo).await?;
    Ok(echo)
}

/// Makes the channel, answered by this agent. One of its name is as good.
pub async fn playground(ports: &Ports, agent: &AgentId) -> Result<(), Exit> {
    let (id, now) = (new_channel_id(&*ports.entropy), ports.clock.now());
    let document = json!({
        "name": PLAYGROUND, "type": PLATFORM, "config": {}, "default_agent_id": agent.as_str(),
    });
    let references = References { agents: [agent.clone()].into(), ..References::default() };
    let made = channel_input::created(&document, id, now, &ports.providers, &references);
    match ports.channels.insert(&made.map_err(|errors| bad(&errors))?).await {
        Ok(()) | Err(StoreError::Duplicate(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Settings of our own that are refused.
fn bad(errors: &[FieldError]) -> Exit {
    let fields: Vec<_> = errors.iter().map(|error| format!("{} {}", error.pointer, error.message)).collect();
    Exit::Failed(format!("failed to make what a new installation begins with: {}", fields.join("; ")))
}
