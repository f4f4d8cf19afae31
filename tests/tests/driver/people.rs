//! Who asks: people who are disabled, deleted and linked while messages come.

use std::time::Duration;

use switchboard::runtime::operations::Operations as _;
use switchboard_domain::ids::{UserId, Version};
use switchboard_domain::mapping::{Decision, Rule};
use switchboard_domain::outcome::Refusal;
use switchboard_domain::person::{Entry, Tells};
use switchboard_domain::settings::{MappingMode, OnMiss};
use switchboard_ports::audit::AuditAct;
use switchboard_ports::conformance::users::user;
use switchboard_ports::page::PageRequest;
use switchboard_ports::users::{Identity, User};
use switchboard_tests::fakes::directory::knows_by_directory;
use switchboard_tests::world::{Process, World};

pub(super) fn identity(person: &str) -> Identity {
    Identity { platform: "fake".to_owned(), im_user_id: person.to_owned() }
}

/// The user that somebody is linked to.
pub(super) async fn linked(process: &Process<'_>, person: &str) -> Option<User> {
    process.world.stores().users.linked(&identity(person)).await.unwrap()
}

pub(super) async fn says(process: &Process<'_>, person: &str) -> String {
    let before = process.world.platform.finals().len();
    process.says(person, "hello").await;
    process.finals(before + 1).await;
    process.world.platform.finals().pop().unwrap()
}

#[test]
fn a_disabled_user_is_refused_from_the_next_message_on_until_it_is_enabled() {
    let world = World::new(1);
    world
        .process(|process| async move {
            process.set_up().await;
            let answer = says(&process, "ann").await;
            let users = &process.world.stores().users;
            let ann = linked(&process, "ann").await.unwrap();
            users.update(&User { disabled: true, ..ann.clone() }, Version(1), &[]).await.unwrap();
            let refusal = says(&process, "ann").await;
            assert_eq!(refusal, "Your account is disabled. Please ask an administrator to enable it.");
            users.update(&ann, Version(2), &[]).await.unwrap();
            assert_eq!(says(&process, "ann").await, answer);
        })
        .unwrap();
    assert_eq!(world.agent.asked().len(), 2);
}

/// Also where her name is taken by somebody disabled: a second account would undo the disabling.
#[test]
fn a_deleted_user_is_mapped_anew_and_a_disabled_namesake_is_refused() {
    let world = World::new(2);
    world
        .process(|process| async move {
            process.set_up().await;
            says(&process, "ann").await;
            let users = &process.world.stores().users;
            let first = linked(&process, "ann").await.unwrap();
            users.delete(&first.id, &[]).await.unwrap();
            says(&process, "ann").await;
            let second = linked(&process, "ann").await.unwrap();
            assert_ne!(first.id, second.id);
            users.delete(&second.id, &[]).await.unwrap();
            users.create(&User { disabled: true, ..user("usr_1", "ANN") }, &[]).await.unwrap();
            assert!(says(&process, "ann").await.contains("disabled"));
            assert_eq!(linked(&process, "ann").await, None);
        })
        .unwrap();
}

#[test]
fn whoever_was_linked_by_hand_is_that_user() {
    let world = World::new(3);
    world
        .process(|process| async move {
            process.set_up().await;
            let users = &process.world.stores().users;
            users.create(&user("usr_1", "anna.long"), &[]).await.unwrap();
            users.link(&UserId::new("usr_1"), &identity("ann"), &[]).await.unwrap();
            says(&process, "ann").await;
        })
        .unwrap();
    assert_eq!(world.agent.asked()[0].user.username, "anna.long");
}

/// Somebody in the company's directory, by the platform's id of them.
pub(super) fn entry(username: &str, disabled: bool) -> Entry {
    Entry {
        username: username.to_owned(),
        email: Some(format!("{username}@corp.example")),
        display_name: Some(username.to_uppercase()),
        department: Some("Sales".to_owned()),
        disabled,
        tells: Tells { email: true, department: true },
    }
}

/// A channel that asks the directory, with people whom it does not know refused.
pub(super) async fn asks_the_directory(process: &Process<'_>) {
    process.set_up_with(|channel, _| knows_by_directory(channel)).await;
}

pub(super) const DISABLED: &str = "Your account is disabled. Please ask an administrator to enable it.";
pub(super) const UNKNOWN: &str =
    "I could not find an account for you. Please ask an administrator to set one up.";
const LATER: &str = "Your account could not be looked up right now. Please try again in a few minutes.";

