//! Times on the wire: RFC 3339, UTC, milliseconds.

use switchboard_domain::time::Timestamp;

/// A time as the API shows it: `2026-01-02T03:04:05.678Z`. Times beyond the calendar show its end.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let shown = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    format!("{shown:.3}")
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, rfc3339};

    #[test]
    fn times_have_milliseconds_and_end_in_z() {
        assert_eq!(rfc3339(Timestamp::from_millis(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(Timestamp::from_millis(1_767_323_045_678)), "2026-01-02T03:04:05.678Z");
        assert!(rfc3339(Timestamp::MAX).starts_with("9999-12-30T"));
    }
}
