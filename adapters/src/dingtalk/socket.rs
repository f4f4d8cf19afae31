//! One open stream connection: takes pushes, writes acks, keeps proof of life going, ends cleanly (dingtalk §2).
//!
//! Reading and writing go on at the same time in one task. The reader never waits for anything but the next frame and
//! the answers of the sink; the writer alone writes, from a bounded queue, each frame within [`WRITE_TIMEOUT`], so that a
//! peer that stopped reading ends the connection instead of hanging it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, SplitSink};
use futures_util::{FutureExt, SinkExt, Stream, StreamExt};
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_domain::message::Body;
use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::Used;
use switchboard_ports::clock::Clock;
use switchboard_ports::provider::{Ack, ConnectionSink, Meter, Press, Pressed, Signal};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Error as SocketError, Message};
use tokio_util::sync::CancellationToken;

use super::callback::{self, Pushed};
use super::card_callback;
use super::config::StopButton;
use super::frame::{self, Answer, Push};

/// How often we ping; the watchdog above allows 45 s of silence (dingtalk §11: 20–30 s).
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// A frame that cannot be written within this means that the peer does not read any more.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a closing connection waits for acks under way.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long it then waits for the peer's half of the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Messages offered and not yet answered: about what a slow disk takes within the three seconds that the platform waits. Further ones
/// are left without an ack: the platform pushes them again, but a minute later, and once.
const UNACKED_MAX: usize = 1_024;

/// Presses on cards not answered yet; further ones are answered at once that they were not taken.
const PRESSES_MAX: usize = 64;

/// A press is answered within this, whatever the sink does: the platform waits two seconds (dingtalk §2.6).
const PRESS_TIMEOUT: Duration = Duration::from_millis(1_800);

/// Frames waiting to be written: every ack that can be under way, with room for pongs.
const OUTBOX_MAX: usize = 2 * (UNACKED_MAX + PRESSES_MAX);

/// A message's ack under way: which push it answers, where it can be answered, and the sink's decision.
type Pending = BoxFuture<'static, (Option<String>, Ack)>;

/// A press under way: which push it answers, and what became of it.
type Pressing = BoxFuture<'static, (String, Pressed)>;

/// Serves an open connection until it ends. `stop` is the button whose presses come by it, where cards have one.
pub(super) async fn serve<S>(
    socket: WebSocketStream<S>,
    sink: Arc<dyn ConnectionSink>,
    clock: Arc<dyn Clock>,
    meter: Arc<dyn Meter>,
    stop: Option<StopButton>,
    close: CancellationToken,
) -> CloseCause
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut writer, mut reader) = socket.split();
    let (outbox, queue) = mpsc::channel(OUTBOX_MAX);
    let mut connection = Connection {
        outbox,
        sink,
        clock,
        meter,
        stop,
        pending: FuturesUnordered::new(),
        pressing: FuturesUnordered::new(),
        rotating: false,
        crowded: false,
    };
    connection.sink.signal(Signal::Opened);
    let ended = tokio::select! { biased;
        // 1. Writing first: answers are small, and a write that fails ends everything.
        cause = write_all(&mut writer, queue) => cause,
        // 2. Reading, acks, pings, closing.
        cause = connection.run(&mut reader, &close) => cause,
    };
    let (rotating, closing) = (connection.rotating, close.is_cancelled());
    if let Ok(mut socket) = writer.reunite(reader) {
        // FIN also where the closing handshake did not come about; what is left of the stack goes with the drop.
        let _ = timeout(CLOSE_TIMEOUT, socket.get_mut().shutdown()).await;
    }
    if rotating || closing { CloseCause::Clean } else { ended }
}

/// The reading half of a WebSocket.
trait Frames: Stream<Item = Result<Message, SocketError>> + Unpin {}

impl<T: Stream<Item = Result<Message, SocketError>> + Unpin> Frames for T {}

struct Connection {
    outbox: mpsc::Sender<Message>,
    sink: Arc<dyn ConnectionSink>,
    clock: Arc<dyn Clock>,
    meter: Arc<dyn Meter>,
    stop: Option<StopButton>,
    pending: FuturesUnordered<Pending>,
    pressing: FuturesUnordered<Pressing>,
    /// The platform announced the end.
    rotating: bool,
    /// Messages are left to be pushed again, because too many wait for their acks.
    crowded: bool,
}

impl Connection {
    /// Takes pushes until the connection ends or is to be closed.
    async fn run<R: Frames>(&mut self, reader: &mut R, close: &CancellationToken) -> CloseCause {
        let mut pings = pings();
        loop {
            let step = tokio::select! { biased;
                // 1. To be closed: nothing more is taken.
                () = close.cancelled() => return self.drain(reader).await,
                // 2. Decided presses and acks: each answers a frame, so they cannot crowd out reading. Presses first:
                //    somebody looks at the button.
                Some(pressed) = self.pressing.next(), if !self.pressing.is_empty() => self.react(pressed),
                Some(decided) = self.pending.next(), if !self.pending.is_empty() => self.acknowledge(decided),
                // 3. Our own ping.
                _ = pings.tick() => self.send(Message::Ping(Bytes::new())),
                // 4. What comes in.
                read = reader.next() => self.take_in(read, true),
            };
            if let ControlFlow::Break(cause) = step {
                return cause;
            }
        }
    }

