//! Codes nobody has explained: listed with their scheme, kept over kill -9, gone when somebody says what they mean.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;
use vigil_tests::edge::now;
use vigil_tests::process::binary;
use vigil_tests::{Gateway, GatewayOptions, Peer, Place};

const WAIT: Duration = Duration::from_secs(30);

const LIFT: &str = r#"
[[equipment]]
id = "lift-1"
name = "1号梯"
category = "3110"
node = "haicheng/json"
device = "l1"
scheme = "monarch-nice3000plus"
controller = "NICE3000+"
"#;

fn said(code: &str) -> String {
    let at = now().0;
    format!("{{\"id\": \"l1\", \"ts\": {at}, \"values\": {{\"fault_code\": \"{code}\"}}}}")
}

fn listed(list: &Value) -> Vec<String> {
    let codes = list["codes"].as_array().into_iter().flatten();
    codes
        .map(|code| {
            format!(
                "{} {} {} x{}",
                code["equipment"]["id"].as_str().unwrap_or("?"),
                code["scheme"].as_str().unwrap_or("-"),
                code["code"].as_str().unwrap_or("?"),
                code["count"]
            )
        })
        .collect()
}

#[test]
fn an_unknown_code_is_listed_until_the_catalog_says_what_it_means() {
    let place = Place::new("codes");
    let mut gateway = Gateway::start(
        &place,
        GatewayOptions {
            config: "[json]\nprofiles = [\"builtin:flat-id-ts-values\"]\n".to_owned(),
            ..GatewayOptions::with_catalog(LIFT.to_owned())
        },
    );
    let controller = Peer::connect(&gateway.broker(), "plc", &[]);
    // It appears twice; what the scheme knows is not listed.
    for code in ["E98", "E98", "E41", "E98", "E00"] {
        controller.say("vigil/haicheng/telemetry", said(code));
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let wanted = ["lift-1 monarch-nice3000plus E98 x2"];
    let list = gateway
        .api()
        .wait_until("/api/v1/codes/unknown", WAIT, |list| listed(list) == wanted);
    let lines = list["add"][0]["lines"].as_str().unwrap().to_owned();
    let (status, page) = gateway.api().get_text("/unregistered");
    assert!(
        status == 200 && page.contains("E98") && page.contains("[scheme.monarch-nice3000plus]"),
        "{page}"
    );
    gateway.kill();
    gateway.start_again();
    assert_eq!(listed(&gateway.api().get("/api/v1/codes/unknown")), wanted);

    // The lines as they are offered, with a meaning.
    let catalog = format!("{}\n{LIFT}", lines.replace("OTHER", "PIT_WATER"));
    std::fs::write(gateway.config().with_file_name("site.toml"), catalog).unwrap();
    let (status, answer) = gateway.admin().post("/api/v1/reload", &json!({}));
    assert_eq!(status, 200, "{answer:#}");
    assert_eq!(listed(&gateway.api().get("/api/v1/codes/unknown")), [""; 0]);

    // The command line knows it, too.
    let lookup = |arguments: &[&str]| {
        let said = Command::new(binary("vigil"))
            .args(["codes", "lookup"])
            .args(arguments)
            .output()
            .unwrap();
        let text =
            String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        (said.status.code(), text)
    };
    let config = gateway.config().display().to_string();
    let (code, text) = lookup(&["monarch-nice3000plus", "98", "--config", &config, "--json"]);
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (code, &found["key"], &found["own"]),
        (Some(0), &json!("PIT_WATER"), &json!(true))
    );
    let (code, text) = lookup(&["monarch-nice3000plus", "98"]);
    assert!(code == Some(1) && text.contains("does not know 98"), "{text}");
    let (code, text) = lookup(&[
        "monarch-nice3000plus",
        "E41",
        "--model",
        "NICE3000+",
        "--firmware",
        "V33.10",
    ]);
    assert!(code == Some(0) && text.contains("SAFETY_CIRCUIT_OPEN"), "{text}");
    let (code, text) = lookup(&["gbt24476", "5"]);
    assert!(
        code == Some(1) && text.contains("did you mean `gbt24476-2017`?"),
        "{text}"
    );
}
