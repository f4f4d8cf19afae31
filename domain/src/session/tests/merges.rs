//! Messages that come right after each other.

use std::time::Duration;

use super::super::{Effect, Effects, Event, Finish, Hold, Rules, Say, Taken};
use super::{Bench, asked, completed, ended, rules};
use crate::ids::{Epoch, Seq};
use crate::inbox::Control;
use crate::outcome::Outcome;
use crate::settings::{Busy, ConversationSettings};

const WINDOW: Duration = Duration::from_secs(2);

fn bench(busy: Busy) -> Bench {
    let conversation = ConversationSettings { merge_window: WINDOW, busy, ..rules().conversation };
    Bench::with(Rules { conversation, ..rules() })
}

fn more(bench: &mut Bench, seq: u64) -> Effects {
    bench.take(seq, Taken::More, false)
}

fn joins(effects: &Effects) -> Vec<(u64, u64)> {
    let of =
        |effect: &Effect| if let Effect::Join { seq, with } = effect { Some((seq.0, with.0)) } else { None };
    effects.list.iter().filter_map(of).collect()
}

#[test]
fn a_burst_is_one_turn_that_begins_when_no_more_comes() {
    let mut bench = bench(Busy::Queue);
    assert_eq!(bench.ask(1).list, []);
    assert_eq!(bench.pass(WINDOW / 2).list, []);
    assert_eq!(more(&mut bench, 2).list, []);
    assert_eq!(bench.pass(WINDOW / 2).list, []);
    let effects = bench.pass(WINDOW / 2);
    assert_eq!((joins(&effects), asked(&effects)), (vec![(1, 2)], vec![Seq(1)]));
}

#[test]
fn what_comes_too_late_or_belongs_to_nothing_is_a_turn_of_its_own() {
    let mut bench = bench(Busy::Queue);
    bench.ask(1);
    assert_eq!(asked(&bench.pass_to_deadline()), [Seq(1)]);
    more(&mut bench, 2);
    bench.ask(3);
    more(&mut bench, 4);
    assert_eq!([2, 3, 4].map(|seq| bench.session.place(Seq(seq))), [Some(1), Some(2), Some(2)]);
    bench.pass(WINDOW);
    let effects = bench.tell(completed(1));
    assert_eq!((joins(&effects), asked(&effects)), (vec![], vec![Seq(2)]));
    let effects = bench.tell(completed(2));
    assert_eq!((joins(&effects), asked(&effects)), (vec![(3, 4)], vec![Seq(3)]));
}

#[test]
fn a_message_never_waits_longer_than_the_window_whatever_the_clocks_say() {
    let mut bench = bench(Busy::Queue);
    let late = bench.now.after(Duration::from_hours(1));
    let taken =
        Event::Taken { seq: Seq(1), kind: Taken::Ask, accepted_at: late, written_at: late, resumed: false };
    bench.tell(taken);
    assert_eq!(bench.session.deadline().map(|it| it.at), Some(bench.now.after(WINDOW)));
}

#[test]
fn a_burst_that_was_begun_before_a_crash_is_begun_again_at_once_and_whole() {
    let before = bench(Busy::Queue);
    let mut bench = before.restarted();
    bench.tell(Event::Held(Hold::Loading));
    bench.take(1, Taken::Ask, true);
    bench.take(2, Taken::More, true);
    bench.pass(WINDOW);
    let effects = bench.tell(Event::Released(Hold::Loading));
    assert_eq!((joins(&effects), asked(&effects)), (vec![(1, 2)], vec![Seq(1)]));
}

