//! The key that seals are signed with: made at the first start, in the data folder; the public half lies beside it.

use crate::config::Settings;
use anyhow::Context;
use ed25519_dalek::{SigningKey, VerifyingKey};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const FILE: &str = "seal.key";
const PUBLIC: &str = "pub";

pub struct SealKey;

impl SealKey {
    fn path(settings: &Settings) -> PathBuf {
        settings.seal_key.clone().unwrap_or_else(|| settings.data.join(FILE))
    }

    /// The key that is there, or a new one.
    pub fn load_or_make(settings: &Settings) -> anyhow::Result<SigningKey> {
        let path = Self::path(settings);
        let made = File::options().write(true).create_new(true).mode(0o600).open(&path);
        let key = match made {
            Ok(mut file) => {
                let key = SigningKey::from_bytes(&rand::random());
                file.write_all(hex::encode(key.as_bytes()).as_bytes()).and_then(|()| file.sync_all())?;
                key
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => read(&path)?,
            Err(error) => return Err(error).with_context(|| format!("cannot write {}", path.display())),
        };
        let public = path.with_extension(PUBLIC);
        let text = hex::encode(key.verifying_key().as_bytes());
        if std::fs::read_to_string(&public).ok().as_deref() != Some(&text) {
            std::fs::write(&public, text).with_context(|| format!("cannot write {}", public.display()))?;
        }
        Ok(key)
    }

    /// The key that is there.
    pub fn load(settings: &Settings) -> anyhow::Result<SigningKey> {
        read(&Self::path(settings))
    }

    /// The public half, where this machine has it.
    pub fn public(settings: &Settings) -> Option<VerifyingKey> {
        public_key_of(&std::fs::read_to_string(Self::path(settings).with_extension(PUBLIC)).ok()?)
    }
}

fn read(path: &Path) -> anyhow::Result<SigningKey> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed)
        .with_context(|| format!("{} holds no Ed25519 seed in hexadecimal", path.display()))?;
    Ok(SigningKey::from_bytes(&seed))
}

/// A public key in hexadecimal.
pub fn public_key_of(text: &str) -> Option<VerifyingKey> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
    VerifyingKey::from_bytes(&bytes).ok()
}
