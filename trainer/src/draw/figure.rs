//! The figure of one frame, drawn as a view shows it: mask, labels, tones, ink, faces, in that order.

use std::collections::BTreeMap;

use super::cloth;
use super::face::draw_face;
use super::finish::Layers;
use super::framing::{UNIT, View};
use super::hair::{HAIR, take_ends};
use super::hand::Hands;
use super::ink::{boundary_ink, drop_short, fold_ink, seen_steps, silhouette_ink};
use super::labels::{Choice, label_map};
use super::landmarks::{NOSE_TIP, OVAL, at, face_mask, face_size};
use super::mask;
use super::materials::{Material, skin_label};
use super::scene::{Scene, sample};
use super::shading::{Cloths, STEP};
use super::shadow::shadow;
use super::skin::{self, Seen};
use super::strands::{Lie, Strands};
use crate::raster::clean::{clean_labels, smooth_mask, smoothstep};
use crate::raster::colour::{lightness, srgb, to_float, to_lab, to_rgb, to_srgb};
use crate::raster::distance::nearest;
use crate::raster::filter::{bilateral, gaussian};
use crate::raster::morphology::{dilate, erode, maximum, minimum};
use crate::raster::resize::Interpolation;
use crate::raster::{Grid, Lab, Mask, Plane};

/// Faces narrower than this many page pixels get no features.
const SMALLEST_FACE: f32 = 16.0;

/// Hair darker than this would not show dark lines.
const DARK_HAIR: f32 = 0.30;

/// How far below a face its neck is, in face widths.
const NECK: f32 = 0.5;

/// The drawn figure, at drawing size, before anything is behind it.
pub struct Figure {
    /// Without the outline, in the style's colours.
    pub layers: Layers,
    /// Cover, 0..1.
    pub cover: Plane,
    /// The outline's ink, partly outside the cover.
    pub outline: Plane,
    /// Signed distance to the outline, positive inside.
    pub distance: Plane,
    /// Where lines of speed come from: the face, or the figure's middle.
    pub focus: (f32, f32),
}

impl Figure {
    /// The ink inside and the outline's.
    pub fn all_ink(&self) -> Plane {
        let ink = self.layers.ink.data.iter().zip(&self.cover.data).zip(&self.outline.data);
        let all = ink.map(|((ink, cover), outline)| 1.0 - (1.0 - ink * cover) * (1.0 - outline)).collect();
        Grid::from_data(self.cover.width, self.cover.height, all)
    }
}

/// What of a frame the view shows, enlarged and rid of noise.
fn look(scene: &Scene, frame: usize, view: &View) -> Lab {
    let source = &scene.clip().source[frame];
    let quiet = bilateral(source, 2, 16.0, 2.0);
    to_lab(&to_rgb(&view.crop(&to_float(&quiet), Interpolation::Cubic)))
}

