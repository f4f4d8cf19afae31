//! What happens to a bot, told one thing after the other.

use rstest::rstest;

use super::super::{CloseCause, Effect, ErrorCode, Event, Reason, Status};
use super::{Bench, close, failed, open, seconds};
use crate::ids::ConnectionId;
use crate::rejected::Rejected;

const PUBLISH: Effect = Effect::Publish;

fn rotating(id: u64) -> Event {
    Event::Rotating { connection: ConnectionId(id) }
}

fn opened(id: u64) -> Event {
    Event::Opened { connection: ConnectionId(id) }
}

#[test]
fn enabling_opens_a_socket_and_the_first_frame_makes_it_a_connection() {
    let mut bench = Bench::new();
    assert_eq!(bench.tell(Event::Enabled), [open(1), PUBLISH]);
    assert_eq!(bench.channel.status(), Status::Disconnected);
    assert_eq!(bench.tell(opened(1)), []);
    assert_eq!(bench.channel.status(), Status::Disconnected, "open is not connected");
    assert_eq!(bench.heard(1), [PUBLISH]);
    assert_eq!(bench.channel.status(), Status::Connected);
    assert_eq!(bench.channel.connected_at(), Some(bench.now));
}

#[test]
fn a_wrong_secret_is_never_green_and_is_asked_again_slowly() {
    let mut bench = Bench::new();
    bench.tell(Event::Enabled);
    bench.closed(1, failed(ErrorCode::InvalidCredentials));
    assert_eq!(bench.channel.phase(), "refused");
    let mut pauses = Vec::new();
    for id in 2..7 {
        let (pause, effects) = bench.pass_to_deadline();
        assert_eq!(effects, [open(id), PUBLISH]);
        bench.closed(id, failed(ErrorCode::InvalidCredentials));
        pauses.push(pause);
    }
    assert!(pauses[0] >= seconds(60) && pauses[0] <= seconds(75), "{pauses:?}");
    assert!(pauses[4] >= seconds(240) && pauses[4] <= seconds(300), "{pauses:?}");
    assert_eq!(bench.channel.connected_at(), None);
}

#[test]
fn correcting_the_secret_connects_at_once_with_a_clean_slate() {
    let mut bench = Bench::new();
    bench.tell(Event::Enabled);
    bench.closed(1, failed(ErrorCode::InvalidCredentials));
    assert_eq!(bench.tell(Event::Edited), [open(2), PUBLISH]);
    assert_eq!(bench.channel.attempt(), 0);
    let last = bench.channel.last_error().expect("the error stays");
    assert_eq!(last.code, ErrorCode::InvalidCredentials);
}

#[test]
fn a_lost_connection_comes_back_after_growing_pauses_without_end() {
    let mut bench = Bench::connected();
    bench.closed(1, failed(ErrorCode::ConnectionLost));
    let mut pauses = Vec::new();
    for id in 2..30 {
        let (pause, effects) = bench.pass_to_deadline();
        assert_eq!(effects, [open(id), PUBLISH]);
        bench.closed(id, failed(ErrorCode::NetworkUnreachable));
        pauses.push(pause);
    }
    assert!(pauses[0] >= seconds(1) && pauses[0] < seconds(2), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= seconds(60)));
    assert!(pauses[27] >= seconds(48));
}

#[test]
fn a_minute_of_health_forgets_the_failures_before_and_less_does_not() {
    for (health, pause_max) in [(60, 2), (20, 70)] {
        let mut bench = Bench::new();
        bench.tell(Event::Enabled);
        for id in 1..8 {
            bench.closed(id, failed(ErrorCode::NetworkUnreachable));
            bench.pass_to_deadline();
        }
        bench.heard(8);
        for _tick in 0..health / 10 {
            bench.pass(seconds(10));
            bench.heard(8);
        }
        bench.closed(8, failed(ErrorCode::ConnectionLost));
        let (pause, _) = bench.pass_to_deadline();
        assert!(pause <= seconds(pause_max));
        assert_eq!(pause < seconds(2), health >= 60, "{pause:?} after {health} s");
    }
}

#[test]
fn a_half_open_socket_is_noticed_within_45_seconds_and_closed() {
    let mut bench = Bench::connected();
    assert_eq!(bench.channel.deadline().expect("watched").reason, Reason::Silence);
    let (silence, effects) = bench.pass_to_deadline();
    assert!(silence <= seconds(45));
    assert_eq!(effects, [close(1), PUBLISH]);
    assert_eq!(bench.channel.status(), Status::Disconnected);
    assert_eq!(bench.channel.last_error().expect("noted").code, ErrorCode::ConnectionLost);
}

