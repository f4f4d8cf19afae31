//! The TCP listener: plain, or plain and TLS on the same port, whose connections can be cut from outside.

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
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Pause after a failed accept (for example: no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a client may take for its first byte and its TLS handshake.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(15);
/// TLS handshakes at the same time; further connections are dropped.
const HANDSHAKES_MAX: usize = 1_000;
/// First byte of a TLS record that carries a handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Accepts connections that end when `root` is cancelled.
pub(crate) struct SimListener {
    inner: TcpListener,
    root: CancellationToken,
    tls: Option<TlsAcceptor>,
    handshakes: JoinSet<Option<(SimStream, SocketAddr)>>,
}

impl SimListener {
    /// With TLS, connections that do not begin with a TLS handshake are served in plain.
    pub(crate) fn new(inner: TcpListener, root: CancellationToken, tls: Option<TlsAcceptor>) -> Self {
        Self { inner, root, tls, handshakes: JoinSet::new() }
    }
}

impl Listener for SimListener {
    type Io = SimStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (SimStream, SocketAddr) {
        loop {
            let accepted = tokio::select! {
                biased;
                Some(done) = self.handshakes.join_next() => match done {
                    Ok(Some(ready)) => return ready,
                    // The client gave up, or spoke something else.
                    Ok(None) | Err(_) => continue,
                },
                accepted = self.inner.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => {
                    // Small frames must not wait for each other.
                    let _ = stream.set_nodelay(true);
                    let control = StreamControl::child_of(&self.root);
                    match self.tls.clone() {
                        None => return (SimStream::new(Transport::Plain(stream), control), address),
                        Some(_) if self.handshakes.len() >= HANDSHAKES_MAX => {}
                        Some(acceptor) => {
                            self.handshakes.spawn(async move {
                                let opening = open(acceptor, stream);
                                let transport =
                                    tokio::time::timeout(HANDSHAKE_PATIENCE, opening).await.ok()??;
                                Some((SimStream::new(transport, control), address))
                            });
                        }
                    }
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

async fn open(acceptor: TlsAcceptor, stream: TcpStream) -> Option<Transport> {
    let mut first = [0_u8; 1];
    let read = stream.peek(&mut first).await.ok()?;
    if read == 1 && first != [TLS_HANDSHAKE] {
        return Some(Transport::Plain(stream));
    }
    acceptor.accept(stream).await.ok().map(|stream| Transport::Tls(Box::new(stream)))
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

/// What carries the bytes.
enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Transport {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

/// A stream whose reads and writes fail once it was cut.
pub(crate) struct SimStream {
    inner: Transport,
    control: StreamControl,
    read_cut: Pin<Box<WaitForCancellationFutureOwned>>,
    write_cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl SimStream {
    fn new(inner: Transport, control: StreamControl) -> Self {
        let read_cut = Box::pin(control.token.clone().cancelled_owned());
        let write_cut = Box::pin(control.token.clone().cancelled_owned());
        Self { inner, control, read_cut, write_cut }
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        if self.control.reset.load(Ordering::SeqCst) {
            // A failure here only means a FIN instead of a reset.
            let _ = self.inner.tcp().set_zero_linger();
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
        match &mut self.inner {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.write_cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        match &mut self.inner {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        match &mut self.inner {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
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