#[test]
fn a_directory_says_who_somebody_is_and_whom_it_does_not_know_is_refused() {
    let world = World::new(4);
    world.directory.set("m1", &[entry("ann.long", false)]);
    world.directory.set("m2", &[entry("bob", false), entry("bob2", false)]);
    world.directory.set("m3", &[entry("carl", true)]);
    world
        .process(|process| async move {
            asks_the_directory(&process).await;
            let users = &process.world.stores().users;
            users.create(&user("usr_1", "Ann.Long"), &[]).await.unwrap();
            assert!(says(&process, "m1").await.contains("answer"));
            assert_eq!(says(&process, "m2").await, UNKNOWN);
            assert_eq!(says(&process, "m3").await, DISABLED);
            assert_eq!(says(&process, "m4").await, UNKNOWN);
            let ann = linked(&process, "m1").await.unwrap();
            assert_eq!((ann.id.as_str(), ann.display_name.as_str()), ("usr_1", "ANN.LONG"));
            assert_eq!((ann.directory.as_deref(), ann.department.as_deref()), (Some("corp"), Some("Sales")));
            assert_eq!(users.list(&PageRequest::default()).await.unwrap().items, [ann]);
            // One mapping, one line, however often she writes.
            says(&process, "m1").await;
            let listed = process.world.stores().audit.list(&PageRequest::default()).await.unwrap().items;
            let told: Vec<_> = listed
                .iter()
                .map(|it| (it.line.act, it.line.rule.as_str(), it.line.source.as_str()))
                .collect();
            assert_eq!(told, [(AuditAct::Linked, "directory", "corp")]);
            assert_eq!((listed[0].line.im_user_id.as_str(), listed[0].line.user.as_str()), ("m1", "usr_1"));
        })
        .unwrap();
}

#[test]
fn who_leaves_or_is_disabled_loses_access_within_the_cache_s_time() {
    let world = World::new(5);
    world.directory.set("m1", &[entry("ann", false)]);
    world.directory.set("m2", &[entry("bob", false)]);
    world
        .process(|process| async move {
            asks_the_directory(&process).await;
            let answer = says(&process, "m1").await;
            assert_eq!(says(&process, "m2").await, answer);
            let directory = &process.world.directory;
            directory.set("m1", &[entry("ann", true)]);
            directory.set("m2", &[]);
            let asked = directory.asked();
            assert_eq!(says(&process, "m1").await, answer, "still in the cache");
            assert_eq!(directory.asked(), asked);
            process.wait(Duration::from_mins(5)).await;
            assert_eq!(says(&process, "m1").await, DISABLED);
            assert_eq!(says(&process, "m2").await, DISABLED);
            // Nor does an outage let them in again, while nobody else is locked out.
            directory.away(true);
            process.wait(Duration::from_mins(10)).await;
            assert_eq!(says(&process, "m1").await, DISABLED);
            assert_eq!(says(&process, "m2").await, DISABLED);
            directory.away(false);
            process.wait(Duration::from_mins(1)).await;
            directory.set("m1", &[entry("ann", false)]);
            assert_eq!(says(&process, "m1").await, answer);
        })
        .unwrap();
}

/// What a process remembers of denials dies with it; what is written down of them does not.
#[test]
fn who_was_shut_out_stays_out_over_a_restart_while_the_directory_is_away() {
    let world = World::new(10);
    for person in ["m1", "m2", "m3"] {
        world.directory.set(person, &[entry(person, false)]);
    }
    let answer = world
        .process(|process| async move {
            asks_the_directory(&process).await;
            let answer = says(&process, "m1").await;
            for person in ["m2", "m3"] {
                assert_eq!(says(&process, person).await, answer);
            }
            process.world.directory.set("m1", &[entry("m1", true)]);
            process.world.directory.set("m2", &[]);
            process.wait(Duration::from_mins(5)).await;
            for person in ["m1", "m2"] {
                assert_eq!(says(&process, person).await, DISABLED);
                assert_eq!(linked(&process, person).await.unwrap().shut_out_by.as_deref(), Some("corp"));
            }
            answer
        })
        .unwrap();
    world.directory.away(true);
    world
        .process(|process| async move {
            process.connected().await;
            for (person, said) in [("m1", DISABLED), ("m2", DISABLED), ("m3", answer.as_str())] {
                assert_eq!(says(&process, person).await, said, "{person}");
            }
            process.world.directory.away(false);
            process.world.directory.set("m2", &[entry("m2", false)]);
            process.wait(Duration::from_mins(1)).await;
            for (person, said) in [("m1", DISABLED), ("m2", answer.as_str()), ("m3", answer.as_str())] {
                assert_eq!(says(&process, person).await, said, "{person}");
            }
            let of_two = linked(&process, "m2").await.unwrap();
            assert_eq!((of_two.shut_out_by, of_two.directory.as_deref()), (None, Some("corp")));
            let listed = process.world.stores().audit.list(&PageRequest::default()).await.unwrap().items;
            let told: Vec<_> = listed
                .iter()
                .filter(|it| matches!(it.line.act, AuditAct::ShutOut | AuditAct::LetIn))
                .map(|it| (it.line.act, it.line.im_user_id.as_str(), it.line.source.as_str()))
                .collect();
            let expected = [
                (AuditAct::LetIn, "m2", "corp"),
                (AuditAct::ShutOut, "m2", "corp"),
                (AuditAct::ShutOut, "m1", "corp"),
            ];
            assert_eq!(told, expected);
        })
        .unwrap();
}

