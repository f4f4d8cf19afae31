//! The suite of `Transcripts`: reading what commits wrote, and forgetting it.

pub mod forget;
pub mod lines;
pub mod lists;
pub mod purge;
pub mod shown;

use switchboard_domain::ids::{ConversationId, ConversationKey, Version};
use switchboard_domain::snapshot::TranscriptLine;

use crate::conformance::Stores;
use crate::conformance::samples::{accept_first, ask, lease, telling};
use crate::page::PageRequest;
use crate::transcripts::ConversationFilter;

/// One test per case of the transcripts' contract.
#[macro_export]
macro_rules! transcripts_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (transcripts::lines);
            lines_come_in_the_order_they_were_written,
            every_line_comes_back_as_it_was,
            recent_lines_are_the_last_of_one_session,
            an_unknown_cursor_gives_an_empty_page,
            a_page_is_never_larger_than_allowed_and_never_empty_for_nothing,
        );
        $crate::__conformance_cases!($fresh; (transcripts::lists);
            a_conversation_shows_who_wrote_last_and_where,
            a_private_conversation_is_found_by_its_person,
            conversations_are_listed_last_active_first,
            conversations_are_found_by_channel_and_user,
            conversations_are_found_by_text,
        );
        $crate::__conformance_cases!($fresh; (transcripts::shown);
            an_answer_is_found_by_what_the_platform_calls_it,
            an_answer_is_found_by_whoever_is_in_the_chat_and_nowhere_else,
            a_name_may_come_before_and_after_its_answer,
            names_of_old_entries_are_forgotten,
            names_survive_and_go_with_their_channel,
        );
        $crate::__conformance_cases!($fresh; (transcripts::forget);
            the_oldest_lines_are_forgotten_and_no_others,
            lines_of_earlier_sessions_are_forgotten,
            what_is_forgotten_is_found_nowhere,
            many_lines_are_forgotten_in_steps,
        );
        $crate::__conformance_cases!($fresh; (transcripts::purge);
            purging_a_channel_forgets_it_in_steps_and_nothing_else,
        );
    };
}

pub(super) async fn tell(stores: &Stores, key: &ConversationKey, lines: &[TranscriptLine]) {
    let message = format!("{}-{}", key.id(), lines.len());
    accept_first(&*stores.conversations, ask(key, &message, "hello")).await;
    let lease = lease(&*stores.conversations, "a", key).await;
    let step = telling("k1", &key.id(), Version(0), lines);
    stores.conversations.commit(&lease, step).await.unwrap();
}

pub(super) fn page(limit: u32, after: Option<String>) -> PageRequest {
    PageRequest { limit, after }
}

pub(super) async fn found(stores: &Stores, filter: &ConversationFilter) -> Vec<ConversationId> {
    let page = stores.transcripts.conversations(filter, &PageRequest::default()).await.unwrap();
    page.items.into_iter().map(|info| info.id).collect()
}
