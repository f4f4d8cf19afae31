//! Header values that may name the person who asks: `Bearer x`, `{{user.username}}`, `team-{{user.id}}`.

use std::fmt::Write as _;

use reqwest::header::HeaderValue;
use switchboard_domain::message::ChatKind;
use switchboard_ports::agent::AgentUser;
use switchboard_ports::agents::HEADER_VALUE_BYTES_MAX;

use super::text::cut;

/// Most bytes of one user's value that go into a header; more is cut at a character.
const VALUE_BYTES_MAX: usize = 256;

/// What may stand between `{{` and `}}`.
const VARIABLES: [(&str, Variable); 7] = [
    ("user.id", Variable::Id),
    ("user.username", Variable::Username),
    ("user.display_name", Variable::DisplayName),
    ("user.platform", Variable::Platform),
    ("user.chat", Variable::Chat),
    ("user.email", Variable::Email),
    ("user.department", Variable::Department),
];

/// A header value, read and checked. No `Debug`: header values are secrets.
pub(super) struct Template(Vec<Piece>);

enum Piece {
    Literal(String),
    Variable(Variable),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Variable {
    Id,
    Username,
    DisplayName,
    Platform,
    Chat,
    Email,
    Department,
}

impl Template {
    /// Reads a value.
    ///
    /// # Errors
    /// A sentence that says what is allowed and quotes nothing of the value.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > HEADER_VALUE_BYTES_MAX {
            return Err(format!("must be at most {HEADER_VALUE_BYTES_MAX} bytes long"));
        }
        if !text.bytes().all(is_plain) {
            return Err("must consist of visible ASCII characters and spaces".to_owned());
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, tail)) = rest.split_once("{{") {
            let (name, tail) = tail.split_once("}}").ok_or("has a {{ without its }}")?;
            let variable = VARIABLES.iter().find(|(known, _)| *known == name.trim()).ok_or_else(unknown)?;
            pieces.push(Piece::Literal(literal.to_owned()));
            pieces.push(Piece::Variable(variable.1));
            rest = tail;
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// The value for one user, marked as sensitive. A user's values are percent-encoded where they are not visible
    /// ASCII (UTF-8, as in addresses; `%` itself too): headers carry nothing else reliably, and a line break in
    /// somebody's name must not make a header of its own.
    pub(super) fn render(&self, user: &AgentUser) -> Option<HeaderValue> {
        let mut value = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => value.push_str(text),
                Piece::Variable(variable) => value.push_str(&encode(cut(variable.of(user), VALUE_BYTES_MAX))),
            }
        }
        sensitive(&value)
    }
}

impl Template {
    /// Whether the value depends on who asks.
    pub(super) fn names_user(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Variable(_)))
    }

    /// What it names that has to be switched on.
    pub(super) fn needs(&self) -> Needs {
        let names = |wanted| self.0.iter().any(|piece| matches!(piece, Piece::Variable(it) if *it == wanted));
        Needs { email: names(Variable::Email), department: names(Variable::Department) }
    }

    /// The value for one user as it is, not fit for a header; for values that are checked by whoever uses them.
    pub(super) fn text(&self, user: &AgentUser) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::Variable(variable) => variable.of(user),
        });
        pieces.collect()
    }

    /// The value, where it is the same for everybody.
    pub(super) fn constant(&self) -> Option<HeaderValue> {
        let literals = self.0.iter().map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Variable(_) => None,
        });
        sensitive(&literals.collect::<Option<String>>()?)
    }
}

/// What a template names that not every agent may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) email: bool,
    pub(super) department: bool,
}

/// The word for where somebody writes.
pub(super) const fn chat(kind: ChatKind) -> &'static str {
    match kind {
        ChatKind::Private => "private",
        ChatKind::Group => "group",
    }
}

impl Variable {
    fn of(self, user: &AgentUser) -> &str {
        match self {
            Self::Id => &user.id,
            Self::Username => &user.username,
            Self::DisplayName => &user.display_name,
            Self::Platform => &user.platform,
            Self::Chat => chat(user.chat),
            Self::Email => user.email.as_deref().unwrap_or_default(),
            Self::Department => user.department.as_deref().unwrap_or_default(),
        }
    }
}

/// A header value that debug output and HPACK tables leave out; `None` where the text cannot be one.
pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The text, percent-encoded where it is not visible ASCII, so that it can stand in a header.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if is_plain(byte) && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte == b' '
}

fn unknown() -> String {
    let known: Vec<String> = VARIABLES.iter().map(|(name, _)| format!("{{{{{name}}}}}")).collect();
    format!("has an unknown template; known are {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use switchboard_domain::message::ChatKind;
    use switchboard_ports::agent::AgentUser;

    use super::Template;

    fn user(username: &str, display_name: &str) -> AgentUser {
        AgentUser {
            id: "usr_1".to_owned(),
            username: username.to_owned(),
            display_name: display_name.to_owned(),
            platform: "dingtalk".to_owned(),
            chat: ChatKind::Group,
            email: Some("zhang3@x.com".to_owned()),
            department: None,
        }
    }

    #[rstest]
    #[case("plain value", "plain value")]
    #[case("{{user.username}}", "zhang3")]
    #[case("{{ user.id }}@{{user.platform}}!", "usr_1@dingtalk!")]
    #[case("{{user.display_name}}", "%E5%BC%A0%E4%B8%89 50%25%0D%0Ax: y")]
    #[case("{{user.chat}}, {{user.email}}, {{user.department}}", "group, zhang3@x.com, ")]
    #[case("", "")]
    #[case("a } b }} c { d", "a } b }} c { d")]
    fn templates_are_filled(#[case] template: &str, #[case] expected: &str) {
        let value = Template::parse(template).unwrap().render(&user("zhang3", "张三 50%\r\nx: y")).unwrap();
        assert_eq!(value.to_str().unwrap(), expected);
        assert!(value.is_sensitive());
    }

    #[rstest]
    #[case("{{user.phone}}", "unknown template; known are {{user.id}}, {{user.username}}")]
    #[case("{{}}", "unknown template")]
    #[case("s3cr3t {{user.id", "{{ without its }}")]
    #[case("a\nb", "visible ASCII")]
    #[case("密钥", "visible ASCII")]
    fn templates_that_cannot_be_filled_are_refused(#[case] template: &str, #[case] expected: &str) {
        let error = Template::parse(template).err().unwrap();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }

    #[test]
    fn a_long_name_is_cut_at_a_character() {
        let value =
            Template::parse("{{user.username}}").unwrap().render(&user(&"张".repeat(100), "")).unwrap();
        assert_eq!(value.len(), 85 * "%E5%BC%A0".len());
    }
}
