//! `/agents`: which agents there are, and which one answers.

use super::{Command, Spec, pick};
use crate::choice::Lookup;

pub(super) const SPEC: Spec = Spec {
    names: &["/agents", "/agent"],
    usage: "/agents [number|name|default]",
    en: "List the agents, or let another one answer.",
    zh_cn: "查看智能体列表，或切换智能体。",
    read: |arguments| pick::read(arguments).map(|pick| Command::Lookup(Lookup::Agents(pick))),
};
