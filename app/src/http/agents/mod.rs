//! `/agents`: the configured agents.

pub mod check;
pub mod create;
pub mod delete;
pub mod list;
pub mod read;
pub mod rollback;
pub mod test;
pub mod update;
pub mod version;
pub mod versions;

use switchboard_domain::ids::AgentId;
use switchboard_ports::agents::AgentConfig;

use super::problem::Problem;
use super::state::Api;

/// The agent with this id, or 404.
async fn found(api: &Api, id: &str) -> Result<AgentConfig, Problem> {
    let agent = api.ports.agents.find(&AgentId::new(id)).await?;
    agent.ok_or_else(|| Problem::not_found("there is no agent with this id"))
}

/// Refuses to change what the configuration file says.
fn changeable(agent: &AgentConfig) -> Result<(), Problem> {
    if agent.managed_by_file { Err(Problem::managed_by_file("agent")) } else { Ok(()) }
}

#[cfg(test)]
mod check_tests;
#[cfg(test)]
mod tests;
