//! Bytes as people and protocols write them.

/// Bytes as hexadecimal digits, in lower case.
pub(crate) fn digits<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> String {
    let halves = bytes.into_iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(u32::from);
    halves.filter_map(|half| char::from_digit(half, 16)).collect()
}
