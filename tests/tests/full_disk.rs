//! A full disk: loud, nothing damaged, and when there is room again everything goes on and nothing is missing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use vigil_gateway::config::{BrokerMode, Config};
use vigil_gateway::run::{RunOptions, Running, start};
use vigil_simulator::scenario::Scenario;
use vigil_tests::register::{Register, wait_for_farewells};
use vigil_tests::{
    Api, Expected, Gateway, GatewayOptions, Mosquitto, Place, Site, SiteOptions, check, journals,
};

const WAIT: Duration = Duration::from_secs(60);

/// Pauses until `done`, looking often.
fn until(what: &str, within: Duration, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !done() {
        assert!(Instant::now() < deadline, "no {what} within {within:?}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn metric(api: &Api, name: &str) -> f64 {
    let (_, text) = api.get_text("/metrics");
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")))
        .unwrap_or_else(|| panic!("{name}: {text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

/// While the site tells the story and `known` hazards are open: fill, see that it is loud, free, see that it is well again.
fn story_on_a_full_disk(
    place: &Place,
    broker: &Mosquitto,
    api: &Api,
    known: usize,
    fill: impl FnOnce(),
    free: impl FnOnce(),
) -> Site {
    let options = SiteOptions {
        scenario: "story".to_owned(),
        longer: 0,
        broker: broker.url(),
        speed: "12".to_owned(),
        settle: 90,
    };
    let site = Site::start(place, options);
    api.wait_until("/api/v1/hazards", WAIT, |page| {
        page["hazards"].as_array().is_some_and(|all| all.len() >= known)
    });
    fill();
    until("503", WAIT, || api.get_text("/readyz").0 == 503);
    let (_, problem) = api.get_text("/readyz");
    assert!(
        problem.contains("store") && problem.contains("full"),
        "says what is wrong: {problem}"
    );
    assert_eq!(
        api.get_text("/healthz").0,
        200,
        "the process is alive: restarting it would not help"
    );
    // The numbers behind the page stay readable.
    assert_eq!(metric(api, "vigil_store_up"), 0.0);
    let failures = metric(api, "vigil_commit_failures_total");
    until("another attempt", WAIT, || {
        metric(api, "vigil_commit_failures_total") > failures
    });
    assert!(
        api.get("/api/v1/hazards")["hazards"].as_array().unwrap().len() >= known,
        "what is known is shown"
    );
    free();
    until("200", WAIT, || api.get_text("/readyz").0 == 200);
    assert_eq!(metric(api, "vigil_store_up"), 1.0);
    site
}

fn nothing_is_missing(place: &Place, site: &Site, scenario: &Scenario, database: &Path) {
    let kept = journals(site.journals(), &scenario.site.group);
    let expected = Expected {
        truth: &scenario.truth,
        lateness: false,
        journals: &kept,
        readings: None,
    };
    let findings = check(&Register::read(database), &expected);
    assert!(findings.ok(), "{findings}\n{}", place.path().display());
}

fn nodes(site: &Site, scenario: &Scenario) -> Vec<String> {
    journals(site.journals(), &scenario.site.group)
        .into_iter()
        .map(|journal| journal.node)
        .collect()
}

/// A file system of a few MiB; unmounted on drop.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where mounting is not permitted.
    fn mount(at: PathBuf, mebibytes: u32) -> Option<Self> {
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&at)
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the gateway may still have files open when a test fails.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn a_disk_that_is_full_for_a_while_costs_nothing() {
    let place = Place::new("full-disk");
    let broker = Mosquitto::start_in(&place);
    let scenario = Scenario::builtin("story").unwrap();
    let Some(disk) = SmallDisk::mount(place.dir("disk"), 48) else {
        eprintln!(
            "mounting is not permitted here: only the test with a page limit shows what a full disk does"
        );
        return;
    };
    let mut options = GatewayOptions::with_catalog(scenario.catalog_toml()).on(&broker.url());
    options.data = Some(disk.0.join("data"));
    options.config = "[core]\nack_interval_ms = 250\n".to_owned();
    let mut gateway = Gateway::start(&place, options);
    let ballast = disk.0.join("ballast");
    let fill = || {
        // Everything that is free, to the last block.
        let mut file = fs::File::create(&ballast).unwrap();
        let block = [0_u8; 4_096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
    };
    let mut site = story_on_a_full_disk(&place, &broker, &gateway.api(), 2, fill, || {
        fs::remove_file(&ballast).unwrap()
    });
    let log = gateway.log();
    assert!(
        log.contains("ERROR") && log.contains("the store does not work"),
        "{log}"
    );
    assert!(log.contains("the store works again"), "{log}");
    site.finish(Duration::from_secs(100));
    wait_for_farewells(&gateway.database(), &nodes(&site, &scenario), WAIT).expect("every farewell is heard");
    let (status, _) = gateway.terminate();
    assert!(status.success());
    nothing_is_missing(&place, &site, &scenario, &gateway.database());
}

#[test]
fn a_database_that_may_not_grow_for_a_while_costs_nothing() {
    let place = Place::new("page-limit");
    let broker = Mosquitto::start_in(&place);
    let scenario = Scenario::builtin("story").unwrap();
    let mut config = Config {
        catalog: vec![place.write("site.toml", &scenario.catalog_toml())],
        ..Config::default()
    };
    config.store.data = place.dir("data");
    config.listen.http = "127.0.0.1:0".parse().unwrap();
    config.broker.mode = BrokerMode::External;
    config.broker.url = Some(broker.url());
    config.core.ack_interval_ms = 250;
    let database = config.database();
    let (catalog, _) = config.load_catalog().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // How much the tables take, a start elsewhere shows.
    let mut elsewhere = config.clone();
    elsewhere.store.data = place.dir("elsewhere");
    let tables = elsewhere.database();
    runtime.block_on(async {
        let first = start(elsewhere, catalog.clone(), RunOptions::default()).await;
        first.unwrap().shutdown(Duration::from_secs(20)).await.unwrap();
    });
    let pages: u32 = runtime.block_on(async {
        let mut db = SqliteConnectOptions::new()
            .filename(&tables)
            .connect()
            .await
            .unwrap();
        let count = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut db);
        count.await.unwrap()
    });
    let options = RunOptions::default();
    // Enough for the tables and a part of the story.
    let limit = options.page_limit.clone();
    limit.set(pages + 50);
    let running: Running = runtime.block_on(async {
        let running = start(config, catalog, options).await.unwrap();
        running.connected().await;
        running
    });
    let api = Api::new(&format!("http://{}", running.http_addr));
    until("readiness", WAIT, || api.get_text("/readyz").0 == 200);
    let mut site = story_on_a_full_disk(&place, &broker, &api, 0, || (), || limit.set(0));
    site.finish(Duration::from_secs(100));
    wait_for_farewells(&database, &nodes(&site, &scenario), WAIT).expect("every farewell is heard");
    runtime
        .block_on(running.shutdown(Duration::from_secs(20)))
        .unwrap();
    nothing_is_missing(&place, &site, &scenario, &database);
}
