//! Names that read as somebody else's: nobody is taken for another person because of a character that shows nothing.

use switchboard_domain::person::Entry;
use switchboard_ports::conformance::users::user;
use switchboard_ports::page::PageRequest;
use switchboard_ports::users::{Identity, User};
use switchboard_tests::fakes::directory::knows_by_directory;
use switchboard_tests::world::{Process, World};

/// `ann` with a character of no width behind it.
const LOOKALIKE: &str = "ann\u{200B}";

async fn linked(process: &Process<'_>, person: &str) -> Option<User> {
    let identity = Identity { platform: "fake".to_owned(), im_user_id: person.to_owned() };
    process.world.stores().users.linked(&identity).await.unwrap()
}

#[test]
fn a_directory_s_name_with_what_cannot_be_seen_is_no_answer() {
    let world = World::new(1);
    world.directory.set("m1", &[Entry { username: LOOKALIKE.to_owned(), ..Entry::default() }]);
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| knows_by_directory(channel)).await;
            process.says("m1", "hello").await;
            process.finals(1).await;
            let later = "Your account could not be looked up right now. Please try again in a few minutes.";
            assert_eq!(process.world.platform.finals(), [later]);
            let users = process.world.stores().users.list(&PageRequest::default()).await.unwrap().items;
            assert!(users.is_empty(), "{users:?}");
        })
        .unwrap();
}

#[test]
fn a_platform_s_id_with_what_cannot_be_seen_names_a_guest() {
    let world = World::new(2);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.stores().users.create(&user("usr_1", "ann"), &[]).await.unwrap();
            process.says(LOOKALIKE, "hello").await;
            process.finals(1).await;
            assert_eq!(linked(&process, LOOKALIKE).await, None);
            let guest = linked(&process, &format!("opaque-{LOOKALIKE}")).await.unwrap();
            assert!(guest.username.starts_with("guest-"), "{}", guest.username);
        })
        .unwrap();
}
