//! Who may use a channel: told once, asked of nobody, and let in again.

use std::time::Duration;

use switchboard::runtime::operations::Operations;
use switchboard_domain::access::{Decision, Names};
use switchboard_domain::ids::{ChannelId, UserId};
use switchboard_domain::message::{ChatKind, Inbound};
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::Refusal;
use switchboard_domain::person::Entry;
use switchboard_domain::settings::{
    AccessSettings, GroupPolicy, GroupScope, Locale, OnMiss, PeopleList, UsersPolicy,
};
use switchboard_ports::conformance::users::user;
use switchboard_ports::page::PageRequest;
use switchboard_ports::users::{Identity, User};
use switchboard_tests::fakes::agent::Act;
use switchboard_tests::fakes::directory::knows_by_directory;
use switchboard_tests::fakes::store::Verb;
use switchboard_tests::world::{Process, World};

const DENIED: &str = "You are not allowed to use this bot here. Please ask an administrator for access.";
const UNKNOWN: &str = "I could not find an account for you. Please ask an administrator to set one up.";
const DISABLED: &str = "Your account is disabled. Please ask an administrator to enable it.";

fn names(names: &[&str]) -> Names {
    Names::new(names.iter().map(ToString::to_string).collect())
}

fn people(users: &[&str]) -> PeopleList {
    PeopleList { users: names(users), ..PeopleList::default() }
}

fn departments(departments: &[&str]) -> PeopleList {
    PeopleList { departments: names(departments), ..PeopleList::default() }
}

async fn set_up(process: &Process<'_>, access: AccessSettings) {
    let access = AccessSettings { messages_per_minute: 0, ..access };
    process.set_up_with(|channel, _| channel.access = access).await;
}

fn open() -> AccessSettings {
    AccessSettings::default()
}

/// What comes of a message once everything is quiet: the new sentences and answers.
async fn gets(process: &Process<'_>, message: Inbound) -> Vec<String> {
    let before = process.world.platform.finals().len();
    process.deliver(message).await;
    process.wait(Duration::from_secs(5)).await;
    process.world.platform.finals().split_off(before)
}

async fn says(process: &Process<'_>, person: &str, text: &str) -> Vec<String> {
    gets(process, process.world.message(person, text)).await
}

/// A message in a group, with the bot mentioned.
fn in_group(process: &Process<'_>, person: &str, text: &str) -> Inbound {
    let mut message = process.world.message(person, text);
    message.chat.kind = ChatKind::Group;
    "group-1".clone_into(&mut message.chat.id);
    message.mentioned = Some(true);
    message
}

fn refused(world: &World) -> u64 {
    world.counters.sum("switchboard_turns_total", &["outcome=refused"])
}

/// Commands are no way around it, each place counts for the same minute, and nothing is kept but the numbers.
#[test]
fn whoever_is_denied_is_told_once_a_minute_and_nothing_else_happens() {
    let world = World::new(1);
    world
        .process(|process| async move {
            set_up(&process, AccessSettings { deny: people(&["eve"]), ..open() }).await;
            assert_eq!(says(&process, "eve", "hello").await, [DENIED]);
            for text in ["hello?", "/status", "/new", "/help", ""] {
                assert_eq!(says(&process, "eve", text).await, [""; 0], "{text}");
            }
            assert_eq!(gets(&process, in_group(&process, "eve", "/status")).await, [""; 0]);
            assert_eq!(refused(process.world), 7);
            process.wait(Duration::from_mins(1)).await;
            assert_eq!(says(&process, "eve", "/status").await, [DENIED]);
            assert!(process.world.agent.asked().is_empty());
            let users = process.world.stores().users.list(&PageRequest::default()).await.unwrap();
            assert!(users.items.is_empty(), "nobody is made a user");
            assert!(process.failures().await.is_empty());
            assert!(says(&process, "ann", "hello").await[0].contains("answer"));
            // The list is taken in at once.
            let id = ChannelId::new("chn_1");
            process.patch(&id, |channel| channel.access.deny = PeopleList::default()).await;
            assert!(says(&process, "eve", "hello").await[0].contains("answer"));
        })
        .unwrap();
}

