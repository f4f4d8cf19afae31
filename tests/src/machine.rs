//! The machine that figures come from and the program that they are of, in one line: without it they say nothing to anybody else.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::figures::mib;

/// Stands for what cannot be found out.
const UNKNOWN: &str = "unknown";

/// Prints it. `program`: the binary, where there is one.
pub fn print(program: Option<&Path>) {
    println!("{}", line(program));
}

fn line(program: Option<&Path>) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let or_unknown = |found: Option<String>| found.unwrap_or_else(|| UNKNOWN.to_owned());
    let processor = field(&read("/proc/cpuinfo"), "model name").map(str::to_owned);
    let cores = std::thread::available_parallelism().ok().map(|cores| cores.to_string());
    let memory = field(&read("/proc/meminfo"), "MemTotal").and_then(gib);
    let kernel =
        Some(read("/proc/sys/kernel/osrelease").trim().to_owned()).filter(|kernel| !kernel.is_empty());
    let scratch = fs::canonicalize(std::env::temp_dir()).ok();
    let mounts = read("/proc/self/mountinfo");
    let files = scratch.and_then(|folder| file_system(&mounts, &folder).map(str::to_owned));
    // The toolchain that cargo runs benches with is the one that it has built them with.
    let compiler = told(&std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()), "-V");
    let program = program.and_then(|program| told(program.as_os_str(), "--version"));
    format!(
        "on: {}, {} cores, {} GiB; kernel {}; scratch folder on {}; compiler {}; program {}",
        or_unknown(processor),
        or_unknown(cores),
        or_unknown(memory),
        or_unknown(kernel),
        or_unknown(files),
        or_unknown(compiler),
        or_unknown(program)
    )
}

/// What stands behind a name and a colon in a table of the kernel's, the first time.
fn field<'a>(table: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.strip_prefix(name)?.trim_start().strip_prefix(':');
    table.lines().find_map(value).map(str::trim)
}

/// `16384256 kB` as GiB.
fn gib(memory: &str) -> Option<String> {
    let kib: u64 = memory.split(' ').next()?.parse().ok()?;
    Some(format!("{:.1}", mib(kib) / 1_024.0))
}

/// The kind of file system that a folder lies on, by the kernel's table of mounts.
fn file_system<'a>(mounts: &'a str, folder: &Path) -> Option<&'a str> {
    let around = mounts.lines().filter_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let point = Path::new(mount.split(' ').nth(4)?);
        let depth = folder.starts_with(point).then(|| point.components().count())?;
        Some((depth, source.split(' ').next()?))
    });
    // The innermost; of two at one place the later one, which hides the other.
    around.max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind)
}

/// The first line that a program says to an option; `None` where it cannot be run.
fn told(program: &OsStr, option: &str) -> Option<String> {
    let output = Command::new(program).arg(option).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let first = text.lines().next().map(str::trim).filter(|line| !line.is_empty())?;
    output.status.success().then(|| first.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let table =
            "MemTotalities: 1 kB\nMemTotal:       16384256 kB\nmodel name\t: Some CPU\nmodel name\t: Other\n";
        assert_eq!(field(table, "MemTotal").and_then(gib).as_deref(), Some("15.6"));
        assert_eq!(field(table, "model name"), Some("Some CPU"));
        assert_eq!(field(table, "model"), None);
    }

    #[test]
    fn a_folder_lies_on_the_innermost_mount_around_it() {
        let mounts = "22 27 0:21 / /proc rw - proc proc rw\n\
            27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
            30 27 0:25 / /tmp rw - tmpfs tmpfs rw\n\
            31 27 0:26 / /tmp/inner rw - xfs /dev/vdb rw\n\
            32 27 0:27 / /tmp/inner rw - btrfs /dev/vdc rw\n";
        for (folder, wanted) in [
            ("/home/me", "ext4"),
            ("/tmp", "tmpfs"),
            ("/tmp/a", "tmpfs"),
            ("/tmp/inner/a", "btrfs"),
            ("/tmp/innermost", "tmpfs"),
        ] {
            assert_eq!(file_system(mounts, Path::new(folder)), Some(wanted), "{folder}");
        }
        assert_eq!(file_system("", Path::new("/tmp")), None);
    }

    #[test]
    fn what_cannot_be_found_out_is_told_as_unknown() {
        let line = line(Some(Path::new("/nowhere/at/all")));
        assert!(line.ends_with("program unknown") && line.lines().count() == 1, "{line}");
    }
}
