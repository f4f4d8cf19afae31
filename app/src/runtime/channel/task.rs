//! The task that drives one channel's machine: opens and closes connections as it says, and publishes what it is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard_domain::admission::Admission;
use switchboard_domain::channel::{
    Channel as Machine, CloseCause, Effect, Effects, ErrorCode, Event, Status,
};
use switchboard_domain::eviction;
use switchboard_domain::ids::ConnectionId;
use switchboard_ports::provider::Signal;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::status::project;
use super::{Bot, ChannelHandle, MESSAGES_MAX, Message};
use crate::runtime::files::FETCHES_MAX;
use crate::runtime::intake::Sink;
use crate::runtime::operations::RuntimeEvent;
use crate::runtime::panics::caught;
use crate::runtime::peers::begins_placed;
use crate::runtime::shared::{Shared, lock};
use crate::runtime::states::Noted;
use crate::telemetry::metrics as names;

/// Puts a channel into the driver and starts its task.
pub(crate) fn start(shared: &Arc<Shared>, bot: Bot) -> Arc<ChannelHandle> {
    let machine = Machine::new(shared.ports.entropy.next_u64(), shared.now());
    let (messages, inbox) = mpsc::channel(MESSAGES_MAX);
    let id = bot.channel.id.clone();
    let handle = Arc::new(ChannelHandle {
        status: Mutex::new(project(&id, &shared.replica, &machine, true)),
        id: id.clone(),
        admission: Mutex::new(Admission::default()),
        bot: Mutex::new(Arc::new(bot)),
        messages,
        withdrawn: AtomicBool::new(false),
        wait_told_at: Mutex::default(),
        placed: AtomicBool::new(false),
        lives: Mutex::default(),
        sockets: AtomicUsize::new(0),
        message_at: AtomicU64::new(0),
        reply_at: AtomicU64::new(0),
        fetches: Semaphore::new(FETCHES_MAX),
    });
    handle.set_placed(begins_placed(shared, &handle));
    lock(&shared.channels).insert(id, Arc::clone(&handle));
    // What waits for its place gets it with the next look.
    shared.peers.look_now();
    let mut task = Task {
        shared: Arc::clone(shared),
        handle: Arc::clone(&handle),
        machine,
        inbox,
        sockets: BTreeMap::new(),
        store_sound: true,
        noted: Noted::default(),
    };
    shared.tasks.spawn(async move {
        task.run().await;
        let shared = Arc::clone(&task.shared);
        drop(task);
        // Where the server stops, others wait for this.
        shared.peers.look_now();
    });
    handle
}

struct Task {
    shared: Arc<Shared>,
    handle: Arc<ChannelHandle>,
    machine: Machine,
    inbox: mpsc::Receiver<Message>,
    /// Open or opening connections, and how to close each; two at most (make-before-break).
    sockets: BTreeMap<ConnectionId, CancellationToken>,
    /// Whether messages can be stored, as far as is known.
    store_sound: bool,
    /// What the journal was told.
    noted: Noted,
}

impl Task {
    /// The event loop. Priorities: 1 what the task is told, 2 deadlines. Ends once drained.
    async fn run(&mut self) {
        self.settings_taken_in();
        loop {
            let now = self.shared.now();
            let wait =
                self.machine.deadline().map_or(Duration::from_hours(1), |deadline| deadline.at.since(now));
            tokio::select! {
                biased;
                message = self.inbox.recv() => match message {
                    Some(Message::Drain) => return self.drain().await,
                    Some(message) => self.told(message),
                    None => return,
                },
                () = tokio::time::sleep(wait) => {
                    let before = self.machine.phase();
                    let effects = self.machine.expire(self.shared.now());
                    self.perform("Expired", before, effects, None);
                }
            }
        }
    }

