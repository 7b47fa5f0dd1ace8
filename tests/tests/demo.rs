//! The demonstration goes on into the closed loop: its users handle its hazards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test helpers"
)]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use ureq::http::Method;
use vigil_tests::Place;
use vigil_tests::process::{Process, binary};
use vigil_tests::visitor::{Answer, Visitor};

const SOON: Duration = Duration::from_secs(90);

fn demo(data: &Path) -> Process {
    let mut command = Command::new(binary("vigil"));
    command
        .args([
            "demo",
            "--lang",
            "en",
            "--speed",
            "20",
            "--http",
            "127.0.0.1:0",
            "--data",
        ])
        .arg(data)
        // Whatever the directory of the caller holds is not its configuration.
        .current_dir(std::env::temp_dir());
    Process::start("vigil demo", &mut command)
}

/// Where its pages are, and the passwords it shows, by login.
fn shown(demo: &mut Process) -> (String, BTreeMap<String, String>) {
    let line = demo.wait_for("page: http://", SOON);
    let base = line.split("page: ").nth(1).unwrap().trim().to_owned();
    demo.wait_for("passwords", SOON);
    let mut passwords = BTreeMap::new();
    loop {
        let line = demo.wait_for(" ", SOON);
        let mut words = line.split_whitespace();
        let (Some(login), Some(password)) = (words.next(), words.next()) else {
            break;
        };
        if !line.starts_with("  ") || password.split('-').count() != 4 {
            break;
        }
        passwords.insert(login.to_owned(), password.to_owned());
    }
    (base, passwords)
}

/// Takes a step, as somebody who has just looked at the hazard.
fn step(who: &Visitor, hazard: &str, body: Value) -> Answer {
    let seen = who.get(&format!("/api/v1/hazards/{hazard}"));
    assert_eq!(seen.status, 200, "{}", seen.text());
    let headers = [
        ("content-type", "application/json"),
        ("if-match", seen.header("etag")),
    ];
    let path = format!("/api/v1/hazards/{hazard}/actions");
    who.send(Method::POST, &path, &headers, body.to_string().as_bytes())
}

fn done(who: &Visitor, hazard: &str, body: Value) {
    let answer = step(who, hazard, body.clone());
    assert_eq!(answer.status, 200, "{body}: {}", answer.text());
}

fn refused(who: &Visitor, hazard: &str, body: Value) {
    let answer = step(who, hazard, body.clone());
    assert!(
        matches!(answer.status, 403 | 409 | 422),
        "{body}: {} {}",
        answer.status,
        answer.text()
    );
    assert!(!answer.json()["detail"].as_str().unwrap_or_default().is_empty());
}

#[test]
fn its_users_take_a_major_hazard_through_the_loop() {
    let place = Place::new("demo-loop");
    let data = place.dir("data");
    let mut demo = demo(&data);
    let (base, passwords) = shown(&mut demo);
    let logins: Vec<&str> = passwords.keys().map(String::as_str).collect();
    for login in [
        "site",
        "site-2",
        "maintainer",
        "inspector",
        "regulator",
        "department",
        "manager",
    ] {
        assert!(logins.contains(&login), "{logins:?}");
    }
    demo.wait_for("verdict: equal", SOON);

    assert_eq!(Visitor::stranger(&base).get("/api/v1/hazards").status, 401);
    let enter = |login: &str| Visitor::sign_in(&base, login, &passwords[login]);
    let (site, regulator, department) = (enter("site"), enter("regulator"), enter("department"));
    let all = regulator.get("/api/v1/hazards").json()["hazards"]
        .as_array()
        .unwrap()
        .len();
    let own = site.get("/api/v1/hazards?grade=major&open=true").json();
    let own = own["hazards"].as_array().unwrap();
    assert!(!own.is_empty() && own.len() < all, "a site sees its own");
    let hazard = own[0]["id"].as_str().unwrap();
    let unit = site.get("/api/v1/account").json()["unit"].clone();
    let photo = site.upload("/api/v1/attachments?name=repaired.pdf", b"%PDF-1.7 as it is now");
    assert_eq!(photo.status, 201, "{}", photo.text());
    let files = json!([{"sha256": photo.json()["sha256"]}]);

    refused(&department, hazard, json!({"action": "confirm"}));
    done(
        &regulator,
        hazard,
        json!({"action": "confirm", "reason": "seen on site"}),
    );
    let deadline = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(10 * 24);
    let deadline = deadline.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    let in_place = json!({"unit": unit, "deadline": deadline, "person": "Wang Qiang", "leader": "Li Ming", "measures": "repair and test",
        "funds": "8000", "emergency_plan": "out of use, barred"});
    done(
        &regulator,
        hazard,
        json!({"action": "assign", "assignment": in_place}),
    );
    done(&site, hazard, json!({"action": "start"}));
    done(
        &site,
        hazard,
        json!({"action": "self_check", "reason": "repaired", "attachments": files}),
    );
    done(&site, hazard, json!({"action": "request_acceptance"}));
    refused(
        &site,
        hazard,
        json!({"action": "accept", "reason": "it is fine", "attachments": files}),
    );
    let seen = regulator
        .upload(
            "/api/v1/attachments?name=seen.pdf",
            b"%PDF-1.7 as the regulator saw it",
        )
        .json();
    let files = json!([{"sha256": seen["sha256"]}]);
    done(
        &regulator,
        hazard,
        json!({"action": "accept", "reason": "tested on site", "attachments": files}),
    );
    done(&regulator, hazard, json!({"action": "strike_off"}));
    refused(
        &regulator,
        hazard,
        json!({"action": "look_back", "reason": "a minute later", "passed": true}),
    );
    let now = department.get(&format!("/api/v1/hazards/{hazard}")).json();
    assert_eq!(now["status"], "struck_off", "{now:#}");
    // Of a demo nobody waits a month: its look-back falls due in minutes.
    let at = |field: &str| now[field].as_str().unwrap_or_default().to_owned();
    let (struck_off, due) = (at("struck_off_at"), at("look_back_due"));
    let minutes = |at: &str| -> i64 {
        let number = |from: usize| at[from..from + 2].parse::<i64>().unwrap();
        number(11) * 60 + number(14)
    };
    let wait = (minutes(&due) - minutes(&struck_off)).rem_euclid(24 * 60);
    assert_eq!(wait, 3, "{struck_off} {due}");
    // Register, calendar, and the page a person sees.
    let register = enter("maintainer").get("/api/v1/register").json();
    assert_eq!(register["total"], 6, "the lifts: {register:#}");
    let page = site.get(&format!("/hazards/{hazard}"));
    assert_eq!(page.status, 200);
    assert!(page.text().contains(hazard));
    assert!(demo.terminate(SOON).success());
}

#[test]
fn passwords_are_shown_by_the_first_run_only_and_stay_in_force() {
    let place = Place::new("demo-again");
    let data = place.dir("data");
    let mut first = demo(&data);
    let (_, passwords) = shown(&mut first);
    first.wait_for("verdict", SOON);
    assert!(first.terminate(SOON).success());

    let mut again = demo(&data);
    let (base, shown_again) = shown(&mut again);
    assert_eq!(shown_again, BTreeMap::new());
    let regulator = Visitor::sign_in(&base, "regulator", &passwords["regulator"]);
    assert_eq!(regulator.get("/api/v1/register").json()["total"], 9);

    let other = place.dir("other");
    let (_, others) = shown(&mut demo(&other));
    assert!(
        others
            .values()
            .all(|password| !passwords.values().any(|known| known == password))
    );
}
