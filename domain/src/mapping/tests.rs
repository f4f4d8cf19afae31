//! Every combination of what can be known about an author.

use rstest::rstest;

use super::{Author, Decision, Facts, Last, Looked, NewUser, Rule, UserFacts, Verdict, decide};
use crate::ids::UserId;
use crate::outcome::Refusal;
use crate::person::{Entry, Person};
use crate::settings::{MappingMode, OnMiss, UserMapping};

fn user(id: &str, disabled: bool) -> UserFacts {
    UserFacts { id: UserId::new(id), disabled, elsewhere: false, vouched: false, shut_out: false }
}

fn author(im_user_id: Option<&'static str>) -> Author<'static> {
    Author { platform: "dingtalk", im_user_id, opaque_id: "$:opaque", name: "Ann" }
}

fn settings(mode: MappingMode, on_miss: OnMiss) -> UserMapping {
    UserMapping { mode, on_miss, ..UserMapping::default() }
}

fn person(email: Option<&str>, disabled: bool) -> Person {
    let entry = Entry {
        username: "ann.long".into(),
        email: email.map(Into::into),
        display_name: Some("Ann Long".into()),
        department: Some("Sales".into()),
        disabled,
        ..Entry::default()
    };
    entry.person("corp").unwrap()
}

fn modes() -> [MappingMode; 5] {
    [
        MappingMode::AutoCreate,
        MappingMode::MatchUsername,
        MappingMode::MatchEmail,
        MappingMode::FixedUser(UserId::new("usr_fixed")),
        MappingMode::Directory,
    ]
}

/// Absent, enabled, disabled, somebody else's as well, and that with a directory's word.
fn presences(id: &str) -> [Option<UserFacts>; 5] {
    let elsewhere = UserFacts { elsewhere: true, ..user(id, false) };
    let vouched = UserFacts { vouched: true, ..elsewhere.clone() };
    [None, Some(user(id, false)), Some(user(id, true)), Some(elsewhere), Some(vouched)]
}

/// The rules once more, as a list read from top to bottom; the first that fits counts.
fn expected(mode: &MappingMode, on_miss: OnMiss, facts: &Facts<'_>) -> &'static str {
    let out = match facts.directory {
        Looked::Found(person) => person.disabled,
        Looked::Unavailable(Last::Disabled) => true,
        Looked::Absent | Looked::Unavailable(Last::Absent) => facts.linked.is_some_and(|user| user.vouched),
        Looked::Ambiguous | Looked::Unavailable(Last::Nothing) => {
            facts.linked.is_some_and(|user| user.shut_out)
        }
        Looked::NotAsked => false,
    };
    if facts.linked.is_some_and(|user| user.disabled || out) {
        return "disabled";
    }
    if facts.linked.is_some() {
        return "use linked";
    }
    if matches!(facts.directory, Looked::Unavailable(_)) {
        return "unknown";
    }
    if out {
        return "disabled";
    }
    // Several who fit are nobody, in every mode: two entries of a directory, or two users with one address.
    if facts.directory == Looked::Ambiguous {
        return "not mapped by directory";
    }
    let usable = facts.author.im_user_id.is_some();
    let found = match facts.directory {
        Looked::Found(person) => Some(person),
        Looked::NotAsked | Looked::Absent | Looked::Ambiguous | Looked::Unavailable(_) => None,
    };
    let (hit, what) = match mode {
        MappingMode::AutoCreate => (facts.by_username, "link name"),
        MappingMode::MatchUsername => (facts.by_username.filter(|_| usable), "link name"),
        MappingMode::MatchEmail => {
            let known = found.is_some_and(|person| person.email.is_some()) && facts.by_email.len() == 1;
            (facts.by_email.first().filter(|_| known), "link email")
        }
        MappingMode::FixedUser(_) => (facts.fixed, "use fixed"),
        MappingMode::Directory => (facts.by_person.filter(|_| found.is_some()), "link person"),
    };
    if let Some(user) = hit {
        return hit_by(mode, user, what);
    }
    if let Some(person) = found {
        if *mode == MappingMode::Directory {
            return "create person";
        }
        if *mode == MappingMode::MatchEmail && person.email.is_some() && facts.by_email.len() > 1 {
            return "not mapped by email";
        }
        // Nor is anybody taken by name whom a directory knows.
        if on_miss == OnMiss::Create && facts.by_username.is_some() {
            return "not mapped by directory";
        }
    }
    match (on_miss, facts.by_username) {
        (OnMiss::Reject, _) => "not mapped by on_miss",
        (OnMiss::Create, Some(user)) if user.disabled => "disabled",
        (OnMiss::Create, Some(user)) if user.elsewhere => "not mapped by on_miss",
        (OnMiss::Create, Some(_)) => "link name",
        (OnMiss::Create, None) => "create",
    }
}

/// Another identity's user is taken by its directory's word alone.
fn hit_by(mode: &MappingMode, user: &UserFacts, what: &'static str) -> &'static str {
    let is_other = user.elsewhere && !(*mode == MappingMode::Directory && user.vouched);
    match mode {
        _ if user.disabled => "disabled",
        MappingMode::AutoCreate | MappingMode::MatchUsername if is_other => "not mapped by username",
        MappingMode::MatchEmail if is_other => "not mapped by email",
        MappingMode::Directory if is_other => "not mapped by directory",
        MappingMode::AutoCreate
        | MappingMode::MatchUsername
        | MappingMode::MatchEmail
        | MappingMode::FixedUser(_)
        | MappingMode::Directory => what,
    }
}

fn name_of(verdict: &Verdict) -> &'static str {
    match &verdict.decision {
        Decision::Use(id) if id.as_str() == "usr_linked" => "use linked",
        Decision::Use(_) => "use fixed",
        Decision::Link(id) if id.as_str() == "usr_name" => "link name",
        Decision::Link(id) if id.as_str() == "usr_e" => "link email",
        Decision::Link(_) => "link person",
        Decision::Create(new) if new.directory.is_some() => "create person",
        Decision::Create(_) => "create",
        Decision::Reject(Refusal::UserDisabled) => "disabled",
        Decision::Reject(Refusal::NotMapped) => match verdict.rule {
            Rule::Directory => "not mapped by directory",
            Rule::Email => "not mapped by email",
            Rule::OnMiss => "not mapped by on_miss",
            Rule::Username => "not mapped by username",
            other @ (Rule::Linked | Rule::FixedUser) => panic!("unexpected rule {other:?}"),
        },
        Decision::Reject(other) => panic!("unexpected refusal {other:?}"),
        Decision::Unknown => "unknown",
    }
}

/// Facts that a directory is asked for, in every way it may answer.
fn answers(people: &[Person; 3]) -> [Looked<'_>; 9] {
    let [with_email, without, disabled] = people;
    [
        Looked::NotAsked,
        Looked::Found(with_email),
        Looked::Found(without),
        Looked::Found(disabled),
        Looked::Absent,
        Looked::Ambiguous,
        Looked::Unavailable(Last::Nothing),
        Looked::Unavailable(Last::Disabled),
        Looked::Unavailable(Last::Absent),
    ]
}

/// Every answer of directories, with everybody who may fit.
fn each(
    mode: &MappingMode,
    on_miss: OnMiss,
    linked: Option<&UserFacts>,
    im_user_id: Option<&'static str>,
) -> usize {
    let [_, one, out, elsewhere, _] =
        presences("usr_e").map(Option::into_iter).map(Iterator::collect::<Vec<_>>);
    let several = [[one.clone(), one.clone()].concat(), [one.clone(), out.clone()].concat()];
    let emails: Vec<_> = several.into_iter().chain([vec![], one, out, elsewhere]).collect();
    let people = [person(Some("a@x.com"), false), person(None, false), person(Some("a@x.com"), true)];
    let mut count = 0;
    for directory in answers(&people) {
        for (by_username, fixed, by_person) in others() {
            for by_email in &emails {
                let facts = Facts {
                    author: author(im_user_id),
                    linked,
                    by_username: by_username.as_ref(),
                    by_email,
                    fixed: fixed.as_ref(),
                    directory,
                    by_person: by_person.as_ref(),
                };
                let verdict = decide(&settings(mode.clone(), on_miss), &facts);
                assert_eq!(name_of(&verdict), expected(mode, on_miss, &facts), "{mode:?} {facts:?}");
                count += 1;
            }
        }
    }
    count
}

/// Everybody else who may fit: by username, the fixed one, and the person's.
fn others() -> impl Iterator<Item = (Option<UserFacts>, Option<UserFacts>, Option<UserFacts>)> {
    presences("usr_name").into_iter().flat_map(|by_username| {
        presences("usr_fixed").into_iter().flat_map(move |fixed| {
            let by_username = by_username.clone();
            presences("usr_person")
                .into_iter()
                .map(move |by_person| (by_username.clone(), fixed.clone(), by_person))
        })
    })
}

#[test]
fn every_combination_of_facts_is_decided_by_the_rules() {
    let enabled = user("usr_linked", false);
    let vouched = UserFacts { vouched: true, ..enabled.clone() };
    let shut_out = UserFacts { shut_out: true, ..enabled.clone() };
    let both = UserFacts { vouched: true, ..shut_out.clone() };
    let disabled = user("usr_linked", true);
    let links = [None, Some(enabled), Some(disabled), Some(vouched), Some(shut_out), Some(both)];
    let mut count = 0;
    for mode in modes() {
        for on_miss in [OnMiss::Create, OnMiss::Reject] {
            for linked in &links {
                for im_user_id in [Some("manager1"), None] {
                    count += each(&mode, on_miss, linked.as_ref(), im_user_id);
                }
            }
        }
    }
    assert_eq!(count, 5 * 2 * 6 * 2 * (9 * 5 * 5 * 5 * 6));
}

fn nobody(author: Author<'static>) -> Facts<'static> {
    Facts {
        author,
        linked: None,
        by_username: None,
        by_email: &[],
        fixed: None,
        directory: Looked::NotAsked,
        by_person: None,
    }
}

#[test]
fn a_new_user_is_named_after_the_platform_id_and_has_a_made_up_address() {
    let verdict = decide(&UserMapping::default(), &nobody(author(Some("manager1"))));
    let new = NewUser {
        username: "manager1".into(),
        email: "manager1@im-platform.com".into(),
        email_verified: false,
        display_name: "Ann".into(),
        department: None,
        auth_source: "dingtalk".into(),
        directory: None,
    };
    assert_eq!(verdict, Verdict { decision: Decision::Create(new), rule: Rule::OnMiss });
}

#[rstest]
#[case(Some("ann@corp.com"), "ann@corp.com")]
#[case(None, "manager1@im-platform.com")]
fn a_new_user_of_a_directory_is_what_the_directory_says(#[case] email: Option<&str>, #[case] address: &str) {
    let person = person(email, false);
    let facts = Facts { directory: Looked::Found(&person), ..nobody(author(Some("manager1"))) };
    let verdict = decide(&settings(MappingMode::Directory, OnMiss::Reject), &facts);
    let new = NewUser {
        username: "ann.long".into(),
        email: address.into(),
        email_verified: email.is_some(),
        display_name: "Ann Long".into(),
        department: Some("Sales".into()),
        auth_source: "directory".into(),
        directory: Some("corp".into()),
    };
    assert_eq!(verdict, Verdict { decision: Decision::Create(new), rule: Rule::Directory });
}

#[test]
fn a_guest_has_a_stable_name_that_is_nobody_s_id() {
    let guest = author(None);
    assert_eq!(guest.identity(), "$:opaque");
    assert_eq!(guest.username(), author(None).username());
    assert!(guest.username().starts_with("guest-") && guest.username().len() == 22);
    assert_ne!(guest.username(), Author { opaque_id: "$:other", ..guest }.username());
    assert_ne!(guest.username(), Author { platform: "telegram", ..guest }.username());
}

#[rstest]
#[case::blank("  ")]
#[case::empty("")]
#[case::endless(&"x".repeat(129))]
fn an_id_that_makes_no_username_counts_as_none(#[case] id: &str) {
    let author = Author { platform: "dingtalk", im_user_id: Some(id), opaque_id: "o", name: "" };
    assert_eq!(author.identity(), "o");
    assert!(author.username().starts_with("guest-"));
}

#[test]
fn a_nameless_author_is_shown_by_username() {
    let author = Author { name: "  ", ..author(Some("manager1")) };
    let Decision::Create(made) = decide(&UserMapping::default(), &nobody(author)).decision else {
        panic!("nobody is known");
    };
    assert_eq!(made.display_name, "manager1");
}