#[test]
fn any_frame_keeps_the_watchdog_away_and_publishes_nothing() {
    let mut bench = Bench::connected();
    for _frame in 0..10 {
        bench.pass(seconds(39));
        assert_eq!(bench.heard(1), []);
    }
    assert_eq!(bench.channel.status(), Status::Connected);
}

#[test]
fn a_socket_that_never_proves_itself_is_closed_after_30_seconds() {
    for (open_first, code) in [(true, ErrorCode::PlatformError), (false, ErrorCode::NetworkUnreachable)] {
        let mut bench = Bench::new();
        bench.tell(Event::Enabled);
        if open_first {
            bench.tell(opened(1));
        }
        let (wait, effects) = bench.pass_to_deadline();
        assert_eq!((wait, effects), (seconds(30), vec![close(1), PUBLISH]));
        assert_eq!(bench.channel.phase(), "waiting");
        assert_eq!(bench.channel.last_error().expect("noted").code, code);
    }
}

#[test]
fn a_rotation_opens_the_new_socket_first_and_stays_green_throughout() {
    let mut bench = Bench::connected();
    let since = bench.channel.since();
    bench.pass(seconds(30));
    assert_eq!(bench.tell(rotating(1)), [open(2), PUBLISH]);
    assert_eq!(bench.channel.status(), Status::Connected);
    bench.tell(opened(2));
    assert_eq!(bench.heard(1), [], "the old one may still speak");
    assert_eq!(bench.heard(2), [close(1), PUBLISH]);
    assert_eq!((bench.channel.status(), bench.channel.since()), (Status::Connected, since));
    assert_eq!(bench.channel.connected_at(), Some(bench.now));
}

#[test]
fn a_late_close_of_the_old_socket_changes_nothing() {
    let mut bench = Bench::connected();
    bench.tell(rotating(1));
    bench.heard(2);
    let before = bench.channel.clone();
    for cause in [CloseCause::Clean, failed(ErrorCode::ConnectionLost)] {
        let late = bench.offer(Event::Closed { connection: ConnectionId(1), cause });
        assert!(matches!(late, Err(Rejected::Stale { .. })));
    }
    assert_eq!(bench.channel, before);
}

#[test]
fn the_old_socket_may_end_before_the_new_one_is_proven() {
    let mut bench = Bench::connected();
    bench.tell(rotating(1));
    assert_eq!(bench.closed(1, CloseCause::Clean), [PUBLISH]);
    assert_eq!((bench.channel.phase(), bench.channel.status()), ("connecting", Status::Disconnected));
    bench.heard(2);
    assert_eq!(bench.channel.status(), Status::Connected);
}

#[test]
fn a_failed_successor_is_tried_again_while_the_old_one_lives() {
    let mut bench = Bench::connected();
    bench.tell(rotating(1));
    bench.closed(2, failed(ErrorCode::NetworkUnreachable));
    assert_eq!(bench.channel.status(), Status::Disconnected, "nothing new comes over the old one");
    assert_eq!(bench.channel.last_error().expect("noted").code, ErrorCode::NetworkUnreachable);
    let (pause, effects) = bench.pass_to_deadline();
    assert!(pause <= seconds(3), "{pause:?}");
    assert_eq!(effects, [open(3), PUBLISH]);
    assert_eq!(bench.channel.status(), Status::Disconnected, "a late try is no proof");
    assert_eq!(bench.heard(3), [close(1), PUBLISH]);
    assert_eq!(bench.channel.status(), Status::Connected);
}

#[test]
fn an_old_socket_that_ends_while_its_successor_waits_leaves_the_pause() {
    let mut bench = Bench::connected();
    bench.tell(rotating(1));
    bench.closed(2, failed(ErrorCode::PermissionDenied));
    bench.closed(1, CloseCause::Clean);
    assert_eq!(bench.channel.phase(), "refused");
}

#[test]
fn a_platform_that_does_nothing_but_rotate_is_not_hammered() {
    let mut bench = Bench::connected();
    let mut id = 1;
    let mut at_once = 0;
    while bench.tell(rotating(id)).contains(&open(id + 1)) {
        id += 1;
        at_once += 1;
        bench.heard(id);
    }
    assert_eq!(at_once, super::super::AT_ONCE_MAX);
    assert_eq!(bench.channel.deadline().expect("a pause").reason, Reason::Retry);
}

