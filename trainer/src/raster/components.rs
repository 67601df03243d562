//! Connected regions of equal value, with their sizes (union-find over pixels).

use super::{Grid, Mask};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connectivity {
    /// Left, right, up, down.
    Four,
    /// Those and the diagonals.
    Eight,
}

/// One region: pixels `x0..x1`, `y0..y1` enclose it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region<T> {
    pub value: T,
    pub area: usize,
    pub x0: usize,
    pub y0: usize,
    pub x1: usize,
    pub y1: usize,
}

/// Every pixel's region, and the regions in order of their first pixel.
#[derive(Clone, Debug)]
pub struct Regions<T> {
    pub ids: Grid<u32>,
    pub regions: Vec<Region<T>>,
}

impl<T: Copy> Regions<T> {
    /// Share of each region's border, 0..1, beyond which `counts` likes the value. The picture's edge is no border.
    pub fn border_share(&self, counts: impl Fn(T) -> bool) -> Vec<f32> {
        let (w, h) = (self.ids.width, self.ids.height);
        let mut borders = vec![(0u32, 0u32); self.regions.len()];
        for i in 0..w * h {
            let right = (i % w + 1 < w).then_some(i + 1);
            let below = (i / w + 1 < h).then_some(i + w);
            for j in right.into_iter().chain(below) {
                let (a, b) = (self.ids.data[i] as usize, self.ids.data[j] as usize);
                for (here, there) in [(a, b), (b, a)].into_iter().filter(|(here, there)| here != there) {
                    borders[here].0 += 1;
                    borders[here].1 += u32::from(counts(self.regions[there].value));
                }
            }
        }
        borders.into_iter().map(|(all, counted)| counted as f32 / all.max(1) as f32).collect()
    }
}

/// Regions of equal value, of *all* values: for a mask both the parts and the holes (`value` tells which).
pub fn regions<T: Copy + PartialEq>(picture: &Grid<T>, connectivity: Connectivity) -> Regions<T> {
    let (w, h) = (picture.width, picture.height);
    let mut parents: Vec<u32> = Vec::new();
    let mut ids = Grid::new(w, h, 0u32);
    for y in 0..h {
        for x in 0..w {
            let value = picture[(x, y)];
            let mut mine = None;
            let mut join =
                |other: u32, parents: &mut [u32]| mine = Some(mine.map_or(other, |m| unite(parents, m, other)));
            if x > 0 && picture[(x - 1, y)] == value {
                join(ids[(x - 1, y)], &mut parents);
            }
            if y > 0 && picture[(x, y - 1)] == value {
                join(ids[(x, y - 1)], &mut parents);
            }
            if connectivity == Connectivity::Eight && y > 0 {
                if x > 0 && picture[(x - 1, y - 1)] == value {
                    join(ids[(x - 1, y - 1)], &mut parents);
                }
                if x + 1 < w && picture[(x + 1, y - 1)] == value {
                    join(ids[(x + 1, y - 1)], &mut parents);
                }
            }
            ids[(x, y)] = mine.unwrap_or_else(|| {
                parents.push(parents.len() as u32);
                parents.len() as u32 - 1
            });
        }
    }
    number(picture, ids, parents)
}

fn root(parents: &mut [u32], mut i: u32) -> u32 {
    while parents[i as usize] != i {
        parents[i as usize] = parents[parents[i as usize] as usize];
        i = parents[i as usize];
    }
    i
}

fn unite(parents: &mut [u32], a: u32, b: u32) -> u32 {
    if a == b {
        return a;
    }
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b) as usize] = a.min(b);
    a.min(b)
}

fn number<T: Copy>(picture: &Grid<T>, mut ids: Grid<u32>, mut parents: Vec<u32>) -> Regions<T> {
    // roots come before their members, so one walk gives final numbers
    let mut numbers = vec![0u32; parents.len()];
    let mut count = 0;
    for i in 0..parents.len() as u32 {
        let r = root(&mut parents, i);
        numbers[i as usize] = if r == i { count } else { numbers[r as usize] };
        count += u32::from(r == i);
    }
    let mut regions: Vec<Option<Region<T>>> = vec![None; count as usize];
    for y in 0..ids.height {
        for x in 0..ids.width {
            let id = numbers[ids[(x, y)] as usize];
            ids[(x, y)] = id;
            let value = picture[(x, y)];
            let region =
                regions[id as usize].get_or_insert(Region { value, area: 0, x0: x, y0: y, x1: x + 1, y1: y + 1 });
            region.area += 1;
            region.x0 = region.x0.min(x);
            region.x1 = region.x1.max(x + 1);
            region.y1 = y + 1;
        }
    }
    Regions { ids, regions: regions.into_iter().flatten().collect() }
}

/// The largest connected part of a mask; an empty mask stays empty.
pub fn largest(mask: &Mask) -> Mask {
    let found = regions(mask, Connectivity::Eight);
    let best = (0..found.regions.len()).filter(|&i| found.regions[i].value).max_by_key(|&i| found.regions[i].area);
    found.ids.map(|&id| Some(id as usize) == best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        Grid::from_data(rows[0].len(), rows.len(), rows.iter().flat_map(|r| r.bytes().map(|b| b == b'#')).collect())
    }

    #[test]
    fn a_border_is_counted_by_what_lies_beyond() {
        let found = regions(&Grid::from_data(4, 2, vec![1, 1, 2, 3, 1, 1, 2, 3]), Connectivity::Four);
        assert_eq!(found.border_share(|value| value == 1), [0.0, 0.5, 0.0]);
        assert_eq!(regions(&Grid::new(3, 3, 1), Connectivity::Four).border_share(|_| true), [0.0]);
    }

    #[test]
    fn a_spiral_is_one_region_and_its_box_is_right() {
        let found = regions(&mask(&["####.", "...#.", ".#.#.", ".###.", "....."]), Connectivity::Four);
        let parts: Vec<_> = found.regions.iter().filter(|r| r.value).collect();
        assert_eq!(parts.len(), 1);
        assert_eq!((parts[0].area, parts[0].x0, parts[0].y0, parts[0].x1, parts[0].y1), (10, 0, 0, 4, 4));
    }

    #[test]
    fn diagonal_neighbours_join_only_with_eight() {
        let picture = mask(&["#..", ".#.", "..#"]);
        let count = |c| regions(&picture, c).regions.iter().filter(|r| r.value).count();
        assert_eq!((count(Connectivity::Four), count(Connectivity::Eight)), (3, 1));
    }

    #[test]
    fn every_pixel_carries_its_own_regions_value() {
        let labels = Grid::from_data(31, 17, (0..527).map(|i| (i * i / 7 % 3) as i16).collect());
        let found = regions(&labels, Connectivity::Four);
        assert!(labels.data.iter().zip(&found.ids.data).all(|(v, &id)| found.regions[id as usize].value == *v));
        assert_eq!(found.regions.iter().map(|r| r.area).sum::<usize>(), 527);
    }

    #[test]
    fn the_largest_part_wins_and_nothing_stays_nothing() {
        let kept = largest(&mask(&["##..#", "##..."]));
        assert_eq!(kept.data.iter().filter(|&&b| b).count(), 4);
        assert!(!largest(&Grid::new(3, 3, false)).data.iter().any(|&b| b));
    }
}
