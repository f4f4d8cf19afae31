//! The people of the organisation, found by staff id however many they are.

use std::collections::HashMap;

use crate::config::Person;

/// People remembered.
pub(crate) const PEOPLE_MAX: usize = 100_000;

/// Everybody known, in the order in which they became so.
#[derive(Debug, Default)]
pub(crate) struct People {
    list: Vec<Person>,
    numbers: HashMap<String, usize>,
}

impl People {
    pub(crate) fn new(list: Vec<Person>) -> Self {
        let mut people = Self::default();
        for person in list {
            people.learn(&person.staff_id, &person.nick);
        }
        people
    }

    /// Adds somebody, unless the staff id is known or there are too many.
    pub(crate) fn learn(&mut self, staff_id: &str, nick: &str) {
        if self.list.len() < PEOPLE_MAX && !self.numbers.contains_key(staff_id) {
            self.numbers.insert(staff_id.to_owned(), self.list.len());
            self.list.push(Person { staff_id: staff_id.to_owned(), nick: nick.to_owned() });
        }
    }

    /// The person with this staff id.
    pub(crate) fn named(&self, staff_id: &str) -> Option<&Person> {
        self.list.get(*self.numbers.get(staff_id)?)
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Person] {
        &self.list
    }
}
