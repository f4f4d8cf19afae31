//! Forgetting what a user wrote and was answered.

use std::collections::BTreeSet;

use switchboard_domain::ids::{ConversationId, UserId};
use switchboard_domain::message::ChatKind;
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{PAGE_ROWS_MAX, PageRequest};
use switchboard_ports::transcripts::{ConversationFilter, ConversationInfo, Forget};

use crate::http::state::Api;

/// Whether a conversation is one person's: a private chat, or a member's own session in a group. In a session that a group
/// shares nobody can tell whose a line is.
pub(super) fn is_own(info: &ConversationInfo) -> bool {
    info.kind == ChatKind::Private || info.key.member.is_some()
}

/// Forgets the transcripts of a user's own conversations, and the questions that failure records keep of them.
pub(super) async fn erase(api: &Api, user: &UserId) -> Result<(), StoreError> {
    let filter = ConversationFilter { user: Some(user.clone()), ..ConversationFilter::default() };
    let mut page = PageRequest { limit: PAGE_ROWS_MAX, after: None };
    loop {
        let found = api.ports.transcripts.conversations(&filter, &page).await?;
        let own: BTreeSet<_> = found.items.into_iter().filter(is_own).map(|info| info.id).collect();
        for id in &own {
            // In bounded steps; lines that come in between are at the end.
            while api.ports.transcripts.forget(id, Forget::All).await? {}
        }
        failures_of(api, &own).await?;
        if found.next.is_none() {
            return Ok(());
        }
        page.after = found.next;
    }
}

async fn failures_of(api: &Api, own: &BTreeSet<ConversationId>) -> Result<(), StoreError> {
    let mut page = PageRequest { limit: PAGE_ROWS_MAX, after: None };
    while !own.is_empty() {
        let found = api.ports.failures.list(&page).await?;
        for info in found.items.iter().filter(|info| own.contains(&info.conversation)) {
            api.ports.failures.delete(&info.id).await?;
        }
        if found.next.is_none() {
            break;
        }
        page.after = found.next;
    }
    Ok(())
}
