//! A person out of an entry's attributes.

use ldap3::SearchEntry;
use switchboard_domain::person::{Entry, Tells};
use switchboard_ports::directory::DirectoryError;

use super::settings::{ACCOUNT_CONTROL, ACCOUNT_DISABLED, Settings};

/// Reads an entry. Of several values the first in order counts, so that it is always the same one.
pub(super) fn read(settings: &Settings, entry: &SearchEntry) -> Result<Entry, DirectoryError> {
    let of = |name: &str| value(entry, name);
    let names = &settings.attributes;
    let username = of(&names.username).ok_or_else(|| {
        DirectoryError::Malformed(format!("the entry has no attribute {} that is text", names.username))
    })?;
    let disabled = match &names.disabled {
        None => false,
        Some(name) => is_disabled(name, &values(entry, name), &settings.disabled_values)?,
    };
    Ok(Entry {
        username,
        email: names.email.as_deref().and_then(of),
        display_name: names.display_name.as_deref().and_then(of),
        department: names.department.as_deref().and_then(of),
        disabled,
        tells: Tells { email: names.email.is_some(), department: names.department.is_some() },
    })
}

/// Names are compared without regard to case (RFC 4512 §2.5).
fn values<'a>(entry: &'a SearchEntry, name: &str) -> Vec<&'a str> {
    let mut found: Vec<&str> = entry
        .attrs
        .iter()
        .filter(|(is, _)| is.eq_ignore_ascii_case(name))
        .flat_map(|(_, values)| values.iter().map(String::as_str))
        .collect();
    found.sort_unstable();
    found
}

fn value(entry: &SearchEntry, name: &str) -> Option<String> {
    values(entry, name).into_iter().find(|value| !value.trim().is_empty()).map(str::to_owned)
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
