//! `/help`: the list of commands.

use super::{Command, Spec};

pub(super) const SPEC: Spec = Spec {
    names: &["/help"],
    usage: "/help",
    en: "Show this list.",
    zh_cn: "显示本列表。",
    read: |arguments| arguments.is_empty().then_some(Command::Help),
};
