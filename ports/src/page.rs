//! Lists in pages.

/// Rows of one page at most.
pub const PAGE_ROWS_MAX: u32 = 200;

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows wanted, 1 to [`PAGE_ROWS_MAX`]; stores clamp.
    pub limit: u32,
    /// The `next` of the page before; `None` for the first. An unknown cursor gives an empty page.
    pub after: Option<String>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: 50, after: None }
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one. Opaque to everybody but the store.
    pub next: Option<String>,
}
