//! The composition root: the only place that names concrete adapters.

mod alerts;
mod running;
#[cfg(feature = "demo")]
mod simulation;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use switchboard_adapters::agents;
use switchboard_adapters::clock::{SystemClock, SystemEntropy};
use switchboard_adapters::dingtalk::DingTalk;
use switchboard_adapters::directories;
use switchboard_adapters::net::{Authorities, Exceptions, Network, Proxies, Proxy};
use switchboard_adapters::otlp::Otlp;
use switchboard_adapters::stores::copy::{Place, Told, copy};
use switchboard_adapters::stores::file::{self, OpenError, UpkeepError};
use switchboard_adapters::stores::redis;
use switchboard_adapters::stores::{self, Stores};
use switchboard_adapters::web::Web;
use switchboard_ports::budget::BudgetStore;
use switchboard_ports::clock::{Clock, Entropy};
use switchboard_ports::durability::Durability;
use switchboard_ports::provider::{Description, Provider};
use switchboard_ports::traces::SpanExporter;

use crate::cli::seam::{
    Catalog, ComposeError, Composition, Copied, Copying, KeptUp, OpenMode, Running, Simulation, Upkeep,
};
use crate::config::{self as settings, Config, ProxyVariable, StoreUrl};
use crate::http::dto::channel_input::Providers;
use crate::http::dto::mapping::DirectoryKinds;
use crate::ports::Ports;
use crate::runtime::Driver;
use crate::telemetry::metrics as names;
use crate::telemetry::tally::Tally;

use running::{RunningDriver, settings_of};

/// The real thing: the machine's clock, the stores, DingTalk, agents over HTTP.
pub struct Composed {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// What the running server counts.
    tally: Arc<Tally>,
    /// The file store's directory, between taking it and opening it.
    owned: Mutex<Option<file::Owned>>,
}

impl Default for Composed {
    fn default() -> Self {
        let (clock, entropy) = (Arc::new(SystemClock::start()), Arc::new(SystemEntropy));
        Self { clock, entropy, tally: Arc::default(), owned: Mutex::default() }
    }
}

impl Composed {
    /// What there is besides the stores; calls count together with those of whoever shares `budgets`.
    fn catalog_with(
        &self,
        network: &Network,
        budgets: Option<Arc<dyn BudgetStore>>,
        web: Arc<Web>,
    ) -> Result<Catalog, ComposeError> {
        Ok(Catalog {
            providers: self.providers(network, budgets, web)?,
            kinds: agents::kinds(Arc::clone(&self.clock), network),
            directories: DirectoryKinds(directories::kinds(&self.clock, network)),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        })
    }

    fn providers(
        &self,
        network: &Network,
        budgets: Option<Arc<dyn BudgetStore>>,
        web: Arc<Web>,
    ) -> Result<Providers, ComposeError> {
        let tally = Arc::clone(&self.tally);
        let observer = Arc::new(move |api: &'static str, outcome: &'static str| {
            tally.platform(outcome);
            let labels = [("platform", "dingtalk"), ("api", api), ("outcome", outcome)];
            metrics::counter!(names::PLATFORM_REQUESTS, &labels).increment(1);
        });
        let dingtalk = DingTalk::new(Arc::clone(&self.clock), network.clone(), observer)
            .map_err(|error| ComposeError::Failed(format!("failed to set HTTP up: {error}")))?;
        let dingtalk = match budgets {
            Some(budgets) => dingtalk.sharing(budgets),
            None => dingtalk,
        };
        let dingtalk: Arc<dyn Provider> = Arc::new(dingtalk);
        Ok(BTreeMap::from([("dingtalk", dingtalk), (Web::DESCRIPTION.platform, web as _)]))
    }

    fn web(&self) -> Web {
        Web::new(Arc::clone(&self.clock), Arc::clone(&self.entropy))
    }

