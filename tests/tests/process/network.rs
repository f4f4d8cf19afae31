//! Networks as companies have them: https of the server's own, an authority of the company's own, a proxy on the way out.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use dingtalk_sim::{Disruption, Proxy, ProxyConfig, TlsConfig};
use nix::sys::signal::Signal;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use reqwest::{Client, StatusCode};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::Value;
use switchboard_tests::server::{CAP, Home, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::stage::{Plan, answer_to};

/// A certificate that vouches for itself, and its key; PEM.
struct Certificate {
    cert: String,
    key: String,
}

impl Certificate {
    fn of(host: &str) -> Self {
        Self::until(host, 4_000)
    }

    /// Valid up to the beginning of a year.
    fn until(host: &str, year: i32) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 1, 1);
        let cert = params.self_signed(&key).unwrap();
        Self { cert: cert.pem(), key: key.serialize_pem() }
    }

    fn write(&self, folder: &Path) {
        fs::write(folder.join("cert.pem"), &self.cert).unwrap();
        fs::write(folder.join("key.pem"), &self.key).unwrap();
    }

    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.cert.as_bytes()).unwrap()
    }

    /// A client that trusts it and nothing else, and that opens a connection for each request.
    fn client(&self) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        Client::builder().tls_backend_preconfigured(config).pool_max_idle_per_host(0).build().unwrap()
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth().with_single_cert(vec![self.der()], key);
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }
}

const HTTPS: &str = "[server]\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n";

