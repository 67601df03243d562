//! How much of the figure a panel shows, and the way from working pixels to panel pixels.

use super::landmarks::{CHIN, FOREHEAD};
use crate::raster::filter::Sample;
use crate::raster::resize::{Interpolation, crop};
use crate::raster::{Grid, Plane};

/// From far to near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The whole frame: where the scene plays.
    Long,
    /// The whole figure.
    Full,
    /// Head to waist.
    Medium,
    /// Head and shoulders.
    Close,
    /// The face from brow to chin.
    Extreme,
}

impl Framing {
    pub fn name(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Full => "full",
            Self::Medium => "medium",
            Self::Close => "close",
            Self::Extreme => "extreme",
        }
    }
}

/// A face taller than this share of the frame leaves no room for a medium shot or a long one.
pub const BIG_FACE: f32 = 0.28;
const RIGHT_TEMPLE: usize = 234;
const LEFT_TEMPLE: usize = 454;
const OUTER_EYES: [usize; 2] = [33, 263];

/// Where the figure and its face are in one frame, in working pixels.
pub struct Subject<'a> {
    /// Left, top, right, bottom.
    pub figure: [f32; 4],
    pub face: Option<&'a [[f32; 3]]>,
    pub width: f32,
    pub height: f32,
}

impl Subject<'_> {
    /// The window `[x, y, width, height]` of a framing at the aspect ratio `aspect` (width / height), inside the frame.
    pub fn window(&self, framing: Framing, aspect: f32) -> [f32; 4] {
        let (height, centre) = match self.face {
            Some(points) => self.around_face(framing, points),
            None => self.around_figure(framing),
        };
        let (mut w, mut h) = (height.clamp(2.0, self.height) * aspect, height.clamp(2.0, self.height));
        if w > self.width {
            (w, h) = (self.width, self.width / aspect);
        }
        let corner =
            |centre: f32, extent: f32, length: f32| (centre - extent / 2.0).clamp(0.0, (length - extent).max(0.0));
        [corner(centre[0], w, self.width), corner(centre[1], h, self.height), w, h]
    }

    fn around_figure(&self, framing: Framing) -> (f32, [f32; 2]) {
        let [x0, y0, x1, y1] = self.figure;
        let tall = y1 - y0;
        let height = match framing {
            Framing::Long => return (self.height, [self.width / 2.0, self.height / 2.0]),
            Framing::Full => 1.12 * tall,
            Framing::Medium => 0.62 * tall,
            Framing::Close => 0.42 * tall,
            Framing::Extreme => 0.35 * tall,
        };
        (height, [(x0 + x1) / 2.0, y0 + 0.45 * height])
    }

    fn around_face(&self, framing: Framing, points: &[[f32; 3]]) -> (f32, [f32; 2]) {
        let [x0, y0, x1, y1] = self.figure;
        let (middle, tall) = ((x0 + x1) / 2.0, y1 - y0);
        let mean = |indices: &[usize], axis: usize| {
            indices.iter().map(|&i| points[i][axis]).sum::<f32>() / indices.len() as f32
        };
        let outline = [FOREHEAD, CHIN, RIGHT_TEMPLE, LEFT_TEMPLE];
        let face = [mean(&outline, 0), mean(&outline, 1)];
        let length = (points[FOREHEAD][0] - points[CHIN][0]).hypot(points[FOREHEAD][1] - points[CHIN][1]);
        let big = length > BIG_FACE * self.height;
        match framing {
            Framing::Long => (self.height, [0.2 * self.width + 0.6 * middle, self.height / 2.0]),
            Framing::Full => (1.12 * tall, [middle, (y0 + y1) / 2.0 - 0.022 * tall]),
            Framing::Medium => {
                let height = if big { 0.86 * self.height } else { (3.6 * length).max(0.55 * tall) };
                (height, [0.5 * (middle + face[0]), face[1] - 0.95 * length + height / 2.0])
            }
            Framing::Close => (if big { 1.62 } else { 2.15 } * length, [face[0], face[1] + 0.06 * length]),
            Framing::Extreme => (1.25 * length, [face[0], mean(&OUTER_EYES, 1) + 0.28 * length]),
        }
    }
}

/// A window of the working frame, drawn `width × height` pixels large.
#[derive(Clone, Debug)]
pub struct View {
    /// x, y, width, height in working pixels.
    pub window: [f32; 4],
    pub width: usize,
    pub height: usize,
    /// Width of a working frame.
    pub working_width: usize,
}

/// Pictures are drawn this many times larger, then reduced: that smooths every edge.
pub const SUPERSAMPLING: usize = 2;
/// A page pixel in drawn pixels.
pub const UNIT: f32 = SUPERSAMPLING as f32;

impl View {
    /// A window that becomes `width × height` page pixels.
    pub fn of_page(window: [f32; 4], width: usize, height: usize, working_width: usize) -> Self {
        Self { window, width: width.max(1) * SUPERSAMPLING, height: height.max(1) * SUPERSAMPLING, working_width }
    }

    /// Panel pixels per working pixel.
    pub fn scale(&self) -> f32 {
        self.width as f32 / self.window[2]
    }

    /// The same window at half the panel's size: fine enough for everything that is blurred anyway.
    pub fn half(&self) -> View {
        View { width: (self.width / 2).max(1), height: (self.height / 2).max(1), ..self.clone() }
    }

    /// A landmark in panel pixels.
    pub fn point(&self, p: [f32; 3]) -> [f32; 3] {
        let k = self.scale();
        [(p[0] + 0.5 - self.window[0]) * k - 0.5, (p[1] + 0.5 - self.window[1]) * k - 0.5, p[2] * k]
    }

    /// What the window shows of a frame, which may be larger than the working size.
    pub fn crop<S: Sample>(&self, frame: &Grid<S>, by: Interpolation) -> Grid<S> {
        let k = frame.width as f32 / self.working_width.max(1) as f32;
        crop(frame, self.window.map(|v| v * k), self.width, self.height, by)
    }

    pub fn crop_probability(&self, frame: &Plane, by: Interpolation) -> Plane {
        let mut plane = self.crop(frame, by);
        plane.data.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        plane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Framing; 5] = [Framing::Long, Framing::Full, Framing::Medium, Framing::Close, Framing::Extreme];

    #[test]
    fn every_window_lies_in_the_frame_and_has_the_panels_shape() {
        let mut points = vec![[610.0, 30.0, 0.0]; 468];
        points[FOREHEAD] = [620.0, 2.0, 0.0];
        points[CHIN] = [620.0, 470.0, 0.0];
        for face in [None, Some(points.as_slice())] {
            for figure in [[0.0, 0.0, 640.0, 480.0], [600.0, 470.0, 602.0, 471.0]] {
                let subject = Subject { figure, face, width: 640.0, height: 480.0 };
                for framing in ALL {
                    let [x, y, w, h] = subject.window(framing, 1.4);
                    assert!(x >= 0.0 && y >= 0.0 && x + w <= 640.1 && y + h <= 480.1, "{framing:?}");
                    assert!((w / h - 1.4).abs() < 1e-3);
                }
            }
        }
    }

    #[test]
    fn nearer_framings_show_less() {
        let subject = Subject { figure: [200.0, 40.0, 400.0, 480.0], face: None, width: 640.0, height: 480.0 };
        let heights: Vec<f32> = ALL.iter().map(|&f| subject.window(f, 0.8)[3]).collect();
        assert!(heights.windows(2).all(|pair| pair[0] >= pair[1]), "{heights:?}");
    }
}
