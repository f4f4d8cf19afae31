//! Headers of honest proxies, of clients that lie, and of nobody.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use rstest::rstest;

use super::{Arrival, HTTP, HTTPS, Origin, Trust};

fn trust() -> Trust {
    let networks = ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"];
    Trust {
        proxies: networks.map(|network| network.parse().unwrap()).to_vec(),
        public_https: false,
        public_host: None,
    }
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn origin(peer: &str, lines: &[(&str, &str)]) -> (String, bool) {
    let arrival = Arrival { peer: format!("{peer}:40000").parse().unwrap(), tls: false };
    let Origin { client, https, .. } = trust().origin(arrival, &headers(lines));
    (client.to_string(), https)
}

#[rstest]
#[case(&[], "127.0.0.1")]
#[case(&[("x-forwarded-for", "203.0.113.7")], "203.0.113.7")]
#[case(&[("X-Forwarded-For", "203.0.113.7:5060")], "203.0.113.7")]
#[case(&[("x-forwarded-for", "2001:db8::1")], "2001:db8::1")]
#[case(&[("x-forwarded-for", "[2001:db8::1]")], "2001:db8::1")]
#[case(&[("x-forwarded-for", "[2001:db8::1]:443")], "2001:db8::1")]
#[case(&[("x-forwarded-for", "::ffff:203.0.113.7")], "203.0.113.7")]
// What the client itself wrote stands to the left.
#[case(&[("x-forwarded-for", "198.51.100.1, 203.0.113.7")], "203.0.113.7")]
#[case(&[("x-forwarded-for", "127.0.0.1, 203.0.113.7")], "203.0.113.7")]
#[case(&[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.7")], "203.0.113.7")]
// Several proxies of ours.
#[case(&[("x-forwarded-for", "198.51.100.1, 203.0.113.7, 10.1.1.1,10.2.2.2")], "203.0.113.7")]
#[case(&[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "10.1.1.1")], "203.0.113.7")]
#[case(&[("x-forwarded-for", "10.3.3.3, 10.1.1.1")], "10.3.3.3")]
// Somebody who does not say who.
#[case(&[("x-forwarded-for", "unknown")], "127.0.0.1")]
#[case(&[("x-forwarded-for", "")], "127.0.0.1")]
#[case(&[("x-forwarded-for", "198.51.100.1, nonsense, 10.1.1.1")], "10.1.1.1")]
#[case(&[("x-forwarded-for", "203.0.113.7,")], "127.0.0.1")]
#[case(&[("forwarded", "for=203.0.113.7")], "203.0.113.7")]
#[case(&[("forwarded", "proto=https; For = \"203.0.113.7:80\" ;by=10.0.0.1")], "203.0.113.7")]
#[case(&[("forwarded", "for=\"[2001:db8::1]:4711\"")], "2001:db8::1")]
#[case(&[("forwarded", "for=198.51.100.1, for=203.0.113.7, for=10.1.1.1")], "203.0.113.7")]
#[case(&[("forwarded", "for=_hidden, for=10.1.1.1")], "10.1.1.1")]
#[case(&[("forwarded", "for=unknown")], "127.0.0.1")]
#[case(&[("forwarded", "proto=https")], "127.0.0.1")]
// The usual proxy passes the client's own `Forwarded` on.
#[case(&[("forwarded", "for=198.51.100.1"), ("x-forwarded-for", "203.0.113.7")], "203.0.113.7")]
#[case(&[("forwarded", "for=198.51.100.1"), ("x-forwarded-proto", "http")], "127.0.0.1")]
fn behind_a_trusted_proxy_the_client_is_the_right_most_stranger(
    #[case] lines: &[(&str, &str)],
    #[case] client: &str,
) {
    assert_eq!(origin("127.0.0.1", lines).0, client);
}

#[rstest]
#[case("203.0.113.9")]
#[case("127.0.0.2")]
#[case("[::1]")]
fn from_anybody_else_the_headers_say_nothing(#[case] peer: &str) {
    let lines = [
        ("x-forwarded-for", "198.51.100.1"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=198.51.100.1;proto=https"),
    ];
    assert_eq!(origin(peer, &lines), (peer.trim_matches(['[', ']']).to_owned(), false));
}

#[test]
fn a_proxy_is_known_by_its_address_however_it_is_written() {
    assert_eq!(origin("[::ffff:10.9.9.9]", &[("x-forwarded-for", "203.0.113.7")]).0, "203.0.113.7");
    assert_eq!(origin("[fd00::9]", &[("x-forwarded-for", "203.0.113.7")]).0, "203.0.113.7");
}

#[rstest]
#[case(&[("x-forwarded-proto", "https")], true)]
#[case(&[("x-forwarded-proto", "HTTPS")], true)]
#[case(&[("x-forwarded-proto", "http")], false)]
// The nearest proxy has the last word.
#[case(&[("x-forwarded-proto", "https, http")], false)]
#[case(&[("x-forwarded-proto", "http, https")], true)]
#[case(&[("x-forwarded-proto", "")], false)]
#[case(&[("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.7;proto=https")], false)]
#[case(&[("forwarded", "for=203.0.113.7;proto=https")], true)]
#[case(&[("forwarded", "for=203.0.113.7;proto=https, for=10.1.1.1;proto=http")], true)]
#[case(&[("forwarded", "for=198.51.100.1;proto=https, for=203.0.113.7;proto=http")], false)]
#[case(&[("forwarded", "for=203.0.113.7;proto=ftp")], false)]
fn a_trusted_proxy_says_whether_the_client_came_by_https(
    #[case] lines: &[(&str, &str)],
    #[case] https: bool,
) {
    assert_eq!(origin("127.0.0.1", lines).1, https);
}

#[test]
fn tls_of_our_own_and_a_public_https_address_are_https_too() {
    let peer = "203.0.113.9:1".parse().unwrap();
    assert!(trust().origin(Arrival { peer, tls: true }, &HeaderMap::new()).https);
    let public = Trust { public_https: true, ..Trust::default() };
    assert!(public.origin(Arrival { peer, tls: false }, &HeaderMap::new()).https);
    assert!(!Trust::default().origin(Arrival { peer, tls: false }, &HeaderMap::new()).https);
}

#[test]
fn an_endless_list_of_hops_is_not_followed_to_its_end() {
    let list = format!("203.0.113.7{}", ", 10.1.1.1".repeat(10_000));
    assert_eq!(origin("127.0.0.1", &[("x-forwarded-for", &list)]).0, "10.1.1.1");
}

#[rstest]
// Who comes straight to us sees what the connection is.
#[case("203.0.113.9", true, &[], Some(HTTPS))]
#[case("203.0.113.9", false, &[], Some(HTTP))]
#[case("203.0.113.9", false, &[("x-forwarded-proto", "https")], Some(HTTP))]
// Of others a trusted proxy says it, or nobody.
#[case("127.0.0.1", false, &[("x-forwarded-proto", "HTTPS")], Some(HTTPS))]
#[case("127.0.0.1", false, &[("x-forwarded-proto", "http")], Some(HTTP))]
#[case("127.0.0.1", false, &[("forwarded", "for=203.0.113.7;proto=https")], Some(HTTPS))]
#[case("127.0.0.1", false, &[("x-forwarded-for", "203.0.113.7")], None)]
#[case("127.0.0.1", false, &[("x-forwarded-proto", "ftp")], None)]
#[case("127.0.0.1", false, &[], None)]
#[case("127.0.0.1", true, &[], Some(HTTPS))]
fn the_scheme_is_known_of_the_connection_or_a_trusted_proxy(
    #[case] peer: &str,
    #[case] tls: bool,
    #[case] lines: &[(&str, &str)],
    #[case] scheme: Option<&str>,
) {
    let arrival = Arrival { peer: format!("{peer}:40000").parse().unwrap(), tls };
    assert_eq!(trust().origin(arrival, &headers(lines)).scheme, scheme);
}

#[test]
fn a_proxy_that_nobody_configured_may_end_tls() {
    let peer = "203.0.113.9:1".parse().unwrap();
    let unconfigured = Trust::default();
    assert_eq!(unconfigured.origin(Arrival { peer, tls: false }, &HeaderMap::new()).scheme, None);
    assert_eq!(unconfigured.origin(Arrival { peer, tls: true }, &HeaderMap::new()).scheme, Some(HTTPS));
}

#[rstest]
#[case("http://here:1", Some(HTTP), true)]
#[case("https://here:1", Some(HTTP), false)]
#[case("https://here:1", Some(HTTPS), true)]
#[case("http://here:1", Some(HTTPS), false)]
#[case("http://here:1", None, true)]
#[case("https://here:1", None, true)]
#[case("https://here:2", None, false)]
#[case("here:1", None, false)]
#[case("null", None, false)]
// The configured address counts whatever the proxies say, and by its scheme alone where they say nothing.
#[case("https://im.example.com", Some(HTTP), true)]
#[case("https://im.example.com", None, true)]
#[case("http://im.example.com", Some(HTTPS), false)]
#[case("http://im.example.com", None, false)]
fn a_page_is_ours_by_host_and_scheme(
    #[case] page: &str,
    #[case] scheme: Option<&'static str>,
    #[case] ours: bool,
) {
    let host = if page.contains("im.example.com") { "im.example.com" } else { "here:1" };
    let trust =
        Trust { public_https: true, public_host: Some(String::from("im.example.com")), ..Trust::default() };
    let asked = Origin { client: [203, 0, 113, 7].into(), https: true, scheme };
    assert_eq!(trust.is_ours(page, asked, Some(host)), ours);
}
