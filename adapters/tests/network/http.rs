//! HTTP calls: who is trusted, and which way they go.

use std::time::Duration;

use rstest::rstest;
use switchboard_adapters::net::{Authorities, Network};

use crate::peers::{Authority, Manners, TestProxy, http_server, network};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

async fn get(network: &Network, url: &str) -> Result<String, reqwest::Error> {
    network.client(CONNECT_TIMEOUT).unwrap().get(url).send().await?.text().await
}

/// The whole chain of causes, as it could come into a log.
fn said(error: &reqwest::Error) -> String {
    format!("{error:?}")
}

#[tokio::test]
async fn an_authority_of_the_company_is_trusted_and_an_unknown_one_is_not() {
    let authority = Authority::default();
    let server = http_server(Some(authority.host("127.0.0.1"))).await;
    let url = format!("https://{server}/");
    assert_eq!(get(&network(&authority.trusted(), "", ""), &url).await.unwrap(), "hello");
    for other in [Authorities::default(), Authority::default().trusted()] {
        let error = get(&network(&other, "", ""), &url).await.unwrap_err();
        assert!(error.is_connect() && said(&error).contains("UnknownIssuer"), "{error:?}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let authority = Authority::default();
    let server = http_server(Some(authority.host("other.example"))).await;
    let error = get(&network(&authority.trusted(), "", ""), &format!("https://{server}/")).await.unwrap_err();
    assert!(error.is_connect() && said(&error).contains("NotValidForName"), "{error:?}");
}

#[rstest]
#[case("", None)]
#[case("ann:pass%3Aword@", Some("Basic YW5uOnBhc3M6d29yZA=="))]
#[tokio::test]
async fn https_goes_through_a_tunnel_and_http_is_forwarded(
    #[case] user: &str,
    #[case] authorization: Option<&'static str>,
) {
    let authority = Authority::default();
    let proxy = TestProxy::start(Manners { authorization, ..Manners::default() }).await;
    proxy.knows("agent.example:443", http_server(Some(authority.host("agent.example"))).await);
    proxy.knows("agent.example:80", http_server(None).await);
    let network = network(&authority.trusted(), &format!("http://{user}{}", proxy.address), "");
    assert_eq!(get(&network, "https://agent.example/").await.unwrap(), "hello");
    assert_eq!(get(&network, "http://agent.example/a").await.unwrap(), "hello");
    let asked = proxy.asked();
    assert_eq!(asked, ["CONNECT agent.example:443 HTTP/1.1", "GET http://agent.example/a HTTP/1.1"]);
}

#[tokio::test]
async fn a_proxy_may_speak_tls_itself_and_must_be_trusted_then() {
    let authority = Authority::default();
    let manners = Manners { tls: Some(authority.host("127.0.0.1")), ..Manners::default() };
    let proxy = TestProxy::start(manners).await;
    proxy.knows("agent.example:443", http_server(Some(authority.host("agent.example"))).await);
    let address = format!("https://{}", proxy.address);
    assert_eq!(
        get(&network(&authority.trusted(), &address, ""), "https://agent.example/").await.unwrap(),
        "hello"
    );
    assert!(get(&network(&Authorities::default(), &address, ""), "https://agent.example/").await.is_err());
    assert_eq!(proxy.asked().len(), 1);
}

#[rstest]
#[case("ann:wr0ng@", None)]
#[case("", None)]
#[case("ann:right@", Some(403))]
#[tokio::test]
async fn a_refusal_of_the_proxy_is_a_failed_connection_without_secrets(
    #[case] user: &str,
    #[case] refuses: Option<u16>,
) {
    let manners = Manners { authorization: Some("Basic YW5uOnJpZ2h0"), refuses, ..Manners::default() };
    let proxy = TestProxy::start(manners).await;
    let network = network(&Authorities::default(), &format!("http://{user}{}", proxy.address), "");
    let error = get(&network, "https://agent.example/").await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert!(!said(&error).contains("wr0ng") && !said(&error).contains("right"), "{error:?}");
}

#[tokio::test]
async fn what_no_proxy_names_is_reached_directly() {
    let authority = Authority::default();
    let proxy = TestProxy::start(Manners { refuses: Some(500), ..Manners::default() }).await;
    let server = http_server(Some(authority.host("127.0.0.1"))).await;
    let address = format!("http://{}", proxy.address);
    let direct = network(&authority.trusted(), &address, "127.0.0.0/8");
    assert_eq!(get(&direct, &format!("https://{server}/")).await.unwrap(), "hello");
    assert_eq!(proxy.asked(), Vec::<String>::new());
    // Loopback is nothing special.
    let through = network(&authority.trusted(), &address, "localhost");
    assert!(get(&through, &format!("https://{server}/")).await.is_err());
    assert_eq!(proxy.asked(), [format!("CONNECT {server} HTTP/1.1")]);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_never_answers_costs_the_time_for_connecting() {
    let proxy = TestProxy::start(Manners { hangs: true, ..Manners::default() }).await;
    let network = network(&Authorities::default(), &format!("http://{}", proxy.address), "");
    let begun = tokio::time::Instant::now();
    let error = get(&network, "https://agent.example/").await.unwrap_err();
    assert!(error.is_connect() && error.is_timeout(), "{error:?}");
    assert!(begun.elapsed() < 2 * CONNECT_TIMEOUT);
    assert_eq!(proxy.asked().len(), 1);
}
