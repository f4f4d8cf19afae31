//! The suite of `MessageStore`: given in once, told truly, kept for a while.

use std::time::Duration;

use futures_util::future::join_all;
use switchboard_domain::ids::{ConversationKey, MessageId, RetryNumber, Seq, Version};
use switchboard_domain::inbox::{Entry, Intake};
use switchboard_domain::message::{Chat, ChatKind, Sender};
use switchboard_domain::outbound::{Format, MessageState, News, Progress};
use switchboard_domain::outcome::Refusal;
use switchboard_domain::snapshot::PartStatus;

use crate::conformance::generate::{progresses, values};
use crate::conformance::samples::{TTL, accept_first, ask, commit, key, key_on, lease, member_key};
use crate::conformance::{Fixture, Stores};
use crate::conversations::Commit;
use crate::error::StoreError;
use crate::messages::{Given, MESSAGE_WAITING_MAX, MESSAGES_KEPT, MESSAGES_MAX, MessageRecord, NewMessage};

/// One test per case of the message store's contract.
#[macro_export]
macro_rules! message_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (messages);
            a_message_is_an_entry_with_a_record_beside_it,
            a_message_with_a_record_is_not_given_in_again,
            of_the_same_message_given_in_at_once_one_counts,
            of_the_same_id_given_in_for_two_chats_at_once_one_counts,
            an_id_whose_record_has_gone_is_found_where_it_is_given_in_again,
            news_come_with_their_commit_and_are_read_back,
            news_of_a_commit_that_is_not_done_are_not_heard,
            a_conversation_where_much_waits_takes_no_message,
            records_are_kept_for_a_week_and_longer_while_they_have_not_ended,
            records_that_do_not_end_hold_nobody_up,
            a_flood_costs_its_own_channels_oldest_records_alone,
            purging_a_channel_forgets_its_messages,
            a_message_and_its_record_survive,
        );
    };
}

/// A message to somebody in private.
#[must_use]
pub fn new_message(id: &str, key: &ConversationKey) -> NewMessage {
    NewMessage {
        id: MessageId::new(id),
        key: key.clone(),
        chat: Chat { id: key.chat.clone(), kind: ChatKind::Private, title: None },
        person: Some("staff7".to_owned()),
        text: "notice 通知".to_owned(),
        format: Format::Text,
        fingerprint: "f00d".to_owned(),
    }
}

async fn give(stores: &Stores, message: NewMessage) -> MessageRecord {
    match stores.messages.give(message).await.unwrap() {
        Given::Now { record, .. } => record,
        Given::Before(_) | Given::Full => panic!("not given in"),
    }
}

fn ended(state: PartStatus) -> Progress {
    Progress { parts: vec![state], ..Progress::default() }
}

async fn tell(stores: &Stores, key: &ConversationKey, version: u64, message: &MessageId, progress: Progress) {
    let lease = lease(&*stores.conversations, "a", key).await;
    let news = vec![News { message: message.clone(), progress }];
    let step = Commit { news, ..commit(&format!("k{version}"), &key.id(), Version(version)) };
    stores.conversations.commit(&lease, step).await.unwrap();
}

/// In a conversation that there was, and in a new one; whoever wrote last stays who wrote last.
pub async fn a_message_is_an_entry_with_a_record_beside_it(fixture: impl Fixture) {
    let stores = fixture.stores();
    accept_first(&*stores.conversations, ask(&key("c"), "m1", "hello")).await;
    let before = stores.transcripts.conversation(&key("c").id()).await.unwrap().unwrap();
    let group = member_key("g", "u1");
    let to_group = NewMessage {
        chat: Chat { id: "g".to_owned(), kind: ChatKind::Group, title: None },
        person: None,
        format: Format::Markdown,
        ..new_message("msg_2", &group)
    };
    for (seq, message) in [(2, new_message("msg_1", &key("c"))), (1, to_group)] {
        fixture.clock().advance(Duration::from_secs(1));
        let now = crate::clock::Clock::now(&*fixture.clock());
        let record = MessageRecord::new(&message, now);
        assert_eq!((record.created_at, record.progress.state()), (now, MessageState::Queued));
        let partition = message.key.partition();
        let given = Given::Now { record: record.clone(), seq: Seq(seq), partition };
        assert_eq!(stores.messages.give(message.clone()).await, Ok(given));
        assert_eq!(stores.messages.find(&message.id).await, Ok(Some(record)));
        let lease = lease(&*stores.conversations, "a", &message.key).await;
        let loaded = stores.conversations.load(&lease, &message.key.id(), Seq(seq - 1)).await.unwrap();
        let expected = Entry {
            seq: Seq(seq),
            accepted_at: now,
            fence: loaded.as_ref().unwrap().entries[0].fence,
            message: message.id,
            retry: RetryNumber(0),
            chat: message.chat,
            sender: Sender {
                im_user_id: message.person.clone(),
                opaque_id: message.person.unwrap_or_default(),
                name: String::new(),
            },
            sent_at: now,
            session_address: None,
            intake: Intake::Send { text: message.text, format: message.format },
        };
        assert_eq!(loaded.unwrap().entries, [expected]);
        let open = stores.conversations.open(partition, None).await.unwrap();
        assert!(open.contains(&message.key.id()));
    }
    let after = stores.transcripts.conversation(&key("c").id()).await.unwrap().unwrap();
    assert_eq!((after.author, after.waiting), (before.author, 2));
    let with = stores.transcripts.private_with(&key("c").channel, "staff7").await.unwrap();
    assert_eq!(with.unwrap().id, key("c").id());
    assert_eq!(stores.messages.find(&MessageId::new("msg_9")).await, Ok(None));
}

