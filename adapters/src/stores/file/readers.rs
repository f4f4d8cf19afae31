//! Readers: connections of their own, so that no read waits for a write and no long search for a short one.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use switchboard_ports::error::StoreError;
use tokio::sync::Semaphore;

use super::error::store_error;
use super::{Standing, opening};

/// A small pool of reading connections.
pub(super) struct Readers {
    database: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    standing: Standing,
}

impl Readers {
    /// Opens connections as they are needed, at most `readers_max`; further reads wait.
    pub(super) fn new(database: PathBuf, readers_max: usize, standing: Standing) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(readers_max));
        Arc::new(Self { database, idle: Mutex::default(), permits, standing })
    }

    /// Reads on a thread where waiting for the disk holds up nobody. All of `work` sees the same moment.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = || StoreError::Unavailable("the store's readers have stopped".to_owned());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| stopped())?;
        let readers = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || {
            let answer = readers.with_connection(work);
            if let Err(error) = &answer {
                readers.standing.damage.note(error);
            }
            drop(permit);
            answer
        });
        reading.await.map_err(|_| stopped())?
    }

    fn with_connection<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = if let Some(connection) = idle {
            connection
        } else {
            // Another database of the same name is not this store.
            self.standing.presence.check()?;
            opening::reader(&self.database).map_err(store_error)?
        };
        let snapshot = connection.unchecked_transaction().map_err(store_error)?;
        let answer = work(&snapshot);
        snapshot.finish().map_err(store_error)?;
        // A connection that failed is not put back: the next read opens a fresh one.
        if answer.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        answer
    }
}