#[test]
fn a_directory_that_is_away_locks_nobody_out_and_maps_nobody() {
    let world = World::new(6);
    world.directory.set("m1", &[entry("ann", false)]);
    world.directory.set("m2", &[entry("bob", false)]);
    world
        .process(|process| async move {
            asks_the_directory(&process).await;
            let users = &process.world.stores().users;
            let answer = says(&process, "m1").await;
            users.create(&user("usr_1", "by.hand"), &[]).await.unwrap();
            users.link(&UserId::new("usr_1"), &identity("m9"), &[]).await.unwrap();
            process.world.directory.away(true);
            process.wait(Duration::from_mins(10)).await;
            assert_eq!(says(&process, "m1").await, answer);
            assert_eq!(says(&process, "m9").await, answer);
            // Also where somebody has the name already: who it is would depend on the moment.
            users.create(&user("usr_2", "m2"), &[]).await.unwrap();
            for _ in 0..8 {
                assert_eq!(says(&process, "m2").await, LATER);
            }
            assert!(process.world.directory.asked() < 10, "it is left alone after a few failures");
            assert_eq!(linked(&process, "m2").await, None);
            process.world.directory.away(false);
            process.wait(Duration::from_secs(31)).await;
            assert_eq!(says(&process, "m2").await, answer);
            assert_eq!(linked(&process, "m2").await.unwrap().username, "bob");
            assert_eq!(says(&process, "m9").await, answer, "linked by hand, unknown to the directory");
            process.world.directory.set("m3", &[entry("eve", false)]);
            process.world.directory.busy(true);
            for _ in 0..8 {
                assert_eq!(says(&process, "m3").await, LATER);
            }
            process.world.directory.busy(false);
            assert_eq!(says(&process, "m3").await, answer, "nothing was wrong with it: it is asked at once");
        })
        .unwrap();
}

/// Whoever was matched by hand-made name keeps nothing of a namesake's: an ambiguous answer links nobody, and an address
/// that two users have is nobody's.
#[test]
fn an_address_of_two_users_is_nobody_s() {
    let world = World::new(7);
    world.directory.set("m1", &[Entry { email: Some("Shared@x.com".to_owned()), ..entry("ann", false) }]);
    world.directory.set("m2", &[Entry { email: Some("two@x.com".to_owned()), ..entry("two", false) }]);
    world
        .process(|process| async move {
            asks_the_directory(&process).await;
            let id = switchboard_domain::ids::ChannelId::new("chn_1");
            process.patch(&id, |channel| channel.user_mapping.mode = MappingMode::MatchEmail).await;
            let users = &process.world.stores().users;
            for (id, email) in [("usr_1", "shared@x.com"), ("usr_2", "SHARED@x.com"), ("usr_3", "two@x.com")]
            {
                users.create(&User { email: Some(email.to_owned()), ..user(id, id) }, &[]).await.unwrap();
            }
            assert_eq!(says(&process, "m1").await, UNKNOWN);
            assert_eq!(linked(&process, "m1").await, None);
            says(&process, "m2").await;
            let two = linked(&process, "m2").await.unwrap();
            assert_eq!((two.id.as_str(), two.directory.as_deref()), ("usr_3", Some("corp")));
            assert_eq!(two.display_name, "Somebody 某人", "the name stays what it was");
        })
        .unwrap();
}

