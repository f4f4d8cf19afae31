//! Metrics as numbers that a test can read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// Counts what is counted, by name and labels; remembers the names of everything else.
#[derive(Debug, Default)]
pub struct Counters {
    values: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
}

impl Counters {
    /// The sum of all counters of this name with these labels among theirs (`kind=illegal`).
    pub fn sum(&self, name: &str, labels: &[&str]) -> u64 {
        let values = self.values.lock().expect("counters");
        let of_name = values.iter().filter(|(key, _)| key.split(' ').next() == Some(name));
        of_name
            .filter(|(key, _)| labels.iter().all(|label| key.split(' ').any(|part| part == *label)))
            .map(|(_, value)| value.load(Ordering::Relaxed))
            .sum()
    }

    /// The names of all metrics that were ever touched.
    pub fn names(&self) -> Vec<String> {
        let values = self.values.lock().expect("counters");
        let mut names: Vec<_> =
            values.keys().filter_map(|key| key.split(' ').next()).map(str::to_owned).collect();
        names.dedup();
        names
    }

    fn value(&self, key: &Key) -> Arc<AtomicU64> {
        let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
        let name = std::iter::once(key.name().to_owned()).chain(labels).collect();
        Arc::clone(self.values.lock().expect("counters").entry(name).or_default())
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn describe_gauge(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn describe_histogram(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.value(key))
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        self.value(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        self.value(key);
        Histogram::noop()
    }
}
