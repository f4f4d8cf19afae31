//! What stands within a line: code, tags, addresses in brackets, references.

use super::html::{Tag, tag};
use super::links::{Link, References, Target, link};
use super::lists::item;
use super::{Dialect, Style};

/// Links within links that are followed.
const DEPTH_MAX: usize = 3;
/// Characters of an address that cannot stand in a link made of it.
const NOT_IN_ADDRESSES: &str = "()[]<>`|\\\"";

/// Stands for a picture that is written out in the text and was not uploaded.
const DATA_SIGN: &str = "🖼";

/// Adapts lines.
pub(super) struct Inline<'a> {
    pub(super) style: Style,
    pub(super) references: References<'a>,
}

/// What holds for a line.
#[derive(Clone, Copy)]
struct Context {
    /// What stands for `<br>`.
    line_break: &'static str,
    /// What stands for `<code>`.
    code_mark: &'static str,
    depth: usize,
}

impl Inline<'_> {
    /// The line as it is shown. In prose a `<br>` becomes a line break.
    pub(super) fn adapt(&self, line: &str) -> String {
        let text = line.trim_start();
        let structured = item(text).is_some() || text.starts_with(['#', '>']);
        let line_break = match self.style.dialect {
            Dialect::Card if text.contains('|') => "<br>",
            Dialect::Card | Dialect::Message | Dialect::CloseMessage if structured || text.contains('|') => {
                " "
            }
            Dialect::Card | Dialect::Message | Dialect::CloseMessage => "\n",
        };
        // Marks of code could pair with others on the line and turn text into code.
        let code_mark = if line.contains('`') { "" } else { "`" };
        let mut out = String::with_capacity(line.len());
        self.write(line, Context { line_break, code_mark, depth: 0 }, &mut out);
        // The border was in a tag that is gone: the line is no row.
        if line_break == "<br>" && !out.contains('|') { self.adapt(&out) } else { out }
    }

    fn write(&self, text: &str, context: Context, out: &mut String) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let taken = match first {
                '`' => code(rest, out),
                '\\' => escaped(rest, out),
                '<' => self.angle(rest, context, out),
                '[' => self.bracket(rest, context, out),
                '!' if rest.starts_with("![") => self.bracket(rest, context, out),
                _ => {
                    out.push(first);
                    first.len_utf8()
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
            // What a tag stood between must not become one mark, or a link.
            let code = out.ends_with('`') && rest.starts_with('`');
            let link = out.ends_with(']') && rest.starts_with(['(', '[']);
            if first == '<' && (code || link || (out.ends_with('!') && rest.starts_with('['))) {
                out.push(' ');
            }
        }
    }

    /// A link, an image, a reference, or a bracket. Says how many bytes are done.
    fn bracket(&self, text: &str, context: Context, out: &mut String) -> usize {
        let literal = if text.starts_with('!') { 1 } else { '['.len_utf8() };
        let found = link(text).filter(|_| context.depth < DEPTH_MAX);
        let Some((it, address)) = found.and_then(|it| self.leads(it).map(|address| (it, address))) else {
            out.push_str(text.get(..literal).unwrap_or_default());
            return literal;
        };
        if it.image && is_data(address) {
            out.push_str(DATA_SIGN);
            if !it.text.trim().is_empty() {
                out.push(' ');
                self.write(it.text.trim(), Context { line_break: " ", depth: DEPTH_MAX, ..context }, out);
            }
            return it.bytes;
        }
        out.push_str(if it.image { "![" } else { "[" });
        let inside = Context { line_break: " ", depth: context.depth.saturating_add(1), ..context };
        self.write(it.text, inside, out);
        out.push_str("](");
        // Angle brackets around an address say nothing; elsewhere they could be a tag.
        out.extend(address.chars().filter(|c| !matches!(c, '<' | '>')));
        out.push(')');
        it.bytes
    }

    fn leads<'t>(&'t self, link: Link<'t>) -> Option<&'t str> {
        match link.target {
            Target::Inline(address) => Some(address),
            Target::Reference(label) => self.references.address(label),
        }
    }

    /// A tag, an address in brackets, a comment, or a mere sign. Says how many bytes are done.
    fn angle(&self, text: &str, context: Context, out: &mut String) -> usize {
        if let Some(length) = text.strip_prefix("<!--").and_then(|inside| inside.find("-->")) {
            return length.saturating_add("<!---->".len());
        }
        if let Some((address, bytes)) = enclosed(text) {
            if self.style.lean || address.contains('@') {
                out.push_str(address);
            } else {
                out.extend(["[", address, "](", address, ")"]);
            }
            return bytes;
        }
        if let Some(bytes) = tag(text).and_then(|tag| self.tag(tag, text, context, out)) {
            return bytes;
        }
        let behind = text.chars().nth(1);
        let may_be_tag =
            behind.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?' | '<'));
        out.push_str(match (may_be_tag, self.style.lean) {
            (false, _) => "<",
            (true, false) => "&lt;",
            (true, true) => "＜",
        });
        '<'.len_utf8()
    }

    /// Writes what stands for a known tag.
    fn tag(&self, tag: Tag<'_>, text: &str, context: Context, out: &mut String) -> Option<usize> {
        if tag.is("br") {
            out.push_str(context.line_break);
            return Some(tag.bytes);
        }
        if tag.is_of_block() {
            // No longer than the tag: in a cell a gap has to do.
            let between = if context.line_break == "\n" { "\n" } else { " " };
            let behind = text.get(tag.bytes..).unwrap_or_default();
            let is_between =
                !out.trim_end().is_empty() && !out.ends_with([' ', '\n']) && !behind.trim().is_empty();
            out.push_str(if is_between { between } else { "" });
            return Some(tag.bytes);
        }
        if tag.is("font") && self.style.dialect != Dialect::Card {
            out.push_str(text.get(..tag.bytes)?);
            return Some(tag.bytes);
        }
        if tag.is("img") {
            let described: String = tag
                .attribute("alt")
                .unwrap_or_default()
                .chars()
                .filter(|c| !"[]<>`\\!|".contains(*c))
                .collect();
            match tag.image_address() {
                Some(address) => out.extend(["![", described.as_str(), "](", address, ")"]),
                None => out.push_str(&described),
            }
            return Some(tag.bytes);
        }
        if tag.is("a")
            && let Some((shown, bytes)) = anchor(tag, text)
        {
            out.push('[');
            let inside = Context { line_break: " ", depth: DEPTH_MAX, ..context };
            self.write(shown, inside, out);
            out.extend(["](", tag.address("href")?, ")"]);
            return Some(bytes);
        }
        out.push_str(tag.replacement(context.code_mark)?);
        Some(tag.bytes)
    }
}