/// Whatever else is asked for under the same id.
pub async fn a_message_with_a_record_is_not_given_in_again(fixture: impl Fixture) {
    let stores = fixture.stores();
    let record = give(&stores, new_message("msg_1", &key("c"))).await;
    fixture.clock().advance(Duration::from_hours(48));
    let other = NewMessage { fingerprint: "other".to_owned(), ..new_message("msg_1", &key_on("chn_b", "d")) };
    for again in [new_message("msg_1", &key("c")), other] {
        assert_eq!(stores.messages.give(again).await, Ok(Given::Before(record.clone())));
    }
    let info = stores.transcripts.conversation(&key("c").id()).await.unwrap().unwrap();
    assert_eq!(info.waiting, 1);
    assert_eq!(stores.transcripts.conversation(&key_on("chn_b", "d").id()).await, Ok(None));
}

/// A request that is sent twice.
pub async fn of_the_same_message_given_in_at_once_one_counts(fixture: impl Fixture) {
    let stores = fixture.stores();
    let answers = join_all((0..6).map(|_| stores.messages.give(new_message("msg_1", &key("c"))))).await;
    let now = answers.iter().filter(|answer| matches!(answer, Ok(Given::Now { .. }))).count();
    let before = answers.iter().filter(|answer| matches!(answer, Ok(Given::Before(_)))).count();
    assert_eq!((now, before), (1, 5));
    let info = stores.transcripts.conversation(&key("c").id()).await.unwrap().unwrap();
    assert_eq!(info.waiting, 1);
}

/// A key of the API's belongs to one message, whatever chat it names. Who comes second may have to ask again.
pub async fn of_the_same_id_given_in_for_two_chats_at_once_one_counts(fixture: impl Fixture) {
    let stores = fixture.stores();
    for round in 0..10 {
        let id = format!("msg_{round}");
        let given = ["c", "d", "e"].map(|chat| stores.messages.give(new_message(&id, &key(chat))));
        let given = join_all(given).await;
        let taken = given.iter().filter(|given| matches!(given, Ok(Given::Now { .. }))).count();
        assert!(taken <= 1, "{given:?}");
        let is_allowed = |given: &Result<Given, StoreError>| {
            matches!(given, Ok(Given::Now { .. } | Given::Before(_)) | Err(StoreError::Unavailable(_)))
        };
        assert!(given.iter().all(is_allowed), "{given:?}");
        let Some(record) = stores.messages.find(&MessageId::new(&*id)).await.unwrap() else {
            assert_eq!(taken, 0);
            continue;
        };
        for chat in ["c", "d", "e"] {
            let again = stores.messages.give(new_message(&id, &key(chat))).await;
            assert_eq!(again, Ok(Given::Before(record.clone())));
        }
    }
}

