//! A Redis server with TLS, and the authority that has signed its certificate.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::ports;
use crate::redis::Server;

/// A server with a port for TLS beside the plain one.
pub struct TlsServer {
    /// The server, by its plain port.
    pub plain: Server,
    port: u16,
    ca_pem: String,
    _directory: TempDir,
}

impl TlsServer {
    /// Starts one whose certificate is for this name.
    pub fn named(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (ca_pem, certificate, key) = signed_for(name);
        let file = |of: &str, text: &str| written(directory.path(), of, text);
        let (ca, certificate, key) =
            (file("ca.pem", &ca_pem), file("server.pem", &certificate), file("server.key", &key));
        let port = ports::free();
        let port_text = port.to_string();
        let plain = Server::start(&[
            "--tls-port",
            &port_text,
            "--tls-cert-file",
            certificate.to_str().unwrap(),
            "--tls-key-file",
            key.to_str().unwrap(),
            "--tls-ca-cert-file",
            ca.to_str().unwrap(),
            "--tls-auth-clients",
            "no",
        ]);
        Self { plain, port, ca_pem, _directory: directory }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.port)
    }

    /// The certificate of the authority to trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

fn written(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// An authority, and a certificate for this name with its key, as PEM.
fn signed_for(name: &str) -> (String, String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "authority of tests");
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    (root, certificate.pem(), key.serialize_pem())
}
