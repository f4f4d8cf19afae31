//! The laws that hold at every step of a conversation, checked at every step.

use switchboard_domain::conversation::{Conversation, Effects, Event, NOTICES_OPEN_MAX};
use switchboard_domain::rejected::Rejected;
use switchboard_domain::snapshot::ReplyRole;
use switchboard_domain::time::Timestamp;

/// Applies an event: the same twice over, and nothing at all if it is rejected.
pub(crate) fn apply(it: &mut Conversation, event: &Event, now: Timestamp) -> Result<Effects, Rejected> {
    let before = it.clone();
    let mut twin = it.clone();
    let result = it.apply(event.clone(), now);
    assert_eq!(twin.apply(event.clone(), now), result, "not the same effects twice");
    assert_eq!(&twin, it, "not the same state twice");
    if let Err(rejected) = &result {
        assert_eq!(&before, it, "{rejected} changed something");
        assert!(!rejected.is_alarm(), "{rejected}: {event:?}");
    }
    hold_at_any_time(it, now);
    result
}

/// Expires: nothing before the deadline, and once for all at it.
pub(crate) fn expire(it: &mut Conversation, now: Timestamp) -> Effects {
    let Some(deadline) = it.deadline() else {
        let before = it.clone();
        assert_eq!(it.expire(now), Effects::default());
        assert_eq!(&before, it);
        return Effects::default();
    };
    let mut early = it.clone();
    let just_before = Timestamp::from_millis(deadline.at.as_millis() - 1).min(now);
    assert_eq!(early.expire(just_before), Effects::default(), "something was done before {deadline:?}");
    assert_eq!(&early, it);
    let effects = it.expire(now);
    if let Some(next) = it.deadline() {
        assert!(next.at > now, "after expire({now}) for {deadline:?}, still due: {next:?} of {it:?}");
    }
    let mut twice = it.clone();
    assert_eq!(twice.expire(now), Effects::default());
    assert_eq!(&twice, it);
    hold_at_any_time(it, now);
    effects
}

fn hold_at_any_time(it: &Conversation, now: Timestamp) {
    let snapshot = it.snapshot();
    let policy = super::walk::policy(true);
    assert_eq!(Conversation::restore(Some(snapshot.clone()), policy, now).snapshot(), snapshot);
    let notices = it.replies().iter().filter(|reply| reply.facts().id.role == ReplyRole::Notice);
    assert!(notices.count() <= NOTICES_OPEN_MAX);
    for reply in it.replies() {
        assert!(!reply.is_done(), "a reply that is done stays");
        assert!(reply.deadline().is_some(), "a reply without a deadline: {reply:?}");
    }
}