/// Whether the address is the picture itself.
fn is_data(address: &str) -> bool {
    address.get(.."data:".len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// Code between backticks as it is, or backticks that begin none.
fn code(text: &str, out: &mut String) -> usize {
    let length = code_length(text);
    out.push_str(text.get(..length).unwrap_or_default());
    length
}

/// The length of the code that the backticks at the beginning begin, or of the backticks alone.
pub(super) fn code_length(text: &str) -> usize {
    let run = |text: &str| text.len().saturating_sub(text.trim_start_matches('`').len());
    let marks = run(text);
    let mut from = marks;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find('`')) {
        let start = from.saturating_add(at);
        let end = start.saturating_add(run(text.get(start..).unwrap_or_default()));
        if end.saturating_sub(start) == marks {
            return end;
        }
        from = end;
    }
    marks
}

/// A backslash and what it escapes; before a tag it escapes nothing, for the platform's sake.
fn escaped(text: &str, out: &mut String) -> usize {
    let length = match text.chars().nth(1) {
        Some(next) if next.is_ascii_punctuation() && next != '<' => 2,
        Some(_) | None => 1,
    };
    out.push_str(text.get(..length).unwrap_or_default());
    length
}

/// An address between angle brackets, and the length of it all in bytes.
fn enclosed(text: &str) -> Option<(&str, usize)> {
    let (address, _) = text.strip_prefix('<')?.split_once('>')?;
    let is_plain = !address.contains(|c: char| c.is_whitespace() || NOT_IN_ADDRESSES.contains(c));
    let is_web = ["https://", "http://"].iter().any(|scheme| {
        address.len() > scheme.len()
            && address.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme))
    });
    let is_mail = address.split_once('@').is_some_and(|(who, host)| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || ".-_+".contains(c);
        !who.is_empty() && who.chars().all(is_name) && host.contains('.') && host.chars().all(is_name)
    });
    (is_plain && (is_web || is_mail)).then(|| (address, address.len().saturating_add(2)))
}

/// What an opening tag of a link encloses, and the length of it all in bytes.
fn anchor<'t>(tag: Tag<'_>, text: &'t str) -> Option<(&'t str, usize)> {
    tag.address("href").filter(|_| !tag.closing)?;
    let inside = text.get(tag.bytes..)?;
    let (shown, _) = inside.split_once("</a>").or_else(|| inside.split_once("</A>"))?;
    let is_plain = !shown.trim().is_empty() && !shown.contains(['[', ']', '`', '\\', '!']);
    is_plain.then(|| (shown, tag.bytes.saturating_add(shown.len()).saturating_add("</a>".len())))
}
