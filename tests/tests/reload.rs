//! Catalog and rules replaced while the gateway runs: by signal and over the interface, and not at all when wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;
use vigil_protocol::sparkplug::{Metric, MetricValue};
use vigil_tests::edge::now;
use vigil_tests::{Edge, Gateway, GatewayOptions, Place};

const WAIT: Duration = Duration::from_secs(30);

fn boiler(id: &str, rated: &str) -> String {
    format!(
        "[[equipment]]\nid = \"{id}\"\nname = \"{id}\"\ncategory = \"1100\"\nnode = \"plant/edge\"\n\
         device = \"{id}\"\n[equipment.nameplate]\nrated_pressure = \"{rated}\"\n\n"
    )
}

fn pressure(mpa: f64) -> [Metric<'static>; 1] {
    [Metric::named("steam_pressure", MetricValue::Double(mpa))
        .typed()
        .at(now())]
}

fn hangup(gateway: &mut Gateway) {
    let sent = Command::new("kill")
        .arg("-HUP")
        .arg(gateway.process().id().to_string())
        .status();
    assert!(sent.is_ok_and(|sent| sent.success()));
}

fn hazards(gateway: &Gateway) -> Vec<String> {
    let list = gateway.api().get("/api/v1/hazards");
    let list = list["hazards"].as_array().unwrap().iter();
    list.map(|hazard| {
        format!(
            "{} {}",
            hazard["equipment"]["id"].as_str().unwrap_or("?"),
            hazard["rule"].as_str().unwrap_or("?")
        )
    })
    .collect()
}

fn births(gateway: &Gateway) -> Value {
    gateway.api().get("/api/v1/nodes/plant/edge")["births"].clone()
}

#[test]
fn equipment_and_limits_change_while_nodes_stay_connected_and_keep_their_state() {
    let place = Place::new("reload");
    let mut gateway = Gateway::start(&place, GatewayOptions::with_catalog(boiler("one", "2.0 MPa")));
    let site = gateway.config().with_file_name("site.toml");
    let mut node = Edge::connect(&gateway.broker(), "plant", "edge");
    node.born(&[]);
    node.send("DBIRTH", Some("one"), now(), &pressure(1.0));
    node.send("DBIRTH", Some("two"), now(), &pressure(0.8));
    gateway.api().wait_until("/api/v1/unregistered", WAIT, |list| {
        list.to_string().contains("\"two\"")
    });
    let before = births(&gateway);

    // A stranger becomes equipment, and the limit of the first falls below what it has.
    std::fs::write(&site, boiler("one", "0.9 MPa") + &boiler("two", "1.0 MPa")).unwrap();
    hangup(&mut gateway);
    gateway.process().wait_for("configuration reloaded", WAIT);
    let list = gateway.api().get("/api/v1/equipment");
    assert_eq!(list["total"], 2, "{list:#}");
    let one = gateway.api().get("/api/v1/equipment/one");
    assert!(
        one.to_string().contains("1.0"),
        "what it said before is still known: {one:#}"
    );
    // The same connection goes on; nobody had to be born again.
    for _ in 0..15 {
        node.send("DDATA", Some("one"), now(), &pressure(1.0));
        node.send("DDATA", Some("two"), now(), &pressure(0.8));
        std::thread::park_timeout(Duration::from_secs(1));
        if !hazards(&gateway).is_empty() {
            break;
        }
    }
    let opened = hazards(&gateway);
    assert!(
        opened.iter().all(|hazard| hazard.starts_with("one ")) && !opened.is_empty(),
        "{opened:?}"
    );
    assert_eq!(births(&gateway), before);

    // What is in the log makes the same hazards with the rules in force.
    let (status, _) = gateway.terminate();
    assert!(status.success());
    gateway.start_again();
    assert_eq!(hazards(&gateway), opened);
}

#[test]
fn a_wrong_file_changes_nothing_and_everything_wrong_with_it_is_said() {
    let place = Place::new("reload-wrong");
    let mut gateway = Gateway::start(&place, GatewayOptions::with_catalog(boiler("one", "2.0 MPa")));
    let site = gateway.config().with_file_name("site.toml");
    std::fs::write(
        &site,
        boiler("one", "2.0 MPq") + &boiler("two", "1.0 MPa").replace("category", "categroy"),
    )
    .unwrap();
    let (status, problem) = gateway.admin().post("/api/v1/reload", &json!({}));
    assert_eq!(status, 422, "{problem:#}");
    assert_eq!(problem["code"], "configuration_wrong");
    let findings = problem["findings"].to_string();
    assert!(
        findings.contains("site.toml:8:")
            && findings.contains("MPq")
            && findings.contains("did you mean `category`"),
        "{findings}"
    );
    hangup(&mut gateway);
    gateway
        .process()
        .wait_for("what was in force stays in force", WAIT);
    assert_eq!(gateway.api().get("/api/v1/equipment")["total"], 1);

    // Put right, it counts; without the token it does not.
    std::fs::write(&site, boiler("one", "2.0 MPa") + &boiler("two", "1.0 MPa")).unwrap();
    let (status, _) = gateway.api().post("/api/v1/reload", &json!({}));
    assert_eq!(status, 401);
    let (status, in_force) = gateway.admin().post("/api/v1/reload", &json!({}));
    assert_eq!((status, &in_force["equipment"]), (200, &json!(2)), "{in_force:#}");
    assert_eq!(gateway.api().get("/api/v1/equipment")["total"], 2);
}

#[test]
fn what_only_a_start_can_change_is_named() {
    let place = Place::new("reload-listen");
    let gateway = Gateway::start(&place, GatewayOptions::with_catalog(boiler("one", "2.0 MPa")));
    let text = std::fs::read_to_string(gateway.config()).unwrap();
    let text = text.replace("[store]", "[retention]\ndays = 7\n[store]");
    std::fs::write(gateway.config(), text).unwrap();
    let (status, in_force) = gateway.admin().post("/api/v1/reload", &json!({}));
    assert_eq!(
        (status, &in_force["next_start"]),
        (200, &json!(["retention"])),
        "{in_force:#}"
    );
}