    async fn stores(&self, config: &Config, mode: OpenMode) -> Result<Stores, ComposeError> {
        let clock = Arc::clone(&self.clock);
        let folder = match &config.store.url {
            StoreUrl::File(folder) => folder,
            StoreUrl::Memory => return Ok(stores::memory(clock)),
            StoreUrl::Redis(url) => {
                let key = &config.security.encryption_key_file;
                let making = match mode {
                    OpenMode::Create => redis::Making::Allowed,
                    OpenMode::Existing => redis::Making::No,
                };
                let authorities = authorities(&config.network)?;
                let address = redis::Address { url: url.expose(), authorities: &authorities };
                let opened = redis::open(address, &config.store.prefix, key, clock, making).await;
                return opened.map_err(|error| not_opened(config, &error));
            }
        };
        let (folder, key) = (folder.clone(), config.security.encryption_key_file.clone());
        let owned = self.owned.lock().unwrap_or_else(PoisonError::into_inner).take();
        let opened = tokio::task::spawn_blocking(move || match mode {
            OpenMode::Create => match owned {
                Some(owned) => file::open_owned(owned, &folder, &key, clock),
                None => file::open(&folder, &key, clock),
            },
            OpenMode::Existing => {
                let beside = file::open_beside(&folder, &key, Arc::clone(&clock))?;
                // Beside a running server, conversations and users are nobody's but the server's.
                let rest = stores::memory(clock);
                let durability = beside.durability;
                Ok(Stores {
                    channels: beside.channels,
                    agents: beside.agents,
                    tokens: beside.tokens,
                    durability,
                    ..rest
                })
            }
        });
        match opened.await {
            Ok(Ok(stores)) => Ok(stores),
            Ok(Err(error)) => Err(not_opened(config, &error)),
            Err(error) => Err(ComposeError::Failed(format!("failed to open the store: {error}"))),
        }
    }
}

fn not_opened(config: &Config, error: &impl std::fmt::Display) -> ComposeError {
    ComposeError::Failed(format!("failed to open the store {}: {error}", config.store.url))
}

/// One act of upkeep; blocks.
fn kept_up(config: &Config, act: Upkeep, clock: &dyn Clock) -> Result<KeptUp, ComposeError> {
    let folder = match &config.store.url {
        StoreUrl::File(folder) => folder,
        StoreUrl::Memory => {
            let problem = "a memory: store lives in the server's process only";
            return Err(ComposeError::Failed(problem.to_owned()));
        }
        StoreUrl::Redis(_) => {
            let problem = "a shared store is kept up with the tools of Redis";
            return Err(ComposeError::Failed(problem.to_owned()));
        }
    };
    let key = &config.security.encryption_key_file;
    let failed = |what: &'static str| {
        move |error: UpkeepError| {
            ComposeError::Failed(format!("failed to {what} {}: {error}", config.store.url))
        }
    };
    match act {
        Upkeep::Backup { to, force } => {
            let done = file::backup(folder, key, &to, force).map_err(failed("back up"))?;
            let file::BackedUp { bytes, format, conversations } = done;
            Ok(KeptUp::BackedUp { bytes, format, conversations })
        }
        Upkeep::Restore { from } => {
            let done = file::restore(folder, key, &from, clock.now()).map_err(failed("restore"))?;
            let file::Restored { format, conversations, replaced, key_is_there } = done;
            Ok(KeptUp::Restored { format, conversations, replaced, key_is_there })
        }
        Upkeep::RotateKey { to } => {
            let done = file::rotate_key(folder, key, to.as_deref(), clock.now())
                .map_err(failed("change the key of"))?;
            let file::Rotated { records, key_file, key_id, retired, retired_id } = done;
            Ok(KeptUp::Rotated { records, key_file, key_id, retired, retired_id })
        }
    }
}

/// Where a store to copy is.
fn place<'a>(config: &'a Config, authorities: &'a Authorities) -> Result<Place<'a>, ComposeError> {
    match &config.store.url {
        StoreUrl::File(folder) => Ok(Place::File(folder)),
        StoreUrl::Redis(url) => {
            let address = redis::Address { url: url.expose(), authorities };
            Ok(Place::Redis { address, prefix: &config.store.prefix })
        }
        StoreUrl::Memory => {
            let problem = "a memory: store lives in the server's process only";
            Err(ComposeError::Failed(problem.to_owned()))
        }
    }
}

