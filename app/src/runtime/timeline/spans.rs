//! The trace of a message: which spans there are, and what they are called.
//!
//! | span | from | to |
//! |---|---|---|
//! | `message` | it was accepted | its turn is over |
//! | `store.accept` | it came from the platform | it is stored |
//! | `store.commit` | a step is to be stored | it is |
//! | `agent.run` | its author is looked up | the agent has ended, or was stopped |
//! | `platform.reply` | the first call for an answer or sentence | the last one |
//!
//! Names are made from the message's, so that every process tells the same trace and the same root.

use switchboard_domain::hash::stable_hash;
use switchboard_domain::ids::Seq;
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::Commit;
use switchboard_ports::traces::{Attribute, Span, SpanKind};

use super::{message_id, trace_number};
use crate::runtime::shared::Shared;

/// The name of a span of a message's, made from what there is one of.
pub(crate) fn span_id(message: &str, parts: &[&str]) -> u64 {
    let parts: Vec<&str> = std::iter::once("span").chain([message]).chain(parts.iter().copied()).collect();
    let [low @ .., _, _, _, _, _, _, _, _] = stable_hash(&parts).to_le_bytes();
    u64::from_le_bytes(low).max(1)
}

/// What W3C's header `traceparent` says in a request that belongs to this span of a message's.
pub(crate) fn traceparent(message: &str, span: u64, is_kept: bool) -> String {
    let flags = if is_kept { "01" } else { "00" };
    format!("00-{:032x}-{span:016x}-{flags}", trace_number(message))
}

/// The root of a message's trace.
pub(crate) fn root(message: &str, (start, end): (Timestamp, Timestamp)) -> Span {
    Span {
        trace: trace_number(message),
        id: root_id(message),
        parent: None,
        name: "message",
        kind: SpanKind::Consumer,
        start: start.min(end),
        end,
        attributes: vec![("switchboard.message_id", message.into())],
        failed: None,
    }
}

/// A part of a message's trace.
pub(crate) fn part(
    message: &str,
    (name, id): (&'static str, u64),
    kind: SpanKind,
    (start, end): (Timestamp, Timestamp),
    attributes: Vec<(&'static str, Attribute)>,
) -> Span {
    let root = root(message, (start, end));
    Span { id, parent: Some(root.id), name, kind, attributes, ..root }
}

/// A commit is stored, which was asked for at `began`: a part of the trace of the message that it ends, or that is being
/// answered.
pub(crate) fn committed(shared: &Shared, commit: &Commit, running: Option<Seq>, began: Timestamp) {
    let ended = commit.ended.first().map(|(seq, _)| *seq);
    let Some(seq) = ended.or(running) else { return };
    shared.tracer.ended(|| {
        let message = message_id(&commit.conversation, seq);
        let place = ("store.commit", span_id(&message, &["commit", commit.id.as_str()]));
        part(&message, place, SpanKind::Internal, (began, shared.now()), Vec::new())
    });
}

fn root_id(message: &str) -> u64 {
    span_id(message, &["root"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_the_trace_and_the_span() {
        let span = span_id("cnv_1-2", &["agent", "rep_1"]);
        assert_eq!(span, span_id("cnv_1-2", &["agent", "rep_1"]));
        assert_ne!(span, span_id("cnv_1-2", &["agent", "rep_2"]));
        let header = traceparent("cnv_1-2", span, true);
        assert_eq!(header, format!("00-{}-{span:016x}-01", super::super::trace_id("cnv_1-2")));
        assert_eq!(header.len(), 55);
        assert!(traceparent("cnv_1-2", span, false).ends_with("-00"));
    }
}
