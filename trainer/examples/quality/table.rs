//! What is printed.

use crate::composites::PERSON;
use crate::measure::{Calm, Figures, Kim};

/// Rows so far; each is printed as it comes.
#[derive(Default)]
pub struct Table {
    rows: Vec<Figures>,
    /// J of each composite of a person.
    people: Vec<f32>,
    failed: usize,
}

const HEAD: &str = "                          |       flicker %      |      fragments       |       border F       | Kim's  | held |      mask       |    J of the    |        seconds\n\
     sequence                  |   ours filter    Kim |   ours filter    Kim |   ours filter    Kim | labels | out  |    J       F    | labels    net  | label train infer   Kim";

impl Table {
    /// A sequence with masks that cannot be measured counts as one where nothing was found.
    pub fn add<E: std::fmt::Display>(&mut self, name: &str, has_truth: bool, measured: Result<Figures, E>) {
        if self.rows.is_empty() {
            println!("{HEAD}");
        }
        let figures = match measured {
            Ok(figures) => {
                print_row(name, &figures);
                figures.advice.iter().for_each(|advice| println!("    {advice}"));
                figures
            }
            Err(error) => {
                println!("{name}: {error}");
                self.failed += 1;
                Figures { mask: has_truth.then_some([0.0; 2]), ..Figures::default() }
            }
        };
        self.people.extend(figures.mask.filter(|_| name.starts_with(PERSON)).map(|[j, _]| j));
        self.rows.push(figures);
    }

    pub fn finish(self) {
        let calm = |pick: fn(&Figures) -> Option<Calm>| {
            let all: Vec<Calm> = self.rows.iter().filter_map(pick).collect();
            let of = |value: fn(&Calm) -> f32| mean(all.iter().map(value));
            Some(Calm { flicker: of(|c| c.flicker)?, fragments: of(|c| c.fragments)?, borders: of(|c| c.borders)? })
        };
        let kim = |value: fn(&Kim) -> f32| mean(self.rows.iter().filter_map(|row| row.kim.as_ref()).map(value));
        let pairs = |pick: fn(&Figures) -> Option<[f32; 2]>| {
            let of = |i: usize| mean(self.rows.iter().filter_map(pick).map(|pair| pair[i]));
            Some([of(0)?, of(1)?])
        };
        let seconds = |i: usize| mean(self.rows.iter().map(|row| row.seconds[i])).unwrap_or(0.0);
        let means = Figures {
            network: calm(|row| row.network),
            filter: calm(|row| row.filter),
            kim: calm(|row| Some(row.kim?.calm)).map(|calm| Kim {
                calm,
                labels: kim(|k| k.labels).unwrap_or(0.0),
                seconds: kim(|k| k.seconds).unwrap_or(0.0),
            }),
            held_out: mean(self.rows.iter().filter_map(|row| row.held_out)),
            mask: pairs(|row| row.mask),
            parts: pairs(|row| row.parts),
            advice: vec![],
            seconds: [seconds(0), seconds(1), seconds(2)],
        };
        print_row("mean", &means);
        if self.failed > 0 {
            println!("{} could not be measured", self.failed);
        }
        if let Some(j) = mean(self.people.iter().copied()) {
            println!("mean J of {} people {j:.3}", self.people.len());
        }
        if let Some([j, f]) = means.mask {
            println!("mean F {f:.3}");
            println!("mean J {j:.3}");
        }
    }
}

/// `None` of nothing.
fn mean(values: impl Iterator<Item = f32>) -> Option<f32> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f32)
}

fn print_row(name: &str, row: &Figures) {
    let number = |value: Option<f32>, width: usize, digits: usize| match value {
        Some(value) => format!("{value:>width$.digits$}"),
        None => format!("{:>width$}", "-"),
    };
    let three = |pick: fn(&Calm) -> f32, digits: usize| {
        let each = [row.network, row.filter, row.kim.map(|kim| kim.calm)];
        each.map(|calm| number(calm.as_ref().map(pick), 6, digits)).join(" ")
    };
    let pair = |pair: Option<[f32; 2]>| [0, 1].map(|i| number(pair.map(|pair| pair[i]), 6, 3));
    let ([j, f], [label, net], [a, b, c]) = (pair(row.mask), pair(row.parts), row.seconds);
    println!(
        "{name:<25.25} | {} | {} | {} | {} | {} | {j}  {f}  | {label}  {net} | {a:5.1} {b:5.1} {c:5.1} {}",
        three(|c| c.flicker, 2),
        three(|c| c.fragments, 0),
        three(|c| c.borders, 3),
        number(row.kim.map(|kim| kim.labels), 6, 0),
        number(row.held_out, 4, 2),
        number(row.kim.map(|kim| kim.seconds), 5, 1),
    );
}
