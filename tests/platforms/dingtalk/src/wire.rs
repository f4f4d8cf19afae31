//! Both directions of a WebSocket at once: a client that reads slowly must not stop its acknowledgements from being
//! read, or both sides would wait for each other.

use std::collections::VecDeque;
use std::future::poll_fn;

use axum::extract::ws::{Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};

/// Messages waiting for the socket before no further orders are taken.
const WAITING_MAX: usize = 64;

/// A WebSocket with a short queue in front of its writing half.
pub(crate) struct Wire {
    writer: Writer,
    reader: SplitStream<WebSocket>,
}

struct Writer {
    sink: SplitSink<WebSocket, Message>,
    waiting: VecDeque<Message>,
    unflushed: bool,
}

/// What a wire did.
pub(crate) enum Event {
    /// A message arrived; `None` = the stream ended without a close frame.
    Arrived(Option<Message>),
    /// Something was written, or writing failed.
    Wrote(Result<(), axum::Error>),
}

impl Wire {
    pub(crate) fn new(socket: WebSocket) -> Self {
        let (sink, reader) = socket.split();
        Self { writer: Writer { sink, waiting: VecDeque::new(), unflushed: false }, reader }
    }

    /// Queues a message; [`Wire::next`] writes it.
    pub(crate) fn queue(&mut self, message: Message) {
        self.writer.waiting.push_back(message);
    }

    /// More can be queued.
    pub(crate) fn has_room(&self) -> bool {
        self.writer.waiting.len() < WAITING_MAX
    }

    /// The next thing that happens in either direction. Cancelling loses nothing.
    pub(crate) async fn next(&mut self) -> Event {
        let Self { writer, reader } = self;
        let busy = writer.is_busy();
        tokio::select! {
            biased;
            arrived = reader.next() => Event::Arrived(arrived.and_then(Result::ok)),
            wrote = writer.advance(), if busy => Event::Wrote(wrote),
        }
    }

    /// Writes what is queued and reads until the other side has closed, too.
    pub(crate) async fn finish(mut self) {
        loop {
            match self.next().await {
                Event::Arrived(Some(_)) | Event::Wrote(Ok(())) => {}
                Event::Arrived(None) | Event::Wrote(Err(_)) => return,
            }
        }
    }
}

impl Writer {
    fn is_busy(&self) -> bool {
        self.unflushed || !self.waiting.is_empty()
    }

    /// One step: hand a message over, or flush.
    async fn advance(&mut self) -> Result<(), axum::Error> {
        if self.waiting.is_empty() {
            self.sink.flush().await?;
            self.unflushed = false;
            return Ok(());
        }
        poll_fn(|cx| self.sink.poll_ready_unpin(cx)).await?;
        // Taken only when the socket is ready, so that a cancelled wait loses nothing.
        if let Some(message) = self.waiting.pop_front() {
            self.sink.start_send_unpin(message)?;
            self.unflushed = true;
        }
        Ok(())
    }
}
