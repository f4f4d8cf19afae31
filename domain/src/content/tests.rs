//! Stories and laws of questions made out of messages.

use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;

use super::{
    ATTACHMENTS_MAX, Attachment, AttachmentKind, Content, NAME_CHARS_MAX, Piece, QUOTE_BYTES_MAX, Quoted,
    has_words, with_answer,
};
use crate::message::TEXT_BYTES_MAX;
use crate::secret::Secret;

fn attachment(kind: AttachmentKind, name: &str) -> Attachment {
    Attachment { kind, name: name.into(), duration: None, source: Secret::new("code") }
}

fn picture() -> Piece {
    Piece::Attachment(attachment(AttachmentKind::Picture, ""))
}

fn file(name: &str) -> Piece {
    Piece::Attachment(attachment(AttachmentKind::File, name))
}

fn text(text: &str) -> Piece {
    Piece::Text(text.into())
}

fn asked(pieces: Vec<Piece>, quoted: Option<Quoted>) -> (String, Vec<String>) {
    let question = Content { pieces, quoted }.into_question();
    (question.text, question.attachments.into_iter().map(|attachment| attachment.name).collect())
}

#[test]
fn words_alone_are_the_question() {
    assert_eq!(asked(vec![text(" hello ")], None), ("hello".into(), vec![]));
    assert_eq!(asked(vec![], None), (String::new(), vec![]));
}

#[test]
fn files_are_named_where_they_stood() {
    let pieces =
        vec![text("compare "), picture(), text(" with\n"), picture(), text("\nplease"), file("a.pdf")];
    let expected = "compare\n[picture: picture-1]\nwith\n[picture: picture-2]\nplease\n[file: a.pdf]";
    assert_eq!(
        asked(pieces, None),
        (expected.into(), vec!["picture-1".into(), "picture-2".into(), "a.pdf".into()])
    );
}

#[test]
fn what_plays_says_how_long() {
    let voice =
        Attachment { duration: Some(Duration::from_millis(4_200)), ..attachment(AttachmentKind::Audio, "") };
    assert_eq!(asked(vec![Piece::Attachment(voice)], None).0, "[audio: audio-1, 5 s]");
}

#[test]
fn names_are_told_apart_and_stay_on_their_line() {
    let pieces = vec![file("a.pdf"), file("a.pdf"), file("x/../b]\n[c.txt"), file(".env"), file(".env")];
    let names = asked(pieces, None).1;
    assert_eq!(names, ["a.pdf", "a-1.pdf", "b) (c.txt", ".env", ".env-1"]);
}

#[test]
fn a_long_name_keeps_its_ending() {
    let name = asked(vec![file(&format!("{}.docx", "长".repeat(300)))], None).1.remove(0);
    assert_eq!(name.chars().count(), NAME_CHARS_MAX);
    assert!(name.ends_with("长.docx"));
}

#[test]
fn long_names_that_are_told_apart_stay_within_the_bound_with_their_ending() {
    let long = format!("{}.docx", "长".repeat(300));
    let names = asked((0..ATTACHMENTS_MAX).map(|_| file(&long)).collect(), None).1;
    assert_eq!(names.len(), ATTACHMENTS_MAX);
    for name in &names {
        assert_eq!(name.chars().count(), NAME_CHARS_MAX);
        assert_eq!(name.rsplit_once('.').map(|(_, ending)| ending), Some("docx"));
    }
    assert!(names[9].ends_with("长-9.docx"), "{}", names[9]);
}

#[test]
fn a_name_shows_its_real_ending() {
    let names = asked(vec![file("photo\u{202E}gpj.exe"), file("\u{202E}\u{2066}")], None).1;
    assert_eq!(names, ["photogpj.exe", "file-1"]);
}

#[test]
fn a_quote_stands_in_front_and_its_files_come_after_the_messages_own() {
    let quoted = Quoted::Content(vec![text("one\n\ntwo"), picture()]);
    let (text, names) = asked(vec![text("what about this?"), picture()], Some(quoted));
    assert_eq!(text, "> one\n> \n> two\n> [picture: picture-2]\n\nwhat about this?\n[picture: picture-1]");
    assert_eq!(names, ["picture-1", "picture-2"]);
}

#[rstest]
#[case(
    Quoted::Card { key: None },
    "> [a card of this bot's: an earlier answer, whose text the platform does not repeat]\n\nand?"
)]
#[case(Quoted::Unreadable, "> [a message that the platform does not hand over]\n\nand?")]
#[case(Quoted::Content(vec![]), "and?")]
fn what_cannot_be_quoted_is_said(#[case] quoted: Quoted, #[case] expected: &str) {
    assert_eq!(asked(vec![text("and?")], Some(quoted)).0, expected);
}

