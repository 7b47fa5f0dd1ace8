//! The command line as people meet it: check, replay, tokens, addresses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use vigil_simulator::scenario::Scenario;
use vigil_tests::http::Told;
use vigil_tests::process::{Process, binary};
use vigil_tests::register::wait_for_farewells;
use vigil_tests::{Api, Gateway, GatewayOptions, Place, Site, SiteOptions, journals};

fn vigil(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(binary("vigil"))
        .args(arguments)
        .current_dir(std::env::temp_dir())
        .output()
        .expect("vigil runs");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}

#[test]
fn everything_wrong_with_a_configuration_is_said_at_once_with_file_line_and_remedy() {
    let place = Place::new("check");
    place.write(
        "site.toml",
        "[[equipment]]\nid = \"lift-1\"\nname = \"1号梯\"\ncategory = \"3110\"\nnode = \"g/n\"\n\n\
         [[equipment.channel]]\nquantity = \"car_sped\"\n",
    );
    place.write(
        "rules.toml",
        "[pack]\nid = \"own\"\nversion = \"1.0.0\"\ntitle_zh = \"自定\"\ntitle_en = \"Own\"\napplies_to = [\"3110\"]\n\n\
         [[rule]]\nid = \"OWN-1\"\ntitle_zh = \"超速\"\ntitle_en = \"Overspeed\"\nkind = \"limit\"\nquantity = \"car_speed\"\n\
         direction = \"high\"\ntrip = \"rated_speed * (1.15\"\nclear = \"rated_speed\"\non_delay = \"5 parsecs\"\n\
         severity = \"S2\"\nopens = \"general\"\nclause = \"x\"\nsource = \"x\"\nconfidence = \"proposal\"\n",
    );
    let config = place.write(
        "vigil.toml",
        "catalog = [\"site.toml\"]\nrules = [\"builtin\", \"rules.toml\"]\n\n[listen]\nhttp = \"localhost\"\nhtpp = 1\n\n\
         [core]\nack_interval_ms = 0\n",
    );
    let (code, said) = vigil(&["check", "--config", path(&config)]);
    assert_eq!(code, Some(1), "{said}");
    for wanted in ["vigil.toml:5", "vigil.toml:6", "vigil.toml:9"] {
        assert!(said.contains(wanted), "{wanted} in:\n{said}");
    }
    assert!(said.contains("`http`"), "a suggestion for `htpp`:\n{said}");

    let config = place.write(
        "vigil.toml",
        "catalog = [\"site.toml\"]\nrules = [\"builtin\", \"rules.toml\"]\n",
    );
    let (code, said) = vigil(&["check", "--config", path(&config)]);
    assert_eq!(code, Some(1), "{said}");
    for wanted in ["site.toml:8", "car_speed", "rules.toml:15", "rules.toml:17"] {
        assert!(said.contains(wanted), "{wanted} in:\n{said}");
    }
    let (code, run) = vigil(&[
        "run",
        "--config",
        path(&config),
        "--data",
        path(&place.dir("data")),
    ]);
    assert_eq!(
        code,
        Some(1),
        "a gateway does not start with what check refuses: {run}"
    );
    assert!(run.contains("site.toml:8"), "{run}");
    assert!(!place.path().join("data/vigil.db").exists(), "nothing was opened");
    let (_, json) = vigil(&["check", "--json", "--config", path(&config)]);
    let report: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e}: {json}"));
    assert_eq!(report["ok"], false);
    assert!(report["findings"].as_array().unwrap().len() >= 3, "{report:#}");
}

/// A gateway that has heard the story, stopped.
fn told(place: &Place) -> Gateway {
    let scenario = Scenario::builtin("story").unwrap();
    let mut options = GatewayOptions::with_catalog(scenario.catalog_toml());
    options.config = "[core]\nack_interval_ms = 250\n".to_owned();
    let gateway = Gateway::start(place, options);
    let options = SiteOptions {
        scenario: "story".to_owned(),
        longer: 0,
        broker: gateway.broker(),
        speed: "max".to_owned(),
        settle: 60,
    };
    let mut site = Site::start(place, options);
    site.finish(Duration::from_secs(90));
    let kept = journals(site.journals(), &scenario.site.group);
    let nodes: Vec<String> = kept.into_iter().map(|journal| journal.node).collect();
    wait_for_farewells(&gateway.database(), &nodes, Duration::from_secs(30))
        .expect("every farewell is heard");
    gateway
}

