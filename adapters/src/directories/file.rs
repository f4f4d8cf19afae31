//! A directory in a file, CSV or JSON, that is read again when it changes.
//!
//! CSV has a line of names first; JSON is a list of objects. Both know `user_id` (the platform's id, required), `username`
//! (the `user_id`, if there is none), `email`, `display_name`, `department` and `disabled`; others are passed over, and a check
//! names them.
//! A file that cannot be read, or not as a whole, or that holds nobody, is no answer: it shuts nobody out. Replace it by
//! renaming a new one over it, so that it is never seen half written.

mod names;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use rustix::fs::OFlags;
use serde::Deserialize;
use serde_json::Value;
use switchboard_domain::person::{Entry, Tells};
use switchboard_ports::directory::{
    Directory, DirectoryError, DirectoryKind, DirectorySettings, Found, LOOK_UP_TIMEOUT, Query,
};
use switchboard_ports::provider::FieldError;
use tokio::time::timeout;

use self::names::{Pairs, PassedOver};
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

/// What was read last, and of which file. What is wrong with a file is remembered too, or everybody's message would have it
/// read anew.
type Read = Option<(Stamp, Result<Arc<Listed>, DirectoryError>)>;

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

type People = BTreeMap<String, Vec<Entry>>;

/// What a file says.
#[derive(Debug)]
struct Listed {
    people: People,
    /// What is passed over in it, in words.
    note: Option<String>,
}

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
    /// Which columns or keys there are, empty or not.
    #[serde(skip)]
    tells: Tells,
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

/// Reads a file; places are named by their number, contents never.
fn listed(bytes: &[u8], is_csv: bool) -> Result<Listed, String> {
    let text = readable(bytes)?;
    let mut passed_over = PassedOver::default();
    let rows =
        if is_csv { rows_of_csv(text, &mut passed_over) } else { rows_of_json(text, &mut passed_over) };
    let rows = rows?;
    if rows.len() > PEOPLE_MAX {
        return Err(format!("it has more than {PEOPLE_MAX} people"));
    }
    let mut people = People::new();
    for (n, row) in rows.into_iter().enumerate() {
        if let Some((user_id, entry)) = row.read().map_err(|what| format!("row {}: {what}", n + 1))? {
            people.entry(user_id).or_default().push(entry);
        }
    }
    // A company without people has no use for a bot: it is a file that went wrong, and would shut everybody out.
    if people.is_empty() {
        return Err("it holds nobody".to_owned());
    }
    Ok(Listed { people, note: passed_over.note() })
}

/// The text of a file, which is UTF-8, with the mark at its beginning that spreadsheets write or without.
fn readable(bytes: &[u8]) -> Result<&str, String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if bytes.contains(&0) {
        return Err("it holds NUL bytes; save it as UTF-8 (is it UTF-16?)".to_owned());
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        format!("it is no UTF-8 from byte {} on; save it as UTF-8 (is it GBK?)", error.valid_up_to() + 1)
    })?;
    if text.trim().is_empty() { Err("it is empty".to_owned()) } else { Ok(text) }
}

fn rows_of_csv(text: &str, passed_over: &mut PassedOver) -> Result<Vec<Row>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let given = reader.headers().map_err(|_| "its first line is no line of names".to_owned())?;
    let separated_otherwise = given.iter().any(|name| name.contains([';', '\t']));
    let names = names::known(given.iter(), passed_over)
        .map_err(|twice| format!("its first line names the column {twice} twice"))?;
    if !names.iter().any(|name| name == "user_id") {
        let hint = if separated_otherwise { "; commas have to separate the columns" } else { "" };
        return Err(format!("its first line names no column user_id{hint}"));
    }
    let has = |column: &str| names.iter().any(|name| name == column);
    let tells = Tells { email: has("email"), department: has("department") };
    reader.set_headers(names.into());
    let rows = reader.deserialize().take(PEOPLE_MAX + 1).enumerate();
    let row = |(n, row): (usize, Result<Row, csv::Error>)| {
        let row = row.map(|row| Row { tells, ..row });
        row.map_err(|_| format!("row {} is no person with a user_id and as many columns as names", n + 1))
    };
    rows.map(row).collect()
}