/// Asks again and again until a line is in the log; there is no other sign of a signal that changed nothing. All the while
/// the server answers.
async fn logged(server: &Server, line: &str, client: &Client, url: &str) {
    let looking = async {
        while !server.log().contains(line) {
            // Which certificate it has at this moment is the question.
            let _ = client.get(url).send().await;
        }
    };
    tokio::time::timeout(CAP, looking).await.unwrap_or_else(|_| panic!("{line:?} is not in the log"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_speaks_https_itself_and_takes_a_new_certificate_on_sighup() {
    let home = Home::default();
    let (old, new) = (Certificate::of("127.0.0.1"), Certificate::of("127.0.0.1"));
    old.write(home.path());
    home.configure(HTTPS);
    let server = home.serve().await;
    let address = server.base().strip_prefix("https://").expect("the ready line says https").to_owned();
    let health = format!("https://{address}/healthz");
    let client = old.client();
    let answer = client.get(&health).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=15552000");
    assert!(new.client().get(&health).send().await.is_err(), "that one is not its certificate");
    let plain = old.client().get(format!("http://{address}/healthz")).send().await.unwrap();
    assert_eq!(plain.status(), StatusCode::BAD_REQUEST);

    fs::write(home.path().join("key.pem"), &new.key).unwrap();
    server.signal(Signal::SIGHUP);
    logged(&server, "failed to read the server's certificate again: the old one stays", &client, &health)
        .await;
    assert!(server.log().contains("server.tls_key: the key does not belong to the certificate in tls_cert"));
    assert_eq!(old.client().get(&health).send().await.unwrap().status(), StatusCode::OK);

    new.write(home.path());
    server.signal(Signal::SIGHUP);
    logged(&server, "the server's certificate was read again", &client, &health).await;
    assert_eq!(new.client().get(&health).send().await.unwrap().status(), StatusCode::OK);
    assert!(old.client().get(&health).send().await.is_err());
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_expired_is_told_at_start_in_the_check_and_after_a_reload() {
    let home = Home::default();
    let (old, good) = (Certificate::until("127.0.0.1", 2021), Certificate::of("127.0.0.1"));
    good.write(home.path());
    home.configure(HTTPS);
    let checked = home.run(&["check", "--config", "switchboard.toml"]).await;
    assert!(
        checked.stdout.contains("ok      certificate: 127.0.0.1, valid until 4000-01-01T00:00:00Z\n"),
        "{checked:?}"
    );
    let server = home.serve().await;
    let told =
        "the server's certificate: 127.0.0.1 has expired on 2021-01-01T00:00:00Z, so that clients refuse it";
    let health = format!("{}/healthz", server.base());
    assert_eq!(good.client().get(&health).send().await.unwrap().status(), StatusCode::OK);
    assert!(!server.log().contains("the server's certificate: "), "{}", server.log());

    old.write(home.path());
    server.signal(Signal::SIGHUP);
    logged(&server, told, &good.client(), &health).await;
    assert!(server.terminate().await.success());

    let checked = home.run(&["check", "--config", "switchboard.toml"]).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(
        checked.stdout.contains("failed  certificate: 127.0.0.1 has expired on 2021-01-01T00:00:00Z"),
        "{checked:?}"
    );
    let server = home.serve().await;
    logged(&server, told, &good.client(), &health).await;
    assert!(server.terminate().await.success(), "it serves all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_about_certificates_and_proxies_is_exit_2_with_one_line_and_nothing_is_made() {
    let mut home = Home::default();
    let (one, other) = (Certificate::of("127.0.0.1"), Certificate::of("127.0.0.1"));
    one.write(home.path());
    fs::write(home.path().join("other.pem"), &other.key).unwrap();
    fs::write(home.path().join("empty.pem"), "").unwrap();
    let damaged = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    fs::write(home.path().join("damaged.pem"), damaged).unwrap();
    let in_file = [
        ("[network]\nca_file = \"none.pem\"", "network.ca_file: the file cannot be read: No such file"),
        (
            "[network]\nca_file = \"empty.pem\"",
            "network.ca_file: the file is empty; must be empty, or the path of",
        ),
        ("[network]\nca_file = \"key.pem\"", "network.ca_file: the file holds no certificate; must be "),
        (
            "[network]\nca_file = \"damaged.pem\"",
            "network.ca_file: the file holds a certificate that cannot be read (number 1 in it); must be empty, or",
        ),
        ("[network]\nca_file = \"tmp\"", "network.ca_file: it is not a file; must be "),
        ("[server]\ntls_cert = \"cert.pem\"", "server.tls_cert: must be given together with server.tls_key"),
        (
            "[server]\ntls_cert = \"none.pem\"\ntls_key = \"key.pem\"",
            "server.tls_cert: the file cannot be read",
        ),
        ("[server]\ntls_cert = \"cert.pem\"\ntls_key = \"empty.pem\"", "server.tls_key: the file is empty"),
        (
            "[server]\ntls_cert = \"cert.pem\"\ntls_key = \"other.pem\"",
            "server.tls_key: the key does not belong to",
        ),
        ("[server]\ntrusted_proxies = [\"proxy\"]", "server.trusted_proxies: must be a list of"),
    ];
    for (file, line) in in_file {
        home.configure(file);
        is_refused(&home, &format!("switchboard.toml: {line}")).await;
    }
    home.configure("");
    let in_environment = [
        (
            "HTTPS_PROXY",
            "http://ann:s3cr3t@",
            "environment: HTTPS_PROXY: must be the address of a proxy: http://",
        ),
        (
            "http_proxy",
            "http://ann:s3#cr3t@p:1",
            "environment: http_proxy: must be the address of a proxy: http://",
        ),
        (
            "ALL_PROXY",
            "socks5://ann:s3cr3t@p:1",
            "environment: ALL_PROXY: must be the address of an http:// or",
        ),
    ];
    for (name, value, line) in in_environment {
        home.set(name, value);
        is_refused(&home, line).await;
        home.unset(name);
    }
    home.set("HTTPS_PROXY", "http://ann:s3cr3t@p:1");
    home.set("no_proxy", "a.example, http://ann:s3cr3t@b.example");
    is_refused(&home, "environment: no_proxy: entry 2 of 2 is not understood; must be a list, with ").await;
    home.unset("HTTPS_PROXY");
    let ran = home.run(&["check", "--config", "switchboard.toml"]).await;
    assert!(ran.code != Some(2), "without a proxy the list means nothing: {ran:?}");
}

async fn is_refused(home: &Home, line: &str) {
    for command in ["serve", "check"] {
        let ran = home.run(&[command, "--config", "switchboard.toml"]).await;
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.starts_with(&format!("switchboard: {line}")), "{command}: {line}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(!ran.stderr.contains("s3") && ran.stdout.is_empty(), "{ran:?}");
        assert!(!home.store().exists(), "{line}");
    }
}

/// An agent by https that answers every question at once.
async fn agent(certificate: &Certificate) -> SocketAddr {
    const ANSWER: &str =
        r#"{"choices":[{"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}"#;
    let (listener, tls) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), certificate.acceptor());
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = tls.accept(stream).await else { continue };
            head(&mut stream).await;
            let length = ANSWER.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{ANSWER}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            // Its body is of no interest, but closing without reading it could take the answer back.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    });
    address
}

async fn head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// A proxy that opens every tunnel to the same place and tells what it was asked.
async fn proxy(to: SocketAddr) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, asked) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let told = told.clone();
            tokio::spawn(async move {
                told.send(head(&mut stream).await).unwrap();
                let mut upstream = TcpStream::connect(to).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut upstream).await;
            });
        }
    });
    (address, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_behind_the_companys_proxy_and_authority_is_reached_with_both_and_not_without() {
    let mut home = Home::default();
    let certificate = Certificate::of("llm.example");
    certificate.write(home.path());
    let (proxy, mut asked) = proxy(agent(&certificate).await).await;
    let agent = "[[agents]]\nname = \"a\"\nkind = \"openai-chat\"\nbase_url = \"https://llm.example/v1\"\n\
                 model = \"m\"\n";
    home.set("SWITCHBOARD_STORE__URL", "memory:");
    home.set("HTTPS_PROXY", &format!("http://ann:s3cr3t@{proxy}"));
    let check = ["check", "--config", "switchboard.toml"];

    home.configure(agent);
    let ran = home.run(&check).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("the certificate is not trusted"), "{ran:?}");

    home.configure(&format!("[network]\nca_file = \"cert.pem\"\n{agent}"));
    let ran = home.run(&check).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for _ in 0..2 {
        let asked = asked.recv().await.unwrap();
        assert!(asked.starts_with("CONNECT llm.example:443 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.to_lowercase().contains("proxy-authorization: basic yw5uonmzy3izda=="), "{asked}");
    }

    home.set("no_proxy", ".example");
    let ran = home.run(&check).await;
    assert_eq!(ran.code, Some(1), "the name is known to the proxy alone: {ran:?}");
    assert!(asked.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_behind_the_companys_proxy_and_authority_is_served_and_found_again() {
    let mut plan = Plan::default();
    let ca_file = Some(plan.home.path().join("ca.pem"));
    plan.simulator.tls = Some(TlsConfig { ca_file, ..TlsConfig::default() });
    let credentials = Some(String::from("ann:s3cr3t"));
    let proxy = Proxy::start(ProxyConfig { credentials, ..ProxyConfig::default() }).await.unwrap();
    plan.home.set("HTTPS_PROXY", &format!("http://ann:s3cr3t@{}", proxy.address()));
    plan.home.configure("[network]\nca_file = \"ca.pem\"");
    let stage = plan.start().await;
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
    let counts = proxy.counts();
    assert!(counts.tunnels >= 2, "one for calls and one for the stream: {counts:?}");
    let platform = stage.simulator.address().to_string();
    assert!(counts.targets.iter().all(|target| *target == platform), "{counts:?}");
    assert_eq!(counts.unauthorized, 0);

    proxy.refuse(Some(403));
    stage.simulator.disrupt_all(Disruption::Reset);
    let is_refused = |status: &Value| {
        status["status"] == "disconnected" && status["last_error"]["code"] == "network_unreachable"
    };
    stage.api.wait_status(&stage.channel, is_refused).await;
    assert!(proxy.counts().refused >= 1);
    proxy.refuse(None);
    stage.api.wait_connected(&stage.channel).await;
    stage.say("ann", "again");
    stage.wait_texts("ann", &[&answer_to("hello"), &answer_to("again")]).await;
    stage.simulator.observe(|seen| assert_eq!(seen.violations.iter().count(), 0));
    assert!(!stage.home.logs().contains("s3cr3t"));
    stage.assert_no_alarm();
}
