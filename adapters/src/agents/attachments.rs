//! What came with a question, in the forms that agents' protocols can carry.
//!
//! Pure, and shared by every kind of agent that speaks to a model: each protocol writes the same forms in its own words.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use switchboard_ports::agent::AgentAttachment;

use super::text::cut;

/// Most bytes of text that the text-like attachments of one question bring along, together. What is beyond is cut at a
/// character, with a mark.
pub(super) const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Pictures that models take. Others (BMP, TIFF, HEIC) are named only: servers answer them with an error.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Media types outside `text/` whose content is text.
const TEXT_TYPES: [&str; 10] = [
    "application/json",
    "application/xml",
    "application/yaml",
    "application/x-yaml",
    "application/toml",
    "application/javascript",
    "application/x-javascript",
    "application/sql",
    "application/x-sh",
    "application/x-ndjson",
];

/// Endings of names whose content is text, for files of which only the name tells what they are.
const TEXT_ENDINGS: [&str; 58] = [
    "txt",
    "text",
    "log",
    "md",
    "markdown",
    "rst",
    "csv",
    "tsv",
    "json",
    "jsonl",
    "ndjson",
    "xml",
    "svg",
    "html",
    "htm",
    "css",
    "scss",
    "yaml",
    "yml",
    "toml",
    "ini",
    "cfg",
    "conf",
    "properties",
    "env",
    "sql",
    "sh",
    "bash",
    "bat",
    "ps1",
    "py",
    "rb",
    "rs",
    "go",
    "java",
    "kt",
    "scala",
    "c",
    "h",
    "cc",
    "cpp",
    "hpp",
    "cs",
    "swift",
    "m",
    "js",
    "mjs",
    "ts",
    "tsx",
    "jsx",
    "vue",
    "php",
    "pl",
    "lua",
    "r",
    "proto",
    "diff",
    "patch",
];

/// How an attachment goes to a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// A picture.
    Picture {
        /// The whole picture as a `data:` URL.
        data_url: String,
    },
    /// Speech or sound.
    Audio {
        /// `wav` or `mp3`: the two that chat protocols know.
        format: &'static str,
        /// The whole sound, in base64.
        base64: String,
    },
    /// A PDF document.
    Pdf {
        /// The file's name.
        name: String,
        /// The whole document as a `data:` URL.
        data_url: String,
    },
    /// Text, with its name and in a fence: ready to stand beside the question.
    Text(String),
    /// One line that says what came, so that the model knows of what it cannot see.
    Named(String),
}

/// The attachments of one question in the forms that models take, in order.
pub(super) fn forms(attachments: &[AgentAttachment]) -> Vec<Form> {
    let mut text_left = TEXT_BYTES_MAX;
    attachments.iter().map(|attachment| classify(attachment, &mut text_left)).collect()
}

/// The form of one attachment; text takes its bytes out of `text_left`.
pub(super) fn classify(attachment: &AgentAttachment, text_left: &mut usize) -> Form {
    let Some(content) = attachment.content.as_deref() else {
        return Form::Named(named(attachment, "its content is not available"));
    };
    let media_type = bare(&attachment.media_type);
    let data_url = || format!("data:{media_type};base64,{}", STANDARD.encode(content));
    if PICTURES.contains(&media_type.as_str()) {
        return Form::Picture { data_url: data_url() };
    }
    if let Some(format) = audio_format(&media_type) {
        return Form::Audio { format, base64: STANDARD.encode(content) };
    }
    if media_type == "application/pdf" {
        return Form::Pdf { name: one_line(&attachment.name), data_url: data_url() };
    }
    match text_of(&media_type, &attachment.name, content) {
        Some(_) if *text_left == 0 => {
            Form::Named(named(attachment, "its text is left out: the files before it filled the space"))
        }
        Some(text) => Form::Text(fenced(attachment, text, text_left)),
        None => Form::Named(named(attachment, "its content cannot be shown to you")),
    }
}

fn audio_format(media_type: &str) -> Option<&'static str> {
    match media_type {
        "audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => Some("wav"),
        "audio/mpeg" | "audio/mp3" => Some("mp3"),
        _ => None,
    }
}

/// The content as text, where type or name say that it is and it really is.
fn text_of<'a>(media_type: &str, name: &str, content: &'a [u8]) -> Option<&'a str> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let said = media_type.starts_with("text/")
        || TEXT_TYPES.contains(&media_type)
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml")
        || ending.is_some_and(|ending| TEXT_ENDINGS.contains(&ending.as_str()));
    let text = said.then(|| std::str::from_utf8(content).ok()).flatten()?;
    (!text.contains('\0')).then(|| text.trim_start_matches('\u{feff}'))
}

