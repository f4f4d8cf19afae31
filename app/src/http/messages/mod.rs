//! Messages that nobody asked for: `POST /channels/{id}/messages` and `GET /messages/{id}`.

pub mod key;
pub mod read;
mod recipient;
pub mod send;

#[cfg(test)]
mod tests;
