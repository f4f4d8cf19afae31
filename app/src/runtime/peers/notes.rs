//! What is told and heard. Every note is a hint: whatever it says is found by the next look or scan as well.

use std::sync::Arc;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use switchboard_domain::ids::{ChannelId, ConversationId};
use switchboard_domain::time::Timestamp;
use switchboard_ports::provider::Press;
use switchboard_ports::replicas::Note;

use super::whole;
use crate::runtime::channel::Message;
use crate::runtime::driver::Driver;
use crate::runtime::operations::RuntimeEvent;
use crate::runtime::playground::Seen;
use crate::runtime::shared::{Shared, lock};
use crate::runtime::{press, scan, wake};

/// What happened, as it is told.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum News {
    Status { channel: String },
    Started { channel: String, conversation: String, seq: u64, at: u64 },
    Finished { channel: String, conversation: String, seq: u64, outcome: String, at: u64 },
    Failure { channel: String, conversation: String, seq: u64, cause: String, at: u64 },
    Seen(Box<Seen>),
}

/// Tells what waits to be told until the server has stopped.
pub(crate) async fn post_all(shared: Arc<Shared>) {
    let Some(mut notes) = lock(&shared.peers.to_post).take() else { return };
    loop {
        let note = tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            note = notes.recv() => match note {
                Some(note) => note,
                None => return,
            },
        };
        let posted = shared.ports.bulletin.post(&shared.replica, &note);
        match tokio::time::timeout(shared.settings.renew_interval, posted).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "failed to tell the other replicas something"),
            Err(_late) => tracing::debug!("the other replicas could not be told something in time"),
        }
    }
}

/// Hears what others tell until the server has stopped.
pub(crate) async fn hear(driver: Arc<Driver>) {
    let shared = driver.shared();
    let mut notes = shared.ports.bulletin.notes();
    loop {
        let (from, note) = tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            told = notes.next() => match told {
                Some(told) => told,
                None => return,
            },
        };
        if from != shared.replica {
            heard(&driver, note).await;
        }
    }
}

async fn heard(driver: &Arc<Driver>, note: Note) {
    let shared = driver.shared();
    match note {
        Note::ChannelChanged(channel) => {
            if shared.peers.withdrawn_since(&channel).is_some()
                && let Err(error) = driver.revive(&channel).await
            {
                tracing::debug!(%channel, %error, "failed to find out what became of a deletion");
            }
            shared.peers.look_now();
        }
        Note::AgentsChanged | Note::Restart(_) | Note::Freed => {
            shared.peers.look_now();
        }
        Note::Missed => {
            // Perhaps because the store has gone away: that is to be known at once.
            shared.renew_soon.notify_one();
            shared.peers.look_now();
            if let Err(error) = scan::scan_once(shared).await {
                tracing::debug!(%error, "failed to look through the open conversations");
            }
        }
        Note::Withdrawn(channel) => {
            if let Some(handle) = shared.channel(&channel) {
                handle.withdraw();
                shared.peers.withdrawn(&channel, shared.now());
                handle.tell_surely(Message::Drain).await;
            }
        }
        Note::Wake { partition, conversation } => {
            if shared.has_lease(partition) {
                wake(shared, partition, conversation);
            }
        }
        Note::Pressed { channel, card, person } => {
            if shared.cards.knows(&channel, &card)
                && let Some(handle) = shared.channel(&channel)
            {
                // Whoever pressed was told that it is under way.
                shared.tasks.spawn(press::press(shared, &handle, &Press { card, person }));
            }
        }
        Note::News(text) => {
            if let Ok(news) = serde_json::from_str::<News>(&text) {
                published(shared, news).await;
            } else {
                tracing::debug!("another replica tells something that this version does not understand");
            }
        }
    }
}

/// Tells people who watch this replica.
async fn published(shared: &Shared, news: News) {
    let ids =
        |channel: String, conversation: String| (ChannelId::new(channel), ConversationId::new(conversation));
    let event = match news {
        News::Status { channel } => {
            for status in whole(shared, &[ChannelId::new(channel)]).await {
                shared.publish_here(RuntimeEvent::ChannelStatus(Box::new(status)));
            }
            return;
        }
        News::Started { channel, conversation, seq, at } => {
            let ((channel, conversation), at) = (ids(channel, conversation), Timestamp::from_millis(at));
            RuntimeEvent::TurnStarted { channel, conversation, seq, at }
        }
        News::Finished { channel, conversation, seq, outcome, at } => {
            let ((channel, conversation), at) = (ids(channel, conversation), Timestamp::from_millis(at));
            RuntimeEvent::TurnFinished { channel, conversation, seq, outcome: outcome.into(), at }
        }
        News::Failure { channel, conversation, seq, cause, at } => {
            let ((channel, conversation), at) = (ids(channel, conversation), Timestamp::from_millis(at));
            RuntimeEvent::Failure { channel, conversation, seq, cause: cause.into(), at }
        }
        News::Seen(seen) => return shared.ports.playground.take_in((*seen).into()),
    };
    shared.publish_here(event);
}

/// What happened here, as it is told. Of a status only whose it is: everybody looks at the whole by themselves.
pub(super) fn of(event: &RuntimeEvent) -> Note {
    let news = match event {
        RuntimeEvent::ChannelStatus(status) => News::Status { channel: status.channel.to_string() },
        RuntimeEvent::TurnStarted { channel, conversation, seq, at } => News::Started {
            channel: channel.to_string(),
            conversation: conversation.to_string(),
            seq: *seq,
            at: at.as_millis(),
        },
        RuntimeEvent::TurnFinished { channel, conversation, seq, outcome, at } => News::Finished {
            channel: channel.to_string(),
            conversation: conversation.to_string(),
            seq: *seq,
            outcome: outcome.to_string(),
            at: at.as_millis(),
        },
        RuntimeEvent::Failure { channel, conversation, seq, cause, at } => News::Failure {
            channel: channel.to_string(),
            conversation: conversation.to_string(),
            seq: *seq,
            cause: cause.to_string(),
            at: at.as_millis(),
        },
    };
    news.into_note()
}

impl News {
    pub(crate) fn into_note(self) -> Note {
        Note::News(serde_json::to_string(&self).unwrap_or_default())
    }
}

impl Shared {
    /// Tells whoever watches, here and at the other replicas.
    pub(crate) fn publish(&self, event: RuntimeEvent) {
        if self.peers.is_alone() {
            return self.publish_here(event);
        }
        if let RuntimeEvent::ChannelStatus(status) = &event {
            // Alone it says little: people see the whole, as soon as the others can see our part of it.
            lock(&self.peers.state).changed.insert(status.channel.clone());
            self.peers.look_now();
            return;
        }
        self.peers.post(of(&event));
        self.publish_here(event);
    }
}
