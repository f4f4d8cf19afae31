//! Forgetting what a user wrote and was answered.

use std::collections::BTreeSet;
use std::time::Duration;

use switchboard_domain::ids::{ConversationId, UserId};
use switchboard_domain::inbox::Control;
use switchboard_domain::message::ChatKind;
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{PAGE_ROWS_MAX, PageRequest};
use switchboard_ports::transcripts::{ConversationFilter, ConversationInfo, Forget};
use tokio::time::Instant;

use crate::http::state::Api;

/// Whether a conversation is one person's: a private chat, or a member's own session in a group. In a session that a group
/// shares nobody can tell whose a line is.
pub(super) fn is_own(info: &ConversationInfo) -> bool {
    info.kind == ChatKind::Private || info.key.member.is_some()
}

/// So long may answers take to stop; longer than the last call of one takes to be made, where the platform answers.
const REST_WAIT_MAX: Duration = Duration::from_secs(10);

/// Pause between two looks whether they have.
const REST_LOOK: Duration = Duration::from_millis(100);

/// Stops what is answered in a user's own conversations, and withdraws what waits there. Whether they came to rest.
pub(super) async fn rest(api: &Api, user: &UserId) -> Result<bool, StoreError> {
    let until = Instant::now() + REST_WAIT_MAX;
    let mut stopped = BTreeSet::new();
    loop {
        let mut is_busy = false;
        let mut page = PageRequest { limit: PAGE_ROWS_MAX, after: None };
        loop {
            let (own, next) = own(api, user, &page).await?;
            for info in own.into_iter().filter(|info| info.waiting > 0) {
                is_busy = true;
                if !stopped.contains(&info.id) {
                    api.operations.control(&info.id, Control::Stop { all: true }).await?;
                    stopped.insert(info.id);
                }
            }
            if next.is_none() {
                break;
            }
            page.after = next;
        }
        if !is_busy || Instant::now() >= until {
            return Ok(!is_busy);
        }
        tokio::time::sleep(REST_LOOK).await;
    }
}

/// A page of a user's own conversations.
async fn own(
    api: &Api,
    user: &UserId,
    page: &PageRequest,
) -> Result<(Vec<ConversationInfo>, Option<String>), StoreError> {
    let filter = ConversationFilter { user: Some(user.clone()), ..ConversationFilter::default() };
    let found = api.ports.transcripts.conversations(&filter, page).await?;
    Ok((found.items.into_iter().filter(is_own).collect(), found.next))
}

/// Forgets the transcripts of a user's own conversations, and the questions that failure records keep of them. Whether there
/// is any such conversation.
pub(super) async fn erase(api: &Api, user: &UserId) -> Result<bool, StoreError> {
    let mut page = PageRequest { limit: PAGE_ROWS_MAX, after: None };
    let mut is_any = false;
    loop {
        let (own, next) = own(api, user, &page).await?;
        for info in &own {
            // What is still seen of it goes as well.
            api.ports.playground.forget(&info.key.channel, Some(&info.key.chat));
        }
        let own: BTreeSet<_> = own.into_iter().map(|info| info.id).collect();
        is_any |= !own.is_empty();
        for id in &own {
            // In bounded steps; lines that come in between are at the end.
            while api.ports.transcripts.forget(id, Forget::All).await? {}
        }
        failures_of(api, &own).await?;
        if next.is_none() {
            return Ok(is_any);
        }
        page.after = next;
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
