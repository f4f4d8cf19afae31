//! `/models`: which models the agent has, and which one is asked for.

use super::{Command, Spec, pick};
use crate::choice::Lookup;

pub(super) const SPEC: Spec = Spec {
    names: &["/models", "/model"],
    usage: "/models [number|name|default]",
    en: "List the agent's models, or have another one asked.",
    zh_cn: "查看模型列表，或切换模型。",
    read: |arguments| pick::read(arguments).map(|pick| Command::Lookup(Lookup::Models(pick))),
};
