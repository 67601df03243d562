//! Parts of a video: pixels that hang together in space and time.

use crate::raster::Plane;

/// A part with less than this share of the weightiest one's weight goes.
const MINOR: f32 = 0.25;

/// Lowers to `dropped` what is above one half in every part but the weightiest and those nearly so. `weight` says how
/// much each pixel counts. Frames must have one size.
pub(super) fn keep_main(probability: &mut [Plane], weight: &[Plane], dropped: f32) {
    let Some(first) = probability.first() else { return };
    let (width, pixels) = (first.width, first.data.len());
    let inside = |at: usize| probability[at / pixels].data[at % pixels] > 0.5;
    let mut parents: Vec<u32> = (0..(pixels * probability.len()) as u32).collect();
    for at in 0..parents.len() {
        if !inside(at) {
            continue;
        }
        let i = at % pixels;
        let earlier = [(i % width > 0).then(|| at - 1), (i >= width).then(|| at - width), at.checked_sub(pixels)];
        for other in earlier.into_iter().flatten().filter(|&other| inside(other)) {
            let (a, b) = (root(&mut parents, at as u32), root(&mut parents, other as u32));
            parents[a.max(b) as usize] = a.min(b);
        }
    }
    let mut weights = vec![0.0f64; parents.len()];
    for at in 0..parents.len() {
        if inside(at) {
            let part = root(&mut parents, at as u32) as usize;
            weights[part] += f64::from(weight[at / pixels].data[at % pixels]);
        }
    }
    let most = weights.iter().copied().fold(0.0, f64::max);
    for at in 0..parents.len() {
        let part = root(&mut parents, at as u32) as usize;
        let value = &mut probability[at / pixels].data[at % pixels];
        if *value > 0.5 && weights[part] < f64::from(MINOR) * most {
            *value = dropped;
        }
    }
}

fn root(parents: &mut [u32], mut i: u32) -> u32 {
    while parents[i as usize] != i {
        parents[i as usize] = parents[parents[i as usize] as usize];
        i = parents[i as usize];
    }
    i
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_together_over_time_stays_and_flashes_go() {
        let frame = |blocks: &[[usize; 3]]| {
            let mut plane = Plane::new(30, 10, 0.1);
            for &[x0, x1, rows] in blocks {
                (0..rows).for_each(|y| (x0..x1).for_each(|x| plane[(x, y)] = 0.9));
            }
            plane
        };
        let mut frames = [frame(&[[0, 6, 6], [20, 24, 4]]), frame(&[[4, 10, 6]]), frame(&[[8, 14, 6]])];
        let weight = frames.clone();
        keep_main(&mut frames, &weight, 0.2);
        assert!(frames[0][(1, 1)] > 0.8 && frames[1][(5, 1)] > 0.8 && frames[2][(9, 1)] > 0.8);
        assert_eq!(frames[0][(21, 1)], 0.2);
        keep_main(&mut [], &[], 0.2);
    }
}