#[test]
fn a_run_that_goes_on_upstream_ends_with_those_it_was_asked_with() {
    let mut bench = bench(Busy::Queue);
    bench.ask(1);
    more(&mut bench, 2);
    bench.pass_to_deadline();
    bench.tell(Event::Started { epoch: Epoch(1), handle: Some("run".into()), continuation: None });
    for _crash in 0..2 {
        bench = bench.restarted();
        bench.tell(Event::Held(Hold::Loading));
        bench.take(1, Taken::Ask, true);
        for late in 2..=4 {
            bench.take(late, Taken::More, true);
        }
        bench.pass(WINDOW);
        let effects = bench.tell(Event::Released(Hold::Loading));
        assert_eq!((joins(&effects), asked(&effects)), (vec![(1, 2)], vec![Seq(1)]));
        assert_eq!(bench.session.resume(), Some("run"));
        assert_eq!([3, 4].map(|seq| bench.session.place(Seq(seq))), [Some(1), Some(1)]);
    }
    let effects = bench.tell(completed(3));
    assert_eq!((joins(&effects), asked(&effects)), (vec![(3, 4)], vec![Seq(3)]));
}

#[test]
fn stopping_a_burst_that_was_begun_before_a_crash_ends_all_of_it() {
    let mut bench = bench(Busy::Queue).restarted();
    bench.tell(Event::Held(Hold::Loading));
    bench.take(1, Taken::Ask, true);
    bench.take(2, Taken::More, true);
    let effects = bench.command(3, Control::Stop { all: false });
    assert_eq!(joins(&effects), [(1, 2)]);
    assert!(
        effects.list.iter().any(|it| matches!(it, Effect::Finish { seq: Seq(1), how: Finish::Stopped, .. }))
    );
    assert_eq!(ended(&effects), [(Seq(1), Outcome::Cancelled), (Seq(3), Outcome::Answered)]);
    assert!(bench.session.is_at_rest());
}

#[test]
fn a_stop_withdraws_what_has_not_begun_yet_and_leaves_other_messages() {
    let mut bench = bench(Busy::Queue);
    bench.ask(1);
    more(&mut bench, 2);
    bench.ask(3);
    let effects = bench.command(4, Control::Stop { all: false });
    let cancelled = |seq| (Seq(seq), Outcome::Cancelled);
    assert_eq!(ended(&effects), [cancelled(1), cancelled(2), (Seq(4), Outcome::Answered)]);
    assert!(effects.list.iter().any(|it| matches!(it, Effect::Say { what: Say::Withdrawn(2), .. })));
    assert_eq!(asked(&bench.pass(WINDOW)), [Seq(3)]);
}

#[test]
fn a_newer_burst_interrupts_once_and_a_busy_one_is_rejected() {
    let mut interrupted = bench(Busy::Interrupt);
    interrupted.ask(1);
    interrupted.pass_to_deadline();
    assert_eq!(ended(&interrupted.ask(2)), [(Seq(1), Outcome::Cancelled)]);
    assert_eq!(ended(&more(&mut interrupted, 3)), []);
    interrupted.tell(Event::Closed { epoch: Epoch(1) });
    let effects = interrupted.pass(WINDOW);
    assert_eq!((joins(&effects), asked(&effects)), (vec![(2, 3)], vec![Seq(2)]));

    let mut rejected = bench(Busy::Reject);
    rejected.ask(1);
    assert_eq!(ended(&more(&mut rejected, 2)), [], "nothing runs yet");
    rejected.pass_to_deadline();
    for seq in [3, 4] {
        assert!(matches!(ended(&more(&mut rejected, seq))[..], [(_, Outcome::Refused(_))]));
    }
}

#[test]
fn nothing_begins_while_the_channel_is_disabled_and_all_of_it_after() {
    let mut bench = bench(Busy::Queue);
    bench.ask(1);
    bench.tell(Event::Held(Hold::Disabled));
    more(&mut bench, 2);
    assert_eq!(bench.session.deadline(), None);
    bench.pass(WINDOW);
    assert_eq!(joins(&bench.tell(Event::Released(Hold::Disabled))), [(1, 2)]);
}

#[test]
fn new_drops_what_has_not_begun() {
    let mut bench = bench(Busy::Queue);
    bench.ask(1);
    more(&mut bench, 2);
    let effects = bench.command(3, Control::New);
    assert_eq!(ended(&effects).len(), 3);
    assert_eq!(bench.session.deadline(), None);
}
