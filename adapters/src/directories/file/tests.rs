//! Files as people leave them: whole, broken, empty, and no files at all.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rstest::rstest;
use serde_json::json;
use switchboard_ports::directory::{
    Directory, DirectoryError, DirectoryKind as _, DirectorySettings, Found, Query,
};

use super::{FileKind, listed};

const CSV: &str = "user_id,username,email,disabled,extra\n\
    m1,ann,ann@x.com,no,\n\
    m2,\"张, 三\",,TRUE,x\n\
    m3,,,,\n\
    m4,a,,,\nm4,b,,,\n";

#[test]
fn a_csv_file_has_people_by_the_platform_s_id() {
    let people = listed(CSV.as_bytes(), true).unwrap().people;
    assert_eq!(people["m1"][0].email.as_deref(), Some("ann@x.com"));
    assert_eq!((people["m2"][0].username.as_str(), people["m2"][0].disabled), ("张, 三", true));
    assert_eq!(people["m3"][0].username, "m3");
    assert_eq!(people["m4"].len(), 2);
}

#[rstest]
#[case::another_column(b"username\nann\n", true, "no column user_id")]
#[case::no_rows_of_another_column(b"username\n", true, "no column user_id")]
#[case::other_separators(b"user_id;username\nm1;ann\n", true, "commas")]
#[case::a_bad_flag(b"user_id,disabled\nm1,perhaps\n", true, "row 1")]
#[case::more_columns_than_names(b"user_id,username\nm1,ann,more\n", true, "row 1")]
#[case::half_a_row(b"user_id,username\nm1,ann\nm2", true, "row 2")]
#[case::a_lost_id(b"user_id,username\nm1,ann\n,bob\n", true, "row 2")]
#[case::empty(b"", true, "empty")]
#[case::blank(b"\xEF\xBB\xBF \n", true, "empty")]
#[case::nul_bytes(&[0; 64], true, "UTF-16")]
#[case::nul_bytes_after_people(b"user_id\nm1\n\0\0\0\0", true, "NUL")]
#[case::utf_16(b"\xFF\xFEu\0s\0e\0r\0", true, "UTF-16")]
#[case::gbk(b"user_id,username\nm1,\xD5\xC5\xC8\xFD\n", true, "GBK")]
#[case::nobody(b"user_id,username\n", true, "nobody")]
#[case::nobody_but_empty_rows(b"user_id,username\n,\n,\n", true, "nobody")]
#[case::no_user_id(b"[{\"username\":\"ann\"}]", false, "row 1")]
#[case::a_column_twice(b"user_id,disabled,Disabled\nm1,yes,no\n", true, "disabled twice")]
#[case::a_key_twice(
    b"[{\"user_id\":\"m1\"},{\"user_id\":\"m1\",\"disabled\":true,\"DISABLED\":false}]",
    false,
    "row 2 names disabled twice"
)]
#[case::the_same_key_twice(
    b"[{\"user_id\":\"m1\",\"disabled\":true,\"disabled\":false}]",
    false,
    "disabled twice"
)]
#[case::half_a_list(b"[{\"user_id\":\"m1\"", false, "line 1")]
#[case::no_list(b"{}", false, "line 1")]
#[case::an_empty_list(b"[]", false, "nobody")]
#[case::nothing(b"", false, "empty")]
fn what_cannot_be_read_as_a_whole_is_no_answer_and_is_not_quoted(
    #[case] text: &[u8],
    #[case] is_csv: bool,
    #[case] said: &str,
) {
    let why = listed(text, is_csv).unwrap_err();
    assert!(why.contains(said) && !why.contains("ann") && !why.contains("perhaps"), "{why}");
}

#[rstest]
#[case("\u{FEFF}user_id\nm1\n", true)]
#[case("user_id,username\r\nm1,ann\r\n,\r\n", true)]
#[case("\u{FEFF}[{\"user_id\":\"m1\"}]", false)]
fn what_spreadsheets_leave_in_a_file_does_no_harm(#[case] text: &str, #[case] is_csv: bool) {
    assert_eq!(listed(text.as_bytes(), is_csv).unwrap().people.keys().collect::<Vec<_>>(), ["m1"]);
}

/// Else whoever is disabled in a column that spreadsheets write with a capital letter would be let in.
#[rstest]
#[case::capitals("User_ID,Username,DISABLED,Email\nm1,ann,yes,a@b.c\n", true)]
#[case::blanks_and_marks(
    "\u{FEFF} \u{FEFF}user_id ,\" username \",\u{A0}Disabled,email\nm1,ann,yes,a@b.c\n",
    true
)]
#[case::keys(r#"[{"User_Id":"m1","USERNAME":"ann"," disabled ":"yes","Email":"a@b.c"}]"#, false)]
fn names_count_without_regard_to_case_and_blanks(#[case] text: &str, #[case] is_csv: bool) {
    let listed = listed(text.as_bytes(), is_csv).unwrap();
    let ann = &listed.people["m1"][0];
    assert_eq!((ann.username.as_str(), ann.disabled, ann.email.as_deref()), ("ann", true, Some("a@b.c")));
    assert_eq!(listed.note, None);
}

