//! Whom directories shut out: written down with the user before it is said, because what is remembered dies with the process
//! and another replica never knew it.

use switchboard_domain::mapping::Rule;
use switchboard_ports::audit::{AuditAct, AuditLine};
use switchboard_ports::error::StoreError;
use switchboard_ports::users::User;

use super::Gathered;
use crate::runtime::channel::Bot;
use crate::runtime::directories::Answer;
use crate::runtime::shared::Shared;

/// Which directory shuts the user out by what was just said; `None` where none does.
fn shutting_out<'a>(bot: &Bot, user: &'a User, gathered: &'a Gathered) -> Option<&'a str> {
    match gathered.answer.as_ref()? {
        Answer::Found(person) if person.disabled => Some(&person.directory),
        Answer::Absent => user.directory.as_deref().filter(|name| gathered.is_ours(bot, name)),
        Answer::Found(_) | Answer::Ambiguous | Answer::Unavailable(..) => None,
    }
}

/// Writes down that a directory shuts the author's user out, if it does and that is new.
pub(super) async fn shut_out(shared: &Shared, bot: &Bot, gathered: &Gathered) -> Result<(), StoreError> {
    let Some(user) = &gathered.linked else { return Ok(()) };
    let Some(by) = shutting_out(bot, user, gathered) else { return Ok(()) };
    if user.shut_out_by.as_deref() == Some(by) {
        return Ok(());
    }
    let changed = User { shut_out_by: Some(by.to_owned()), updated_at: shared.now(), ..user.clone() };
    let line = super::line(shared, bot, (AuditAct::ShutOut, Rule::Directory, by), user, gathered);
    shared.ports.users.update(&changed, user.version, &[line]).await?;
    Ok(())
}

/// Takes that back from a user whom the channel's directories give access again; answers what the audit list has of it.
pub(super) fn let_in(
    shared: &Shared,
    bot: &Bot,
    user: &User,
    changed: &mut Option<User>,
    gathered: &Gathered,
) -> Option<AuditLine> {
    let by = user.shut_out_by.as_deref().filter(|name| gathered.is_ours(bot, name))?;
    let line = super::line(shared, bot, (AuditAct::LetIn, Rule::Directory, by), user, gathered);
    let changed = changed.get_or_insert_with(|| User { updated_at: shared.now(), ..user.clone() });
    changed.shut_out_by = None;
    Some(line)
}
