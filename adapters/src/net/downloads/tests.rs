//! Which addresses are public, and that nothing else is connected to.

use std::net::IpAddr;
use std::time::Duration;

use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use url::Url;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::super::{Authorities, BodyError, Exceptions, Network, Proxies, Proxy, read_bounded};
use super::{Reach, SILENCE_MAX, is_not_public, is_public};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The way out, through a proxy where one is named, past it for one name.
fn network(proxy: &str) -> Network {
    let exceptions = Exceptions::parse("localhost").unwrap();
    let proxies = Proxies::new(None, Proxy::parse(proxy).unwrap(), exceptions);
    Network::new(&Authorities::default(), proxies).unwrap()
}

const PLAIN: Reach = Reach::Anywhere { plain: true };

#[rstest]
#[case("1.1.1.1")]
#[case("9.255.255.255")]
#[case("11.0.0.1")]
#[case("100.63.255.255")]
#[case("100.128.0.0")]
#[case("172.15.0.1")]
#[case("172.32.0.1")]
#[case("192.0.1.1")]
#[case("192.169.0.1")]
#[case("198.17.0.1")]
#[case("203.0.114.1")]
#[case("223.255.255.255")]
#[case("2400:3200::1")]
#[case("2001:200::1")]
#[case("2620:fe::fe")]
#[case("::ffff:8.8.8.8")]
#[case("64:ff9b::808:808")]
fn public_addresses(#[case] address: IpAddr) {
    assert!(is_public(address));
}

#[rstest]
#[case::this_network("0.0.0.0")]
#[case::this_network_too("0.1.2.3")]
#[case::private("10.0.0.1")]
#[case::shared("100.64.0.1")]
#[case::shared_end("100.127.255.255")]
#[case::loopback("127.0.0.1")]
#[case::loopback_end("127.255.255.254")]
#[case::link("169.254.169.254")]
#[case::private_12("172.16.0.1")]
#[case::private_12_end("172.31.255.255")]
#[case::protocol("192.0.0.1")]
#[case::documentation("192.0.2.1")]
#[case::relay("192.88.99.1")]
#[case::private_16("192.168.1.1")]
#[case::benchmark("198.18.0.1")]
#[case::benchmark_end("198.19.255.255")]
#[case::documentation_2("198.51.100.1")]
#[case::documentation_3("203.0.113.1")]
#[case::multicast("224.0.0.1")]
#[case::reserved("240.0.0.1")]
#[case::broadcast("255.255.255.255")]
#[case::unspecified("::")]
#[case::loopback_6("::1")]
#[case::compatible("::8.8.8.8")]
#[case::mapped_loopback("::ffff:127.0.0.1")]
#[case::mapped_private("::ffff:10.0.0.1")]
#[case::mapped_link("::ffff:a9fe:a9fe")]
#[case::translated_loopback("64:ff9b::7f00:1")]
#[case::translated_private("64:ff9b::a00:1")]
#[case::local_translator("64:ff9b:1::808:808")]
#[case::discard("100::1")]
#[case::teredo("2001::1")]
#[case::orchid("2001:20::1")]
#[case::documentation_6("2001:db8::1")]
#[case::six_to_four("2002:7f00:1::")]
#[case::documentation_7("3fff::1")]
#[case::segment_routing("5f00::1")]
#[case::unique_local("fd00::1")]
#[case::unique_local_fc("fc00::1")]
#[case::link_6("fe80::1")]
#[case::site("fec0::1")]
#[case::multicast_6("ff02::1")]
fn addresses_that_are_not_public(#[case] address: IpAddr) {
    assert!(!is_public(address));
}

#[rstest]
#[case(Reach::Public, "https://files.example.com/a?b", Some("https://files.example.com/a?b"))]
#[case(Reach::Public, "http://files.example.com/a", Some("https://files.example.com/a"))]
#[case(Reach::Public, "http://files.example.com:8080/a", Some("https://files.example.com:8080/a"))]
#[case(Reach::Public, "https://8.8.8.8/a", Some("https://8.8.8.8/a"))]
#[case(Reach::Public, "https://127.0.0.1/a", None)]
#[case(Reach::Public, "https://2130706433/a", None)]
#[case(Reach::Public, "https://0x7f.1/a", None)]
#[case(Reach::Public, "https://[::1]/a", None)]
#[case(Reach::Public, "https://[::ffff:10.0.0.1]/a", None)]
#[case(Reach::Public, "https://localhost/a", None)]
#[case(Reach::Public, "https://db.internal./a", None)]
#[case(Reach::Public, "https://printer.local/a", None)]
#[case(Reach::Public, "https://user@files.example.com/a", None)]
#[case(Reach::Public, "ftp://files.example.com/a", None)]
#[case(Reach::Public, "file:///etc/passwd", None)]
#[case(Reach::Public, "data:text/plain,x", None)]
#[case(PLAIN, "http://127.0.0.1:9/a", Some("http://127.0.0.1:9/a"))]
#[case(PLAIN, "http://user:p@127.0.0.1:9/a", None)]
#[case(PLAIN, "gopher://127.0.0.1/a", None)]
#[case(Reach::Anywhere { plain: false }, "http://10.0.0.1/a", Some("https://10.0.0.1/a"))]
fn addresses_within_reach(#[case] reach: Reach, #[case] url: &str, #[case] expected: Option<&str>) {
    let admitted = reach.admit(Url::parse(url).unwrap());
    assert_eq!(admitted.as_ref().map(Url::as_str), expected);
}