#[test]
fn with_mapped_only_nobody_is_made_a_user_and_whoever_is_found_is_let_in() {
    let world = World::new(2);
    world
        .process(|process| async move {
            set_up(&process, AccessSettings { users: UsersPolicy::MappedOnly, ..open() }).await;
            let users = &process.world.stores().users;
            assert_eq!(says(&process, "eve", "/help").await, [UNKNOWN]);
            assert_eq!(says(&process, "eve", "hello").await, [""; 0]);
            // The mapping finds a namesake.
            users.create(&user("usr_1", "ANN"), &[]).await.unwrap();
            assert!(says(&process, "ann", "hello").await[0].contains("answer"));
            // An operator links somebody.
            users.create(&user("usr_2", "bob.long"), &[]).await.unwrap();
            let identity = Identity { platform: "fake".to_owned(), im_user_id: "bob".to_owned() };
            users.link(&UserId::new("usr_2"), &identity, &[]).await.unwrap();
            assert!(says(&process, "bob", "hello").await[0].contains("answer"));
            assert_eq!(users.list(&PageRequest::default()).await.unwrap().items.len(), 2);
            // Disabled, also for commands; enabled again, with the next message.
            let bob = users.find(&UserId::new("usr_2")).await.unwrap().unwrap();
            let version =
                users.update(&User { disabled: true, ..bob.clone() }, bob.version, &[]).await.unwrap();
            assert_eq!(says(&process, "bob", "/status").await, [DISABLED]);
            assert_eq!(says(&process, "bob", "/status").await, [""; 0]);
            users.update(&bob, version, &[]).await.unwrap();
            assert!(says(&process, "bob", "/status").await[0].contains("Agent"));
            assert_eq!((process.world.agent.asked().len(), refused(process.world)), (2, 4));
        })
        .unwrap();
}

#[test]
fn groups_are_let_in_by_their_lists_and_policies() {
    let world = World::new(3);
    world
        .process(|process| async move {
            let id = ChannelId::new("chn_1");
            let group = |name: &str| PeopleList { groups: names(&[name]), ..PeopleList::default() };
            set_up(&process, AccessSettings { allow: group("group-1"), ..open() }).await;
            assert!(gets(&process, in_group(&process, "ann", "hello")).await[0].contains("answer"));
            assert!(says(&process, "ann", "hello").await[0].contains("answer"), "a private chat is no group");
            let mut elsewhere = in_group(&process, "ann", "hello");
            "group-2".clone_into(&mut elsewhere.chat.id);
            assert_eq!(gets(&process, elsewhere).await, [DENIED]);
            process.patch(&id, |channel| channel.access.deny = group("group-1")).await;
            assert_eq!(gets(&process, in_group(&process, "bob", "hello")).await, [DENIED], "deny wins");
            process.patch(&id, |channel| channel.access = AccessSettings::default()).await;
            let unmentioned = |text| Inbound { mentioned: Some(false), ..in_group(&process, "ann", text) };
            let before = refused(process.world);
            assert_eq!(gets(&process, unmentioned("to all")).await, [""; 0]);
            assert_eq!(refused(process.world), before, "what is not for the bot is no turn");
            process.patch(&id, |channel| channel.access.groups = GroupPolicy::AllMessages).await;
            assert!(gets(&process, unmentioned("to all")).await[0].contains("answer"));
        })
        .unwrap();
}

/// In a session that people share, with somebody's answer under way.
async fn answering(process: &Process<'_>, access: AccessSettings) {
    process
        .set_up_with(|channel, _| {
            channel.access = AccessSettings { messages_per_minute: 0, ..access };
            channel.conversation.group_scope = GroupScope::Shared;
        })
        .await;
    for (id, name) in [("usr_1", "ann"), ("usr_2", "bob")] {
        process.world.stores().users.create(&user(id, name), &[]).await.unwrap();
    }
    process.deliver(in_group(process, "ann", "tell me much")).await;
    process.sees("word3").await;
}

fn talkative(world: &World) {
    world
        .agent
        .script(|_, _| Act::Say((0..20).map(|n| format!("word{n} ")).collect(), Duration::from_secs(1)));
}

/// In a session that people share, whoever may not use the bot stops nobody's answer and clears nobody's context.
#[test]
fn a_denied_person_s_commands_touch_nobody_s_answer() {
    let world = World::new(4);
    talkative(&world);
    world
        .process(|process| async move {
            answering(&process, AccessSettings { users: UsersPolicy::MappedOnly, ..open() }).await;
            for text in ["/stop", "/new", "/stop all"] {
                process.deliver(in_group(&process, "eve", text)).await;
            }
            process.finals(2).await;
            let finals = process.world.platform.finals();
            assert_eq!(finals[0], UNKNOWN);
            assert!(finals[1].contains("word19"), "{finals:?}");
            assert_eq!(process.world.agent.closed_early(), 0);
        })
        .unwrap();
}

