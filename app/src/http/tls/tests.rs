//! Files that are missing, empty, something else, or do not belong together.

use rstest::rstest;

use switchboard_domain::time::Timestamp;

use super::{Standing, Tls};
use crate::testing::START_MS;
use crate::testing::certificates::{Certificates, server_with};

/// What is wrong when the files hold this; `None`: there is no such file.
fn loaded(cert: Option<&str>, key: Option<&str>) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("cert.pem", cert), ("key.pem", key)] {
        if let Some(text) = text {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
    }
    let files = server_with(folder.path()).tls.unwrap();
    Tls::load(&files).map(drop).map_err(|error| {
        let line = error.to_string();
        line.split_once(": ").unwrap().1.to_owned()
    })
}

#[test]
fn a_certificate_with_its_key_is_taken_and_a_chain_too() {
    let (own, between) = (Certificates::default(), Certificates::default());
    assert_eq!(loaded(Some(&own.cert), Some(&own.key)), Ok(()));
    assert_eq!(loaded(Some(&format!("{}{}", own.cert, between.cert)), Some(&own.key)), Ok(()));
    // One file may hold both.
    let both = format!("{}{}", own.key, own.cert);
    assert_eq!(loaded(Some(&both), Some(&both)), Ok(()));
}

#[rstest]
#[case(None, "server.tls_cert: the file cannot be read: ")]
#[case(Some(""), "server.tls_cert: the file is empty; must be the path of a PEM file with the server's")]
#[case(Some("nothing"), "server.tls_cert: the file holds no certificate; must be ")]
#[case(
    Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
    "server.tls_cert: a certificate in the file cannot be read; must be "
)]
#[case(
    Some("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
    "server.tls_cert: the first certificate in the file cannot be read; must be "
)]
fn a_bad_certificate_is_named(#[case] cert: Option<&str>, #[case] line: &str) {
    let refusal = loaded(cert, Some(&Certificates::default().key)).unwrap_err();
    assert!(refusal.starts_with(line), "{refusal}");
}

#[rstest]
#[case(None, "server.tls_key: the file cannot be read: ")]
#[case(
    Some(String::new()),
    "server.tls_key: the file is empty; must be the path of a PEM file with the key of"
)]
#[case(Some("nothing".into()), "server.tls_key: the file holds no key that can be read; must be ")]
#[case(
    Some(block("ENCRYPTED PRIVATE KEY")),
    "server.tls_key: the file holds no key that can be read; must be "
)]
#[case(Some(block("PRIVATE KEY")), "server.tls_key: the key in the file cannot be used; must be ")]
fn a_bad_key_is_named(#[case] key: Option<String>, #[case] line: &str) {
    let refusal = loaded(Some(&Certificates::default().cert), key.as_deref()).unwrap_err();
    assert!(refusal.starts_with(line), "{refusal}");
}

/// PEM that holds next to nothing.
fn block(label: &str) -> String {
    format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n")
}

#[test]
fn a_key_of_another_certificate_is_found_at_once() {
    let refusal =
        loaded(Some(&Certificates::default().cert), Some(&Certificates::default().key)).unwrap_err();
    assert!(
        refusal
            .starts_with("server.tls_key: the key does not belong to the certificate in tls_cert; must be")
    );
}

#[test]
fn more_certificates_than_any_chain_has_are_refused() {
    let own = Certificates::default();
    let refusal = loaded(Some(&own.cert.repeat(21)), Some(&own.key)).unwrap_err();
    assert!(refusal.starts_with("server.tls_cert: the file holds more than 20 certificates"), "{refusal}");
}

#[test]
fn the_worst_certificate_of_a_chain_is_told() {
    let (own, between) = (Certificates::default(), Certificates::until(2026, 1, 2));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cert.pem"), format!("{}{}", own.cert, between.cert)).unwrap();
    std::fs::write(folder.path().join("key.pem"), &own.key).unwrap();
    let tls = Tls::load(&server_with(folder.path()).tls.unwrap()).unwrap();
    let (standing, words) = tls.standing(Timestamp::from_millis(START_MS)).unwrap();
    assert_eq!(standing, Standing::Ended);
    assert!(words.starts_with("127.0.0.1 has expired on 2026-01-02T00:00:00Z"), "{words}");
}

#[test]
fn a_folder_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("cert.pem")).unwrap();
    let refusal = Tls::load(&server_with(folder.path()).tls.unwrap()).err().unwrap().to_string();
    assert!(refusal.contains("server.tls_cert: it is not a file; must be "), "{refusal}");
}
