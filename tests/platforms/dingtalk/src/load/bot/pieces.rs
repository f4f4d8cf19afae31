//! Where the trivial bot's answers come from, piece by piece: itself, or an agent that streams.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::http::{Chunks, Http};
use crate::load::marks::Mark;
use crate::load::words::Words;

/// Text of a stream that is not a whole event yet (bytes).
const PARTIAL_BYTES_MAX: usize = 1024 * 1024;

/// Who answers.
#[derive(Debug)]
pub(crate) enum Source {
    /// The bot itself.
    Own(Words),
    /// An agent of OpenAI's chat completions, and the path of its endpoint.
    Agent(Http, String),
}

/// One answer.
pub(crate) enum Pieces<'a> {
    Own { beginning: String, pieces: std::iter::Peekable<std::slice::Iter<'a, String>> },
    Agent { chunks: Box<Chunks>, partial: String },
}

impl Source {
    /// From `http://IP:PORT/v1`; `None` for any other form.
    pub(crate) fn agent(base_url: &str) -> Option<Self> {
        let rest = base_url.strip_prefix("http://")?;
        let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
        let address: SocketAddr = address.parse().ok()?;
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Some(Self::Agent(Http::new(address), format!("{path}/chat/completions")))
    }

    /// Asks.
    pub(crate) async fn ask(&self, question: &str, marks: &[Mark]) -> io::Result<Pieces<'_>> {
        match self {
            Self::Own(words) => Ok(Pieces::Own {
                beginning: Words::beginning(marks),
                pieces: words.pieces().iter().peekable(),
            }),
            Self::Agent(http, path) => {
                let messages = json!([{ "role": "user", "content": question }]);
                let body = json!({ "model": "load", "stream": true, "messages": messages });
                let chunks = Box::new(http.stream("POST", path, &body).await?);
                Ok(Pieces::Agent { chunks, partial: String::new() })
            }
        }
    }

    /// A connection that has been read to its end serves the next answer.
    pub(crate) fn keep(&self, pieces: Pieces<'_>) {
        if let (Self::Agent(http, _), Pieces::Agent { chunks, .. }) = (self, pieces) {
            http.keep_read(*chunks);
        }
    }
}

impl Pieces<'_> {
    /// The next piece, and whether it is known to be the last one; `None` at the end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<(String, bool)>> {
        match self {
            Self::Own { beginning, pieces } => Ok(pieces.next().map(|piece| {
                let mut text = std::mem::take(beginning);
                text.push_str(piece);
                (text, pieces.peek().is_none())
            })),
            Self::Agent { chunks, partial } => loop {
                if let Some((event, rest)) = partial.split_once("\n\n") {
                    let piece = piece_in(event);
                    let rest = rest.to_owned();
                    *partial = rest;
                    if let Some(piece) = piece {
                        return Ok(Some((piece, false)));
                    }
                    continue;
                }
                match chunks.next().await? {
                    Some(bytes) if partial.len() < PARTIAL_BYTES_MAX => {
                        partial.push_str(std::str::from_utf8(&bytes).map_err(io::Error::other)?);
                    }
                    Some(_) => return Err(io::Error::other("an event that does not end")),
                    None => return Ok(None),
                }
            },
        }
    }
}

/// The text in an event, if it has some.
fn piece_in(event: &str) -> Option<String> {
    let event: Value = serde_json::from_str(event.strip_prefix("data: ")?).ok()?;
    let text = event.pointer("/choices/0/delta/content")?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agents_address_has_a_number_and_may_have_a_path() {
        let path = |url: &str| match Source::agent(url) {
            Some(Source::Agent(_, path)) => Some(path),
            Some(Source::Own(_)) | None => None,
        };
        assert_eq!(path("http://127.0.0.1:8766/v1").as_deref(), Some("/v1/chat/completions"));
        assert_eq!(path("http://127.0.0.1:8766").as_deref(), Some("/chat/completions"));
        assert_eq!(path("https://127.0.0.1:8766/v1"), None);
        assert_eq!(path("http://localhost/v1"), None);
    }

    #[test]
    fn a_piece_is_what_an_event_adds() {
        assert_eq!(piece_in(r#"data: {"choices":[{"delta":{"content":"hi"}}]}"#).as_deref(), Some("hi"));
        for event in ["data: [DONE]", r#"data: {"choices":[{"delta":{}}]}"#, ": a comment", ""] {
            assert_eq!(piece_in(event), None, "{event}");
        }
    }
}
