//! What holds for every run of a session.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::super::{Effect, Effects, Event, Hold, Reason, Session, Taken};
use super::{Bench, rules};
use crate::ids::{Epoch, Seq};
use crate::inbox::{Control, INBOX_ENTRIES_MAX, Origin};
use crate::outcome::{AgentFailure, AgentFailureKind, Outcome, Refusal, RunFailure};
use crate::settings::{Busy, Stale};
use crate::time::Timestamp;

#[derive(Debug, Clone)]
enum Step {
    /// Something of the inbox, so many places behind the last one taken; nought is one taken before.
    Take(u64, Taken, bool),
    /// Something of a run, so many epochs before the newest.
    Run(u64, Said),
    /// Something of a run there never was.
    Invented(Said),
    Held(Hold),
    Released(Hold),
    Parked,
    Configure(Busy, Duration, Stale),
    Restart,
    Pass(Duration),
    Stall(Duration),
    ToDeadline,
}

#[derive(Debug, Clone)]
enum Said {
    Started(bool),
    Heard(usize),
    Completed,
    Failed(RunFailure, bool),
    Closed,
}

impl Said {
    fn of(self, epoch: Epoch) -> Event {
        match self {
            Self::Started(pollable) => Event::Started {
                epoch,
                handle: pollable.then(|| format!("run {epoch}")),
                continuation: pollable.then(|| format!("place {epoch}")),
            },
            Self::Heard(chars) => Event::Heard { epoch, chars },
            Self::Completed => Event::Completed { epoch, continuation: Some("there".into()), cut: None },
            Self::Failed(failure, shown) => Event::Failed { epoch, failure, shown },
            Self::Closed => Event::Closed { epoch },
        }
    }
}

fn any_taken() -> impl Strategy<Value = Taken> {
    let control = prop_oneof![
        Just(Control::New),
        Just(Control::Stop { all: false }),
        Just(Control::Stop { all: true }),
        (1_u64..20).prop_map(|seq| Control::StopAnswer { seq: Seq(seq) }),
        Just(Control::Help),
        Just(Control::Withdraw),
    ];
    prop_oneof![
        6 => Just(Taken::Ask),
        4 => Just(Taken::More),
        1 => Just(Taken::AskedAgain),
        1 => Just(Taken::Deliver),
        3 => (control, prop_oneof![Just(Origin::Chat), Just(Origin::Api)])
            .prop_map(|(control, origin)| Taken::Control(control, origin)),
        2 => any::<bool>().prop_map(|switches| Taken::Lookup { switches }),
        1 => Just(Taken::Refused(Refusal::Unsupported)),
    ]
}

fn any_said() -> impl Strategy<Value = Said> {
    let pause = prop::option::of((0..60_000_u64).prop_map(Duration::from_millis));
    let failure = prop_oneof![
        4 => (prop::sample::select(AgentFailureKind::ALL.to_vec()), pause)
            .prop_map(|(kind, retry_after)| RunFailure::Agent(AgentFailure { kind, retry_after })),
        1 => Just(RunFailure::UserLookup),
        1 => Just(RunFailure::Refused(Refusal::NotMapped)),
    ];
    prop_oneof![
        2 => any::<bool>().prop_map(Said::Started),
        4 => (0..110_usize).prop_map(Said::Heard),
        3 => Just(Said::Completed),
        3 => (failure, any::<bool>()).prop_map(|(failure, shown)| Said::Failed(failure, shown)),
        3 => Just(Said::Closed),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let hold =
        prop_oneof![Just(Hold::Loading), Just(Hold::Disabled), Just(Hold::Stopping), Just(Hold::Replies),];
    let behind = prop_oneof![1 => Just(0_u64), 8 => Just(1), 1 => 2..5_u64];
    let back = prop_oneof![6 => Just(0_u64), 3 => Just(1), 1 => 2..6_u64];
    let busy = prop_oneof![Just(Busy::Queue), Just(Busy::Interrupt), Just(Busy::Reject)];
    let stale = prop_oneof![Just(Stale::Answer), Just(Stale::Note), Just(Stale::Skip)];
    let idle = prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(5)), Just(Duration::from_hours(1))];
    prop_oneof![
        8 => (behind, any_taken(), any::<bool>()).prop_map(|(behind, kind, resumed)| Step::Take(behind, kind, resumed)),
        10 => (back, any_said()).prop_map(|(back, said)| Step::Run(back, said)),
        1 => any_said().prop_map(Step::Invented),
        1 => hold.clone().prop_map(Step::Held),
        2 => hold.prop_map(Step::Released),
        1 => Just(Step::Parked),
        1 => (busy, idle, stale).prop_map(|(busy, idle, stale)| Step::Configure(busy, idle, stale)),
        1 => Just(Step::Restart),
        2 => (0..4_000_000_u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        1 => (0..4_000_000_u64).prop_map(|millis| Step::Stall(Duration::from_millis(millis))),
        3 => Just(Step::ToDeadline),
    ]
}