#[test]
fn the_words_of_a_quoted_answer_take_the_place_of_its_mark() {
    let quoted = Some(Quoted::Card { key: Some("carrier".into()) });
    let question = Content { pieces: vec![text("and?"), picture()], quoted }.into_question();
    assert_eq!(question.quotes.as_deref(), Some("carrier"));
    assert_eq!(
        with_answer(&question.text, " one\n\ntwo\n"),
        "> one\n> \n> two\n\nand?\n[picture: picture-1]"
    );
    assert_eq!(with_answer(&question.text, " \n"), question.text, "an answer without a word");
    assert_eq!(with_answer("and?", "one"), "and?", "a question without a mark");
}

#[test]
fn a_long_quoted_answer_is_cut_and_the_question_stays_within_its_bound() {
    let quoted = || Some(Quoted::Card { key: None });
    let question = Content { pieces: vec![text("and?")], quoted: quoted() }.into_question().text;
    let asked = with_answer(&question, &"好".repeat(QUOTE_BYTES_MAX));
    assert!(asked.ends_with("\n> [cut here: the quoted message goes on]\n\nand?"));
    assert!(asked.len() < QUOTE_BYTES_MAX + 100);
    let long = Content { pieces: vec![text(&"好".repeat(TEXT_BYTES_MAX))], quoted: quoted() }.into_question();
    assert!(with_answer(&long.text, &"好".repeat(QUOTE_BYTES_MAX)).len() <= TEXT_BYTES_MAX);
}

#[test]
fn a_quote_without_a_word_is_a_question() {
    assert_eq!(asked(vec![text(" ")], Some(Quoted::Content(vec![text("x")]))).0, "> x");
}

#[test]
fn a_long_quote_is_cut_and_leaves_room() {
    for long in ["好".repeat(TEXT_BYTES_MAX), "\n".repeat(TEXT_BYTES_MAX) + "x", "a\n".repeat(TEXT_BYTES_MAX)]
    {
        let quoted = Quoted::Content(vec![text(&format!("a{long}"))]);
        let (asked, _) = asked(vec![text("and?")], Some(quoted));
        assert!(asked.ends_with("\n> [cut here: the quoted message goes on]\n\nand?"), "{long:.8}");
        assert!(asked.len() < 2 * QUOTE_BYTES_MAX);
    }
}

#[test]
fn too_many_files_are_counted() {
    let many = |count| std::iter::repeat_with(picture).take(count).chain([text("see")]).collect();
    let (text, names) = asked(many(ATTACHMENTS_MAX + 2), None);
    assert_eq!(names.len(), ATTACHMENTS_MAX);
    assert!(text.ends_with("see\n\n[2 more files were left out: at most 10 are taken]"), "{text}");
    assert!(
        asked(many(ATTACHMENTS_MAX + 1), None)
            .0
            .ends_with("[1 more file was left out: at most 10 are taken]")
    );
    assert!(asked(many(ATTACHMENTS_MAX), None).0.ends_with("see"));
}

#[test]
fn only_words_can_be_a_command() {
    let content = |pieces, quoted| Content { pieces, quoted };
    assert_eq!(content(vec![text(" /n"), text("ew ")], None).words().as_deref(), Some("/new"));
    assert_eq!(
        content(vec![text("/new")], Some(Quoted::Card { key: None })).words().as_deref(),
        Some("/new")
    );
    assert_eq!(content(vec![text("/new"), picture()], None).words(), None);
}

#[test]
fn marks_are_no_words() {
    let quoted = Some(Quoted::Content(vec![picture()]));
    for (pieces, quoted, expected) in [
        (vec![picture(), file("a.pdf")], None, false),
        (vec![picture()], quoted.clone(), false),
        (vec![picture(), text("?")], None, true),
        (vec![text("?")], quoted, true),
        (vec![picture()], Some(Quoted::Card { key: None }), true),
    ] {
        let question = Content { pieces, quoted }.into_question();
        assert_eq!(has_words(&question.text, &question.attachments), expected, "{}", question.text);
    }
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let kinds = prop_oneof![
        Just(AttachmentKind::Picture),
        Just(AttachmentKind::Audio),
        Just(AttachmentKind::Video),
        Just(AttachmentKind::File)
    ];
    let file =
        (kinds, "[a.\\[\\]/\n好]{0,8}").prop_map(|(kind, name)| Piece::Attachment(attachment(kind, &name)));
    proptest::collection::vec(prop_oneof!["[a \n>好]{0,12}".prop_map(Piece::Text), file], 0..16)
}

proptest! {
    #[test]
    fn questions_are_bounded_and_name_every_file_once(
        own in pieces(),
        quoted in proptest::option::of(pieces()),
        filling in 0_usize..(2 * TEXT_BYTES_MAX),
    ) {
        let mut own = own;
        own.push(Piece::Text("好".repeat(filling / 3)));
        let question = Content { pieces: own, quoted: quoted.map(Quoted::Content) }.into_question();
        prop_assert!(question.text.len() <= TEXT_BYTES_MAX);
        prop_assert!(question.attachments.len() <= ATTACHMENTS_MAX);
        let mut names: Vec<_> = question.attachments.iter().map(|file| file.name.clone()).collect();
        prop_assert!(names.iter().all(|name| !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), count);
    }
}