/// Whom to trust beside the system's authorities.
fn authorities(settings: &settings::Network) -> Result<Authorities, ComposeError> {
    let Some(file) = &settings.ca_file else { return Ok(Authorities::default()) };
    let read = Authorities::from_pem(&file.read()?);
    Ok(read.map_err(|error| file.wrong(&format!("the file {error}")))?)
}

/// The way out: authorities and proxies, as configured.
fn network(settings: &settings::Network) -> Result<Network, ComposeError> {
    let authorities = authorities(settings)?;
    let proxy = |variable: Option<&ProxyVariable>| match variable {
        None => Ok(None),
        Some(variable) => {
            Proxy::parse(variable.address.expose()).map_err(|error| variable.wrong(error.to_string()))
        }
    };
    let (plain, tls) = (proxy(settings.plain_proxy.as_ref())?, proxy(settings.tls_proxy.as_ref())?);
    let past = &settings.no_proxy;
    // Without a proxy the list means nothing, whatever other programs read in it.
    let exceptions = if plain.is_none() && tls.is_none() {
        Exceptions::default()
    } else {
        Exceptions::parse(&past.list).map_err(|error| past.wrong(error.to_string()))?
    };
    let proxies = Proxies::new(plain, tls, exceptions);
    Network::new(&authorities, proxies).map_err(|error| ComposeError::Failed(format!("failed to {error}")))
}

/// Where traces go.
fn traces(config: &Config, network: &Network) -> Result<Option<Arc<dyn SpanExporter>>, ComposeError> {
    let Some(endpoint) = &config.telemetry.otlp_endpoint else { return Ok(None) };
    let otlp = Otlp::new(network, endpoint, env!("CARGO_PKG_VERSION"))
        .map_err(|error| ComposeError::Failed(format!("failed to {error}")))?;
    Ok(Some(Arc::new(otlp)))
}

/// Says which proxies outgoing connections go through. The settings were found sound before.
fn tell_proxies(settings: &settings::Network) {
    for (of, variable) in [("http, ws", &settings.plain_proxy), ("https, wss", &settings.tls_proxy)] {
        if let Some(proxy) = variable.as_ref().and_then(|it| Proxy::parse(it.address.expose()).ok().flatten())
        {
            tracing::info!(of, %proxy, "outgoing connections go through a proxy");
        }
    }
}

#[async_trait]
impl Composition for Composed {
    fn platforms(&self) -> Vec<Description> {
        vec![DingTalk::DESCRIPTION, Web::DESCRIPTION]
    }

