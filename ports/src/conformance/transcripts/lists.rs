//! Listing and finding conversations.

use std::time::Duration;

use switchboard_domain::ids::{ChannelId, ConversationId, UserId, Version};
use switchboard_domain::message::{Chat, ChatKind, Sender};

use crate::conformance::Fixture;
use crate::conformance::samples::{accept_first, ask, commit, key, key_on, lease, line, member_key, sender};
use crate::conversations::{Arrival, Commit};
use crate::page::PageRequest;
use crate::transcripts::{ConversationFilter, ConversationInfo};

use super::{found, page, tell};

/// Author, title and kind follow the last message; a title not given is not a title taken away.
pub async fn a_conversation_shows_who_wrote_last_and_where(fixture: impl Fixture) {
    let stores = fixture.stores();
    let key = member_key("g", "u1");
    let arrival = |message: &str, title: Option<&str>, name: &str| Arrival {
        chat: Chat { id: "g".to_owned(), kind: ChatKind::Group, title: title.map(str::to_owned) },
        sender: sender(name),
        ..ask(&key, message, "hello")
    };
    let created_at = crate::clock::Clock::now(&*fixture.clock());
    accept_first(&*stores.conversations, arrival("m1", Some("Sales 销售"), "First")).await;
    fixture.clock().advance(Duration::from_secs(3));
    accept_first(&*stores.conversations, arrival("m2", None, "Second")).await;
    let expected = ConversationInfo {
        id: key.id(),
        key: key.clone(),
        kind: ChatKind::Group,
        title: Some("Sales 销售".to_owned()),
        author: "Second".to_owned(),
        person: None,
        user: None,
        session: None,
        created_at,
        active_at: created_at.after(Duration::from_secs(3)),
        waiting: 2,
    };
    let read = stores.transcripts.conversation(&key.id()).await;
    assert_eq!(read, Ok(Some(expected.clone())));
    let all = ConversationFilter::default();
    let listed = stores.transcripts.conversations(&all, &PageRequest::default()).await.unwrap();
    assert_eq!(listed.items, [expected]);
    let nobody = ConversationId::new("cnv_00000000000000000000000000000000");
    assert_eq!(stores.transcripts.conversation(&nobody).await, Ok(None));
}

/// In private chats alone, on one channel, the chat that was active last; a message without a usable name takes nothing away.
pub async fn a_private_conversation_is_found_by_its_person(fixture: impl Fixture) {
    let stores = fixture.stores();
    let store = &*stores.conversations;
    for (n, key) in
        [key("old"), key("new"), key_on("chn_b", "other"), member_key("group", "staff1")].iter().enumerate()
    {
        fixture.clock().advance(Duration::from_millis(1));
        accept_first(store, ask(key, &format!("m{n}"), "hello")).await;
    }
    let nameless = Sender { im_user_id: None, ..sender("Author") };
    accept_first(store, Arrival { sender: nameless, ..ask(&key("new"), "m9", "hello") }).await;
    let with = async |channel: &str, person: &str| {
        stores.transcripts.private_with(&ChannelId::new(channel), person).await.unwrap()
    };
    let found = with("chn_a", "staff1").await.unwrap();
    assert_eq!((found.id, found.person.as_deref()), (key("new").id(), Some("staff1")));
    assert_eq!(with("chn_b", "staff1").await.unwrap().id, key_on("chn_b", "other").id());
    for (channel, person) in [("chn_a", "staff2"), ("chn_c", "staff1"), ("chn_a", "")] {
        assert_eq!(with(channel, person).await, None, "{channel} {person}");
    }
}

/// In pages; ties do not lose anybody.
pub async fn conversations_are_listed_last_active_first(fixture: impl Fixture) {
    let stores = fixture.stores();
    let mut expected = Vec::new();
    for n in 0..6 {
        // Two at a time share a millisecond.
        if n % 2 == 0 {
            fixture.clock().advance(Duration::from_millis(1));
        }
        let key = key(&format!("c{n}"));
        accept_first(&*stores.conversations, ask(&key, &format!("m{n}"), "hello")).await;
        expected.push(key.id());
    }
    fixture.clock().advance(Duration::from_millis(1));
    accept_first(&*stores.conversations, ask(&key("c0"), "again", "hello")).await;
    let all = ConversationFilter::default();
    let mut read: Vec<ConversationInfo> = Vec::new();
    let mut after = None;
    loop {
        let page = stores.transcripts.conversations(&all, &page(2, after)).await.unwrap();
        read.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(read[0].id, key("c0").id());
    assert!(read.is_sorted_by(|a, b| a.active_at >= b.active_at));
    let mut ids: Vec<_> = read.into_iter().map(|info| info.id).collect();
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
}

/// Alone and together.
pub async fn conversations_are_found_by_channel_and_user(fixture: impl Fixture) {
    let stores = fixture.stores();
    for (channel, chat, user) in [("chn_a", "c", "usr_1"), ("chn_a", "d", "usr_2"), ("chn_b", "e", "usr_1")] {
        fixture.clock().advance(Duration::from_millis(1));
        let key = key_on(channel, chat);
        accept_first(&*stores.conversations, ask(&key, chat, "hello")).await;
        let lease = lease(&*stores.conversations, "a", &key).await;
        let step = Commit { user: Some(UserId::new(user)), ..commit("k1", &key.id(), Version(0)) };
        stores.conversations.commit(&lease, step).await.unwrap();
    }
    let filter = |channel: Option<&str>, user: Option<&str>| ConversationFilter {
        channel: channel.map(ChannelId::new),
        user: user.map(UserId::new),
        text: None,
    };
    let (c, d, e) = (key("c").id(), key("d").id(), key_on("chn_b", "e").id());
    assert_eq!(found(&stores, &filter(None, None)).await, [e.clone(), d.clone(), c.clone()]);
    assert_eq!(found(&stores, &filter(Some("chn_a"), None)).await, [d, c.clone()]);
    assert_eq!(found(&stores, &filter(None, Some("usr_1"))).await, [e, c.clone()]);
    assert_eq!(found(&stores, &filter(Some("chn_a"), Some("usr_1"))).await, [c]);
    assert_eq!(found(&stores, &filter(Some("chn_x"), None)).await, []);
}

/// In lines and titles; two Chinese characters are enough; nothing in it is a pattern.
pub async fn conversations_are_found_by_text(fixture: impl Fixture) {
    let stores = fixture.stores();
    tell(&stores, &key("c"), &[line(1, "请问你好世界"), line(1, "Grüße, World")]).await;
    tell(&stores, &key("d"), &[line(1, "100% of_it 'quoted' \\ end")]).await;
    let titled = Arrival {
        chat: Chat { id: "t".to_owned(), kind: ChatKind::Group, title: Some("Quarterly 季度".to_owned()) },
        ..ask(&key("t"), "titled", "hello")
    };
    accept_first(&*stores.conversations, titled).await;
    let (c, d, t) = (vec![key("c").id()], vec![key("d").id()], vec![key("t").id()]);
    let cases = [
        ("你好", &c),
        ("世", &c),
        ("WORLD", &c),
        ("grüße", &c),
        ("100%", &d),
        ("of_it", &d),
        ("'quoted'", &d),
        ("\\ END", &d),
        ("季度", &t),
        ("quarterly", &t),
        ("1%o", &vec![]),
        ("of-it", &vec![]),
        ("你们", &vec![]),
    ];
    for (text, expected) in cases {
        let filter = ConversationFilter { text: Some(text.to_owned()), ..ConversationFilter::default() };
        assert_eq!(&found(&stores, &filter).await, expected, "searching for {text}");
    }
}
