//! Who is heard, who is told, who is passed over.

use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;

use super::{Admission, Asked, CONTROL_PER_MINUTE, Decided};
use crate::inbox::{INBOX_ENTRIES_MAX, Verdict};
use crate::message::ChatKind;
use crate::outcome::Refusal;
use crate::settings::{AccessSettings, GroupPolicy};
use crate::time::Timestamp;

const START: Timestamp = Timestamp::from_millis(5_000_000);
const TOO_MANY: Refusal = Refusal::TooManyMessages;

fn question(author: &str) -> Asked<'_> {
    Asked { author, chat: ChatKind::Private, mentioned: None, control: false, denied: None, waiting: 0 }
}

fn limit(messages_per_minute: u32) -> AccessSettings {
    AccessSettings { messages_per_minute, ..AccessSettings::default() }
}

fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

/// The verdicts on this many of the same message.
fn verdicts(
    admission: &mut Admission,
    asked: &Asked<'_>,
    limit_of: u32,
    count: u32,
    now: Timestamp,
) -> Vec<Verdict> {
    (0..count).map(|_| admission.decide(asked, &limit(limit_of), now).verdict).collect()
}

#[test]
fn the_first_message_over_the_limit_is_answered_and_the_next_ones_are_passed_over() {
    let mut admission = Admission::default();
    let expected =
        [vec![Verdict::Admit; 3], vec![Verdict::Refuse(TOO_MANY)], vec![Verdict::Pass(TOO_MANY); 2]].concat();
    assert_eq!(verdicts(&mut admission, &question("ann"), 3, 6, START), expected);
    assert_eq!(verdicts(&mut admission, &question("ann"), 3, 1, at(59)), [Verdict::Pass(TOO_MANY)]);
    assert_eq!(verdicts(&mut admission, &question("ann"), 3, 6, at(60)), expected, "a new minute");
}

#[test]
fn one_flooding_author_slows_only_themselves() {
    let mut admission = Admission::default();
    verdicts(&mut admission, &question("ann"), 3, 50, START);
    assert_eq!(verdicts(&mut admission, &question("bob"), 3, 1, START), [Verdict::Admit]);
}

#[test]
fn a_limit_of_zero_is_none() {
    let mut admission = Admission::default();
    assert_eq!(verdicts(&mut admission, &question("ann"), 0, 500, START), vec![Verdict::Admit; 500]);
}

#[test]
fn commands_have_a_bound_of_their_own_so_that_stop_works_in_a_flood() {
    let mut admission = Admission::default();
    verdicts(&mut admission, &question("ann"), 3, 50, START);
    let stop = Asked { control: true, waiting: INBOX_ENTRIES_MAX, ..question("ann") };
    let taken = verdicts(&mut admission, &stop, 3, CONTROL_PER_MINUTE, START);
    assert_eq!(taken, vec![Verdict::Admit; 60]);
    assert_eq!(verdicts(&mut admission, &stop, 3, 1, START), [Verdict::Pass(TOO_MANY)], "told before");
}

#[test]
fn a_full_inbox_is_told_once_a_minute_per_author() {
    let mut admission = Admission::default();
    let full = |author| Asked { waiting: INBOX_ENTRIES_MAX, ..question(author) };
    let refused = Verdict::Refuse(Refusal::InboxFull);
    let passed = Verdict::Pass(Refusal::InboxFull);
    assert_eq!(verdicts(&mut admission, &full("ann"), 30, 3, START), [refused, passed, passed]);
    assert_eq!(verdicts(&mut admission, &full("bob"), 30, 1, START), [refused]);
    assert_eq!(verdicts(&mut admission, &full("ann"), 30, 1, at(61)), [refused]);
    let last = Asked { waiting: INBOX_ENTRIES_MAX - 1, ..question("ann") };
    assert_eq!(verdicts(&mut admission, &last, 30, 1, at(61)), [Verdict::Admit]);
}

