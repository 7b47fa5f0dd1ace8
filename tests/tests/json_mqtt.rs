//! JSON of third parties through the real binary: equipment, hazards, and nothing lost when it is killed between
//! arrival and commit. Over the embedded broker and over Mosquitto.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};
use vigil_tests::edge::now;
use vigil_tests::process::binary;
use vigil_tests::{Gateway, GatewayOptions, Mosquitto, Peer, Place, Register};

const WAIT: Duration = Duration::from_secs(30);
const TOPIC: &str = "vigil/haicheng/telemetry";

const CATALOG: &str = r#"
[[equipment]]
id = "lift-1"
name = "1号梯"
category = "3110"
node = "haicheng/json"
device = "l1"
scheme = "se-platform-2020"

[[equipment]]
id = "boiler-1"
name = "1号锅炉"
category = "1100"
node = "haicheng/json"
device = "b1"
[equipment.nameplate]
rated_pressure = "1.25 MPa"
"#;

fn options(profiles: &str) -> GatewayOptions {
    GatewayOptions {
        config: format!("[json]\nprofiles = [{profiles}]\n"),
        ..GatewayOptions::with_catalog(CATALOG.to_owned())
    }
}

/// A message of a device, with its time in it.
fn said(device: &str, at: i64, values: &str) -> String {
    format!("{{\"id\": \"{device}\", \"ts\": {at}, \"values\": {{{values}}}}}")
}

