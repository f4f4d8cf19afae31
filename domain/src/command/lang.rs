//! `/lang`: the language of our own sentences.

use super::{Command, Spec, Word};
use crate::choice::{Lookup, Tongue};
use crate::settings::Locale;

pub(super) const SPEC: Spec = Spec {
    names: &["/lang", "/language"],
    usage: "/lang [zh|en|default]",
    en: "Choose the language of the bot's own sentences.",
    zh_cn: "选择机器人提示语的语言。",
    read,
};

fn read(arguments: &[Word<'_>]) -> Option<Command> {
    let tongue = match arguments {
        [] => Tongue::List,
        [word] if word.is("zh") || word.is("zh-cn") || word.is("中文") => Tongue::Speak(Locale::ZhCn),
        [word] if word.is("en") || word.is("english") => Tongue::Speak(Locale::En),
        [word] if word.is("default") => Tongue::Default,
        // One word more is a language that we do not speak; several are a sentence.
        [_word] => Tongue::List,
        [_, ..] => return None,
    };
    Some(Command::Lookup(Lookup::Language(tongue)))
}
