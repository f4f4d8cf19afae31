//! Figures as benches print them.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// A count, to be divided.
#[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^53")]
pub fn in_f64(count: u64) -> f64 {
    count as f64
}

/// KiB as MiB.
pub fn mib(kib: u64) -> f64 {
    in_f64(kib) / 1_024.0
}

/// A time in milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The time that so many of a hundred do not exceed, in milliseconds; the times are sorted, and there is one.
pub fn percentile_ms(times: &[Duration], percent: usize) -> f64 {
    millis(times[(times.len() - 1) * percent / 100])
}

/// KiB of everything in a folder. Whoever writes there may go on meanwhile: what is gone when it is looked at has no size.
pub fn folder_kib(folder: &Path) -> u64 {
    bytes_in(folder) / 1_024
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes_in(&entry.path()),
        Ok(about) => about.len(),
        Err(_gone) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_taken() {
        let times: Vec<Duration> = (1..=101).map(Duration::from_millis).collect();
        for (percent, wanted) in [(0, 1.0), (50, 51.0), (99, 100.0), (100, 101.0)] {
            let found = percentile_ms(&times, percent);
            assert!((found - wanted).abs() < 1e-9, "{percent}: {found}");
        }
    }

    #[test]
    fn a_folder_has_the_size_of_all_files_below_it_and_none_when_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        for name in ["one", "inner/two"] {
            fs::write(folder.path().join(name), [0_u8; 2_048]).unwrap();
        }
        assert_eq!(folder_kib(folder.path()), 4);
        assert_eq!(folder_kib(&folder.path().join("gone")), 0);
    }
}