#[rstest]
#[case("user_id,Gesperrt,,Notes\nm1,yes,,x\n", true)]
#[case(r#"[{"user_id":"m1","Gesperrt":true,"":0},{"user_id":"m2","Notes":{"a":1},"Gesperrt":false}]"#, false)]
fn what_is_passed_over_is_named_and_its_contents_are_not(#[case] text: &str, #[case] is_csv: bool) {
    let note = listed(text.as_bytes(), is_csv).unwrap().note.unwrap();
    assert!(note.starts_with("passed over: Gesperrt, Notes; what counts is user_id, "), "{note}");
    let many: Vec<_> = (0..1_000).map(|n| format!("c{n}{}", "x".repeat(500))).collect();
    let blanks = ",".repeat(1_000);
    let many =
        listed(format!("user_id,{}\nm1{blanks}\n", many.join(",")).as_bytes(), true).unwrap().note.unwrap();
    assert!(many.contains(" and more;") && many.len() < 1_000, "{many}");
}

fn query(im_user_id: &str) -> Query {
    Query { platform: "dingtalk".into(), im_user_id: im_user_id.into(), name: String::new(), contact: None }
}

fn directory(path: &Path) -> Arc<dyn Directory> {
    let settings = DirectorySettings {
        name: "f".into(),
        kind: "file".into(),
        config: FileKind.check_config(&json!({"path": path}), &[]).unwrap(),
        secrets: [].into(),
    };
    FileKind.build(&settings).unwrap()
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes_and_a_broken_one_shuts_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.json");
    let directory = directory(&path);
    assert!(matches!(directory.look_up(&query("m1")).await, Err(DirectoryError::Unavailable(_))));
    let put = |text: &str| {
        fs::write(path.with_extension("new"), text).unwrap();
        fs::rename(path.with_extension("new"), &path).unwrap();
    };
    put(r#"[{"user_id":"m1","username":"ann"}]"#);
    assert!(matches!(directory.look_up(&query("m1")).await, Ok(Found::One(_))));
    assert_eq!(directory.look_up(&query("m2")).await, Ok(Found::Nobody));
    put(r#"[{"user_id":"m1","username":"ann","disabled":true},{"user_id":"m2"}]"#);
    let Ok(Found::One(ann)) = directory.look_up(&query("m1")).await else { panic!("ann is there") };
    assert!(ann.disabled);
    for broken in ["[", "", "[]"] {
        put(broken);
        for person in ["m1", "m3"] {
            let asked = directory.look_up(&query(person)).await;
            let Err(DirectoryError::Malformed(why)) = asked else { panic!("{broken:?} {asked:?}") };
            assert!(why.contains("people.json"), "{why}");
        }
    }
    put(r#"[{"user_id":"m1"}]"#);
    assert!(matches!(directory.look_up(&query("m1")).await, Ok(Found::One(_))));
    assert_eq!(directory.check("dingtalk").await, Ok(None));
    put(r#"[{"user_id":"m1","aktiv":true}]"#);
    let Ok(Some(note)) = directory.check("dingtalk").await else { panic!("a note") };
    assert!(note.contains("aktiv"), "{note}");
    put("[");
    assert!(matches!(directory.check("dingtalk").await, Err(DirectoryError::Malformed(_))));
}

/// To open a pipe waits for somebody who writes into it, and to read a device may never end.
#[tokio::test]
async fn what_is_no_regular_file_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, device) = (folder.path().join("pipe.csv"), folder.path().join("device.csv"));
    let inner = folder.path().join("folder.csv");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &device).unwrap();
    fs::create_dir(&inner).unwrap();
    for path in [pipe, device, inner] {
        let asked = directory(&path).look_up(&query("m1")).await;
        assert!(
            matches!(&asked, Err(DirectoryError::Denied(why)) if why.contains("no regular file")),
            "{path:?} {asked:?}"
        );
    }
}

#[rstest]
#[case(json!({}), "/path")]
#[case(json!({"path": "people.csv"}), "/path")]
#[case(json!({"path": "/etc/passwd"}), "/path")]
#[case(json!({"path": "/a.csv", "colour": 1}), "/colour")]
fn bad_settings_are_named(#[case] config: serde_json::Value, #[case] pointer: &str) {
    let errors = FileKind.check_config(&config, &[]).unwrap_err();
    assert_eq!(errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(), [pointer]);
}