#[rstest]
#[case(ChatKind::Private, GroupPolicy::Off, Some(false), true)]
#[case(ChatKind::Private, GroupPolicy::MentionOnly, None, true)]
#[case(ChatKind::Group, GroupPolicy::MentionOnly, Some(true), true)]
#[case(ChatKind::Group, GroupPolicy::MentionOnly, None, true)]
#[case(ChatKind::Group, GroupPolicy::MentionOnly, Some(false), false)]
#[case(ChatKind::Group, GroupPolicy::Off, Some(true), false)]
fn groups_are_heard_as_the_channel_says(
    #[case] chat: ChatKind,
    #[case] groups: GroupPolicy,
    #[case] mentioned: Option<bool>,
    #[case] heard: bool,
    #[values(true, false)] control: bool,
) {
    let mut admission = Admission::default();
    let asked = Asked { chat, mentioned, control, ..question("ann") };
    let settings = AccessSettings { groups, ..AccessSettings::default() };
    let expected = if heard { Verdict::Admit } else { Verdict::Pass(Refusal::AccessDenied) };
    assert_eq!(admission.decide(&asked, &settings, START).verdict, expected);
    assert_eq!(admission.authors(), usize::from(heard), "what is not for the bot is not counted");
}

#[test]
fn a_duplicate_costs_nothing_and_says_nothing_for_the_message_after_it() {
    let mut admission = Admission::default();
    verdicts(&mut admission, &question("ann"), 3, 3, START);
    let Decided { verdict, ticket } = admission.decide(&question("ann"), &limit(3), START);
    assert_eq!(verdict, Verdict::Refuse(TOO_MANY));
    admission.refund(ticket);
    assert_eq!(verdicts(&mut admission, &question("ann"), 3, 1, START), [Verdict::Refuse(TOO_MANY)]);
}

#[test]
fn a_refund_from_the_minute_before_changes_nothing() {
    let mut admission = Admission::default();
    let old = admission.decide(&question("ann"), &limit(1), START).ticket;
    verdicts(&mut admission, &question("ann"), 1, 1, at(60));
    admission.refund(old);
    assert_eq!(verdicts(&mut admission, &question("ann"), 1, 1, at(60)), [Verdict::Refuse(TOO_MANY)]);
}

#[test]
fn the_author_silent_longest_is_forgotten_first() {
    let mut admission = Admission::new(2);
    for author in ["ann", "bob", "ann", "cid"] {
        verdicts(&mut admission, &question(author), 1, 1, START);
    }
    assert_eq!(admission.authors(), 2);
    assert_eq!(
        verdicts(&mut admission, &question("ann"), 1, 1, START),
        [Verdict::Pass(TOO_MANY)],
        "remembered"
    );
    assert_eq!(verdicts(&mut admission, &question("bob"), 1, 1, START), [Verdict::Admit], "forgotten");
}

proptest! {
    #[test]
    fn memory_is_bounded_and_no_minute_admits_more_than_the_limit(
        messages in prop::collection::vec((0..8_u8, 0..20_u64), 0..200),
        limit_of in 1..10_u32,
    ) {
        let mut admission = Admission::new(4);
        let mut now = START;
        for (author, wait) in messages {
            now = now.after(Duration::from_secs(wait));
            admission.decide(&question(&author.to_string()), &limit(limit_of), now);
            prop_assert!(admission.authors() <= 4);
            prop_assert_eq!(admission.order.len(), admission.authors());
            prop_assert!(admission.authors.values().all(|author| now.since(author.span) >= super::SPAN
                || author.messages <= limit_of || author.told_too_many));
        }
    }

    #[test]
    fn deciding_and_refunding_leaves_the_next_verdict_as_it_was(
        before in prop::collection::vec((any::<bool>(), 0..60_u32, 0..40_u64), 0..60),
        control: bool,
        waiting in 0..60_u32,
    ) {
        let mut admission = Admission::new(4);
        let mut now = START;
        for (control, waiting, wait) in before {
            now = now.after(Duration::from_secs(wait));
            admission.decide(&Asked { control, waiting, ..question("ann") }, &limit(5), now);
        }
        let asked = Asked { control, waiting, ..question("ann") };
        let first = admission.decide(&asked, &limit(5), now);
        admission.refund(first.ticket);
        prop_assert_eq!(admission.decide(&asked, &limit(5), now).verdict, first.verdict);
    }
}