/// The text under its name, between fences longer than any in it.
fn fenced(attachment: &AgentAttachment, text: &str, text_left: &mut usize) -> String {
    let shown = cut(text, *text_left);
    *text_left = text_left.saturating_sub(shown.len());
    let fence = "`".repeat(longest_run(shown).saturating_add(1).max(3));
    let mark = if shown.len() < text.len() { "\n[cut here: the file goes on]" } else { "" };
    let end = if shown.ends_with('\n') || shown.is_empty() { "" } else { "\n" };
    format!("File {}:\n{fence}\n{shown}{end}{fence}{mark}", quoted(&attachment.name))
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0_usize;
    let mut run = 0_usize;
    for character in text.chars() {
        run = if character == '`' { run.saturating_add(1) } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// `[attachment "plan.docx", application/msword, 12 KiB: why it is only named]`
pub(super) fn named(attachment: &AgentAttachment, why: &str) -> String {
    let mut line = format!("[attachment {}, {}", quoted(&attachment.name), bare(&attachment.media_type));
    if let Some(content) = &attachment.content {
        // Writing into a string does not fail.
        let _ = write!(line, ", {}", size(content.len()));
    }
    let _ = write!(line, ": {why}]");
    line
}

/// A size as people write it.
pub(super) fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(1_048_576)),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", one_line(name).replace('"', "'"))
}

/// The name without anything that would break out of its line.
fn one_line(name: &str) -> String {
    name.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// The media type without its parameters.
fn bare(media_type: &str) -> String {
    let bare = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if bare.is_empty() { "application/octet-stream".to_owned() } else { bare }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rstest::rstest;
    use switchboard_ports::agent::AgentAttachment;

    use super::{Form, TEXT_BYTES_MAX, forms};

    fn came(name: &str, media_type: &str, content: &[u8]) -> AgentAttachment {
        AgentAttachment {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            content: Some(Bytes::copy_from_slice(content)),
        }
    }

    fn form(name: &str, media_type: &str, content: &[u8]) -> Form {
        forms(&[came(name, media_type, content)]).remove(0)
    }

    #[test]
    fn a_picture_goes_as_a_data_url() {
        assert_eq!(
            form("a.png", "image/png; q=1", b"abc"),
            Form::Picture { data_url: "data:image/png;base64,YWJj".into() }
        );
    }

    #[test]
    fn sound_goes_in_the_two_formats_that_models_know() {
        assert_eq!(form("a.mp3", "audio/mpeg", b"abc"), Form::Audio { format: "mp3", base64: "YWJj".into() });
        assert_eq!(form("a.wav", "audio/x-wav", b"a"), Form::Audio { format: "wav", base64: "YQ==".into() });
        assert!(matches!(form("a.amr", "audio/amr", b"a"), Form::Named(_)));
    }

    #[test]
    fn a_pdf_goes_as_a_file() {
        let expected =
            Form::Pdf { name: "a.pdf".into(), data_url: "data:application/pdf;base64,YWJj".into() };
        assert_eq!(form("a.pdf", "application/pdf", b"abc"), expected);
    }

    #[rstest]
    #[case("a.md", "application/octet-stream")]
    #[case("a", "text/plain; charset=utf-8")]
    #[case("a", "application/problem+json")]
    #[case("a", "application/json")]
    #[case("A.RS", "")]
    fn text_is_shown_in_a_fence_under_its_name(#[case] name: &str, #[case] media_type: &str) {
        let expected = format!("File \"{name}\":\n```\n你好\n```");
        assert_eq!(form(name, media_type, "\u{feff}你好".as_bytes()), Form::Text(expected));
    }

    #[test]
    fn a_fence_in_the_text_does_not_end_it() {
        let Form::Text(text) = form("a.md", "text/markdown", b"````\nx\n````\n") else { panic!("text") };
        assert_eq!(text, "File \"a.md\":\n`````\n````\nx\n````\n`````");
    }

    #[rstest]
    #[case::not_utf8("a.csv", b"\xff\xfe\x00a")]
    #[case::zero("a.csv", b"a\0b")]
    #[case::unknown("a.bin", b"abc")]
    fn what_is_no_text_is_named(#[case] name: &str, #[case] content: &[u8]) {
        let Form::Named(line) = form(name, "", content) else { panic!("named") };
        let size = content.len();
        let expected = format!(
            "[attachment \"{name}\", application/octet-stream, {size} bytes: its content cannot be shown to you]"
        );
        assert_eq!(line, expected);
    }

    #[test]
    fn what_could_not_be_fetched_is_named() {
        let lost =
            AgentAttachment { name: "a\n\"b\".png".into(), media_type: "image/png".into(), content: None };
        let expected = "[attachment \"a 'b'.png\", image/png: its content is not available]";
        assert_eq!(forms(&[lost]), [Form::Named(expected.into())]);
    }

    #[test]
    fn texts_share_their_space_and_are_cut_at_a_character() {
        let long = "你".repeat(TEXT_BYTES_MAX / 3 + 10);
        let forms = forms(&[
            came("a.txt", "text/plain", b"ab"),
            came("b.txt", "text/plain", long.as_bytes()),
            came("c.txt", "text/plain", long.as_bytes()),
        ]);
        let [Form::Text(first), Form::Text(second), third] = forms.as_slice() else { panic!("two texts") };
        assert_eq!(first, "File \"a.txt\":\n```\nab\n```");
        assert!(second.ends_with("你\n```\n[cut here: the file goes on]"), "cut at a character");
        assert_eq!(second.matches('你').count(), (TEXT_BYTES_MAX - 2) / 3);
        let Form::Text(third) = third else { panic!("a text or a name") };
        assert!(third.contains("[cut here"), "only what is left of a character's bytes");
    }
}
