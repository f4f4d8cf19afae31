//! What a directory says of a user who exists, written over what is stored.

use switchboard_domain::person::Person;
use switchboard_domain::time::Timestamp;
use switchboard_ports::users::User;

/// The user as vouched for by the person's directory; `None` where that changes nothing.
pub(super) fn adopted(user: &User, person: &Person, now: Timestamp) -> Option<User> {
    let mut changed = user.clone();
    // What was entered by hand before it vouched for the user stays until it says something else.
    let vouched_before = user.directory.as_ref() == Some(&person.directory);
    changed.directory = Some(person.directory.clone());
    if person.department.is_some() || (vouched_before && person.tells.department) {
        changed.department.clone_from(&person.department);
    }
    // Somebody else's name or address must not come along, where they were brought together by another rule.
    if is_same(user, person) {
        if let Some(name) = &person.display_name {
            changed.display_name.clone_from(name);
        }
        if person.email.is_some() || (vouched_before && person.tells.email) {
            changed.email.clone_from(&person.email);
            changed.email_verified = person.email.is_some();
        }
    }
    (changed != *user).then_some(User { updated_at: now, ..changed })
}

/// The same of a user who is linked already; `None` also where a link made otherwise leads to somebody whom the directory
/// does not mean.
pub(super) fn refreshed(user: &User, person: &Person, now: Timestamp) -> Option<User> {
    let is_its_own = user.directory.as_ref() == Some(&person.directory) || is_same(user, person);
    if is_its_own { adopted(user, person, now) } else { None }
}

fn is_same(user: &User, person: &Person) -> bool {
    user.username.to_lowercase() == person.username.to_lowercase()
}
