//! As much of a WebSocket client as the trivial bot needs (RFC 6455): whole frames, masked on their way out.

use std::io;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::http::{connect, read_head};

/// Largest frame taken (bytes).
const FRAME_BYTES_MAX: u64 = 1024 * 1024;
/// The bit of a frame that is whole.
const WHOLE: u8 = 0x80;
/// The bit of a masked frame, beside its length.
const MASKED: u8 = 0x80;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// Lengths from here on stand in two more bytes, or in eight.
const LENGTH_IN_TWO: u8 = 126;
const LENGTH_IN_EIGHT: u8 = 127;

/// A connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: BufReader<TcpStream>,
}

/// What the platform sent.
#[derive(Debug)]
pub(crate) enum Frame {
    /// A text.
    Text(String),
    /// A ping of the WebSocket's own.
    Ping(Vec<u8>),
    /// Nothing that asks for an answer.
    Other,
    /// The end.
    Close,
}

impl Socket {
    /// The opening handshake. The platform's proof is not checked: it lives in this process.
    pub(crate) async fn connect(address: SocketAddr, path: &str) -> io::Result<Self> {
        let mut stream = connect(address).await?;
        let key = STANDARD.encode(rand::random::<[u8; 16]>());
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        match read_head(&mut stream).await? {
            (101, _) => Ok(Self { stream }),
            (status, _) => Err(io::Error::other(format!("the WebSocket was refused with status {status}"))),
        }
    }

    /// The next frame. Loses its place when cancelled: whoever does so is through with the connection.
    pub(crate) async fn next(&mut self) -> io::Result<Frame> {
        let first = self.stream.read_u8().await?;
        let length = match self.stream.read_u8().await? & !MASKED {
            LENGTH_IN_TWO => u64::from(self.stream.read_u16().await?),
            LENGTH_IN_EIGHT => self.stream.read_u64().await?,
            length => u64::from(length),
        };
        if first & WHOLE == 0 || length > FRAME_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame in pieces, or too large"));
        }
        let mut data = vec![0; usize::try_from(length).unwrap_or_default()];
        self.stream.read_exact(&mut data).await?;
        Ok(match first & !WHOLE {
            TEXT => Frame::Text(String::from_utf8(data).map_err(io::Error::other)?),
            CLOSE => Frame::Close,
            PING => Frame::Ping(data),
            _ => Frame::Other,
        })
    }

    /// Sends a text.
    pub(crate) async fn send(&mut self, text: &str) -> io::Result<()> {
        self.write(TEXT, text.as_bytes()).await
    }

    /// Answers a ping.
    pub(crate) async fn pong(&mut self, data: &[u8]) -> io::Result<()> {
        self.write(PONG, data).await
    }

    async fn write(&mut self, kind: u8, data: &[u8]) -> io::Result<()> {
        let mask = rand::random::<[u8; 4]>();
        let mut frame = vec![WHOLE | kind];
        match (u8::try_from(data.len()), u16::try_from(data.len())) {
            (Ok(length), _) if length < LENGTH_IN_TWO => frame.push(MASKED | length),
            (_, Ok(length)) => {
                frame.push(MASKED | LENGTH_IN_TWO);
                frame.extend(length.to_be_bytes());
            }
            (_, Err(_)) => {
                frame.push(MASKED | LENGTH_IN_EIGHT);
                frame.extend(u64::try_from(data.len()).unwrap_or(u64::MAX).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(data.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.stream.write_all(&frame).await
    }
}
