//! Every combination of what can be known about an author.

use rstest::rstest;

use super::{Author, Decision, Facts, NewUser, UserFacts, decide};
use crate::ids::UserId;
use crate::outcome::Refusal;
use crate::settings::{MappingMode, OnMiss, UserMapping};

fn user(id: &str, disabled: bool) -> UserFacts {
    UserFacts { id: UserId::new(id), disabled }
}

fn author(im_user_id: Option<&'static str>, verified_email: Option<&'static str>) -> Author<'static> {
    Author { platform: "dingtalk", im_user_id, opaque_id: "$:opaque", name: "Ann", verified_email }
}

fn settings(mode: MappingMode, on_miss: OnMiss) -> UserMapping {
    UserMapping { mode, on_miss, ..UserMapping::default() }
}

fn modes() -> [MappingMode; 4] {
    [
        MappingMode::AutoCreate,
        MappingMode::MatchUsername,
        MappingMode::MatchEmail,
        MappingMode::FixedUser(UserId::new("usr_fixed")),
    ]
}

/// Absent, enabled, disabled.
fn presences(id: &str) -> [Option<UserFacts>; 3] {
    [None, Some(user(id, false)), Some(user(id, true))]
}

/// The rules once more, as a list read from top to bottom; the first that fits counts.
fn expected(mode: &MappingMode, on_miss: OnMiss, facts: &Facts<'_>) -> &'static str {
    let usable = facts.author.im_user_id.is_some();
    let (hit, link) = match mode {
        MappingMode::AutoCreate => (facts.by_username, true),
        MappingMode::MatchUsername => (facts.by_username.filter(|_| usable), true),
        MappingMode::MatchEmail => {
            let known = usable && facts.author.verified_email.is_some() && facts.by_email.len() == 1;
            (facts.by_email.first().filter(|_| known), true)
        }
        MappingMode::FixedUser(_) => (facts.fixed, false),
    };
    let steps = [
        (facts.linked, "use linked"),
        (hit, if link { "link" } else { "use fixed" }),
        (facts.by_username.filter(|_| on_miss == OnMiss::Create), "link"),
    ];
    for (user, what) in steps {
        if let Some(user) = user {
            return if user.disabled { "disabled" } else { what };
        }
    }
    if on_miss == OnMiss::Create { "create" } else { "not mapped" }
}

fn name_of(decision: &Decision) -> &'static str {
    match decision {
        Decision::Use(id) if id.as_str() == "usr_linked" => "use linked",
        Decision::Use(_) => "use fixed",
        Decision::Link(_) => "link",
        Decision::Create(_) => "create",
        Decision::Reject(Refusal::UserDisabled) => "disabled",
        Decision::Reject(Refusal::NotMapped) => "not mapped",
        Decision::Reject(other) => panic!("unexpected refusal {other:?}"),
    }
}

#[test]
fn every_combination_of_facts_is_decided_by_the_rules() {
    let emails =
        [vec![], vec![user("usr_e", false)], vec![user("usr_e", true)], vec![user("usr_e", false); 2]];
    let mut count = 0;
    for mode in modes() {
        for on_miss in [OnMiss::Create, OnMiss::Reject] {
            for author in [Some("manager1"), None]
                .map(|id| [None, Some("a@x.com")].map(|mail| author(id, mail)))
                .concat()
            {
                for linked in presences("usr_linked") {
                    for by_username in presences("usr_name") {
                        for by_email in &emails {
                            for fixed in presences("usr_fixed") {
                                let facts = Facts {
                                    author,
                                    linked: linked.as_ref(),
                                    by_username: by_username.as_ref(),
                                    by_email,
                                    fixed: fixed.as_ref(),
                                };
                                let decision = decide(&settings(mode.clone(), on_miss), &facts);
                                assert_eq!(
                                    name_of(&decision),
                                    expected(&mode, on_miss, &facts),
                                    "{mode:?} {facts:?}"
                                );
                                count += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    assert_eq!(count, 4 * 2 * 4 * 3 * 3 * 4 * 3);
}

fn nobody(author: Author<'static>) -> Facts<'static> {
    Facts { author, linked: None, by_username: None, by_email: &[], fixed: None }
}

#[test]
fn a_new_user_is_named_after_the_platform_id_and_has_a_made_up_address() {
    let decision = decide(&UserMapping::default(), &nobody(author(Some("manager1"), Some("ann@real.com"))));
    assert_eq!(
        decision,
        Decision::Create(NewUser {
            username: "manager1".into(),
            email: "manager1@im-platform.com".into(),
            display_name: "Ann".into(),
            auth_source: "dingtalk".into(),
        })
    );
}

#[test]
fn a_guest_has_a_stable_name_that_is_nobody_s_id() {
    let guest = author(None, None);
    assert_eq!(guest.identity(), "$:opaque");
    assert_eq!(guest.username(), author(None, Some("a@x.com")).username());
    assert!(guest.username().starts_with("guest-") && guest.username().len() == 22);
    assert_ne!(guest.username(), Author { opaque_id: "$:other", ..guest }.username());
    assert_ne!(guest.username(), Author { platform: "telegram", ..guest }.username());
}

#[rstest]
#[case::blank("  ")]
#[case::empty("")]
#[case::endless(&"x".repeat(129))]
fn an_id_that_makes_no_username_counts_as_none(#[case] id: &str) {
    let author =
        Author { platform: "dingtalk", im_user_id: Some(id), opaque_id: "o", name: "", verified_email: None };
    assert_eq!(author.identity(), "o");
    assert!(author.username().starts_with("guest-"));
}

#[test]
fn a_nameless_author_is_shown_by_username() {
    let author = Author { name: "  ", ..author(Some("manager1"), None) };
    let Decision::Create(made) = decide(&UserMapping::default(), &nobody(author)) else {
        panic!("nobody is known");
    };
    assert_eq!(made.display_name, "manager1");
}
