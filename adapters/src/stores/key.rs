//! The key file: 64 hexadecimal digits, readable by its owner alone, made at the first start.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::file::{OpenError, sync_folder_of};
use super::seal::{KEY_BYTES, Key};

/// Longest key file read: the digits and a little white space.
const FILE_BYTES_MAX: u64 = 256;

/// Reads a key; `None` when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Key>, OpenError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::of(path, &error)),
    };
    // Looked at before it is opened: opening a pipe waits for somebody to write into it.
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a folder" } else { "not a regular file" };
        return Err(OpenError::KeyNotAFile { path: path.to_owned(), what });
    }
    let file = File::open(path).map_err(|error| OpenError::of(path, &error))?;
    let metadata = file.metadata().map_err(|error| OpenError::of(path, &error))?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(OpenError::KeyExposed { path, mode });
    }
    let mut text = Zeroizing::new(String::new());
    let read = file.take(FILE_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| {
        if error.kind() == ErrorKind::InvalidData {
            return OpenError::KeyMalformed(path.to_owned());
        }
        OpenError::of(path, &error)
    })?;
    let bytes = parse(text.trim()).ok_or_else(|| OpenError::KeyMalformed(path.to_owned()))?;
    Ok(Some(Key::new(bytes)))
}

/// Makes a key. An existing file is never touched.
pub(super) fn create(path: &Path) -> Result<Key, OpenError> {
    let bytes =
        Key::random().map_err(|error| OpenError::Io { path: path.to_owned(), cause: error.to_string() })?;
    let key = Key::new(bytes);
    write(path, &key)?;
    Ok(key)
}

/// Writes a key. An existing file is never touched.
pub(super) fn write(path: &Path, key: &Key) -> Result<(), OpenError> {
    let io = |error: &std::io::Error| OpenError::of(path, error);
    let mut digits = Zeroizing::new(String::with_capacity(2 * KEY_BYTES + 1));
    for byte in key.expose() {
        let halves = [byte >> 4, byte & 0xf].map(u32::from);
        digits.extend(halves.into_iter().filter_map(|half| char::from_digit(half, 16)));
    }
    digits.push('\n');
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // Whoever keeps the key elsewhere than the store need not make the folder first.
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| io(&error))?;
    }
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(|error| io(&error))?;
    let written = file.write_all(digits.as_bytes()).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a key would stop every later start.
        let _unused = fs::remove_file(path);
        return Err(io(&error));
    }
    sync_folder_of(path)
}

fn parse(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    if pairs.len() != KEY_BYTES {
        return None;
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    let digit = char::from(character).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use switchboard_domain::secret::Secret;

    use super::*;
    use crate::stores::seal::{Place, Sealing};

    const PLACE: Place<'_> = Place { table: "t", row: "r", field: "f" };

    #[test]
    fn a_key_made_is_the_key_read_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(read(&path).unwrap().is_none());
        let made = create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap().trim().len(), 64);
        let sealed = made.seal(PLACE, &Secret::new("s3cr3t")).unwrap();
        let read = read(&path).unwrap().unwrap();
        assert_eq!(read.open(PLACE, &sealed), Ok(Secret::new("s3cr3t")));
    }

    #[test]
    fn the_folder_of_a_new_key_is_made_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("elsewhere/deep/key");
        create(&path).unwrap();
        assert!(read(&path).unwrap().is_some());
    }

    #[test]
    fn an_existing_key_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "precious").unwrap();
        assert!(create(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create(&path).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o644] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let refused = read(&path).err().unwrap();
            assert!(matches!(refused, OpenError::KeyExposed { mode: found, .. } if found == mode));
        }
    }

    #[test]
    fn what_is_no_file_is_told_as_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let refused = read(folder.path()).err().unwrap();
        assert!(refused.to_string().ends_with("is a folder: name the file itself"), "{refused}");
        assert!(!refused.to_string().contains("chmod"), "{refused}");
    }

    #[test]
    fn what_is_not_64_hexadecimal_digits_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create(&path).unwrap();
        let digits = "0123456789abcdefABCDEF0123456789".repeat(2);
        for text in [
            "",
            "00",
            &digits.replacen('0', "", 1),
            &format!("{digits}0"),
            &digits.replace('9', "g"),
            &digits.replace('9', "+"),
        ] {
            fs::write(&path, text).unwrap();
            assert!(matches!(read(&path), Err(OpenError::KeyMalformed(_))), "{text}");
        }
        fs::write(&path, [0xff_u8; 64]).unwrap();
        assert!(matches!(read(&path), Err(OpenError::KeyMalformed(_))));
        fs::write(&path, format!("{digits}\n")).unwrap();
        assert!(matches!(read(&path), Ok(Some(_))));
    }
}
