//! The interface against its own description, by a peer that makes up requests: nothing it asks is a server error, and
//! whatever is answered is as described.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "test helpers"
)]

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use vigil_simulator::site::Site;
use vigil_tests::visitor::Visitor;
use vigil_tests::{Gateway, GatewayOptions, Place};

/// Seconds the peer makes up requests; `VIGIL_SCHEMATHESIS_SECONDS` is another time.
const SECONDS: u32 = 100;
/// Not asked: a stream that does not end.
const NOT_ASKED: &[&str] = &["/api/v1/events"];

/// The peer, as it comes from PyPI.
fn peer() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers/schemathesis/bin/st");
    if program.exists() {
        return Some(program);
    }
    assert!(
        std::env::var("VIGIL_PEERS").as_deref() != Ok("required"),
        "{} is missing; run `tests/run.sh --install`",
        program.display()
    );
    eprintln!("not tested: schemathesis is not installed; run `tests/run.sh --install`");
    None
}

/// Something of every kind, so that single things are found.
fn furnish(admin: &Visitor) -> Vec<(&'static str, &'static str, Value)> {
    let made = |path: &str, body: Value| {
        let answer = admin.post(path, &body);
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        answer.json()
    };
    let unit = made(
        "/api/v1/units",
        json!({"name": "第一热力", "kind": "use_unit", "area": "210381"}),
    );
    let facts = json!({"id": "boiler-9", "category": "1100", "name": "9号锅炉", "registration_no": "锅10辽C00009(24)",
        "use_unit": "第一热力", "area": "210381"});
    made("/api/v1/register", json!({"facts": facts}));
    let valve = json!({"kind": "safety_valve", "number": "V-1"});
    let valve = made("/api/v1/register/boiler-9/accessories", valve);
    let certificate =
        json!({"unit": unit["code"], "person": "王强", "kind": "G1", "number": "1", "expires": "2027-01-01"});
    let certificate = made("/api/v1/certificates", certificate);
    let report = json!({"equipment": "lift-1", "source": "patrol", "category": "lift-safety", "grade": "general",
        "description": "紧急照明失效"});
    let hazard = made("/api/v1/hazards", report);
    let file = admin.upload("/api/v1/attachments?name=a.pdf", b"%PDF-1.7").json();
    let import = admin.upload(
        "/api/v1/imports?name=a.csv",
        "设备名称,类别代码,设备代码\n梯,3110,31101\n".as_bytes(),
    );
    assert_eq!(import.status, 201, "{}", import.text());
    let import = import.json()["import"].clone();
    vec![
        ("/api/v1/units/", "id", unit["code"].clone()),
        ("/api/v1/register/", "id", json!("boiler-9")),
        ("/api/v1/register/", "accessory", valve["id"].clone()),
        ("/api/v1/certificates/", "id", certificate["id"].clone()),
        ("/api/v1/hazards/", "id", hazard["hazard"]["id"].clone()),
        ("/api/v1/attachments/", "sha256", file["sha256"].clone()),
        ("/api/v1/imports/", "id", import["id"].clone()),
        ("/api/v1/equipment/", "id", json!("lift-1")),
        ("/api/v1/users/", "login", json!("li")),
    ]
}

/// The description, with examples of things that are there.
fn described(admin: &Visitor, things: &[(&str, &str, Value)]) -> Value {
    let mut description = admin.get("/api/v1/openapi.json").json();
    let paths = description["paths"].as_object_mut().unwrap();
    for (path, item) in paths {
        for operation in item.as_object_mut().unwrap().values_mut() {
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten().filter(|one| one["in"] == "path") {
                let known = things
                    .iter()
                    .find(|(begin, name, _)| path.starts_with(begin) && parameter["name"] == *name);
                if let Some((_, _, value)) = known {
                    parameter["example"] = match value {
                        Value::Number(number) => json!(number.to_string()),
                        value => value.clone(),
                    };
                }
            }
        }
    }
    description
}

#[test]
fn made_up_requests_meet_no_server_error_and_answers_are_as_described() {
    let Some(program) = peer() else { return };
    let place = Place::new("schemathesis");
    let catalog = vigil_simulator::scenario::Scenario::builtin("story")
        .unwrap()
        .catalog_toml();
    assert!(Site::builtin().is_ok());
    let gateway = Gateway::start(&place, GatewayOptions::with_catalog(catalog));
    let token = std::fs::read_to_string(gateway.token_file()).unwrap();
    let admin = Visitor::with_token(gateway.http(), token.trim());
    let facts = json!({"login": "li", "name": "李伟", "role": "regulator", "areas": ["2103"], "password": "the drum is warm"});
    let user = admin.post("/api/v1/users", &facts);
    assert_eq!(user.status, 201, "{}", user.text());
    let things = furnish(&admin);
    let description = place.write("openapi.json", &described(&admin, &things).to_string());
    let seconds = std::env::var("VIGIL_SCHEMATHESIS_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());

    let mut command = Command::new(program);
    command
        .arg("run")
        .arg(&description)
        .args(["--url", gateway.http().trim_end_matches('/')])
        .args(["--header", &format!("Authorization: Bearer {}", token.trim())])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
             response_schema_conformance",
        ])
        .args(["--phases", "examples,coverage,fuzzing", "--continue-on-failure"])
        .args(["--seed", "1", "--generation-database", "none", "--no-color", "--suppress-health-check", "all"])
        .args(["--max-time", &seconds.unwrap_or(SECONDS).to_string()])
        .args(["--request-timeout", "30", "--warnings", "off"])
        .current_dir(place.path());
    for path in NOT_ASKED {
        command.args(["--exclude-path", path]);
    }
    let output = command.output().expect("schemathesis runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    place.write("schemathesis.txt", &said);
    let end: Vec<&str> = said.lines().rev().take(150).collect();
    let end: Vec<&str> = end.into_iter().rev().collect();
    assert!(
        output.status.success(),
        "{}\n{}",
        end.join("\n"),
        String::from_utf8_lossy(&output.stderr)
    );
    // Nobody has broken anything: it still answers, and has not failed inside.
    assert_eq!(admin.get("/readyz").status, 200);
    assert!(!gateway.log().contains("panic"), "{}", gateway.log());
}
