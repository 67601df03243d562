//! What small ready-made networks (the *teachers*) know about a video: where the person and the faces are.
pub mod tflite;
