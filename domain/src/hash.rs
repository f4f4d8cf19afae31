//! A stable, dependency-free 128-bit hash for identifiers that must be the same on every run and replica.

/// FNV-1a, 128 bits, over length-prefixed parts.
///
/// Not cryptographic: the inputs are identifiers chosen by platforms and by us, never by chat users, and
/// what is stored under the result always carries the full identifiers beside it.
#[must_use]
pub fn stable_hash(parts: &[&str]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let mut hash = OFFSET;
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        for byte in length.to_le_bytes() {
            hash = step(hash, byte);
        }
        for byte in part.bytes() {
            hash = step(hash, byte);
        }
    }
    hash
}

const fn step(hash: u128, byte: u8) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    (hash ^ byte as u128).wrapping_mul(PRIME)
}

#[cfg(test)]
mod tests {
    use super::stable_hash;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(stable_hash(&["ab", "c"]), stable_hash(&["a", "bc"]));
    }

    #[test]
    fn the_value_never_changes_between_versions() {
        assert_eq!(stable_hash(&["chn_1", "cid1"]), stable_hash(&["chn_1", "cid1"]));
        assert_eq!(format!("{:032x}", stable_hash(&["a"])), "426d56754e03ad9adb79f299c730f21f");
    }
}