/// A connected channel whose platform has rotated as often as is answered at once; the number of its socket.
fn rotated_often() -> (Bench, u64) {
    let mut bench = Bench::connected();
    let last = u64::from(super::super::AT_ONCE_MAX) + 1;
    for id in 1..last {
        assert_eq!(bench.tell(rotating(id)), [open(id + 1), PUBLISH]);
        bench.heard(id + 1);
    }
    (bench, last)
}

#[test]
fn a_rotation_never_waits_longer_than_its_cap_however_often_it_happens() {
    let (mut bench, first) = rotated_often();
    for id in first..first + 50 {
        bench.tell(rotating(id));
        let (pause, effects) = bench.pass_to_deadline();
        assert!(pause >= seconds(1) && pause <= super::super::ROTATION_PAUSE_MAX, "{id}: {pause:?}");
        assert_eq!(effects, [open(id + 1), PUBLISH]);
        assert_eq!(bench.heard(id + 1), [close(id), PUBLISH]);
        assert_eq!(bench.channel.status(), Status::Connected);
    }
    bench.closed(first + 50, failed(ErrorCode::ConnectionLost));
    assert!(bench.pass_to_deadline().0 <= seconds(10), "rotations are no failures");
}

#[test]
fn a_rotation_after_many_failures_waits_no_longer_than_its_cap() {
    let mut bench = Bench::new();
    bench.tell(Event::Enabled);
    for id in 1..9 {
        bench.closed(id, failed(ErrorCode::NetworkUnreachable));
        bench.pass_to_deadline();
    }
    bench.heard(9);
    bench.tell(rotating(9));
    assert!(bench.pass_to_deadline().0 <= super::super::ROTATION_PAUSE_MAX);
}

#[rstest]
#[case::in_time(false)]
#[case::after_the_old_one_closed(true)]
fn while_a_rotations_successor_waits_the_status_says_so(#[case] closed: bool) {
    let (mut bench, id) = rotated_often();
    assert_eq!(bench.tell(rotating(id)), [PUBLISH]);
    if closed {
        bench.closed(id, CloseCause::Clean);
    }
    let channel = &bench.channel;
    assert_eq!((channel.status(), channel.since()), (Status::Disconnected, bench.now));
    assert_eq!(channel.phase(), "waiting");
    assert_eq!(channel.attempt(), super::super::AT_ONCE_MAX);
    assert_eq!(channel.next_attempt_at(), channel.deadline().map(|deadline| deadline.at));
    assert!(channel.next_attempt_at().is_some());
    assert_eq!(channel.last_error().expect("noted").code, ErrorCode::ConnectionLost);
    bench.pass_to_deadline();
    assert_eq!((bench.channel.status(), bench.channel.next_attempt_at()), (Status::Disconnected, None));
    assert_eq!(bench.channel.phase(), "connecting");
    bench.heard(id + 1);
    assert_eq!((bench.channel.status(), bench.channel.attempt()), (Status::Connected, 0));
}

#[rstest]
#[case::announced(rotating(2))]
#[case::closed(Event::Closed { connection: ConnectionId(2), cause: CloseCause::Clean })]
fn a_successor_that_ends_in_good_order_before_its_proof_is_told_of(#[case] end: Event) {
    let mut bench = Bench::connected();
    bench.tell(rotating(1));
    bench.tell(end);
    assert_eq!(bench.channel.status(), Status::Disconnected);
    assert_eq!(bench.channel.last_error().expect("noted").code, ErrorCode::ConnectionLost);
}

#[test]
fn a_connection_ended_in_good_order_is_replaced_at_once() {
    let mut bench = Bench::connected();
    assert_eq!(bench.closed(1, CloseCause::Clean), [open(2), PUBLISH]);
}

#[rstest]
#[case(30, 30)]
#[case(3_600, 600)]
fn a_pause_the_platform_asks_for_is_kept_up_to_ten_minutes(#[case] asked: u64, #[case] kept: u64) {
    let mut bench = Bench::new();
    bench.tell(Event::Enabled);
    let cause = CloseCause::Failed {
        code: ErrorCode::RateLimited,
        detail: String::new(),
        retry_after: Some(seconds(asked)),
    };
    bench.closed(1, cause);
    assert_eq!(bench.pass_to_deadline().0, seconds(kept));
}

