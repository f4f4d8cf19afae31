//! Suites that any implementation of a port must pass; one macro line per implementation.
//!
//! An implementation's tests write a [`Fixture`] and an async function that makes a fresh one, and then one line per
//! suite: `conversation_store_suite!(fresh)`. Each case becomes a test of its own, named as a sentence. The cases are
//! the contract: where the words of a port and its suite differ, one of them is wrong.
//!
//! [`Faulty`] wraps any conversation store and makes it fail in the ways that stores fail, [`FaultyAttachments`] any attachment store; [`generate`] and [`samples`]
//! make values of every variant.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "test code: a case fails by panicking"
)]

pub mod attachments;
pub mod audit;
pub mod budget;
mod clock;
pub mod conversations;
pub mod failures;
mod faulty;
mod faulty_attachments;
mod fixture;
pub mod generate;
pub mod journal;
pub mod messages;
pub mod registries;
pub mod replicas;
pub mod samples;
pub mod sessions;
pub mod tokens;
pub mod transcripts;
pub mod usage;
pub mod users;

pub use crate::store_set::Stores;
pub use clock::FakeClock;
pub use faulty::{Fate, Faulty, FaultyFixture, Verb};
pub use faulty_attachments::FaultyAttachments;
pub use fixture::Fixture;

/// One test per case, for the suites' own macros.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($fresh:path; $suite:tt; $($case:ident),+ $(,)?) => {
        $($crate::__conformance_case!($fresh; $suite; $case);)+
    };
}

/// One test; a macro of its own, because a suite's path cannot repeat inside the repetition of its cases.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_case {
    ($fresh:path; ($($suite:ident)::+); $case:ident) => {
        #[tokio::test]
        async fn $case() {
            $crate::conformance::$($suite)::+::$case($fresh().await).await;
        }
    };
}
