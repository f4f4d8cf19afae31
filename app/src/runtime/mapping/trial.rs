//! What would happen to an author, without anything happening.

use switchboard_domain::mapping::Decision;
use switchboard_domain::message::{Chat, ChatKind, Sender};
use switchboard_ports::error::StoreError;

use super::Gathered;
use crate::runtime::channel::Bot;
use crate::runtime::directories::{Answer, Wait};
use crate::runtime::operations::{DirectorySaid, MappingTrial};
use crate::runtime::shared::Shared;

/// Looks everything up as for a message, and changes nothing.
pub(crate) async fn tried(shared: &Shared, bot: &Bot, sender: &Sender) -> Result<MappingTrial, StoreError> {
    let gathered = Gathered::of(shared, bot, sender, Wait::Long).await?;
    let verdict = gathered.verdict(bot);
    let user = match &verdict.decision {
        Decision::Use(id) | Decision::Link(id) => gathered.one(id).cloned(),
        Decision::Create(_) | Decision::Reject(_) | Decision::Unknown => gathered.linked.clone(),
    };
    let private = Chat { id: String::new(), kind: ChatKind::Private, title: None };
    let access = gathered.access(bot, &private);
    let directory = match gathered.answer {
        None => DirectorySaid::NotAsked,
        Some(Answer::Found(person)) => DirectorySaid::Found(person),
        Some(Answer::Absent) => DirectorySaid::Absent,
        Some(Answer::Ambiguous) => DirectorySaid::Ambiguous,
        Some(Answer::Unavailable(_, why)) => DirectorySaid::Unavailable(why),
    };
    Ok(MappingTrial { verdict, identity: gathered.identity, user, directory, access })
}