/// Also by those who have looked for it where it was before.
pub async fn an_id_whose_record_has_gone_is_found_where_it_is_given_in_again(fixture: impl Fixture) {
    let stores = fixture.stores();
    let first = give(&stores, new_message("msg_1", &key("c"))).await;
    assert_eq!(stores.messages.find(&first.id).await, Ok(Some(first.clone())));
    tell(&stores, &key("c"), 0, &first.id, ended(PartStatus::Sent)).await;
    fixture.clock().advance(MESSAGES_KEPT + Duration::from_millis(1));
    give(&stores, new_message("msg_2", &key("c"))).await;
    assert_eq!(stores.messages.find(&first.id).await, Ok(None));
    let second = give(&stores, new_message("msg_1", &key("d"))).await;
    assert_eq!(stores.messages.find(&first.id).await, Ok(Some(second.clone())));
    assert_eq!(second.conversation, key("d").id());
}

/// All variants; a refusal stays.
pub async fn news_come_with_their_commit_and_are_read_back(fixture: impl Fixture) {
    let stores = fixture.stores();
    let record = give(&stores, new_message("msg_1", &key("c"))).await;
    let mut expected = record.progress.clone();
    for (version, progress) in (0..).zip(values(&progresses(), 40)) {
        fixture.clock().advance(Duration::from_millis(1));
        tell(&stores, &key("c"), version, &record.id, progress.clone()).await;
        expected.take_in(progress);
        let read = stores.messages.find(&record.id).await.unwrap().unwrap();
        assert_eq!(read.progress, expected);
        let now = crate::clock::Clock::now(&*fixture.clock());
        assert_eq!((read.created_at, read.updated_at), (record.created_at, now));
    }
    // News of something that is gone, or never was, are no reason to lose the commit.
    tell(&stores, &key("c"), 40, &MessageId::new("msg_9"), ended(PartStatus::Sent)).await;
    assert_eq!(stores.messages.find(&MessageId::new("msg_9")).await, Ok(None));
}

/// A wrong version, and the same commit a second time.
pub async fn news_of_a_commit_that_is_not_done_are_not_heard(fixture: impl Fixture) {
    let stores = fixture.stores();
    let record = give(&stores, new_message("msg_1", &key("c"))).await;
    let lease = lease(&*stores.conversations, "a", &key("c")).await;
    let step = |id: &str, version, status| Commit {
        news: vec![News { message: record.id.clone(), progress: ended(status) }],
        ..commit(id, &key("c").id(), Version(version))
    };
    stores.conversations.commit(&lease, step("k1", 0, PartStatus::Attempting)).await.unwrap();
    assert!(stores.conversations.commit(&lease, step("k2", 0, PartStatus::Sent)).await.is_err());
    let again = stores.conversations.commit(&lease, step("k1", 0, PartStatus::Sent)).await;
    assert_eq!(again, Ok(Version(1)));
    let read = stores.messages.find(&record.id).await.unwrap().unwrap();
    assert_eq!(read.progress, ended(PartStatus::Attempting));
}

/// The rest of the inbox is for people.
pub async fn a_conversation_where_much_waits_takes_no_message(fixture: impl Fixture) {
    let stores = fixture.stores();
    for n in 0..MESSAGE_WAITING_MAX {
        give(&stores, new_message(&format!("msg_{n}"), &key("c"))).await;
    }
    assert_eq!(stores.messages.give(new_message("msg_more", &key("c"))).await, Ok(Given::Full));
    assert_eq!(stores.messages.find(&MessageId::new("msg_more")).await, Ok(None));
    give(&stores, new_message("msg_more", &key("d"))).await;
    accept_first(&*stores.conversations, ask(&key("c"), "m1", "a person")).await;
}

/// Nothing goes that somebody may still wait for.
pub async fn records_are_kept_for_a_week_and_longer_while_they_have_not_ended(fixture: impl Fixture) {
    let stores = fixture.stores();
    let sent = give(&stores, new_message("msg_sent", &key("c"))).await;
    let stuck = give(&stores, new_message("msg_stuck", &key("c"))).await;
    tell(&stores, &key("c"), 0, &sent.id, ended(PartStatus::Sent)).await;
    fixture.clock().advance(MESSAGES_KEPT);
    give(&stores, new_message("msg_1", &key("c"))).await;
    assert!(stores.messages.find(&sent.id).await.unwrap().is_some());
    fixture.clock().advance(Duration::from_millis(1));
    give(&stores, new_message("msg_2", &key("c"))).await;
    assert_eq!(stores.messages.find(&sent.id).await, Ok(None));
    assert!(stores.messages.find(&stuck.id).await.unwrap().is_some());
    // The id is free again.
    give(&stores, new_message("msg_sent", &key("c"))).await;
}

