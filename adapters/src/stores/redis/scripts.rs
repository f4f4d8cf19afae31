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
    pub(super) audit: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            claim: Script::new(include_str!("scripts/claim.lua")),
            look: Script::new(include_str!("scripts/look.lua")),
            append: Script::new(include_str!("scripts/append.lua")),
            load: Script::new(include_str!("scripts/load.lua")),
            commit: Script::new(include_str!("scripts/commit.lua")),
            purge: Script::new(include_str!("scripts/purge.lua")),
            forget: Script::new(include_str!("scripts/forget.lua")),
            register: Script::new(include_str!("scripts/register.lua")),
            remove: Script::new(include_str!("scripts/remove.lua")),
            create_user: Script::new(include_str!("scripts/create_user.lua")),
            update_user: Script::new(include_str!("scripts/update_user.lua")),
            delete_user: Script::new(include_str!("scripts/delete_user.lua")),
            link: Script::new(include_str!("scripts/link.lua")),
            unlink: Script::new(include_str!("scripts/unlink.lua")),
            keep: Script::new(include_str!("scripts/keep.lua")),
            count: Script::new(include_str!("scripts/count.lua")),
            audit: Script::new(include_str!("scripts/audit.lua")),
        }
    }
}
