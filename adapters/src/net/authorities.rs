//! Certificate authorities: the system's, and those that a company adds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;

/// Authorities beside the system's, at most. The public ones together are about 150.
const AUTHORITIES_MAX: usize = 1_000;

/// A file is no list of authorities; fits after "the file …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthoritiesError {
    /// It is empty, not PEM, or holds other things.
    #[error("holds no certificate")]
    None,
    /// A certificate in it is damaged.
    #[error("holds a certificate that cannot be read (number {0} in it)")]
    Unreadable(usize),
    /// There are too many.
    #[error("holds more than {AUTHORITIES_MAX} certificates")]
    TooMany,
}

/// Authorities that are trusted in addition to the system's.
#[derive(Debug, Clone, Default)]
pub struct Authorities(Vec<CertificateDer<'static>>);

impl Authorities {
    /// The system's alone.
    pub const NONE: &'static Self = &Self(Vec::new());

    /// Reads the certificates of a PEM file; what else is in it (keys, text between) is passed over.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AuthoritiesError> {
        let mut store = RootCertStore::empty();
        let mut certificates = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let number = certificates.len().saturating_add(1);
            if number > AUTHORITIES_MAX {
                return Err(AuthoritiesError::TooMany);
            }
            let certificate = certificate.map_err(|_| AuthoritiesError::Unreadable(number))?;
            store.add(certificate.clone()).map_err(|_| AuthoritiesError::Unreadable(number))?;
            certificates.push(certificate);
        }
        if certificates.is_empty() { Err(AuthoritiesError::None) } else { Ok(Self(certificates)) }
    }

    /// The same as PEM, for those who take nothing else.
    pub(crate) fn pem_with_the_systems(&self) -> Vec<u8> {
        let system = rustls_native_certs::load_native_certs().certs;
        let is_usable =
            |certificate: &CertificateDer<'static>| RootCertStore::empty().add(certificate.clone()).is_ok();
        let all = system.iter().chain(&self.0).filter(|certificate| is_usable(certificate));
        all.flat_map(|certificate| pem(certificate).into_bytes()).collect()
    }

    /// With the system's. A machine without any still speaks plain HTTP: every TLS connection fails then.
    pub(super) fn with_the_systems(&self) -> RootCertStore {
        let system = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        let (taken, _damaged) = store.add_parsable_certificates(system.certs);
        if taken == 0 {
            let errors = system.errors.len();
            tracing::warn!(errors, "the system has no usable certificate authorities");
        }
        store.add_parsable_certificates(self.0.iter().cloned());
        store
    }
}

/// One certificate as PEM (RFC 7468); lines may be as long as one likes.
fn pem(certificate: &CertificateDer<'_>) -> String {
    let body = STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use rstest::rstest;

    use super::{Authorities, AuthoritiesError};

    fn certificate() -> String {
        let key = KeyPair::generate().unwrap();
        CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().pem()
    }

    #[test]
    fn all_certificates_of_a_file_are_taken_whatever_stands_between() {
        let key = KeyPair::generate().unwrap().serialize_pem();
        let pem = format!("# ours\n{}\n{key}\nmore\r\n{}", certificate(), certificate());
        assert_eq!(Authorities::from_pem(pem.as_bytes()).unwrap().0.len(), 2);
    }

    #[rstest]
    #[case("", AuthoritiesError::None)]
    #[case("no PEM at all", AuthoritiesError::None)]
    #[case("-----BEGIN CERTIFICATE-----\n", AuthoritiesError::Unreadable(1))]
    #[case("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", AuthoritiesError::Unreadable(1))]
    #[case("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", AuthoritiesError::Unreadable(1))]
    fn a_file_without_good_certificates_is_refused(#[case] pem: &str, #[case] expected: AuthoritiesError) {
        assert_eq!(Authorities::from_pem(pem.as_bytes()).unwrap_err(), expected);
    }

    #[test]
    fn a_damaged_certificate_among_good_ones_is_named() {
        let pem = format!("{}-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", certificate());
        assert_eq!(Authorities::from_pem(pem.as_bytes()).unwrap_err(), AuthoritiesError::Unreadable(2));
    }

    #[test]
    fn a_key_is_no_authority() {
        let key = KeyPair::generate().unwrap().serialize_pem();
        assert_eq!(Authorities::from_pem(key.as_bytes()).unwrap_err(), AuthoritiesError::None);
    }
}
