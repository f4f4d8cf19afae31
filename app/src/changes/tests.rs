//! Lines about versions: which secrets differ, and what does not fit.

use serde_json::json;
use switchboard_domain::ids::Version;
use switchboard_domain::secret::Secret;
use switchboard_ports::channels::Channel;
use switchboard_ports::directory::DirectorySettings;
use switchboard_ports::journal::{Book, JournalInfo, LINE_BYTES_MAX};

use super::lines::{Act, Author, ChangeLine, VersionLine, parsed, stamp};
use super::resource::{Resource, changed_secrets};
use crate::testing::TestApi;

async fn channel() -> Channel {
    let api = TestApi::new().await;
    api.channel("one").await;
    api.stores.state().channels.values().next().unwrap().clone()
}

fn directory(name: &str, secret: &str) -> DirectorySettings {
    DirectorySettings {
        name: name.to_owned(),
        kind: String::from("ldap"),
        config: json!({"url": "ldaps://a.example"}),
        secrets: [(String::from("/bind_password"), Secret::new(secret))].into(),
    }
}

#[tokio::test]
async fn a_secret_is_the_same_wherever_its_directory_stands() {
    let mut before = channel().await;
    before.directories.chain = vec![directory("a", "s3cr3t-a"), directory("b", "s3cr3t-b")];
    let mut after = before.clone();
    after.directories.chain.reverse();
    assert_eq!(changed_secrets(Some(&before), &after), Vec::<String>::new());
    after.directories.chain = vec![directory("b", "s3cr3t-new"), directory("c", "s3cr3t-c")];
    let told = [
        "/user_mapping/directories/0/config/bind_password",
        "/user_mapping/directories/1/config/bind_password",
        "/user_mapping/directories/0/config/bind_password",
    ];
    // Another one, a new one, and one that is gone (where it stood).
    assert_eq!(changed_secrets(Some(&before), &after), told);
    let line = VersionLine::of(Some(&before), &after, stamp(&after), &Author::File, Act::Changed);
    assert!(line.written().iter().all(|line| !line.body.contains("s3cr3t")));
    assert_eq!(line.fields.first().map(String::as_str), Some("/user_mapping/directories"));
}

#[tokio::test]
async fn what_is_too_long_for_a_line_is_left_out_and_the_rest_stays() {
    let before = channel().await;
    let after =
        Channel { default_model: Some("x".repeat(LINE_BYTES_MAX)), version: Version(2), ..before.clone() };
    let line = VersionLine::of(Some(&before), &after, stamp(&after), &Author::File, Act::Changed);
    let [version, change] = line.written();
    assert!(version.body.len() <= LINE_BYTES_MAX && change.body.len() <= LINE_BYTES_MAX);
    assert_eq!((version.book, change.book), (Book::Versions, Book::Changes));
    let read = |body| JournalInfo { number: 1, at: version.at, body };
    let kept: VersionLine = parsed(&read(version.body.clone())).unwrap();
    assert_eq!(kept, VersionLine { content: None, ..line.clone() });
    assert_eq!(parsed::<ChangeLine>(&read(change.body)).unwrap(), line.short());
    assert_eq!(kept.fields, ["/default_model"]);
}

#[tokio::test]
async fn a_line_of_a_later_version_of_the_program_is_passed_over() {
    let made = channel().await;
    let line = VersionLine::of(None, &made, stamp(&made), &Author::File, Act::FromFile);
    let [version, _] = line.written();
    let read = |body: String| parsed::<VersionLine>(&JournalInfo { number: 1, at: version.at, body });
    assert_eq!(read(version.body.clone()), Some(line));
    let more = version.body.replacen('{', "{\"later\": 1, ", 1);
    assert!(read(more).is_some());
    assert_eq!(read(version.body.replace("from_file", "something_new")), None);
    assert_eq!(made.content()["config"]["client_secret"], "***");
}
