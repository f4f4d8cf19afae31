//! Tests that look inside the file store.
