//! Where blobs are kept: everything of a person under one prefix. Nobody shares bytes with anybody, also where two have
//! the same picture, so that deleting the prefix forgets one person and touches no other.
//!
//! Events carry whole keys; those of blobs from before the prefixes go on being served.

use crate::{Hash, JobId, UserId, VideoId};
use uuid::Uuid;

/// What all keys of people begin with.
pub const USERS: &str = "users/";

/// What all keys of one person begin with.
pub fn of_user(owner: UserId) -> String {
    format!("{USERS}{owner}/")
}

pub fn video(owner: UserId, video: VideoId) -> String {
    format!("{}videos/{video}", of_user(owner))
}

/// The weights that a worker trained under `lease`.
pub fn model(owner: UserId, lease: Uuid) -> String {
    format!("{}models/{lease}.safetensors", of_user(owner))
}

/// A training in the middle. Two a job, written in `turn`.
pub fn checkpoint(owner: UserId, job: JobId, turn: u32) -> String {
    format!("{}checkpoints/{job}-{turn}.safetensors", of_user(owner))
}

/// How the model sees one frame while it trains under `lease`.
pub fn preview(owner: UserId, lease: Uuid, number: usize) -> String {
    format!("{}previews/{lease}-{number:02}.png", of_user(owner))
}

/// The same picture of the same person has the same key.
pub fn picture(owner: UserId, sha256: &Hash) -> String {
    format!("{}media/{sha256}.png", of_user(owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_picture_of_two_people_has_two_keys_each_under_its_owners_prefix() {
        let (a, b, hash) = (UserId::new(), UserId::new(), Hash::of(b"picture"));
        assert_ne!(picture(a, &hash), picture(b, &hash));
        let (job, lease) = (JobId::new(), Uuid::now_v7());
        for owner in [a, b] {
            let all = [
                video(owner, VideoId::new()),
                model(owner, lease),
                checkpoint(owner, job, 1),
                preview(owner, lease, 7),
                picture(owner, &hash),
            ];
            assert!(all.iter().all(|key| key.starts_with(&of_user(owner)) && key.len() < 150), "{all:?}");
        }
    }
}
