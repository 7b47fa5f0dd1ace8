//! The pages in a real browser: nothing sticks out, nothing is refused by the content policy, the forms
//! work without scripts. With `VIGIL_SCREENSHOTS=dir` every page is kept as a picture to look at.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use vigil_tests::browser::Browser;
use vigil_tests::process::{Process, binary};
use vigil_tests::{Api, Place};

/// A phone and a desk.
const WIDTHS: [u32; 2] = [390, 1280];

/// The demonstration site after its story.
struct Demo {
    _process: Process,
    base: String,
    token: String,
    hazards: Vec<String>,
}

fn demo(place: &Place) -> Demo {
    let data = place.dir("data");
    let mut command = Command::new(binary("vigil"));
    command
        .args([
            "demo",
            "--speed",
            "20",
            "--lang",
            "en",
            "--http",
            "127.0.0.1:0",
            "--data",
        ])
        .arg(&data);
    let mut process = Process::start("vigil demo", command.current_dir(place.path()));
    let line = process.wait_for("http://", Duration::from_secs(60));
    let base = line[line.find("http://").unwrap()..]
        .trim()
        .trim_end_matches('/')
        .to_owned();
    process.wait_for("verdict", Duration::from_secs(180));
    let (_, list) = Api::new(&base).get_text("/hazards?status=all&lang=en");
    let mut hazards: Vec<String> = list
        .match_indices("\"/hazards/HZ-")
        .map(|(at, _)| list[at + 10..at + 29].to_owned())
        .collect();
    hazards.dedup();
    assert!(!hazards.is_empty(), "the story opens hazards");
    let token = std::fs::read_to_string(data.join("admin.token"))
        .unwrap()
        .trim()
        .to_owned();
    Demo {
        _process: process,
        base,
        token,
        hazards,
    }
}

/// Elements that reach beyond the page, other than inside what scrolls by itself.
const STICKING_OUT: &str = r#"
    const wide = document.documentElement.clientWidth;
    return [...document.querySelectorAll("body *")]
        .filter((one) => !one.closest(".scroll, nav.main, .hide, .skip, svg") && one.getClientRects().length > 0)
        .filter((one) => one.getBoundingClientRect().right > wide + 1)
        .map((one) => one.tagName + "." + one.className + " " + one.textContent.trim().slice(0, 60));
"#;

#[test]
fn every_page_fits_a_phone_and_a_desk_in_both_languages_and_breaks_no_policy() {
    let place = Place::new("pages");
    let demo = demo(&place);
    let browser = Browser::start(&place.dir("profile"));
    let pictures = std::env::var_os("VIGIL_SCREENSHOTS").map(PathBuf::from);
    let hazards = demo
        .hazards
        .iter()
        .take(3)
        .enumerate()
        .map(|(n, id)| (format!("hazard-{n}"), format!("/hazards/{id}")));
    let pages = [
        ("overview", "/"),
        ("hazards", "/hazards"),
        ("alarms", "/alarms"),
        ("equipment", "/equipment"),
        ("boiler", "/equipment/boiler-1"),
        ("lift", "/equipment/lift-1"),
        ("alone", "/equipment/boiler-1?quantity=steam_pressure"),
        ("nodes", "/nodes"),
        ("node", "/nodes/haicheng/edge-04"),
        ("unregistered", "/unregistered"),
        ("rules", "/rules"),
        ("sign-in", "/sign-in"),
        ("missing", "/equipment/none"),
    ];
    let pages = pages
        .into_iter()
        .map(|(name, path)| (name.to_owned(), path.to_owned()))
        .chain(hazards);
    for (name, path) in pages {
        for language in ["zh", "en"] {
            let joint = if path.contains('?') { '&' } else { '?' };
            for width in WIDTHS {
                browser.resize(width);
                browser.open(&format!("{}{path}{joint}lang={language}", demo.base));
                let out = browser.run(STICKING_OUT);
                if let Some(dir) = &pictures {
                    let picture = browser.picture();
                    std::fs::create_dir_all(dir).unwrap();
                    std::fs::write(dir.join(format!("{name}-{language}-{width}.png")), &picture).unwrap();
                    assert!(picture.len() > 8_000, "{path}: an empty picture");
                }
                assert_eq!(out, serde_json::json!([]), "{path} in {language} at {width} px");
            }
            let complaints: Vec<_> = browser
                .complaints()
                .into_iter()
                .filter(|said| !(name == "missing" && said.contains("404")))
                .collect();
            assert!(complaints.is_empty(), "{path}: {complaints:?}");
        }
    }
    browser.resize(1280);
    browser.open(&format!("{}/hazards/{}", demo.base, demo.hazards[0]));
    assert!(browser.paper().starts_with(b"%PDF"));
}

#[test]
fn a_hazard_is_confirmed_without_scripts_and_the_record_says_by_whom() {
    let place = Place::new("pages-forms");
    let demo = demo(&place);
    let browser = Browser::start(&place.dir("profile"));
    browser.scripts(false);
    let page = format!("{}/hazards/{}?lang=en", demo.base, demo.hazards[0]);
    browser.open(&page);
    browser.write("#confirm-name", "Li");
    browser.write("#confirm-token", "not the token");
    browser.write("#confirm-text", "seen on site");
    browser.click("form.act button");
    browser.arrives("/actions");
    browser.scripts(true);
    let said = browser.run("return document.querySelector('[role=alert]').textContent");
    assert!(said.as_str().unwrap().contains("token is not right"), "{said}");
    assert_eq!(
        browser.run("return document.querySelector('#confirm-text').value"),
        "seen on site"
    );
    browser.scripts(false);
    browser.write("#confirm-token", &demo.token);
    browser.click("form.act button");
    browser.arrives("#timeline");
    browser.scripts(true);
    let timeline = browser.run("return document.querySelector('ol.timeline').textContent");
    let timeline = timeline.as_str().unwrap();
    assert!(
        timeline.contains("admin: Li") && timeline.contains("seen on site"),
        "{timeline}"
    );
}
