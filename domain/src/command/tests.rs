//! What is a command, and what is a question about one.

use proptest::prelude::*;
use rstest::rstest;

use super::{COMMANDS, Command, parse};
use crate::choice::{Lookup, Pick, Tongue};
use crate::inbox::{Control, Intake, Origin};
use crate::settings::Locale;

#[rstest]
#[case("/new", Command::New)]
#[case("/reset", Command::New)]
#[case("  /New\n", Command::New)]
#[case("／new", Command::New)]
#[case("／ＮＥＷ", Command::New)]
#[case("\u{3000}／reset\u{3000}", Command::New)]
#[case("\u{A0}/new\u{A0}", Command::New)]
#[case("\u{200B}/new\u{FEFF}", Command::New)]
#[case("@bot /new", Command::New)]
#[case("@小助手\u{2005}/new", Command::New)]
#[case("＠小助手\u{3000}／new", Command::New)]
#[case("@bot\n/new", Command::New)]
#[case("/stop", Command::Stop { all: false })]
#[case("/STOP ALL", Command::Stop { all: true })]
#[case("/stop\u{3000}all", Command::Stop { all: true })]
#[case("／ｓｔｏｐ　ａｌｌ", Command::Stop { all: true })]
#[case("/status", Command::Lookup(Lookup::Status))]
#[case("/help", Command::Help)]
fn the_whole_text_is_a_command(#[case] text: &str, #[case] command: Command) {
    assert_eq!(parse(text), Some(command));
}

#[rstest]
#[case("/agents", Lookup::Agents(Pick::List))]
#[case("/agent", Lookup::Agents(Pick::List))]
#[case("@bot\n/agents 2", Lookup::Agents(Pick::Number(2)))]
#[case("／agents　２", Lookup::Agents(Pick::Number(2)))]
#[case("/agents 99999999999", Lookup::Agents(Pick::Name("99999999999".into())))]
#[case("/agents Default", Lookup::Agents(Pick::Default))]
#[case("/agents  Code   Reviewer ", Lookup::Agents(Pick::Name("Code Reviewer".into())))]
#[case("/agents 2 b", Lookup::Agents(Pick::Name("2 b".into())))]
#[case("/models", Lookup::Models(Pick::List))]
#[case("/MODELS gpt-4o", Lookup::Models(Pick::Name("gpt-4o".into())))]
#[case("/lang", Lookup::Language(Tongue::List))]
#[case("/lang fr", Lookup::Language(Tongue::List))]
#[case("/lang ZH", Lookup::Language(Tongue::Speak(Locale::ZhCn)))]
#[case("/lang 中文", Lookup::Language(Tongue::Speak(Locale::ZhCn)))]
#[case("/language ｅｎ", Lookup::Language(Tongue::Speak(Locale::En)))]
#[case("/lang default", Lookup::Language(Tongue::Default))]
fn choices_are_read_with_what_stands_behind_them(#[case] text: &str, #[case] lookup: Lookup) {
    assert_eq!(parse(text), Some(Command::Lookup(lookup)));
}

#[test]
fn a_name_has_a_bound() {
    assert!(parse(&format!("/agents {}", "x".repeat(200))).is_some());
    assert_eq!(parse(&format!("/agents {}", "x".repeat(201))), None);
    assert_eq!(parse(&format!("/agents {}", "x ".repeat(33))), None);
}

#[rstest]
#[case("")]
#[case("@bot")]
#[case("new")]
#[case("/")]
#[case("/ new")]
#[case("//new")]
#[case("/news")]
#[case("/new please")]
#[case("/new\nWhat is the weather?")]
#[case("what does /new do")]
#[case("@one @two /new")]
#[case("@bot/new")]
#[case("/stop all now")]
#[case("/stop it")]
#[case("/status all")]
#[case("/models\nWhat is the weather?")]
#[case("/agents two\nthree")]
#[case("/lang en please")]
#[case("/stop\nall")]
#[case("/etc/passwd")]
#[case("/帮助")]
#[case("/ñew")]
fn anything_else_is_ordinary_text(#[case] text: &str) {
    assert_eq!(parse(text), None);
}

#[test]
fn every_command_has_a_name_of_its_own_and_a_help_line_in_both_languages() {
    let mut names: Vec<_> = COMMANDS.iter().flat_map(|spec| spec.names).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    for spec in COMMANDS {
        assert!(spec.usage.starts_with(spec.names[0]));
        assert!(spec.help(Locale::En).ends_with('.'));
        assert!(spec.help(Locale::ZhCn).ends_with('。'));
        for name in spec.names {
            assert!(parse(name).is_some());
        }
    }
}

#[test]
fn commands_become_acts_and_looks() {
    let control = |control| Intake::Control { control, origin: Origin::Chat };
    assert_eq!(Command::New.into_intake(), control(Control::New));
    assert_eq!(Command::Stop { all: true }.into_intake(), control(Control::Stop { all: true }));
    assert_eq!(Command::Help.into_intake(), control(Control::Help));
    assert_eq!(Command::Lookup(Lookup::Status).into_intake(), Intake::Lookup(Lookup::Status));
}

proptest! {
    #[test]
    fn parsing_never_panics(text in ".{0,80}") {
        let _ = parse(&text);
    }
}
