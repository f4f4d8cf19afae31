//! Searching texts without an index, as fast as they can be read.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};

/// Gives a connection `says(text, wanted)`: whether a text has another one in it, whatever the case of its ASCII letters. `wanted` is in
/// small letters. SQLite's `instr(lower(text), wanted)` says the same, and copies each text for it.
pub(super) fn provide(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("says", 2, flags, |context: &mut Context<'_>| {
        let (text, wanted) = (context.get_raw(0).as_bytes_or_null()?, context.get_raw(1).as_bytes()?);
        Ok(text.is_some_and(|text| says(text, wanted)))
    })
}

fn says(text: &[u8], wanted: &[u8]) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return true };
    let mut from = text;
    // The first letter is looked for many bytes at once, and rarely found.
    while let Some(at) = memchr::memchr2(*first, first.to_ascii_uppercase(), from) {
        from = from.get(at + 1..).unwrap_or_default();
        match from.get(..rest.len()) {
            Some(found) if found.eq_ignore_ascii_case(rest) => return true,
            Some(_) => {}
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::{provide, says};

    proptest! {
        #[test]
        fn it_says_what_sqlite_says(text in "[aAbB\u{e4}\u{4f60} ]{0,12}", wanted in "[ab\u{e4}\u{4f60}]{0,3}") {
            let expected = text.to_ascii_lowercase().contains(&wanted);
            prop_assert_eq!(says(text.as_bytes(), wanted.as_bytes()), expected);
            let connection = Connection::open_in_memory().unwrap();
            provide(&connection).unwrap();
            let sql = "SELECT says(?1, ?2), instr(lower(?1), ?2) > 0";
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?));
            prop_assert_eq!(connection.query_row(sql, (&text, &wanted), row).unwrap(), (expected, expected));
        }
    }

    #[test]
    fn no_text_says_nothing() {
        let connection = Connection::open_in_memory().unwrap();
        provide(&connection).unwrap();
        assert!(!connection.query_row("SELECT says(NULL, 'a')", [], |row| row.get::<_, bool>(0)).unwrap());
    }
}
