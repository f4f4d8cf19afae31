//! A directory in a file, CSV or JSON, that is read again when it changes.
//!
//! CSV has a line of names first; JSON is a list of objects. Both know `user_id` (the platform's id, required), `username`
//! (the `user_id`, if there is none), `email`, `display_name`, `department` and `disabled`; others are passed over.
//! A file that cannot be read, or not as a whole, is no answer: it shuts nobody out. Replace it by renaming a new one over
//! it, so that it is never seen half written.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use switchboard_domain::person::Entry;
use switchboard_ports::directory::{
    Directory, DirectoryError, DirectoryKind, DirectorySettings, Found, LOOK_UP_TIMEOUT, Query,
};
use switchboard_ports::provider::FieldError;
use tokio::time::timeout;

use super::fields::Fields;

/// Largest file, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// People in a file, at most.
const PEOPLE_MAX: usize = 100_000;

/// The kind `file`.
pub(super) struct FileKind;

fn checked(config: &Value) -> Result<(PathBuf, Value), Vec<FieldError>> {
    let mut fields = Fields::new(config);
    let path = fields.needed("path");
    let is_known = [".csv", ".json"].iter().any(|ending| path.ends_with(ending));
    if !path.is_empty() && (!is_known || !Path::new(&path).is_absolute()) {
        fields.wrong("path", "must be the absolute path of a .csv or .json file on the server");
    }
    fields.finish().map(|checked| (PathBuf::from(path), checked))
}

impl DirectoryKind for FileKind {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn secret_fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn check_config(&self, config: &Value, _secrets_set: &[String]) -> Result<Value, Vec<FieldError>> {
        checked(config).map(|(_, checked)| checked)
    }

    fn build(&self, settings: &DirectorySettings) -> Result<Arc<dyn Directory>, Vec<FieldError>> {
        let (path, _) = checked(&settings.config)?;
        Ok(Arc::new(FileDirectory { path, read: Arc::default() }))
    }
}

struct FileDirectory {
    path: PathBuf,
    read: Arc<Mutex<Read>>,
}

/// What was read last, and of which file.
type Read = Option<(Stamp, Arc<People>)>;

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

type People = BTreeMap<String, Vec<Entry>>;

/// One person as it stands in a file.
#[derive(Deserialize)]
struct Row {
    user_id: String,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    department: Option<String>,
    #[serde(default)]
    disabled: Option<Flag>,
}

/// A truth value as people write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Bool(bool),
    Number(u64),
    Text(String),
}

impl Flag {
    /// Whether it says yes; `None` where it says neither.
    fn is_set(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            Self::Number(0) => Some(false),
            Self::Number(1) => Some(true),
            Self::Number(_) => None,
            Self::Text(text) => match text.trim().to_lowercase().as_str() {
                "true" | "yes" | "1" => Some(true),
                "false" | "no" | "0" | "" => Some(false),
                _ => None,
            },
        }
    }
}

fn malformed(what: impl Into<String>) -> DirectoryError {
    DirectoryError::Malformed(what.into())
}

/// Reads a file's text; places are named by their number, contents never.
fn people(text: &[u8], is_csv: bool) -> Result<People, DirectoryError> {
    let rows: Vec<Row> = if is_csv {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
        let rows = reader.deserialize().take(PEOPLE_MAX + 1).enumerate();
        let row = |(n, row): (usize, Result<Row, csv::Error>)| {
            row.map_err(|_| malformed(format!("row {} of the file is no person with a user_id", n + 1)))
        };
        rows.map(row).collect::<Result<_, _>>()?
    } else {
        serde_json::from_slice(text).map_err(|error| {
            malformed(format!("line {} of the file is no list of people with a user_id", error.line()))
        })?
    };
    if rows.len() > PEOPLE_MAX {
        return Err(malformed(format!("the file has more than {PEOPLE_MAX} people")));
    }
    let mut people = People::new();
    for (n, row) in rows.into_iter().enumerate() {
        let user_id = row.user_id.trim().to_owned();
        let disabled = row.disabled.as_ref().map_or(Some(false), Flag::is_set);
        let disabled = disabled
            .ok_or_else(|| malformed(format!("row {}: disabled is neither true nor false", n + 1)))?;
        let username = row.username.filter(|name| !name.trim().is_empty());
        let entry = Entry {
            username: username.unwrap_or_else(|| user_id.clone()),
            email: row.email,
            display_name: row.display_name,
            department: row.department,
            disabled,
        };
        people.entry(user_id).or_default().push(entry);
    }
    Ok(people)
}

