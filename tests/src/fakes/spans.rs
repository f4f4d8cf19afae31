//! Takes the spans of traces, or does not.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use switchboard_domain::ids::ReplicaId;
use switchboard_ports::traces::{NotExported, Span, SpanExporter};

/// What it does with spans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Taking {
    /// Takes them.
    #[default]
    All,
    /// Says that it takes them later.
    Later,
    /// Says nothing at all.
    Hangs,
}

/// Whoever keeps traces.
#[derive(Clone, Default)]
pub struct FakeSpans {
    inner: Arc<Mutex<(Taking, Vec<Span>, usize)>>,
}

impl FakeSpans {
    /// Does this with spans from now on.
    pub fn take(&self, taking: Taking) {
        self.inner.lock().expect("spans").0 = taking;
    }

    /// What was taken so far.
    pub fn taken(&self) -> Vec<Span> {
        self.inner.lock().expect("spans").1.clone()
    }

    /// How often it was asked to take some.
    pub fn asked(&self) -> usize {
        self.inner.lock().expect("spans").2
    }
}

#[async_trait]
impl SpanExporter for FakeSpans {
    async fn export(&self, _replica: &ReplicaId, spans: &[Span]) -> Result<(), NotExported> {
        let taking = {
            let mut inner = self.inner.lock().expect("spans");
            inner.2 += 1;
            if inner.0 == Taking::All {
                inner.1.extend_from_slice(spans);
            }
            inner.0.clone()
        };
        match taking {
            Taking::All => Ok(()),
            Taking::Later => Err(NotExported::Later { why: "not now".to_owned(), pause: None }),
            Taking::Hangs => std::future::pending().await,
        }
    }
}
