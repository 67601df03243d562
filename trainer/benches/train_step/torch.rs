//! The other side of the comparison: `benches/torch_step.py` in a process of its own.

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Lines, Write};
use std::ops::ControlFlow::{Break, Continue};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::json;
use trainer::clip::Clip;
use trainer::device::Device;
use trainer::net::{self, Batch, Settings, Training};

use super::clock::Spent;

/// Steps whose windows are handed over, and whose losses are compared.
const RECORDED: u32 = 10;

pub struct Torch {
    process: Child,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Torch {
    /// Trains a few steps here, lets PyTorch do the same, and prints what it says of the difference.
    pub fn start(clip: &Clip, settings: &Settings, device: &Device) -> Result<Self, Box<dyn Error>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let python = root.join(".tools/torch/bin/python");
        if !python.exists() {
            return Err("tools/fetch-torch has not been run".into());
        }
        let file = tempfile::NamedTempFile::new()?;
        record(clip, settings, device)?.write(file.path())?;
        let mode = std::env::var("KART_BENCH_TORCH").unwrap_or("eager".to_owned());
        let mut process = Command::new(python)
            .arg(root.join("trainer/benches/torch_step.py"))
            .arg(file.path())
            .args([&device.threads().to_string(), &mode])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut answers = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        for _ in 0..2 {
            println!("{}", answers.next().ok_or("it broke off")??);
        }
        Ok(Self { process, answers })
    }

    /// What each of some more steps takes.
    pub fn run(&mut self, steps: u32) -> Vec<Spent> {
        writeln!(self.process.stdin.as_mut().unwrap(), "{steps}").unwrap();
        let times: Vec<[f64; 2]> = serde_json::from_str(&self.answers.next().unwrap().unwrap()).unwrap();
        times.into_iter().map(|[wall, computing]| Spent { wall, computing }).collect()
    }
}

impl Drop for Torch {
    fn drop(&mut self) {
        // Without input it ends by itself.
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

/// Named tensors as they go to the file: type, shape, bytes.
#[derive(Default)]
struct Record {
    tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>,
    settings: serde_json::Value,
}

fn record(clip: &Clip, settings: &Settings, device: &Device) -> Result<Record, Box<dyn Error>> {
    let mut record = Record::default();
    let start = net::train(clip, &Settings { steps: 0, ..*settings }, device, None, &mut |_, _| Continue(()))?.model;
    record.model("", &start.to_bytes()?)?;
    let mut losses = vec![];
    let recorded = net::train(clip, settings, device, None, &mut |progress, training: &Training| {
        if progress.step == 1 {
            let mut gradient = training.model().clone();
            gradient.weights.copy_from_slice(training.gradient());
            record.model("gradient.", &gradient.to_bytes().unwrap()).unwrap();
        }
        record.batch(losses.len(), training.batch());
        losses.push(progress.loss);
        if progress.step < RECORDED { Continue(()) } else { Break(()) }
    });
    assert!(recorded.is_err(), "it was broken off");
    record.floats("losses".to_owned(), vec![losses.len()], &losses);
    record.settings = json!({
        "steps": settings.steps,
        "batches": losses.len(),
        "rate": 3e-3,
        "log_gain": start.log_gain,
        "groups": [start.groups.background, start.groups.skin, start.groups.cloth],
    });
    Ok(record)
}

impl Record {
    fn floats(&mut self, name: String, shape: Vec<usize>, values: &[f32]) {
        self.tensors.push((name, Dtype::F32, shape, bytemuck::cast_slice(values).to_vec()));
    }

    fn model(&mut self, prefix: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        for (name, view) in SafeTensors::deserialize(bytes)?.tensors() {
            let name = format!("{prefix}{name}");
            self.tensors.push((name, view.dtype(), view.shape().to_vec(), view.data().to_vec()));
        }
        Ok(())
    }

    fn batch(&mut self, step: usize, batch: &Batch) {
        let Batch { images, height, width, input, .. } = batch;
        let rows = (0..*images).flat_map(|image| (0..input.height).map(move |y| input.row(image, y)));
        let shape = vec![*images, input.height, input.width, input.channels];
        self.floats(format!("batch.{step}.input"), shape, &rows.collect::<Vec<_>>().concat());
        let shape = vec![*images, *height, *width];
        self.floats(format!("batch.{step}.colours"), [&shape[..], &[3]].concat(), batch.colours.as_flattened());
        for (name, labels) in [("figure", &batch.figure), ("skin", &batch.skin)] {
            let bytes = bytemuck::cast_slice(labels).to_vec();
            self.tensors.push((format!("batch.{step}.{name}"), Dtype::I8, shape.clone(), bytes));
        }
    }

    fn write(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let views: Result<Vec<_>, _> = self
            .tensors
            .iter()
            .map(|(name, kind, shape, bytes)| TensorView::new(*kind, shape.clone(), bytes).map(|view| (name, view)))
            .collect();
        let metadata = HashMap::from([("settings".to_owned(), self.settings.to_string())]);
        Ok(safetensors::serialize_to_file(views?, Some(metadata), path)?)
    }
}