fn stamp(metadata: &fs::Metadata) -> std::io::Result<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(Stamp { modified: metadata.modified()?, length: metadata.len(), inode: metadata.ino() })
}

/// The people of the file as it is now; blocks.
fn load(path: &Path, read: &Mutex<Read>) -> Result<Arc<People>, DirectoryError> {
    let unreadable = |error: std::io::Error| {
        DirectoryError::Unavailable(format!("the file cannot be read: {}", error.kind()))
    };
    let file = fs::File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let now = stamp(&metadata).map_err(unreadable)?;
    if now.length > FILE_BYTES_MAX {
        return Err(malformed(format!("the file has more than {FILE_BYTES_MAX} bytes")));
    }
    // Held while it is read, so that a crowd reads it once.
    let mut kept = read.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((stamp, people)) = &*kept
        && *stamp == now
    {
        return Ok(Arc::clone(people));
    }
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(unreadable)?;
    let is_csv = path.extension().is_some_and(|ending| ending == "csv");
    let people = Arc::new(people(&text, is_csv)?);
    *kept = Some((now, Arc::clone(&people)));
    Ok(people)
}

#[async_trait]
impl Directory for FileDirectory {
    async fn look_up(&self, query: &Query) -> Result<Found, DirectoryError> {
        let (path, read) = (self.path.clone(), Arc::clone(&self.read));
        let loaded = timeout(LOOK_UP_TIMEOUT, tokio::task::spawn_blocking(move || load(&path, &read))).await;
        let Ok(Ok(people)) = loaded else {
            return Err(DirectoryError::Unavailable("the file was not read in time".to_owned()));
        };
        Ok(match people?.get(&query.im_user_id).map(Vec::as_slice) {
            None | Some([]) => Found::Nobody,
            Some([one]) => Found::One(one.clone()),
            Some(_) => Found::Several,
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;
    use std::fs;
    use switchboard_ports::directory::{DirectoryError, DirectoryKind as _, DirectorySettings, Found, Query};

    use super::{FileKind, people};

    const CSV: &str = "user_id,username,email,disabled,extra\n\
        m1,ann,ann@x.com,no,\n\
        m2,\"张, 三\",,TRUE,x\n\
        m3,,,,\n\
        m4,a,,,\nm4,b,,,\n";

    #[test]
    fn a_csv_file_has_people_by_the_platform_s_id() {
        let people = people(CSV.as_bytes(), true).unwrap();
        assert_eq!(people["m1"][0].email.as_deref(), Some("ann@x.com"));
        assert_eq!((people["m2"][0].username.as_str(), people["m2"][0].disabled), ("张, 三", true));
        assert_eq!(people["m3"][0].username, "m3");
        assert_eq!(people["m4"].len(), 2);
    }

    #[rstest]
    #[case("username\nann\n", true)]
    #[case("user_id,disabled\nm1,perhaps\n", true)]
    #[case("user_id,username\nm1,ann,more\n", true)]
    #[case("[{\"username\":\"ann\"}]", false)]
    #[case("[{\"user_id\":\"m1\"", false)]
    #[case("{}", false)]
    fn what_cannot_be_read_as_a_whole_is_no_answer_and_is_not_quoted(
        #[case] text: &str,
        #[case] is_csv: bool,
    ) {
        let Err(DirectoryError::Malformed(why)) = people(text.as_bytes(), is_csv) else {
            panic!("it was read");
        };
        assert!(!why.contains("ann") && !why.contains("perhaps"), "{why}");
    }

    fn query(im_user_id: &str) -> Query {
        Query {
            platform: "dingtalk".into(),
            im_user_id: im_user_id.into(),
            name: String::new(),
            contact: None,
        }
    }

    #[tokio::test]
    async fn a_file_is_read_again_when_it_changes_and_a_broken_one_shuts_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.json");
        let config = json!({"path": path});
        let settings = DirectorySettings {
            name: "f".into(),
            kind: "file".into(),
            config: FileKind.check_config(&config, &[]).unwrap(),
            secrets: [].into(),
        };
        let directory = FileKind.build(&settings).unwrap();
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
        put("[");
        assert!(matches!(directory.look_up(&query("m1")).await, Err(DirectoryError::Malformed(_))));
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
}
