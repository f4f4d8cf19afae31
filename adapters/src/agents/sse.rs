//! Server-sent events as a pure decoder: bytes in, events out (WHATWG HTML §9.2.6), tolerant and bounded.
//!
//! It departs from the standard in two points, both for servers as they are: the last event counts even when its
//! blank line is missing ([`SseDecoder::finish`]), and a bound is set on what one event may hold. `retry:` is
//! ignored: whoever uses this never reconnects by itself.

use thiserror::Error;

/// Bound for one event with everything that belongs to it, in bytes.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// What `event:` said; empty where it said nothing, which the standard reads as `message`.
    pub name: String,
    /// The data lines, joined by line feeds; what was not UTF-8 is replaced by U+FFFD.
    pub data: String,
    /// What the last `id:` of the stream said, in this event or an earlier one.
    pub id: Option<String>,
}

/// The stream cannot be decoded any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("decode the event stream: an event is longer than {bytes_max} bytes")]
pub struct EventTooLong {
    /// What was allowed.
    pub bytes_max: usize,
}

/// Decodes one stream. The events do not depend on how its bytes are cut into chunks.
#[derive(Debug)]
pub struct SseDecoder {
    bytes_max: usize,
    /// The line being read, without its end.
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed now belongs to it.
    after_return: bool,
    /// No line was read whole yet: a byte order mark may stand here.
    at_start: bool,
    name: String,
    /// The data lines so far, each with a line feed; `None` while there was no data line.
    data: Option<String>,
    id: Option<String>,
    failed: bool,
}

impl Default for SseDecoder {
    fn default() -> Self {
        Self::new(EVENT_BYTES_MAX)
    }
}