#[test]
fn a_lost_store_closes_the_sockets_and_its_return_connects_at_once() {
    let mut bench = Bench::connected();
    bench.tell(rotating(1));
    assert_eq!(bench.tell(Event::StoreLost), [close(1), close(2), PUBLISH]);
    assert_eq!(bench.channel.last_error().expect("noted").code, ErrorCode::StoreUnavailable);
    assert_eq!(bench.channel.deadline(), None);
    assert_eq!(bench.tell(Event::StoreBack), [open(3), PUBLISH]);
}

#[test]
fn a_channel_enabled_while_the_store_is_away_waits_for_it() {
    let mut bench = Bench::new();
    bench.tell(Event::StoreLost);
    assert_eq!(bench.tell(Event::Enabled), [PUBLISH]);
    assert_eq!(bench.channel.status(), Status::Disconnected);
    assert_eq!(bench.tell(Event::StoreBack), [open(1), PUBLISH]);
}

#[test]
fn an_exclusive_platform_belongs_to_one_replica_at_a_time() {
    let mut bench = Bench::new();
    bench.tell(Event::LeaseLost);
    assert_eq!(bench.tell(Event::Enabled), [PUBLISH]);
    assert_eq!(bench.channel.phase(), "standby");
    assert_eq!(bench.tell(Event::LeaseGained), [open(1), PUBLISH]);
    bench.heard(1);
    assert_eq!(bench.tell(Event::LeaseLost), [close(1), PUBLISH]);
    bench.tell(Event::StoreLost);
    bench.tell(Event::LeaseGained);
    assert_eq!(bench.channel.phase(), "store_lost");
}

#[test]
fn disabling_closes_everything_at_once_and_late_reports_are_stale() {
    let mut bench = Bench::connected();
    bench.tell(rotating(1));
    assert_eq!(bench.tell(Event::Disabled), [close(1), close(2), PUBLISH]);
    assert_eq!(bench.channel.status(), Status::Disabled);
    for event in [opened(2), Event::Heard { connection: ConnectionId(2) }, rotating(1)] {
        assert!(matches!(bench.offer(event), Err(Rejected::Stale { .. })));
    }
}

#[test]
fn a_restart_closes_everything_and_begins_anew_but_not_for_a_disabled_channel() {
    let mut bench = Bench::connected();
    bench.tell(rotating(1));
    assert_eq!(bench.tell(Event::RestartAsked), [close(1), close(2), open(3), PUBLISH]);
    bench.tell(Event::Disabled);
    let refused = bench.offer(Event::RestartAsked).expect_err("disabled");
    assert!(refused.is_alarm());
}

#[test]
fn a_shutdown_waits_for_the_sockets_but_not_for_ever() {
    let mut bench = Bench::connected();
    bench.tell(rotating(1));
    assert_eq!(bench.tell(Event::Drain), [close(1), close(2), PUBLISH]);
    bench.closed(2, CloseCause::Clean);
    assert!(!bench.channel.is_drained());
    let mut frozen = bench.clone();
    bench.closed(1, CloseCause::Clean);
    assert!(bench.channel.is_drained());
    frozen.pass_to_deadline();
    assert!(frozen.channel.is_drained());
    assert_eq!(frozen.channel.deadline(), None);
}

#[test]
fn a_note_shows_and_changes_nothing_else() {
    let mut bench = Bench::connected();
    let note = Event::Noted { code: ErrorCode::NoAgent, detail: "x".repeat(1000) };
    assert_eq!(bench.tell(note.clone()), [PUBLISH]);
    assert_eq!(bench.channel.status(), Status::Connected);
    assert_eq!(bench.channel.last_error().expect("noted").detail.len(), 300);
    bench.pass(seconds(1));
    assert_eq!(bench.tell(note), [], "the same again is news to nobody");
    assert_eq!(bench.channel.last_error().expect("noted").at, bench.now);
}

#[test]
fn after_a_long_sleep_all_that_is_due_is_done_at_once() {
    let mut bench = Bench::connected();
    bench.tell(rotating(1));
    let effects = bench.pass(seconds(100_000));
    assert_eq!(effects, [close(1), close(2), PUBLISH]);
    assert_eq!(bench.channel.phase(), "waiting");
}

#[test]
fn a_socket_that_was_never_opened_is_an_alarm() {
    let mut bench = Bench::connected();
    for id in [0, 2, 99] {
        let rejected = bench.offer(Event::Heard { connection: ConnectionId(id) }).expect_err("unknown");
        assert!(rejected.is_alarm(), "{id}");
    }
}
