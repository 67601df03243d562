//! Exact Euclidean distance to the nearest marked pixel, and which one that is
//! (Felzenszwalb & Huttenlocher 2012, "Distance transforms of sampled functions").

use rayon::prelude::*;

use super::{Grid, Mask, Plane};

/// For every pixel the nearest pixel of a mask.
#[derive(Clone, Debug)]
pub struct Nearest {
    /// Distance in pixels; 0 on the mask.
    pub distance: Plane,
    /// Index of the nearest pixel into a grid's `data`.
    pub index: Grid<u32>,
}

/// `None` when nothing is marked.
pub fn nearest(mask: &Mask) -> Option<Nearest> {
    if !mask.data.iter().any(|&m| m) {
        return None;
    }
    let (w, h) = (mask.width, mask.height);
    let rows = nearest_in_column(mask);
    let mut distance = Grid::new(w, h, 0.0f32);
    let mut index = Grid::new(w, h, 0u32);
    distance.data.par_chunks_mut(w).zip(index.data.par_chunks_mut(w)).enumerate().for_each_init(
        || Envelope::with_capacity(w),
        |envelope, (y, (distances, indices))| {
            let nearest_row = rows.row(y);
            envelope.build(nearest_row, y);
            let mut k = 0;
            for x in 0..w {
                while k + 1 < envelope.sites.len() && envelope.starts[k + 1] <= x as f32 {
                    k += 1;
                }
                let (column, height) = envelope.sites[k];
                let dx = x as f32 - column as f32;
                distances[x] = (dx * dx + height).sqrt();
                indices[x] = nearest_row[column] * w as u32 + column as u32;
            }
        },
    );
    Some(Nearest { distance, index })
}

const NONE: u32 = u32::MAX;

/// For each pixel the row of the nearest marked pixel in its own column.
fn nearest_in_column(mask: &Mask) -> Grid<u32> {
    let (w, h) = (mask.width, mask.height);
    let mut rows = Grid::new(w, h, NONE);
    for y in 0..h {
        for x in 0..w {
            rows[(x, y)] = match (mask[(x, y)], y) {
                (true, _) => y as u32,
                (false, 0) => NONE,
                (false, _) => rows[(x, y - 1)],
            };
        }
    }
    for y in (0..h.saturating_sub(1)).rev() {
        for x in 0..w {
            let (above, below) = (rows[(x, y)], rows[(x, y + 1)]);
            if below != NONE && (above == NONE || below.abs_diff(y as u32) < above.abs_diff(y as u32)) {
                rows[(x, y)] = below;
            }
        }
    }
    rows
}

/// Lower envelope of the parabolas that stand on the columns of one row.
struct Envelope {
    /// Column, and the parabola's squared height there.
    sites: Vec<(usize, f32)>,
    /// From which x on each site is the nearest.
    starts: Vec<f32>,
}

impl Envelope {
    fn with_capacity(n: usize) -> Self {
        Self { sites: Vec::with_capacity(n), starts: Vec::with_capacity(n) }
    }

    fn build(&mut self, nearest_row: &[u32], y: usize) {
        self.sites.clear();
        self.starts.clear();
        for (x, &row) in nearest_row.iter().enumerate().filter(|(_, row)| **row != NONE) {
            let dy = row.abs_diff(y as u32) as f32;
            let height = dy * dy;
            let mut start = f32::NEG_INFINITY;
            while let Some(&(sx, sh)) = self.sites.last() {
                let (a, b) = (x as f32, sx as f32);
                let meet = ((height + a * a) - (sh + b * b)) / (2.0 * (a - b));
                if meet > self.starts[self.starts.len() - 1] {
                    start = meet;
                    break;
                }
                self.sites.pop();
                self.starts.pop();
            }
            self.sites.push((x, height));
            self.starts.push(start);
        }
    }
}

/// Distance to the mask in pixels; `width + height` everywhere when nothing is marked.
pub fn distance(mask: &Mask) -> Plane {
    let far = (mask.width + mask.height) as f32;
    nearest(mask).map_or_else(|| Grid::new(mask.width, mask.height, far), |found| found.distance)
}

/// Distance to the border of the mask: positive inside, negative outside.
pub fn signed_distance(mask: &Mask) -> Plane {
    let (outside, inside) = (distance(mask), distance(&mask.map(|m| !m)));
    let data = outside.data.iter().zip(&inside.data).map(|(o, i)| if *o > 0.0 { -o } else { *i }).collect();
    Grid::from_data(mask.width, mask.height, data)
}

/// Every unmarked pixel takes the value of the nearest marked one. Nothing marked: nothing changes.
pub fn fill_from_nearest<T: Copy + Send + Sync>(picture: &Grid<T>, marked: &Mask) -> Grid<T> {
    match nearest(marked) {
        Some(found) => found.index.map(|&i| picture.data[i as usize]),
        None => picture.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_agree_with_trying_every_pair() {
        let mask = Grid::from_data(23, 19, (0..437).map(|i| i * 7919 % 1013 < 25).collect());
        let found = nearest(&mask).unwrap();
        let marked: Vec<(i64, i64)> =
            (0..437).filter(|&i| mask.data[i]).map(|i| ((i % 23) as i64, (i / 23) as i64)).collect();
        for y in 0..19i64 {
            for x in 0..23i64 {
                let best = marked.iter().map(|(mx, my)| (mx - x).pow(2) + (my - y).pow(2)).min().unwrap();
                let at = (x as usize, y as usize);
                assert!((found.distance[at] - (best as f32).sqrt()).abs() < 1e-3);
                let i = found.index[at] as i64;
                assert!(mask.data[i as usize]);
                assert_eq!((i % 23 - x).pow(2) + (i / 23 - y).pow(2), best);
            }
        }
    }

    #[test]
    fn an_empty_mask_is_far_from_everything() {
        assert!(nearest(&Grid::new(4, 3, false)).is_none());
        assert_eq!(distance(&Grid::new(4, 3, false)).data, vec![7.0; 12]);
    }

    #[test]
    fn signed_distance_changes_sign_at_the_border() {
        let signed = signed_distance(&Grid::from_data(6, 1, vec![false, false, true, true, true, false]));
        assert_eq!(signed.data, [-2.0, -1.0, 1.0, 2.0, 1.0, -1.0]);
    }
}
