//! Tables of what is an eviction and what is not, and laws for any lives.

use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;
use rstest::rstest;

use super::{
    CLOCKS_DIFFER_MAX, EVICTIONS_MIN, LIVES_MAX, Life, Lives, SIDE_BY_SIDE_MAX, WATCHED_FOR,
    closes_the_older, taken,
};
use crate::channel::{Channel, CloseCause, ErrorCode, Event};
use crate::ids::ConnectionId;
use crate::time::Timestamp;

const START: u64 = 1_000_000;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

/// A connection that was taken.
fn gone(opened: u64, ended: u64) -> Life {
    Life { opened_at: at(opened), ended_at: Some(at(ended)), was_taken: true }
}

/// A connection that we closed.
fn left(opened: u64, ended: u64) -> Life {
    Life { was_taken: false, ..gone(opened, ended) }
}

/// A connection that is open.
fn open(opened: u64) -> Life {
    Life { opened_at: at(opened), ended_at: None, was_taken: false }
}

fn judged(replicas: &[Vec<Life>], now: u64) -> bool {
    let replicas: Vec<_> = replicas.iter().map(Vec::as_slice).collect();
    closes_the_older(&replicas, at(now))
}

#[rstest]
#[case::each_comes_back_and_ends_the_other(
    vec![vec![gone(0, 60_000), gone(61_000, 62_300), open(64_400)],
         vec![gone(60_000, 61_000), gone(62_300, 64_400)]], 64_500)]
#[case::notices_of_the_end_come_before_the_proof_of_the_other(
    vec![vec![gone(0, 59_990), gone(61_000, 62_290)], vec![gone(60_000, 60_985), open(62_300)]], 62_400)]
#[case::clocks_differ_by_four_tenths_of_a_second(
    vec![vec![gone(0, 60_000), gone(61_000, 62_300)], vec![gone(60_400, 61_400), open(62_700)]], 62_800)]
#[case::three_replicas_in_turn(
    vec![vec![gone(0, 10_000), open(13_000)], vec![gone(10_000, 11_500)], vec![gone(11_500, 13_000)]], 13_100)]
#[case::after_years_of_peace_an_old_fault_does_not_hide_it(
    vec![vec![gone(0, 5_000), gone(20_000, 60_000), gone(61_000, 62_300)], vec![gone(60_000, 61_000), open(62_300)]],
    62_400)]
#[case::the_pause_before_coming_back_has_grown(
    vec![vec![gone(0, 10_000), gone(40_000, 90_000)], vec![gone(10_000, 40_000), open(90_000)]], 90_100)]
fn the_older_one_is_closed(#[case] replicas: Vec<Vec<Life>>, #[case] now: u64) {
    assert!(judged(&replicas, now));
}

#[rstest]
#[case::nothing_happened(vec![vec![open(0)], vec![open(100)]], 60_000)]
#[case::two_evictions_are_too_few(
    vec![vec![gone(0, 60_000), open(61_000)], vec![gone(60_000, 61_000)]], 61_100)]
#[case::alone_there_is_nobody_to_be_evicted_by(
    vec![vec![gone(0, 60_000), gone(61_000, 62_000), gone(64_000, 66_000), open(70_000)]], 70_100)]
#[case::the_platform_ends_all_at_once_again_and_again(
    vec![vec![gone(0, 9_000), gone(10_000, 12_000), gone(14_000, 15_000), open(16_100)],
         vec![gone(0, 9_000), gone(10_100, 12_010), gone(14_050, 15_010), open(16_200)]], 17_000)]
#[case::the_platform_rotates_all_at_once_and_each_is_replaced_at_once(
    vec![vec![gone(0, 3_000), gone(3_050, 6_000), gone(6_050, 9_000), open(9_050)],
         vec![gone(0, 3_000), gone(3_060, 6_000), gone(6_060, 9_000), open(9_060)]], 9_100)]
#[case::rotations_at_their_own_times(
    vec![vec![gone(0, 100_000), gone(100_050, 200_000), open(200_050)],
         vec![gone(0, 101_000), gone(101_050, 201_000), open(201_050)]], 202_000)]
#[case::one_of_two_flaps(
    vec![vec![gone(0, 5_000), gone(6_000, 8_000), gone(10_000, 12_000), open(15_000)], vec![open(4_500)]], 16_000)]
#[case::they_have_lived_side_by_side_since(
    vec![vec![gone(0, 60_000), gone(61_000, 62_300), open(64_400)], vec![gone(60_000, 61_000), open(62_300)]],
    70_000)]
#[case::the_others_came_and_went_by_themselves(
    vec![vec![left(0, 60_000), left(61_000, 62_300), open(64_400)], vec![left(60_000, 61_000), left(62_300, 64_400)]],
    64_500)]
