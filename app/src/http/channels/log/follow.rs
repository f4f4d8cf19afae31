//! A channel's log as it is written, as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use switchboard_domain::ids::ChannelId;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::{Placed, gathered};
use crate::http::auth::Credential;
use crate::http::problem::Problem;
use crate::http::state::{Api, EVENT_STREAMS_MAX};
use crate::runtime::log_lines::{self, WrittenLine};
use crate::telemetry::lines::{LogLine, Severity, Told};

/// Pause between two signs of life on a silent stream.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How often it is looked what other replicas wrote.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The stream: the last `limit` lines, then those that come.
pub(super) async fn stream(
    api: &Api,
    credential: Credential,
    channel: ChannelId,
    least: Severity,
    limit: u32,
) -> Result<Response, Problem> {
    let place = api.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::too_many(&format!("there are {EVENT_STREAMS_MAX} event streams, which is the most"), 10)
    })?;
    // Heard from now on: what is logged while the last lines are read is seen in them, and not twice.
    let heard = api.lines.listen();
    let replica = api.operations.replica().to_string();
    let heard_before = api.lines.of(channel.as_str()).last().map_or(0, |line| line.number);
    let (mut ready, known) = gathered(api, channel.as_str(), least).await?;
    let own = ready.iter().filter(|placed| placed.replica == replica).map(|placed| placed.line.number);
    let seen = own.max().unwrap_or_default().max(heard_before);
    ready.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    ready.reverse();
    let follower = Follower {
        api: api.clone(),
        replica,
        channel,
        least,
        heard,
        seen,
        known,
        ready: ready.into(),
        look_at: Instant::now() + LOOK_INTERVAL,
        _place: place,
    };
    let ends = {
        let api = api.clone();
        async move {
            tokio::select! {
                biased;
                () = api.shutdown.cancelled() => {}
                () = api.authenticator.over(&credential) => {}
            }
        }
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    let keep_alive =
        KeepAlive::new().interval(HEARTBEAT).event(Event::default().event("heartbeat").data("{}"));
    Ok(Sse::new(events.take_until(ends)).keep_alive(keep_alive).into_response())
}

struct Follower {
    api: Api,
    replica: String,
    channel: ChannelId,
    least: Severity,
    heard: Receiver<Told>,
    /// The number of the last own line that was in what was read first.
    seen: u64,
    /// The number of the last line of the journal that is known.
    known: Option<u64>,
    ready: VecDeque<Placed>,
    look_at: Instant,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event. Of what was logged here first; others' lines come when they are looked for.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                let data = serde_json::to_string(&line.view()).unwrap_or_default();
                return Some(Event::default().event("line").data(data));
            }
            tokio::select! {
                biased;
                told = self.heard.recv() => match told {
                    Ok(Told { channel, line }) => {
                        if *channel == *self.channel.as_str() && line.number > self.seen {
                            self.take(self.replica.clone(), LogLine::clone(&line));
                        }
                    }
                    Err(RecvError::Lagged(count)) => {
                        return Some(Event::default().event("missed").data(format!("{{\"count\":{count}}}")));
                    }
                    Err(RecvError::Closed) => return None,
                },
                () = sleep_until(self.look_at) => self.look().await,
            }
        }
    }

    fn take(&mut self, replica: String, line: LogLine) {
        if line.level >= self.least {
            self.ready.push_back(Placed { replica, line });
        }
    }

    /// What other replicas wrote since; while the store is away, later.
    async fn look(&mut self) {
        self.look_at = Instant::now() + LOOK_INTERVAL;
        let read = log_lines::read(&*self.api.ports.journal, self.channel.as_str(), self.known).await;
        let Ok(lines) = read else { return };
        self.known = lines.first().map(|(number, _)| *number).or(self.known);
        for (_, WrittenLine { replica, line }) in lines.into_iter().rev() {
            if replica != self.replica {
                self.take(replica, line);
            }
        }
    }
}
