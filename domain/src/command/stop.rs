//! `/stop`: the running reply ends with what it has. `/stop all`: waiting messages are withdrawn too.

use super::{Command, Spec, Word};

pub(super) const SPEC: Spec = Spec {
    names: &["/stop"],
    usage: "/stop [all]",
    en: "Stop the running reply; with `all`, withdraw the waiting messages too.",
    zh_cn: "停止正在生成的回复；加上 `all` 会同时撤回等待中的消息。",
    read,
};

fn read(arguments: &[Word<'_>]) -> Option<Command> {
    match arguments {
        [] => Some(Command::Stop { all: false }),
        [word] => word.is("all").then_some(Command::Stop { all: true }),
        [_, ..] => None,
    }
}
