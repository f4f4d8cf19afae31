//! Reading `multipart/form-data` (RFC 7578) from a body that is in memory already.

use std::collections::HashMap;

use axum::body::Bytes;

/// Parts of one form.
const PARTS_MAX: usize = 50;

/// A parsed form: text fields, and the last part with a file name.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) fields: HashMap<String, String>,
    pub(crate) file: Option<FilePart>,
}

/// A part with a file name.
#[derive(Debug)]
pub(crate) struct FilePart {
    pub(crate) field: String,
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) content: Bytes,
}

/// The boundary named by a `Content-Type` header; `None` when it is not a form.
pub(crate) fn boundary_in(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let named = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="))?;
    let boundary = named.trim().trim_matches('"');
    (!boundary.is_empty()).then(|| boundary.to_owned())
}

/// The form in a body; `None` when it is broken.
pub(crate) fn parse(body: &Bytes, boundary: &str) -> Option<Form> {
    let opening = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut at = find(body, opening.as_bytes())?.checked_add(opening.len())?;
    let mut form = Form::default();
    for _ in 0..PARTS_MAX {
        let rest = body.get(at..)?;
        if rest.starts_with(b"--") {
            return Some(form);
        }
        let start = at.checked_add(find(rest, b"\r\n")?)?.checked_add(2)?;
        let end = start.checked_add(find(body.get(start..)?, between.as_bytes())?)?;
        take_part(&mut form, &body.slice(start..end))?;
        at = end.checked_add(between.len())?;
    }
    None
}

fn take_part(form: &mut Form, part: &Bytes) -> Option<()> {
    // A part without headers begins with the empty line itself.
    let head_end = find(part, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(part.get(..head_end)?).into_owned();
    let content = part.slice(head_end.checked_add(4)?..);
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition")?;
    let field = parameter(&disposition, "name").unwrap_or_default();
    match parameter(&disposition, "filename") {
        Some(name) => {
            let mime = header("content-type").unwrap_or_default();
            form.file = Some(FilePart { field, name, mime, content });
        }
        None => {
            form.fields.insert(field, String::from_utf8_lossy(&content).into_owned());
        }
    }
    Some(())
}

/// A quoted parameter such as `name="media"`.
fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').find_map(|piece| {
        let (key, value) = piece.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut at = 0_usize;
    // Uploads have megabytes: look for the first byte, then compare.
    loop {
        let rest = haystack.get(at..)?;
        at = at.checked_add(rest.iter().position(|byte| *byte == first)?)?;
        if haystack.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        at = at.checked_add(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_with_a_file_and_a_field_is_read() {
        let text = "--b\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nimage\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"media\"; filename=\"a.png\"\r\n\
                    Content-Type: image/png\r\n\r\n\0\r\n\x01\r\n--b--\r\n";
        let form = parse(&Bytes::from(text), "b").unwrap();
        assert_eq!(form.fields["type"], "image");
        let file = form.file.unwrap();
        assert_eq!(
            (file.field.as_str(), file.name.as_str(), file.mime.as_str()),
            ("media", "a.png", "image/png")
        );
        assert_eq!(file.content.as_ref(), b"\0\r\n\x01");
    }

    #[test]
    fn a_broken_form_is_no_form() {
        for text in ["", "--b", "--b\r\n", "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nv\r\n"] {
            assert!(parse(&Bytes::from(text), "b").is_none(), "{text:?}");
        }
        assert_eq!(boundary_in("application/json"), None);
        assert_eq!(boundary_in("multipart/form-data; boundary=\"x y\"").as_deref(), Some("x y"));
    }
}
