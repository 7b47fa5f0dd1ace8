//! What people take out of the desk: sheets of paper; and whether everybody can use its pages.

use super::stage::{DAY_MS, Stage, day};
use serde_json::json;
use std::time::Duration;
use vigil_tests::looks::{Axe, CUT_OFF_ON_PAPER, STICKING_OUT};

/// A page: name, who reads it, address, printed across.
pub(super) type Sheet = (&'static str, &'static str, String, bool);

/// A unit writes down a risk and what keeps it in check, a month of daily control passes, a list is frozen: all by the
/// forms. What is there to print then.
pub(super) fn written(stage: &Stage) -> Vec<Sheet> {
    let browser = &stage.browser;
    browser.resize(1280);
    stage.sign_in("wang", "/risk/new");
    for (field, text) in [
        ("equipment", "boiler-1"),
        ("name", "1号锅炉超压"),
        ("place", "锅炉房"),
        ("factor", "安全阀失灵、压力表失准、燃烧联锁失效"),
        ("accident", "锅炉爆炸"),
        ("basis", "TSG 11-2020 安全附件"),
        ("owner_unit", "动力车间"),
        ("owner", "王安全"),
    ] {
        browser.write(&format!("#f-{field}"), text);
    }
    browser.click_through("main form button");
    // It is assessed next.
    browser.arrives("/assess");
    let address = browser.address();
    let point = address.strip_prefix(&stage.base).unwrap();
    let point = point.strip_suffix("/assess").unwrap().to_owned();
    for (factor, value) in [("l", "3"), ("e", "6"), ("c", "15")] {
        browser.click(&format!("[name=f-{factor}][value='{value}']"));
    }
    browser.click_through("button[value=save]");
    browser.arrives(&point);
    browser.click_through(&format!("a[href='{point}/measures']"));
    browser.write("#f-text", "每班核对安全阀铅封与压力表，超压即停炉");
    // The one who answers for the risk stands there already.
    stage.ask("document.querySelector('#f-period_days').value = ''");
    browser.write("#f-period_days", "1");
    browser.click_through("main form button");
    browser.arrives("/risk/");
    stage.picture("site-enters-a-risk");

    // Days pass; each leaves a record to complete and sign.
    for _ in 0..35 {
        stage.later(DAY_MS);
        let made = stage
            .runtime
            .block_on(vigil_gateway::desk::duty::generate(&stage.running().app));
        made.unwrap();
    }
    let of_kind = |kind: &str| -> String {
        let found = stage.get("wang", &format!("/api/v1/duty?kind={kind}"));
        let found = found["records"].as_array().unwrap();
        format!("/duty/{}", found.first().unwrap()["id"])
    };
    let daily = of_kind("daily");
    stage.sign_in("wang", &daily);
    browser.write("#findings", "压力表指针偏移，已登记更换");
    browser.write("#measures", "当班更换压力表");
    browser.write("#remarks", "遥测中断期间每两小时人工巡检一次");
    browser.click_through("button[value=sign]");
    assert!(stage.text("aside").contains("王安全"), "{}", stage.text("aside"));
    stage.picture("site-signs-daily-control");

    let period = format!("from={}&to={}", day(stage, -200), day(stage, 0));
    stage.sign_in("sun", &format!("/lists/hazards?{period}"));
    browser.click_through("form[action='/lists/hazards/snapshots'] button");
    let frozen = stage
        .api("sun")
        .wait_until("/api/v1/list-snapshots", Duration::from_secs(60), |answer| {
            answer["snapshots"]
                .as_array()
                .is_some_and(|list| !list.is_empty())
        });
    let snapshot = format!("/list-snapshots/{}", frozen["snapshots"][0]["id"]);

    let hazard = format!("/hazards/{}", stage.hazard);
    let list = |key: &str| format!("/lists/{key}?{period}");
    vec![
        ("hazard", "sun", hazard, false),
        ("case", "sun", stage.case.clone(), false),
        ("notice", "sun", format!("{}/notice", stage.case), false),
        ("equipment", "sun", "/equipment/boiler-1".to_owned(), false),
        ("card", "sun", "/register/boiler-1".to_owned(), false),
        ("register", "sun", "/register".to_owned(), false),
        ("calendar", "sun", "/calendar".to_owned(), false),
        ("risks", "sun", "/risk".to_owned(), false),
        ("risk-point", "sun", point, false),
        ("risk-map", "sun", "/risk/map?area=2103".to_owned(), false),
        ("ranking", "sun", "/risk/ranking/equipment".to_owned(), false),
        ("list-risks", "sun", list("risk"), true),
        ("list-hazards", "sun", list("hazards"), true),
        ("list-tasks", "sun", list("tasks"), true),
        ("list-results", "sun", list("results"), true),
        ("frozen", "sun", snapshot, false),
        ("frozen-lists", "sun", "/list-snapshots".to_owned(), false),
        ("supervision", "sun", "/supervision".to_owned(), false),
        ("hazards", "sun", "/hazards?status=all".to_owned(), false),
        ("statistics", "sun", "/statistics".to_owned(), false),
        ("work-list", "sun", "/today".to_owned(), false),
        ("overview", "sun", "/overview".to_owned(), false),
        ("duty", "wang", "/duty".to_owned(), false),
        ("daily", "wang", daily, false),
        ("weekly", "wang", of_kind("weekly"), false),
        ("monthly", "wang", of_kind("monthly"), false),
        ("audit", "root", "/audit".to_owned(), false),
    ]
}

