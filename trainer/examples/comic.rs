//! The whole computation without any server: `cargo run --release -p trainer --example comic -- CLIP.mp4 FOLDER [STYLE…]`
//! draws CLIP into FOLDER, in every STYLE that is named (all of them: `all`), and prints the seconds of each stage. A model
//! that FOLDER has from an earlier run is drawn with, instead of training another.

use image::{ImageResult, RgbImage, RgbaImage};
use std::ops::ControlFlow::Continue;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use trainer::clip::{Character, Clip};
use trainer::device::Device;
use trainer::draw::style::Style;
use trainer::net::Model;
use trainer::raster::{Rgb, Rgba};
use trainer::teach::Teachers;
use trainer::{decode, draw, net, teach};

/// As in Kart itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(video), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: comic CLIP FOLDER [STYLE…]".into());
    };
    let styles = styles(&arguments.map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>())?;
    std::fs::create_dir_all(&folder)?;
    let begun = Instant::now();
    let mut clock = begun;
    let mut lap = |stage: &str| {
        println!("{stage:<10} {:6.2} s", clock.elapsed().as_secs_f32());
        clock = Instant::now();
    };

    let decoded = decode::decode(&video, 24, &CancellationToken::new(), &mut |_| Continue(()))?;
    lap("decode");
    let teachers = Teachers::load(&teach::default_folder()).inspect_err(|error| eprintln!("{error}")).ok();
    let prepared = teach::prepare(teachers.as_ref(), decoded.frames, decoded.times_ms, &[], &mut |_| Continue(()))?;
    prepared.advice.iter().for_each(|advice| println!("{advice}"));
    let clip = prepared.clip;
    lap("prepare");
    let model = model(&clip, &folder.join("model.safetensors"))?;
    lap("train");
    let segmented: Vec<_> = clip.frames.iter().map(|frame| model.infer(frame)).collect();
    let character = Character {
        clip: &clip,
        palette: &model.palette(),
        labels: segmented.iter().map(|s| s.labels()).collect(),
        figure: segmented.into_iter().map(|s| s.figure).collect(),
        logits: &|frame| model.infer(&clip.frames[frame]).logits,
        hands: &|frame| teachers.as_ref().map_or_else(Vec::new, |teachers| teachers.hands(&clip, frame)),
    };
    lap("infer");
    for style in styles {
        let drawn = draw::draw(&character, style, &|| true, &mut |_, _| Continue(())).ok_or("nothing was drawn")?;
        lap(style.name);
        store(&drawn, &folder.join(style.name))?;
    }
    lap("save");
    println!("{:<10} {:6.2} s", "all", begun.elapsed().as_secs_f32());
    Ok(())
}

/// The default style when none is named.
fn styles(names: &[String]) -> Result<Vec<&'static Style>, String> {
    match names {
        [] => Ok(vec![Default::default()]),
        [all] if all == "all" => Ok(Style::all().to_vec()),
        names => {
            names.iter().map(|name| Style::find(name).ok_or_else(|| format!("no style is called {name}"))).collect()
        }
    }
}

fn model(clip: &Clip, file: &Path) -> Result<Model, Box<dyn std::error::Error>> {
    if let Ok(weights) = std::fs::read(file) {
        return Ok(Model::from_bytes(&weights)?);
    }
    let device = Device::choose().devices.remove(0);
    let trained = net::train(clip, &net::Settings::for_device(&device), &device, None, &mut |_, _| Continue(()))?;
    let (first, last) = (trained.curve.first(), trained.curve.last());
    println!("loss {:.3} → {:.3} in {} steps", first.unwrap_or(&0.), last.unwrap_or(&0.), trained.curve.len());
    std::fs::write(file, trained.model.to_bytes()?)?;
    Ok(trained.model)
}

fn store(drawn: &draw::Drawn, folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    save(&folder.join("page.png"), &drawn.page)?;
    save(&folder.join("background.png"), &drawn.background)?;
    for (index, panel) in drawn.panels.iter().enumerate() {
        println!("panel {index}: {}", panel.alt);
        save(&folder.join(format!("panel-{index}.png")), &panel.image)?;
    }
    for (index, cutout) in drawn.cutouts.iter().enumerate() {
        save_rgba(&folder.join(format!("cutout-{index}.png")), cutout)?;
    }
    Ok(())
}

fn save(path: &Path, picture: &Rgb) -> ImageResult<()> {
    let pixel = |x, y| image::Rgb(picture[(x as usize, y as usize)]);
    RgbImage::from_fn(picture.width as u32, picture.height as u32, pixel).save(path)
}

fn save_rgba(path: &Path, picture: &Rgba) -> ImageResult<()> {
    let pixel = |x, y| image::Rgba(picture[(x as usize, y as usize)]);
    RgbaImage::from_fn(picture.width as u32, picture.height as u32, pixel).save(path)
}
