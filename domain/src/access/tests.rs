//! Who is let in: every combination of facts, and what lists name.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use rstest::rstest;

use super::{Decision, Facts, Names, Profile, Who, decide};
use crate::message::{Chat, ChatKind, Sender};
use crate::outcome::Refusal;
use crate::settings::{AccessSettings, PeopleList, UsersPolicy};

const DENIED: Decision = Decision::Deny(Refusal::AccessDenied);
const PROFILE: Profile<'static> = Profile {
    id: Some("usr_1"),
    username: "Ann.Long",
    email: Some("ann@corp.example"),
    department: Some("Sales"),
};

fn names(given: &[&str]) -> Names {
    Names::new(given.iter().map(ToString::to_string).collect())
}

fn chat(kind: ChatKind) -> Chat {
    Chat { id: "cid1".to_string(), kind, title: None }
}

fn sender() -> Sender {
    Sender {
        im_user_id: Some("staff1".to_string()),
        opaque_id: "opaque1".to_string(),
        name: "usr_1".to_string(),
    }
}

/// A list that names the author in each of the ways there are, or something else.
fn lists() -> Vec<(PeopleList, Way)> {
    let users = |name: &str| PeopleList { users: names(&["nobody", name]), ..PeopleList::default() };
    let departments = |name: &str| PeopleList { departments: names(&[name]), ..PeopleList::default() };
    let groups = |name: &str| PeopleList { groups: names(&[name]), ..PeopleList::default() };
    [
        (PeopleList::default(), Way::Empty),
        (users("staff1"), Way::Platform),
        (users("opaque1"), Way::Platform),
        (users("usr_1"), Way::User),
        (users("ann.long"), Way::User),
        (users("ANN@corp.example"), Way::User),
        (departments(" sales"), Way::User),
        (users("Staff1"), Way::OtherPeople),
        (departments("Sales/EMEA"), Way::OtherPeople),
        (groups("cid1"), Way::Group),
        (groups("CID1"), Way::OtherGroup),
    ]
    .into()
}

/// How a list names the author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Empty,
    Platform,
    User,
    OtherPeople,
    Group,
    OtherGroup,
}

const WHO: [Who<'static>; 5] = [
    Who::NotAsked,
    Who::Unknown,
    Who::Nobody(Profile { id: None, ..PROFILE }),
    Who::User(PROFILE),
    Who::Refused(Refusal::UserDisabled),
];

/// What the rules say, in the words of the guide.
fn expected(
    users: UsersPolicy,
    allow: Way,
    deny: Way,
    in_group: bool,
    who: Who<'_>,
    by_id: [bool; 2],
) -> Decision {
    let [allowed_by_id, denied_by_id] = by_id;
    let is_known = matches!(who, Who::Nobody(_) | Who::User(_));
    // An id of ours names nobody who is not made yet.
    let names = |way, by_id| way == Way::User && is_known && !(by_id && matches!(who, Who::Nobody(_)));
    if deny == Way::Platform || (deny == Way::Group && in_group) {
        return DENIED;
    }
    if allow == Way::OtherGroup && in_group {
        return DENIED;
    }
    if let Who::Refused(refusal) = who {
        return Decision::Deny(refusal);
    }
    let asks = |way| matches!(way, Way::Platform | Way::User | Way::OtherPeople);
    if who == Who::Unknown {
        return Decision::Open;
    }
    if !is_known {
        let open = users == UsersPolicy::MappedOnly || asks(allow) || asks(deny);
        return if open { Decision::Open } else { Decision::Allow };
    }
    if names(deny, denied_by_id) {
        return DENIED;
    }
    if asks(allow) && allow != Way::Platform && !names(allow, allowed_by_id) {
        return DENIED;
    }
    match (users, who) {
        (UsersPolicy::MappedOnly, Who::Nobody(_)) => Decision::Deny(Refusal::NotMapped),
        (UsersPolicy::Everyone | UsersPolicy::MappedOnly, _) => Decision::Allow,
    }
}

#[test]
fn every_combination_of_rules_and_facts_is_decided() {
    let mut combinations = 0;
    for users in [UsersPolicy::Everyone, UsersPolicy::MappedOnly] {
        for (allow, allow_way) in lists() {
            for (deny, deny_way) in lists() {
                for kind in [ChatKind::Private, ChatKind::Group] {
                    for who in WHO {
                        let by_id = [allow.users.has("usr_1"), deny.users.has("usr_1")];
                        let (allow, deny) = (allow.clone(), deny.clone());
                        let settings = AccessSettings { users, allow, deny, ..AccessSettings::default() };
                        let (chat, sender) = (chat(kind), sender());
                        let facts = Facts { chat: &chat, sender: &sender, who };
                        let wanted =
                            expected(users, allow_way, deny_way, kind == ChatKind::Group, who, by_id);
                        assert_eq!(decide(&settings, &facts), wanted, "{settings:?} {facts:?}");
                        combinations += 1;
                    }
                }
            }
        }
    }
    assert_eq!(combinations, 2 * 11 * 11 * 2 * 5);
}

/// What decides at the door may never be taken back by what is looked up later: else somebody denied could get in by
/// writing while a directory is away.
#[test]
fn what_is_denied_at_the_door_is_denied_to_whomever_it_turns_out_to_be() {
    for (allow, _) in lists() {
        for (deny, _) in lists() {
            for kind in [ChatKind::Private, ChatKind::Group] {
                let settings =
                    AccessSettings { allow: allow.clone(), deny: deny.clone(), ..AccessSettings::default() };
                let (chat, sender) = (chat(kind), sender());
                let at = |who| decide(&settings, &Facts { chat: &chat, sender: &sender, who });
                if at(Who::NotAsked) == DENIED {
                    assert!(WHO.into_iter().all(|who| at(who) == DENIED));
                }
                if at(Who::NotAsked) == Decision::Allow {
                    assert_eq!((at(Who::User(PROFILE)), at(Who::Unknown)), (Decision::Allow, Decision::Open));
                }
            }
        }
    }
}

#[rstest]
#[case::display_name("usr_1", None, false)]
#[case::unverified("ann@corp.example", None, false)]
fn what_people_choose_themselves_names_nobody(
    #[case] entry: &str,
    #[case] email: Option<&str>,
    #[case] named: bool,
) {
    let allow = PeopleList { users: names(&[entry]), ..PeopleList::default() };
    let settings = AccessSettings { allow, ..AccessSettings::default() };
    let profile = Profile { id: Some("usr_2"), username: "bob", email, department: None };
    let (chat, sender) = (chat(ChatKind::Private), sender());
    let facts = Facts { chat: &chat, sender: &sender, who: Who::User(profile) };
    assert_eq!(decide(&settings, &facts) == Decision::Allow, named);
}

#[test]
fn a_list_keeps_its_names_as_they_were_given() {
    let given: Vec<String> = ["B", "a", "B"].iter().map(ToString::to_string).collect();
    let list = Names::new(given.clone());
    assert_eq!(list.given(), given);
    assert!(list.has("B") && !list.has("b") && list.has_folded(" b ") && !names(&[]).has_folded(""));
}