/// Publishes at QoS 1, each message when the one before was acknowledged, over as many connections as it takes.
fn send_surely(url: &str, id: &str, messages: &[String]) {
    let (host, port) = url.trim_start_matches("mqtt://").rsplit_once(':').unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut acknowledged = 0;
    while acknowledged < messages.len() {
        assert!(
            Instant::now() < deadline,
            "{id}: {acknowledged} of {} acknowledged",
            messages.len()
        );
        let mut options = MqttOptions::new(id, host, port.parse::<u16>().unwrap());
        options.set_keep_alive(Duration::from_secs(30));
        let (client, mut connection) = Client::new(options, 10);
        let send = |number: usize| {
            let payload = messages[number].clone();
            client.publish(TOPIC, QoS::AtLeastOnce, false, payload).unwrap();
        };
        for event in connection.iter() {
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => send(acknowledged),
                Ok(Event::Incoming(Packet::PubAck(_))) => {
                    acknowledged += 1;
                    match acknowledged < messages.len() {
                        true => send(acknowledged),
                        false => break,
                    }
                }
                Ok(_) => {}
                // Killed: it comes back.
                Err(_) => break,
            }
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// How often each JSON message is in the log.
fn logged(gateway: &Gateway) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for row in Register::read(&gateway.database()).log {
        let text = String::from_utf8_lossy(&row.payload).into_owned();
        if text.starts_with('{') {
            *times.entry(text).or_default() += 1;
        }
    }
    times
}

fn a_story(place: &str, broker: Option<&Mosquitto>) {
    let place = Place::new(place);
    let mut options = options("\"builtin:flat-id-ts-values\"");
    if let Some(broker) = broker {
        options = options.on(&broker.url());
    }
    let mut gateway = Gateway::start(&place, options);
    let url = broker.map_or_else(|| gateway.broker(), Mosquitto::url);
    let device = Peer::connect(&url, "plc", &[]);
    device.say(
        TOPIC,
        said(
            "b1",
            now().0,
            "\"steam_pressure\": \"0.82\", \"drum_level\": null",
        ),
    );
    let api = gateway.api();
    let boiler = api.wait_until("/api/v1/equipment/boiler-1", WAIT, |e| {
        e.to_string().contains("0.82")
    });
    assert!(
        boiler.to_string().contains("reported as null"),
        "what is missing says why: {boiler:#}"
    );
    // A passenger is shut in: a hazard.
    device.say(
        TOPIC,
        said(
            "l1",
            now().0,
            "\"fault_code\": \"11\", \"service_mode\": 1, \"passenger_present\": true",
        ),
    );
    let hazards = api.wait_until("/api/v1/hazards", WAIT, |list| !list["hazards"][0].is_null());
    let hazard = &hazards["hazards"][0];
    assert_eq!(hazard["equipment"]["id"], "lift-1", "{hazards:#}");
    // What cannot be read is kept and explained; the flow goes on.
    device.say(TOPIC, "{\"id\": \"b1\", \"id\": \"b2\"}");
    device.say(TOPIC, said("stranger", now().0, "\"x\": 1"));
    let strangers = api.wait_until("/api/v1/unregistered", WAIT, |list| {
        list.to_string().contains("stranger")
    });
    assert!(!strangers.to_string().contains("\"b2\""));
    let dead = api.get("/api/v1/dead-letters").to_string();
    assert!(
        dead.contains("at byte 16: the member \\\"id\\\" is there twice"),
        "{dead}"
    );
    // The log makes the same state again.
    let before = api.get("/api/v1/hazards");
    gateway.kill();
    gateway.start_again();
    assert_eq!(gateway.api().get("/api/v1/hazards"), before);
    gateway.api().wait_until("/api/v1/equipment/boiler-1", WAIT, |e| {
        e.to_string().contains("0.82")
    });
}

#[test]
fn json_over_the_embedded_broker_becomes_equipment_and_hazards() {
    a_story("json-embedded", None);
}

#[test]
fn json_over_mosquitto_becomes_equipment_and_hazards() {
    a_story("json-mosquitto", Some(&Mosquitto::start()));
}

#[test]
fn a_burst_without_times_keeps_every_value() {
    let place = Place::new("json-burst");
    let gateway = Gateway::start(&place, options("\"builtin:thingsboard-telemetry\""));
    let device = Peer::connect(&gateway.broker(), "plc", &[]);
    for _ in 0..200 {
        device.say("v1/devices/b7/telemetry", "{\"p\": 1}");
    }
    let metrics = |gateway: &Gateway| gateway.api().get_text("/metrics").1;
    let deadline = Instant::now() + WAIT;
    while !metrics(&gateway).contains("vigil_messages_logged_total 200") {
        assert!(Instant::now() < deadline, "{}", metrics(&gateway));
        std::thread::park_timeout(Duration::from_millis(50));
    }
    assert_eq!(logged(&gateway).into_values().collect::<Vec<_>>(), [200]);
}

#[test]
fn the_load_generator_and_the_log_agree() {
    let place = Place::new("json-load");
    let gateway = Gateway::start(&place, options("\"builtin:flat-id-ts-values\""));
    let arguments = [
        "load-json",
        "--devices",
        "120",
        "--rate",
        "400",
        "--seconds",
        "2",
        "--window",
        "1",
        "--json",
    ];
    let said = Command::new(binary("vigil-sim"))
        .args(arguments)
        .args(["--connections", "3", "--broker", &gateway.broker()])
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let report: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let sent = report["sent"].as_u64().unwrap();
    assert!(sent > 20 && report["acked"] == report["sent"], "{report}");
    // Acknowledged is on disk.
    assert_eq!(logged(&gateway).into_values().sum::<usize>() as u64, sent);
}

/// Several senders at QoS 1 while the gateway is killed and started again.
fn killed_between_arrival_and_commit(place: &str, broker: Option<&Mosquitto>) {
    const SENDERS: usize = 4;
    let each = if broker.is_some() { 400 } else { 80 };
    let place = Place::new(place);
    let mut options = options("\"builtin:flat-id-ts-values\"");
    if let Some(broker) = broker {
        options = options.on(&broker.url());
    }
    let mut gateway = Gateway::start(&place, options);
    let url = broker.map_or_else(|| gateway.broker(), Mosquitto::url);
    let begin = now().0;
    let messages = |sender: usize| -> Vec<String> {
        let message = |n: usize| {
            let at = begin + n as i64;
            said(
                "b1",
                at,
                &format!("\"steam_pressure\": 0.{:04}", sender * 1_000 + n),
            )
        };
        (0..each).map(message).collect()
    };
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (url, messages) = (url.clone(), messages(sender));
                scope.spawn(move || send_surely(&url, &format!("sender-{sender}"), &messages))
            })
            .collect();
        for pause in [150, 300, 70] {
            std::thread::park_timeout(Duration::from_millis(pause));
            gateway.kill();
            gateway.start_again();
        }
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
    let wanted: BTreeMap<String, usize> = (0..SENDERS).flat_map(messages).map(|text| (text, 1)).collect();
    let deadline = Instant::now() + WAIT;
    while logged(&gateway).len() < wanted.len() && Instant::now() < deadline {
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let found = logged(&gateway);
    let lost: Vec<_> = wanted.keys().filter(|text| !found.contains_key(*text)).collect();
    assert!(
        lost.is_empty(),
        "{} acknowledged and lost, such as {:?}",
        lost.len(),
        lost[0]
    );
    let twice: Vec<_> = found.iter().filter(|(_, times)| **times > 1).collect();
    assert!(
        twice.is_empty(),
        "{} in the log more than once, such as {:?}",
        twice.len(),
        twice[0]
    );
}

