//! What is a command, and what is a question about one.

use proptest::prelude::*;
use rstest::rstest;

use super::{COMMANDS, Command, parse};
use crate::inbox::Control;
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
#[case("/status", Command::Status)]
#[case("/help", Command::Help)]
fn the_whole_text_is_a_command(#[case] text: &str, #[case] command: Command) {
    assert_eq!(parse(text), Some(command));
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
#[case("/agents")]
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
fn commands_are_control_acts() {
    assert_eq!(Command::New.control(), Control::New);
    assert_eq!(Command::Stop { all: true }.control(), Control::Stop { all: true });
    assert_eq!(Command::Status.control(), Control::Status);
    assert_eq!(Command::Help.control(), Control::Help);
}

proptest! {
    #[test]
    fn parsing_never_panics(text in ".{0,80}") {
        let _ = parse(&text);
    }
}
