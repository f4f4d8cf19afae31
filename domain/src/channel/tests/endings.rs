//! Connections that end in good order, too often.

use super::*;
use crate::channel::{AT_ONCE_MAX, HEALTHY_AFTER, Status};

/// A channel whose platform has closed as many connections in good order as are replaced at once; the number of the
/// socket that is being opened.
fn closed_often(prove: bool) -> (Bench, u64) {
    let mut bench = Bench::new();
    bench.tell(Event::Enabled);
    let last = u64::from(AT_ONCE_MAX) + 1;
    for id in 1..last {
        if prove {
            bench.heard(id);
        }
        assert!(bench.closed(id, CloseCause::Clean).contains(&open(id + 1)), "{id}");
        assert_eq!(bench.channel.last_error(), None, "nothing is wrong yet");
    }
    (bench, last)
}

#[test]
fn the_pause_after_many_clean_closes_has_a_name() {
    for prove in [false, true] {
        let (mut bench, id) = closed_often(prove);
        if prove {
            bench.heard(id);
        }
        bench.closed(id, CloseCause::Clean);
        assert_eq!((bench.channel.phase(), bench.channel.status()), ("waiting", Status::Disconnected));
        let error = bench.channel.last_error().expect("a pause has a reason");
        assert_eq!((error.code, error.at), (ErrorCode::ConnectionLost, bench.now));
        assert!(error.detail.contains("one after the other"), "{}", error.detail);
        let (_, effects) = bench.pass_to_deadline();
        assert!(effects.contains(&open(id + 1)), "it goes on by itself");
    }
}

#[test]
fn a_clean_close_after_a_healthy_while_begins_the_count_anew() {
    let (mut bench, id) = closed_often(true);
    bench.heard(id);
    let mut healthy = Duration::ZERO;
    while healthy < HEALTHY_AFTER {
        healthy += bench.pass_heard(id);
    }
    assert!(bench.closed(id, CloseCause::Clean).contains(&open(id + 1)));
    assert_eq!(bench.channel.last_error(), None);
}
