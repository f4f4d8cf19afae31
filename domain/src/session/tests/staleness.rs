//! Messages that are old when their turn comes.

use std::time::Duration;

use super::super::{Effect, Event, Finish, Hold, Say, Taken};
use super::{Bench, asked, ended, rules};
use crate::ids::Seq;
use crate::inbox::Control;
use crate::outcome::{FailureCause, Outcome};
use crate::settings::Stale;

const AGE: Duration = Duration::from_hours(3);
const STALE: Outcome = Outcome::Failed(FailureCause::Stale);

/// A session that has these messages in its inbox, each taken in at the same time and [`AGE`] old.
fn woken(stale: Stale, resumed: bool, messages: u64) -> (Bench, super::Effects) {
    let mut rules = rules();
    rules.conversation.stale = stale;
    let mut bench = Bench::with(rules);
    bench.tell(Event::Held(Hold::Loading));
    let written_at = bench.now;
    bench.now = bench.now.after(AGE);
    for seq in 1..=messages {
        let (seq, accepted_at) = (Seq(seq), bench.now);
        bench.tell(Event::Taken { seq, kind: Taken::Ask, accepted_at, written_at, resumed });
    }
    let effects = bench.tell(Event::Released(Hold::Loading));
    (bench, effects)
}

fn said(effects: &super::Effects) -> usize {
    effects.list.iter().filter(|effect| matches!(effect, Effect::Say { what: Say::Stale, .. })).count()
}

#[test]
fn an_old_message_is_answered_below_a_line_that_says_so() {
    let (_, effects) = woken(Stale::Note, false, 1);
    assert_eq!(effects.list[0], Effect::Open { seq: Seq(1), attempt: 0, resumed: false, late: Some(AGE) });
    assert_eq!(asked(&effects), [Seq(1)]);
}

#[test]
fn an_old_message_is_answered_like_any_other_where_nobody_minds() {
    for (stale, after) in [(Stale::Answer, Duration::from_hours(1)), (Stale::Skip, Duration::ZERO)] {
        let mut rules = rules();
        rules.conversation.stale = stale;
        rules.conversation.stale_after = after;
        let mut bench = Bench::with(rules);
        let written_at = bench.now;
        bench.now = bench.now.after(AGE);
        let (seq, accepted_at) = (Seq(1), bench.now);
        let effects =
            bench.tell(Event::Taken { seq, kind: Taken::Ask, accepted_at, written_at, resumed: false });
        assert_eq!(effects.list[0], Effect::Open { seq, attempt: 0, resumed: false, late: None });
    }
}

#[test]
fn a_message_exactly_as_old_as_allowed_is_not_stale() {
    let mut bench = Bench::new();
    let written_at = bench.now;
    bench.now = bench.now.after(bench.session.rules.conversation.stale_after);
    let (seq, accepted_at) = (Seq(1), bench.now);
    let effects = bench.tell(Event::Taken { seq, kind: Taken::Ask, accepted_at, written_at, resumed: false });
    assert_eq!(effects.list[0], Effect::Open { seq, attempt: 0, resumed: false, late: None });
}

#[test]
fn messages_skipped_together_are_all_recorded_and_their_author_is_told_once() {
    let (mut bench, effects) = woken(Stale::Skip, false, 5);
    assert_eq!(ended(&effects), (1..=5).map(|seq| (Seq(seq), STALE)).collect::<Vec<_>>());
    assert_eq!((said(&effects), asked(&effects)), (1, vec![]));
    assert!(bench.session.is_at_rest());

    // What is written now is answered; what is stale after it is told about again.
    let effects = bench.ask(6);
    assert_eq!(asked(&effects), [Seq(6)]);
    bench.tell(super::completed(bench.session.running().unwrap().1.0));
    let (seq, accepted_at) = (Seq(7), bench.now);
    let written_at = super::START;
    let effects = bench.tell(Event::Taken { seq, kind: Taken::Ask, accepted_at, written_at, resumed: false });
    assert_eq!((ended(&effects), said(&effects)), (vec![(seq, STALE)], 1));
}

#[test]
fn a_skipped_message_whose_card_may_stand_open_has_it_closed_with_the_sentence() {
    let (bench, effects) = woken(Stale::Skip, true, 2);
    assert_eq!(effects.list[0], Effect::Open { seq: Seq(1), attempt: 0, resumed: true, late: None });
    assert!(matches!(
        effects.list[1],
        Effect::Finish { seq: Seq(1), how: Finish::Failed(FailureCause::Stale), .. }
    ));
    assert_eq!(ended(&effects), [(Seq(1), STALE), (Seq(2), STALE)]);
    assert_eq!((said(&effects), asked(&effects)), (0, vec![]), "the card says it");
    assert!(bench.session.attempts().is_none());
}

#[test]
fn a_turn_that_was_parked_keeps_its_age() {
    let mut bench = Bench::running();
    bench.tell(Event::Parked);
    bench.now = bench.now.after(AGE);
    bench.command(2, Control::Help);
    let effects = bench.tell(Event::Released(Hold::Stopping));
    let open = Effect::Open { seq: Seq(1), attempt: 0, resumed: true, late: Some(AGE) };
    assert!(effects.list.contains(&open), "{:?}", effects.list);
}
