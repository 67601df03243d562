//! A training that has not ended, as a file: safetensors with the model's own file, the optimisers' moments, what is
//! smoothed over steps, and the loss so far; the rest as JSON under the key `kart`. Frames and samples are not in it:
//! they follow from the clip and the seed.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::{Settings, Training};
use crate::net::adam::Adam;
use crate::net::file::FileError;
use crate::net::model::{ENTRIES, Model};

const HEADER: &str = "kart";
const MODEL: &str = "model";
const CURVE: &str = "curve";
const USAGE: &str = "usage";
/// The optimisers, in the order of [`Training::adams`].
const ADAMS: [&str; 3] = ["weights", "centres", "gain"];
const VERSION: u32 = 1;

/// Where a training stood.
pub struct Checkpoint {
    model: Model,
    adams: [Adam; 3],
    usage: [f32; ENTRIES],
    curve: Vec<f32>,
    settings: Settings,
    random_position: u128,
}

/// Why a training cannot go on from a checkpoint: what of it is another's.
#[derive(Debug, thiserror::Error)]
#[error("its {0} is that of another training")]
pub struct Misfit(&'static str);

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    settings: Settings,
    /// Words drawn so far from the generator that the seed gives.
    random_position: u128,
    adam_steps: [i32; 3],
}

impl Training {
    /// All that is needed to go on after the present step.
    ///
    /// # Errors
    /// None that is expected: the shapes are our own.
    pub fn checkpoint(&self) -> Result<Vec<u8>, FileError> {
        let adams = self.adams();
        let header = Header {
            version: VERSION,
            settings: self.settings,
            random_position: self.rng.get_word_pos(),
            adam_steps: adams.map(|adam| adam.step),
        };
        let header = serde_json::to_string(&header).map_err(|error| FileError::Header(error.to_string()))?;
        let model = self.model.to_bytes()?;
        // On a GPU the model may be behind the reports.
        let curve = &self.curve[..self.model.step as usize];
        let mut floats = vec![(CURVE.to_owned(), curve), (USAGE.to_owned(), &self.usage)];
        for (name, adam) in ADAMS.iter().zip(adams) {
            floats.push((format!("{name}.mean"), &adam.mean));
            floats.push((format!("{name}.square"), &adam.square));
        }
        let mut tensors = vec![(MODEL.to_owned(), TensorView::new(Dtype::U8, vec![model.len()], &model)?)];
        for (name, values) in floats {
            tensors.push((name, TensorView::new(Dtype::F32, vec![values.len()], bytemuck::cast_slice(values))?));
        }
        Ok(safetensors::serialize(tensors, Some(HashMap::from([(HEADER.to_owned(), header)])))?)
    }

    /// Goes on where `checkpoint` was made, as if nothing had happened since.
    ///
    /// # Errors
    /// `Misfit`, and nothing is changed, when it was not made of this clip with these settings.
    pub(super) fn go_on_from(&mut self, checkpoint: Checkpoint) -> Result<(), Misfit> {
        let (own, its) = (&self.model, &checkpoint.model);
        let lengths = |adams: [&Adam; 3]| adams.map(|adam| (adam.mean.len(), adam.square.len()));
        let [weights, centres, gain] = &checkpoint.adams;
        let same = [
            ("length or seed", self.settings == checkpoint.settings && own.seed == its.seed),
            ("size", (own.width, own.height) == (its.width, its.height)),
            ("palette", own.groups == its.groups),
            ("footage", (own.mean, own.scale) == (its.mean, its.scale)),
            ("optimiser", lengths(self.adams()) == lengths([weights, centres, gain])),
            ("curve", checkpoint.curve.len() == its.step as usize && its.step <= self.settings.steps),
        ];
        if let Some((what, _)) = same.iter().find(|(_, same)| !same) {
            return Err(Misfit(what));
        }
        self.rng.set_word_pos(checkpoint.random_position);
        [self.adam_weights, self.adam_centres, self.adam_gain] = checkpoint.adams;
        (self.model, self.usage, self.curve) = (checkpoint.model, checkpoint.usage, checkpoint.curve);
        Ok(())
    }

    fn adams(&self) -> [&Adam; 3] {
        [&self.adam_weights, &self.adam_centres, &self.adam_gain]
    }
}

impl Checkpoint {
    /// # Errors
    /// When the bytes are no checkpoint, or one of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let text = metadata.metadata().as_ref().and_then(|m| m.get(HEADER));
        let text = text.ok_or_else(|| FileError::Header(format!("no {HEADER:?} in its metadata")))?;
        let header: Header = serde_json::from_str(text).map_err(|error| FileError::Header(error.to_string()))?;
        if header.version != VERSION {
            return Err(FileError::Header(format!("version {} is not {VERSION}", header.version)));
        }
        let file = SafeTensors::deserialize(bytes)?;
        let floats = |name: &str| -> Result<Vec<f32>, FileError> {
            let view = file.tensor(name)?;
            if view.dtype() != Dtype::F32 || view.shape().len() != 1 {
                return Err(FileError::Shape { name: name.to_owned(), expected: vec![] });
            }
            Ok(view.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
        };
        let adam = |i: usize| -> Result<Adam, FileError> {
            let (mean, square) = (floats(&format!("{}.mean", ADAMS[i]))?, floats(&format!("{}.square", ADAMS[i]))?);
            Ok(Adam { mean, square, step: header.adam_steps[i] })
        };
        let usage = floats(USAGE)?;
        let usage =
            usage.try_into().map_err(|_| FileError::Shape { name: USAGE.to_owned(), expected: vec![ENTRIES] })?;
        Ok(Self {
            model: Model::from_bytes(file.tensor(MODEL)?.data())?,
            adams: [adam(0)?, adam(1)?, adam(2)?],
            usage,
            curve: floats(CURVE)?,
            settings: header.settings,
            random_position: header.random_position,
        })
    }

    /// Steps trained so far.
    pub fn step(&self) -> u32 {
        self.model.step
    }
}
