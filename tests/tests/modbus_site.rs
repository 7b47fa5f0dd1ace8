//! From the registers of a PLC to a hazard, over everything that carries Modbus; the PLC is pymodbus.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use serde_json::{Value, json};
use std::process::{Command, Output};
use std::time::Duration;
use vigil_tests::process::binary;
use vigil_tests::pymodbus::{Server, Terminal};
use vigil_tests::{Gateway, GatewayOptions, Place};

const WAIT: Duration = Duration::from_secs(60);

/// Two boilers: a transmitter on unit 2, a PLC on unit 1.
const CATALOG: &str = r#"
[[equipment]]
id = "boiler-4"
name = "Boiler 4"
category = "1100"
node = "modbus/boiler-house"
device = "transmitter-4"
[equipment.nameplate]
rated_pressure = "1.0 MPa"
[[equipment.channel]]
quantity = "steam_pressure"
metric = "pressure"

[[equipment]]
id = "boiler-5"
name = "Boiler 5"
category = "1100"
node = "modbus/boiler-house"
device = "plc-5"
interval = "1s"
[equipment.nameplate]
rated_pressure = "1.0 MPa"
"#;

const DEVICES: &str = r#"
[[modbus.device]]
id = "transmitter-4"
unit = 2
map = "generic-pressure-transmitter"
[[modbus.device]]
id = "plc-5"
unit = 1
map = "sdcsoft-steam-boiler"
"#;

fn options(link: &str) -> GatewayOptions {
    GatewayOptions {
        config: format!(
            "[[modbus]]\nname = \"boiler-house\"\n{link}\nperiod = \"200ms\"\ndeadline = \"500ms\"\n{DEVICES}"
        ),
        ..GatewayOptions::with_catalog(CATALOG.to_owned())
    }
}

/// A number as the example PLC has it: CD AB.
fn words(number: f32) -> [u16; 2] {
    [number.to_bits() as u16, (number.to_bits() >> 16) as u16]
}

/// Both boilers under pressure, kPa.
fn pressure(plc: &mut Server, kpa: u16) {
    plc.set(2, 2, &[1, 0, kpa]);
    plc.set(1, 0, &words(f32::from(kpa) / 1_000.0));
}

fn shows(gateway: &Gateway, equipment: &str, good: impl Fn(&Value) -> bool) {
    let path = format!("/api/v1/equipment/{equipment}");
    gateway
        .api()
        .wait_until(&path, WAIT, |view| good(pressure_of(view)));
}

/// The latest steam pressure.
fn pressure_of(view: &Value) -> &Value {
    let mut channels = view["channels"].as_array().into_iter().flatten();
    let found = channels.find(|channel| channel["quantity"]["key"] == "steam_pressure");
    found.map_or(&Value::Null, |channel| &channel["latest"])
}

fn reads(gateway: &Gateway, equipment: &str, mpa: f64) {
    shows(gateway, equipment, |latest| {
        latest["value"]
            .as_f64()
            .is_some_and(|value| (value - mpa).abs() < 1e-6)
    });
}

fn has_no_value(gateway: &Gateway, equipment: &str, reason: &str) {
    shows(gateway, equipment, |latest| {
        latest["value"].is_null() && latest["no_data"]["key"] == reason
    });
}

/// Nothing is heard of it any more; what it said last is not what it says now.
fn goes_silent(gateway: &Gateway, equipment: &str) {
    let path = format!("/api/v1/equipment/{equipment}");
    gateway.api().wait_until(&path, WAIT, |view| {
        view["watch"] == "offline" && pressure_of(view)["usable"] == false
    });
}

fn hazards(gateway: &Gateway) -> Vec<(String, String)> {
    let list = gateway.api().get("/api/v1/hazards");
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let list = list["hazards"].as_array().unwrap().iter();
    list.map(|hazard| (text(&hazard["equipment"]["id"]), text(&hazard["rule"])))
        .collect()
}

/// Normal, then too high: both boilers have their hazard.
fn registers_become_hazards(name: &str, link: &str, plc: &mut Server) -> (Gateway, Place) {
    pressure(plc, 800);
    let place = Place::new(name);
    let gateway = Gateway::start(&place, options(link));
    for boiler in ["boiler-4", "boiler-5"] {
        reads(&gateway, boiler, 0.8);
    }
    assert_eq!(hazards(&gateway), []);
    pressure(plc, 1_150);
    gateway.api().wait_until("/api/v1/hazards", WAIT, |list| {
        let text = list.to_string();
        text.contains("boiler-4") && text.contains("boiler-5")
    });
    (gateway, place)
}

