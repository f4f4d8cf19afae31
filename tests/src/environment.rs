//! What whoever runs a bench may give it in the environment.

/// A number; the usual one where it is not given, or is none.
pub fn number(name: &str, usual: u64) -> u64 {
    std::env::var_os(name).and_then(|text| text.to_str()?.parse().ok()).unwrap_or(usual)
}
