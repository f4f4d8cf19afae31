//! `/playground`: whoever is signed in talks to the bot of a channel that no chat platform stands behind.

pub mod say;
pub mod stream;

use switchboard_domain::ids::{ChannelId, ConversationId, ConversationKey};
use switchboard_domain::username::reads_as_it_is;
use switchboard_ports::channels::Channel;
use switchboard_ports::playground::{PLATFORM, Person};

use super::auth::Caller;
use super::dto::message::digest;
use super::problem::Problem;
use super::state::Api;

/// The agent that a new installation begins with, beside its playground: its name, which is its kind's as well.
pub const ECHO: &str = "echo";

/// Characters of a hash in an id.
const HASH_CHARS: usize = 32;

/// The channel with this id, if people can talk to it here.
async fn found(api: &Api, id: &str) -> Result<Channel, Problem> {
    let channel = api.ports.channels.find(&ChannelId::new(id)).await?;
    let channel = channel.ok_or_else(|| Problem::not_found("there is no channel with this id"))?;
    if channel.platform == PLATFORM {
        return Ok(channel);
    }
    Err(Problem::wrong_state("the channel is on a chat platform: talk to its bot there"))
}

/// Whoever asks, as the platform `web` knows them: by the token's name.
#[must_use]
pub fn person(caller: &Caller) -> Person {
    let name = caller.name.clone();
    // What nobody could read would be nobody's id.
    let id = if reads_as_it_is(&name) { name.clone() } else { format!("token-{}", short(&[&name])) };
    Person { id, name }
}

/// A person's conversation with a channel's bot.
#[must_use]
pub fn conversation(channel: &ChannelId, person: &Person) -> ConversationId {
    ConversationKey { channel: channel.clone(), chat: person.id.clone(), member: None }.id()
}

fn short(parts: &[&str]) -> String {
    let hash = digest(parts);
    hash.get(..HASH_CHARS).unwrap_or(&hash).to_owned()
}

#[cfg(test)]
mod tests;