#[test]
fn over_tcp_registers_become_hazards_and_a_dead_plc_a_gap() {
    let mut plc = Server::tcp();
    let port = plc.port();
    let link = format!("tcp = \"127.0.0.1:{port}\"");
    let (mut gateway, _place) = registers_become_hazards("modbus-tcp", &link, &mut plc);
    let opened = hazards(&gateway);

    drop(plc);
    for boiler in ["boiler-4", "boiler-5"] {
        goes_silent(&gateway, boiler);
    }
    assert_eq!(
        hazards(&gateway),
        opened,
        "what cannot be read is no hazard, and no normal value either"
    );
    let metrics = gateway.api().get_text("/metrics").1;
    assert!(
        metrics.contains("vigil_modbus_failures_total{connection=\"boiler-house\",reason=\"no_connection\"}"),
        "{metrics}"
    );

    // It comes back with another value, and that is seen; the log says the same after a restart.
    let mut plc = Server::on("tcp", port);
    pressure(&mut plc, 700);
    for boiler in ["boiler-4", "boiler-5"] {
        reads(&gateway, boiler, 0.7);
    }
    let before = hazards(&gateway);
    let (status, _) = gateway.terminate();
    assert!(status.success());
    gateway.start_again();
    assert_eq!(hazards(&gateway), before);
}

#[test]
fn over_rtu_through_a_serial_server_registers_become_hazards() {
    let mut plc = Server::rtu();
    let link = format!("rtu_over_tcp = \"127.0.0.1:{}\"", plc.port());
    registers_become_hazards("modbus-rtu", &link, &mut plc);
}

#[test]
fn over_a_serial_line_registers_become_hazards() {
    let (near, far) = Terminal::cable();
    let mut plc = Server::serial(&far);
    let link = format!("serial = \"{}\"\nbaud = 115200", near.path.display());
    registers_become_hazards("modbus-serial", &link, &mut plc);
}

#[test]
fn a_plc_that_answers_with_exceptions_or_too_late_is_no_value_with_the_reason() {
    let mut plc = Server::tcp();
    pressure(&mut plc, 800);
    let place = Place::new("modbus-refuses");
    let link = format!("tcp = \"127.0.0.1:{}\"", plc.port());
    let gateway = Gateway::start(&place, options(&link));
    reads(&gateway, "boiler-5", 0.8);
    plc.change(&json!({ "unit": 1, "fail": 4 }));
    has_no_value(&gateway, "boiler-5", "device");
    plc.change(&json!({ "unit": 1, "fail": 0, "delay": 2.0 }));
    goes_silent(&gateway, "boiler-5");
    // The other unit is read over a connection of its own.
    reads(&gateway, "boiler-4", 0.8);
    plc.change(&json!({ "unit": 1, "delay": 0 }));
    reads(&gateway, "boiler-5", 0.8);
    assert_eq!(hazards(&gateway), []);
}

#[test]
fn a_wrong_map_stops_neither_what_runs_nor_goes_unsaid() {
    let mut plc = Server::tcp();
    plc.set(2, 2, &[1, 0, 800]);
    let place = Place::new("modbus-reload");
    let link = format!("tcp = \"127.0.0.1:{}\"", plc.port());
    let gateway = Gateway::start(&place, options(&link));
    reads(&gateway, "boiler-4", 0.8);
    let text = std::fs::read_to_string(gateway.config()).unwrap();
    let own = text.replace("\"generic-pressure-transmitter\"", "\"own.toml\"");
    assert_ne!(own, text);
    let map = gateway.config().with_file_name("own.toml");
    let value = "[[value]]\nquantity = \"steam_pressure\"\nmetric = \"pressure\"\nfunction = 3\naddress = 4\ntype = \"u16\"\n";
    let right = format!("id = \"own\"\nconfidence = \"verified\"\n{value}unit = \"kPa\"\nscale = 0.5\n");
    std::fs::write(&map, right.replace("kPa", "kPaa1")).unwrap();
    std::fs::write(gateway.config(), &own).unwrap();
    let (status, problem) = gateway.admin().post("/api/v1/reload", &json!({}));
    assert_eq!(status, 422, "{problem:#}");
    assert!(
        problem["findings"].to_string().contains("own.toml:9:"),
        "{problem:#}"
    );
    plc.set(2, 4, &[810]);
    reads(&gateway, "boiler-4", 0.81);

    std::fs::write(&map, right).unwrap();
    let (status, in_force) = gateway.admin().post("/api/v1/reload", &json!({}));
    assert_eq!(status, 200, "{in_force:#}");
    reads(&gateway, "boiler-4", 0.405);
}