#[test]
fn whoever_has_no_access_is_told_once_in_any_minute_and_counts_for_nothing() {
    let mut admission = Admission::default();
    let denied = Asked { denied: Some(Refusal::AccessDenied), ..question("ann") };
    let refused = Verdict::Refuse(Refusal::AccessDenied);
    let passed = Verdict::Pass(Refusal::AccessDenied);
    assert_eq!(verdicts(&mut admission, &question("ann"), 3, 3, START), [Verdict::Admit; 3]);
    assert_eq!(verdicts(&mut admission, &denied, 3, 3, at(59)), [refused, passed, passed]);
    assert_eq!(
        verdicts(&mut admission, &denied, 3, 1, at(61)),
        [passed],
        "the span is another, the minute is not"
    );
    assert!(!admission.tells_denied("ann", at(61)), "one memory for both places");
    assert_eq!(verdicts(&mut admission, &denied, 3, 1, at(119)), [refused]);
    assert!(admission.tells_denied("bob", at(119)) && !admission.tells_denied("bob", at(119)));
    // Commands of theirs as well.
    let stop = Asked { control: true, ..denied };
    assert_eq!(verdicts(&mut admission, &stop, 3, 2, at(200)), [refused, passed]);
    assert_eq!(verdicts(&mut admission, &question("ann"), 3, 3, at(200)), [Verdict::Admit; 3]);
}

#[test]
fn what_a_refund_gives_back_of_a_denial_is_the_sentence() {
    let mut admission = Admission::default();
    let denied = Asked { denied: Some(Refusal::AccessDenied), ..question("ann") };
    let decided = admission.decide(&denied, &limit(3), START);
    admission.refund(decided.ticket);
    let again = admission.decide(&denied, &limit(3), START).verdict;
    assert_eq!(again, Verdict::Refuse(Refusal::AccessDenied));
}

#[test]
fn over_the_channel_s_limit_each_author_is_told_once_and_commands_are_taken() {
    let mut admission = Admission::default();
    let settings = AccessSettings { channel_messages_per_minute: 3, ..limit(30) };
    let mut verdict = |asked: &Asked<'_>, now| admission.decide(asked, &settings, now).verdict;
    for author in ["ann", "bob", "carl"] {
        assert_eq!(verdict(&question(author), START), Verdict::Admit);
    }
    for author in ["ann", "dora"] {
        assert_eq!(verdict(&question(author), at(1)), Verdict::Refuse(TOO_MANY));
        assert_eq!(verdict(&question(author), at(1)), Verdict::Pass(TOO_MANY));
    }
    assert_eq!(verdict(&Asked { control: true, ..question("dora") }, at(1)), Verdict::Admit);
    assert_eq!(verdict(&question("ann"), at(60)), Verdict::Admit, "a new minute");
}

#[test]
fn what_was_not_stored_leaves_its_place_in_the_channel_to_others() {
    let mut admission = Admission::default();
    let settings = AccessSettings { channel_messages_per_minute: 1, ..limit(1) };
    let decided = admission.decide(&question("ann"), &settings, START);
    admission.refund(decided.ticket);
    assert_eq!(admission.decide(&question("bob"), &settings, START).verdict, Verdict::Admit);
    // What the author's own limit refuses takes no place either.
    let late = at(100);
    assert_eq!(admission.decide(&question("ann"), &settings, late).verdict, Verdict::Admit);
    let refused = admission.decide(&question("ann"), &settings, late);
    assert_eq!(refused.verdict, Verdict::Refuse(TOO_MANY));
    admission.refund(refused.ticket);
    assert_eq!(admission.decide(&question("bob"), &settings, late).verdict, Verdict::Refuse(TOO_MANY));
}

#[rstest]
#[case(GroupPolicy::AllMessages, Some(false), true)]
#[case(GroupPolicy::AllMessages, None, true)]
#[case(GroupPolicy::MentionOnly, Some(false), false)]
#[case(GroupPolicy::Off, Some(true), false)]
fn a_group_is_listened_to_as_its_policy_says(
    #[case] groups: GroupPolicy,
    #[case] mentioned: Option<bool>,
    #[case] heard: bool,
) {
    let asked = Asked { chat: ChatKind::Group, mentioned, ..question("ann") };
    let settings = AccessSettings { groups, ..limit(30) };
    let decided = Admission::default().decide(&asked, &settings, START);
    assert_eq!((decided.verdict == Verdict::Admit, decided.ticket.is_addressed()), (heard, heard));
}
