//! TLS with the simulator's own authority, and the proxy.

use std::sync::Arc;

use dingtalk_sim::{
    Content, FileSpec, Origin, Proxy, ProxyConfig, Push, Simulator, SimulatorConfig, TlsConfig,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use tokio_tungstenite::{Connector, connect_async_tls_with_config};

use crate::client::{APP, Answer, Api, CAP, SECRET, Stream, data_of, http, open_body, ticket_url};

async fn secure(names: &[&str]) -> Simulator {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let tls = Some(TlsConfig { names, ca_file: None });
    Simulator::start(SimulatorConfig { tls, ..SimulatorConfig::default() }).await.unwrap()
}

fn trusting(simulator: &Simulator) -> reqwest::ClientBuilder {
    let _ = http();
    let authority = reqwest::Certificate::from_pem(simulator.ca_pem().unwrap().as_bytes()).unwrap();
    reqwest::Client::builder().tls_certs_only([authority])
}

async fn secure_api(simulator: &Simulator, http: reqwest::Client) -> Api {
    let mut api = Api { http, base: simulator.base_url().to_owned(), token: String::new() };
    let body = json!({"appKey": APP, "appSecret": SECRET});
    let answer = api.post("/v1.0/oauth2/accessToken", &body).await.expect_ok();
    answer["accessToken"].as_str().unwrap().clone_into(&mut api.token);
    api
}

fn connector(simulator: &Simulator) -> Connector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(simulator.ca_pem().unwrap().as_bytes()).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Connector::Rustls(Arc::new(config))
}

#[tokio::test]
async fn everything_handed_out_is_https_or_wss() {
    let simulator = secure(&[]).await;
    assert!(simulator.base_url().starts_with("https://"));
    let api = secure_api(&simulator, trusting(&simulator).no_proxy().build().unwrap()).await;
    let opened = api.post("/v1.0/gateway/connections/open", &open_body()).await.expect_ok();
    assert!(opened["endpoint"].as_str().unwrap().starts_with("wss://"));
    let connect =
        connect_async_tls_with_config(ticket_url(&opened), None, false, Some(connector(&simulator)));
    let (socket, _) = connect.await.unwrap();
    let mut stream = Stream { socket };
    simulator.wait_for(CAP, |seen| seen.connections.len() == 1).await.unwrap();
    let picture = Content::Picture { file: FileSpec::new("a.png", b"png"), one_code: false };
    simulator.push(Push::of(APP, Origin::private("", "ann"), picture)).unwrap();
    let data = data_of(&stream.frame().await);
    let webhook = data["sessionWebhook"].as_str().unwrap();
    assert!(webhook.starts_with("https://"));
    let text = json!({"msgtype": "text", "text": {"content": "hi"}});
    assert_eq!(api.post(webhook, &text).await.expect_ok()["errcode"], 0);
    let download = json!({"robotCode": APP, "downloadCode": data["content"]["downloadCode"]});
    let answer = api.post("/v1.0/robot/messageFiles/download", &download).await.expect_ok();
    let url = answer["downloadUrl"].as_str().unwrap();
    assert!(url.starts_with("https://"));
    assert_eq!(api.http.get(url).send().await.unwrap().bytes().await.unwrap(), "png");
    // The same port speaks plain HTTP, for addresses that a platform should not hand out.
    let plain = http().get(url.replace("https://", "http://")).send().await.unwrap();
    assert_eq!(plain.bytes().await.unwrap(), "png");
}

#[tokio::test]
async fn nobody_trusts_the_authority_unasked() {
    let simulator = secure(&[]).await;
    let other = secure(&[]).await;
    assert_ne!(simulator.ca_pem(), other.ca_pem());
    let stranger = trusting(&other).no_proxy().build().unwrap();
    assert!(stranger.get(simulator.chat_url()).send().await.is_err());
}

#[tokio::test]
async fn the_authority_is_written_where_it_is_wanted() {
    let path = std::env::temp_dir().join(format!("dingtalk-sim-ca-{}.pem", std::process::id()));
    let tls = Some(TlsConfig { names: Vec::new(), ca_file: Some(path.clone()) });
    let simulator = Simulator::start(SimulatorConfig { tls, ..SimulatorConfig::default() }).await.unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(Some(written.as_str()), simulator.ca_pem());
}

#[tokio::test]
async fn a_proxy_leads_fixed_names_to_the_simulator_and_counts() {
    let simulator = secure(&["api.platform.test"]).await;
    let routes = [("api.platform.test:443".to_owned(), simulator.address())].into();
    let proxy = Proxy::start(ProxyConfig { routes, ..ProxyConfig::default() }).await.unwrap();
    let through =
        |url: String| trusting(&simulator).proxy(reqwest::Proxy::all(url).unwrap()).build().unwrap();
    let client = through(proxy.url());
    let body = json!({"appKey": APP, "appSecret": SECRET});
    let request = client.post("https://api.platform.test/v1.0/oauth2/accessToken").json(&body);
    let answer = Answer::of(request.send().await.unwrap()).await.expect_ok();
    assert!(answer["accessToken"].is_string());
    let plain = client.get(format!("http://{}/sim/", simulator.address())).send().await.unwrap();
    assert_eq!(plain.status(), 200);
    let counts = proxy.counts();
    assert_eq!((counts.tunnels, counts.plain), (1, 1));
    assert_eq!(counts.targets, ["api.platform.test:443".to_owned(), simulator.address().to_string()]);
    proxy.refuse(Some(403));
    let refused = through(proxy.url()).get("https://api.platform.test/").send().await;
    assert!(refused.is_err());
    assert_eq!(proxy.counts().refused, 1);
}

#[tokio::test]
async fn a_proxy_can_ask_for_a_password() {
    let simulator = secure(&[]).await;
    let credentials = Some("user:secret word".to_owned());
    let proxy = Proxy::start(ProxyConfig { credentials, ..ProxyConfig::default() }).await.unwrap();
    let client = |authenticate: bool| {
        let mut through = reqwest::Proxy::all(proxy.url()).unwrap();
        if authenticate {
            through = through.basic_auth("user", "secret word");
        }
        trusting(&simulator).proxy(through).build().unwrap()
    };
    assert!(client(false).get(simulator.chat_url()).send().await.is_err());
    assert_eq!(client(true).get(simulator.chat_url()).send().await.unwrap().status(), 200);
    let counts = proxy.counts();
    assert_eq!((counts.unauthorized, counts.tunnels), (1, 1));
    let nowhere = client(true).get("https://127.0.0.1:1/").send().await;
    assert!(nowhere.is_err());
    assert_eq!(proxy.counts().unreachable, 1);
}
