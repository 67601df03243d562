//! The rules of every aggregate: given what happened, when something is asked, then this follows. The job, which has
//! many more, is in `job.rs`.

// A test that cannot go on panics, also in what it is made of.
#![allow(clippy::unwrap_used)]

#[path = "golden/authored.rs"]
mod authored;
#[path = "rules/comic.rs"]
mod comic;
#[path = "rules/doubled.rs"]
mod doubled;
#[path = "rules/laws.rs"]
mod laws;
#[path = "rules/media.rs"]
mod media;
#[path = "golden/samples.rs"]
mod samples;
#[path = "rules/scene.rs"]
mod scene;
#[path = "rules/user.rs"]
mod user;
#[path = "rules/values.rs"]
mod values;
#[path = "rules/video.rs"]
mod video;