impl SseDecoder {
    /// A decoder that holds at most `bytes_max` bytes of an unfinished event.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            line: Vec::new(),
            after_return: false,
            at_start: true,
            name: String::new(),
            data: None,
            id: None,
            failed: false,
        }
    }

    /// Takes the next bytes and appends the events they complete to `events`, also those before an error.
    ///
    /// # Errors
    /// An event is longer than the bound. What was held of it is given up, and every later call fails the same way.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), EventTooLong> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.check_usable()?;
            if self.after_return {
                self.after_return = false;
                if let Some(after) = rest.strip_prefix(b"\n") {
                    rest = after;
                    continue;
                }
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                return self.hold(rest);
            };
            let (part, tail) = rest.split_at(end);
            self.hold(part)?;
            self.after_return = tail.first() == Some(&b'\r');
            rest = tail.get(1..).unwrap_or_default();
            events.extend(self.end_line());
        }
        self.check_usable()
    }

    /// The stream ended: the event that was not closed by a blank line, if there is one.
    ///
    /// # Errors
    /// As for [`SseDecoder::push`].
    pub fn finish(&mut self) -> Result<Option<SseEvent>, EventTooLong> {
        self.check_usable()?;
        let closed = if self.line.is_empty() { None } else { self.end_line() };
        Ok(closed.or_else(|| self.dispatch()))
    }

    fn check_usable(&self) -> Result<(), EventTooLong> {
        if self.failed {
            return Err(EventTooLong { bytes_max: self.bytes_max });
        }
        Ok(())
    }

    fn hold(&mut self, part: &[u8]) -> Result<(), EventTooLong> {
        let held = [
            self.line.len(),
            part.len(),
            self.name.len(),
            self.data.as_ref().map_or(0, String::len),
            self.id.as_ref().map_or(0, String::len),
        ];
        if held.iter().fold(0, |sum: usize, length| sum.saturating_add(*length)) > self.bytes_max {
            *self = Self { failed: true, ..Self::new(self.bytes_max) };
            return self.check_usable();
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// Reads the line that just ended; a blank one closes the event.
    fn end_line(&mut self) -> Option<SseEvent> {
        let line = std::mem::take(&mut self.line);
        let at_start = std::mem::replace(&mut self.at_start, false);
        let mut line = line.as_slice();
        if at_start {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        self.take_field(field, &String::from_utf8_lossy(value));
        None
    }

    fn take_field(&mut self, field: &[u8], value: &str) {
        match field {
            b"data" => {
                let data = self.data.get_or_insert_default();
                data.push_str(value);
                data.push('\n');
            }
            b"event" => value.clone_into(&mut self.name),
            b"id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // A comment (its field is empty), `retry`, an unusable `id`, or something newer than this decoder.
            _ => {}
        }
    }

    /// Closes the event; one without data lines is none.
    fn dispatch(&mut self) -> Option<SseEvent> {
        let name = std::mem::take(&mut self.name);
        let mut data = self.data.take()?;
        data.pop();
        Some(SseEvent { name, data, id: self.id.clone() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::{EVENT_BYTES_MAX, EventTooLong, SseDecoder, SseEvent};

    type Decoded = (Vec<SseEvent>, Result<(), EventTooLong>);

    fn decode_in(chunks: &[&[u8]], bytes_max: usize) -> Decoded {
        let mut decoder = SseDecoder::new(bytes_max);
        let mut events = Vec::new();
        for chunk in chunks {
            if let Err(error) = decoder.push(chunk, &mut events) {
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

    fn decode(text: &str) -> Vec<SseEvent> {
        let (events, result) = decode_in(&[text.as_bytes()], EVENT_BYTES_MAX);
        result.unwrap();
        events
    }

    fn data(text: &str) -> Vec<String> {
        decode(text).into_iter().map(|event| event.data).collect()
    }

    #[test]
    fn lines_may_end_in_any_of_the_three_ways() {
        assert_eq!(data("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n\r\n"), ["a", "b", "c", "d"]);
    }

    #[test]
    fn several_data_lines_are_joined_by_line_feeds() {
        assert_eq!(data("data: a\ndata\ndata:b\ndata:  c\n\n"), ["a\n\nb\n c"]);
    }

    #[test]
    fn comments_retry_and_unknown_fields_are_passed_over() {
        assert_eq!(data(": keep-alive\n\nretry: 10\nfuture: x\n\ndata: a\n:\n\n"), ["a"]);
    }

    #[test]
    fn the_last_event_counts_without_its_blank_line() {
        assert_eq!(data("data: a\n\ndata: b\n"), ["a", "b"]);
        assert_eq!(data("data: a\n\ndata: b"), ["a", "b"]);
        assert_eq!(data("data: a\n\n"), ["a"]);
    }

    #[test]
    fn a_byte_order_mark_at_the_start_is_no_part_of_the_first_field() {
        assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
        assert!(data("\n\u{feff}data: a\n\n").is_empty());
    }

    #[test]
    fn a_name_is_of_one_event_and_an_id_goes_on() {
        let events =
            decode("event: first\nid: 7\ndata: a\n\ndata: b\n\nid: x\0y\ndata: c\n\nid\ndata: d\n\n");
        let seen: Vec<_> = events
            .iter()
            .map(|event| (event.name.as_str(), event.data.as_str(), event.id.as_deref()))
            .collect();
        assert_eq!(
            seen,
            [("first", "a", Some("7")), ("", "b", Some("7")), ("", "c", Some("7")), ("", "d", Some(""))]
        );
    }

    #[test]
    fn a_name_without_data_is_no_event() {
        assert_eq!(
            decode("event: lost\n\ndata: a\n\n"),
            [SseEvent { name: String::new(), data: "a".to_owned(), id: None }]
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let (events, result) = decode_in(&[b"data: a\xff\xe4\xbd\n\n"], 100);
        assert_eq!((events[0].data.as_str(), result), ("a\u{fffd}\u{fffd}", Ok(())));
    }

    #[test]
    fn characters_may_be_cut_anywhere() {
        let bytes = "data: 你好, 👋\n\n".as_bytes();
        let chunks: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decode_in(&chunks, 100).0[0].data, "你好, 👋");
    }

    #[test]
    fn a_line_longer_than_the_bound_is_an_error_that_says_so_and_stays() {
        let mut decoder = SseDecoder::new(16);
        let mut events = Vec::new();
        let error = decoder.push(b"data: a\n\ndata: 0123456789x", &mut events).unwrap_err();
        assert_eq!(error.to_string(), "decode the event stream: an event is longer than 16 bytes");
        assert_eq!(events[0].data, "a");
        assert_eq!(decoder.push(b"\n\ndata: b\n\n", &mut events), Err(error));
        assert_eq!(decoder.finish(), Err(error));
        assert_eq!(events.len(), 1);
    }

    #[test]
    fn an_event_of_many_short_lines_is_bounded_too() {
        let endless = "data: 0\n".repeat(100);
        assert_eq!(decode_in(&[endless.as_bytes()], 64).1, Err(EventTooLong { bytes_max: 64 }));
    }

    /// Streams made of what matters to the decoder, so that random ones meet its corners.
    fn streams() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "data", "data:", "data: ", "event:", "id:", "retry: 5", ":", " ", "\n", "\r", "\r\n", "\n\n",
                "\u{feff}", "你好", "👋", "[DONE]", "\0",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..6),
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            stream in streams(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
            bytes_max in prop_oneof![Just(16_usize), Just(1024)],
        ) {
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            ends.push(stream.len());
            ends.sort_unstable();
            let mut start = 0;
            let mut chunks: Vec<&[u8]> = Vec::new();
            for end in ends {
                chunks.push(&stream[start..end]);
                start = end;
            }
            let whole = decode_in(&[&stream], bytes_max);
            prop_assert_eq!(&decode_in(&chunks, bytes_max), &whole);
            let single: Vec<&[u8]> = stream.chunks(1).collect();
            prop_assert_eq!(&decode_in(&single, bytes_max), &whole);
        }

        #[test]
        fn what_is_held_never_exceeds_the_bound(stream in streams(), bytes_max in 8_usize..64) {
            let mut decoder = SseDecoder::new(bytes_max);
            for byte in &stream {
                if decoder.push(&[*byte], &mut Vec::new()).is_err() {
                    break;
                }
                let held = decoder.line.len() + decoder.name.len() + decoder.id.as_ref().map_or(0, String::len);
                // Each byte that is not UTF-8 may grow to the three of U+FFFD, and each data line gets a line feed.
                prop_assert!(held + decoder.data.as_ref().map_or(0, String::len) <= 3 * bytes_max + 3);
            }
        }
    }
}
