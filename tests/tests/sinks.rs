//! What flows out of a gateway, with the programs as they run: points to a VictoriaMetrics that goes away under load,
//! events to a receiver while the gateway is killed, and the command line beside both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};
use vigil_protocol::sparkplug::{Metric, MetricValue};
use vigil_protocol::time::UtcMillis;
use vigil_tests::edge::now;
use vigil_tests::process::binary;
use vigil_tests::{Edge, Gateway, GatewayOptions, Place, Victoria};

const WAIT: Duration = Duration::from_secs(60);

fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WAIT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "no {what} within {WAIT:?}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

// ── Points ──────────────────────────────────────────────────────────────────────────────────────

const CATALOG: &str = r#"
[[equipment]]
id = "boiler-1"
category = "1100"
node = "s/n1"
device = "b"
[equipment.register]
area_code = "2103, 81=东"
[equipment.nameplate]
rated_pressure = "10 MPa"
"#;

/// A boiler whose every reading is known.
struct Boiler {
    edge: Edge,
    at: i64,
    n: u32,
    /// Pressure in MPa by source time.
    said: BTreeMap<i64, f64>,
    firing: BTreeMap<i64, f64>,
    messages: u64,
}

impl Boiler {
    fn born(broker: &str) -> Self {
        let mut edge = Edge::connect(broker, "s", "n1");
        edge.born(&[]);
        let mut boiler = Self {
            edge,
            at: now().0,
            n: 0,
            said: BTreeMap::new(),
            firing: BTreeMap::new(),
            messages: 1,
        };
        boiler.say("DBIRTH");
        boiler
    }

    fn say(&mut self, kind: &str) {
        // Every reading has a time of its own.
        self.at = now().0.max(self.at + 1);
        self.n += 1;
        let (at, on) = (UtcMillis(self.at), self.n % 2 == 1);
        let mpa = f64::from(self.n % 4_096) / 4_096.0;
        let metrics = [
            Metric::named("steam_pressure", MetricValue::Double(mpa))
                .typed()
                .at(at),
            Metric::named("burner_firing", MetricValue::Bool(on))
                .typed()
                .at(at),
        ];
        self.edge.send(kind, Some("b"), at, &metrics);
        self.said.insert(self.at, mpa);
        self.firing.insert(self.at, f64::from(u8::from(on)));
        self.messages += 1;
    }

    fn say_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            for _ in 0..20 {
                self.say("DDATA");
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

fn sink(gateway: &Gateway, name: &str) -> Value {
    let sinks = gateway.api().get("/api/v1/sinks");
    let all = sinks["sinks"].as_array().unwrap();
    all.iter()
        .find(|sink| sink["name"] == name)
        .cloned()
        .unwrap_or_else(|| panic!("{sinks:#}"))
}

fn metric(gateway: &Gateway, name: &str) -> u64 {
    let (_, text) = gateway.api().get_text("/metrics");
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{name}: {text}")).parse().unwrap()
}

#[test]
fn a_server_that_is_gone_under_load_has_every_point_once_when_it_is_back() {
    let place = Place::new("sinks-points");
    let mut victoria = Victoria::start_in(&place);
    let options = GatewayOptions {
        config: format!("[influx]\nurl = \"{}\"\nlinger_ms = 50\n", victoria.url()),
        ..GatewayOptions::with_catalog(CATALOG.to_owned())
    };
    let mut gateway = Gateway::start(&place, options);
    let mut boiler = Boiler::born(&gateway.broker());
    boiler.say_for(Duration::from_secs(2));
    victoria.stop();
    boiler.say_for(Duration::from_secs(2));
    let failing = until("a failure that is seen", || {
        Some(sink(&gateway, "influx")).filter(|sink| sink["failing_since"].is_string())
    });
    assert_eq!(failing["ok"], false, "{failing:#}");
    assert!(failing["lag_positions"].as_u64().unwrap() > 0, "{failing:#}");
    // It makes nobody unready, and nobody waits for it.
    assert_eq!(gateway.api().get_text("/readyz").0, 200);
    assert_eq!(metric(&gateway, "vigil_sink_up{sink=\"influx\"}"), 0);
    until("every message in the log", || {
        (metric(&gateway, "vigil_messages_logged_total") == boiler.messages).then_some(())
    });
    // The gateway may be killed meanwhile: what it has not sent is in its log.
    gateway.kill();
    gateway.start_again();
    victoria.start_again();
    let mut boiler = Boiler {
        edge: Edge::connect(&gateway.broker(), "s", "n1"),
        ..boiler
    };
    boiler.edge.born(&[]);
    boiler.say("DBIRTH");
    boiler.say_for(Duration::from_secs(2));
    let pressure = until("every point", || {
        let series = victoria.export("steam_pressure_value");
        let found: usize = series.values().map(BTreeMap::len).sum();
        (found >= boiler.said.len()).then_some(series)
    });
    let once = |points: &BTreeMap<i64, f64>| -> BTreeMap<i64, Vec<f64>> {
        points.iter().map(|(at, value)| (*at, vec![*value])).collect()
    };
    let [(labels, points)] = &pressure.into_iter().collect::<Vec<_>>()[..] else {
        panic!("one series")
    };
    let labels: Value = serde_json::from_str(labels).unwrap();
    assert_eq!(labels["equipment"], "boiler-1");
    assert_eq!(
        labels["area"], "2103, 81=东",
        "what is special in a line arrives as it is"
    );
    assert_eq!(labels["unit"], "MPa");
    assert!(*points == once(&boiler.said), "points differ from what was said");
    until("every contact", || {
        let firing = victoria.export("burner_firing_value");
        (firing.values().next() == Some(&once(&boiler.firing))).then_some(())
    });
    let quality = victoria.export("steam_pressure_quality");
    let quality = quality.values().next().unwrap();
    assert_eq!(quality.len(), boiler.said.len());
    assert!(quality.values().all(|values| values == &[192.0]));
    until("nothing behind", || {
        let sink = sink(&gateway, "influx");
        (sink["lag_positions"] == 0 && sink["ok"] == true).then_some(())
    });
    assert_eq!(metric(&gateway, "vigil_outbox_dead{sink=\"influx\"}"), 0);
    dashboard(&victoria);
}

/// The dashboard that comes along finds what a boiler sends.
fn dashboard(victoria: &Victoria) {
    let text = include_str!("../../gateway/grafana/vigil-dashboard-victoriametrics.json");
    let dashboard: Value = serde_json::from_str(text).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"]
                .as_str()
                .unwrap()
                .replace("${quantity}", "burner_firing_value")
                .replace("$equipment", ".*")
                .replace("$__interval", "5m");
            let found = victoria.query(&query).len();
            // It has no controller and says no level.
            let is_silent = ["fault_code", "drum_level"]
                .iter()
                .any(|name| query.contains(name));
            assert_eq!(found, usize::from(!is_silent), "{query}");
        }
    }
}

