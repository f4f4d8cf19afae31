//! Directories against the real thing: `slapd` over plain LDAP, `StartTLS` and ldaps, and an endpoint that checks signatures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

#[path = "directories/set_up.rs"]
mod set_up;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use switchboard_adapters::directories::{kinds, signature};
use switchboard_adapters::net::{Authorities, Network, Proxies};
use switchboard_domain::person::{Entry, Tells};
use switchboard_domain::secret::Secret;
use switchboard_ports::clock::Clock;
use switchboard_ports::conformance::FakeClock;
use switchboard_ports::directory::{Contact, Directory, DirectoryError, DirectorySettings, Found, Query};
use test_servers::slapd::{BIND_DN, PASSWORD, Slapd};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn directory(
    kind: &str,
    config: &Value,
    secret: (&str, &str),
    authority: Option<&str>,
) -> Arc<dyn Directory> {
    let authorities = authority.map(|pem| Authorities::from_pem(pem.as_bytes()).unwrap()).unwrap_or_default();
    let network = Network::new(&authorities, Proxies::default()).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(FakeClock::default());
    let kind = &kinds(&clock, &network)[kind];
    let secrets = BTreeMap::from([(secret.0.to_owned(), Secret::new(secret.1))]);
    let config = kind.check_config(config, &[secret.0.to_owned()]).unwrap();
    let settings =
        DirectorySettings { name: "corp".to_owned(), kind: kind.kind().to_owned(), config, secrets };
    kind.build(&settings).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn query(im_user_id: &str) -> Query {
    Query { platform: "dingtalk".into(), im_user_id: im_user_id.into(), name: "Ann".into(), contact: None }
}

const PEOPLE: &str = "dn: uid=ann,dc=corp,dc=example\nobjectClass: inetOrgPerson\nobjectClass: accountBits\nuid: ann\ncn: Ann\nsn: A\n\
    mail: ann@corp.example\ndepartmentNumber: R&D\nuserAccountControl: 512\n\n\
    dn: uid=out,dc=corp,dc=example\nobjectClass: inetOrgPerson\nobjectClass: accountBits\nuid: out\ncn: Out\nsn: O\n\
    mail: shared@corp.example\nuserAccountControl: 514\n\n\
    dn: uid=two,dc=corp,dc=example\nobjectClass: inetOrgPerson\nuid: two\ncn: Two\nsn: T\nmail: shared@corp.example\n\n\
    dn: uid=odd\\2C \\2A()\\5C,dc=corp,dc=example\nobjectClass: inetOrgPerson\nuid: odd, *()\\\ncn:: 5byg5LiJIPCfkak=\nsn: O\n\n\
    dn: uid=wide,dc=corp,dc=example\nobjectClass: inetOrgPerson\nuid: wide\ncn: LONGNAME\nsn: W\n\n\
    dn: cn=inner,dc=corp,dc=example\nobjectClass: groupOfNames\ncn: inner\nmember: uid=ann,dc=corp,dc=example\n\n\
    dn: cn=middle,dc=corp,dc=example\nobjectClass: groupOfNames\ncn: middle\nmember: cn=inner,dc=corp,dc=example\n\
    member: cn=outer,dc=corp,dc=example\n\n\
    dn: cn=outer,dc=corp,dc=example\nobjectClass: groupOfNames\ncn: outer\nmember: cn=middle,dc=corp,dc=example\n\n";

fn slapd() -> Slapd {
    Slapd::start(&PEOPLE.replace("LONGNAME", &"名".repeat(1_400)))
}

fn ldap(url: &str, change: &Value, authority: Option<&str>) -> Arc<dyn Directory> {
    let mut config = json!({"url": url, "bind_dn": BIND_DN, "base": "dc=corp,dc=example",
        "attributes": {"disabled": "userAccountControl"}});
    for (key, value) in change.as_object().unwrap() {
        config[key] = value.clone();
    }
    directory("ldap", &config, ("/bind_password", PASSWORD), authority)
}

fn plain(slapd: &Slapd, mut change: Value) -> Arc<dyn Directory> {
    change["start_tls"] = json!(false);
    ldap(&format!("ldap://127.0.0.1:{}", slapd.port), &change, None)
}

#[tokio::test]
async fn a_person_is_found_over_ldaps_starttls_and_plain_and_never_past_a_wrong_certificate() {
    let slapd = slapd();
    let ann = Found::One(Entry {
        username: "ann".into(),
        email: Some("ann@corp.example".into()),
        display_name: Some("Ann".into()),
        department: Some("R&D".into()),
        disabled: false,
        tells: Tells { email: true, department: true },
    });
    let (plain_url, tls_url) =
        (format!("ldap://localhost:{}", slapd.port), format!("ldaps://localhost:{}", slapd.tls_port));
    let ours = Some(slapd.authority.as_str());
    for url in [&plain_url, &tls_url] {
        let directory = ldap(url, &json!({}), ours);
        for _ in 0..3 {
            assert_eq!(directory.look_up(&query("ann")).await, Ok(ann.clone()), "{url}");
        }
        let stranger = ldap(url, &json!({}), None).look_up(&query("ann")).await;
        assert!(matches!(stranger, Err(DirectoryError::Unavailable(_))), "{url} {stranger:?}");
    }
    assert_eq!(plain(&slapd, json!({})).look_up(&query("ann")).await, Ok(ann));
}

#[tokio::test]
async fn a_check_tells_what_is_wrong_and_asks_about_nobody() {
    let mut slapd = slapd();
    assert_eq!(plain(&slapd, json!({})).check("dingtalk").await, Ok(None));
    assert_eq!(
        plain(&slapd, json!({"group": "cn=outer,dc=corp,dc=example"})).check("dingtalk").await,
        Ok(None)
    );
    let nowhere = json!({"base": "ou=nowhere,dc=corp,dc=example"});
    let no_groups =
        json!({"group": "cn=outer,dc=corp,dc=example", "group_base": "ou=none,dc=corp,dc=example"});
    let stranger = json!({"bind_dn": "cn=stranger,dc=corp,dc=example"});
    for change in [nowhere, no_groups, stranger] {
        let found = plain(&slapd, change.clone()).check("dingtalk").await;
        assert!(matches!(found, Err(DirectoryError::Denied(_))), "{change} {found:?}");
    }
    let asked = plain(&slapd, json!({}));
    assert_eq!(asked.look_up(&query("nobody")).await, Ok(Found::Nobody));
    slapd.kill();
    assert!(matches!(asked.check("dingtalk").await, Err(DirectoryError::Unavailable(_))));
    slapd.restart();
    // Others were kept, and died with the server.
    assert_eq!(asked.check("dingtalk").await, Ok(None));
}

#[tokio::test]
async fn odd_characters_and_injections_find_themselves_or_nobody() {
    let slapd = slapd();
    let directory = plain(&slapd, json!({}));
    let Ok(Found::One(odd)) = directory.look_up(&query("odd, *()\\")).await else { panic!("odd is there") };
    assert_eq!((odd.username.as_str(), odd.display_name.as_deref()), ("odd, *()\\", Some("张三 👩")));
    let Ok(Found::One(wide)) = directory.look_up(&query("wide")).await else { panic!("wide is there") };
    assert_eq!(wide.display_name.unwrap().chars().count(), 1_400);
    let long = "x".repeat(4_096);
    for id in ["*", "a*", "ann)(uid=*", "*)(objectClass=*", "ann\0", "\\2a", "\u{202E}nna", long.as_str()] {
        assert_eq!(directory.look_up(&query(id)).await, Ok(Found::Nobody), "{id:?}");
    }
}

/// What odd entries become, read from a real server and decided by the domain: the right person or nobody, never somebody else.
#[tokio::test]
async fn odd_entries_are_mapped_right_or_not_at_all() {
    let odd = [
        ("right-to-left", "عامل", "عامل التوصيل"),
        ("emoji", "👩\u{200D}💻", "👩\u{200D}💻 Ann"),
        ("turned", "ann\u{202E}nimda", "Ann"),
        ("endless", &"x".repeat(4_096), "Endless"),
        ("named-at-length", "long", &"名".repeat(1_366)),
        ("spoken", "Jo\u{308}rg", "\u{202E}Jörg\u{202C}"),
        ("shared1", "one", "One"),
        ("shared2", "two", "Two"),
        ("twice", "first", "First"),
        ("twice", "second", "Second"),
    ];
    let mut ldif = String::new();
    for (number, (id, uid, name)) in odd.iter().enumerate() {
        let [uid, name] = [uid, name].map(|text| base64(text));
        write!(
            ldif,
            "dn: cn=p{number},dc=corp,dc=example\nobjectClass: inetOrgPerson\ncn: p{number}\nsn: x\nuid:: {uid}\n\
             displayName:: {name}\nemployeeNumber: {id}\nmail: {}@corp.example\n\n",
            if id.starts_with("shared") { "shared" } else { id }
        )
        .unwrap();
    }
    let slapd = Slapd::start(&ldif);
    let change =
        json!({"filter": "(employeeNumber={user_id})", "attributes": {"display_name": "displayName"}});
    let directory = plain(&slapd, change);
    let (long, cut) = ("long", "名".repeat(200));
    for (id, expected) in [
        ("right-to-left", Some(("عامل", "عامل التوصيل"))),
        ("emoji", Some(("👩\u{200D}💻", "👩\u{200D}💻 Ann"))),
        ("turned", None),
        ("endless", None),
        ("named-at-length", Some((long, cut.as_str()))),
        ("spoken", Some(("Jo\u{308}rg", "Jörg"))),
        ("shared1", Some(("one", "One"))),
    ] {
        let Ok(Found::One(entry)) = directory.look_up(&query(id)).await else { panic!("{id} is there") };
        let person = entry.person("corp");
        let found =
            person.as_ref().map(|it| (it.username.as_str(), it.display_name.as_deref().unwrap_or("")));
        assert_eq!(found, expected, "{id}");
    }
    assert_eq!(directory.look_up(&query("twice")).await, Ok(Found::Several));
    for id in ["*", "shared*", "shared1)(employeeNumber=*", "*)(|(employeeNumber=*", "emoji\0", "\\2a"] {
        assert_eq!(directory.look_up(&query(id)).await, Ok(Found::Nobody), "{id:?}");
    }
    // By an address that two have.
    let by_mail = plain(&slapd, json!({"filter": "(mail={email})"}));
    let contact = |email: &str| Contact { email: Some(email.to_owned()), ..Contact::default() };
    let asked = Query { contact: Some(contact("shared@corp.example")), ..query("x") };
    assert_eq!(by_mail.look_up(&asked).await, Ok(Found::Several));
    let asked = Query { contact: Some(contact("*@corp.example")), ..query("x") };
    assert_eq!(by_mail.look_up(&asked).await, Ok(Found::Nobody));
}

/// As LDIF has it (RFC 4648).
fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn several_who_fit_are_several_and_a_disabled_bit_counts() {
    let slapd = slapd();
    let Ok(Found::One(out)) = plain(&slapd, json!({})).look_up(&query("out")).await else { panic!("there") };
    assert!(out.disabled);
    let by_mail = plain(&slapd, json!({"filter": "(mail={email})"}));
    assert!(by_mail.needs_contact());
    let with = |email: Option<&str>| Query {
        contact: Some(Contact { email: email.map(Into::into), ..Contact::default() }),
        ..query("m1")
    };
    assert_eq!(by_mail.look_up(&with(Some("SHARED@corp.example"))).await, Ok(Found::Several));
    assert!(matches!(by_mail.look_up(&with(Some("ann@corp.example"))).await, Ok(Found::One(_))));
    assert_eq!(by_mail.look_up(&with(None)).await, Ok(Found::Nobody));
    assert_eq!(by_mail.look_up(&with(Some("*"))).await, Ok(Found::Nobody));
    let crowd = plain(&slapd, json!({"filter": "(|(uid={user_id})(objectClass=person))"}));
    assert_eq!(crowd.look_up(&query("ann")).await, Ok(Found::Several));
}

#[tokio::test]
async fn only_members_of_a_group_count_through_groups_in_groups_and_around_a_cycle() {
    let slapd = slapd();
    let in_group = |group: &str| plain(&slapd, json!({"group": group}));
    let outer = in_group("CN=Outer, dc=corp,dc=example");
    assert!(matches!(outer.look_up(&query("ann")).await, Ok(Found::One(_))));
    assert_eq!(outer.look_up(&query("two")).await, Ok(Found::Nobody));
    // As the server writes it, whatever the operator does.
    let escaped = in_group("cn=\\6futer,dc=corp,dc=example");
    assert!(matches!(escaped.look_up(&query("ann")).await, Ok(Found::One(_))));
}

/// Else a typo in its name, or its end, would shut out everybody.
#[tokio::test]
async fn a_group_that_is_not_there_says_nothing_of_anybody() {
    let slapd = slapd();
    let nowhere = json!({"group": "cn=nowhere,dc=corp,dc=example"});
    let nameless = json!({"group": "nowhere"});
    let elsewhere =
        json!({"group": "cn=outer,dc=corp,dc=example", "group_base": "uid=ann,dc=corp,dc=example"});
    for change in [nowhere, nameless, elsewhere] {
        let group = change["group"].as_str().unwrap();
        let directory = plain(&slapd, change.clone());
        for asked in
            [directory.look_up(&query("ann")).await.map(drop), directory.check("dingtalk").await.map(drop)]
        {
            assert!(
                matches!(&asked, Err(DirectoryError::Denied(why)) if why.contains(group)),
                "{change} {asked:?}"
            );
        }
        // Whom the directory does not have is nobody in any group.
        assert_eq!(directory.look_up(&query("stranger")).await, Ok(Found::Nobody));
    }
}

#[tokio::test]
async fn what_is_set_up_wrong_is_an_error_and_never_nobody() {
    let slapd = slapd();
    let denied = |found: Result<Found, DirectoryError>| match found {
        Err(DirectoryError::Denied(why)) => assert!(!why.contains("s3cr3t"), "{why}"),
        other => panic!("{other:?}"),
    };
    denied(plain(&slapd, json!({"base": "dc=other,dc=example"})).look_up(&query("ann")).await);
    denied(plain(&slapd, json!({"bind_dn": "cn=nobody,dc=corp,dc=example"})).look_up(&query("ann")).await);
    let nameless = plain(&slapd, json!({"attributes": {"username": "employeeNumber"}}));
    assert!(matches!(nameless.look_up(&query("ann")).await, Err(DirectoryError::Malformed(_))));
}

#[tokio::test]
async fn a_server_that_dies_is_unavailable_and_comes_back_by_itself() {
    let mut slapd = slapd();
    let directory = plain(&slapd, json!({}));
    let queries: Vec<_> = (0..40).map(|_| query("ann")).collect();
    let all = |found: Vec<Result<Found, DirectoryError>>| {
        assert!(found.iter().all(|found| matches!(found, Ok(Found::One(_)))), "{found:?}");
    };
    all(futures_util::future::join_all(queries.iter().map(|query| directory.look_up(query))).await);
    slapd.kill();
    let away = directory.look_up(&query("ann")).await;
    assert!(matches!(away, Err(DirectoryError::Unavailable(_))), "{away:?}");
    slapd.restart();
    all(futures_util::future::join_all(queries.iter().map(|query| directory.look_up(query))).await);
}

const KEY: &str = "0123456789abcdef";

async fn erp(answer: ResponseTemplate) -> (MockServer, Arc<dyn Directory>) {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/people")).respond_with(answer).mount(&server).await;
    let config = json!({"url": format!("{}/people", server.uri()), "send_contact": true});
    let directory = directory("http", &config, ("/hmac_key", KEY), None);
    (server, directory)
}

#[tokio::test]
async fn an_endpoint_is_asked_with_a_signature_over_time_and_body() {
    let user = json!({"users": [{"username": "ann", "department": "R&D", "disabled": true}]});
    let (server, directory) = erp(ResponseTemplate::new(200).set_body_json(user)).await;
    let contact = Some(Contact { email: Some("ann@corp.example".into()), ..Contact::default() });
    let found = directory.look_up(&Query { contact, ..query("m1") }).await;
    let Ok(Found::One(ann)) = found else { panic!("{found:?}") };
    assert_eq!((ann.username.as_str(), ann.disabled), ("ann", true));
    let requests: Vec<Request> = server.received_requests().await.unwrap();
    let header = |name: &str| requests[0].headers[name].to_str().unwrap();
    let timestamp = header("x-switchboard-timestamp");
    assert_eq!(timestamp, (FakeClock::START.as_millis() / 1_000).to_string());
    let expected = signature(KEY.as_bytes(), timestamp, &requests[0].body);
    assert_eq!(header("x-switchboard-signature"), expected);
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    let asked = json!({"platform": "dingtalk", "im_user_id": "m1", "name": "Ann", "email": "ann@corp.example",
        "mobile": null});
    assert_eq!(body, asked);
}

#[tokio::test]
async fn only_a_clear_answer_of_an_endpoint_says_that_somebody_is_not_there() {
    let (_server, directory) = erp(ResponseTemplate::new(200).set_body_json(json!({"users": []}))).await;
    assert_eq!(directory.look_up(&query("m1")).await, Ok(Found::Nobody));
    for (status, body) in [(404, "{}"), (200, "{}"), (500, ""), (403, ""), (302, ""), (200, "<html>")] {
        let (_server, directory) = erp(ResponseTemplate::new(status).set_body_string(body)).await;
        assert!(directory.look_up(&query("m1")).await.is_err(), "{status} {body}");
    }
}