#[case::only_one_is_ever_taken(
    vec![vec![gone(0, 10_000), gone(11_000, 13_000), gone(15_000, 18_000)],
         vec![left(10_000, 10_900), left(13_000, 14_900), open(18_000)]], 18_100)]
#[case::one_in_between_was_taken_for_another_reason(
    vec![vec![gone(0, 60_000), gone(61_000, 62_300), gone(70_000, 75_000)],
         vec![gone(60_000, 61_000), gone(62_300, 64_000), open(75_000)]], 75_100)]
#[case::nobody_came_up_when_it_was_taken(
    vec![vec![gone(0, 60_000), gone(67_000, 69_000)], vec![gone(63_000, 66_000), open(72_000)]], 72_100)]
fn the_older_one_is_not_closed(#[case] replicas: Vec<Vec<Life>>, #[case] now: u64) {
    assert!(!judged(&replicas, now));
}

#[test]
fn what_is_long_ago_does_not_count() {
    let replicas = [vec![gone(0, 60_000), gone(61_000, 62_300)], vec![gone(60_000, 61_000)]];
    let with_next = |now| {
        let mut replicas = replicas.clone();
        replicas[1].push(open(62_300));
        judged(&replicas, now)
    };
    assert!(with_next(62_400));
    let watched = u64::try_from(WATCHED_FOR.as_millis()).unwrap();
    assert!(with_next(60_000 + watched));
    assert!(!with_next(60_001 + watched));
}

/// A platform that keeps the newest connection only, and replicas that come back after pauses of a second and more.
fn evicting(pauses: &[(u64, u64)], skews: &[i64]) -> Vec<Vec<Life>> {
    let mut replicas: Vec<Vec<Life>> = skews.iter().map(|_| Vec::new()).collect();
    let by = |replica: usize, millis: u64| {
        Timestamp::from_millis((START + millis).checked_add_signed(skews[replica]).unwrap())
    };
    let mut now = 10_000;
    let mut holder: Option<usize> = None;
    for (turn, (pause, delay)) in pauses.iter().enumerate() {
        let next = turn % skews.len();
        now += pause;
        replicas[next].push(Life { opened_at: by(next, now), ended_at: None, was_taken: false });
        if let Some(life) = holder.and_then(|holder| replicas[holder].last_mut()) {
            (life.ended_at, life.was_taken) = (Some(by(holder.unwrap(), now + delay)), true);
        }
        holder = Some(next);
    }
    replicas
}

/// Any lives at all, which need not make sense.
fn any_lives() -> impl Strategy<Value = Vec<Vec<Life>>> {
    let life = (0_u64..60_000, 0_u64..20_000, any::<bool>(), any::<bool>()).prop_map(
        |(opened, long, was_taken, ended)| Life {
            opened_at: at(opened),
            ended_at: (was_taken || ended).then(|| at(opened + long)),
            was_taken,
        },
    );
    prop::collection::vec(prop::collection::vec(life, 0..LIVES_MAX), 0..5)
}

proptest! {
    #[test]
    fn a_platform_that_closes_the_older_one_is_found_by_its_third_eviction(
        pauses in prop::collection::vec((1_000_u64..45_000, 0_u64..400), EVICTIONS_MIN + 1..9),
        skews in prop::collection::vec(-50_i64..50, 2..4),
    ) {
        let replicas = evicting(&pauses, &skews);
        let now = pauses.iter().map(|(pause, _)| pause).sum::<u64>() + 10_500;
        prop_assert!(judged(&replicas, now), "{replicas:#?}");
    }

    #[test]
    fn whatever_was_before_connections_side_by_side_prove_that_both_are_wanted(mut replicas in any_lives()) {
        let late = 100_000;
        replicas.push(alloc::vec![open(late)]);
        replicas.push(alloc::vec![open(late)]);
        let moment = u64::try_from(SIDE_BY_SIDE_MAX.as_millis()).unwrap();
        prop_assert!(!judged(&replicas, late + moment + 1));
    }

    #[test]
    fn a_fault_that_ends_all_at_once_is_no_eviction(
        faults in prop::collection::vec((2_000_u64..20_000, 1_000_u64..1_900, 1_000_u64..1_900, 0_u64..400), 3..8),
    ) {
        let mut replicas = [Vec::new(), Vec::new()];
        let mut now = 0;
        let mut opened = [0, 0];
        for (lived, first, second, apart) in faults {
            now += lived;
            replicas[0].push(gone(opened[0], now));
            replicas[1].push(gone(opened[1], now + apart));
            opened = [now + first, now + apart + second];
        }
        prop_assert!(!judged(&replicas, now + 2_500));
    }

    #[test]
    fn in_whatever_order_replicas_are_listed_and_wherever_time_begins_it_is_the_same(
        replicas in any_lives(), later in 0_u64..1_000_000,
    ) {
        let now = 80_000;
        let moved: Vec<Vec<Life>> = replicas.iter().rev().map(|lives| {
            lives.iter().map(|life| Life {
                opened_at: life.opened_at.after(Duration::from_millis(later)),
                ended_at: life.ended_at.map(|at| at.after(Duration::from_millis(later))),
                ..*life
            }).collect()
        }).collect();
        // Where two were taken in the same millisecond, which one was the last is told by their order.
        let mut ends: Vec<_> = replicas.iter().flatten().filter_map(|life| life.ended_at).collect();
        ends.sort();
        prop_assume!(ends.windows(2).all(|two| two[0] != two[1]));
        prop_assert_eq!(judged(&replicas, now), judged(&moved, now + later));
    }
}

