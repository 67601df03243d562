//! Passwords that are made once and kept beside the data they guard.

use super::{LocalError, file_error};
use rand::RngCore;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const SECRET_BYTES: usize = 24;
const OWNER_ONLY: u32 = 0o600;

/// The secret in `path`; made at random when there is none.
pub fn load_or_make(path: &Path) -> Result<String, LocalError> {
    match std::fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(file_error(path)(error)),
    }
    let mut bytes = [0; SECRET_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let secret = hex::encode(bytes);
    write_private(path, &secret)?;
    Ok(secret)
}

/// Writes a file that nobody else may read.
pub fn write_private(path: &Path, text: &str) -> Result<(), LocalError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(OWNER_ONLY);
    let mut file = options.open(path).map_err(file_error(path))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(file_error(path))
}
