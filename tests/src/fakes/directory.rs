//! A company's directory that can be away, and whose people a test sets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use switchboard_domain::person::Entry;
use switchboard_domain::settings::{MappingMode, OnMiss, UserMapping};
use switchboard_ports::channels::Channel;
use switchboard_ports::directory::{
    Directory, DirectoryError, DirectoryKind, DirectorySettings, Found, Query,
};
use switchboard_ports::provider::FieldError;

/// The kind `fake`; all directories of it have the same people.
#[derive(Debug, Clone, Default)]
pub struct FakeDirectory(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    people: BTreeMap<String, Vec<Entry>>,
    fails: Option<DirectoryError>,
    takes: Duration,
    asked: u32,
}

impl FakeDirectory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kinds of directories of a world.
    pub fn kinds(&self) -> BTreeMap<&'static str, Arc<dyn DirectoryKind>> {
        let kind: Arc<dyn DirectoryKind> = Arc::new(self.clone());
        BTreeMap::from([("fake", kind)])
    }

    /// Who is found by this id of the platform's: nobody, somebody, several.
    pub fn set(&self, im_user_id: &str, entries: &[Entry]) {
        self.state().people.insert(im_user_id.to_owned(), entries.to_vec());
    }

    /// Whether it can be asked.
    pub fn away(&self, away: bool) {
        self.state().fails = away.then(|| DirectoryError::Unavailable("away".to_owned()));
    }

    /// Whether it was asked too often.
    pub fn busy(&self, busy: bool) {
        self.state().fails = busy.then(|| DirectoryError::Busy("code 90018".to_owned()));
    }

    /// How long each answer takes from now on.
    pub fn takes(&self, takes: Duration) {
        self.state().takes = takes;
    }

    /// How often it was asked.
    pub fn asked(&self) -> u32 {
        self.state().asked
    }
}

/// Lets a channel know people by this directory alone.
pub fn knows_by_directory(channel: &mut Channel) {
    channel.user_mapping =
        UserMapping { mode: MappingMode::Directory, on_miss: OnMiss::Reject, ..UserMapping::default() };
    channel.directories.chain = vec![DirectorySettings {
        name: "corp".to_owned(),
        kind: "fake".to_owned(),
        config: serde_json::json!({}),
        secrets: BTreeMap::new(),
    }];
}

impl DirectoryKind for FakeDirectory {
    fn kind(&self) -> &'static str {
        "fake"
    }

    fn secret_fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn check_config(&self, config: &Value, _secrets_set: &[String]) -> Result<Value, Vec<FieldError>> {
        Ok(config.clone())
    }

    fn build(&self, _settings: &DirectorySettings) -> Result<Arc<dyn Directory>, Vec<FieldError>> {
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Directory for FakeDirectory {
    async fn look_up(&self, query: &Query) -> Result<Found, DirectoryError> {
        let takes = {
            let mut state = self.state();
            state.asked += 1;
            state.takes
        };
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        let state = self.state();
        if let Some(error) = &state.fails {
            return Err(error.clone());
        }
        Ok(match state.people.get(&query.im_user_id).map(Vec::as_slice) {
            None | Some([]) => Found::Nobody,
            Some([one]) => Found::One(one.clone()),
            Some(_) => Found::Several,
        })
    }
}