fn vigil(arguments: &[&str]) -> Output {
    Command::new(binary("vigil"))
        .arg("modbus")
        .args(arguments)
        .output()
        .unwrap()
}

fn said(arguments: &[&str]) -> String {
    let output = vigil(arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

#[test]
fn the_person_on_site_sees_who_is_there_and_what_the_registers_hold() {
    let mut plc = Server::tcp();
    pressure(&mut plc, 1_150);
    let at = format!("127.0.0.1:{}", plc.port());
    let probe = said(&["probe", "--tcp", &at, "--unit", "2"]);
    assert!(probe.contains("generic-pressure-transmitter"), "{probe}");
    let read = said(&["read", "--tcp", &at, "--count", "2"]);
    assert!(read.contains("f32 CDAB") && read.contains("1.15"), "{read}");
    let map = said(&[
        "read",
        "--tcp",
        &at,
        "--unit",
        "2",
        "--map",
        "generic-pressure-transmitter",
    ]);
    assert!(map.contains("1150") && map.contains("kPa"), "{map}");
    let map = said(&["read", "--tcp", &at, "--map", "sdcsoft-steam-boiler"]);
    assert!(map.contains("unverified"), "{map}");
    let json: Value = serde_json::from_str(&said(&["read", "--tcp", &at, "--count", "2", "--json"])).unwrap();
    let value = json["registers"][0]["f32"]["CDAB"].as_f64().unwrap();
    assert!((value - 1.15).abs() < 1e-6, "{json}");
    let units: Value =
        serde_json::from_str(&said(&["scan", "units", "--tcp", &at, "--to", "3", "--json"])).unwrap();
    assert_eq!(units["units"].as_array().unwrap().len(), 3, "{units}");
    let registers = said(&["scan", "registers", "--tcp", &at, "--json"]);
    let registers: Value = serde_json::from_str(&registers).unwrap();
    assert_eq!(registers["ranges"], json!([{ "first": 0, "last": 299 }]));
    assert!(said(&["maps"]).contains("monarch-nice3000plus"));

    for (arguments, expected) in [
        (
            &["read", "--tcp", &at, "--address", "400"][..],
            "illegal data address",
        ),
        (
            &["read", "--tcp", &at, "--count", "126"],
            "1 to 125 holding registers",
        ),
        (&["read", "--tcp", "127.0.0.1:1"], "Connection refused"),
        (
            &["read", "--tcp", &at, "--map", "nobodys"],
            "neither a file nor a shipped register map",
        ),
        (&["read"], "where is the device?"),
        (&["read", "--tcp", &at, "--function", "6"], "3 holding registers"),
    ] {
        let output = vigil(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && text.contains(expected),
            "{arguments:?}: {text}"
        );
    }
}

#[test]
fn over_a_serial_line_the_same_commands_find_the_units() {
    let (near, far) = Terminal::cable();
    let mut plc = Server::serial(&far);
    plc.set(2, 2, &[1, 0, 1_150]);
    let path = near.path.display().to_string();
    let line = ["--serial", &path, "--baud", "115200"];
    let units = [
        &["scan", "units"],
        &line[..],
        &["--from", "2", "--to", "3", "--json"],
    ]
    .concat();
    let units: Value = serde_json::from_str(&said(&units)).unwrap();
    let found: Vec<_> = units["units"]
        .as_array()
        .unwrap()
        .iter()
        .map(|unit| &unit["unit"])
        .collect();
    assert_eq!(found, [2, 3], "{units}");
    let read = said(
        &[
            &["read", "--unit", "2", "--map", "generic-pressure-transmitter"],
            &line[..],
        ]
        .concat(),
    );
    assert!(read.contains("1150"), "{read}");
    drop(plc);
    let nobody = vigil(&[&["probe", "--unit", "2", "--deadline", "200ms"], &line[..]].concat());
    let text = String::from_utf8_lossy(&nobody.stdout).into_owned();
    assert!(
        !nobody.status.success() && text.contains("nobody answers as unit 2"),
        "{text}"
    );
}
