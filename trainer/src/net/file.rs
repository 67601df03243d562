//! A trained model as a file: safetensors (<https://huggingface.co/docs/safetensors>), one tensor for each layer's
//! weights `[size, size, inputs, outputs]` and bias, one for the palette, the rest as JSON under the key `kart`.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::model::{ENTRIES, Groups, Model};
use super::network::{LAYERS, place, weight_count};

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the file is not safetensors: {0}")]
    Format(#[from] safetensors::SafeTensorError),
    #[error("the file does not describe one of our models: {0}")]
    Header(String),
    #[error("tensor {name} should be {expected:?} floats")]
    Shape { name: String, expected: Vec<usize> },
}

const HEADER: &str = "kart";
const PALETTE: &str = "palette";
const VERSION: u32 = 1;

/// What is not a tensor. One JSON value, since a map of several has no fixed order and equal models should be equal bytes.
#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    width: usize,
    height: usize,
    background: usize,
    skin: usize,
    mean: [f32; 3],
    scale: f32,
    log_gain: f32,
    step: u32,
    seed: u64,
}

impl Model {
    pub fn to_bytes(&self) -> Result<Vec<u8>, FileError> {
        let header = Header {
            version: VERSION,
            width: self.width,
            height: self.height,
            background: self.groups.background,
            skin: self.groups.skin,
            mean: self.mean,
            scale: self.scale,
            log_gain: self.log_gain,
            step: self.step,
            seed: self.seed,
        };
        let header = serde_json::to_string(&header).map_err(|e| FileError::Header(e.to_string()))?;
        let palette: &[f32] = self.centres.as_flattened();
        let tensors = tensors().into_iter().map(|(name, shape, range)| {
            let values = range.map_or(palette, |range| &self.weights[range]);
            TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(values)).map(|view| (name, view))
        });
        let tensors = tensors.collect::<Result<Vec<_>, _>>()?;
        Ok(safetensors::serialize(tensors, Some(HashMap::from([(HEADER.to_owned(), header)])))?)
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let text = metadata.metadata().as_ref().and_then(|m| m.get(HEADER));
        let text = text.ok_or_else(|| FileError::Header(format!("no {HEADER:?} in its metadata")))?;
        let header: Header = serde_json::from_str(text).map_err(|e| FileError::Header(e.to_string()))?;
        let groups = header.groups()?;
        let file = SafeTensors::deserialize(bytes)?;
        let mut weights = vec![0.0; weight_count()];
        let mut centres = [[0.0; 3]; ENTRIES];
        for (name, shape, range) in tensors() {
            let view = file.tensor(&name)?;
            if view.dtype() != Dtype::F32 || view.shape() != shape {
                return Err(FileError::Shape { name, expected: shape });
            }
            let values = view.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b));
            let into = range.map_or(centres.as_flattened_mut(), |range| &mut weights[range]);
            into.iter_mut().zip(values).for_each(|(to, value)| *to = value);
        }
        Ok(Self {
            width: header.width,
            height: header.height,
            groups,
            weights,
            centres,
            mean: header.mean,
            scale: header.scale,
            log_gain: header.log_gain,
            step: header.step,
            seed: header.seed,
        })
    }
}

impl Header {
    fn groups(&self) -> Result<Groups, FileError> {
        if self.version != VERSION {
            return Err(FileError::Header(format!("version {} is not {VERSION}", self.version)));
        }
        let cloth = ENTRIES.checked_sub(self.background).and_then(|rest| rest.checked_sub(self.skin));
        let cloth = cloth.ok_or_else(|| FileError::Header("more entries than the palette has".to_owned()))?;
        Ok(Groups { background: self.background, skin: self.skin, cloth })
    }
}

/// Name, shape and place among the weights of every tensor; no place for the palette.
fn tensors() -> Vec<(String, Vec<usize>, Option<std::ops::Range<usize>>)> {
    let mut all = vec![(PALETTE.to_owned(), vec![ENTRIES, 3], None)];
    for (i, layer) in LAYERS.iter().enumerate() {
        let (weight, bias) = place(i);
        let shape = vec![layer.size, layer.size, layer.inputs, layer.outputs];
        all.push((format!("{}.weight", layer.name), shape, Some(weight)));
        all.push((format!("{}.bias", layer.name), vec![layer.outputs], Some(bias)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        let mut model = Model::untrained(640, 480, Groups::new(true, true), [0.3, -0.01, 0.02], 0.0921, 7);
        model.centres[14] = [0.5, -1.25, 3.0];
        model.step = 140;
        model
    }

    #[test]
    fn a_model_comes_back_from_its_bytes_unchanged() {
        let model = model();
        let bytes = model.to_bytes().unwrap();
        let back = Model::from_bytes(&bytes).unwrap();
        assert_eq!(back.to_bytes().unwrap(), bytes);
        assert_eq!((back.groups, back.palette()), (model.groups, model.palette()));
        let frame = crate::raster::Rgb::new(17, 9, [90, 120, 200]);
        assert_eq!(back.infer(&frame).logits, model.infer(&frame).logits);
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let bytes = model().to_bytes().unwrap();
        assert!(matches!(Model::from_bytes(&bytes[..bytes.len() - 4]), Err(FileError::Format(_))));
        assert!(matches!(Model::from_bytes(b"not a model"), Err(FileError::Format(_))));
        let text = String::from_utf8_lossy(&bytes[..3000]).replace("kart", "cart");
        let other = [text.as_bytes(), &bytes[3000..]].concat();
        assert!(Model::from_bytes(&other).is_err());
    }
}
