//! What a person wrote: sealed with their key before it enters the log, so that forgetting the key forgets the words.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03); the event's id is associated data, so that a sealed text cannot be
//! moved to another. The log's hash chain covers the sealed form and holds without the key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop};

const NONCE_BYTES: usize = 24;

/// A text that belongs to a person: a file's name, a title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Personal {
    /// In memory, and in events from before texts were sealed.
    Plain(String),
    /// As it stands in the log: nonce and ciphertext, base64.
    Sealed { sealed: String },
    /// Its key is gone.
    Erased { erased: bool },
}

/// A person's key. It lives outside the log, and erasing the person deletes it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

/// A sealed text and its key do not fit, or the text was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed text cannot be opened with its owner's key")]
pub struct CannotOpen;

impl Personal {
    pub const ERASED: Self = Self::Erased { erased: true };

    /// The text, where it can be read.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Sealed { .. } | Self::Erased { .. } => None,
        }
    }

    /// For pages: the text, or a word in its place.
    pub fn shown(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Sealed { .. } => "sealed",
            Self::Erased { .. } => "erased",
        }
    }

    /// Seals a plain text; anything else stays as it is.
    pub(crate) fn seal(&mut self, key: &Key, event: Uuid) {
        if let Self::Plain(text) = self {
            let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
            let payload = Payload { msg: text.as_bytes(), aad: event.as_bytes() };
            let sealed = key.cipher().encrypt(&nonce, payload).expect("a text is shorter than 2^38 bytes");
            *self = Self::Sealed { sealed: STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed].concat()) };
        }
    }

    /// Opens a sealed text; without a key it is erased. Anything else stays as it is.
    pub(crate) fn open(&mut self, key: Option<&Key>, event: Uuid) -> Result<(), CannotOpen> {
        let Self::Sealed { sealed } = self else { return Ok(()) };
        let Some(key) = key else {
            *self = Self::ERASED;
            return Ok(());
        };
        let bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| CannotOpen)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(CannotOpen)?;
        let payload = Payload { msg: sealed, aad: event.as_bytes() };
        let text = key.cipher().decrypt(XNonce::from_slice(nonce), payload).map_err(|_| CannotOpen)?;
        *self = Self::Plain(String::from_utf8(text).map_err(|_| CannotOpen)?);
        Ok(())
    }
}

impl From<String> for Personal {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

impl From<&str> for Personal {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl Key {
    pub const BYTES: usize = 32;

    /// A new key, from the system's randomness.
    pub fn generate() -> Self {
        Self(XChaCha20Poly1305::generate_key(&mut OsRng).into())
    }

    /// `None` unless it is 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// For the store of keys, and nothing else.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&self.0).into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: Uuid = Uuid::from_u128(7);

    #[test]
    fn what_is_sealed_opens_with_its_key_in_its_event_only() {
        let (key, other) = (Key::generate(), Key::generate());
        let plain = Personal::from("Я, dancing.mp4");
        let mut sealed = plain.clone();
        sealed.seal(&key, EVENT);
        assert!(sealed.text().is_none() && !serde_json::to_string(&sealed).unwrap().contains("dancing"));

        let open = |key: Option<&Key>, event| {
            let mut text = sealed.clone();
            text.open(key, event).map(|()| text)
        };
        assert_eq!(open(Some(&key), EVENT), Ok(plain));
        assert_eq!(open(None, EVENT), Ok(Personal::ERASED));
        assert_eq!(open(Some(&other), EVENT), Err(CannotOpen));
        assert_eq!(open(Some(&key), Uuid::from_u128(8)), Err(CannotOpen));
    }

    #[test]
    fn a_damaged_text_is_an_error_and_a_key_is_not_printed() {
        for sealed in ["", "AAAA", "not base64!"] {
            let mut text = Personal::Sealed { sealed: sealed.to_owned() };
            assert_eq!(text.open(Some(&Key::generate()), EVENT), Err(CannotOpen));
        }
        assert_eq!(format!("{:?}", Key::generate()), "Key(…)");
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let key = Key::generate();
        let seal = || {
            let mut text = Personal::from("me");
            text.seal(&key, EVENT);
            text
        };
        assert_ne!(seal(), seal());
    }
}
