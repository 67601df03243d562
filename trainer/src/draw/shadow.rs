//! The one shadow shape on skin, and from which side the light comes.

use super::landmarks::{CHIN, JAW, OVAL, at, face_mask, face_size, features, pick};
use crate::raster::clean::{clean_mask, smooth_mask, smoothstep};
use crate::raster::components::{Connectivity, regions};
use crate::raster::filter::{gaussian, sobel};
use crate::raster::resize::{Interpolation, crop, resize};
use crate::raster::{Grid, Mask, Plane};

/// Shadow on skin and the side that light comes from.
pub struct Shadow {
    /// 0 lit, 1 in shadow.
    pub amount: Plane,
    /// -1: light from the left of the picture, 1: from the right.
    pub light: f32,
}

/// The face is judged at this width: a shadow has no finer detail.
const FACE_PIXELS: f32 = 64.0;

/// Finds the shadow on `skin` from the picture's lightness and the faces' meshes (panel pixels).
pub fn shadow(lightness: &Plane, skin: &Mask, faces: &[Vec<[f32; 3]>], unit: f32) -> Shadow {
    let (w, h) = (lightness.width, lightness.height);
    let mut amount = Grid::new(w, h, 0.0f32);
    let mut light = 1.0;
    let mut done = Grid::new(w, h, false);
    for face in faces {
        let Some(found) = FaceLight::read(lightness, skin, face) else { continue };
        light = found.light;
        let shape = found.shape(unit);
        let [x0, y0, x1, y1] = found.area;
        for y in y0..y1 {
            for x in x0..x1 {
                if !done[(x, y)] {
                    amount[(x, y)] = shape[(x - x0, y - y0)];
                    done[(x, y)] = true;
                }
            }
        }
    }
    let rest = Grid::from_data(w, h, skin.data.iter().zip(&done.data).map(|(&s, &d)| s && !d).collect());
    shade_limbs(&mut amount, lightness, &rest, unit);
    Shadow { amount, light }
}

/// A face and its surroundings, made small.
struct FaceLight {
    /// Left, top, right, bottom in panel pixels.
    area: [usize; 4],
    /// The face's landmarks and its width in small pixels.
    points: Vec<[f32; 3]>,
    size: f32,
    panel_size: f32,
    /// Skin that the mesh covers.
    face: Mask,
    lit: Plane,
    /// Share of the surface normal in x, y, z; the mesh's.
    normals: Grid<[f32; 3]>,
    judged: Mask,
    light: f32,
}

impl FaceLight {
    fn read(lightness: &Plane, skin: &Mask, face: &[[f32; 3]]) -> Option<Self> {
        let panel_size = face_size(face);
        let area = surroundings(face, panel_size, skin)?;
        let [x0, y0, x1, y1] = area;
        let shrink = (panel_size / FACE_PIXELS).max(1.0);
        let small = |length: usize| ((length as f32 / shrink) as usize).max(4);
        let (w, h) = (small(x1 - x0), small(y1 - y0));
        let window = [x0 as f32, y0 as f32, (x1 - x0) as f32, (y1 - y0) as f32];
        let points: Vec<[f32; 3]> =
            face.iter().map(|p| [(p[0] - x0 as f32) / shrink, (p[1] - y0 as f32) / shrink, p[2] / shrink]).collect();
        let size = panel_size / shrink;
        let feature = features(w, h, &points);
        let mut bare = crop(&skin.map(|&s| f32::from(u8::from(s))), window, w, h, Interpolation::Area);
        bare.data.iter_mut().zip(&feature.data).for_each(|(b, f)| *b *= 1.0 - f.min(1.0));
        let lit = weighted_blur(&crop(lightness, window, w, h, Interpolation::Area), &bare, 0.06 * size);
        let oval = face_mask(w, h, &points, &OVAL, 1.0).map(|&o| o > 0.5);
        let judged = Grid::from_data(w, h, oval.data.iter().zip(&bare.data).map(|(&o, &b)| o && b > 0.5).collect());
        if judged.data.iter().filter(|&&j| j).count() < 20 {
            return None;
        }
        let normals = normals(&points, size, w, h);
        let light = fit_side(&lit, &normals, &judged);
        Some(Self { area, points, size, panel_size, face: oval, lit, normals, judged, light })
    }

    /// Where it is dark: blurred lightness and the mesh under a light from above, then the neck under the jaw.
    fn shape(&self, unit: f32) -> Plane {
        let darkness = self.brightness();
        let mut sorted: Vec<f32> = self.judged_values(&darkness);
        sorted.sort_by(f32::total_cmp);
        let share = |q: f32| sorted[(q * (sorted.len() - 1) as f32) as usize];
        // between a sixth and two fifths of a face lie in shadow
        let threshold = (-0.62f32).clamp(share(0.16), share(0.42));
        let neck = self.neck();
        let dark = darkness.data.iter().zip(&neck.data).map(|(&v, &n)| if n || v < threshold { 1.0 } else { 0.0 });
        let soft = gaussian(&Grid::from_data(self.lit.width, self.lit.height, dark.collect()), 0.035 * self.size);
        let squared = self.size * self.size;
        let clean = clean_mask(&soft.map(|&s| s > 0.5), 0.03 * squared, 0.02 * squared);
        let round = gaussian(&clean.map(|&c| f32::from(u8::from(c))), 0.03 * self.size);
        let [x0, y0, x1, y1] = self.area;
        let edge = 0.5 * (0.6 * unit / (0.03 * self.panel_size)).min(0.5);
        resize(&round, x1 - x0, y1 - y0, Interpolation::Cubic).map(|&v| smoothstep(v, 0.5 - edge, 0.5 + edge))
    }

