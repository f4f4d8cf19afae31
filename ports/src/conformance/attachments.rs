//! The suite of `AttachmentStore`.
//!
//! Cases fill the area to its bound: open it with small limits, or they take long.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use switchboard_domain::ids::{ConversationId, ConversationKey, Seq, Version};

use crate::attachments::{
    AttachmentError, AttachmentLimits, AttachmentPlace, AttachmentStore, FILE_COST_MIN, StoredAttachment,
};
use crate::conformance::samples::{accept_first, ask, ending, key, lease};
use crate::conformance::{Fixture, Stores};
use crate::conversations::ConversationStore;

/// One test per case of the attachment store's contract.
#[macro_export]
macro_rules! attachment_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (attachments);
            what_was_put_is_loaded_by_position,
            messages_do_not_see_each_others_files,
            a_file_put_again_is_replaced_and_costs_once,
            an_empty_file_and_the_longest_are_kept_whole,
            a_file_that_is_too_long_is_refused,
            a_full_area_refuses_and_takes_again_after_a_removal,
            small_files_are_bounded_in_number,
            of_puts_at_once_only_as_many_as_fit_are_kept,
            removing_is_repeatable_and_takes_all_of_a_message,
            nothing_is_kept_for_a_message_that_does_not_wait,
            a_sweep_drops_what_belongs_to_nobody_and_nothing_else,
            files_survive_or_are_gone_as_a_whole,
        );
    };
}

fn place(conversation: &ConversationId, seq: u64, position: u32) -> AttachmentPlace {
    AttachmentPlace { conversation: conversation.clone(), seq: Seq(seq), position }
}

fn file(bytes: usize, fill: u8) -> StoredAttachment {
    StoredAttachment { media_type: "image/png".to_owned(), content: Bytes::from(vec![fill; bytes]) }
}

/// A conversation in which this many messages wait.
async fn waiting(stores: &Stores, chat: &str, messages: usize) -> (ConversationKey, ConversationId) {
    let key = key(chat);
    for number in 0..messages {
        accept_first(&*stores.conversations, ask(&key, &format!("{chat}-{number}"), "see")).await;
    }
    let id = key.id();
    (key, id)
}

async fn end(store: &dyn ConversationStore, key: &ConversationKey, version: u64, seqs: &[Seq]) {
    let held = lease(store, "a", key).await;
    let commit = ending(&format!("k{version}"), &key.id(), Version(version), seqs);
    store.commit(&held, commit).await.unwrap();
}

/// How many files of this length fit.
fn fitting(limits: AttachmentLimits, bytes: usize) -> usize {
    usize::try_from(limits.total_bytes_max / AttachmentLimits::cost(bytes)).unwrap()
}