/// `on_miss: create` takes namesakes only of those whom no directory knows: whoever it knows is somebody already, and a user of
/// the same name may be somebody else.
#[test]
fn nobody_becomes_a_namesake_whom_a_directory_contradicts() {
    let world = World::new(11);
    let mailbox = |name: &str, email: &str| Entry { email: Some(email.to_owned()), ..entry(name, false) };
    world.directory.set("m1", &[mailbox("ann", "new@x.com")]);
    world.directory.set("m2", &[mailbox("bob", "b@x.com"), mailbox("bob2", "b2@x.com")]);
    world.directory.set("m3", &[mailbox("carl", "shared@x.com")]);
    world.directory.set("m4", &[Entry { email: None, ..entry("dora", false) }]);
    world
        .process(|process| async move {
            asks_the_directory(&process).await;
            let users = &process.world.stores().users;
            for (id, name, email) in [
                ("usr_1", "m1", "one@x.com"),
                ("usr_2", "m2", "two@x.com"),
                ("usr_3", "m3", "shared@x.com"),
                ("usr_4", "m4", "SHARED@x.com"),
                ("usr_5", "m5", "five@x.com"),
            ] {
                users.create(&User { email: Some(email.to_owned()), ..user(id, name) }, &[]).await.unwrap();
            }
            let channel = switchboard_domain::ids::ChannelId::new("chn_1");
            for mode in [MappingMode::MatchEmail, MappingMode::Directory] {
                process
                    .patch(&channel, |channel| {
                        channel.user_mapping.mode = mode.clone();
                        channel.user_mapping.on_miss = OnMiss::Create;
                    })
                    .await;
                // With `directory` the directory's own name makes the user, so that only several are nobody.
                let nobodies =
                    if mode == MappingMode::Directory { &["m2"][..] } else { &["m1", "m2", "m3", "m4"] };
                for person in nobodies {
                    process.wait(Duration::from_mins(2)).await;
                    assert_eq!(says(&process, person).await, UNKNOWN, "{mode:?} {person}");
                    assert_eq!(linked(&process, person).await, None, "{mode:?} {person}");
                }
                // Whom no directory knows becomes whoever has the name, as with `auto_create`.
                says(&process, "m5").await;
                assert_eq!(linked(&process, "m5").await.unwrap().id.as_str(), "usr_5");
                assert_eq!(users.list(&PageRequest::default()).await.unwrap().items.len(), 5);
            }
        })
        .unwrap();
}

/// People from outside the company have no id that a directory could be asked for.
#[test]
fn without_a_staff_id_on_miss_decides() {
    let world = World::new(8);
    world
        .process(|process| async move {
            asks_the_directory(&process).await;
            let guest = |process: &Process<'_>| {
                let mut message = process.world.message("guest", "hello");
                message.sender.im_user_id = None;
                message
            };
            process.deliver(guest(&process)).await;
            process.finals(1).await;
            assert_eq!(process.world.platform.finals(), [UNKNOWN]);
            let id = switchboard_domain::ids::ChannelId::new("chn_1");
            process.patch(&id, |channel| channel.user_mapping.on_miss = OnMiss::Create).await;
            process.deliver(guest(&process)).await;
            process.finals(2).await;
            let made = linked(&process, "opaque-guest").await.unwrap();
            assert!(made.username.starts_with("guest-"), "{}", made.username);
            assert_eq!(process.world.directory.asked(), 0);
        })
        .unwrap();
}

#[test]
fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let world = World::new(9);
    world.directory.set("m1", &[entry("ann", false)]);
    world.directory.set("m2", &[entry("bob", true)]);
    world
        .process(|process| async move {
            asks_the_directory(&process).await;
            let users = &process.world.stores().users;
            let rules = async |person: &str| {
                let sender = process.world.message(person, "").sender;
                let id = switchboard_domain::ids::ChannelId::new("chn_1");
                let trial = process.driver.try_mapping(&id, sender).await.unwrap().unwrap();
                (trial.verdict.decision, trial.verdict.rule)
            };
            let (decision, rule) = rules("m1").await;
            assert!(matches!(decision, Decision::Create(new) if new.username == "ann"));
            assert_eq!(rule, Rule::Directory);
            assert_eq!(rules("m2").await, (Decision::Reject(Refusal::UserDisabled), Rule::Directory));
            assert_eq!(rules("m3").await, (Decision::Reject(Refusal::NotMapped), Rule::OnMiss));
            assert!(users.list(&PageRequest::default()).await.unwrap().items.is_empty());
            says(&process, "m1").await;
            assert!(matches!(rules("m1").await, (Decision::Use(_), Rule::Linked)));
        })
        .unwrap();
}
