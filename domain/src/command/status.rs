//! `/status`: agent, model, age and length of the session.

use super::{Command, Spec};
use crate::choice::Lookup;

pub(super) const SPEC: Spec = Spec {
    names: &["/status"],
    usage: "/status",
    en: "Show the agent, the model and how long this conversation is.",
    zh_cn: "查看当前智能体、模型和对话长度。",
    read: |arguments| arguments.is_empty().then_some(Command::Lookup(Lookup::Status)),
};
