//! The committed corpus, replayed: what fuzzers found worth keeping keeps its promises.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::fs;
use std::path::{Path, PathBuf};

use switchboard_proofs::{TARGETS, Target};

/// Files and bytes of one corpus, at most: it is for reading quickly, the fuzzers keep their own.
const FILES_MAX: usize = 64;
const BYTES_MAX: usize = 80 * 1024;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target).unwrap();
    let folder = fuzz_folder().join("corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    assert!(files.len() <= FILES_MAX, "{} has {} files", folder.display(), files.len());
    let inputs: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let bytes: usize = inputs.iter().map(Vec::len).sum();
    assert!(bytes <= BYTES_MAX, "{} has {bytes} bytes", folder.display());
    for (file, input) in files.iter().zip(&inputs) {
        eprintln!("{}", file.display());
        target(input);
    }
    any_bytes(target);
}

/// Several hundred inputs that nobody chose, the same on every run.
fn any_bytes(target: Target) {
    let mut state = 1_u64;
    for length in (0..256).chain(0..256) {
        let input: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state.to_be_bytes()[0]
            })
            .collect();
        target(&input);
    }
}

macro_rules! replayed {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )+

        #[test]
        fn every_target_is_replayed_and_can_be_fuzzed() {
            let replayed = [$(stringify!($name)),+];
            assert_eq!(TARGETS.map(|(name, _)| name), replayed);
            let manifest = fs::read_to_string(fuzz_folder().join("Cargo.toml")).unwrap();
            for name in replayed {
                assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml has no {name}");
                assert!(fuzz_folder().join(format!("fuzz_targets/{name}.rs")).is_file(), "{name} has no file");
            }
        }
    };
}

replayed!(
    card_callback,
    channel,
    chat_answer,
    chat_command,
    conversation,
    markdown_adapt,
    markdown_split,
    reply,
    robot_callback,
    session,
    sse,
    stored_record,
    stream_frame,
);
