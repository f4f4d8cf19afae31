//! Whether a person is in a group, through groups in groups: climbed from the person, level by level.

use std::collections::BTreeSet;

use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{Ldap, Scope, SearchEntry, ldap_escape};
use switchboard_ports::directory::DirectoryError;

use super::{Failed, existing, succeeded};

/// Levels climbed at most.
const LEVELS_MAX: usize = 10;

/// Groups looked at for one person, at most.
const GROUPS_MAX: usize = 1_000;

/// Entries of one page; servers give out a thousand at once at most (Active Directory's `MaxPageSize`).
const PAGE: i32 = 500;

/// Members asked about in one search.
const MEMBERS_MAX: usize = 50;

/// Whoever is in a group: by their names, or by the ids that Unix knows them by (RFC 2307 §2.2, `posixGroup`).
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    /// Compared with `memberUid`; of more than [`MEMBERS_MAX`] the first count.
    pub(super) ids: Vec<&'a str>,
}

/// The group under the server's own name for it. One that is not there, or lies where groups are not looked for, has no
/// members that could be told from everybody else: an error, not a no.
pub(super) async fn existing_group(ldap: &mut Ldap, base: &str, group: &str) -> Result<String, Failed> {
    let found = existing(ldap, "group", group).await?;
    let base_found = existing(ldap, "group_base", base).await?;
    if is_below(&found, &base_found) {
        return Ok(found);
    }
    Err(DirectoryError::Denied(format!("the group {group} is not below group_base {base}")).into())
}

/// Whether the group has a member that can be seen: one whose members stand in other attributes, or may not be read, would have
/// none for anybody.
pub(super) async fn has_members(ldap: &mut Ldap, group: &str) -> Result<(), Failed> {
    let filter = "(|(member=*)(uniqueMember=*)(memberUid=*))";
    let asked = ldap.search(group, Scope::Base, filter, vec!["1.1"]).await?;
    let (entries, result) = (asked.0, asked.1);
    succeeded(&result)?;
    if entries.iter().any(|entry| !entry.is_ref()) {
        return Ok(());
    }
    let why = format!("the group {group} has no member, uniqueMember or memberUid that may be read");
    Err(DirectoryError::Denied(why).into())
}

/// Whether `person` is in `group`. A cycle of groups ends by itself; more groups or levels than are looked at are an error,
/// not a no.
pub(super) async fn is_member(
    ldap: &mut Ldap,
    base: &str,
    group: &str,
    person: &Member<'_>,
) -> Result<bool, Failed> {
    let wanted = folded(&existing_group(ldap, base, group).await?);
    let mut seen = BTreeSet::new();
    let mut level = vec![person.name.to_owned()];
    // Of people: groups have none.
    let mut ids = person.ids.as_slice();
    for _ in 0..LEVELS_MAX {
        let mut next = Vec::new();
        for members in level.chunks(MEMBERS_MAX) {
            for found in groups_of(ldap, base, members, std::mem::take(&mut ids)).await? {
                if folded(&found) == wanted {
                    return Ok(true);
                }
                if seen.insert(folded(&found)) {
                    next.push(found);
                }
                if seen.len() > GROUPS_MAX {
                    let why = format!("a person is in more than {GROUPS_MAX} groups");
                    return Err(DirectoryError::Malformed(why).into());
                }
            }
        }
        if next.is_empty() {
            return Ok(false);
        }
        level = next;
    }
    Err(DirectoryError::Malformed(format!("groups are nested more than {LEVELS_MAX} levels deep")).into())
}

/// The names of groups that have one of these members, by name or by id.
async fn groups_of(
    ldap: &mut Ldap,
    base: &str,
    members: &[String],
    ids: &[&str],
) -> Result<Vec<String>, Failed> {
    let term = |member: &String| {
        let member = ldap_escape(member.as_str());
        format!("(member={member})(uniqueMember={member})")
    };
    let by_id = |id: &&str| format!("(memberUid={})", ldap_escape(*id));
    let terms: String = members.iter().map(term).chain(ids.iter().take(MEMBERS_MAX).map(by_id)).collect();
    let adapters: Vec<Box<dyn Adapter<'_, _, _>>> =
        vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(PAGE))];
    let filter = format!("(|{terms})");
    // "No attributes": names are enough (RFC 4511 §4.5.1.8).
    let mut search = ldap.streaming_search_with(adapters, base, Scope::Subtree, &filter, vec!["1.1"]).await?;
    let mut names = Vec::new();
    while names.len() <= GROUPS_MAX
        && let Some(entry) = search.next().await?
    {
        names.push(SearchEntry::construct(entry).dn);
    }
    if names.len() <= GROUPS_MAX {
        succeeded(&search.finish().await)?;
    }
    Ok(names)
}

fn is_below(name: &str, base: &str) -> bool {
    let (name, base) = (folded(name), folded(base));
    name.strip_suffix(base.as_str()).is_some_and(|front| front.is_empty() || front.ends_with(','))
}

/// A name as it is compared: without regard to case, and to spaces around its separators. Names on both sides are the
/// server's own, which writes them with the same escapes.
fn folded(name: &str) -> String {
    let parts = name.split(',').map(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        format!("{}={}", key.trim(), value.trim())
    });
    parts.collect::<Vec<_>>().join(",").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{folded, is_below};

    #[test]
    fn what_is_below_a_base_ends_with_it_part_by_part() {
        assert!(is_below("cn=staff,ou=Groups,dc=x", "OU=groups, DC=x"));
        assert!(is_below("dc=x", "dc=x"));
        assert!(!is_below("cn=staff,xou=groups,dc=x", "ou=groups,dc=x"));
        assert!(!is_below("cn=staff,dc=x", "ou=groups,dc=x"));
    }

    #[test]
    fn names_are_compared_without_regard_to_case_and_spaces() {
        assert_eq!(folded("CN=Staff, OU=Groups,DC=x"), folded("cn = staff,ou=groups, dc=X"));
        assert_ne!(folded("cn=staff,dc=x"), folded("cn=staff2,dc=x"));
    }
}
