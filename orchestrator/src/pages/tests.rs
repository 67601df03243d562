//! Pages against golden files. `KART_BLESS=1` writes them anew; `KART_PAGES=<folder>` also writes whole pages to look at.

mod sample;

use super::*;
use crate::job_view::JobView;
use std::path::{Path, PathBuf};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// One tag a line, so that a difference can be read.
fn lines(html: &str) -> String {
    html.replace("><", ">\n<") + "\n"
}

#[track_caller]
fn check_job(name: &str, view: &JobView) {
    let html: String = job_fragments(view).into_iter().map(|fragment| fragment.html.into_string()).collect();
    check(&format!("job-{name}.html"), &html);
}

#[track_caller]
fn check(file: &str, html: &str) {
    let path = golden(file);
    if std::env::var_os("KART_BLESS").is_some() {
        std::fs::write(&path, lines(html)).expect("the golden file is written");
    }
    let expected = std::fs::read_to_string(&path).expect("the golden file is there; make it with KART_BLESS=1");
    assert_eq!(lines(html), expected, "{}", path.display());
}

/// From the first heading on: what stands around every page is not looked at here.
fn main_of(html: &str) -> &str {
    html.split_once("<main").and_then(|(_, main)| main.split_once("</main>")).expect("a page has a main part").0
}

#[test]
fn an_audit_of_a_whole_chain() {
    check("audit.html", main_of(&audit::page(&sample::audit::whole()).into_string()));
}

#[test]
fn a_broken_chain_is_shown_where_it_breaks() {
    let html = audit::page(&sample::audit::broken()).into_string();
    assert!(html.contains("The chain is broken"));
    let broken: Vec<_> = html.split("<li").filter(|item| item.contains("does not link to the event before")).collect();
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(broken[0].contains("Drawing handed out"), "the event after the changed one: {}", broken[0]);
}

#[test]
fn a_job_that_waits() {
    check_job("waiting", &sample::waiting());
}

#[test]
fn a_job_in_training() {
    check_job("training", &sample::training());
}

#[test]
fn a_job_that_draws() {
    check_job("drawing", &sample::drawing());
}

#[test]
fn a_job_that_succeeded() {
    check_job("succeeded", &sample::succeeded());
}

#[test]
fn a_job_that_failed() {
    check_job("failed", &sample::failed());
}

#[test]
fn a_job_that_was_stopped() {
    check_job("canceled", &sample::canceled());
}

#[test]
fn every_fragment_is_one_element_that_carries_its_id() {
    for view in [sample::waiting(), sample::training(), sample::drawing(), sample::succeeded(), sample::failed()] {
        for Fragment { id, html } in job_fragments(&view) {
            let html = html.into_string();
            let opening = html.split('>').next().unwrap_or_default();
            assert!(opening.contains(&format!("id=\"{id}\"")), "{opening}");
        }
    }
}

/// Every page, by the name of the file to write it to.
fn all() -> Vec<(&'static str, String)> {
    let missing = Problem::not_found();
    let job = |view: JobView| job::page(&view).into_string();
    vec![
        ("home", home::page(&sample::jobs(), Guest::Known, 4 << 30).into_string()),
        ("home-empty", home::page(&[], Guest::New, 4 << 30).into_string()),
        ("job-waiting", job(sample::waiting())),
        ("job-training", job(sample::training())),
        ("job-drawing", job(sample::drawing())),
        ("job-succeeded", job(sample::succeeded())),
        ("job-failed", job(sample::failed())),
        ("job-canceled", job(sample::canceled())),
        ("comic", comic::page(&sample::comic(), &sample::pictures()).into_string()),
        ("job-audit", audit::page(&sample::audit::whole()).into_string()),
        ("job-audit-broken", audit::page(&sample::audit::broken()).into_string()),
        ("comic-audit", audit::page(&sample::audit::of_comic()).into_string()),
        ("problem", problem(&missing).into_string()),
    ]
}

#[test]
fn no_page_needs_an_inline_script_or_style() {
    for (name, html) in all() {
        let handler = html.split_whitespace().find(|word| word.starts_with("on") && word.contains("=\""));
        assert!(!html.contains(" style=") && !html.contains("<style") && handler.is_none(), "{name}");
        assert!(html.matches("<script").count() == html.matches("<script type=\"module\" src=").count(), "{name}");
    }
}

#[test]
fn what_a_person_typed_stays_text() {
    for (name, html) in all().into_iter().filter(|(name, _)| name.starts_with("job") || name.starts_with("comic")) {
        assert!(html.contains("Rome &amp; me &lt;3") && !html.contains("me <3"), "{name}");
    }
}

#[test]
fn a_comic_among_others_says_what_it_is_drawn_in() {
    let mut again = sample::succeeded().job;
    again.style = "manga".to_owned();
    let html = home::page(&[sample::succeeded().job, again], Guest::Known, 4 << 30).into_string();
    let states: Vec<_> = html.split("class=\"state\">").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    assert!(states[0].ends_with(" · Bold ink") && states[1].ends_with(" · Manga"), "{states:?}");
}

#[test]
fn every_picture_has_a_text_or_says_that_it_needs_none() {
    for (name, html) in all() {
        let pictures = html.split("<img ").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
        pictures.for_each(|picture| assert!(picture.contains("alt="), "{name}: {picture}"));
    }
}

#[test]
fn pages_can_be_looked_at() {
    let Some(folder) = std::env::var_os("KART_PAGES") else { return };
    for (name, html) in all() {
        std::fs::write(Path::new(&folder).join(format!("{name}.html")), html).expect("the page is written");
    }
}
