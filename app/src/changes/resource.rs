//! What has versions: channels and agents, as far as their versions are concerned.

use async_trait::async_trait;
use serde_json::Value;
use switchboard_domain::ids::{AgentId, ChannelId, Version};
use switchboard_domain::secret::Secret;
use switchboard_domain::time::Timestamp;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::error::StoreError;

use super::lines::Kind;
use crate::http::dto::agent::AgentView;
use crate::http::dto::channel::ChannelView;
use crate::http::dto::fields::pointer_part;
use crate::ports::Ports;

/// A stored secret of a resource.
#[derive(Debug)]
pub struct Kept<'a> {
    /// What it belongs to: the same in each version, wherever it stands there.
    pub owner: String,
    /// Where the API shows that it is there.
    pub pointer: String,
    /// The secret.
    pub secret: &'a Secret,
}

/// A channel or an agent.
#[async_trait]
pub trait Resource: Clone + Send + Sync {
    /// Which of the two.
    const KIND: Kind;

    /// Its id.
    fn id(&self) -> &str;

    /// Its name.
    fn name(&self) -> &str;

    /// Its version.
    fn version(&self) -> Version;

    /// When it was last changed.
    fn updated_at(&self) -> Timestamp;

    /// It with another version.
    #[must_use]
    fn with_version(&self, version: Version) -> Self;

    /// It, as the API shows it: secrets as `***`.
    fn content(&self) -> Value;

    /// Whether the configuration file says what it is.
    fn is_managed(&self) -> bool;

    /// Whether another one is the same but for when it was changed.
    fn is_same_as(&self, other: &Self) -> bool;

    /// Its secrets.
    fn secrets(&self) -> Vec<Kept<'_>>;

    /// The stored one.
    async fn find(ports: &Ports, id: &str) -> Result<Option<Self>, StoreError>;

    /// All stored ones.
    async fn list(ports: &Ports) -> Result<Vec<Self>, StoreError>;

    /// Adds it.
    async fn insert(&self, ports: &Ports) -> Result<(), StoreError>;

    /// Puts it in the place of the one with this version.
    async fn update(&self, ports: &Ports, expected: Version) -> Result<Version, StoreError>;

    /// Deletes it.
    async fn delete(&self, ports: &Ports) -> Result<bool, StoreError>;
}

/// The secrets that differ, by where they stand in the later version: those that are new, gone or others.
pub fn changed_secrets<R: Resource>(before: Option<&R>, after: &R) -> Vec<String> {
    let was = before.map(Resource::secrets).unwrap_or_default();
    let is = after.secrets();
    let same = |one: &Kept<'_>, other: &Kept<'_>| one.owner == other.owner && one.secret == other.secret;
    let new = is.iter().filter(|kept| !was.iter().any(|old| same(old, kept)));
    let gone = was.iter().filter(|kept| !is.iter().any(|left| left.owner == kept.owner));
    new.chain(gone).map(|kept| kept.pointer.clone()).collect()
}

fn secrets_of_agent(agent: &AgentConfig) -> Vec<Kept<'_>> {
    let own = |pointer: String, secret| Kept { owner: pointer.clone(), pointer, secret };
    let key = (!agent.api_key.is_empty()).then(|| own(String::from("/api_key"), &agent.api_key));
    let headers = agent.headers.iter();
    let headers = headers.map(|(name, value)| own(format!("/headers/{}", pointer_part(name)), value));
    let token = agent.identity.token.as_ref();
    let token = token.map(|token| own(String::from("/identity/token/secret"), &token.secret));
    key.into_iter().chain(headers).chain(token).collect()
}

fn secrets_of_channel(channel: &Channel) -> Vec<Kept<'_>> {
    let own = channel.secrets.iter().map(|(at, secret)| {
        let pointer = format!("/config{at}");
        Kept { owner: pointer.clone(), pointer, secret }
    });
    // A directory may stand elsewhere in the list; its name is what makes it the same.
    let chain = channel.directories.chain.iter().enumerate();
    let theirs = chain.flat_map(|(index, directory)| {
        directory.secrets.iter().map(move |(at, secret)| Kept {
            owner: format!("{} {}{at}", directory.kind, directory.name),
            pointer: format!("/user_mapping/directories/{index}/config{at}"),
            secret,
        })
    });
    own.chain(theirs).collect()
}

/// Both have the same fields and the same methods of a store.
macro_rules! resource {
    ($resource:ident, $kind:ident, $id:ident, $store:ident, $view:ident, $secrets:ident) => {
        #[async_trait]
        impl Resource for $resource {
            const KIND: Kind = Kind::$kind;

            fn id(&self) -> &str {
                self.id.as_str()
            }

            fn name(&self) -> &str {
                &self.name
            }

            fn version(&self) -> Version {
                self.version
            }

            fn updated_at(&self) -> Timestamp {
                self.updated_at
            }

            fn with_version(&self, version: Version) -> Self {
                Self { version, ..self.clone() }
            }

            fn content(&self) -> Value {
                serde_json::to_value($view::from(self)).unwrap_or_default()
            }

            fn is_managed(&self) -> bool {
                self.managed_by_file
            }

            fn is_same_as(&self, other: &Self) -> bool {
                *self == Self { updated_at: self.updated_at, ..other.clone() }
            }

            fn secrets(&self) -> Vec<Kept<'_>> {
                $secrets(self)
            }

            async fn find(ports: &Ports, id: &str) -> Result<Option<Self>, StoreError> {
                ports.$store.find(&$id::new(id)).await
            }

            async fn list(ports: &Ports) -> Result<Vec<Self>, StoreError> {
                ports.$store.list().await
            }

            async fn insert(&self, ports: &Ports) -> Result<(), StoreError> {
                ports.$store.insert(self).await
            }

            async fn update(&self, ports: &Ports, expected: Version) -> Result<Version, StoreError> {
                ports.$store.update(self, expected).await
            }

            async fn delete(&self, ports: &Ports) -> Result<bool, StoreError> {
                ports.$store.delete(&self.id).await
            }
        }
    };
}

resource!(AgentConfig, Agent, AgentId, agents, AgentView, secrets_of_agent);
resource!(Channel, Channel, ChannelId, channels, ChannelView, secrets_of_channel);
