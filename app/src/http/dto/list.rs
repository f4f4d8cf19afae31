//! Lists in pages: `{"items":[…],"next_cursor":null}`.

use serde::Serialize;
use switchboard_ports::page::{Page, PageRequest};
use utoipa::ToSchema;

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to give as `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A page of a store, its rows turned into their wire form.
    pub fn of<R>(page: Page<R>, view: impl FnMut(R) -> T) -> Self {
        Self { items: page.items.into_iter().map(view).collect(), next_cursor: page.next }
    }

    /// A page of a whole list, ordered by `key`. The cursor carries the last row's key, so that rows added or deleted
    /// between two pages neither hide nor repeat others. A cursor of a row that is gone is a place like any other.
    pub fn cut<R>(
        mut rows: Vec<R>,
        page: &PageRequest,
        key: impl Fn(&R) -> String,
        mut view: impl FnMut(R) -> T,
    ) -> Self {
        rows.sort_by_cached_key(&key);
        if let Some(after) = page.after.as_deref().and_then(decoded) {
            rows.retain(|row| key(row) > after);
        }
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|row| encoded(&key(row)));
        let items = rows.drain(..).map(&mut view).collect();
        Self { items, next_cursor }
    }
}

/// The key of lists by name: without regard to case, then by id.
#[must_use]
pub fn name_key(name: &str, id: &str) -> String {
    format!("{}\0{id}", name.to_lowercase())
}

/// Whether a text is a cursor of a list by name.
#[must_use]
pub fn is_name_cursor(cursor: &str) -> bool {
    decoded(cursor).is_some_and(|key| key.contains('\0'))
}

fn encoded(key: &str) -> String {
    hex(key.as_bytes())
}

fn decoded(cursor: &str) -> Option<String> {
    let pairs = cursor.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        if pair.len() != 2 || !pair.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()
    };
    String::from_utf8(pairs.map(byte).collect::<Option<_>>()?).ok()
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{List, PageRequest};

    #[test]
    fn pages_neither_repeat_nor_skip_when_rows_go_between_them() {
        let rows = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let cut = |rows, after| {
            let page = PageRequest { limit: 2, after };
            List::cut(rows, &page, Clone::clone, |row: String| row)
        };
        let first = cut(rows(&["c", "a", "b", "d", "e"]), None);
        assert_eq!(first.items, ["a", "b"]);
        let second = cut(rows(&["a", "c", "d", "e"]), first.next_cursor);
        assert_eq!(second.items, ["c", "d"]);
        let last = cut(rows(&["e"]), second.next_cursor);
        assert_eq!((last.items, last.next_cursor), (vec![String::from("e")], None));
    }
}
