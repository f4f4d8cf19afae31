//! People as directories know them: cleaned of what would mislead whoever reads it.

use alloc::string::String;

use crate::mapping::USERNAME_BYTES_MAX;
use crate::username::reads_as_it_is;

/// Longest display name or department of a person, in characters; longer ones are cut.
pub const NAME_CHARS_MAX: usize = 200;

/// Longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3, less the angle brackets); longer ones are left out.
pub const EMAIL_BYTES_MAX: usize = 254;

/// Somebody in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The directory's name in the channel's settings.
    pub directory: String,
    /// The username: 1 to [`USERNAME_BYTES_MAX`] bytes on one line.
    pub username: String,
    /// The e-mail address, which the directory vouches for.
    pub email: Option<String>,
    /// The name to show, at most [`NAME_CHARS_MAX`] characters.
    pub display_name: Option<String>,
    /// The department, at most [`NAME_CHARS_MAX`] characters.
    pub department: Option<String>,
    /// Whether the person has no access (any more).
    pub disabled: bool,
    /// What it means that one of these is not there.
    pub tells: Tells,
}

/// Which fields a directory tells at all: where it does, one that is not there is none (any more); else nothing is known of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tells {
    /// The e-mail address.
    pub email: bool,
    /// The department.
    pub department: bool,
}

/// What a directory says of somebody, as it stands there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The username.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// The department.
    pub department: Option<String>,
    /// Whether the person has no access (any more).
    pub disabled: bool,
    /// Which fields the directory tells at all.
    pub tells: Tells,
}

impl Entry {
    /// The person, or `None` where what stands there is no username: a name that would have to be cut, or that reads as another
    /// one, could be somebody else's.
    #[must_use]
    pub fn person(self, directory: &str) -> Option<Person> {
        let username = self.username.trim();
        let fits = username.len() <= USERNAME_BYTES_MAX && reads_as_it_is(&self.username);
        fits.then(|| Person {
            directory: String::from(directory),
            username: String::from(username),
            email: self.email.as_deref().and_then(address),
            display_name: self.display_name.as_deref().and_then(shown),
            department: self.department.as_deref().and_then(shown),
            disabled: self.disabled,
            tells: self.tells,
        })
    }
}

fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, host) = text.split_once('@')?;
    let is_one = !local.is_empty() && !host.is_empty() && !host.contains('@');
    let is_clean = !text.contains(|c: char| c.is_whitespace() || c.is_control() || misleads(c));
    (is_one && is_clean && text.len() <= EMAIL_BYTES_MAX).then(|| String::from(text))
}

/// One line, without what turns the direction of writing; `None` where nothing is left.
fn shown(text: &str) -> Option<String> {
    let kept = text.chars().filter(|c| !misleads(*c)).map(|c| if c.is_control() { ' ' } else { c });
    let kept: String = kept.collect();
    let cut: String = kept.trim().chars().take(NAME_CHARS_MAX).collect();
    let cut = cut.trim_end();
    (!cut.is_empty()).then(|| String::from(cut))
}

/// Embeddings, overrides and isolates of writing direction (UAX #9), and separators of lines and paragraphs.
pub(crate) const fn misleads(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use rstest::rstest;

    use super::{Entry, Person};

    fn person(entry: Entry) -> Option<Person> {
        entry.person("corp")
    }

    fn named(username: &str) -> Entry {
        Entry { username: username.to_string(), ..Entry::default() }
    }

    #[rstest]
    #[case::plain("zhangsan", true)]
    #[case::chinese("张三", true)]
    #[case::emoji("👩\u{200D}💻", true)]
    #[case::right_to_left("عامل", true)]
    #[case::spaces_around(" ann ", true)]
    #[case::empty("", false)]
    #[case::blank("  ", false)]
    #[case::turned("ann\u{202E}nimda", false)]
    #[case::two_lines("ann\nbob", false)]
    #[case::longest(&"x".repeat(128), true)]
    #[case::too_long(&"x".repeat(4096), false)]
    fn a_username_is_taken_whole_or_not_at_all(#[case] username: &str, #[case] fits: bool) {
        let found = person(named(username));
        assert_eq!(found.map(|person| person.username), fits.then(|| username.trim().to_string()));
    }

    #[rstest]
    #[case("Ann", Some("Ann"))]
    #[case(" ", None)]
    #[case("\u{202E}evil\u{202C}", Some("evil"))]
    #[case("two\nlines", Some("two lines"))]
    fn a_name_is_shown_on_one_line_and_in_its_own_direction(#[case] name: &str, #[case] shown: Option<&str>) {
        let entry = Entry { display_name: Some(name.to_string()), ..named("ann") };
        assert_eq!(person(entry).unwrap().display_name.as_deref(), shown);
    }

    #[test]
    fn a_name_of_four_kibibytes_is_cut_at_a_character() {
        let entry = Entry { department: Some("部".repeat(1366)), ..named("ann") };
        assert_eq!(person(entry).unwrap().department, Some("部".repeat(200)));
    }

    #[rstest]
    #[case("ann@example.com", Some("ann@example.com"))]
    #[case(" ann@example.com ", Some("ann@example.com"))]
    #[case("ann", None)]
    #[case("a@b@c", None)]
    #[case("@b", None)]
    #[case("a@", None)]
    #[case("a b@c", None)]
    fn what_is_no_address_is_left_out(#[case] email: &str, #[case] taken: Option<&str>) {
        let entry = Entry { email: Some(email.to_string()), ..named("ann") };
        assert_eq!(person(entry).unwrap().email.as_deref(), taken);
    }
}