/// Draws the figure of one frame as the view shows it.
pub fn draw_figure(scene: &Scene, frame: usize, view: &View) -> Figure {
    let picture = look(scene, frame, view);
    let mut cover = mask::sharpened(&scene.alpha[frame], view, &picture, UNIT);
    let faces = faces_in(scene, frame, view, &cover);
    for face in &faces {
        // never a hole in a face
        let oval = face_mask(view.width, view.height, face, &OVAL, 0.93).map(|&o| o > 0.5);
        cover.data.iter_mut().zip(&smooth_mask(&oval, 1.6 * UNIT).data).for_each(|(c, o)| *c = c.max(*o));
    }
    let edge = (5.0 * UNIT).max(1.6 * view.scale());
    let inner = erode(&cover.map(|&c| c > 0.5), edge);
    let mut parts = parts(scene, frame, view, &picture, &cover, &inner, &faces, edge);
    let light = lightness(&picture);
    let hands = hands_in(scene, frame, view, &parts.skin);
    hands.settle(
        &mut cover,
        &mut parts.labels,
        &mut parts.skin,
        skin_label(scene.character.palette),
        &necks(view, &faces),
    );
    let shade = shadow(&light, &parts.skin, &faces, UNIT);
    let hair = parts.labels.map(|&l| l == HAIR);
    let lie = scene.hair.as_ref().map(|found| (Lie::read(&hair, &light, &faces, UNIT), &found.material));
    if let Some((lie, _)) = &lie {
        add_locks(&lie.locks(&cover), &mut cover, &mut parts);
    }
    let source = &scene.clip().source[frame];
    let upsampling = view.scale() * scene.clip().width as f32 / source.width.max(1) as f32;
    let whole = [HAIR, skin_label(scene.character.palette)];
    let steps = seen_steps(&picture, upsampling, UNIT);
    let mut cloths = Cloths::read(&parts.labels, &parts.materials, &whole, &steps, UNIT);
    parts.labels = cloths.rounded(&parts.labels, UNIT);
    let mut toned = cloth::colour(&parts.labels, &parts.materials, &light, &inner, UNIT);
    for i in (0..toned.data.len()).filter(|&i| parts.skin.data[i]) {
        let (lit, dark, s) = (scene.skin.light, scene.skin.shadow, shade.amount.data[i]);
        toned.data[i] = std::array::from_fn(|k| lit[k] + s * (dark[k] - lit[k]));
    }
    if let Some((lie, material)) = &lie {
        let fringe = lie.fringe(&parts.skin);
        let base = material.tones[0];
        for (pixel, &amount) in toned.data.iter_mut().zip(&fringe.data) {
            *pixel = std::array::from_fn(|k| pixel[k] + amount * (base[k] - pixel[k]));
        }
        lay_strands(&mut toned, &lie.strands(&cover, shade.light), material);
    }
    let (outline, distance) = silhouette_ink(&cover, shade.light, UNIT, scene.style.pens.outline);
    if let Some((lie, _)) = &lie {
        lie.open_hairline(&mut cloths.strength, &parts.skin);
    }
    let mut ink = inner_ink(scene, view, &parts, &cloths.strength, &light, upsampling, &cover, &distance, &faces);
    hands.lay_ink(&mut ink);
    let mut layers = Layers { colour: to_srgb(&toned), ink };
    let faceless = layers.clone();
    draw_faces(scene, &mut layers, &faces, &picture, &parts.skin, &cover, shade.light);
    hands.uncover(&mut layers, &faceless);
    scene.style.figure.apply(&mut layers.colour);
    let focus = focus(&faces, view, &scene.subject(frame).figure);
    Figure { layers, cover, outline, distance, focus }
}

/// Faces in panel pixels that are in the view, on the figure and large enough.
fn faces_in(scene: &Scene, frame: usize, view: &View, cover: &Plane) -> Vec<Vec<[f32; 3]>> {
    let in_view = |face: &Vec<[f32; 3]>| {
        let [x, y] = at(face, NOSE_TIP);
        let inside = x >= 0.0 && y >= 0.0 && x < view.width as f32 && y < view.height as f32;
        inside && sample(cover, [x, y]) > 0.5 && face_size(face) > SMALLEST_FACE * UNIT
    };
    let moved = scene.faces(frame).map(|face| face.iter().map(|&p| view.point(p)).collect());
    moved.filter(in_view).collect()
}

fn hands_in(scene: &Scene, frame: usize, view: &View, skin: &Mask) -> Hands {
    let points: Vec<_> = scene.hands(frame).iter().map(|hand| hand.points.map(|p| view.point(p))).collect();
    Hands::draw(&points, skin, UNIT, scene.style.pens.borders)
}

/// Faces and what is just below them: skin that belongs to no hand.
fn necks(view: &View, faces: &[Vec<[f32; 3]>]) -> Mask {
    let lowered = faces.iter().map(|face| face.iter().map(|p| [p[0], p[1] + NECK * face_size(face), p[2]]).collect());
    let both: Vec<Vec<[f32; 3]>> = faces.iter().cloned().chain(lowered).collect();
    face_ovals(view, &both, 1.05).map(|&oval| oval > 0.5)
}