/// Whoever may use the bot stops it at once there, whoever asked and however long reading the inbox takes; a stop that
/// comes late ends no later answer.
#[test]
fn everybody_who_may_use_the_bot_stops_what_runs_in_a_shared_session_at_once() {
    let world = World::new(9);
    talkative(&world);
    world
        .process(|process| async move {
            answering(&process, AccessSettings { users: UsersPolicy::MappedOnly, ..open() }).await;
            process.world.store.slow(Verb::Load, Duration::from_secs(5));
            process.deliver(in_group(&process, "bob", "/stop")).await;
            process.wait(Duration::from_millis(10)).await;
            assert_eq!(process.world.agent.closed_early(), 1);
            process.finals(1).await;
            process.deliver(in_group(&process, "ann", "tell me more")).await;
            process.finals(2).await;
            let finals = process.world.platform.finals();
            assert!(finals[0].ends_with(&Notice::StopMark.text(Locale::En)), "{finals:?}");
            assert!(finals[1].contains("word19"), "{finals:?}");
            assert!(process.failures().await.is_empty());
            assert_eq!(process.world.agent.closed_early(), 1);
        })
        .unwrap();
}

/// Somebody in the company's directory.
fn entry(username: &str, department: &str, disabled: bool) -> Entry {
    Entry {
        username: username.to_owned(),
        email: Some(format!("{username}@corp.example")),
        display_name: None,
        department: Some(department.to_owned()),
        disabled,
        ..Entry::default()
    }
}

async fn asks_the_directory(process: &Process<'_>, access: AccessSettings) {
    process
        .set_up_with(|channel, _| {
            channel.access = AccessSettings { messages_per_minute: 0, ..access };
            knows_by_directory(channel);
        })
        .await;
}

#[test]
fn a_department_lets_in_and_leaving_it_ends_access_within_the_cache_s_time() {
    let world = World::new(5);
    world.directory.set("m1", &[entry("ann", "Sales", false)]);
    world.directory.set("m2", &[entry("bob", "Legal", false)]);
    world
        .process(|process| async move {
            asks_the_directory(&process, AccessSettings { allow: departments(&["sales"]), ..open() }).await;
            let directory = &process.world.directory;
            assert!(says(&process, "m1", "hello").await[0].contains("answer"));
            assert_eq!(says(&process, "m2", "hello").await, [DENIED]);
            let users = process.world.stores().users.list(&PageRequest::default()).await.unwrap().items;
            assert_eq!(users.len(), 1, "nobody is made a user to be denied");
            directory.set("m1", &[entry("ann", "Legal", false)]);
            directory.set("m2", &[entry("bob", "Sales", false)]);
            process.wait(Duration::from_mins(5)).await;
            assert_eq!(says(&process, "m1", "/status").await, [DENIED]);
            assert!(says(&process, "m2", "hello").await[0].contains("answer"));
            // Away, it changes nothing for whom it is known.
            directory.away(true);
            process.wait(Duration::from_mins(10)).await;
            assert!(says(&process, "m2", "hello").await[0].contains("answer"));
            directory.away(false);
            directory.set("m1", &[entry("ann", "SALES", false)]);
            process.wait(Duration::from_mins(5)).await;
            assert!(says(&process, "m1", "hello").await[0].contains("answer"));
        })
        .unwrap();
}

/// Of whom it is known who they are, what was said last counts while a directory takes its time, and what it says then
/// counts from then on.
#[test]
fn a_slow_directory_is_asked_behind_the_answer() {
    let world = World::new(6);
    world.directory.set("m1", &[entry("ann", "Sales", false)]);
    world
        .process(|process| async move {
            asks_the_directory(&process, open()).await;
            let directory = &process.world.directory;
            directory.takes(Duration::from_secs(4));
            let before = process.world.clock_millis();
            process.says("m1", "hello").await;
            process.finals(1).await;
            assert!(
                process.world.clock_millis() - before >= 4_000,
                "nobody is mapped before it has answered"
            );
            directory.set("m1", &[entry("ann", "Sales", true)]);
            process.wait(Duration::from_mins(5)).await;
            let before = process.world.clock_millis();
            process.says("m1", "hello").await;
            process.finals(2).await;
            assert!(process.world.clock_millis() - before < 3_000, "she is not kept waiting");
            assert!(process.world.platform.finals()[1].contains("answer"));
            process.wait(Duration::from_secs(5)).await;
            assert_eq!(directory.asked(), 2, "one look-up, which all wait for");
            assert_eq!(says(&process, "m1", "hello").await, [DISABLED]);
        })
        .unwrap();
}

