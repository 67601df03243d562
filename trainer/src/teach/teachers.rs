//! The model files: where they come from, whether they are there, and loading them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::clip::{Clip, Hand};

use super::face_detector::FaceDetector;
use super::face_mesh::FaceMesh;
use super::hand_mesh::HandMesh;
use super::hands::HandFinder;
use super::palm_detector::PalmDetector;
use super::person::PersonFinder;
use super::tflite::{Model, ModelError};

/// One published model file (all are MediaPipe's, Apache-2.0).
#[derive(Debug)]
pub struct TeacherFile {
    pub name: &'static str,
    /// npm package, with the one version that was tried.
    pub package: &'static str,
    /// Where it lies in the package.
    pub path: &'static str,
    /// First byte and end, for a model inside a larger file.
    pub range: Option<(u64, u64)>,
    pub sha256: &'static str,
    /// Without it there are no labels; without the others, hands have no fingers.
    pub needed: bool,
}

const PERSON: TeacherFile = TeacherFile {
    name: "selfie segmentation",
    package: "@mediapipe/selfie_segmentation@0.1.1675465747",
    path: "selfie_segmentation.tflite",
    range: None,
    sha256: "8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27",
    needed: true,
};
const FACE_DETECTOR: TeacherFile = TeacherFile {
    name: "full-range face detection",
    package: "@mediapipe/face_detection@0.4.1657300184",
    path: "face_detection_full_range.tflite",
    range: None,
    sha256: "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    needed: true,
};
const FACE_MESH: TeacherFile = TeacherFile {
    name: "face mesh",
    package: "@mediapipe/face_mesh@0.4.1657299874",
    path: "face_mesh_solution_packed_assets.data",
    range: Some((2_495_952, 3_737_848)),
    sha256: "c603fa6149219a3e9487dc9abd7a0c24474c77263273d24868378cdf40aa26d1",
    needed: true,
};

const PALM_DETECTOR: TeacherFile = TeacherFile {
    name: "palm detection",
    package: "@mediapipe/hands@0.4.1675469240",
    path: "hands_solution_packed_assets.data",
    range: Some((11, 2_341_291)),
    sha256: "2f25e740121983f68ffc05f99991d524dc0ea812134f6316a26125816941ee85",
    needed: false,
};
const HAND_MESH: TeacherFile = TeacherFile {
    name: "hand landmarks",
    package: "@mediapipe/hands@0.4.1675469240",
    path: "hand_landmark_full.tflite",
    range: None,
    sha256: "8c026882c9ec059ce0f8e75266bee5a9a23c341a40e0000df755374d3d1b9b68",
    needed: false,
};

/// All teachers. `tools/fetch-teachers` holds the same list.
pub const TEACHER_FILES: [&TeacherFile; 5] = [&PERSON, &FACE_DETECTOR, &FACE_MESH, &PALM_DETECTOR, &HAND_MESH];

impl TeacherFile {
    /// The file's name in the teachers' folder.
    pub fn file_name(&self) -> String {
        format!("{}.tflite", self.sha256)
    }

    fn read(&'static self, folder: &Path) -> Result<Model, TeacherError> {
        let path = folder.join(self.file_name());
        let bytes = fs::read(&path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => TeacherError::Missing { file: self, path: path.clone() },
            _ => TeacherError::Unreadable { path: path.clone(), cause },
        })?;
        if hex(&Sha256::digest(&bytes)) != self.sha256 {
            return Err(TeacherError::Altered { file: self, path });
        }
        Model::parse(&bytes).map_err(|cause| TeacherError::Model { file: self, cause })
    }
}

/// How one teacher's file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Present,
    Missing,
    /// There, but not the published bytes.
    Altered,
}

/// How each teacher's file stands in `folder`. A file that cannot be read counts as missing.
pub fn status(folder: &Path) -> [(&'static TeacherFile, Standing); 5] {
    TEACHER_FILES.map(|file| {
        let standing = match fs::read(folder.join(file.file_name())) {
            Ok(bytes) if hex(&Sha256::digest(&bytes)) == file.sha256 => Standing::Present,
            Ok(_) => Standing::Altered,
            Err(_) => Standing::Missing,
        };
        (file, standing)
    })
}

/// Where `tools/fetch-teachers` puts the files: `$KART_TEACHERS`, else `kart/teachers` in the user's cache folder.
pub fn default_folder() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("KART_TEACHERS").unwrap_or_else(|| {
        let cache = set("XDG_CACHE_HOME").unwrap_or_else(|| set("HOME").unwrap_or_default().join(".cache"));
        cache.join("kart").join("teachers")
    })
}