fn focus(faces: &[Vec<[f32; 3]>], view: &View, figure: &[f32; 4]) -> (f32, f32) {
    match faces.first() {
        Some(face) => at(face, NOSE_TIP).into(),
        None => {
            let middle = view.point([(figure[0] + figure[2]) / 2.0, 0.0, 0.0])[0];
            (middle, 0.4 * view.height as f32)
        }
    }
}

/// Labels of every pixel, skin among them, and the materials that they stand for.
struct Parts {
    labels: Grid<i16>,
    skin: Mask,
    materials: BTreeMap<i16, Material>,
}

#[expect(clippy::too_many_arguments, reason = "all of it is the panel at hand")]
fn parts(
    scene: &Scene,
    frame: usize,
    view: &View,
    picture: &Lab,
    cover: &Plane,
    inner: &Mask,
    faces: &[Vec<[f32; 3]>],
    edge: f32,
) -> Parts {
    let palette = scene.character.palette;
    let logits = (scene.character.logits)(frame);
    let choice = Choice {
        first: palette.background,
        last: palette.colours.len(),
        group: &scene.materials.group,
        blur: 2.2 * UNIT,
        colour: 0.9,
    };
    let labels = label_map(&choice, palette, &logits, &scene.alpha[frame], cover, view, picture);
    let labels = clean_labels(&labels, 110.0 * UNIT * UNIT);
    let labels = without_edge_bleed(labels, inner, 1.7 * edge);
    let label = skin_label(palette);
    let seen = Seen { picture, cover, faces, unit: UNIT, greyscale: scene.materials.greyscale };
    let skin = skin::settle(labels.map(|&l| l == label), &seen, &scene.skin);
    let others: Vec<([f32; 3], i16)> = (palette.first_cloth()..palette.colours.len())
        .map(|i| (palette.colours[i], scene.materials.group[i]))
        .filter(|other| other.1 != label)
        .collect();
    let mut labels = skin::relabel(&labels, &skin, label, picture, &others);
    let mut materials = scene.materials.cloth.clone();
    materials.insert(label, Material::flat(scene.skin.light));
    if let Some(hair) = &scene.hair {
        let found = hair.find(view, picture, cover, &skin, faces, UNIT);
        labels.data.iter_mut().zip(&found.data).filter(|(_, f)| **f).for_each(|(l, _)| *l = HAIR);
        // shine and lines come from the way hair lies, not from blotches of light
        materials.insert(HAIR, Material::flat(hair.material.tones[0]));
    }
    let mut labels = clean_labels(&labels, 110.0 * UNIT * UNIT);
    if let Some(hair) = &scene.hair {
        take_ends(&mut labels, &materials, &hair.material, faces);
    }
    skin::lit_by_cloth(&mut labels, &[label, HAIR], label, faces);
    let skin = labels.map(|&l| l == label);
    Parts { labels, skin, materials }
}

/// Pixels beside the silhouette mix with the background: they take the label of what is a little further inside.
fn without_edge_bleed(labels: Grid<i16>, inner: &Mask, reach: f32) -> Grid<i16> {
    let Some(found) = nearest(inner) else { return labels };
    let data = labels
        .data
        .iter()
        .enumerate()
        .map(|(i, &l)| if found.distance.data[i] < reach { labels.data[found.index.data[i] as usize] } else { l });
    Grid::from_data(labels.width, labels.height, data.collect())
}

