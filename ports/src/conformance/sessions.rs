//! The suite of `SessionStore`: what is sealed opens unchanged or not at all, and an ended session stays ended.

use std::time::Duration;

use switchboard_domain::time::Timestamp;

use crate::clock::Clock as _;
use crate::conformance::Fixture;
use crate::sessions::ENDED_MAX;

/// One test per case of the session store's contract.
#[macro_export]
macro_rules! session_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (sessions);
            what_is_sealed_opens_unchanged,
            what_was_changed_does_not_open,
            an_ended_session_stays_ended_and_others_do_not,
            ending_twice_is_ending_once,
            no_more_than_the_bound_is_remembered,
        );
    };
}

const DAY: Duration = Duration::from_hours(24);

fn in_time(fixture: &impl Fixture, span: Duration) -> Timestamp {
    fixture.clock().now().after(span)
}

/// Each time under another text, which fits into a cookie; neither ends anything.
pub async fn what_is_sealed_opens_unchanged(fixture: impl Fixture) {
    let store = fixture.stores().sessions;
    for clear in ["", "abc", "{\"name\":\"会话\"}"] {
        let (one, two) = (store.seal(clear).unwrap(), store.seal(clear).unwrap());
        assert_ne!(one, two);
        assert_eq!(store.open(&one).as_deref(), Some(clear));
        assert_eq!(store.open(&two).as_deref(), Some(clear));
        assert!(one.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"',;\\".contains(&byte)), "{one}");
        assert_eq!(store.is_ended(clear).await, Ok(false));
    }
}

/// Nor does anything that never was a session; whether one was ended is another question.
pub async fn what_was_changed_does_not_open(fixture: impl Fixture) {
    let store = fixture.stores().sessions;
    let sealed = store.seal("abc").unwrap();
    let other = if sealed.ends_with('A') { "Q" } else { "A" };
    let shorter: String = sealed.chars().take(sealed.len() - 2).collect();
    for forged in ["", "abc", "s1..", &shorter, &format!("{shorter}{other}{other}"), &format!("{sealed}AAAA")]
    {
        assert_eq!(store.open(forged), None, "{forged}");
    }
    store.end("abc", in_time(&fixture, DAY)).await.unwrap();
    assert_eq!(store.open(&sealed).as_deref(), Some("abc"));
}

/// Names are compared whole.
pub async fn an_ended_session_stays_ended_and_others_do_not(fixture: impl Fixture) {
    let (store, until) = (fixture.stores().sessions, in_time(&fixture, DAY));
    store.end("one", until).await.unwrap();
    assert_eq!(store.is_ended("one").await, Ok(true));
    for other in ["on", "one ", "One", "ones", ""] {
        assert_eq!(store.is_ended(other).await, Ok(false), "{other}");
    }
    fixture.clock().advance(DAY / 2);
    store.end("two", in_time(&fixture, DAY)).await.unwrap();
    assert_eq!(store.is_ended("one").await, Ok(true));
    assert_eq!(store.is_ended("two").await, Ok(true));
}

/// As after a time-out.
pub async fn ending_twice_is_ending_once(fixture: impl Fixture) {
    let (store, until) = (fixture.stores().sessions, in_time(&fixture, DAY));
    store.end("one", until).await.unwrap();
    store.end("one", until).await.unwrap();
    assert_eq!(store.is_ended("one").await, Ok(true));
}

/// The one that would have ended first goes.
pub async fn no_more_than_the_bound_is_remembered(fixture: impl Fixture) {
    let store = fixture.stores().sessions;
    store.end("first", in_time(&fixture, DAY)).await.unwrap();
    let later = in_time(&fixture, DAY * 2);
    let ends: Vec<String> = (0..ENDED_MAX).map(|number| format!("s{number}")).collect();
    for some in ends.chunks(200) {
        let some = some.iter().map(|name| store.end(name, later));
        futures_util::future::try_join_all(some).await.unwrap();
    }
    assert_eq!(store.is_ended("first").await, Ok(false));
    assert_eq!(
        store.is_ended("s0").await.and(store.is_ended(&format!("s{}", ENDED_MAX - 1)).await),
        Ok(true)
    );
}