#[test]
fn clocks_that_differ_by_more_than_the_shortest_pause_could_not_be_told_from_a_common_fault() {
    assert!(CLOCKS_DIFFER_MAX < Duration::from_secs(1));
}

struct Watched {
    channel: Channel,
    lives: Lives,
    now: Timestamp,
}

impl Watched {
    fn tell(&mut self, event: Event) {
        self.now = self.now.after(Duration::from_millis(10));
        let taken = taken(&event);
        let _ = self.channel.apply(event, self.now);
        self.lives.follow(&self.channel, taken, self.now);
    }

    fn connected(&mut self, connection: u64) {
        let connection = ConnectionId(connection);
        self.tell(Event::Opened { connection });
        self.tell(Event::Heard { connection });
        assert_eq!(self.channel.proven(), Some(connection));
    }

    fn taken(&self) -> Vec<(bool, bool)> {
        self.lives.all().iter().map(|life| (life.ended_at.is_some(), life.was_taken)).collect()
    }
}

fn watched() -> Watched {
    let mut watched = Watched { channel: Channel::new(7, at(0)), lives: Lives::default(), now: at(0) };
    watched.tell(Event::Enabled);
    watched.connected(1);
    watched
}

fn closed(connection: u64, cause: CloseCause) -> Event {
    Event::Closed { connection: ConnectionId(connection), cause }
}

fn broken() -> CloseCause {
    CloseCause::Failed { code: ErrorCode::ConnectionLost, detail: "1001".into(), retry_after: None }
}

#[test]
fn a_connection_that_is_closed_on_us_was_taken() {
    let mut watched = watched();
    assert_eq!(watched.taken(), [(false, false)]);
    watched.tell(closed(1, broken()));
    assert_eq!(watched.taken(), [(true, true)]);
    assert!(!watched.lives.are_suspicious(watched.now));
    watched.now = watched.channel.deadline().unwrap().at;
    watched.channel.expire(watched.now);
    watched.connected(2);
    watched.tell(closed(2, broken()));
    assert_eq!(watched.taken(), [(true, true), (true, true)]);
    assert!(watched.lives.are_suspicious(watched.now));
    watched.lives.forget();
    assert_eq!(watched.taken(), []);
}

#[test]
fn one_that_is_announced_to_end_is_over_at_that_moment_and_its_successor_is_another_life() {
    let mut watched = watched();
    watched.tell(Event::Rotating { connection: ConnectionId(1) });
    let announced = watched.now;
    watched.connected(2);
    watched.tell(closed(1, CloseCause::Clean));
    assert_eq!(watched.taken(), [(true, true), (false, false)]);
    assert_eq!(watched.lives.all()[0].ended_at, Some(announced));
}

#[rstest]
#[case(Event::Disabled)]
#[case(Event::RestartAsked)]
#[case(Event::LeaseLost)]
#[case(Event::StoreLost)]
#[case(Event::Drain)]
#[case(closed(1, CloseCause::Clean))]
#[case(closed(1, CloseCause::Failed {
    code: ErrorCode::PermissionDenied, detail: String::new(), retry_after: None
}))]
fn what_ends_in_another_way_was_not_taken(#[case] event: Event) {
    let mut watched = watched();
    watched.tell(event);
    assert_eq!(watched.taken(), [(true, false)]);
}

#[test]
fn only_the_newest_lives_are_remembered() {
    let mut watched = watched();
    for connection in 1..20 {
        watched.tell(Event::RestartAsked);
        watched.connected(connection + 1);
    }
    assert_eq!(watched.lives.all().len(), LIVES_MAX);
    assert_eq!(watched.lives.all()[LIVES_MAX - 1].ended_at, None);
}