/// Borders between materials, and folds away from them.
#[expect(clippy::too_many_arguments, reason = "all of it is the panel at hand")]
fn inner_ink(
    scene: &Scene,
    view: &View,
    parts: &Parts,
    strength: &Plane,
    light: &Plane,
    upsampling: f32,
    cover: &Plane,
    distance: &Plane,
    faces: &[Vec<[f32; 3]>],
) -> Plane {
    let borders = boundary_ink(strength, UNIT, scene.style.pens.borders, (STEP, 0.28));
    let mut folds = fold_ink(light, upsampling, UNIT);
    let near_border = gaussian(&dilate(&borders.map(|&b| b > 0.3), 4.5 * UNIT).map(|&n| f32::from(u8::from(n))), UNIT);
    let inside = minimum(cover, 1);
    let skin = gaussian(&maximum(&parts.skin.map(|&s| f32::from(u8::from(s))), 1), UNIT);
    let on_face = face_ovals(view, faces, 1.04);
    let page_upsampling = (upsampling / UNIT).max(1.0);
    for i in 0..folds.data.len() {
        let hair = parts.labels.data[i] == HAIR;
        let quiet = if hair { 0.0 } else { 1.0 - on_face.data[i] * skin.data[i] };
        let deep = smoothstep(distance.data[i], 4.0 * UNIT + 3.0 * page_upsampling, 7.0 * UNIT + 4.0 * page_upsampling);
        folds.data[i] *= quiet * inside.data[i] * (1.0 - near_border.data[i]) * deep;
    }
    let folds = drop_short(&folds, 26.0 * UNIT, 0.9);
    let data = borders
        .data
        .iter()
        .zip(&folds.data)
        .zip(&distance.data)
        .map(|((b, f), d)| b.max(scene.style.pens.folds * *f) * smoothstep(*d, -UNIT, UNIT));
    Grid::from_data(view.width, view.height, data.collect())
}

fn face_ovals(view: &View, faces: &[Vec<[f32; 3]>], factor: f32) -> Plane {
    let mut all = Grid::new(view.width, view.height, 0.0f32);
    for face in faces {
        let oval = face_mask(view.width, view.height, face, &OVAL, factor);
        all.data.iter_mut().zip(&oval.data).for_each(|(a, o)| *a = a.max(*o));
    }
    all
}

/// What stands off the figure is hair, and the figure's.
fn add_locks(locks: &Plane, cover: &mut Plane, parts: &mut Parts) {
    for (i, &lock) in locks.data.iter().enumerate() {
        if lock > cover.data[i] {
            (cover.data[i], parts.labels.data[i], parts.skin.data[i]) = (lock, HAIR, false);
        }
    }
}

/// Lines are darker than hair, or lighter where it is too dark to show them; the shine is lighter.
fn lay_strands(toned: &mut Lab, strands: &Strands, hair: &Material) {
    let [l, a, b] = hair.tones[0];
    let line = if l < DARK_HAIR { [l + 0.10, a, b] } else { [0.55 * l, 0.8 * a, 0.8 * b] };
    let shine = [l + 0.13, 0.9 * a, 0.9 * b];
    for ((pixel, &bright), &dark) in toned.data.iter_mut().zip(&strands.shine.data).zip(&strands.lines.data) {
        for (amount, colour) in [(bright, shine), (dark, line)] {
            *pixel = std::array::from_fn(|k| pixel[k] + amount * (colour[k] - pixel[k]));
        }
    }
}

fn draw_faces(
    scene: &Scene,
    layers: &mut Layers,
    faces: &[Vec<[f32; 3]>],
    picture: &Lab,
    skin: &Mask,
    cover: &Plane,
    light: f32,
) {
    let (lit, dark) = (srgb(scene.skin.light), srgb(scene.skin.shadow));
    for face in faces {
        let oval = face_mask(cover.width, cover.height, face, &OVAL, 1.0);
        let neck = skin
            .data
            .iter()
            .zip(&cover.data)
            .zip(&oval.data)
            .map(|((&s, &c), &o)| f32::from(u8::from(s && c > 0.5 && o <= 0.5)));
        let neck = Grid::from_data(cover.width, cover.height, neck.collect());
        draw_face(layers, face, picture, UNIT, lit, dark, light, &neck, scene.brow_delta(face));
    }
}
