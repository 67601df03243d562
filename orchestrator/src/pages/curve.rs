//! The loss over training, drawn as SVG.

use crate::job_view::Progress;
use maud::{Markup, html};
use std::fmt::Write;

const WIDTH: f32 = 640.0;
const HEIGHT: f32 = 260.0;
/// Room for the numbers.
const LEFT: f32 = 52.0;
const RIGHT: f32 = 18.0;
const TOP: f32 = 18.0;
const BOTTOM: f32 = 34.0;

/// `curve` runs evenly from the first step to `progress.step`; the axis goes to `progress.of`.
pub fn curve(curve: &[f32], progress: Progress) -> Markup {
    let finite: Vec<f32> = curve.iter().copied().filter(|loss| loss.is_finite()).collect();
    let top = finite.iter().copied().fold(0.0, f32::max);
    let ready = finite.len() >= 2 && top > 0.0;
    let points = if ready { place(&finite, top, progress) } else { vec![] };
    let label = match (finite.first(), finite.last()) {
        (Some(first), Some(last)) if ready => format!("The loss fell from {first:.3} to {last:.3}."),
        _ => "The loss has no curve yet.".to_owned(),
    };
    html! {
        svg.curve viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(label) {
            defs {
                pattern #dots width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    circle.dot cx="4" cy="4" r="2.1" {}
                }
            }
            @for quarter in 1..=4u8 {
                @let y = height_of(f32::from(quarter) / 4.0);
                line.grid x1=(LEFT) y1=(y) x2=(WIDTH - RIGHT) y2=(y) {}
            }
            line.axis x1=(LEFT) y1=(HEIGHT - BOTTOM) x2=(WIDTH - RIGHT) y2=(HEIGHT - BOTTOM) {}
            line.axis x1=(LEFT) y1=(TOP - 8.0) x2=(LEFT) y2=(HEIGHT - BOTTOM) {}
            @if let (Some(first), Some(last)) = (points.first(), points.last()) {
                path.shade d={ (line(&points)) " L " (last.0) " " (HEIGHT - BOTTOM) " L " (first.0) " " (HEIGHT - BOTTOM) " Z" }
                    fill="url(#dots)" {}
                path.line d=(line(&points)) {}
                circle.tip cx=(last.0) cy=(last.1) r="6" {}
                text.value x=(LEFT - 8.0) y=(first.1 + 5.0) text-anchor="end" { (short(finite[0])) }
            } @else {
                text.wait x=(WIDTH / 2.0) y=(HEIGHT / 2.0) text-anchor="middle" { "waiting for the first steps" }
            }
            text.value x=(LEFT - 8.0) y=(HEIGHT - BOTTOM + 5.0) text-anchor="end" { "0" }
            @if progress.of > 0 {
                text.value x=(WIDTH - RIGHT) y=(HEIGHT - 10.0) text-anchor="end" { (progress.of) " steps" }
            }
        }
    }
}

fn height_of(share: f32) -> f32 {
    HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
}

fn place(losses: &[f32], top: f32, progress: Progress) -> Vec<(f32, f32)> {
    let reached = if progress.of == 0 { 1.0 } else { (progress.step as f32 / progress.of as f32).clamp(0.02, 1.0) };
    let across = reached * (WIDTH - LEFT - RIGHT) / (losses.len() - 1) as f32;
    losses.iter().enumerate().map(|(i, loss)| (LEFT + i as f32 * across, height_of(loss / top))).collect()
}

fn line(points: &[(f32, f32)]) -> String {
    let mut path = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(path, "{}{x:.1} {y:.1}", if i == 0 { "M " } else { " L " });
    }
    path
}

/// Three digits are enough beside an axis.
fn short(loss: f32) -> String {
    if loss >= 10.0 { format!("{loss:.0}") } else { format!("{loss:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_reaches_as_far_as_the_training_has_come() {
        let points = place(&[2.0, 1.0], 2.0, Progress { step: 50, of: 100 });
        assert_eq!(points[0], (LEFT, TOP));
        assert_eq!(points[1], (LEFT + (WIDTH - LEFT - RIGHT) / 2.0, (TOP + HEIGHT - BOTTOM) / 2.0));
    }

    #[test]
    fn losses_that_are_no_numbers_are_left_out() {
        let svg = curve(&[f32::NAN, 1.0, f32::INFINITY, 0.5], Progress { step: 1, of: 2 }).into_string();
        assert!(svg.contains("from 1.000 to 0.500") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn without_losses_it_says_so() {
        assert!(curve(&[], Progress::default()).into_string().contains("waiting for the first steps"));
    }
}