#[derive(Debug, thiserror::Error)]
pub enum TeacherError {
    #[error("the {} model is missing ({}); run tools/fetch-teachers", file.name, path.display())]
    Missing { file: &'static TeacherFile, path: PathBuf },
    #[error("the {} model is not the published file ({}); run tools/fetch-teachers", file.name, path.display())]
    Altered { file: &'static TeacherFile, path: PathBuf },
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("the {} model cannot be used: {cause}", file.name)]
    Model { file: &'static TeacherFile, cause: ModelError },
}

/// The networks, ready to run on any thread.
#[derive(Debug)]
pub struct Teachers {
    pub(super) person: PersonFinder,
    pub(super) detector: FaceDetector,
    pub(super) mesh: FaceMesh,
    /// `None` where a file of theirs cannot be used: everything else goes on without.
    hands: Option<HandFinder>,
}

impl Teachers {
    /// Reads and checks those that are needed, and those for hands where they can be had.
    ///
    /// # Errors
    /// [`TeacherError`] for the first needed one that is missing, altered or unreadable.
    pub fn load(folder: &Path) -> Result<Self, TeacherError> {
        let fitting = |file, cause| TeacherError::Model { file, cause };
        Ok(Self {
            person: PersonFinder::new(PERSON.read(folder)?).map_err(|cause| fitting(&PERSON, cause))?,
            detector: FaceDetector::new(FACE_DETECTOR.read(folder)?).map_err(|cause| fitting(&FACE_DETECTOR, cause))?,
            mesh: FaceMesh::new(FACE_MESH.read(folder)?).map_err(|cause| fitting(&FACE_MESH, cause))?,
            hands: hand_finder(folder).inspect_err(|error| tracing::warn!(%error, "hands get no fingers")).ok(),
        })
    }

    /// SHA-256 of each model that was loaded, in hexadecimal; a training says with which teachers it was done.
    pub fn hashes(&self) -> Vec<&'static str> {
        TEACHER_FILES.iter().filter(|file| file.needed || self.hands.is_some()).map(|file| file.sha256).collect()
    }

    /// The hands of one frame of a clip, in working pixels; none without their two networks.
    pub fn hands(&self, clip: &Clip, frame: usize) -> Vec<Hand> {
        let found = self.hands.as_ref().map(|hands| hands.find(clip, frame));
        // running fails for an input of the wrong size only, and loading checked the sizes
        found.map_or_else(Vec::new, |found| found.expect("nets that were loaded run"))
    }
}

fn hand_finder(folder: &Path) -> Result<HandFinder, TeacherError> {
    let fitting = |file, cause| TeacherError::Model { file, cause };
    Ok(HandFinder {
        detector: PalmDetector::new(PALM_DETECTOR.read(folder)?).map_err(|cause| fitting(&PALM_DETECTOR, cause))?,
        mesh: HandMesh::new(HAND_MESH.read(folder)?).map_err(|cause| fitting(&HAND_MESH, cause))?,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_lacks_every_teacher() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(status(folder.path()).iter().all(|(_, standing)| *standing == Standing::Missing));
        assert!(matches!(Teachers::load(folder.path()), Err(TeacherError::Missing { .. })));
    }

    #[test]
    fn a_file_with_other_bytes_is_altered_and_not_loaded() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join(PERSON.file_name()), b"TFL3 but not really").expect("written");
        let standings = status(folder.path()).map(|(_, standing)| standing);
        assert_eq!(
            standings,
            [Standing::Altered, Standing::Missing, Standing::Missing, Standing::Missing, Standing::Missing]
        );
        assert!(matches!(Teachers::load(folder.path()), Err(TeacherError::Altered { .. })));
    }

    #[test]
    fn the_fetching_script_fetches_exactly_these_files() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/fetch-teachers");
        let script = fs::read_to_string(script).expect("tools/fetch-teachers is there");
        for file in TEACHER_FILES {
            let (from, to) = file.range.unwrap_or_default();
            let line = format!("fetch {} {} {from} {to} {}", file.package, file.path, file.sha256);
            assert!(script.contains(&line), "the script lacks: {line}");
        }
    }
}