/// The session as somebody outside sees it.
#[derive(Debug, Default)]
struct Outside {
    taken: BTreeSet<Seq>,
    opened: BTreeSet<Seq>,
    finished: BTreeSet<Seq>,
    ended: BTreeMap<Seq, Outcome>,
    /// Those whose words went with another's, until that one ends.
    joined: BTreeMap<Seq, Vec<Seq>>,
    epoch: Epoch,
}

impl Outside {
    fn see(&mut self, effects: &Effects) {
        for effect in &effects.list {
            match effect {
                Effect::Open { seq, .. } => drop(self.opened.insert(*seq)),
                Effect::Ask { seq, epoch } => {
                    assert!(self.opened.contains(seq), "{seq} is asked without a reply");
                    assert!(!self.ended.contains_key(seq), "{seq} is asked after its end");
                    assert!(*epoch > self.epoch, "an epoch is used twice");
                    self.epoch = *epoch;
                }
                Effect::Join { seq, with } => {
                    assert!(seq < with && !self.ended.contains_key(with), "{with} joins {seq}");
                    self.joined.entry(*seq).or_default().push(*with);
                }
                Effect::LookUp { seq } => {
                    assert!(!self.ended.contains_key(seq), "{seq} is looked up after its end");
                }
                Effect::Cancel { epoch } => assert_eq!(*epoch, self.epoch),
                Effect::CancelUpstream { epoch, handle } => {
                    assert!(
                        *epoch > self.epoch && !handle.is_empty(),
                        "a closing under an epoch that was used"
                    );
                    self.epoch = *epoch;
                }
                Effect::Finish { seq, .. } => {
                    assert!(self.opened.contains(seq) && self.finished.insert(*seq));
                }
                Effect::Say { seq, .. } => assert!(self.taken.contains(seq) && !self.ended.contains_key(seq)),
                Effect::End { seq, outcome } => {
                    for with in self.joined.remove(seq).unwrap_or_default() {
                        assert_eq!(self.ended.insert(with, Outcome::Joined), None, "{with} ends twice");
                    }
                    assert!(self.taken.contains(seq), "an end of what was never taken");
                    assert_eq!(self.ended.insert(*seq, *outcome), None, "{seq} ends twice");
                    assert_eq!(
                        self.opened.contains(seq),
                        self.finished.contains(seq),
                        "{seq} ends, its reply does not"
                    );
                }
            }
        }
    }
}

/// Takes a step, with everything that holds for a single one.
fn step(bench: &mut Bench, step: Step, outside: &mut Outside) {
    let newest = bench.session.kept.epoch;
    let effects = match step {
        Step::Take(behind, kind, resumed) => {
            // What has ended is not taken in again, not even by the next process.
            let last = outside.taken.last().copied().unwrap_or_default();
            let seq = if behind == 0 { bench.session.taken() } else { Seq(last.0 + behind) };
            if behind > 0 {
                outside.taken.insert(seq);
            }
            let accepted_at = Timestamp::from_millis(bench.now.as_millis() - 1_000);
            offer(bench, Event::Taken { seq, kind, accepted_at, written_at: accepted_at, resumed })
        }
        Step::Run(back, said) => {
            let epoch = Epoch(newest.0.saturating_sub(back));
            let running = bench.running_epoch();
            let before = bench.session.clone();
            let effects = offer(bench, said.of(epoch));
            if running.is_some_and(|running| epoch < running) {
                assert_eq!(bench.session, before, "an older run changed something");
            }
            effects
        }
        Step::Invented(said) => {
            assert!(bench.clone().offer(said.clone().of(newest.next())).expect_err("no such run").is_alarm());
            offer(bench, said.of(newest.next()))
        }
        Step::Held(hold) => offer(bench, Event::Held(hold)),
        Step::Released(hold) => offer(bench, Event::Released(hold)),
        Step::Parked => offer(bench, Event::Parked),
        Step::Configure(busy, idle, stale) => {
            let mut rules = rules();
            rules.conversation.busy = busy;
            rules.conversation.idle_timeout = idle;
            rules.conversation.merge_window = idle.min(Duration::from_secs(2));
            rules.conversation.stale = stale;
            rules.conversation.stale_after = Duration::from_secs(30);
            bench.session.configure(rules);
            Effects::default()
        }
        Step::Restart => return restart(bench, outside),
        Step::Pass(span) => pass(bench, span),
        Step::Stall(span) => stall(bench, span),
        Step::ToDeadline => pass(
            bench,
            bench.session.deadline().map_or(Duration::ZERO, |deadline| deadline.at.since(bench.now)),
        ),
    };
    outside.see(&effects);
    holds(&bench.session, newest);
}

