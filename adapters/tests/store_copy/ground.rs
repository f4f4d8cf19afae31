//! Empty places for stores of any kind, and copies between them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use switchboard_adapters::stores::copy::{self, Copied, CopyError, Place, Told};
use switchboard_adapters::stores::redis::{self, LeaseClock, Making};
use switchboard_adapters::stores::{Stores, file};
use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::conformance::FakeClock;
use tempfile::TempDir;
use test_servers::redis::{Cluster, Server};

/// Where a store is.
pub(crate) enum End {
    File(PathBuf),
    Redis(String),
}

impl End {
    pub(crate) fn place(&self) -> Place<'_> {
        match self {
            Self::File(folder) => Place::File(folder),
            Self::Redis(url) => Place::Redis { address: url.as_str().into(), prefix: "test" },
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    File,
    Redis,
    Cluster,
}

/// A key, a clock, and whatever serves stores.
pub(crate) struct Ground {
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) folder: TempDir,
    servers: Vec<Server>,
    clusters: Vec<Cluster>,
    folders: u32,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ground = Self {
            clock: Arc::new(FakeClock::new()),
            folder,
            servers: Vec::new(),
            clusters: Vec::new(),
            folders: 0,
        };
        ground.write_key("key", "5a");
        ground
    }

    pub(crate) fn write_key(&self, name: &str, digits: &str) {
        let path = self.folder.path().join(name);
        fs::write(&path, digits.repeat(32)).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    }

    /// An empty place.
    pub(crate) fn end(&mut self, kind: Kind) -> End {
        match kind {
            Kind::File => {
                self.folders += 1;
                End::File(self.folder.path().join(format!("store-{}", self.folders)))
            }
            Kind::Redis => {
                self.servers.push(Server::start(&[]));
                End::Redis(self.servers.last().unwrap().url())
            }
            Kind::Cluster => {
                self.clusters.push(Cluster::start());
                End::Redis(self.clusters.last().unwrap().url())
            }
        }
    }

    pub(crate) async fn try_open(&self, end: &End) -> Result<Stores, String> {
        let (clock, key) = (Arc::clone(&self.clock) as _, self.folder.path().join("key"));
        match end {
            End::File(folder) => file::open(folder, &key, clock).map_err(|error| error.to_string()),
            End::Redis(url) => {
                let limits = AttachmentLimits::default();
                let opened = redis::open_with(
                    url.as_str(),
                    "test",
                    &key,
                    clock,
                    Making::Allowed,
                    LeaseClock::Given,
                    limits,
                );
                opened.await.map_err(|error| error.to_string())
            }
        }
    }

    pub(crate) async fn open(&self, end: &End) -> Stores {
        self.try_open(end).await.unwrap()
    }

    /// The same once a copy that was cut off has let go of it: what it had begun on another thread ends first.
    pub(crate) fn open_when_free(&self, end: &End) -> Stores {
        let mut opened = None;
        let runtime = tokio::runtime::Handle::current();
        let free = tokio::task::block_in_place(|| {
            test_servers::looks(|| {
                opened = runtime.block_on(self.try_open(end)).ok();
                opened.is_some()
            })
        });
        assert!(free, "the store is never free");
        opened.unwrap()
    }

    pub(crate) async fn copy_told(
        &self,
        from: &End,
        to: &End,
        key: &str,
        tell: &(dyn Fn(Told) + Send + Sync),
    ) -> Result<Copied, CopyError> {
        let name = match from {
            End::File(folder) => folder.display().to_string(),
            End::Redis(url) => url.clone(),
        };
        let key = self.folder.path().join(key);
        copy::copy((from.place(), &name), to.place(), &key, Arc::clone(&self.clock) as _, tell).await
    }

    pub(crate) async fn copy(&self, from: &End, to: &End) -> Result<Copied, CopyError> {
        self.copy_told(from, to, "key", &|_| {}).await
    }

    /// The words of a refusal.
    pub(crate) async fn refused(&self, from: &End, to: &End) -> String {
        self.copy(from, to).await.unwrap_err().to_string()
    }
}
