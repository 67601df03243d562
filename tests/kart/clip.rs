//! Videos to upload.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The project's own clip of a drawn person.
pub fn person() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/puppet.mp4")
}

/// A clip of a real person, where this machine has one.
pub fn real_person() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/media");
    let folder = std::env::var_os("KART_TEST_MEDIA").map_or(shared, PathBuf::from);
    Some(folder.join("people/woman-yellow-11s.mp4")).filter(|path| path.is_file())
}

/// A second of blotches that stand still: quick to train on, with nobody in it and nothing that moves.
pub fn nobody(folder: &Path) -> PathBuf {
    let path = folder.join("nobody.mp4");
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"])
        .arg("color=gray:size=320x240:rate=24:duration=1,noise=alls=100,boxblur=2")
        .args(["-pix_fmt", "yuv420p"])
        .arg(&path)
        .status()
        .expect("ffmpeg runs");
    assert!(status.success());
    path
}
