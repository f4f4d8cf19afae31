//! A tunnel through an HTTP proxy: `CONNECT`, and a reader for the proxy's answer (RFC 9110 §9.3.6, RFC 9112).
//!
//! The HTTP client opens its own tunnels; this one is for sockets.

use std::io;

use switchboard_domain::secret::Secret;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::USER_AGENT;

/// Longest head of a proxy's answer, in bytes, interim answers included.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// How every answer of an HTTP/1 proxy begins.
const BEGINNING: &[u8] = b"HTTP/1.";

/// Why there is no tunnel. Nothing that the proxy wrote, and no credential.
#[derive(Debug, Error)]
pub(super) enum TunnelError {
    /// 407.
    #[error("it asks for a user and password that it accepts (407)")]
    Credentials,
    /// Another status.
    #[error("it refused with status {0}")]
    Refused(u16),
    /// It does not speak HTTP/1.
    #[error("its answer is not HTTP")]
    NotHttp,
    /// Its answer's head does not end.
    #[error("its answer's head has more than {HEAD_BYTES_MAX} bytes")]
    TooLong,
    /// Bytes came behind the answer, before we had said anything.
    #[error("it sent more than its answer")]
    Excess,
    /// It hung up.
    #[error("it closed the connection without an answer")]
    Closed,
    /// The connection broke.
    #[error("{0}")]
    Broken(#[from] io::Error),
}

/// Asks the proxy at the other end of `stream` for a tunnel to `target` (`HOST:PORT`). Bounded in size, not in time. Not
/// to be tried again on the same stream.
pub(super) async fn open<S>(
    stream: &mut S,
    target: &str,
    authorization: Option<&Secret>,
) -> Result<(), TunnelError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(request(target, authorization).as_bytes()).await?;
    stream.flush().await?;
    let mut left = HEAD_BYTES_MAX;
    let mut received = Vec::new();
    loop {
        let mut chunk = [0_u8; 1024];
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Err(TunnelError::Closed);
        }
        received.extend_from_slice(chunk.get(..count).unwrap_or_default());
        while let Some(head) = read_head(&received, left)? {
            left = left.saturating_sub(head.bytes);
            received.drain(..head.bytes.min(received.len()));
            match head.status {
                100..=199 => {}
                200..=299 if received.is_empty() => return Ok(()),
                200..=299 => return Err(TunnelError::Excess),
                407 => return Err(TunnelError::Credentials),
                status => return Err(TunnelError::Refused(status)),
            }
        }
    }
}

fn request(target: &str, authorization: Option<&Secret>) -> String {
    let authorization = authorization.map_or_else(String::new, |authorization| {
        format!("Proxy-Authorization: {}\r\n", authorization.expose())
    });
    format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {USER_AGENT}\r\n{authorization}\r\n")
}

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    /// Its status, three digits.
    status: u16,
    /// Its length with the empty line.
    bytes: usize,
}

/// Reads the head at the beginning of `received`, if it is there whole. What can no longer become an answer is refused at
/// once, not at the bound. Header fields say nothing that a tunnel needs, a length least of all (RFC 9110 §9.3.6).
fn read_head(received: &[u8], bytes_max: usize) -> Result<Option<Head>, TunnelError> {
    if !received.iter().zip(BEGINNING).all(|(got, expected)| got == expected) {
        return Err(TunnelError::NotHttp);
    }
    let Some(bytes) = head_length(received) else {
        return if received.len() >= bytes_max { Err(TunnelError::TooLong) } else { Ok(None) };
    };
    if bytes > bytes_max {
        return Err(TunnelError::TooLong);
    }
    let line = received.split(|byte| *byte == b'\n').next().unwrap_or_default();
    status(line).map(|status| Some(Head { status, bytes })).ok_or(TunnelError::NotHttp)
}

/// The length of a head with its empty line; a line may end in LF alone (RFC 9112 §2.2).
fn head_length(received: &[u8]) -> Option<usize> {
    let mut length = 0_usize;
    for line in received.split_inclusive(|byte| *byte == b'\n') {
        length = length.saturating_add(line.len());
        if matches!(line, b"\r\n" | b"\n") {
            return Some(length);
        }
    }
    None
}

