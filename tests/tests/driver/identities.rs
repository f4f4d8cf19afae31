//! One user and several identities: nobody becomes somebody else, and nobody is shut out for another one's absence.

use std::time::Duration;

use switchboard_domain::ids::ChannelId;
use switchboard_domain::person::{Entry, Tells};
use switchboard_domain::settings::{MappingMode, OnMiss};
use switchboard_ports::conformance::users::user;
use switchboard_ports::users::User;
use switchboard_tests::world::World;

use super::people::{DISABLED, UNKNOWN, asks_the_directory, entry, identity, linked, says};

fn channel() -> ChannelId {
    ChannelId::new("chn_1")
}

/// Whoever has the username or the address of somebody whom another identity leads to is somebody else, until an
/// administrator says otherwise.
#[test]
fn nobody_becomes_somebody_whom_another_identity_leads_to() {
    let world = World::new(1);
    world.directory.set("v1", &[entry("vera", false)]);
    world
        .process(|process| async move {
            asks_the_directory(&process).await;
            process.patch(&channel(), |channel| channel.user_mapping.on_miss = OnMiss::Create).await;
            let answer = says(&process, "v1").await;
            // A namesake whom no directory knows, by the platform's id, also in other letters.
            for namesake in ["vera", "Vera"] {
                assert_eq!(says(&process, namesake).await, UNKNOWN, "{namesake}");
                assert_eq!(linked(&process, namesake).await, None);
            }
            // Her address, which the directory has given to somebody else.
            let hers = Some("vera@corp.example".to_owned());
            process.world.directory.set("t2", &[Entry { email: hers, ..entry("tom", false) }]);
            process.patch(&channel(), |channel| channel.user_mapping.mode = MappingMode::MatchEmail).await;
            assert_eq!(says(&process, "t2").await, UNKNOWN);
            for mode in [MappingMode::AutoCreate, MappingMode::MatchUsername] {
                // Told once a minute.
                process.wait(Duration::from_mins(2)).await;
                process.patch(&channel(), |channel| channel.user_mapping.mode = mode.clone()).await;
                assert_eq!(says(&process, "vera").await, UNKNOWN, "{mode:?}");
            }
            let vera = linked(&process, "v1").await.unwrap();
            let users = &process.world.stores().users;
            users.link(&vera.id, &identity("vera"), &[]).await.unwrap();
            assert_eq!(says(&process, "vera").await, answer, "linked by hand");
        })
        .unwrap();
}

/// Of a user whom an account of another platform rule made, a directory that has the name for somebody else says nothing; of one
/// that it vouches for, it may know two identities.
#[test]
fn a_directory_gives_its_own_people_a_second_identity_and_nobody_else_s() {
    let world = World::new(2);
    world
        .process(|process| async move {
            asks_the_directory(&process).await;
            let users = &process.world.stores().users;
            users
                .create(&User { identities: vec![identity("ann")], ..user("usr_1", "ann") }, &[])
                .await
                .unwrap();
            process.world.directory.set("e1", &[entry("ann", false)]);
            assert_eq!(says(&process, "e1").await, UNKNOWN);
            process.world.directory.set("b1", &[entry("bob", false)]);
            process.world.directory.set("b2", &[entry("bob", false)]);
            assert_eq!(says(&process, "b1").await, says(&process, "b2").await);
            assert_eq!(linked(&process, "b1").await.unwrap().id, linked(&process, "b2").await.unwrap().id);
        })
        .unwrap();
}

/// Whom a directory knows by one identity is not shut out by another one, which was linked by hand and stands nowhere.
#[test]
fn an_identity_that_was_linked_by_hand_shuts_nobody_out() {
    let world = World::new(3);
    world.directory.set("j1", &[entry("jo", false)]);
    world
        .process(|process| async move {
            asks_the_directory(&process).await;
            let answer = says(&process, "j1").await;
            let jo = linked(&process, "j1").await.unwrap();
            process.world.stores().users.link(&jo.id, &identity("j2"), &[]).await.unwrap();
            assert_eq!(says(&process, "j2").await, answer);
            let directory = &process.world.directory;
            directory.away(true);
            process.wait(Duration::from_mins(10)).await;
            assert_eq!(says(&process, "j1").await, answer);
            directory.away(false);
            directory.set("j1", &[]);
            process.wait(Duration::from_mins(10)).await;
            for gone in ["j2", "j1"] {
                assert_eq!(says(&process, gone).await, DISABLED, "{gone}");
            }
            directory.set("j1", &[entry("jo", false)]);
            process.wait(Duration::from_mins(10)).await;
            assert_eq!(says(&process, "j2").await, answer, "back");
        })
        .unwrap();
}

/// A new name for a directory lets nobody in again.
#[test]
fn who_has_left_stays_out_when_the_directory_is_renamed() {
    let world = World::new(4);
    for person in ["m1", "m2", "m3"] {
        world.directory.set(person, &[entry(person, false)]);
    }
    world
        .process(|process| async move {
            asks_the_directory(&process).await;
            let answer = says(&process, "m1").await;
            for person in ["m2", "m3"] {
                assert_eq!(says(&process, person).await, answer);
            }
            let directory = &process.world.directory;
            directory.set("m1", &[]);
            process.wait(Duration::from_mins(10)).await;
            assert_eq!(says(&process, "m1").await, DISABLED);
            directory.set("m2", &[]);
            let rename = |channel: &mut switchboard_ports::channels::Channel| {
                channel.directories.chain[0].name = "renamed".to_owned();
            };
            process.patch(&channel(), rename).await;
            // What it said of them is not asked for again before that, and they are told once a minute.
            process.wait(Duration::from_mins(10)).await;
            for (person, said) in [("m1", DISABLED), ("m2", DISABLED), ("m3", answer.as_str())] {
                assert_eq!(says(&process, person).await, said, "{person}");
            }
            directory.away(true);
            process.wait(Duration::from_mins(10)).await;
            for (person, said) in [("m1", DISABLED), ("m2", DISABLED), ("m3", answer.as_str())] {
                assert_eq!(says(&process, person).await, said, "{person}, while it is away");
            }
            directory.away(false);
            directory.set("m1", &[entry("m1", false)]);
            process.wait(Duration::from_mins(10)).await;
            assert_eq!(says(&process, "m1").await, answer, "back");
            let of_one = linked(&process, "m1").await.unwrap();
            assert_eq!((of_one.shut_out_by, of_one.directory.as_deref()), (None, Some("renamed")));
        })
        .unwrap();
}

/// What a directory tells and does not say of somebody any more is gone; what it never tells stays as it was entered.
#[test]
fn what_a_directory_takes_away_is_gone() {
    let world = World::new(5);
    let full = entry("sam", false);
    let emptied = Entry { email: None, department: None, ..full.clone() };
    world.directory.set("s1", std::slice::from_ref(&full));
    world
        .process(|process| async move {
            asks_the_directory(&process).await;
            says(&process, "s1").await;
            let is = async || {
                let sam = linked(&process, "s1").await.unwrap();
                (sam.department, sam.email, sam.email_verified)
            };
            let told = (full.department.clone(), full.email.clone(), true);
            assert_eq!(is().await, told);
            let directory = &process.world.directory;
            for (says_now, expected) in [
                (Entry { tells: Tells::default(), ..emptied.clone() }, told.clone()),
                (emptied.clone(), (None, None, false)),
                (full.clone(), told),
            ] {
                directory.set("s1", &[says_now]);
                process.wait(Duration::from_mins(10)).await;
                says(&process, "s1").await;
                assert_eq!(is().await, expected);
            }
        })
        .unwrap();
}