    fn judged_values(&self, plane: &Plane) -> Vec<f32> {
        plane.data.iter().zip(&self.judged.data).filter(|(_, j)| **j).map(|(v, _)| *v).collect()
    }

    /// In spreads around the median: what is filmed, and what the mesh would look like; flat light trusts the mesh more.
    fn brightness(&self) -> Plane {
        const LIGHT: [f32; 3] = [0.72, -0.50, 0.55];
        let facing = self.normals.map(|n| n[0] * self.light * LIGHT[0] + n[1] * LIGHT[1] + n[2] * LIGHT[2]);
        let (median, spread) = spread(&mut self.judged_values(&self.lit));
        let (facing_median, facing_spread) = self::spread(&mut self.judged_values(&facing));
        let filmed = ((spread - 0.015) / 0.05).clamp(0.0, 1.0);
        let mut out = self.lit.clone();
        for (i, v) in out.data.iter_mut().enumerate() {
            let seen = ((*v - median) / spread.max(0.035)).clamp(-2.5, 2.5) * (0.35 + 0.65 * filmed);
            let modelled = ((facing.data[i] - facing_median) / facing_spread.max(0.05)).clamp(-2.0, 2.0);
            *v = seen + if self.face.data[i] { modelled * (0.75 - 0.45 * filmed) } else { 0.0 };
        }
        out
    }

    /// The shadow that the jaw casts on the neck, a little longer on the side away from the light.
    fn neck(&self) -> Mask {
        let mut jaw = pick(&self.points, &JAW);
        jaw.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let chin = at(&self.points, CHIN);
        let (left, right) = (jaw[0][0] + 0.06 * self.size, jaw[jaw.len() - 1][0] - 0.06 * self.size);
        let mut neck = Grid::new(self.lit.width, self.lit.height, false);
        for x in (0..neck.width).filter(|&x| (left..right).contains(&(x as f32))) {
            let k = jaw.partition_point(|p| p[0] <= x as f32).clamp(1, jaw.len() - 1);
            let (a, b) = (jaw[k - 1], jaw[k]);
            let jaw_y = a[1] + (b[1] - a[1]) * ((x as f32 - a[0]) / (b[0] - a[0]).max(1e-3)).clamp(0.0, 1.0);
            let reach = 0.30 * self.size + 0.06 * self.light * (chin[0] - x as f32);
            for y in 0..neck.height {
                let (fy, on_face) = (y as f32, self.face[(x, y)] && (y as f32) < jaw_y);
                neck[(x, y)] = fy > jaw_y - 0.01 * self.size && fy < jaw_y + reach && !on_face;
            }
        }
        neck
    }
}

/// The box around a face and its neck; `None` when nearly nothing of it is in the panel.
fn surroundings(face: &[[f32; 3]], size: f32, panel: &Mask) -> Option<[usize; 4]> {
    let ends =
        |axis: usize| face.iter().fold((f32::MAX, f32::MIN), |(low, high), p| (low.min(p[axis]), high.max(p[axis])));
    let ((left, right), (top, bottom)) = (ends(0), ends(1));
    let area = [
        (left - 0.6 * size).max(0.0) as usize,
        (top - 0.6 * size).max(0.0) as usize,
        (right + 0.6 * size).clamp(0.0, panel.width as f32) as usize,
        (bottom + 0.9 * size).clamp(0.0, panel.height as f32) as usize,
    ];
    (area[2] >= area[0] + 8 && area[3] >= area[1] + 8).then_some(area)
}

/// Mean over the surroundings of what counts.
fn weighted_blur(values: &Plane, weight: &Plane, sigma: f32) -> Plane {
    let both = values.data.iter().zip(&weight.data).map(|(v, w)| [v * w, *w]).collect();
    gaussian(&Grid::from_data(values.width, values.height, both), sigma).map(|s| s[0] / (s[1] + 1e-4))
}

