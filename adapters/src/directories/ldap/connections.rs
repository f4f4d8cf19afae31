//! A few connections, bound and kept for the next look-up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError};
use rustls::ClientConfig;
use switchboard_domain::secret::Secret;
use switchboard_ports::directory::DirectoryError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::settings::Settings;
use super::{Failed, succeeded};

/// Connections to one directory at once; further look-ups wait.
const CONNECTIONS_MAX: usize = 4;

/// Connecting and TLS end within this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The way to one directory.
pub(super) struct Connections {
    url: Url,
    start_tls: bool,
    bind_dn: String,
    password: Secret,
    tls: Arc<ClientConfig>,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Ldap>>,
}

/// A connection in use. Dropped instead of given back, it is closed.
pub(super) struct Lent {
    pub(super) ldap: Ldap,
    /// Whether it was used before.
    pub(super) is_old: bool,
    place: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new(settings: &Settings, password: Secret, tls: Arc<ClientConfig>) -> Self {
        Self {
            url: settings.url.clone(),
            start_tls: settings.start_tls,
            bind_dn: settings.bind_dn.clone(),
            password,
            tls,
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            idle: Mutex::default(),
        }
    }

    /// A connection, kept or new.
    pub(super) async fn lend(&self) -> Result<Lent, DirectoryError> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| DirectoryError::Unavailable("the server stops".to_owned()))?;
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut ldap) = kept
            && !ldap.is_closed()
        {
            return Ok(Lent { ldap, is_old: true, place });
        }
        Ok(Lent { ldap: self.open().await?, is_old: false, place })
    }

    /// A connection made now: what was kept tells nothing of whether one can be made.
    pub(super) async fn lend_fresh(&self) -> Result<Lent, DirectoryError> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| DirectoryError::Unavailable("the server stops".to_owned()))?;
        Ok(Lent { ldap: self.open().await?, is_old: false, place })
    }

    /// A new connection in the place of one that turned out to be dead; the others that were kept died with it.
    pub(super) async fn lend_new(&self, dead: Lent) -> Result<Lent, DirectoryError> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(Lent { ldap: self.open().await?, is_old: false, place: dead.place })
    }

    /// Keeps a connection for the next look-up.
    pub(super) fn give_back(&self, lent: Lent) {
        let Lent { ldap, place, .. } = lent;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < CONNECTIONS_MAX {
            idle.push(ldap);
        }
        drop(place);
    }

    async fn open(&self) -> Result<Ldap, DirectoryError> {
        let settings = LdapConnSettings::new()
            .set_conn_timeout(CONNECT_TIMEOUT)
            .set_config(Arc::clone(&self.tls))
            .set_starttls(self.start_tls);
        let opened = LdapConnAsync::from_url_with_settings(settings, &self.url).await;
        let (connection, mut ldap) = opened.map_err(not_opened)?;
        // Ends when the last handle is dropped, or the other side closes.
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                let kind = Failed::from(error);
                let why = DirectoryError::from(kind);
                tracing::debug!(%why, "a connection to a directory ended");
            }
        });
        if !self.bind_dn.is_empty() {
            if self.password.is_empty() {
                let why = "a bind account without a password".to_owned();
                return Err(DirectoryError::Denied(why));
            }
            let bound =
                ldap.simple_bind(&self.bind_dn, self.password.expose()).await.map_err(Failed::from)?;
            succeeded(&bound)?;
        }
        Ok(ldap)
    }
}

/// Until a connection is open, nothing is asked for but `StartTLS`: an answer that says no is to that.
fn not_opened(error: LdapError) -> DirectoryError {
    if let LdapError::LdapResult { result } = &error {
        return DirectoryError::Denied(format!(
            "it offers no StartTLS (LDAP result {}): use ldaps:// in url; start_tls false would send the password in the clear",
            result.rc
        ));
    }
    Failed::from(error).into()
}