    /// Waits for acks under way while the platform's pings are still answered, then closes the WebSocket.
    async fn drain<R: Frames>(&mut self, reader: &mut R) -> CloseCause {
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        while !(self.pending.is_empty() && self.pressing.is_empty()) {
            let step = tokio::select! { biased;
                Some(pressed) = self.pressing.next(), if !self.pressing.is_empty() => self.react(pressed),
                Some(decided) = self.pending.next(), if !self.pending.is_empty() => self.acknowledge(decided),
                read = reader.next() => self.take_in(read, false),
                () = tokio::time::sleep_until(deadline) => break,
            };
            if let ControlFlow::Break(cause) = step {
                return cause;
            }
        }
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        if let ControlFlow::Break(cause) = self.send(Message::Close(Some(frame))) {
            return cause;
        }
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        while let Ok(Some(Ok(_))) = timeout_at(deadline, reader.next()).await {}
        CloseCause::Clean
    }

    /// Takes one read. With `taking` false, messages are left without an ack: they will be pushed again, elsewhere.
    fn take_in(
        &mut self,
        read: Option<Result<Message, SocketError>>,
        taking: bool,
    ) -> ControlFlow<CloseCause> {
        match read {
            Some(Ok(message)) => {
                self.sink.signal(Signal::Heard);
                match message {
                    Message::Text(text) => self.push(&text, taking),
                    Message::Close(frame) => ControlFlow::Break(closed(frame.as_ref())),
                    // Pings are answered below us; the platform sends no binary frames (dingtalk §2).
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {
                        ControlFlow::Continue(())
                    }
                }
            }
            Some(Err(error)) => ControlFlow::Break(lost(&describe(&error))),
            None => ControlFlow::Break(lost("the connection ended")),
        }
    }

    fn push(&mut self, text: &str, taking: bool) -> ControlFlow<CloseCause> {
        let push = match frame::decode(text) {
            Ok(push) => push,
            Err(error) => {
                tracing::warn!(%error, bytes = text.len(), "a frame could not be understood");
                self.sink.signal(Signal::Undecodable);
                return ControlFlow::Continue(());
            }
        };
        if push.is_metered() {
            self.meter.count(Used::Push);
        }
        match push {
            Push::Ping { message_id, data } => self.answer(message_id.as_deref(), Answer::Pong(&data)),
            Push::Disconnect => {
                self.rotating = true;
                self.sink.signal(Signal::Rotating);
                ControlFlow::Continue(())
            }
            Push::Robot { message_id, pushed_at, data } if taking => self.offer(message_id, pushed_at, &data),
            // Taken while closing, too: nobody knows whether a press would be pushed again, and it is answered soon.
            Push::Card { message_id, data } => self.press(message_id, &data),
            Push::Callback { message_id } if taking => self.ack(message_id.as_deref(), Answer::NotHandled),
            Push::Event { message_id } if taking => self.ack(message_id.as_deref(), Answer::Consumed),
            Push::Robot { .. } | Push::Callback { .. } | Push::Event { .. } | Push::System | Push::Other => {
                ControlFlow::Continue(())
            }
        }
    }

    /// Offers a message to the sink, in frame order; its ack follows when the sink has decided (R2).
    fn offer(
        &mut self,
        message_id: Option<String>,
        pushed_at: Option<Timestamp>,
        data: &str,
    ) -> ControlFlow<CloseCause> {
        if self.pending.len() >= UNACKED_MAX {
            // Said once for each rush: a line for every message would make it worse.
            if !std::mem::replace(&mut self.crowded, true) {
                tracing::warn!(
                    unacked = self.pending.len(),
                    "too many messages without an ack: further ones are left to be pushed again"
                );
            }
            return ControlFlow::Continue(());
        }
        self.crowded = false;
        let at = pushed_at.unwrap_or_else(|| self.clock.now());
        match callback::decode(data, Pushed { message_id: message_id.as_deref(), at }) {
            Ok(message) => {
                self.meter.pushed(message.body == Body::Withheld);
                let decision = self.sink.offer(message);
                self.pending.push(decision.map(move |ack| (message_id, ack)).boxed());
                ControlFlow::Continue(())
            }
            Err(error) => {
                // Acknowledged, because the same would come again.
                tracing::warn!(%error, bytes = data.len(), "a message could not be understood");
                self.sink.signal(Signal::Undecodable);
                self.ack(message_id.as_deref(), Answer::Taken)
            }
        }
    }