// ── Events ──────────────────────────────────────────────────────────────────────────────────────

/// A request to the receiver, not answered yet.
struct Event {
    stream: TcpStream,
    key: String,
    body: String,
}

impl Event {
    fn next(listener: &TcpListener) -> Self {
        listener.set_nonblocking(true).unwrap();
        let stream = until("an event", || listener.accept().ok()).0;
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut key, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("idempotency-key") => key = value.to_owned(),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().unwrap();
                }
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        Self {
            stream,
            key,
            body: String::from_utf8(body).unwrap(),
        }
    }

    fn answer(mut self, status: u16) {
        let text = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: 2\r\n\r\nok");
        self.stream.write_all(text.as_bytes()).unwrap();
    }
}

/// `vigil outbox …` with the configuration of the gateway: whether it succeeded, and what it said.
fn outbox(gateway: &Gateway, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(binary("vigil"));
    command
        .arg("outbox")
        .args(args)
        .arg("--config")
        .arg(gateway.config());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn entries(gateway: &Gateway, state: &str) -> Vec<Value> {
    let (done, said) = outbox(gateway, &["list", "--state", state, "--json"]);
    assert!(done, "{said}");
    let page: Value = serde_json::from_str(&said).unwrap();
    page["entries"].as_array().unwrap().clone()
}

#[test]
fn an_event_accepted_while_the_gateway_is_killed_comes_again_under_its_key_and_people_decide_about_the_dead()
{
    let place = Place::new("sinks-events");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let secret = place.write("duty.secret", "whsec-0123456789abcdef\n");
    let options = GatewayOptions {
        config: format!(
            "[[webhook]]\nname = \"duty\"\nurl = \"http://{}/\"\nsecret_file = {secret:?}\n\
             events = [\"node\"]\nallow_private = true\n",
            listener.local_addr().unwrap()
        ),
        ..GatewayOptions::default()
    };
    let mut gateway = Gateway::start(&place, options);
    let mut edge = Edge::connect(&gateway.broker(), "s", "n1");
    edge.born(&[]);
    let first = Event::next(&listener);
    let body: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(
        (&body["event"], &body["node"]["id"]),
        (&"node.online".into(), &"s/n1".into())
    );
    // It has the event; whether it said so, the gateway never learns.
    gateway.kill();
    drop(first.stream);
    gateway.start_again();
    let again = Event::next(&listener);
    assert_eq!((&again.key, &again.body), (&first.key, &first.body));
    let key = again.key.clone();
    again.answer(200);
    let receipt = until("the receipt", || {
        let delivered = entries(&gateway, "delivered");
        delivered.into_iter().find(|entry| entry["key"] == key.as_str())
    });
    assert_eq!(
        (&receipt["status"], &receipt["said"]),
        (&200.into(), &"ok".into())
    );

    // Refused for good.
    let mut edge = Edge::connect(&gateway.broker(), "s", "n2");
    edge.born(&[]);
    // Others may come between: the node before has lost its connection.
    let refused = loop {
        let event = Event::next(&listener);
        if event.body.contains("s/n2") {
            break event;
        }
        event.answer(200);
    };
    let key = refused.key.clone();
    refused.answer(410);
    let dead = until("the dead entry", || entries(&gateway, "dead").into_iter().next());
    assert_eq!(dead["key"], key.as_str());
    let id = dead["id"].to_string();
    let (_, said) = outbox(&gateway, &["list"]);
    assert!(
        said.contains("dead") && said.contains("1 attempt: 410 ok"),
        "{said}"
    );
    // The running gateway is asked, because there is one writer.
    let http = gateway.http().to_owned();
    assert_eq!(
        outbox(&gateway, &["retry", &id, "--url", &http]),
        (true, "1 entry tried again\n".to_owned())
    );
    let event = Event::next(&listener);
    assert_eq!(event.key, key);
    event.answer(410);
    until("dead again", || entries(&gateway, "dead").pop());
    let (done, said) = outbox(&gateway, &["drop", "999999", "--url", &http]);
    assert!(!done && said.contains("there is no entry 999999"), "{said}");
    // Without one the database is opened.
    gateway.terminate();
    assert_eq!(
        outbox(&gateway, &["drop", "--all", "--sink", "nobody"]),
        (true, "0 entries forgotten\n".to_owned())
    );
    assert_eq!(
        outbox(&gateway, &["drop", &id]),
        (true, "1 entry forgotten\n".to_owned())
    );
    assert_eq!(outbox(&gateway, &["list"]), (true, "nothing\n".to_owned()));
}
