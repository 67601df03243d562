//! What is printed.

use crate::measure::{Calm, Figures};

/// Rows so far; each is printed as it comes.
#[derive(Default)]
pub struct Table {
    rows: Vec<Figures>,
    failed: usize,
}

const HEAD: &str = "                          |  flicker %    |  fragments      |  border F     | held |       mask      | J label | seconds\n\
                    sequence                  |  ours  filter |   ours   filter |  ours  filter | out  |   J       F     | J net   | label train infer";

impl Table {
    /// A sequence with masks that cannot be measured counts as one where nothing was found.
    pub fn add<E: std::fmt::Display>(&mut self, name: &str, has_truth: bool, measured: Result<Figures, E>) {
        if self.rows.is_empty() {
            println!("{HEAD}");
        }
        match measured {
            Ok(figures) => {
                print_row(name, &figures);
                figures.advice.iter().for_each(|advice| println!("    {advice}"));
                self.rows.push(figures);
            }
            Err(error) => {
                println!("{name}: {error}");
                self.failed += 1;
                self.rows.push(Figures { mask: has_truth.then_some([0.0; 2]), ..Figures::default() });
            }
        }
    }

    pub fn finish(self) {
        let calm = |pick: fn(&Figures) -> Option<Calm>| {
            let all: Vec<Calm> = self.rows.iter().filter_map(pick).collect();
            let mean = |value: fn(&Calm) -> f32| all.iter().map(value).sum::<f32>() / all.len() as f32;
            (!all.is_empty()).then(|| Calm {
                flicker: mean(|c| c.flicker),
                fragments: mean(|c| c.fragments),
                borders: mean(|c| c.borders),
            })
        };
        let pairs = |pick: fn(&Figures) -> Option<[f32; 2]>| {
            let all: Vec<[f32; 2]> = self.rows.iter().filter_map(pick).collect();
            let mean = |i: usize| all.iter().map(|pair| pair[i]).sum::<f32>() / all.len() as f32;
            (!all.is_empty()).then(|| [mean(0), mean(1)])
        };
        let held: Vec<f32> = self.rows.iter().filter_map(|row| row.held_out).collect();
        let seconds =
            |i: usize| self.rows.iter().map(|row| row.seconds[i]).sum::<f32>() / self.rows.len().max(1) as f32;
        let means = Figures {
            network: calm(|row| row.network),
            filter: calm(|row| row.filter),
            held_out: (!held.is_empty()).then(|| held.iter().sum::<f32>() / held.len() as f32),
            mask: pairs(|row| row.mask),
            parts: pairs(|row| row.parts),
            advice: vec![],
            seconds: [seconds(0), seconds(1), seconds(2)],
        };
        print_row("mean", &means);
        if self.failed > 0 {
            println!("{} could not be measured", self.failed);
        }
        if let Some([j, f]) = means.mask {
            println!("mean F {f:.3}");
            println!("mean J {j:.3}");
        }
    }
}

fn print_row(name: &str, row: &Figures) {
    let number = |value: Option<f32>, width: usize, digits: usize| match value {
        Some(value) => format!("{value:>width$.digits$}"),
        None => format!("{:>width$}", "-"),
    };
    let both = |pick: fn(&Calm) -> f32, width: usize, digits: usize| {
        let [ours, filter] = [&row.network, &row.filter].map(|calm| number(calm.as_ref().map(pick), width, digits));
        format!("{ours} {filter}")
    };
    let pair = |pair: Option<[f32; 2]>| [0, 1].map(|i| number(pair.map(|pair| pair[i]), 6, 3));
    let ([j, f], [label, net], [a, b, c]) = (pair(row.mask), pair(row.parts), row.seconds);
    println!(
        "{name:<25.25} | {} | {} | {} | {} | {j}  {f}  | {label} {net} | {a:5.1} {b:5.1} {c:5.1}",
        both(|c| c.flicker, 6, 2),
        both(|c| c.fragments, 7, 0),
        both(|c| c.borders, 6, 3),
        number(row.held_out, 4, 2),
    );
}
