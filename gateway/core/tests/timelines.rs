//! Every folder of `tests/timelines` is a story: what happened, and what Vigil must make of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

mod rules_support;

use rules_support::Timeline;
use rules_support::run::{Run, Runner};
use rules_support::script::What;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use vigil_core::UtcMillis;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/timelines");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}

fn text(run: &Run) -> String {
    run.lines
        .iter()
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn every_timeline_ends_as_written_down() {
    let bless = std::env::var_os("VIGIL_BLESS").is_some();
    let mut wrong = String::new();
    for folder in folders() {
        let timeline = match Timeline::read(&folder) {
            Ok(timeline) => timeline,
            Err(error) => {
                writeln!(wrong, "{error}").unwrap();
                continue;
            }
        };
        let came = text(&Runner::all(&timeline));
        let expected = folder.join("expected.txt");
        if bless {
            std::fs::write(&expected, &came).unwrap();
        }
        match std::fs::read_to_string(&expected) {
            Ok(wanted) if wanted == came => {}
            Ok(wanted) => writeln!(wrong, "── {}\nexpected\n{wanted}came\n{came}", name(&folder)).unwrap(),
            Err(error) => writeln!(wrong, "{}: {error}", expected.display()).unwrap(),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn there_are_enough_timelines() {
    assert!(folders().len() >= 40, "{} timelines", folders().len());
}

#[test]
fn a_timeline_cut_anywhere_and_restored_ends_the_same() {
    for folder in folders() {
        let timeline = Timeline::read(&folder).unwrap();
        let whole = text(&Runner::all(&timeline));
        // Long ones are cut at a few hundred places.
        let step = timeline.feeds.len().div_ceil(150).max(1);
        for cut in (0..timeline.feeds.len()).step_by(step) {
            let mut runner = Runner::new(&timeline);
            for (index, feed) in timeline.feeds.iter().enumerate() {
                if index == cut && index > 0 {
                    runner.restart();
                }
                runner.feed(feed);
            }
            assert_eq!(
                text(&runner.run),
                whole,
                "{} cut before input {cut}",
                name(&folder)
            );
        }
    }
}

#[test]
fn how_often_the_clock_ticks_changes_nothing() {
    for folder in folders() {
        let timeline = Timeline::read(&folder).unwrap();
        let whole = Runner::all(&timeline);
        let mut runner = Runner::new(&timeline);
        let mut now = None;
        for feed in &timeline.feeds {
            // Not before the first input: that is when listening begins.
            while let Some(UtcMillis(at)) = now.filter(|at| *at < feed.at) {
                runner.tick(UtcMillis(at));
                now = Some(UtcMillis(at + 1_700));
            }
            now = Some(now.unwrap_or(feed.at).max(feed.at));
            runner.feed(feed);
            if matches!(feed.what, What::Restart) {
                now = Some(feed.at);
            }
        }
        assert_eq!(told(&runner.run), told(&whole), "{}", name(&folder));
    }
}

/// Hazards and alarms: their events carry their own time.
fn told(run: &Run) -> Vec<String> {
    let told = |line: &&String| [" alarm ", " hazard "].iter().any(|what| line.contains(what));
    run.lines.iter().filter(told).cloned().collect()
}