    fn told(&mut self, message: Message) {
        match message {
            Message::Changed { connection } => {
                self.settings_taken_in();
                if connection {
                    lock(&self.handle.lives).forget();
                    self.apply(Event::Edited);
                }
            }
            // It may have been disabled since somebody asked.
            Message::Restart if !self.handle.bot().channel.enabled => {}
            Message::Restart => {
                lock(&self.handle.lives).forget();
                self.apply(Event::RestartAsked);
            }
            Message::Placed(true) => self.apply(Event::LeaseGained),
            Message::Placed(false) => self.apply(Event::LeaseLost),
            Message::Signal(connection, Signal::Opened) => self.apply(Event::Opened { connection }),
            Message::Signal(connection, Signal::Heard) => self.apply(Event::Heard { connection }),
            Message::Signal(connection, Signal::Rotating) => self.apply(Event::Rotating { connection }),
            Message::Signal(_, Signal::Undecodable) => {
                tracing::warn!(channel = %self.handle.id, "a push could not be understood and was acknowledged");
                metrics::counter!(names::UNDECODABLE, "channel" => self.handle.id.to_string()).increment(1);
            }
            Message::Closed(connection, cause) => {
                self.forget(connection);
                self.apply(Event::Closed { connection, cause });
            }
            Message::Noted(code, detail) => self.apply(Event::Noted { code, detail }),
            Message::StoreDoubted => self.store_doubted(),
            Message::StoreTrusted => {
                self.store_sound = true;
                self.publish();
            }
            Message::StoreLost => self.apply(Event::StoreLost),
            Message::StoreBack => self.apply(Event::StoreBack),
            // Nobody waits any more.
            Message::Settle(settled) => drop(settled.send(())),
            Message::Drain => {}
        }
    }

    /// What is desired of the channel, and what its settings alone say is wrong.
    fn settings_taken_in(&mut self) {
        let bot = self.handle.bot();
        if !*self.shared.store_sound.borrow() {
            self.store_sound = false;
        }
        if !self.handle.is_placed() {
            self.apply(Event::LeaseLost);
        }
        if !*self.shared.store_up.borrow() {
            self.apply(Event::StoreLost);
        }
        self.apply(if bot.channel.enabled { Event::Enabled } else { Event::Disabled });
        if bot.channel.enabled && bot.agent.is_none() {
            self.apply(Event::Noted { code: ErrorCode::NoAgent, detail: String::new() });
        }
    }

    /// Green until now is red at once, and the status says why.
    fn store_doubted(&mut self) {
        let was_green = self.machine.status() == Status::Connected;
        self.store_sound = false;
        if was_green {
            self.apply(Event::Noted { code: ErrorCode::StoreUnavailable, detail: String::new() });
        }
        self.publish();
    }

    fn apply(&mut self, event: Event) {
        let (name, before, taken) = (event.name(), self.machine.phase(), eviction::taken(&event));
        match self.machine.apply(event, self.shared.now()) {
            Ok(effects) => self.perform(name, before, effects, taken),
            Err(rejected) if rejected.is_alarm() => {
                tracing::error!(machine = "channel", channel = %self.handle.id, %rejected, "an impossible event; this is a bug");
                metrics::counter!(names::ALARMS, "kind" => "illegal").increment(1);
            }
            Err(rejected) => {
                tracing::debug!(machine = "channel", channel = %self.handle.id, %rejected, "rejected");
            }
        }
    }

    /// Does what the machine wants; `taken` is the socket that the event has taken from us.
    fn perform(
        &mut self,
        event: &'static str,
        before: &'static str,
        effects: Effects,
        taken: Option<ConnectionId>,
    ) {
        lock(&self.handle.lives).follow(&self.machine, taken, self.shared.now());
        let after = self.machine.phase();
        if before != after {
            tracing::info!(
                machine = "channel", channel = %self.handle.id, before, event, after, effects = effects.len(), "stepped"
            );
        }
        for effect in effects {
            match effect {
                Effect::Open { connection } => self.open(connection),
                Effect::Close { connection } => {
                    if let Some(close) = self.sockets.get(&connection) {
                        close.cancel();
                    }
                }
                Effect::Publish => {}
            }
        }
        self.publish();
    }