#[test]
fn over_the_channel_s_limit_everybody_is_told_and_commands_work() {
    let world = World::new(7);
    world
        .process(|process| async move {
            set_up(&process, AccessSettings { channel_messages_per_minute: 2, ..open() }).await;
            for person in ["ann", "bob"] {
                assert!(says(&process, person, "hello").await[0].contains("answer"));
            }
            let told = says(&process, "carl", "hello").await;
            assert_eq!(told, ["Too many messages are coming in. Please wait a minute and send it again."]);
            assert_eq!(says(&process, "carl", "hello?").await, [""; 0]);
            assert!(says(&process, "carl", "/status").await[0].contains("Agent"));
            process.wait(Duration::from_mins(1)).await;
            assert!(says(&process, "carl", "hello").await[0].contains("answer"));
        })
        .unwrap();
}

/// The address of a user that was made for an author is made up: whoever could choose it would be whom they like.
#[test]
fn people_are_named_by_username_and_never_by_an_address_that_is_not_verified() {
    let world = World::new(8);
    world
        .process(|process| async move {
            set_up(&process, AccessSettings { deny: people(&["ann@im-platform.com"]), ..open() }).await;
            assert!(says(&process, "ann", "hello").await[0].contains("answer"));
            let id = ChannelId::new("chn_1");
            process.patch(&id, |channel| channel.access.deny = people(&["ANN"])).await;
            assert_eq!(says(&process, "ann", "hello again").await, [DENIED]);
            assert_eq!(process.world.agent.asked().len(), 1);
        })
        .unwrap();
}

/// Whom a directory knows belongs to the company: with `mapped_only` its answer makes the user, and nothing else does.
#[test]
fn with_mapped_only_a_directory_lets_in_whom_it_knows() {
    let world = World::new(10);
    world.directory.set("m1", &[entry("ann", "Sales", false)]);
    world.directory.set("m3", &[entry("carl", "Sales", true)]);
    world
        .process(|process| async move {
            asks_the_directory(&process, AccessSettings { users: UsersPolicy::MappedOnly, ..open() }).await;
            let id = ChannelId::new("chn_1");
            for (person, access) in [("m1", Decision::Allow), ("m2", Decision::Deny(Refusal::NotMapped))] {
                let sender = process.world.message(person, "").sender;
                let trial = process.driver.try_mapping(&id, sender).await.unwrap().unwrap();
                assert_eq!(trial.access, access, "{person}");
            }
            for on_miss in [OnMiss::Create, OnMiss::Reject] {
                process.patch(&id, |channel| channel.user_mapping.on_miss = on_miss).await;
                process.wait(Duration::from_mins(1)).await;
                assert!(says(&process, "m1", "/status").await[0].contains("Agent"));
                assert!(says(&process, "m1", "hello").await[0].contains("answer"));
                assert_eq!(says(&process, "m2", "hello").await, [UNKNOWN]);
                assert_eq!(says(&process, "m3", "hello").await, [DISABLED]);
            }
            let users = process.world.stores().users.list(&PageRequest::default()).await.unwrap().items;
            assert_eq!(users.into_iter().map(|user| user.username).collect::<Vec<_>>(), ["ann"]);
            // A directory that is away makes nobody, and locks out nobody.
            process.world.directory.away(true);
            process.wait(Duration::from_mins(10)).await;
            assert!(says(&process, "m1", "hello").await[0].contains("answer"));
            // Nor does it let anybody do anything whom it might refuse.
            process.patch(&id, |channel| channel.access.users = UsersPolicy::Everyone).await;
            let later = Notice::Refused(Refusal::NotLookedUp).text(Locale::En);
            assert_eq!(says(&process, "m4", "/stop all").await, [later]);
        })
        .unwrap();
}