/// However many there are, those that have ended go behind them.
pub async fn records_that_do_not_end_hold_nobody_up(fixture: impl Fixture) {
    let stores = fixture.stores();
    for number in 0..2 * (MESSAGE_WAITING_MAX - 1) {
        let chat = if number % 2 == 0 { key("c") } else { key("d") };
        give(&stores, new_message(&format!("msg_stuck_{number}"), &chat)).await;
    }
    fixture.clock().advance(Duration::from_millis(1));
    let sent = give(&stores, new_message("msg_sent", &key("e"))).await;
    tell(&stores, &key("e"), 0, &sent.id, ended(PartStatus::Sent)).await;
    fixture.clock().advance(MESSAGES_KEPT + Duration::from_millis(1));
    give(&stores, new_message("msg_new", &key("e"))).await;
    assert_eq!(stores.messages.find(&sent.id).await, Ok(None));
    let stuck = stores.messages.find(&MessageId::new("msg_stuck_0")).await.unwrap();
    assert!(stuck.is_some());
}

/// Of another channel nothing goes.
pub async fn a_flood_costs_its_own_channels_oldest_records_alone(fixture: impl Fixture) {
    let stores = fixture.stores();
    let other = give(&stores, new_message("msg_other", &key_on("chn_b", "c"))).await;
    tell(&stores, &key_on("chn_b", "c"), 0, &other.id, ended(PartStatus::Sent)).await;
    // A commit each would take long: those of one conversation end together.
    let count = MESSAGES_MAX + 30;
    let batches = count.div_ceil(MESSAGE_WAITING_MAX);
    for batch in 0..batches {
        fixture.clock().advance(Duration::from_millis(1));
        let chat = key(&format!("c{batch}"));
        let ids: Vec<_> = (0..MESSAGE_WAITING_MAX).map(|n| format!("msg_{batch}_{n}")).collect();
        let given = join_all(ids.iter().map(|id| stores.messages.give(new_message(id, &chat)))).await;
        assert!(given.iter().all(|given| matches!(given, Ok(Given::Now { .. }))));
        let lease = lease(&*stores.conversations, "a", &chat).await;
        let progress = ended(PartStatus::Sent);
        let news = ids.iter().map(|id| News { message: MessageId::new(id), progress: progress.clone() });
        let step = Commit { news: news.collect(), ..commit("k1", &chat.id(), Version(0)) };
        stores.conversations.commit(&lease, step).await.unwrap();
    }
    assert_eq!(stores.messages.find(&MessageId::new("msg_0_0")).await, Ok(None));
    let newest = MessageId::new(format!("msg_{}_0", batches - 1));
    assert!(stores.messages.find(&newest).await.unwrap().is_some());
    assert!(stores.messages.find(&other.id).await.unwrap().is_some());
}

/// With its conversations.
pub async fn purging_a_channel_forgets_its_messages(fixture: impl Fixture) {
    let stores = fixture.stores();
    let gone = give(&stores, new_message("msg_1", &key("c"))).await;
    let kept = give(&stores, new_message("msg_2", &key_on("chn_b", "c"))).await;
    while stores.transcripts.purge(&key("c").channel).await.unwrap() {}
    assert_eq!(stores.messages.find(&gone.id).await, Ok(None));
    assert_eq!(stores.messages.find(&kept.id).await, Ok(Some(kept)));
}

/// Stores that forget leave this case at once.
pub async fn a_message_and_its_record_survive(mut fixture: impl Fixture) {
    let stores = fixture.stores();
    let record = give(&stores, new_message("msg_1", &key("c"))).await;
    tell(&stores, &key("c"), 0, &record.id, Progress::refused(Refusal::ChannelDeleted)).await;
    let second = give(&stores, new_message("msg_2", &key("c"))).await;
    drop(stores);
    if !fixture.reopen().await {
        return;
    }
    fixture.clock().advance(TTL + Duration::from_millis(1));
    let stores = fixture.stores();
    let read = stores.messages.find(&record.id).await.unwrap().unwrap();
    assert_eq!(read.progress, Progress::refused(Refusal::ChannelDeleted));
    assert_eq!(stores.messages.give(new_message("msg_2", &key("c"))).await, Ok(Given::Before(second)));
    let lease = lease(&*stores.conversations, "b", &key("c")).await;
    let loaded = stores.conversations.load(&lease, &key("c").id(), Seq(0)).await.unwrap().unwrap();
    assert_eq!(loaded.entries.len(), 2);
}
