//! A real `slapd`, with a directory of its own below `dc=corp,dc=example`.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::{installed, looks, ports};

/// Where all people are.
pub const BASE: &str = "dc=corp,dc=example";
/// The account that searches.
pub const BIND_DN: &str = "cn=reader,dc=corp,dc=example";
/// Its password.
pub const PASSWORD: &str = "reader s3cr3t 密";

/// A server.
pub struct Slapd {
    child: Option<Child>,
    directory: TempDir,
    /// Its plain port; `StartTLS` too.
    pub port: u16,
    /// Its TLS port.
    pub tls_port: u16,
    /// The authority that its certificate is from, PEM.
    pub authority: String,
}

impl Slapd {
    /// Starts one with this LDIF below `dc=corp,dc=example`.
    pub fn start(ldif: &str) -> Self {
        installed("slapd", "slapd");
        let directory = tempfile::tempdir().unwrap();
        let authority = certificates(directory.path());
        configure(directory.path(), ldif);
        for _ in 0..ports::TRIES_MAX {
            let (port, tls_port) = (ports::free(), ports::free());
            if let Some(child) = spawn(directory.path(), port, tls_port) {
                return Self { child: Some(child), directory, port, tls_port, authority };
            }
        }
        panic!("no port is free for slapd");
    }

    /// Dies without a word.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Changes people, whether it runs or not: records of changes in LDIF (RFC 2849).
    pub fn modify(&self, ldif: &str) {
        fed(Command::new("slapmodify").arg("-f").arg(self.directory.path().join("slapd.conf")), ldif);
    }

    /// Comes back on the same ports with what it has on disk.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.directory.path(), self.port, self.tls_port);
        assert!(self.child.is_some(), "slapd does not come back");
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An authority, and a certificate of it for `localhost` and 127.0.0.1.
fn certificates(at: &Path) -> String {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let server = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&server, &issuer).unwrap();
    fs::write(at.join("ca.pem"), &authority).unwrap();
    fs::write(at.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(at.join("key.pem"), server.serialize_pem()).unwrap();
    authority
}

fn configure(at: &Path, ldif: &str) {
    let place = at.display();
    let schemas = ["core", "cosine", "inetorgperson", "nis"];
    let schemas = schemas.map(|name| format!("include /etc/ldap/schema/{name}.schema\n")).concat();
    let data = at.join("data");
    fs::create_dir(&data).unwrap();
    let config = format!(
        "{schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile {place}/pid\n\
         TLSCACertificateFile {place}/ca.pem\nTLSCertificateFile {place}/cert.pem\nTLSCertificateKeyFile {place}/key.pem\n\
         attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch \
         SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )\n\
         objectclass ( 1.3.6.1.4.1.99999.1 NAME 'accountBits' AUXILIARY MAY userAccountControl )\n\
         database mdb\nsuffix \"dc=corp,dc=example\"\nrootdn \"cn=admin,dc=corp,dc=example\"\nrootpw admin\n\
         directory {}\nmaxsize 67108864\nindex objectClass,uid,mail,member eq\n\
         access to attrs=userPassword by anonymous auth by * none\n\
         access to * by dn.exact=\"{BIND_DN}\" read by * none\n",
        data.display()
    );
    fs::write(at.join("slapd.conf"), config).unwrap();
    let head = format!(
        "dn: dc=corp,dc=example\nobjectClass: dcObject\nobjectClass: organization\no: Corp\ndc: corp\n\n\
         dn: {BIND_DN}\nobjectClass: person\ncn: reader\nsn: reader\nuserPassword: {PASSWORD}\n\n"
    );
    fed(Command::new("slapadd").arg("-f").arg(at.join("slapd.conf")), &format!("{head}{ldif}"));
}

/// Runs a command with this on its standard input.
fn fed(command: &mut Command, input: &str) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{command:?} does not take the people");
}

fn spawn(at: &Path, port: u16, tls_port: u16) -> Option<Child> {
    let urls = format!("ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{tls_port}/");
    let mut command = Command::new("slapd");
    // In the foreground, and without a word.
    command.args(["-d", "0", "-h", &urls, "-f"]).arg(at.join("slapd.conf"));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut is_gone = false;
    let came = looks(|| {
        is_gone = child.try_wait().unwrap().is_some();
        is_gone || [port, tls_port].iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
    });
    if is_gone {
        return None;
    }
    if !came {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("slapd does not answer on port {port}");
    }
    Some(child)
}