fn offer(bench: &mut Bench, event: Event) -> Effects {
    let before = bench.session.clone();
    let mut twin = bench.clone();
    let result = bench.offer(event.clone());
    assert_eq!(twin.offer(event), result);
    assert_eq!(twin.session, bench.session);
    if result.is_err() {
        assert_eq!(bench.session, before, "rejected, but changed");
    }
    result.unwrap_or_default()
}

fn pass(bench: &mut Bench, span: Duration) -> Effects {
    let before = bench.session.clone();
    let effects = bench.pass(span);
    if before.deadline().is_none_or(|deadline| deadline.at > bench.now) {
        assert_eq!(
            (&bench.session, &effects),
            (&before, &Effects::default()),
            "something before the deadline"
        );
    }
    if let Some(next) = bench.session.deadline() {
        assert!(next.at > bench.now, "still due: {next:?}");
    }
    let after = bench.session.clone();
    assert_eq!(bench.session.expire(bench.now), Effects::default());
    assert_eq!(bench.session, after, "twice is more than once");
    effects
}

/// A wait for the store moves what others owe by its length, and nothing else; what is kept does not change.
fn stall(bench: &mut Bench, span: Duration) -> Effects {
    let before = bench.session.clone();
    let mut twice = bench.session.clone();
    bench.now = bench.now.after(span);
    bench.session.stalled(span);
    let half = Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or_default() / 2);
    twice.stalled(half);
    twice.stalled(span.saturating_sub(half));
    assert_eq!(twice, bench.session, "two waits are one of their length");
    assert_eq!((bench.session.snapshot(), bench.session.phase()), (before.snapshot(), before.phase()));
    assert_eq!(bench.session.waiting, before.waiting);
    let (Some(was), Some(is)) = (before.deadline(), bench.session.deadline()) else {
        assert_eq!(bench.session, before, "at rest nothing is owed");
        return Effects::default();
    };
    let passes_by_itself = |reason| matches!(reason, Reason::Retry | Reason::Merge);
    if passes_by_itself(was.reason) {
        assert_eq!(is, was, "a pause passes by itself");
    } else if was.reason == is.reason {
        assert_eq!(is.at, was.at.after(span));
    } else {
        assert!(passes_by_itself(is.reason), "what others owe is further away than a pause now");
    }
    pass(bench, Duration::ZERO)
}

/// What has not ended is taken in again, as the driver does.
fn restart(bench: &mut Bench, outside: &mut Outside) {
    *bench = bench.restarted();
    outside.opened.clear();
    outside.epoch = bench.session.kept.epoch;
    outside.joined.clear();
    outside.see(&offer(bench, Event::Held(Hold::Loading)));
    for seq in outside.taken.clone() {
        if !outside.ended.contains_key(&seq) {
            let taken = Event::Taken {
                seq,
                kind: Taken::Ask,
                accepted_at: bench.now,
                written_at: bench.now,
                resumed: true,
            };
            outside.see(&offer(bench, taken));
        }
    }
    outside.see(&offer(bench, Event::Released(Hold::Loading)));
}

fn holds(session: &Session, newest: Epoch) {
    assert!(session.kept.epoch >= newest, "the epoch goes back");
    let kept = session.snapshot();
    assert_eq!(Session::restore(kept.clone(), session.rules).snapshot(), kept);
    assert!(session.waiting.len() <= INBOX_ENTRIES_MAX as usize);
    let nothing_due = session.looking().is_none() && session.merge_deadline().is_none();
    assert_eq!(session.deadline().is_none(), session.state.is_idle() && nothing_due);
    // A kept run is of the turn that runs or was begun before, and of no other.
    if let (Some(run), Some((seq, _))) = (&kept.run, session.running()) {
        assert_eq!(run.seq, seq, "a run of another turn is kept");
        assert_eq!(session.resume(), Some(run.handle.as_str()));
    }
    if session.state.is_idle()
        && session.may_begin()
        && !session.is_switching()
        && session.open_until().is_none()
    {
        assert!(session.waiting.is_empty(), "something waits, and nothing holds it");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_last_control_and_time_end_every_message_once(
        steps in prop::collection::vec(any_step(), 0..100),
        last in prop_oneof![Just(Control::Stop { all: true }), Just(Control::Withdraw), Just(Control::New)],
    ) {
        let mut bench = Bench::new();
        let mut outside = Outside::default();
        for it in steps {
            step(&mut bench, it, &mut outside);
        }
        step(&mut bench, Step::Take(1, Taken::Control(last, Origin::Api), false), &mut outside);
        while bench.session.deadline().is_some() {
            step(&mut bench, Step::ToDeadline, &mut outside);
        }
        prop_assert!(bench.session.is_at_rest());
        prop_assert_eq!(outside.taken.len(), outside.ended.len());
    }
}
