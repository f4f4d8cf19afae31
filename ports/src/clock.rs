//! Time and chance, handed in.

use switchboard_domain::time::Timestamp;

/// What time it is. Pauses are taken with the async runtime's timers, so that tests run in virtual time.
pub trait Clock: Send + Sync {
    /// Wall clock at start plus the time since, on a clock that counts suspension (R16). Never goes backwards.
    fn now(&self) -> Timestamp;
}

/// Random numbers. Not for keys: those come from the operating system.
pub trait Entropy: Send + Sync {
    /// The next number, uniform over all values.
    fn next_u64(&self) -> u64;
}