/// Puts files of this length until one more is refused; answers how many were kept.
async fn fill(store: &dyn AttachmentStore, id: &ConversationId, seq: u64, bytes: usize) -> usize {
    for position in 0..=u32::MAX {
        match store.put(&place(id, seq, position), file(bytes, 7)).await {
            Ok(()) => {}
            Err(AttachmentError::Full) => return usize::try_from(position).unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("never full");
}

/// By position, whatever the order of puts.
pub async fn what_was_put_is_loaded_by_position(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (_, id) = waiting(&stores, "c", 1).await;
    let pdf = StoredAttachment { media_type: "application/pdf".to_owned(), content: Bytes::from("%PDF") };
    stores.attachments.put(&place(&id, 1, 3), pdf.clone()).await.unwrap();
    stores.attachments.put(&place(&id, 1, 0), file(10, 1)).await.unwrap();
    assert_eq!(stores.attachments.load(&id, Seq(1)).await, Ok(vec![(0, file(10, 1)), (3, pdf)]));
}

/// Neither of one conversation nor of two.
pub async fn messages_do_not_see_each_others_files(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (_, one) = waiting(&stores, "c", 2).await;
    let (_, other) = waiting(&stores, "d", 1).await;
    for (id, seq, fill) in [(&one, 1, 1), (&one, 2, 2), (&other, 1, 3)] {
        stores.attachments.put(&place(id, seq, 0), file(10, fill)).await.unwrap();
    }
    for (id, seq, fill) in [(&one, 1, 1), (&one, 2, 2), (&other, 1, 3)] {
        assert_eq!(stores.attachments.load(id, Seq(seq)).await, Ok(vec![(0, file(10, fill))]));
    }
    stores.attachments.remove(&one, Seq(1)).await.unwrap();
    assert_eq!(stores.attachments.load(&one, Seq(1)).await, Ok(vec![]));
    assert_eq!(stores.attachments.load(&one, Seq(2)).await, Ok(vec![(0, file(10, 2))]));
    assert_eq!(stores.attachments.load(&other, Seq(1)).await, Ok(vec![(0, file(10, 3))]));
}

/// More often than would fit.
pub async fn a_file_put_again_is_replaced_and_costs_once(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (_, id) = waiting(&stores, "c", 1).await;
    let bytes = stores.attachments.limits().file_bytes_max;
    for _ in 0..(2 * fitting(stores.attachments.limits(), bytes)) {
        stores.attachments.put(&place(&id, 1, 0), file(bytes, 1)).await.unwrap();
    }
    stores.attachments.put(&place(&id, 1, 0), file(5, 2)).await.unwrap();
    assert_eq!(stores.attachments.load(&id, Seq(1)).await, Ok(vec![(0, file(5, 2))]));
}

/// The bounds themselves are allowed.
pub async fn an_empty_file_and_the_longest_are_kept_whole(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (_, id) = waiting(&stores, "c", 1).await;
    let longest = file(stores.attachments.limits().file_bytes_max, 9);
    stores.attachments.put(&place(&id, 1, 0), file(0, 0)).await.unwrap();
    stores.attachments.put(&place(&id, 1, 1), longest.clone()).await.unwrap();
    let loaded = stores.attachments.load(&id, Seq(1)).await.unwrap();
    assert!(loaded == [(0, file(0, 0)), (1, longest)], "not as they were");
}

/// One byte.
pub async fn a_file_that_is_too_long_is_refused(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (_, id) = waiting(&stores, "c", 1).await;
    let bytes = stores.attachments.limits().file_bytes_max + 1;
    assert_eq!(
        stores.attachments.put(&place(&id, 1, 0), file(bytes, 1)).await,
        Err(AttachmentError::TooLong)
    );
    assert_eq!(stores.attachments.load(&id, Seq(1)).await, Ok(vec![]));
}

/// The bound is on all files together.
pub async fn a_full_area_refuses_and_takes_again_after_a_removal(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (_, one) = waiting(&stores, "c", 1).await;
    let (_, other) = waiting(&stores, "d", 1).await;
    let limits = stores.attachments.limits();
    let bytes = limits.file_bytes_max;
    assert_eq!(fill(&*stores.attachments, &one, 1, bytes).await, fitting(limits, bytes));
    let refused = stores.attachments.put(&place(&other, 1, 0), file(bytes, 1)).await;
    assert_eq!(refused, Err(AttachmentError::Full));
    assert_eq!(stores.attachments.load(&other, Seq(1)).await, Ok(vec![]));
    stores.attachments.remove(&one, Seq(1)).await.unwrap();
    stores.attachments.put(&place(&other, 1, 0), file(bytes, 1)).await.unwrap();
}

/// Each costs something, however short.
pub async fn small_files_are_bounded_in_number(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (_, id) = waiting(&stores, "c", 1).await;
    let limits = stores.attachments.limits();
    assert_eq!(fill(&*stores.attachments, &id, 1, 1).await, fitting(limits, 1));
    assert!(u64::try_from(fitting(limits, 1)).unwrap() <= limits.total_bytes_max / FILE_COST_MIN);
}

/// The bound holds for writers at once.
pub async fn of_puts_at_once_only_as_many_as_fit_are_kept(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (_, id) = waiting(&stores, "c", 1).await;
    let limits = stores.attachments.limits();
    let (bytes, fits) = (limits.file_bytes_max, fitting(limits, limits.file_bytes_max));
    let puts = (0..u32::try_from(2 * fits).unwrap()).map(|position| {
        let (store, place) = (Arc::clone(&stores.attachments), place(&id, 1, position));
        tokio::spawn(async move { store.put(&place, file(bytes, 1)).await })
    });
    let answers = join_all(puts).await;
    let kept = answers.iter().filter(|answer| matches!(answer, Ok(Ok(())))).count();
    let full = answers.iter().filter(|answer| matches!(answer, Ok(Err(AttachmentError::Full)))).count();
    assert_eq!((kept, full), (fits, fits));
    assert_eq!(stores.attachments.load(&id, Seq(1)).await.unwrap().len(), fits);
}

/// Nothing is left of it.
pub async fn removing_is_repeatable_and_takes_all_of_a_message(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (_, id) = waiting(&stores, "c", 1).await;
    stores.attachments.remove(&id, Seq(1)).await.unwrap();
    for position in 0..3 {
        stores.attachments.put(&place(&id, 1, position), file(10, 1)).await.unwrap();
    }
    stores.attachments.remove(&id, Seq(1)).await.unwrap();
    stores.attachments.remove(&id, Seq(1)).await.unwrap();
    assert_eq!(stores.attachments.load(&id, Seq(1)).await, Ok(vec![]));
}

/// Never accepted, ended, or of a conversation nobody has written to.
pub async fn nothing_is_kept_for_a_message_that_does_not_wait(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (key, id) = waiting(&stores, "c", 2).await;
    end(&*stores.conversations, &key, 0, &[Seq(1)]).await;
    let nowhere = ConversationId::new("cnv_nowhere");
    for place in [place(&id, 1, 0), place(&id, 3, 0), place(&nowhere, 1, 0)] {
        assert_eq!(stores.attachments.put(&place, file(10, 1)).await, Err(AttachmentError::Unwanted));
    }
    stores.attachments.put(&place(&id, 2, 0), file(10, 1)).await.unwrap();
}

/// Also after a purge.
pub async fn a_sweep_drops_what_belongs_to_nobody_and_nothing_else(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (key, id) = waiting(&stores, "c", 3).await;
    for seq in 1..=3 {
        for position in 0..2 {
            stores.attachments.put(&place(&id, seq, position), file(10, 1)).await.unwrap();
        }
    }
    assert_eq!(stores.attachments.sweep().await, Ok(0));
    end(&*stores.conversations, &key, 0, &[Seq(1), Seq(3)]).await;
    let mut dropped = 0;
    loop {
        match stores.attachments.sweep().await.unwrap() {
            0 => break,
            more => dropped += more,
        }
    }
    assert_eq!(dropped, 4);
    for (seq, files) in [(1, 0), (2, 2), (3, 0)] {
        assert_eq!(stores.attachments.load(&id, Seq(seq)).await.unwrap().len(), files);
    }
    while stores.transcripts.purge(&key.channel).await.unwrap() {}
    assert_eq!(stores.attachments.sweep().await, Ok(2));
    assert_eq!(stores.attachments.sweep().await, Ok(0));
}

/// Over a death.
pub async fn files_survive_or_are_gone_as_a_whole(mut fixture: impl Fixture) {
    let whole = file(fixture.stores().attachments.limits().file_bytes_max, 3);
    let id = {
        let stores = fixture.stores();
        let (_, id) = waiting(&stores, "c", 1).await;
        stores.attachments.put(&place(&id, 1, 0), whole.clone()).await.unwrap();
        id
    };
    if fixture.reopen().await {
        let stores = fixture.stores();
        for (_, file) in stores.attachments.load(&id, Seq(1)).await.unwrap() {
            assert!(file == whole, "not as it was");
        }
        // And its room is known to be taken, or free, but never lost.
        stores.attachments.remove(&id, Seq(1)).await.unwrap();
        let (limits, bytes) = (stores.attachments.limits(), whole.content.len());
        assert_eq!(fill(&*stores.attachments, &id, 1, bytes).await, fitting(limits, bytes));
    }
}
