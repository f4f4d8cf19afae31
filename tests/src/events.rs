//! A server's event stream, collected while the test does something else.

use futures_util::StreamExt;
use reqwest::Response;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::server::CAP;

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    /// `channel.status`, `turn.started`, …
    pub name: String,
    /// Its data.
    pub data: Value,
}

/// All events since the stream was opened. Closed when dropped.
pub struct Events {
    seen: watch::Receiver<Vec<Event>>,
    reading: AbortHandle,
}

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        let (sender, seen) = watch::channel(Vec::new());
        let reading = tokio::spawn(read(response, sender)).abort_handle();
        Self { seen, reading }
    }

    /// What has come so far.
    pub fn seen(&self) -> Vec<Event> {
        self.seen.borrow().clone()
    }

    /// Waits until the closure finds something in what has come so far.
    pub async fn wait_for<T>(&self, find: impl Fn(&[Event]) -> Option<T>) -> T {
        let mut seen = self.seen.clone();
        match timeout(CAP, seen.wait_for(|events| find(events).is_some())).await {
            Ok(Ok(events)) => find(&events).expect("just found"),
            Ok(Err(_)) => panic!("the event stream ended; it brought {:#?}", self.seen()),
            Err(_late) => panic!("no such event within {CAP:?}; these came: {:#?}", self.seen()),
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Our own server writes one `event:` and one `data:` line for each event, and an empty line after them.
async fn read(response: Response, sender: watch::Sender<Vec<Event>>) {
    let mut stream = response.bytes_stream();
    let mut rest = String::new();
    let mut name = String::new();
    // A chunk ends where an event ends; a character is never cut.
    while let Some(Ok(chunk)) = stream.next().await {
        rest.push_str(std::str::from_utf8(&chunk).expect("the stream is text"));
        while let Some((line, after)) = rest.split_once('\n') {
            if let Some(event) = line.strip_prefix("event: ") {
                event.clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data: ") {
                let data = serde_json::from_str(data).expect("an event's data is JSON");
                sender.send_modify(|events| events.push(Event { name: std::mem::take(&mut name), data }));
            }
            rest = after.to_owned();
        }
    }
}
