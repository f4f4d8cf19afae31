//! Certificates made on the spot, and configurations that name them.

use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::api::server_section;
use crate::config::Server;

/// A certificate for 127.0.0.1 that vouches for itself, and its key; PEM.
pub(crate) struct Certificates {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Default for Certificates {
    fn default() -> Self {
        Self::until(4_000, 1, 1)
    }
}

impl Certificates {
    /// Valid up to the beginning of a day.
    pub(crate) fn until(year: i32, month: u8, day: u8) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![String::from("127.0.0.1")]).unwrap();
        params.not_after = date_time_ymd(year, month, day);
        let cert = params.self_signed(&key).unwrap().pem();
        Self { cert, key: key.serialize_pem() }
    }

    /// A client that trusts this certificate alone.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.cert.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Arc::new(config.unwrap().with_root_certificates(roots).with_no_client_auth())
    }
}

/// A `[server]` section with `cert.pem` and `key.pem` of a folder.
pub(crate) fn server_with(folder: &Path) -> Server {
    let file = |name: &str| folder.join(name).display().to_string();
    server_section(&format!("tls_cert = {:?}\ntls_key = {:?}", file("cert.pem"), file("key.pem")))
}
