//! The nose: one hook on the shadow side, the nostrils, and in close-ups a hint of the bridge.

use super::Portrait;
use crate::draw::landmarks::{EyeSide, LEFT, RIGHT};
use crate::draw::point::{add, mix};

/// Beyond this yaw the hook is the far contour, and only the near nostril shows.
const TURNED: f32 = 0.18;
const ONE_NOSTRIL: f32 = 0.30;
/// Beyond this the bridge is a contour too.
const PROFILE: f32 = 0.54;
const NOSTRILS_FROM: f32 = 48.0;
/// On smaller faces the nostril beside the hook would run into it.
const BOTH_FROM: f32 = 105.0;
const BRIDGE_FROM: f32 = 130.0;
/// Along the ridge, from between the brows to the tip.
const RIDGE: [usize; 6] = [6, 197, 195, 5, 4, 1];

pub fn draw(portrait: &mut Portrait) {
    let yaw = portrait.yaw;
    let hook_right = if yaw.abs() > TURNED { yaw < 0.0 } else { portrait.light > 0.0 };
    if yaw.abs() > PROFILE {
        let mut ridge = portrait.pick(&RIDGE);
        ridge.push(portrait.at(2));
        portrait.stroke(&ridge, portrait.line(0.020, 1.2), (0.6, 0.4), 0.95);
    } else {
        draw_hook(portrait, if hook_right { &RIGHT } else { &LEFT });
    }
    if portrait.page_size() > NOSTRILS_FROM {
        for (side, sign) in [(&RIGHT, 1.0), (&LEFT, -1.0)] {
            let in_hook = (sign > 0.0) == hook_right && portrait.page_size() < BOTH_FROM;
            if sign * yaw > -ONE_NOSTRIL && !in_hook {
                draw_nostril(portrait, side);
            }
        }
    }
    if portrait.page_size() > BRIDGE_FROM && yaw.abs() < ONE_NOSTRIL {
        let aside = portrait.step(if hook_right { -0.045 } else { 0.045 }, 0.0);
        let line: Vec<_> = portrait.pick(&[197, 195, 5]).into_iter().map(|p| add(p, aside)).collect();
        portrait.stroke(&line, (0.010 * portrait.size).max(0.9 * portrait.unit), (0.8, 0.5), 0.55);
    }
}

fn draw_hook(portrait: &mut Portrait, side: &EyeSide) {
    let wing = portrait.pick(&side.nose_wing);
    let line = [add(wing[0], portrait.step(0.0, 0.05)), wing[0], wing[1], wing[2], mix(wing[2], wing[3], 0.5)];
    portrait.stroke(&line, portrait.line(0.020, 1.2), (0.6, 0.35), 0.95);
}

fn draw_nostril(portrait: &mut Portrait, side: &EyeSide) {
    let lift = portrait.step(0.0, 0.008);
    let (outer, inner) = (portrait.at(side.nostril[0]), portrait.at(side.nostril[1]));
    let (start, end) = (add(mix(outer, inner, 0.3), lift), add(inner, lift));
    let top = add(mix(start, end, 0.5), portrait.step(0.0, 0.014));
    portrait.stroke(&[start, top, end], portrait.line(0.022, 1.3), (0.4, 0.4), 1.0);
}
