//! As much of an HTTP/1.1 client as the trivial bot needs: kept connections, JSON both ways, known lengths.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Connections kept for the next call.
const IDLE_MAX: usize = 1_024;
/// Header lines of an answer.
const LINES_MAX: usize = 100;
/// Largest answer read (bytes).
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Calls one address.
#[derive(Debug)]
pub(crate) struct Http {
    address: SocketAddr,
    idle: Mutex<Vec<BufReader<TcpStream>>>,
}

impl Http {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, idle: Mutex::new(Vec::new()) }
    }

    /// Calls, and returns the body of an answer with status 200; any other status is an error.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &Value,
    ) -> io::Result<Value> {
        let (mut stream, status, length) = self.send(method, path, token, body).await?;
        let mut answer = vec![0; length.min(BODY_BYTES_MAX)];
        stream.read_exact(&mut answer).await?;
        self.keep(stream);
        expect_fine(method, path, status)?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Calls for an answer that comes chunk by chunk.
    pub(crate) async fn stream(&self, method: &str, path: &str, body: &Value) -> io::Result<Chunks> {
        let (stream, status, _) = self.send(method, path, "", body).await?;
        expect_fine(method, path, status)?;
        Ok(Chunks { stream })
    }

    /// The connection of an answer that was read to its end.
    pub(crate) fn keep_read(&self, chunks: Chunks) {
        self.keep(chunks.stream);
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &Value,
    ) -> io::Result<(BufReader<TcpStream>, u16, usize)> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => connect(self.address).await?,
        };
        let body = body.to_string();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\naccept: application/json\r\ncontent-type: application/json\r\n\
            x-acs-dingtalk-access-token: {token}\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        );
        stream.write_all(request.as_bytes()).await?;
        let (status, length) = read_head(&mut stream).await?;
        Ok((stream, status, length))
    }

    fn keep(&self, stream: BufReader<TcpStream>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(stream);
        }
    }
}

/// A connection whose small packets do not wait for each other.
pub(super) async fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

/// Status of an answer's first lines, and the length of its body.
pub(super) async fn read_head(stream: &mut BufReader<TcpStream>) -> io::Result<(u16, usize)> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let (mut status, mut length) = (None, 0);
    for _ in 0..LINES_MAX {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if status.is_none() {
            let code = line.split(' ').nth(1).and_then(|code| code.parse().ok());
            status = Some(code.ok_or_else(|| bad("no status line"))?);
        } else if line.is_empty() {
            return Ok((status.unwrap_or_default(), length));
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(|_| bad("a content-length that is no number"))?;
        }
    }
    Err(bad("too many header lines"))
}

fn expect_fine(method: &str, path: &str, status: u16) -> io::Result<()> {
    if status == 200 {
        return Ok(());
    }
    Err(io::Error::other(format!("{method} {path} was answered with status {status}")))
}

/// An answer in chunks (RFC 9112 §7.1).
#[derive(Debug)]
pub(crate) struct Chunks {
    stream: BufReader<TcpStream>,
}

impl Chunks {
    /// The next chunk; `None` at the end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        let size = usize::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
        // Each chunk ends with a line end of its own.
        let mut data = vec![0; size.min(BODY_BYTES_MAX).saturating_add(2)];
        self.stream.read_exact(&mut data).await?;
        data.truncate(size);
        Ok((size > 0).then_some(data))
    }
}
