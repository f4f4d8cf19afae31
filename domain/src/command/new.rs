//! `/new`, also `/reset`: a new session.

use super::{Command, Spec};

pub(super) const SPEC: Spec = Spec {
    names: &["/new", "/reset"],
    usage: "/new",
    en: "Start a new conversation; the running reply stops and waiting messages are dropped.",
    zh_cn: "开始新对话：停止正在生成的回复，并清除等待中的消息。",
    read: |arguments| arguments.is_empty().then_some(Command::New),
};
