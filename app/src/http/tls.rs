//! https of the server's own: its certificate and key, read at start and again on request.

mod validity;

use std::cmp::Reverse;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use switchboard_domain::time::Timestamp;
use tokio_rustls::TlsAcceptor;

use self::validity::Validity;
use crate::config::{ConfigError, TlsFiles};

pub use self::validity::Standing;

/// Certificates in a chain, at most. Real chains have two to four.
const CHAIN_MAX: usize = 20;

/// The server's TLS. A reload changes what new connections see.
pub struct Tls {
    files: TlsFiles,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

/// The certificate of the day.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// Reads certificate and key.
    ///
    /// # Errors
    ///
    /// A file cannot be read, holds something else, or the key is not the certificate's.
    pub fn load(files: &TlsFiles) -> Result<Self, ConfigError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let current = Arc::new(Current(RwLock::new(Arc::new(read(files, &provider)?))));
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| files.cert.wrong(&format!("TLS cannot be set up: {error}")))?;
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::clone(&current) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { files: files.clone(), current, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Reads the same files again; after a mistake the certificate stays what it was.
    pub fn reload(&self) -> Result<(), ConfigError> {
        let fresh = Arc::new(read(&self.files, &rustls::crypto::ring::default_provider())?);
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// How it stands with the certificate, or with one between it and the authority where that is worse: also in words,
    /// which name it and the day.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Option<(Standing, String)> {
        let current = Arc::clone(&self.current.0.read().unwrap_or_else(PoisonError::into_inner));
        let chain = current.cert.iter().filter_map(|certificate| Validity::of(certificate));
        let worst = chain.min_by_key(|validity| Reverse(validity.standing(now)))?;
        Some((worst.standing(now), worst.words(now)))
    }

    /// Takes TLS connections.
    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, ConfigError> {
    let (cert, key) = (&files.cert, &files.key);
    let chain = CertificateDer::pem_slice_iter(&cert.read()?).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|_| cert.wrong("a certificate in the file cannot be read"))?;
    if chain.is_empty() {
        return Err(cert.wrong("the file holds no certificate"));
    }
    if chain.len() > CHAIN_MAX {
        return Err(cert.wrong(&format!("the file holds more than {CHAIN_MAX} certificates")));
    }
    let secret = PrivateKeyDer::from_pem_slice(&key.read()?);
    let secret = secret.map_err(|_| key.wrong("the file holds no key that can be read"))?;
    CertifiedKey::from_der(chain, secret, provider).map_err(|error| {
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            key.wrong("the key does not belong to the certificate in tls_cert")
        } else if matches!(error, rustls::Error::InvalidCertificate(_)) {
            cert.wrong("the first certificate in the file cannot be read")
        } else {
            key.wrong("the key in the file cannot be used")
        }
    })
}

#[cfg(test)]
mod tests;
