//! How far pixels are from the picture's border, going round what moves and over few edges (Wang et al. 2015,
//! "Saliency-Aware Geodesic Video Object Segmentation").

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::raster::Plane;

/// A pixel to go on from, the nearest first.
struct Reached(f32, usize);

impl PartialEq for Reached {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Reached {}
impl PartialOrd for Reached {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Reached {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0).then(other.1.cmp(&self.1))
    }
}

/// Least sum of `cost` on a way from one of `starts` to each pixel (Dijkstra, eight neighbours); the largest finite one
/// where no way leads.
pub(in crate::teach) fn distance(cost: &Plane, starts: impl Iterator<Item = usize>) -> Plane {
    let (width, height) = (cost.width, cost.height);
    let mut out = Plane::new(width, height, f32::INFINITY);
    let mut heap: BinaryHeap<Reached> = starts.map(|i| Reached(0.0, i)).collect();
    heap.iter().for_each(|reached| out.data[reached.1] = 0.0);
    while let Some(Reached(far, i)) = heap.pop() {
        if far > out.data[i] {
            continue;
        }
        let (x, y) = (i % width, i / width);
        for ny in y.saturating_sub(1)..(y + 2).min(height) {
            for nx in x.saturating_sub(1)..(x + 2).min(width) {
                let j = ny * width + nx;
                let length = if nx != x && ny != y { std::f32::consts::SQRT_2 } else { 1.0 };
                let there = far + 0.5 * length * (cost.data[i] + cost.data[j]);
                if there < out.data[j] {
                    out.data[j] = there;
                    heap.push(Reached(there, j));
                }
            }
        }
    }
    let most = out.data.iter().copied().filter(|d| d.is_finite()).fold(0.0, f32::max);
    out.data.iter_mut().filter(|d| !d.is_finite()).for_each(|d| *d = most);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walled_place_is_far_and_a_gap_makes_it_near() {
        let mut cost = Plane::new(21, 21, 0.01);
        for i in 5..16 {
            [(i, 5), (i, 15), (5, i), (15, i)].into_iter().for_each(|at| cost[at] = 5.0);
        }
        let border = || (0..21).flat_map(|i| [i, 20 * 21 + i]);
        assert!(distance(&cost, border())[(10, 10)] > 4.0);
        cost[(5, 10)] = 0.01;
        let near = distance(&cost, border())[(10, 10)];
        assert!((0.1..0.3).contains(&near), "{near}");
        assert!(distance(&cost, std::iter::empty()).data.iter().all(|&d| d == 0.0));
    }
}
