//! Suites that any implementation of a port must pass; one macro line per implementation.
