//! The steps from a video to a comic, and which of them is being made.

use crate::job_view::JobView;
use maud::{Markup, html};
use projector::{PhaseStatus, Status};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Done,
    Current,
    Ahead,
    /// The job ended here.
    Broken,
}

impl Step {
    fn class(self) -> &'static str {
        match self {
            Step::Done => "done",
            Step::Current => "current",
            Step::Ahead => "ahead",
            Step::Broken => "broken",
        }
    }

    fn spoken(self) -> &'static str {
        match self {
            Step::Done => "done",
            Step::Current => "now",
            Step::Ahead => "to come",
            Step::Broken => "ended here",
        }
    }
}

pub fn rail(view: &JobView) -> Markup {
    html! {
        ol #rail.rail {
            @for (name, step) in steps(view) {
                li class=(step.class()) aria-current=[(step == Step::Current).then_some("step")] {
                    span { (name) }
                    span.spoken { ", " (step.spoken()) }
                }
            }
        }
    }
}

fn steps(view: &JobView) -> [(&'static str, Step); 6] {
    let job = &view.job;
    let checked = view.video.as_ref().is_some_and(|video| video.facts.is_some()) || view.loss().is_some();
    let trained = job.training_status == PhaseStatus::Succeeded;
    let drawn = job.inference_status == PhaseStatus::Succeeded;
    let finished = job.status == Status::Succeeded;
    let done = [true, checked || trained, trained, drawn, finished, finished];
    let reached = done.iter().position(|done| !done).unwrap_or(done.len());
    let here = match job.status {
        Status::Failed | Status::Canceled => Step::Broken,
        _ => Step::Current,
    };
    let names = ["Upload", "Check", "Learn", "Draw", "Compose", "Done"];
    std::array::from_fn(|i| {
        let step = match i.cmp(&reached) {
            std::cmp::Ordering::Less => Step::Done,
            std::cmp::Ordering::Equal => here,
            std::cmp::Ordering::Greater => Step::Ahead,
        };
        (names[i], step)
    })
}
