//! The layer that hears log lines: it takes the channel out of the line itself, or out of what it was said within.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::{Lines, LogLine, Severity};

/// Longest message, and longest value of a field, in characters.
const MESSAGE_CHARS_MAX: usize = 2_000;
const VALUE_CHARS_MAX: usize = 500;

/// Fields of a line.
const FIELDS_MAX: usize = 24;

/// Hears lines of our own.
pub(crate) struct ChannelLayer(pub(crate) Arc<Lines>);

/// The channel that a span is about.
struct OfChannel(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ChannelLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut read = Read::default();
        attributes.record(&mut read);
        if let Some(channel) = read.channel
            && let Some(span) = context.span(id)
        {
            span.extensions_mut().insert(OfChannel(channel));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => Severity::Error,
            Level::WARN => Severity::Warn,
            Level::INFO => Severity::Info,
            // What is quieter is not kept.
            Level::DEBUG => Severity::Debug,
            _ => return,
        };
        let mut read = Read::default();
        event.record(&mut read);
        let channel = read.channel.or_else(|| {
            let around = context.event_scope(event)?;
            around.into_iter().find_map(|span| span.extensions().get::<OfChannel>().map(|of| of.0.clone()))
        });
        if channel.is_none() && level < Severity::Warn {
            return;
        }
        let target = event.metadata().target().to_owned();
        let (message, fields) = (read.message, read.fields);
        self.0.keep(channel.as_deref(), LogLine { number: 0, at: 0, level, target, message, fields });
    }
}

/// What a line or a span says.
#[derive(Default)]
struct Read {
    channel: Option<String>,
    message: String,
    fields: BTreeMap<String, String>,
}

impl Read {
    fn take(&mut self, field: &Field, value: String) {
        match field.name() {
            "channel" => self.channel = Some(value),
            "message" => self.message = cut(value, MESSAGE_CHARS_MAX),
            name if self.fields.len() < FIELDS_MAX => {
                self.fields.insert(name.to_owned(), cut(value, VALUE_CHARS_MAX));
            }
            _ => {}
        }
    }
}

impl Visit for Read {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        // Writing into a text does not fail.
        let _ = write!(text, "{value:?}");
        self.take(field, text);
    }
}

fn cut(text: String, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text,
        Some((at, _)) => text.get(..at).unwrap_or_default().to_owned() + "…",
    }
}
