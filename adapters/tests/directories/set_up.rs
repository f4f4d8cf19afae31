//! Settings that look right and are not, and what groups and addresses of a kind of their own become.

use serde_json::json;
use switchboard_ports::directory::{Contact, DirectoryError, Found, Query};
use test_servers::slapd::Slapd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{ldap, plain, query};

const PEOPLE: &str = "dn: cn=Ann,dc=corp,dc=example\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann\nsn: A\nemployeeNumber: e1\n\
    mail: zoe@corp.example\nmail: ann@corp.example\n\n\
    dn: cn=Bob,dc=corp,dc=example\nobjectClass: inetOrgPerson\nuid: bob\ncn: Bob\nsn: B\nemployeeNumber: e2\n\n\
    dn: cn=Nameless,dc=corp,dc=example\nobjectClass: inetOrgPerson\ncn: Nameless\nsn: N\nemployeeNumber: ann\n\n\
    dn: cn=unix,dc=corp,dc=example\nobjectClass: posixGroup\ncn: unix\ngidNumber: 1\nmemberUid: ann\n\n\
    dn: cn=nobody,dc=corp,dc=example\nobjectClass: posixGroup\ncn: nobody\ngidNumber: 2\n\n\
    dn: cn=outer,dc=corp,dc=example\nobjectClass: groupOfNames\ncn: outer\nmember: cn=unix,dc=corp,dc=example\n\n";

#[tokio::test]
async fn members_of_a_unix_group_count_by_their_ids_also_through_other_groups() {
    let slapd = Slapd::start(PEOPLE);
    for group in ["cn=unix,dc=corp,dc=example", "cn=outer,dc=corp,dc=example"] {
        let directory = plain(&slapd, json!({"group": group}));
        assert!(matches!(directory.look_up(&query("ann")).await, Ok(Found::One(_))), "{group}");
        assert_eq!(directory.look_up(&query("bob")).await, Ok(Found::Nobody), "{group}");
        assert_eq!(directory.check("dingtalk").await, Ok(None), "{group}");
        // Whatever the username is read from, Unix knows people by their uid.
        let numbered = plain(
            &slapd,
            json!({"group": group, "filter": "(employeeNumber={user_id})", "attributes": {"username": "employeeNumber"}}),
        );
        assert!(matches!(numbered.look_up(&query("e1")).await, Ok(Found::One(_))), "{group}");
        assert_eq!(numbered.look_up(&query("e2")).await, Ok(Found::Nobody), "{group}");
        // Without one, by what the username is read from.
        assert!(matches!(numbered.look_up(&query("ann")).await, Ok(Found::One(_))), "{group}");
    }
    // It has nobody for anybody: people are not there, and the check says why.
    let empty = plain(&slapd, json!({"group": "cn=nobody,dc=corp,dc=example"}));
    assert_eq!(empty.look_up(&query("ann")).await, Ok(Found::Nobody));
    let checked = empty.check("dingtalk").await;
    assert!(
        matches!(&checked, Err(DirectoryError::Denied(why)) if why.contains("cn=nobody") && why.contains("memberUid")),
        "{checked:?}"
    );
}

#[tokio::test]
async fn an_attribute_that_the_server_does_not_know_fails_the_check_and_is_named() {
    let slapd = Slapd::start(PEOPLE);
    for (change, named) in [
        (json!({"attributes": {"disabled": "nsAcountLock"}}), "attributes.disabled names nsAcountLock"),
        (json!({"attributes": {"username": "uidd"}}), "attributes.username names uidd"),
        (json!({"filter": "(&(objectClass=person)(employeNumber={user_id}))"}), "filter names employeNumber"),
    ] {
        let checked = plain(&slapd, change.clone()).check("dingtalk").await;
        assert!(
            matches!(&checked, Err(DirectoryError::Denied(why)) if why.ends_with(named)),
            "{change} {checked:?}"
        );
    }
    let known = json!({"attributes": {"disabled": "useraccountcontrol", "email": "rfc822Mailbox;x-a"},
        "filter": "(|(0.9.2342.19200300.100.1.1={user_id})(!(entryUUID={user_id})))"});
    assert_eq!(plain(&slapd, known).check("dingtalk").await, Ok(None));
}

/// Values have no order of their own (RFC 4511 §4.1.7), but servers keep one, and people put the first first.
#[tokio::test]
async fn of_several_addresses_the_one_asked_for_counts_else_the_first() {
    let slapd = Slapd::start(PEOPLE);
    let address = |found| match found {
        Ok(Found::One(entry)) => {
            switchboard_domain::person::Entry::person(entry, "corp").unwrap().email.unwrap()
        }
        other => panic!("{other:?}"),
    };
    let directory = plain(&slapd, json!({}));
    assert_eq!(address(directory.look_up(&query("ann")).await), "zoe@corp.example");
    let by_mail = plain(&slapd, json!({"filter": "(mail={email})"}));
    for asked in ["ann@corp.example", "zoe@corp.example"] {
        let contact = Contact { email: Some(asked.to_uppercase()), ..Contact::default() };
        let found = by_mail.look_up(&Query { contact: Some(contact), ..query("m1") }).await;
        assert_eq!(address(found), asked);
    }
}

/// As servers without certificates answer (RFC 4511 §4.14.2): "protocol error".
#[tokio::test]
async fn a_server_that_offers_no_starttls_is_told_so_and_what_to_change() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            // One request, the first of its connection: an extended response to message 1, with code 2.
            let refused =
                [0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, 0x02, 0x04, 0x00, 0x04, 0x00];
            let mut request = [0; 512];
            if socket.read(&mut request).await.is_ok() {
                let _ = socket.write_all(&refused).await;
                // Open until the other side closes.
                let _ = socket.read(&mut request).await;
            }
        }
    });
    let directory = ldap(&format!("ldap://127.0.0.1:{port}"), &json!({}), None);
    let asked =
        [directory.look_up(&query("ann")).await.map(drop), directory.check("dingtalk").await.map(drop)];
    for asked in asked {
        let Err(DirectoryError::Denied(why)) = &asked else { panic!("{asked:?}") };
        assert!(["StartTLS", "ldaps://", "start_tls"].iter().all(|word| why.contains(word)), "{why}");
    }
}
