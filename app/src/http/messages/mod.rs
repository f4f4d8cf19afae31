//! Messages that nobody asked for, `POST /channels/{id}/messages` and `GET /messages/{id}`, and what happened to any message,
//! `GET /messages/{id}/timeline`.

pub mod key;
pub mod read;
mod recipient;
pub mod send;
pub mod timeline;

#[cfg(test)]
mod tests;
