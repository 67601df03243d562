//! Seals: signed statements of what the log was, kept outside it. The hash chain shows that an event was changed, unless
//! somebody makes the whole chain anew or cuts off its end; a seal from before shows that as well.

mod folder;
mod key;
mod sealer;

pub use folder::{Sealed, read_file, stored, write_file};
pub use key::{SealKey, public_key_of};
pub use sealer::{keep_sealing, refuse_a_shorter_log, seal_now};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use schemas::Hash;
use schemas::envelope::format_time;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// One hash over all events up to a sequence: it can be carried on from where it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Root(Hash);

impl Default for Root {
    /// Of an empty log.
    fn default() -> Self {
        Self(Hash([0; 32]))
    }
}

impl Root {
    /// SHA-256 over the root before, the sequence (8 bytes, big-endian) and the event's hash.
    pub fn after(self, sequence: u64, event: Hash) -> Self {
        Self(Hash::of(&[self.0.0.as_slice(), &sequence.to_be_bytes(), &event.0].concat()))
    }
}

/// "At this time, the log up to this sequence was this." One line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    pub sequence: u64,
    /// When it was made, RFC 3339 in UTC.
    pub time: String,
    pub root: Root,
    /// SHA-256 of the seal that it was made upon.
    pub previous: Option<Hash>,
    /// Ed25519, hexadecimal.
    key: String,
    /// Over [`Seal::statement`], hexadecimal.
    signature: String,
}

/// Why a seal is not genuine.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum Forged {
    #[error("it is no seal: {0}")]
    Malformed(String),
    #[error("it is signed with {0}, a key that is not trusted")]
    ForeignKey(String),
    #[error("its signature does not fit")]
    BadSignature,
}

impl Seal {
    pub fn sign(key: &SigningKey, sequence: u64, root: Root, previous: Option<Hash>, time: OffsetDateTime) -> Self {
        let public = hex::encode(key.verifying_key().as_bytes());
        let seal = Self { sequence, time: format_time(time), root, previous, key: public, signature: String::new() };
        let signature = hex::encode(key.sign(seal.statement().as_bytes()).to_bytes());
        Self { signature, ..seal }
    }

    /// What is signed.
    fn statement(&self) -> String {
        let previous = self.previous.map_or("none".to_owned(), |hash| hash.to_string());
        let (sequence, time, Root(root)) = (self.sequence, &self.time, self.root);
        format!("kart seal 1\nsequence {sequence}\ntime {time}\nroot {root}\nprevious {previous}\nkey {}\n", self.key)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a seal has string keys and no floats")
    }

    /// What the next seal calls this one.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.to_bytes())
    }

    #[cfg(test)]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Reads a seal whose signature fits, and whose key is trusted.
    ///
    /// # Errors
    /// See [`Forged`].
    pub fn read(bytes: &[u8], trusted: &[VerifyingKey]) -> Result<Self, Forged> {
        let malformed = |what: &dyn std::fmt::Display| Forged::Malformed(what.to_string());
        let seal: Self = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
        if seal.to_bytes() != bytes {
            return Err(Forged::Malformed("it is not written as Kart writes it".to_owned()));
        }
        let key = public_key_of(&seal.key).ok_or_else(|| malformed(&"its key is none"))?;
        if !trusted.contains(&key) {
            return Err(Forged::ForeignKey(seal.key));
        }
        let mut signature = [0; Signature::BYTE_SIZE];
        hex::decode_to_slice(&seal.signature, &mut signature).map_err(|error| malformed(&error))?;
        // Upper-case digits would be another writing of the same.
        if hex::encode(signature) != seal.signature {
            return Err(Forged::BadSignature);
        }
        let fits = key.verify_strict(seal.statement().as_bytes(), &Signature::from_bytes(&signature));
        fits.map_err(|_| Forged::BadSignature)?;
        Ok(seal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn seal(key: &SigningKey) -> Seal {
        let root = Root::default().after(1, Hash::of(b"event"));
        Seal::sign(key, 1, root, Some(Hash::of(b"before")), datetime!(2026-11-24 11:17 UTC))
    }

    #[test]
    fn a_seal_is_genuine_to_those_who_trust_its_key() {
        let (key, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let seal = seal(&key);
        assert_eq!(Seal::read(&seal.to_bytes(), &[key.verifying_key()]), Ok(seal.clone()));
        let foreign = Seal::read(&seal.to_bytes(), &[other.verifying_key()]);
        assert_eq!(foreign, Err(Forged::ForeignKey(seal.key().to_owned())));
    }

    #[test]
    fn no_bit_of_a_seal_can_be_changed() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let bytes = seal(&key).to_bytes();
        for (position, bit) in (0..bytes.len()).flat_map(|position| (0..8).map(move |bit| (position, bit))) {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1 << bit;
            assert!(Seal::read(&flipped, &[key.verifying_key()]).is_err(), "bit {bit} of byte {position}");
        }
    }

    #[test]
    fn a_root_depends_on_every_event_and_their_order() {
        let [a, b] = [Hash::of(b"a"), Hash::of(b"b")];
        let root = |events: &[(u64, Hash)]| {
            events.iter().fold(Root::default(), |root, (sequence, hash)| root.after(*sequence, *hash))
        };
        let whole = root(&[(1, a), (2, b)]);
        for other in [root(&[(1, b), (2, a)]), root(&[(2, b)]), root(&[(1, a)]), root(&[(1, a), (3, b)])] {
            assert_ne!(other, whole);
        }
    }
}
