//! More that tests do with a running simulator: clicks, events, files, uploads, fuzzing.

use crate::clicks::{self, Click, UnknownCard};
use crate::events::{self, PlatformEvent};
use crate::fuzz::{self, FuzzPlan};
use crate::fuzz_account::FuzzReport;
use crate::media::Media;
use crate::sent;
use crate::simulator::Simulator;

impl Simulator {
    /// Clicks on a card's button; the number counts in [`crate::Observed::clicks`].
    pub fn click(&self, out_track_id: &str, click: &Click) -> Result<u64, UnknownCard> {
        clicks::click(&self.inner, out_track_id, click)
    }

    /// Makes an event happen; the number counts in [`crate::Observed::events`]. `None`: unknown app.
    pub fn event(&self, event: PlatformEvent) -> Option<u64> {
        events::happen(&self.inner, event)
    }

    /// Starts to disturb pushes; returns the seed with which the run can be repeated.
    pub fn start_fuzz(&self, plan: FuzzPlan) -> u64 {
        fuzz::start(&self.inner, plan)
    }

    /// Stops to disturb pushes; the account stays.
    pub fn stop_fuzz(&self) {
        self.inner.change(|state| state.fuzz.stop());
    }

    /// What was disturbed so far, and how the client took it.
    ///
    /// # Panics
    ///
    /// Inside a closure that looks at the simulator (`observe`, `wait_for`), as every other call of it: it holds the lock.
    pub fn fuzz_report(&self) -> FuzzReport {
        self.inner.look(fuzz::report)
    }

    /// The upload with this media id, content included.
    pub fn media(&self, media_id: &str) -> Option<Media> {
        self.inner.look(|state| state.media.named(media_id).cloned())
    }

    /// All uploads kept, oldest first.
    pub fn uploads(&self) -> Vec<Media> {
        self.inner.look(|state| state.media.all().cloned().collect())
    }

    /// No download code given out so far works any more.
    pub fn expire_download_codes(&self) {
        self.inner.change(|state| state.files.expire_codes());
    }

    /// Somebody (staff id) reads a message of a robot. False: no message with this `processQueryKey`.
    pub fn read(&self, process_query_key: &str, user: &str) -> bool {
        self.inner.change(|state| sent::read(state, process_query_key, user))
    }
}
