//! The room behind: wall, window, shelf and plant, painted once and a little out of focus. Linear light.

use trainer::raster::Grid;
use trainer::raster::filter::gaussian;
use trainer::raster::polygon::Coverage;

pub const WIDTH: usize = 640;
pub const HEIGHT: usize = 480;

type Colour = [f32; 3];
type Point = [f32; 2];

const OUT_OF_FOCUS: f32 = 1.6;
const WHITE_PAINT: Colour = [0.62, 0.60, 0.56];
const WOOD: Colour = [0.30, 0.17, 0.085];
const LEAF: Colour = [0.045, 0.13, 0.04];
const POT: Colour = [0.36, 0.13, 0.07];

/// Left border, width, height and colour of the books on the shelf.
const BOOKS: [(f32, f32, f32, Colour); 9] = [
    (452.0, 14.0, 62.0, [0.30, 0.05, 0.04]),
    (467.0, 11.0, 54.0, [0.50, 0.40, 0.18]),
    (479.0, 17.0, 66.0, [0.05, 0.10, 0.20]),
    (497.0, 9.0, 50.0, [0.45, 0.42, 0.38]),
    (507.0, 13.0, 58.0, [0.07, 0.17, 0.13]),
    (521.0, 12.0, 64.0, [0.42, 0.16, 0.05]),
    (590.0, 15.0, 60.0, [0.08, 0.13, 0.22]),
    (606.0, 12.0, 52.0, [0.40, 0.07, 0.08]),
    (619.0, 16.0, 66.0, [0.45, 0.38, 0.24]),
];

pub struct Room {
    canvas: Grid<Colour>,
}

impl Room {
    pub fn painted() -> Grid<Colour> {
        let mut room = Self { canvas: wall() };
        room.window();
        room.shelf();
        room.plant();
        gaussian(&room.canvas, OUT_OF_FOCUS)
    }

    fn fill(&mut self, outline: &[Point], opacity: f32, colour: impl Fn(f32, f32) -> Colour) {
        let canvas = &mut self.canvas;
        Coverage::polygon(outline, WIDTH, HEIGHT).for_each(|x, y, cover| {
            let (pixel, paint) = (&mut canvas[(x, y)], colour(x as f32, y as f32));
            *pixel = std::array::from_fn(|i| pixel[i] + cover * opacity * (paint[i] - pixel[i]));
        });
    }

    fn block(&mut self, [left, top, right, bottom]: [f32; 4], colour: Colour) {
        // lit from the left, as everything else
        let shade = |x: f32| 1.08 - 0.3 * (x - left) / (right - left);
        self.fill(&rectangle(left, top, right, bottom), 1.0, |x, _| colour.map(|v| v * shade(x)));
    }

    fn window(&mut self) {
        self.block([14.0, -10.0, 176.0, 262.0], WHITE_PAINT);
        for [left, right] in [[26.0, 90.0], [100.0, 164.0]] {
            self.fill(&rectangle(left, -10.0, right, 250.0), 1.0, |_, y| {
                let low = y / 250.0;
                [0.62 + 0.25 * low, 0.76 + 0.14 * low, 0.92 + 0.02 * low]
            });
            let tree_tops: Vec<Point> = (0..=24)
                .map(|i| {
                    let x = left + (right - left) * i as f32 / 24.0;
                    [x, 176.0 + 14.0 * (0.06 * x).sin() + 6.0 * (0.23 * x).cos()]
                })
                .chain([[right, 250.0], [left, 250.0]])
                .collect();
            self.fill(&tree_tops, 0.9, |_, y| [0.22, 0.36, 0.17].map(|v| v * (1.25 - 0.5 * (y - 160.0) / 90.0)));
        }
        self.block([4.0, 262.0, 188.0, 274.0], WHITE_PAINT.map(|v| 1.15 * v));
        self.fill(&rectangle(8.0, 274.0, 186.0, 288.0), 0.35, |_, _| [0.1, 0.1, 0.1]);
    }

    fn shelf(&mut self) {
        const BOARD: f32 = 128.0;
        self.fill(&rectangle(446.0, BOARD + 8.0, 640.0, BOARD + 26.0), 0.3, |_, _| [0.05, 0.05, 0.06]);
        for (left, width, height, colour) in BOOKS {
            self.block([left, BOARD - height, left + width, BOARD], colour);
            let band = colour.map(|v| 0.25 + 0.6 * v);
            self.block([left, BOARD - 0.8 * height, left + width, BOARD - 0.8 * height + 5.0], band);
        }
        self.block([544.0, BOARD - 30.0, 578.0, BOARD], POT);
        for angle in [-1.2f32, -0.75, -0.35, 0.05, 0.45, 0.85, 1.25] {
            self.leaf([561.0, BOARD - 28.0], angle, 40.0, 8.0);
        }
        self.block([440.0, BOARD, 660.0, BOARD + 10.0], WOOD);
    }

    fn plant(&mut self) {
        for (angle, length) in
            [(-1.0f32, 100.0), (-0.62, 135.0), (-0.3, 150.0), (0.02, 165.0), (0.36, 150.0), (0.72, 120.0), (1.1, 95.0)]
        {
            self.leaf([72.0, 432.0], angle, length, 15.0);
        }
        let pot = [[34.0, 424.0], [110.0, 424.0], [100.0, 500.0], [44.0, 500.0]];
        self.fill(&pot, 1.0, |x, _| POT.map(|v| v * (1.3 - 0.9 * (x - 34.0) / 76.0)));
    }

    /// From its foot, `angle` from upright; one half lighter than the other.
    fn leaf(&mut self, foot: Point, angle: f32, length: f32, half_width: f32) {
        let (sin, cos) = angle.sin_cos();
        let rim = |t: f32, side: f32| {
            let wide = side * half_width * (std::f32::consts::PI * t.powf(0.8)).sin().max(0.0);
            let droop = 0.35 * length * t * t * sin.abs();
            [foot[0] + length * t * sin + wide * cos, foot[1] - length * t * cos + wide * sin + droop]
        };
        for (side, bright) in [(-1.0, 1.5), (1.0, 0.8)] {
            let there = (0..=16).map(|i| rim(i as f32 / 16.0, side));
            let back = (0..=16).rev().map(|i| rim(i as f32 / 16.0, 0.0));
            self.fill(&there.chain(back).collect::<Vec<_>>(), 1.0, |_, _| LEAF.map(|v| v * bright));
        }
    }
}

/// Bright where the window's light falls in, darker into the corner.
fn wall() -> Grid<Colour> {
    let mut canvas = Grid::new(WIDTH, HEIGHT, [0.0; 3]);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (u, v) = (x as f32 / WIDTH as f32, y as f32 / HEIGHT as f32);
            let light = 0.86 - 0.42 * u - 0.16 * v + 0.12 * (-8.0 * ((u - 0.4).powi(2) + (v - 0.3).powi(2))).exp();
            canvas[(x, y)] = [0.56 * light, 0.60 * light, 0.57 * light];
        }
    }
    canvas
}

fn rectangle(left: f32, top: f32, right: f32, bottom: f32) -> [Point; 4] {
    [[left, top], [right, top], [right, bottom], [left, bottom]]
}