#[rstest]
#[case("https://api.dingtalk.com", Reach::Public)]
#[case("http://api.dingtalk.com", Reach::Public)]
#[case("https://47.96.0.1", Reach::Public)]
#[case("http://127.0.0.1:8080", PLAIN)]
#[case("http://localhost:8080", PLAIN)]
#[case("http://[::1]:8080", PLAIN)]
#[case("https://10.1.2.3", Reach::Anywhere { plain: false })]
fn only_a_private_platform_may_lead_into_private_networks(#[case] base: &str, #[case] expected: Reach) {
    assert_eq!(Reach::of_platform(&Url::parse(base).unwrap()), expected);
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // `admit` would refuse the name; the resolver must do so by itself, for names that do not say it.
    let client = Reach::Public.client(&network(""), CONNECT_TIMEOUT).unwrap();
    let error = client.get(format!("https://localhost:{port}/")).send().await.unwrap_err();
    assert!(is_not_public(&error), "{error:?}");
    let knocked = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(knocked.is_err(), "somebody connected");
}

#[tokio::test]
async fn a_proxy_may_be_anywhere_and_what_it_is_not_for_may_not() {
    let proxy = MockServer::start().await;
    Mock::given(path("/")).respond_with(ResponseTemplate::new(200)).mount(&proxy).await;
    let by_name = network(&proxy.uri().replace("127.0.0.1", "localhost"));
    let client = Reach::Public.client(&by_name, CONNECT_TIMEOUT).unwrap();
    // The peer is no proxy: that it was asked for a tunnel is all that counts.
    let asked = client.get("https://files.example/").send().await.unwrap_err();
    assert!(!is_not_public(&asked), "{asked:?}");
    let client = Reach::Public.client(&network(&proxy.uri()), CONNECT_TIMEOUT).unwrap();
    let past = client.get("https://localhost/").send().await.unwrap_err();
    assert!(is_not_public(&past), "{past:?}");
}

#[tokio::test]
async fn redirects_stay_on_their_host_and_end() {
    let (here, there) = (MockServer::start().await, MockServer::start().await);
    let to = |url: String| ResponseTemplate::new(302).insert_header("location", url.as_str());
    let other_host = there.uri().replace("127.0.0.1", "localhost");
    Mock::given(path("/away")).respond_with(to(format!("{other_host}/b"))).mount(&here).await;
    Mock::given(path("/b")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&there).await;
    Mock::given(path("/on")).respond_with(to("/end".to_owned())).mount(&here).await;
    Mock::given(path("/end")).respond_with(ResponseTemplate::new(200)).expect(1).mount(&here).await;
    Mock::given(path("/round")).respond_with(to("/round".to_owned())).expect(4).mount(&here).await;
    let client = PLAIN.client(&network(""), CONNECT_TIMEOUT).unwrap();
    for (at, status) in [("away", 302), ("on", 200), ("round", 302)] {
        let answer = client.get(format!("{}/{at}", here.uri())).send().await.unwrap();
        assert_eq!(answer.status(), status, "{at}");
    }
}

/// A server that begins with an answer and then keeps the connection open without a byte, for as long as the listener's task
/// lives.
async fn stalling(beginning: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.unwrap();
        let _ = peer.read(&mut [0; 1024]).await;
        let _ = peer.write_all(beginning.as_bytes()).await;
        std::future::pending::<()>().await;
    });
    url
}

#[rstest]
#[case::before_its_head("")]
#[case::in_its_body("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")]
#[tokio::test]
async fn an_answer_that_stalls_is_given_up(#[case] beginning: &'static str) {
    let silence = Duration::from_millis(200);
    let client = PLAIN.client_within(&network(""), CONNECT_TIMEOUT, silence).unwrap();
    let begun = Instant::now();
    let url = stalling(beginning).await;
    match client.get(url).send().await {
        Ok(answer) => assert_eq!(read_bounded(answer, 100).await, Err(BodyError::Cut)),
        Err(error) => assert!(beginning.is_empty() && error.is_timeout(), "{error:?}"),
    }
    assert!((silence..Duration::from_secs(5)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert!(SILENCE_MAX > silence, "the bound is injected, not the real one");
}