fn ids(hazards: &Value) -> Vec<String> {
    let mut ids: Vec<String> = hazards
        .as_array()
        .unwrap()
        .iter()
        .map(|hazard| hazard["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[test]
fn replay_finds_the_same_hazards_and_the_difference_other_rules_make() {
    let place = Place::new("replay");
    let mut gateway = told(&place);
    let register = gateway.api().get("/api/v1/hazards?limit=999");
    let database = gateway.database();
    let arguments = [
        "replay",
        path(&database),
        "--config",
        path(gateway.config()),
        "--json",
    ]
    .map(str::to_owned);
    let replay = |more: &[&str]| -> Value {
        let arguments: Vec<&str> = arguments
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        let (code, said) = vigil(&arguments);
        assert_eq!(code, Some(0), "{said}");
        serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"))
    };
    // The gateway is not disturbed by it.
    assert_eq!(ids(&replay(&[])["hazards"]), ids(&register["hazards"]));
    assert_eq!(gateway.api().get_text("/readyz").0, 200);
    gateway.terminate();
    assert_eq!(ids(&replay(&[])["hazards"]), ids(&register["hazards"]));

    // The shipped packs with one rule stricter and one gone.
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/core/rules");
    let changed: PathBuf = place.dir("rules");
    for entry in fs::read_dir(shipped).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            let text = fs::read_to_string(&file)
                .unwrap()
                .replace("\"BLR-LEVEL-LL\"", "\"BLR-LEVEL-LL-STRICT\"");
            fs::write(changed.join(file.file_name().unwrap()), text).unwrap();
        }
    }
    let difference = replay(&["--rules", path(&changed)]);
    let rules = |key: &str| -> Vec<String> {
        let all = difference[key]
            .as_array()
            .unwrap_or_else(|| panic!("{difference:#}"));
        all.iter()
            .map(|hazard| hazard["rule"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(rules("only_old"), ["BLR-LEVEL-LL"]);
    assert_eq!(rules("only_new"), ["BLR-LEVEL-LL-STRICT"]);
    assert_eq!(
        rules("same").len(),
        register["hazards"].as_array().unwrap().len() - 1
    );
    let plain: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|a| *a != "--json")
        .collect();
    let (_, said) = vigil(&[plain, vec!["--rules", path(&changed)]].concat());
    assert!(said.contains("BLR-LEVEL-LL-STRICT"), "{said}");
}

#[test]
fn a_step_needs_the_token_from_a_file_only_its_owner_can_read_and_survives_a_kill() {
    let place = Place::new("token");
    let mut gateway = told(&place);
    let mode = fs::metadata(gateway.token_file()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert!(
        !gateway
            .log()
            .contains(fs::read_to_string(gateway.token_file()).unwrap().trim()),
        "never logged"
    );
    let page = gateway.api().get("/api/v1/hazards?limit=999");
    let id = page["hazards"][0]["id"].as_str().unwrap().to_owned();
    let address = format!("/api/v1/hazards/{id}/actions");
    let confirm = json!({"action": "confirm", "reason": "seen on site"});
    let (status, problem) = gateway.api().post(&address, &confirm);
    assert_eq!(status, 401, "{problem}");
    let (status, problem) = gateway
        .api()
        .with_token("0123456789abcdef0123456789abcdef")
        .post(&address, &confirm);
    assert_eq!(status, 401, "{problem}");
    let (status, done) = gateway.admin().step(&id, &confirm);
    assert_eq!(status, 200, "{done}");
    assert_eq!(done["hazard"]["status"], "confirmed", "{done}");
    // The answer came after the commit.
    gateway.kill();
    gateway.start_again();
    let detail = gateway.api().get(&format!("/api/v1/hazards/{id}"));
    assert!(detail.to_string().contains("seen on site"), "{detail:#}");
    let (status, refused) = gateway.admin().step(&id, &confirm);
    assert_eq!(status, 409, "it is confirmed already: {refused}");
}

#[test]
fn an_address_on_the_command_line_opens_the_broker_to_nobody_either() {
    let place = Place::new("open-broker");
    let data = place.path().join("data");
    let run = ["run", "--data", path(&data), "--http", "127.0.0.1:0", "--mqtt"];
    for address in ["0.0.0.0:0", "[::]:0"] {
        let (code, said) = vigil(&[&run[..], &[address]].concat());
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains("from anybody") && said.contains("[[broker.user]]"),
            "{said}"
        );
    }
    assert!(!data.exists(), "nothing was begun");
}

#[test]
fn only_this_machine_can_reach_it_unless_told_otherwise() {
    let place = Place::new("loopback");
    let data = place.dir("data");
    let mut command = Command::new(binary("vigil"));
    // The default addresses, with ports of their own because others may run here.
    command.args([
        "run",
        "--http",
        "127.0.0.1:0",
        "--mqtt",
        "127.0.0.1:0",
        "--data",
        path(&data),
    ]);
    command.current_dir(place.path());
    let mut process = Process::start("vigil", &mut command);
    let line = process.wait_for("http://", Duration::from_secs(30));
    assert!(line.contains("http://127.0.0.1:"), "{line}");
    process.wait_for("mqtt://127.0.0.1:", Duration::from_secs(10));
    let listening = listening(process.id());
    assert_eq!(listening.len(), 2, "HTTP and MQTT: {listening:?}");
    assert!(
        listening.iter().all(|address| address.starts_with("0100007F:")),
        "loopback only: {listening:?}"
    );
    let (code, shown) = vigil(&["check"]);
    assert_eq!(code, Some(0), "{shown}");

    let open = place.write("open.toml", "[listen]\nmqtt = \"0.0.0.0:0\"\n");
    let (code, said) = vigil(&["run", "--config", path(&open), "--data", path(&place.dir("open"))]);
    assert_eq!(
        code,
        Some(1),
        "an open broker takes messages from anybody: {said}"
    );
    assert!(
        said.contains("open.toml:2") && said.contains("[[broker.user]]"),
        "{said}"
    );
}

/// Local addresses (as the kernel writes them) on which a process listens.
fn listening(process: u32) -> Vec<String> {
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            Some(
                link.to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect();
    let tables = ["tcp", "tcp6"]
        .map(|name| fs::read_to_string(format!("/proc/{process}/net/{name}")).unwrap_or_default());
    tables
        .iter()
        .flat_map(|table| table.lines().skip(1))
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| {
            columns.len() > 9 && columns[3] == "0A" && sockets.iter().any(|inode| inode == columns[9])
        })
        .map(|columns| columns[1].to_owned())
        .collect()
}

#[test]
fn the_event_stream_can_be_taken_up_where_it_broke_off() {
    let place = Place::new("events");
    let gateway = told(&place);
    let api: Api = gateway.api();
    let hazards = |events: &[Told]| events.iter().filter(|event| event.kind == "hazard").count();
    let all = api.events_after(0, Duration::from_secs(10), |events| hazards(events) >= 13);
    assert!(
        all.windows(2).all(|pair| pair[0].id < pair[1].id),
        "in the order of their ids"
    );
    let middle = all[20].id;
    let rest = api.events_after(middle, Duration::from_secs(10), |events| {
        events.len() >= all.len() - 21
    });
    let expected: Vec<i64> = all[21..].iter().map(|event| event.id).collect();
    assert_eq!(
        rest.iter()
            .map(|event| event.id)
            .take(expected.len())
            .collect::<Vec<_>>(),
        expected
    );
}