    /// Tells the sink of a press of the stop button; everything else on a card is answered and changes nothing.
    fn press(&mut self, message_id: Option<String>, data: &str) -> ControlFlow<CloseCause> {
        let Some(stop) = &self.stop else {
            return self.ack(message_id.as_deref(), Answer::NotHandled);
        };
        let click = match card_callback::decode(data) {
            Ok(click) => click,
            Err(error) => {
                tracing::warn!(%error, bytes = data.len(), "a press on a card could not be understood");
                self.sink.signal(Signal::Undecodable);
                return self.ack(message_id.as_deref(), Answer::Pressed(card_callback::NO_CHANGE));
            }
        };
        if !click.means(&stop.action) {
            return self.ack(message_id.as_deref(), Answer::Pressed(card_callback::NO_CHANGE));
        }
        if self.pressing.len() >= PRESSES_MAX {
            return self.ack(message_id.as_deref(), Answer::Failed);
        }
        let decision = self.sink.press(Press { card: click.card, person: click.person });
        let message_id = message_id.unwrap_or_default();
        let answered = timeout(PRESS_TIMEOUT, decision)
            .map(move |pressed| (message_id, pressed.unwrap_or(Pressed::Underway)));
        self.pressing.push(answered.boxed());
        ControlFlow::Continue(())
    }

    /// Answers a press: whoever pressed sees the button go where there is nothing more to stop.
    fn react(&self, (message_id, pressed): (String, Pressed)) -> ControlFlow<CloseCause> {
        let message_id = Some(message_id.as_str()).filter(|id| !id.is_empty());
        let key = self.stop.as_ref().and_then(|stop| stop.key.as_deref());
        match pressed {
            Pressed::Stored | Pressed::Over => {
                self.ack(message_id, Answer::Pressed(&card_callback::without_button(key)))
            }
            // Taken, and no more can be said: an error would say that nothing comes of it.
            Pressed::Foreign | Pressed::Underway => {
                self.ack(message_id, Answer::Pressed(card_callback::NO_CHANGE))
            }
            Pressed::Withheld => self.ack(message_id, Answer::Failed),
        }
    }

    fn acknowledge(&self, (message_id, ack): (Option<String>, Ack)) -> ControlFlow<CloseCause> {
        match ack {
            Ack::Stored => self.ack(message_id.as_deref(), Answer::Taken),
            Ack::Withheld => ControlFlow::Continue(()),
        }
    }

    /// Answers a push that can be answered: an ack without the push's id says nothing.
    fn ack(&self, message_id: Option<&str>, answer: Answer<'_>) -> ControlFlow<CloseCause> {
        match message_id {
            Some(_) => self.answer(message_id, answer),
            None => ControlFlow::Continue(()),
        }
    }

    fn answer(&self, message_id: Option<&str>, answer: Answer<'_>) -> ControlFlow<CloseCause> {
        self.send(Message::text(frame::encode(message_id, answer)))
    }

    fn send(&self, message: Message) -> ControlFlow<CloseCause> {
        match self.outbox.try_send(message) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(lost("the platform does not read our answers")),
        }
    }
}

/// Ticks at once (the ping that proves a new connection) and then steadily.
fn pings() -> Interval {
    let mut pings = interval_at(Instant::now(), PING_INTERVAL);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings
}

/// Writes what is queued; returns only when that fails.
async fn write_all<S>(
    writer: &mut SplitSink<WebSocketStream<S>, Message>,
    mut queue: mpsc::Receiver<Message>,
) -> CloseCause
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = queue.recv().await {
        let closing = matches!(message, Message::Close(_));
        match timeout(WRITE_TIMEOUT, writer.send(message)).await {
            Ok(Ok(())) if closing => break,
            Ok(Ok(())) => {}
            Ok(Err(error)) => return lost(&describe(&error)),
            Err(_) => return lost("a frame could not be written in time"),
        }
    }
    // The close frame is out: the reader waits for the peer's.
    std::future::pending().await
}

fn closed(frame: Option<&CloseFrame>) -> CloseCause {
    frame.map_or_else(
        || lost("the platform closed the connection"),
        |frame| lost(&format!("the platform closed the connection with code {}", u16::from(frame.code))),
    )
}

fn lost(detail: &str) -> CloseCause {
    CloseCause::Failed { code: ErrorCode::ConnectionLost, detail: detail.to_owned(), retry_after: None }
}

/// An error without anything that a peer wrote.
fn describe(error: &SocketError) -> String {
    match error {
        SocketError::Io(error) => format!("the connection broke: {error}"),
        SocketError::Capacity(_) => "a frame of more than 1 MiB".to_owned(),
        SocketError::ConnectionClosed | SocketError::AlreadyClosed => "the connection ended".to_owned(),
        SocketError::Protocol(error) => format!("the WebSocket protocol was broken: {error}"),
        SocketError::Tls(_) => "TLS failed".to_owned(),
        SocketError::Utf8(_) => "a text frame that is not UTF-8".to_owned(),
        SocketError::WriteBufferFull(_)
        | SocketError::AttackAttempt
        | SocketError::Url(_)
        | SocketError::Http(_)
        | SocketError::HttpFormat(_) => "the connection failed".to_owned(),
    }
}
