//! A refusal, for people.

use super::layout::{Layout, layout};
use crate::problem::Problem;
use maud::{Markup, html};

pub fn problem(problem: &Problem) -> Markup {
    let head = Layout { title: problem.title, class: "problem", script: None, refresh_s: None };
    layout(
        &head,
        html! {
            section.panel.splash {
                p.burst aria-hidden="true" { (exclamation(problem.status.as_u16())) }
                h1 { (problem.title) }
                p.lead { (problem.detail) }
                p.links { a.button.primary href="/" { "To the start" } }
                p.fine { (problem.status.as_u16()) " " code { (problem.code) } }
            }
        },
    )
}

fn exclamation(status: u16) -> &'static str {
    match status {
        404 => "Where?!",
        403 | 421 => "Halt!",
        503 | 507 => "Phew!",
        500.. => "Crash!",
        _ => "Hmm!",
    }
}