/// The status in `HTTP/1.x SSS reason`.
fn status(line: &[u8]) -> Option<u16> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line.strip_prefix(BEGINNING)? {
        [minor, b' ', first @ b'1'..=b'9', second, third, rest @ ..]
            if minor.is_ascii_digit()
                && second.is_ascii_digit()
                && third.is_ascii_digit()
                && matches!(rest, [] | [b' ', ..]) =>
        {
            let digit = |byte: &u8| u16::from(byte.saturating_sub(b'0'));
            Some(digit(first) * 100 + digit(second) * 10 + digit(third))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use switchboard_domain::secret::Secret;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{HEAD_BYTES_MAX, TunnelError, open, read_head};

    /// What becomes of a tunnel whose proxy answers with these pieces and then hangs up; and what the proxy was asked.
    async fn answered(pieces: &[&[u8]]) -> (Result<(), TunnelError>, String) {
        let (mut ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let authorization = Secret::new("Basic YTpi");
        let opening = async {
            let opened = open(&mut ours, "host.example:443", Some(&authorization)).await;
            drop(ours);
            opened
        };
        let proxy = async {
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(theirs.read_u8().await.unwrap());
            }
            for piece in pieces {
                // The other side may have had enough.
                let _ = theirs.write_all(piece).await;
                tokio::task::yield_now().await;
            }
            drop(theirs);
            String::from_utf8(asked).unwrap()
        };
        tokio::join!(opening, proxy)
    }

    #[tokio::test]
    async fn a_tunnel_is_asked_for_by_host_port_and_credentials() {
        let (opened, asked) = answered(&[b"HTTP/1.1 200 Connection established\r\n\r\n"]).await;
        assert!(opened.is_ok());
        let mut lines = asked.lines();
        assert_eq!(lines.next(), Some("CONNECT host.example:443 HTTP/1.1"));
        assert_eq!(lines.next(), Some("Host: host.example:443"));
        assert!(lines.next().unwrap().starts_with("User-Agent: switchboard/"));
        assert_eq!(lines.next(), Some("Proxy-Authorization: Basic YTpi"));
    }

    #[rstest]
    #[case(&["HTTP/1.0 200 OK\r\n\r\n"])]
    #[case(&["HTTP/1.1 200\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"])]
    #[case(&["HTTP/1.1 204 \n\n"])]
    #[case(&["HT", "TP/1.1 200 OK\r", "\nVia: x\r\n\r", "\n"])]
    #[case(&["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"])]
    #[tokio::test]
    async fn every_2xx_is_a_tunnel_however_it_arrives(#[case] pieces: &[&str]) {
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        assert!(answered(&pieces).await.0.is_ok());
    }

    #[rstest]
    #[case(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\nno", "(407)")]
    #[case(b"HTTP/1.1 403 Forbidden\r\n\r\n<html>", "it refused with status 403")]
    #[case(b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "it refused with status 502")]
    #[case(b"HTTP/1.1 301 Moved\r\nLocation: http://evil.test/\r\n\r\n", "it refused with status 301")]
    #[case(b"HTTP/1.1 999 ?\r\n\r\n", "it refused with status 999")]
    #[case(b"HTTP/1.1 200 OK\r\n\r\nHELLO", "it sent more than its answer")]
    #[case(b"HTTP/1.1 200 OK\r\n", "it closed the connection without an answer")]
    #[case(b"", "it closed the connection without an answer")]
    #[case(b"HTTP/2 200\r\n\r\n", "its answer is not HTTP")]
    #[case(b"HTTP/1.1 2000 OK\r\n\r\n", "its answer is not HTTP")]
    #[case(b"HTTP/1.1 20\r\n\r\n", "its answer is not HTTP")]
    #[case(b"HTTP/1.1 +20 OK\r\n\r\n", "its answer is not HTTP")]
    #[case(b"HTTP/1.1  200 OK\r\n\r\n", "its answer is not HTTP")]
    #[case(b"HTTP/1.1 099 OK\r\n\r\n", "its answer is not HTTP")]
    #[case(b"\x15\x03\x01\x00\x02\x02\x46", "its answer is not HTTP")]
    #[case(b"SSH-2.0-x\r\n", "its answer is not HTTP")]
    #[case(b"\r\n\r\n", "its answer is not HTTP")]
    #[tokio::test]
    async fn anything_else_says_why_without_the_proxys_words(#[case] answer: &[u8], #[case] said: &str) {
        let error = answered(&[answer]).await.0.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(!error.contains("YTpi") && !error.contains("evil"), "{error}");
    }

    #[tokio::test]
    async fn a_head_without_end_is_cut_off_at_the_bound() {
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'a'; 2 * HEAD_BYTES_MAX]].concat();
        assert!(matches!(answered(&[&endless]).await.0, Err(TunnelError::TooLong)));
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000);
        assert!(matches!(answered(&[&interim]).await.0, Err(TunnelError::TooLong)));
    }

    proptest! {
        #[test]
        fn no_bytes_bring_the_reader_down(noise in proptest::collection::vec(any::<u8>(), 0..200), real in any::<bool>()) {
            let bytes = if real { [b"HTTP/1.".as_slice(), &noise].concat() } else { noise };
            if let Ok(Some(head)) = read_head(&bytes, HEAD_BYTES_MAX) {
                prop_assert!(head.bytes <= bytes.len() && (100..=999).contains(&head.status));
            }
        }

        #[test]
        fn a_head_is_found_at_the_same_place_however_much_follows(rest in proptest::collection::vec(any::<u8>(), 0..50)) {
            let head = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
            let all = [head.as_slice(), &rest].concat();
            prop_assert_eq!(read_head(&all, HEAD_BYTES_MAX).unwrap().unwrap().bytes, head.len());
        }
    }
}