/// Surface normals of the mesh: depth at each pixel is the mean of the landmarks near it.
fn normals(points: &[[f32; 3]], size: f32, w: usize, h: usize) -> Grid<[f32; 3]> {
    let reach = 0.07 * size;
    let mut depth = Grid::new(w, h, [0.0f32; 2]);
    let radius = (3.0 * reach).ceil() as i64;
    for p in points {
        let (cx, cy) = (p[0].round() as i64, p[1].round() as i64);
        for y in (cy - radius).max(0)..(cy + radius + 1).min(h as i64) {
            for x in (cx - radius).max(0)..(cx + radius + 1).min(w as i64) {
                let d2 = (x as f32 - p[0]).powi(2) + (y as f32 - p[1]).powi(2);
                let weight = (-d2 / (2.0 * reach * reach)).exp();
                let sum = &mut depth[(x as usize, y as usize)];
                sum[0] += weight * p[2];
                sum[1] += weight;
            }
        }
    }
    let farthest = points.iter().map(|p| p[2]).fold(0.0, f32::max);
    let z = depth.map(|s| if s[1] > 1e-6 { s[0] / s[1] } else { farthest });
    let (gx, gy) = sobel(&gaussian(&z, 0.02 * size));
    let data = gx.data.iter().zip(&gy.data).map(|(&x, &y)| {
        let length = (x * x + y * y + 1.0).sqrt();
        [x / length, y / length, 1.0 / length]
    });
    Grid::from_data(w, h, data.collect())
}

/// Least squares of lightness on the normals; the sign of the slope in x is the side of the light.
fn fit_side(lit: &Plane, normals: &Grid<[f32; 3]>, judged: &Mask) -> f32 {
    let pixels = || (0..lit.data.len()).filter(|&i| judged.data[i]);
    let n = pixels().count().max(1) as f32;
    let mean = |f: &dyn Fn(usize) -> f32| pixels().map(f).sum::<f32>() / n;
    let (ml, mx, my) = (mean(&|i| lit.data[i]), mean(&|i| normals.data[i][0]), mean(&|i| normals.data[i][1]));
    let (mut xy, mut yy, mut xl, mut yl) = (0.0, 1e-6, 0.0, 0.0);
    for i in pixels() {
        let (x, y, l) = (normals.data[i][0] - mx, normals.data[i][1] - my, lit.data[i] - ml);
        xy += x * y;
        yy += y * y;
        xl += x * l;
        yl += y * l;
    }
    // Cramer's rule; only the sign matters and the determinant is positive
    if xl * yy - yl * xy > 0.0 { 1.0 } else { -1.0 }
}

/// Median and standard deviation.
fn spread(values: &mut [f32]) -> (f32, f32) {
    let n = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / n;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt();
    let middle = values.len() / 2;
    let median = if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f32::total_cmp).1 };
    (median, deviation)
}

/// Hands and arms: every part is split at a little under its own median.
fn shade_limbs(amount: &mut Plane, lightness: &Plane, skin: &Mask, unit: f32) {
    let found = regions(skin, Connectivity::Eight);
    for (id, region) in found.regions.iter().enumerate() {
        let area = region.area as f32;
        if !region.value || area < 150.0 * unit * unit {
            continue;
        }
        let (w, h) = (region.x1 - region.x0, region.y1 - region.y0);
        let at = |x: usize, y: usize| (region.x0 + x, region.y0 + y);
        let mut own = Grid::new(w, h, 0.0f32);
        let mut lit = Grid::new(w, h, 0.0f32);
        for y in 0..h {
            for x in 0..w {
                own[(x, y)] = f32::from(u8::from(found.ids[at(x, y)] as usize == id));
                lit[(x, y)] = lightness[at(x, y)];
            }
        }
        let blurred = weighted_blur(&lit, &own, (2.5 * unit).max(0.035 * area.sqrt()));
        let mut values: Vec<f32> =
            blurred.data.iter().zip(&own.data).filter(|(_, o)| **o > 0.0).map(|(v, _)| *v).collect();
        let (median, deviation) = spread(&mut values);
        if deviation < 0.022 {
            continue;
        }
        let dark = blurred.data.iter().zip(&own.data).map(|(v, o)| *o > 0.0 && *v < median - 0.55 * deviation);
        let clean = clean_mask(&Grid::from_data(w, h, dark.collect()), 0.02 * area, 0.02 * area);
        let smooth = smooth_mask(&clean, 1.8 * unit);
        for y in 0..h {
            for x in (0..w).filter(|&x| own[(x, y)] > 0.0) {
                amount[at(x, y)] = smooth[(x, y)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_lit_from_one_side_gets_one_shadow_on_the_other() {
        let skin = Grid::new(120, 60, true);
        let lightness = Grid::from_data(120, 60, (0..7200).map(|i| 0.4 + 0.3 * (i % 120) as f32 / 120.0).collect());
        let found = shadow(&lightness, &skin, &[], 1.0);
        assert!(found.amount[(8, 30)] > 0.9 && found.amount[(110, 30)] < 0.1);
    }

    #[test]
    fn flat_light_leaves_no_shadow_and_no_skin_no_trouble() {
        let flat = Grid::new(50, 50, 0.6);
        assert!(shadow(&flat, &Grid::new(50, 50, true), &[], 1.0).amount.data.iter().all(|&a| a == 0.0));
        shadow(&flat, &Grid::new(50, 50, false), &[vec![[25.0, 25.0, 0.0]; 468]], 1.0);
    }
}