#[test]
fn nothing_acknowledged_is_lost_when_the_gateway_and_its_broker_are_killed() {
    killed_between_arrival_and_commit("json-kill-embedded", None);
}

#[test]
fn what_mosquitto_had_delivered_and_nobody_acknowledged_comes_again_and_is_kept_once() {
    killed_between_arrival_and_commit("json-kill-mosquitto", Some(&Mosquitto::start()));
}

#[test]
fn profiles_are_replaced_while_the_gateway_runs_and_the_broker_is_asked_for_other_topics() {
    let place = Place::new("json-reload");
    let broker = Mosquitto::start();
    let gateway = Gateway::start(&place, options("\"builtin:flat-id-ts-values\"").on(&broker.url()));
    let device = Peer::connect(&broker.url(), "plc", &[]);
    let text = std::fs::read_to_string(gateway.config()).unwrap();
    let own = "id = \"own\"\ntopic = \"hall/{device}\"\nnode = \"haicheng/json\"\ndevice = \"{device}\"\nvalues = \"$\"\n";
    std::fs::write(
        gateway.config().with_file_name("own.toml"),
        own.replace("values", "vlaues"),
    )
    .unwrap();
    let text = text.replace("\"builtin:flat-id-ts-values\"", "\"own.toml\"");
    std::fs::write(gateway.config(), text).unwrap();
    let (status, problem) = gateway.admin().post("/api/v1/reload", &serde_json::json!({}));
    assert_eq!(status, 422, "{problem:#}");
    assert!(problem.to_string().contains("own.toml:5:1"), "{problem:#}");
    // The one before is still in force.
    device.say(TOPIC, said("b1", now().0, "\"steam_pressure\": 0.61"));
    gateway.api().wait_until("/api/v1/equipment/boiler-1", WAIT, |e| {
        e.to_string().contains("0.61")
    });
    std::fs::write(gateway.config().with_file_name("own.toml"), own).unwrap();
    let (status, answer) = gateway.admin().post("/api/v1/reload", &serde_json::json!({}));
    assert_eq!(status, 200, "{answer:#}");
    // The subscription follows within moments.
    let deadline = Instant::now() + WAIT;
    loop {
        device.say("hall/b1", "{\"steam_pressure\": 0.62}");
        let (_, boiler) = gateway.api().get_text("/api/v1/equipment/boiler-1");
        if boiler.contains("0.62") {
            break;
        }
        assert!(Instant::now() < deadline, "{boiler}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}
