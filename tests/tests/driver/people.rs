//! Who asks: people who are disabled, deleted and linked while messages come.

use switchboard_domain::ids::{UserId, Version};
use switchboard_ports::conformance::users::user;
use switchboard_ports::users::{Identity, User};
use switchboard_tests::world::{Process, World};

fn identity(person: &str) -> Identity {
    Identity { platform: "fake".to_owned(), im_user_id: person.to_owned() }
}

/// The user that somebody is linked to.
async fn linked(process: &Process<'_>, person: &str) -> Option<User> {
    process.world.stores().users.linked(&identity(person)).await.unwrap()
}

async fn says(process: &Process<'_>, person: &str) -> String {
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
            users.update(&User { disabled: true, ..ann.clone() }, Version(1)).await.unwrap();
            let refusal = says(&process, "ann").await;
            assert_eq!(refusal, "Your account is disabled. Please ask an administrator to enable it.");
            users.update(&ann, Version(2)).await.unwrap();
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
            users.delete(&first.id).await.unwrap();
            says(&process, "ann").await;
            let second = linked(&process, "ann").await.unwrap();
            assert_ne!(first.id, second.id);
            users.delete(&second.id).await.unwrap();
            users.create(&User { disabled: true, ..user("usr_1", "ANN") }).await.unwrap();
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
            users.create(&user("usr_1", "anna.long")).await.unwrap();
            users.link(&UserId::new("usr_1"), &identity("ann")).await.unwrap();
            says(&process, "ann").await;
        })
        .unwrap();
    assert_eq!(world.agent.asked()[0].user.username, "anna.long");
}
