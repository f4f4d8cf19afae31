//! The TCP listener: an ordinary one whose connections can be cut from outside, with or without a reset.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Pause after a failed accept (for example: no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections that end when `root` is cancelled.
pub(crate) struct SimListener {
    inner: TcpListener,
    root: CancellationToken,
}

impl SimListener {
    pub(crate) fn new(inner: TcpListener, root: CancellationToken) -> Self {
        Self { inner, root }
    }
}

impl Listener for SimListener {
    type Io = SimStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (SimStream, SocketAddr) {
        loop {
            match self.inner.accept().await {
                Ok((stream, address)) => {
                    // Small frames must not wait for each other.
                    let _ = stream.set_nodelay(true);
                    return (SimStream::new(stream, StreamControl::child_of(&self.root)), address);
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// Ends one TCP connection from outside of the HTTP machinery.
#[derive(Clone, Debug)]
pub(crate) struct StreamControl {
    token: CancellationToken,
    reset: Arc<AtomicBool>,
}

impl StreamControl {
    fn child_of(root: &CancellationToken) -> Self {
        Self { token: root.child_token(), reset: Arc::new(AtomicBool::new(false)) }
    }

    /// Ends the connection with FIN and no WebSocket close frame (clients see 1006).
    pub(crate) fn cut(&self) {
        self.token.cancel();
    }

    /// Ends the connection with a TCP reset.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::SeqCst);
        self.token.cancel();
    }

    /// Ends when the connection was cut.
    pub(crate) async fn ended(&self) {
        self.token.cancelled().await;
    }
}

/// A TCP stream whose reads and writes fail once it was cut.
pub(crate) struct SimStream {
    inner: TcpStream,
    control: StreamControl,
    read_cut: Pin<Box<WaitForCancellationFutureOwned>>,
    write_cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl SimStream {
    fn new(inner: TcpStream, control: StreamControl) -> Self {
        let read_cut = Box::pin(control.token.clone().cancelled_owned());
        let write_cut = Box::pin(control.token.clone().cancelled_owned());
        Self { inner, control, read_cut, write_cut }
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        if self.control.reset.load(Ordering::SeqCst) {
            // A failure here only means a FIN instead of a reset.
            let _ = self.inner.set_zero_linger();
        }
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read_cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.write_cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// What a request handler knows about its TCP connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) control: StreamControl,
}

impl Connected<IncomingStream<'_, SimListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, SimListener>) -> Self {
        Self { control: stream.io().control.clone() }
    }
}
