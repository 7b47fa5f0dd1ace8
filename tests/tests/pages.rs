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
use vigil_tests::looks::{Axe, STICKING_OUT};
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
    let token = std::fs::read_to_string(data.join("admin.token"))
        .unwrap()
        .trim()
        .to_owned();
    let list = Api::new(&base).with_token(&token).get("/api/v1/hazards");
    let listed = list["hazards"].as_array().unwrap();
    let hazards: Vec<String> = listed
        .iter()
        .map(|hazard| hazard["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(!hazards.is_empty(), "the story opens hazards");
    Demo {
        _process: process,
        base,
        token,
        hazards,
    }
}

impl Demo {
    /// Signs in with the token, as Li.
    fn sign_in(&self, browser: &Browser) {
        browser.open(&format!("{}/sign-in?lang=en&next=/rules", self.base));
        browser.click("details summary");
        browser.write("#token", &self.token);
        browser.write("#name", "Li");
        browser.click("form:has(#token) button");
        browser.arrives(&format!("{}/rules", self.base));
    }
}

#[test]
fn every_page_fits_a_phone_and_a_desk_in_both_languages_breaks_no_policy_and_bars_nobody() {
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
        ("overview", "/overview"),
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
        ("hazard", "/hazards/new"),
        ("risk", "/risk"),
        ("map", "/risk/map"),
        ("ranking", "/risk/ranking/equipment"),
        ("checks", "/risk/checks"),
        ("supervision", "/supervision"),
        ("statistics", "/statistics"),
        ("lists", "/lists"),
        ("files", "/list-files"),
        ("frozen", "/list-snapshots"),
        ("duty", "/duty"),
        ("register", "/register"),
        ("calendar", "/calendar"),
        ("coverage", "/coverage"),
        ("units", "/units"),
        ("users", "/users"),
        ("audit", "/audit"),
        ("today", "/today"),
        ("sign-in", "/sign-in"),
        ("missing", "/equipment/none"),
    ];
    demo.sign_in(&browser);
    let (axe, mut barred) = (Axe::find(), Vec::new());
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
                // Colours and names are the same whatever the width.
                if let Some(axe) = &axe
                    && (language == "zh") == (width == 1280)
                {
                    let found = axe.violations(&browser);
                    barred.extend(
                        found
                            .into_iter()
                            .map(|one| format!("{path} in {language}: {one}")),
                    );
                }
            }
            let complaints: Vec<_> = browser
                .complaints()
                .into_iter()
                .filter(|said| !(name == "missing" && said.contains("404")))
                .collect();
            assert!(complaints.is_empty(), "{path}: {complaints:?}");
        }
    }
    assert!(barred.is_empty(), "{}", barred.join("\n"));
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
    browser.open(&format!("{}/sign-in?lang=en", demo.base));
    browser.click("details summary");
    browser.write("#token", "not the token");
    browser.click_through("form:has(#token) button");
    browser.scripts(true);
    let said = browser.run("return document.querySelector('#token-error').textContent");
    assert!(said.as_str().unwrap().contains("not the token"), "{said}");
    browser.scripts(false);
    demo.sign_in(&browser);
    browser.open(&page);
    browser.write("#do-confirm [name=text]", "seen on site");
    browser.click_through("#do-confirm button");
    browser.arrives("#timeline");
    browser.scripts(true);
    let timeline = browser.run("return document.querySelector('ol.timeline').textContent");
    let timeline = timeline.as_str().unwrap();
    assert!(
        timeline.contains("admin: Li") && timeline.contains("seen on site"),
        "{timeline}"
    );
}
