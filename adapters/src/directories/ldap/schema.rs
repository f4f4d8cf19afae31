//! Whether a server knows the attributes that settings name (RFC 4512 §4.2): a name with a typo is no error in a search, it has no
//! values, so that nobody is disabled or nobody is found.

use std::collections::BTreeSet;
use std::time::Duration;

use ldap3::{Ldap, Scope, SearchEntry};

use super::Failed;
use super::settings::Settings;

/// How long reading the schema may take; then nothing is said.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);

/// Descriptions of attributes that are looked at, at most; Active Directory has some thousands.
const TYPES_MAX: usize = 50_000;

/// Unknown attributes that are told, at most, and characters of each.
const TOLD_MAX: usize = 5;
const TOLD_CHARS_MAX: usize = 60;

/// What the schema does not have of what is named, in words; `None` also where the schema cannot be read.
pub(super) async fn unknown(ldap: &mut Ldap, settings: &Settings) -> Result<Option<String>, Failed> {
    let Some(subschema) = values(ldap, "", "(objectClass=*)", "subschemaSubentry").await?.pop() else {
        return Ok(None);
    };
    let types = values(ldap, &subschema, "(objectClass=subschema)", "attributeTypes").await?;
    Ok(missing(&types, &settings.named_attributes()))
}

/// The values of an attribute of one entry; none where the server does not give them.
async fn values(ldap: &mut Ldap, entry: &str, filter: &str, name: &str) -> Result<Vec<String>, Failed> {
    let asked = ldap.search(entry, Scope::Base, filter, vec![name]).await?;
    let entry = asked.0.into_iter().find(|entry| !entry.is_ref()).map(SearchEntry::construct);
    let attributes = entry.into_iter().flat_map(|entry| entry.attrs);
    Ok(attributes.filter(|(is, _)| is.eq_ignore_ascii_case(name)).flat_map(|(_, values)| values).collect())
}

fn missing(types: &[String], named: &[(&str, &str)]) -> Option<String> {
    let known: BTreeSet<_> = types.iter().take(TYPES_MAX).flat_map(|one| names_in(one)).collect();
    if known.is_empty() {
        return None;
    }
    // Options (`;lang-en`) are no part of the name.
    let is_known =
        |name: &str| name.split(';').next().is_some_and(|name| known.contains(&name.to_lowercase()));
    let told = named.iter().filter(|(_, name)| !is_known(name)).take(TOLD_MAX).map(|(setting, name)| {
        format!("{setting} names {}", name.chars().take(TOLD_CHARS_MAX).collect::<String>())
    });
    let told: Vec<_> = told.collect();
    let words = || format!("the server's schema has no such attribute: {}", told.join(", "));
    (!told.is_empty()).then(words)
}

/// How an attribute can be called, by its description (RFC 4512 §4.1.2), in lower case: `( 2.5.4.3 NAME ( 'cn' 'commonName' ) …`.
fn names_in(description: &str) -> impl Iterator<Item = String> {
    let inner = description.trim_start().trim_start_matches('(');
    let oid = inner.split_whitespace().next();
    let names = inner.split_once(" NAME ").map_or("", |(_, rest)| rest.trim_start());
    let (names, count) = match names.strip_prefix('(') {
        Some(list) => (list.split(')').next().unwrap_or_default(), usize::MAX),
        None => (names, 1),
    };
    // Every second part stands within quotes.
    let names = names.split('\'').skip(1).step_by(2).take(count);
    oid.into_iter().chain(names).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{missing, names_in};

    #[rstest]
    #[case("( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC 'NAME of it' SUP name )", &["2.5.4.3", "cn", "commonname"])]
    #[case("( 1.2.3 NAME 'uid' DESC 'an id' EQUALITY 'x' )", &["1.2.3", "uid"])]
    #[case("(1.2.3  NAME  'uid')", &["1.2.3", "uid"])]
    #[case("( 1.2.3 DESC 'nameless' )", &["1.2.3"])]
    #[case("", &[])]
    fn an_attribute_is_called_by_its_names_and_its_number(#[case] description: &str, #[case] names: &[&str]) {
        assert_eq!(names_in(description).collect::<Vec<_>>(), names);
    }

    #[test]
    fn what_no_schema_has_is_told_and_without_one_nothing_is() {
        let types =
            ["( 0.9.1 NAME ( 'uid' 'userid' ) )".to_owned(), "( 2.5.4.0 NAME 'objectClass' )".to_owned()];
        let named = [("filter", "UserID;x-a"), ("filter", "0.9.1"), ("attributes.disabled", "dissabled")];
        let told = missing(&types, &named).unwrap();
        assert_eq!(told, "the server's schema has no such attribute: attributes.disabled names dissabled");
        assert_eq!(missing(&[], &named), None);
        assert_eq!(missing(&types, &[("filter", "uid")]), None);
        let crowd: Vec<_> = (0..1_000).map(|_| ("filter", "x")).collect();
        assert!(missing(&types, &crowd).unwrap().len() < 500);
    }
}
