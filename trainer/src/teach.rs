//! What small ready-made networks (the *teachers*) know about a video: where the person is, where faces are, and which
//! colours are skin; and what motion tells where they are missing or unsure. Training learns from these labels.
//!
//! No network access here and no model files in the repository: `tools/fetch-teachers` fetches them once.

mod face_detector;
mod face_mesh;
mod figure;
mod histogram;
mod landmarks;
mod motion;
mod person;
mod prepare;
mod skin;
mod strokes;
mod subject;
mod teachers;
#[cfg(test)]
mod tests;
pub mod tflite;

pub use prepare::{Advice, PrepareError, Prepared, prepare};
pub use teachers::{Standing, TEACHER_FILES, TeacherError, TeacherFile, Teachers, default_folder, status};
