//! The simulator's own certificate authority, and the TLS that it serves with it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsAcceptor;

/// Characters in a line of PEM (RFC 7468).
const PEM_LINE_CHARS: usize = 64;

/// Serve https and wss with a certificate of an authority made at start.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Names in the certificate besides `localhost`, `127.0.0.1` and `::1`.
    pub names: Vec<String>,
    /// Where the authority's certificate is written as PEM; `None` = nowhere, see [`crate::Simulator::ca_pem`].
    pub ca_file: Option<PathBuf>,
}

/// A TLS server and the authority to trust.
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) ca_pem: String,
}

/// Makes an authority and a certificate signed by it; both last as long as the process.
pub(crate) fn identity(config: &TlsConfig) -> io::Result<Identity> {
    let (ca_pem, chain, key) = certificates(config).map_err(io::Error::other)?;
    // Named explicitly: the process-wide provider belongs to whoever embeds the simulator.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    if let Some(path) = &config.ca_file {
        std::fs::write(path, &ca_pem)?;
    }
    Ok(Identity { acceptor: TlsAcceptor::from(Arc::new(server)), ca_pem })
}

type Certificates = (String, Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn certificates(config: &TlsConfig) -> Result<Certificates, rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name.push(DnType::CommonName, "DingTalk simulator authority");
    let authority_key = KeyPair::generate()?;
    let root = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    names.extend(config.names.iter().cloned());
    let mut server = CertificateParams::new(names)?;
    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.distinguished_name.push(DnType::CommonName, "DingTalk simulator");
    let server_key = KeyPair::generate()?;
    let certificate = server.signed_by(&server_key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
    Ok((pem(root.der()), vec![certificate.der().clone(), root.der().clone()], key))
}

fn pem(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut line = 0_usize;
    for letter in encoded.chars() {
        if line == PEM_LINE_CHARS {
            text.push('\n');
            line = 0;
        }
        text.push(letter);
        line = line.saturating_add(1);
    }
    text.push_str("\n-----END CERTIFICATE-----\n");
    text
}