fn rows_of_json(text: &str, passed_over: &mut PassedOver) -> Result<Vec<Row>, String> {
    let people: Vec<Pairs> =
        serde_json::from_str(text).map_err(|error| format!("line {} is no list of people", error.line()))?;
    let row = |(n, pairs): (usize, Pairs)| {
        let person =
            pairs.known(passed_over).map_err(|twice| format!("row {} names {twice} twice", n + 1))?;
        let has = |key: &str| person.get(key).is_some();
        let tells = Tells { email: has("email"), department: has("department") };
        let row = Row::deserialize(person).map(|row| Row { tells, ..row });
        row.map_err(|_| format!("row {} is no person with a user_id", n + 1))
    };
    people.into_iter().enumerate().map(row).collect()
}

impl Row {
    /// The person by the platform's id; `None` for an empty row, as spreadsheets leave some.
    fn read(self) -> Result<Option<(String, Entry)>, &'static str> {
        let is_blank = |text: &Option<String>| text.as_ref().is_none_or(|text| text.trim().is_empty());
        let user_id = self.user_id.trim().to_owned();
        if user_id.is_empty() {
            let others = [&self.username, &self.email, &self.display_name, &self.department];
            let is_empty = others.into_iter().all(is_blank);
            return if is_empty { Ok(None) } else { Err("it has no user_id") };
        }
        let disabled = self.disabled.as_ref().map_or(Some(false), Flag::is_set);
        let disabled = disabled.ok_or("disabled is neither true nor false")?;
        let username = self.username.filter(|name| !name.trim().is_empty());
        let entry = Entry {
            username: username.unwrap_or_else(|| user_id.clone()),
            email: self.email,
            display_name: self.display_name,
            department: self.department,
            disabled,
            tells: self.tells,
        };
        Ok(Some((user_id, entry)))
    }
}

fn stamp(metadata: &fs::Metadata) -> std::io::Result<Stamp> {
    Ok(Stamp { modified: metadata.modified()?, length: metadata.len(), inode: metadata.ino() })
}

/// The people of the file as it is now; blocks while it is read, and for nothing else.
fn load(path: &Path, read: &Mutex<Read>) -> Result<Arc<Listed>, DirectoryError> {
    let named = |what: &dyn Display| format!("{}: {what}", path.display());
    let unreadable = |error: std::io::Error| {
        DirectoryError::Unavailable(named(&format_args!("it cannot be read: {}", error.kind())))
    };
    // To open a pipe would wait for whoever writes into it.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(DirectoryError::Denied(named(&"it is no regular file")));
    }
    let now = stamp(&metadata).map_err(unreadable)?;
    if now.length > FILE_BYTES_MAX {
        return Err(DirectoryError::Malformed(named(&format_args!(
            "it has more than {FILE_BYTES_MAX} bytes"
        ))));
    }
    // Held while it is read, so that a crowd reads it once.
    let mut kept = read.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((stamp, told)) = &*kept
        && *stamp == now
    {
        return told.clone();
    }
    let mut text = Vec::new();
    (&file).take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(unreadable)?;
    let after = file.metadata().and_then(|metadata| stamp(&metadata)).map_err(unreadable)?;
    if after != now {
        return Err(DirectoryError::Unavailable(named(&"it is being written; replace it by renaming")));
    }
    let is_csv = path.extension().is_some_and(|ending| ending == "csv");
    let told = listed(&text, is_csv).map(Arc::new);
    let told = told.map_err(|what| DirectoryError::Malformed(named(&what)));
    *kept = Some((now, told.clone()));
    told
}

impl FileDirectory {
    /// The file as it is now.
    async fn listed(&self) -> Result<Arc<Listed>, DirectoryError> {
        let (path, read) = (self.path.clone(), Arc::clone(&self.read));
        let loaded = timeout(LOOK_UP_TIMEOUT, tokio::task::spawn_blocking(move || load(&path, &read))).await;
        let late = || Err(DirectoryError::Unavailable("the file was not read in time".to_owned()));
        loaded.ok().and_then(Result::ok).unwrap_or_else(late)
    }
}

#[async_trait]
impl Directory for FileDirectory {
    async fn look_up(&self, query: &Query) -> Result<Found, DirectoryError> {
        Ok(match self.listed().await?.people.get(&query.im_user_id).map(Vec::as_slice) {
            None | Some([]) => Found::Nobody,
            Some([one]) => Found::One(one.clone()),
            Some(_) => Found::Several,
        })
    }

    async fn check(&self, _platform: &str) -> Result<Option<String>, DirectoryError> {
        Ok(self.listed().await?.note.clone())
    }
}

#[cfg(test)]
mod tests;
