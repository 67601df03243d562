//! What small ready-made networks (the *teachers*) know about a video: where the person is, where faces and hands are,
//! and which colours are skin; and what motion tells where they are missing or unsure. Training learns from these labels.
//!
//! No network access here and no model files in the repository: `tools/fetch-teachers` fetches them once.

mod face_detector;
mod face_mesh;
mod figure;
mod hand_mesh;
mod hands;
mod histogram;
mod landmarks;
mod motion;
mod palm_detector;
mod person;
mod prepare;
mod skin;
mod square;
mod strokes;
mod subject;
mod teachers;
#[cfg(test)]
mod tests;
pub mod tflite;

pub use prepare::{Advice, PrepareError, Prepared, prepare};
pub use teachers::{Standing, TEACHER_FILES, TeacherError, TeacherFile, Teachers, default_folder, status};
