//! How good the pictures are, in figures: `cargo run --release -p trainer --example quality -- DIR`.
//!
//! DIR holds clips, or frames and masks in DAVIS layout. Each sequence goes through the product's own pipeline; masks
//! serve for scoring only. `--steps N` trains shorter (0: not at all), `--only NAME` measures what has NAME in its
//! name, `--no-teachers` leaves them out, `--kim N` lets the network of Kim et al. learn the first frame in N steps at
//! most and measures it too (minutes for each sequence), `--save FOLDER` writes frames with what was found (red), missed
//! (blue) and both (green). `--make-composites CLIPS OUT` makes sequences with exact truth instead.

mod baseline;
mod composites;
mod kim;
mod measure;
mod metrics;
mod save;
mod sequence;
mod table;

use std::path::PathBuf;

use trainer::teach::{self, Teachers};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: quality [--steps N] [--only NAME] [--no-teachers] [--kim N] [--save FOLDER] DIR\n       \
                     quality --make-composites CLIPS OUT";
/// Frames that the network learns from, as in the product.
const TRAINED: usize = 24;

#[derive(Default)]
struct Options {
    folder: Option<PathBuf>,
    composites: Option<[PathBuf; 2]>,
    steps: Option<u32>,
    only: Option<String>,
    save: Option<PathBuf>,
    no_teachers: bool,
    kim: Option<u32>,
}

fn options() -> Result<Options, Failure> {
    let mut options = Options::default();
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        let mut next = || arguments.next().ok_or(USAGE);
        match argument.to_str() {
            Some("--steps") => options.steps = Some(next()?.to_string_lossy().parse()?),
            Some("--only") => options.only = Some(next()?.to_string_lossy().into_owned()),
            Some("--kim") => options.kim = Some(next()?.to_string_lossy().parse()?),
            Some("--save") => options.save = Some(next()?.into()),
            Some("--no-teachers") => options.no_teachers = true,
            Some("--make-composites") => options.composites = Some([next()?.into(), next()?.into()]),
            _ => options.folder = Some(argument.into()),
        }
    }
    Ok(options)
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let teachers = match options.no_teachers {
        true => None,
        false => Teachers::load(&teach::default_folder()).inspect_err(|error| eprintln!("{error}")).ok(),
    };
    if let Some([clips, out]) = &options.composites {
        let teachers = teachers.ok_or("people can be cut out only with the teachers installed")?;
        return composites::make(clips, out, &teachers);
    }
    let folder = options.folder.ok_or(USAGE)?;
    let mut sources = sequence::find(&folder)?;
    sources.retain(|(name, _)| options.only.as_ref().is_none_or(|only| name.contains(only)));
    if sources.is_empty() {
        return Err(format!("{} holds neither JPEGImages nor clips", folder.display()).into());
    }
    let mut table = table::Table::default();
    for (name, source) in &sources {
        let save = options.save.as_ref().map(|folder| folder.join(name));
        if let Some(folder) = &save {
            std::fs::create_dir_all(folder)?;
        }
        let how = measure::How { teachers: teachers.as_ref(), steps: options.steps, kim: options.kim };
        let measured = source.read(TRAINED).and_then(|read| measure::measure(read, &how, save.as_deref()));
        table.add(name, source.has_truth(), measured);
    }
    table.finish();
    Ok(())
}
