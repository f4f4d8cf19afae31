//! What a file is: by its first bytes, else by its name, else by what the server says (dingtalk §7.1: files come with the
//! ending `.file` and types that mean nothing).

use switchboard_domain::content::AttachmentKind;

/// Where nobody knows.
const UNKNOWN: &str = "application/octet-stream";

/// Longest media type taken from a server, in bytes.
const TYPE_BYTES_MAX: usize = 100;

/// Beginnings by which kinds of files are known.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"#!AMR", "audio/amr"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
];

/// Endings by which files are known whose bytes do not tell, or not enough.
const ENDINGS: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("bmp", "image/bmp"),
    ("heic", "image/heic"),
    ("svg", "image/svg+xml"),
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("amr", "audio/amr"),
    ("ogg", "audio/ogg"),
    ("m4a", "audio/mp4"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("log", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("json", "application/json"),
    ("xml", "application/xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
    ("gz", "application/gzip"),
    ("rar", "application/vnd.rar"),
    ("7z", "application/x-7z-compressed"),
    ("doc", "application/msword"),
    ("xls", "application/vnd.ms-excel"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
];

/// What a file is, given its content, its name and the server's `Content-Type`.
pub(super) fn media_type(
    kind: AttachmentKind,
    content: &[u8],
    name: &str,
    announced: Option<&str>,
) -> String {
    let known = by_content(kind, content).or_else(|| by_name(name)).map(str::to_owned);
    known.or_else(|| announced.and_then(telling)).unwrap_or_else(|| UNKNOWN.to_owned())
}

fn by_content(kind: AttachmentKind, content: &[u8]) -> Option<&'static str> {
    let at = |from: usize, bytes: &[u8]| content.get(from..).is_some_and(|rest| rest.starts_with(bytes));
    if at(0, b"RIFF") {
        return match () {
            () if at(8, b"WEBP") => Some("image/webp"),
            () if at(8, b"WAVE") => Some("audio/wav"),
            () => None,
        };
    }
    if at(4, b"ftyp") {
        return Some(match kind {
            AttachmentKind::Audio => "audio/mp4",
            AttachmentKind::Picture => "image/heic",
            AttachmentKind::File | AttachmentKind::Video if at(8, b"hei") || at(8, b"mif") => "image/heic",
            AttachmentKind::File if at(8, b"M4A") => "audio/mp4",
            AttachmentKind::File | AttachmentKind::Video => "video/mp4",
        });
    }
    // Two letters prove nothing in a file of any kind.
    let is_picture = kind == AttachmentKind::Picture;
    MAGIC
        .iter()
        .filter(|(magic, _)| magic.len() > 2 || is_picture || !magic.is_ascii())
        .find(|(magic, _)| content.starts_with(magic))
        .map(|(_, media_type)| *media_type)
}

fn by_name(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    ENDINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending)).map(|(_, media_type)| *media_type)
}

/// The server's word, if it is a media type that says anything.
fn telling(announced: &str) -> Option<String> {
    let bare = announced.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'+');
    let is_type = bare.len() <= TYPE_BYTES_MAX && bare.contains('/') && bare.bytes().all(plain);
    (is_type && bare != UNKNOWN && bare != "binary/octet-stream").then_some(bare)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use switchboard_domain::content::AttachmentKind::{self, Audio, File, Picture, Video};

    use super::media_type;

    #[rstest]
    #[case(Picture, b"\x89PNG\r\n\x1a\n....", "", None, "image/png")]
    #[case(Picture, b"\xff\xd8\xff\xe0", "x.png", Some("image/gif"), "image/jpeg")]
    #[case(Picture, b"GIF89a", "", None, "image/gif")]
    #[case(Picture, b"RIFF\0\0\0\0WEBPVP8", "", None, "image/webp")]
    #[case(Picture, b"BM....", "", None, "image/bmp")]
    #[case(Picture, b"\0\0\0\x18ftypheic", "", None, "image/heic")]
    #[case(Audio, b"#!AMR\n", "", Some("application/octet-stream"), "audio/amr")]
    #[case(Audio, b"RIFF\0\0\0\0WAVEfmt ", "", None, "audio/wav")]
    #[case(Audio, b"ID3\x04", "", None, "audio/mpeg")]
    #[case(Audio, b"\xff\xfb\x90", "", None, "audio/mpeg")]
    #[case(Audio, b"\0\0\0\x18ftypM4A ", "", None, "audio/mp4")]
    #[case(Video, b"\0\0\0\x18ftypisom", "", None, "video/mp4")]
    #[case(File, b"\0\0\0\x18ftypM4A ", "a.bin", None, "audio/mp4")]
    #[case(File, b"%PDF-1.7", "a.txt", None, "application/pdf")]
    #[case(File, b"BMW is a car", "a.txt", None, "text/plain")]
    #[case(
        File,
        b"PK\x03\x04",
        "a.docx",
        None,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    )]
    #[case(File, b"PK\x03\x04", "a.zip", None, "application/zip")]
    #[case(File, b"fn main() {}", "main.rs", Some("text/x-rust; charset=utf-8"), "text/x-rust")]
    #[case(File, b"a,b", "A.CSV", None, "text/csv")]
    #[case(File, b"..", "a", Some("binary/octet-stream"), "application/octet-stream")]
    #[case(File, b"..", "a", Some("no type"), "application/octet-stream")]
    #[case(File, b"", "", None, "application/octet-stream")]
    fn bytes_come_first_then_the_name_then_the_server(
        #[case] kind: AttachmentKind,
        #[case] content: &[u8],
        #[case] name: &str,
        #[case] announced: Option<&str>,
        #[case] expected: &str,
    ) {
        assert_eq!(media_type(kind, content, name, announced), expected);
    }
}