    /// A socket is closed. A place that was kept for it is free now.
    fn forget(&mut self, connection: ConnectionId) {
        self.sockets.remove(&connection);
        self.handle.sockets.store(self.sockets.len(), Ordering::Relaxed);
        if self.sockets.is_empty() && !self.handle.is_placed() {
            self.shared.peers.look_now();
        }
    }

    fn open(&mut self, connection: ConnectionId) {
        let close = CancellationToken::new();
        self.sockets.insert(connection, close.clone());
        self.handle.sockets.store(self.sockets.len(), Ordering::Relaxed);
        let bot = self.handle.bot();
        let sink = Arc::new(Sink::new(&self.shared, &self.handle, connection));
        let handle = Arc::clone(&self.handle);
        self.shared.tasks.spawn(async move {
            let cause = caught("a connection", bot.link.connect(connection, sink, close)).await;
            let cause = cause.unwrap_or_else(|| CloseCause::Failed {
                code: ErrorCode::ConnectionLost,
                detail: "the connection's code panicked".to_owned(),
                retry_after: None,
            });
            if let CloseCause::Failed { code, detail, .. } = &cause {
                tracing::warn!(channel = %handle.id, connection = connection.0, code = code.as_str(), detail, "a connection ended");
            }
            handle.tell_surely(Message::Closed(connection, cause)).await;
        });
        // The first connection is none, but the metric is there from then on.
        let again = u64::from(self.machine.connected_at().is_some());
        metrics::counter!(names::CHANNEL_RECONNECTS).increment(again);
    }

    fn publish(&mut self) {
        let bot = self.handle.bot();
        let mut new = project(&self.handle.id, &self.shared.replica, &self.machine, self.store_sound);
        let changed = {
            let mut status = lock(&self.handle.status);
            // What is told may differ from what the machine is in, and since when it does.
            new.since = if new.status == status.status { status.since } else { self.shared.now() };
            let changed =
                (&status.state, &status.status, status.last_error.as_ref().map(|it| (it.code, it.at)))
                    != (&new.state, &new.status, new.last_error.as_ref().map(|it| (it.code, it.at)))
                    || status.attempt != new.attempt
                    || status.connections != new.connections;
            *status = new;
            changed
        };
        let mut status = self.handle.status(self.shared.now());
        status.one_connection_until = self.shared.peers.evicting_until(&self.handle.id);
        metrics::gauge!(
            names::CHANNEL_CONNECTED,
            "channel" => self.handle.id.to_string(),
            "platform" => bot.description.platform
        )
        .set(if &*status.status == "connected" { 1.0 } else { 0.0 });
        if let Some(line) = self.noted.line(&status, self.shared.now()) {
            self.shared.scribe.note(line);
        }
        if changed {
            self.shared.publish(RuntimeEvent::ChannelStatus(Box::new(status)));
        }
    }

    /// Closes all connections cleanly and ends.
    async fn drain(&mut self) {
        self.apply(Event::Drain);
        for close in self.sockets.values() {
            close.cancel();
        }
        while !self.sockets.is_empty() {
            match tokio::time::timeout(Duration::from_secs(12), self.inbox.recv()).await {
                Ok(Some(Message::Closed(connection, cause))) => {
                    self.forget(connection);
                    self.apply(Event::Closed { connection, cause });
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }
}

impl ChannelHandle {
    /// Replaces the settings and tells the task; whether its connection has to be another one for it. Both happen or neither,
    /// also where the caller gives up waiting.
    pub(crate) async fn exchange(&self, bot: Bot) -> bool {
        let connection = self.bot().needs_reconnect(&bot);
        // A task that has ended needs to know nothing.
        let place = self.messages.reserve().await.ok();
        *lock(&self.bot) = Arc::new(bot);
        if let Some(place) = place {
            place.send(Message::Changed { connection });
        }
        connection
    }
}
