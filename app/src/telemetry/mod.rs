//! What the program tells about itself: logs on stderr, metrics for Prometheus.

pub mod lines;
pub mod logs;
pub mod metrics;
pub mod panics;
pub mod tally;
