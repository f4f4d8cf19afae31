//! The atomic steps: one script each, loaded by the server when it does not know it.

use redis::Script;

/// All of them.
pub(super) struct Scripts {
    pub(super) claim: Script,
    pub(super) look: Script,
    pub(super) append: Script,
    pub(super) load: Script,
    pub(super) commit: Script,
    pub(super) purge: Script,
    pub(super) forget: Script,
    pub(super) register: Script,
    pub(super) remove: Script,
    pub(super) create_user: Script,
    pub(super) update_user: Script,
    pub(super) delete_user: Script,
    pub(super) link: Script,
    pub(super) unlink: Script,
    pub(super) keep: Script,
    pub(super) count: Script,
    pub(super) report: Script,
    pub(super) roll: Script,
    pub(super) hold: Script,
    pub(super) leave: Script,
    pub(super) evicting: Script,
    pub(super) spend: Script,
    pub(super) lay: Script,
    pub(super) write_lines: Script,
    pub(super) forget_subject: Script,
    pub(super) raise_field: Script,
    pub(super) raise: Script,
    pub(super) identity: Script,
    pub(super) trial: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            claim: after(&[SERVER, MOMENT], include_str!("scripts/claim.lua")),
            look: Script::new(include_str!("scripts/look.lua")),
            append: Script::new(include_str!("scripts/append.lua")),
            load: after(&[SERVER], include_str!("scripts/load.lua")),
            commit: after(&[SERVER], include_str!("scripts/commit.lua")),
            purge: Script::new(include_str!("scripts/purge.lua")),
            forget: Script::new(include_str!("scripts/forget.lua")),
            register: Script::new(include_str!("scripts/register.lua")),
            remove: Script::new(include_str!("scripts/remove.lua")),
            create_user: after(&[NOTE], include_str!("scripts/create_user.lua")),
            update_user: after(&[NOTE], include_str!("scripts/update_user.lua")),
            delete_user: after(&[NOTE], include_str!("scripts/delete_user.lua")),
            link: after(&[NOTE], include_str!("scripts/link.lua")),
            unlink: after(&[NOTE], include_str!("scripts/unlink.lua")),
            keep: Script::new(include_str!("scripts/keep.lua")),
            count: Script::new(include_str!("scripts/count.lua")),
            report: after(&[MOMENT], include_str!("scripts/report.lua")),
            roll: after(&[MOMENT], include_str!("scripts/roll.lua")),
            hold: after(&[MOMENT], include_str!("scripts/hold.lua")),
            leave: Script::new(include_str!("scripts/leave.lua")),
            evicting: after(&[MOMENT], include_str!("scripts/evicting.lua")),
            spend: after(&[MOMENT], include_str!("scripts/spend.lua")),
            lay: Script::new(include_str!("scripts/lay.lua")),
            write_lines: Script::new(include_str!("scripts/write_lines.lua")),
            forget_subject: Script::new(include_str!("scripts/forget_subject.lua")),
            raise_field: Script::new(include_str!("scripts/raise_field.lua")),
            raise: Script::new(include_str!("scripts/raise.lua")),
            identity: Script::new(include_str!("scripts/identity.lua")),
            trial: Script::new(include_str!("scripts/trial.lua")),
        }
    }
}

/// Writes into the audit list what was done.
const NOTE: &str = include_str!("scripts/note.lua");
/// What time it is.
const MOMENT: &str = include_str!("scripts/moment.lua");
/// Which server it runs on.
const SERVER: &str = include_str!("scripts/server.lua");

/// A script that goes by what stands before it.
fn after(pieces: &[&str], script: &str) -> Script {
    Script::new(&format!("{}{script}", pieces.concat()))
}