    fn kinds(&self) -> Vec<&'static str> {
        agents::NAMES.to_vec()
    }

    fn catalog(&self, config: &Config) -> Result<Catalog, ComposeError> {
        self.catalog_with(&network(&config.network)?, None, Arc::new(self.web()))
    }

    async fn own(&self, config: &Config) -> Result<bool, ComposeError> {
        // Mistakes in the configuration are found before anything is made.
        network(&config.network)?;
        let StoreUrl::File(folder) = &config.store.url else { return Ok(true) };
        match file::own(folder) {
            Ok(owned) => {
                *self.owned.lock().unwrap_or_else(PoisonError::into_inner) = Some(owned);
                Ok(true)
            }
            Err(OpenError::InUse(_)) => Ok(false),
            Err(error) => Err(not_opened(config, &error)),
        }
    }

    async fn is_in_use(&self, config: &Config) -> bool {
        match &config.store.url {
            StoreUrl::File(folder) => file::is_in_use(folder),
            StoreUrl::Memory | StoreUrl::Redis(_) => false,
        }
    }

    async fn try_writing(&self, config: &Config) -> Result<Durability, ComposeError> {
        let failed = |error: &dyn std::fmt::Display| {
            ComposeError::Failed(format!("the store {} cannot be written: {error}", config.store.url))
        };
        match config.store.url.clone() {
            StoreUrl::Memory => Ok(Durability::Durable),
            StoreUrl::Redis(url) => {
                let authorities = authorities(&config.network)?;
                let address = redis::Address { url: url.expose(), authorities: &authorities };
                let tried = redis::try_writing(address, &config.store.prefix).await;
                tried.map_err(|error| failed(&error))
            }
            StoreUrl::File(folder) => {
                match tokio::task::spawn_blocking(move || file::try_writing(&folder)).await {
                    Ok(tried) => tried.map(|()| Durability::Durable).map_err(|error| failed(&error)),
                    Err(error) => Err(ComposeError::Failed(format!("failed: {error}"))),
                }
            }
        }
    }

    async fn keep_up(&self, config: &Config, act: Upkeep) -> Result<KeptUp, ComposeError> {
        let (config, clock) = (config.clone(), Arc::clone(&self.clock));
        let done = tokio::task::spawn_blocking(move || kept_up(&config, act, &*clock)).await;
        done.unwrap_or_else(|error| Err(ComposeError::Failed(format!("failed: {error}"))))
    }

    async fn copy(
        &self,
        from: &Config,
        to: &Config,
        tell: &(dyn Fn(Copying) + Send + Sync),
    ) -> Result<Copied, ComposeError> {
        let (from_name, to_name) = (from.store.url.to_string(), to.store.url.to_string());
        let failed = |error: &dyn std::fmt::Display| {
            ComposeError::Failed(format!("failed to copy {from_name} to {to_name}: {error}"))
        };
        let trusted = (authorities(&from.network)?, authorities(&to.network)?);
        let (source, target) = (place(from, &trusted.0)?, place(to, &trusted.1)?);
        let key_file = &from.security.encryption_key_file;
        let tell = |told: Told| {
            tell(match told {
                Told::Read(rows) => Copying::Read(rows),
                Told::Continued => Copying::Continued,
                Told::Copied(rows) => Copying::Copied(rows),
                Told::Marks(marks) => Copying::Marks(marks),
                Told::Comparing => Copying::Comparing,
            });
        };
        let copied = copy((source, &from_name), target, key_file, Arc::clone(&self.clock), &tell).await;
        let stores::copy::Copied { tables, marks } = copied.map_err(|error| failed(&error))?;
        Ok(Copied { tables, marks })
    }

    async fn open(&self, config: &Config, mode: OpenMode) -> Result<Ports, ComposeError> {
        // Mistakes in the configuration are found before anything is made.
        let network = network(&config.network)?;
        tell_proxies(&config.network);
        let stores = self.stores(config, mode).await?;
        // A process that owns its store has nobody to share with, and need not ask.
        let (budgets, web) = match &config.store.url {
            StoreUrl::Memory | StoreUrl::File(_) => (None, self.web()),
            StoreUrl::Redis(_) => (Some(stores.budgets), self.web().told_to_others()),
        };
        let web = Arc::new(web);
        let catalog = self.catalog_with(&network, budgets, Arc::clone(&web))?;
        let alerts = alerts::sink(&config.alerts, &network, &self.clock)?;
        Ok(Ports {
            alerts,
            clock: catalog.clock,
            entropy: catalog.entropy,
            conversations: stores.conversations,
            transcripts: stores.transcripts,
            failures: stores.failures,
            messages: stores.messages,
            channels: stores.channels,
            agents: stores.agents,
            users: stores.users,
            tokens: stores.tokens,
            sessions: stores.sessions,
            attachments: stores.attachments,
            usage: stores.usage,
            audit: stores.audit,
            journal: stores.journal,
            replicas: stores.replicas,
            bulletin: stores.bulletin,
            durability: stores.durability,
            traces: traces(config, &network)?,
            playground: web,
            providers: catalog.providers,
            agent_kinds: catalog.kinds,
            directory_kinds: catalog.directories.0,
        })
    }

    async fn start(&self, config: &Config, ports: &Ports) -> Result<Box<dyn Running>, ComposeError> {
        let settings = settings_of(config, &self.clock, &self.tally);
        let driver = Driver::start(ports.clone(), settings)
            .await
            .map_err(|error| ComposeError::Failed(format!("failed to start: {error}")))?;
        Ok(Box::new(RunningDriver(driver)))
    }

    async fn simulate(&self) -> Result<Simulation, ComposeError> {
        #[cfg(feature = "demo")]
        let simulation = simulation::simulate().await;
        #[cfg(not(feature = "demo"))]
        let simulation = Err(ComposeError::Failed(
            "this build has no simulated platform; build with the feature `demo`".to_owned(),
        ));
        simulation
    }
}
