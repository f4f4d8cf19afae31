//! A person out of an entry's attributes.

use ldap3::SearchEntry;
use switchboard_domain::person::{Entry, Tells};
use switchboard_ports::directory::DirectoryError;

use super::settings::{ACCOUNT_CONTROL, ACCOUNT_DISABLED, Settings};

/// The attribute of a person's id on Unix.
pub(super) const UNIX_ID: &str = "uid";

/// Reads an entry. Of several usernames the first in order counts, so that it is always the same one, of other values the first
/// that the server gives; of several addresses the one that was `asked` for, if it is among them.
pub(super) fn read(
    settings: &Settings,
    entry: &SearchEntry,
    asked: Option<&str>,
) -> Result<Entry, DirectoryError> {
    let of = |name: &str| texts(entry, name).next().map(str::to_owned);
    let names = &settings.attributes;
    let username = texts(entry, &names.username).min().map(str::to_owned).ok_or_else(|| {
        DirectoryError::Malformed(format!("the entry has no attribute {} that is text", names.username))
    })?;
    let disabled = match &names.disabled {
        None => false,
        Some(name) => is_disabled(name, &values(entry, name).collect::<Vec<_>>(), &settings.disabled_values)?,
    };
    let email = names.email.as_deref().and_then(|name| {
        let asked = texts(entry, name).find(|value| asked.is_some_and(|asked| is_same(asked, value)));
        asked.map(str::to_owned).or_else(|| of(name))
    });
    Ok(Entry {
        username,
        email,
        display_name: names.display_name.as_deref().and_then(of),
        department: names.department.as_deref().and_then(of),
        disabled,
        tells: Tells { email: names.email.is_some(), department: names.department.is_some() },
    })
}

/// The ids that Unix knows a person by: `uid` (RFC 2307 §2.2), or where the entry has none what the username is read from.
pub(super) fn ids<'a>(settings: &Settings, entry: &'a SearchEntry) -> Vec<&'a str> {
    let ids: Vec<_> = texts(entry, UNIX_ID).collect();
    if ids.is_empty() { texts(entry, &settings.attributes.username).collect() } else { ids }
}

/// The values of an attribute. Names are compared without regard to case (RFC 4512 §2.5).
fn values<'a>(entry: &'a SearchEntry, name: &str) -> impl Iterator<Item = &'a str> {
    let attributes = entry.attrs.iter().filter(move |(is, _)| is.eq_ignore_ascii_case(name));
    attributes.flat_map(|(_, values)| values.iter().map(String::as_str))
}

/// Those that are not blank.
fn texts<'a>(entry: &'a SearchEntry, name: &str) -> impl Iterator<Item = &'a str> {
    values(entry, name).filter(|value| !value.trim().is_empty())
}

fn is_same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

fn is_disabled(name: &str, values: &[&str], meant: &[String]) -> Result<bool, DirectoryError> {
    if name.eq_ignore_ascii_case(ACCOUNT_CONTROL) {
        let Some(bits) = values.first() else { return Ok(false) };
        let bits: i64 = bits.trim().parse().map_err(|_| {
            DirectoryError::Malformed(format!("the attribute {ACCOUNT_CONTROL} is no number"))
        })?;
        return Ok(bits & i64::from(ACCOUNT_DISABLED) != 0);
    }
    Ok(values.iter().any(|value| meant.is_empty() || meant.contains(&value.to_lowercase())))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::is_disabled;

    #[rstest]
    #[case("userAccountControl", &["512"], &[], false)]
    #[case("userAccountControl", &["514"], &[], true)]
    #[case("useraccountcontrol", &["66050"], &[], true)]
    #[case("userAccountControl", &[], &[], false)]
    #[case("nsAccountLock", &["TRUE"], &["true"], true)]
    #[case("nsAccountLock", &["FALSE"], &["true"], false)]
    #[case("pwdAccountLockedTime", &["000001010000Z"], &[], true)]
    #[case("pwdAccountLockedTime", &[], &[], false)]
    fn an_account_is_disabled_by_its_bit_or_its_value(
        #[case] name: &str,
        #[case] values: &[&str],
        #[case] meant: &[&str],
        #[case] disabled: bool,
    ) {
        let meant: Vec<_> = meant.iter().map(|&value| value.to_owned()).collect();
        assert_eq!(is_disabled(name, values, &meant), Ok(disabled));
    }

    #[test]
    fn bits_that_are_no_number_are_no_answer() {
        assert!(is_disabled("userAccountControl", &["x"], &[]).is_err());
    }
}