/// What the README shows: name, page with language and width, how much of it in CSS pixels.
#[rustfmt::skip] // a table
const SHOWN: &[(&str, (&str, &str, u32), f64)] = &[
    ("work-list", ("work-list", "zh", 1280), 900.0),
    ("four-lists", ("list-hazards", "zh", 1280), 820.0),
    ("risk-map", ("risk-map", "en", 1280), 690.0),
    ("statistics", ("statistics", "en", 1280), 1560.0),
    ("phone", ("work-list", "en", 390), 1100.0),
];

/// Each in turn, read by whom it is for.
fn open_each(stage: &Stage, sheets: &[Sheet], language: &str, mut look: impl FnMut(&Sheet)) {
    let mut reader = "";
    for sheet in sheets {
        let (_, login, path, _) = sheet;
        if reader != *login {
            stage.sign_in(login, path);
            reader = login;
        }
        let joint = if path.contains('?') { '&' } else { '?' };
        stage
            .browser
            .open(&format!("{}{path}{joint}lang={language}", stage.base));
        look(sheet);
    }
}

/// What is wrong on paper: no sheet is cut off at its edge; menus, forms and marks of links stay on the screen; heads are repeated.
pub(super) fn fits(stage: &Stage, sheets: &[Sheet]) -> Vec<String> {
    let dir = stage.pictures.join("paper");
    std::fs::create_dir_all(&dir).unwrap();
    let mut wrong = Vec::new();
    for language in ["zh", "en"] {
        open_each(stage, sheets, language, |(name, _, _, across)| {
            stage.browser.to_paper(*across);
            let said = stage.ask(CUT_OFF_ON_PAPER);
            if said != json!([]) {
                wrong.push(format!("{name} in {language}: {said:#}"));
            }
            stage.browser.to_screen();
            let paper = stage.browser.paper();
            assert!(paper.starts_with(b"%PDF"), "{name}");
            std::fs::write(dir.join(format!("{name}-{language}.pdf")), paper).unwrap();
        });
    }
    stage.browser.resize(1280);
    wrong
}

/// What is wrong on screens: nothing sticks out on a phone or a desk, and axe finds nothing that shuts somebody out (WCAG 2.2, A and AA).
pub(super) fn usable_by_all(stage: &Stage, sheets: &[Sheet]) -> Vec<String> {
    let axe = Axe::find();
    let dir = stage.pictures.join("pages");
    std::fs::create_dir_all(&dir).unwrap();
    let mut wrong = Vec::new();
    for (language, width) in [("zh", 1280), ("en", 390), ("zh", 390), ("en", 1280)] {
        stage.browser.resize(width);
        open_each(stage, sheets, language, |(name, ..)| {
            let out = stage.ask(STICKING_OUT);
            if out != json!([]) {
                wrong.push(format!("{name} in {language} at {width} px sticks out: {out:#}"));
            }
            let picture = stage.browser.picture();
            std::fs::write(dir.join(format!("{name}-{language}-{width}.png")), picture).unwrap();
            for (shown, of, height) in SHOWN {
                if *of == (*name, language, width) {
                    let path = stage.pictures.join(format!("readme-{shown}.png"));
                    std::fs::write(path, stage.browser.top(*height)).unwrap();
                }
            }
            // Colours and names are the same whatever the width: twice is enough.
            if let Some(axe) = &axe
                && (language == "zh") == (width == 1280)
            {
                stage.browser.scripts(true);
                let found = axe.violations(&stage.browser);
                stage.browser.scripts(false);
                wrong.extend(
                    found
                        .into_iter()
                        .map(|one| format!("{name} in {language} at {width} px: {one}")),
                );
            }
        });
    }
    stage.browser.resize(1280);
    wrong
}
