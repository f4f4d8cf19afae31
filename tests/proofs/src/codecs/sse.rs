//! Server-sent events: however a stream is cut, the decoder finds what a naive reading of the whole of it finds.

use switchboard_adapters::agents::sse::{EventTooLong, SseDecoder, SseEvent};

use crate::bytes::{Bytes, pieces};

/// The target.
pub fn sse(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let lengths = bytes.some(7);
    let bound = 8 + usize::from(bytes.byte());
    let stream = bytes.rest();

    let whole = read_naively(stream);
    // U+FFFD is three times as long as the byte it stands for.
    let roomy = 4 * stream.len() + 64;
    for lengths in [lengths, &[], &[1]] {
        let (events, result) = decode(&pieces(stream, lengths), roomy);
        assert_eq!((&events, result), (&whole, Ok(())), "in pieces of {lengths:?}");
    }
    let tight = decode(&[stream], bound);
    assert!(whole.starts_with(&tight.0), "a bound changes what is before it");
    assert!(tight.1.is_err() || tight.0.len() == whole.len(), "events are missing, and nobody says so");
    for lengths in [lengths, &[1]] {
        assert_eq!(decode(&pieces(stream, lengths), bound), tight, "in pieces of {lengths:?}");
    }
}

fn decode(pieces: &[&[u8]], bytes_max: usize) -> (Vec<SseEvent>, Result<(), EventTooLong>) {
    let mut decoder = SseDecoder::new(bytes_max);
    let mut events = Vec::new();
    for piece in pieces {
        if let Err(error) = decoder.push(piece, &mut events) {
            assert_eq!(decoder.push(b"data: late\n\n", &mut events), Err(error), "an error stays");
            return (events, Err(error));
        }
    }
    match decoder.finish() {
        Ok(last) => {
            events.extend(last);
            (events, Ok(()))
        }
        Err(error) => (events, Err(error)),
    }
}

/// The standard (WHATWG HTML, 9.2.6) word for word, over the whole stream; the last event needs no blank line.
fn read_naively(stream: &[u8]) -> Vec<SseEvent> {
    let mut events = Vec::new();
    let (mut name, mut id) = (String::new(), None);
    let mut data: Vec<String> = Vec::new();
    let stream = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    for line in lines(stream).into_iter().chain([Vec::new()]) {
        if line.is_empty() {
            if !data.is_empty() {
                let data = data.join("\n");
                events.push(SseEvent { name: name.clone(), data, id: id.clone() });
            }
            name.clear();
            data.clear();
            continue;
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let field = parts.next().unwrap_or_default().to_vec();
        let value = parts.next().unwrap_or_default();
        let value = if value.first() == Some(&b' ') { &value[1..] } else { value };
        let value = String::from_utf8_lossy(value).into_owned();
        match field.as_slice() {
            b"data" => data.push(value),
            b"event" => name = value,
            b"id" if !value.contains('\0') => id = Some(value),
            _ => {}
        }
    }
    events
}

fn lines(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = vec![Vec::new()];
    let mut at = 0;
    while at < stream.len() {
        let is_break = stream[at] == b'\r' || stream[at] == b'\n';
        if stream[at..].starts_with(b"\r\n") {
            at += 1;
        }
        at += 1;
        if is_break {
            lines.push(Vec::new());
        } else if let Some(line) = lines.last_mut() {
            line.push(stream[at - 1]);
        }
    }
    lines
}
