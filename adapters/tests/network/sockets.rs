//! Sockets: the same trust and the same ways as HTTP.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rstest::rstest;
use switchboard_adapters::net::{Authorities, DialError, Network};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use crate::peers::{Authority, Manners, TestProxy, network, socket_server};

const WITHIN: Duration = Duration::from_secs(5);

/// Dials, upgrades and says one thing.
async fn echoed(network: &Network, url: &str) -> Result<String, DialError> {
    let stream = network.dial(&Url::parse(url).unwrap(), WITHIN).await?;
    let (mut socket, _) = client_async(url, stream).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    let message = socket.next().await.unwrap().unwrap();
    Ok(message.into_text().unwrap().to_string())
}

async fn refusal(network: &Network, url: &str) -> String {
    echoed(network, url).await.unwrap_err().to_string()
}

#[tokio::test]
async fn an_authority_of_the_company_is_trusted_and_an_unknown_one_is_not() {
    let authority = Authority::default();
    let server = socket_server(Some(authority.host("127.0.0.1"))).await;
    let url = format!("wss://{server}/connect");
    assert_eq!(echoed(&network(&authority.trusted(), "", ""), &url).await.unwrap(), "hello");
    for other in [Authorities::default(), Authority::default().trusted()] {
        let refusal = refusal(&network(&other, "", ""), &url).await;
        assert_eq!(refusal, "agree on TLS with the endpoint: invalid peer certificate: UnknownIssuer");
    }
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let authority = Authority::default();
    let server = socket_server(Some(authority.host("other.example"))).await;
    let refusal = refusal(&network(&authority.trusted(), "", ""), &format!("wss://{server}/")).await;
    assert!(refusal.contains("agree on TLS with the endpoint: invalid peer certificate: "), "{refusal}");
    assert!(refusal.contains("not valid for"), "{refusal}");
}

#[rstest]
#[case("", None)]
#[case("ann:pass%3Aword@", Some("Basic YW5uOnBhc3M6d29yZA=="))]
#[tokio::test]
async fn wss_and_ws_go_through_a_tunnel(#[case] user: &str, #[case] authorization: Option<&'static str>) {
    let authority = Authority::default();
    let proxy = TestProxy::start(Manners { authorization, ..Manners::default() }).await;
    proxy.knows("stream.example:443", socket_server(Some(authority.host("stream.example"))).await);
    proxy.knows("stream.example:8080", socket_server(None).await);
    let network = network(&authority.trusted(), &format!("http://{user}{}", proxy.address), "");
    assert_eq!(echoed(&network, "wss://stream.example/connect").await.unwrap(), "hello");
    assert_eq!(echoed(&network, "ws://stream.example:8080/connect").await.unwrap(), "hello");
    let asked = proxy.asked();
    assert_eq!(asked, ["CONNECT stream.example:443 HTTP/1.1", "CONNECT stream.example:8080 HTTP/1.1"]);
}

#[tokio::test]
async fn the_tunnels_other_end_must_still_prove_who_it_is() {
    let (authority, stranger) = (Authority::default(), Authority::default());
    let proxy = TestProxy::start(Manners::default()).await;
    proxy.knows("stream.example:443", socket_server(Some(stranger.host("stream.example"))).await);
    proxy.knows("other.example:443", socket_server(Some(authority.host("stream.example"))).await);
    let network = network(&authority.trusted(), &format!("http://{}", proxy.address), "");
    assert!(refusal(&network, "wss://stream.example/").await.contains("UnknownIssuer"));
    assert!(refusal(&network, "wss://other.example/").await.contains("not valid for"));
}

#[tokio::test]
async fn a_proxy_may_speak_tls_itself_and_must_be_trusted_then() {
    let authority = Authority::default();
    let manners = Manners { tls: Some(authority.host("127.0.0.1")), ..Manners::default() };
    let proxy = TestProxy::start(manners).await;
    proxy.knows("stream.example:443", socket_server(Some(authority.host("stream.example"))).await);
    let address = format!("https://{}", proxy.address);
    let trusting = network(&authority.trusted(), &address, "");
    assert_eq!(echoed(&trusting, "wss://stream.example/").await.unwrap(), "hello");
    let refusal = refusal(&network(&Authorities::default(), &address, ""), "wss://stream.example/").await;
    assert_eq!(refusal, "agree on TLS with the proxy: invalid peer certificate: UnknownIssuer");
}

#[rstest]
#[case("ann:wr0ng@", None, "it asks for a user and password that it accepts (407)")]
#[case("", None, "it asks for a user and password that it accepts (407)")]
#[case("ann:right@", Some(403), "it refused with status 403")]
#[case("ann:right@", Some(502), "it refused with status 502")]
#[tokio::test]
async fn a_refusal_of_the_proxy_says_why_without_secrets(
    #[case] user: &str,
    #[case] refuses: Option<u16>,
    #[case] why: &str,
) {
    let manners = Manners { authorization: Some("Basic YW5uOnJpZ2h0"), refuses, ..Manners::default() };
    let proxy = TestProxy::start(manners).await;
    let network = network(&Authorities::default(), &format!("http://{user}{}", proxy.address), "");
    let refusal = refusal(&network, "wss://stream.example/?ticket=s3cr3t").await;
    assert_eq!(refusal, format!("get a tunnel from the proxy: {why}"));
}

#[tokio::test]
async fn what_no_proxy_names_is_reached_directly() {
    let proxy = TestProxy::start(Manners { refuses: Some(500), ..Manners::default() }).await;
    let server = socket_server(None).await;
    let address = format!("http://{}", proxy.address);
    let direct = network(&Authorities::default(), &address, "127.0.0.0/8");
    assert_eq!(echoed(&direct, &format!("ws://{server}/")).await.unwrap(), "hello");
    assert_eq!(proxy.asked(), Vec::<String>::new());
    // Loopback is nothing special.
    let through = network(&Authorities::default(), &address, "localhost");
    assert!(refusal(&through, &format!("ws://{server}/")).await.contains("500"));
    assert_eq!(proxy.asked(), [format!("CONNECT {server} HTTP/1.1")]);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_never_answers_costs_the_time_for_connecting() {
    let proxy = TestProxy::start(Manners { hangs: true, ..Manners::default() }).await;
    let network = network(&Authorities::default(), &format!("http://{}", proxy.address), "");
    let begun = tokio::time::Instant::now();
    let refusal = refusal(&network, "wss://stream.example/").await;
    assert_eq!(refusal, "get a tunnel from the proxy: no answer in time");
    assert!(begun.elapsed() < 2 * WITHIN);
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_as_the_cause() {
    let network = network(&Authorities::default(), "http://127.0.0.1:1", "");
    let refusal = refusal(&network, "wss://stream.example/").await;
    assert!(refusal.starts_with("connect to the proxy: "), "{refusal}");
}
