//! The checker of the kill tests can fail: it is shown logs that are wrong in every way it knows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;
use vigil_protocol::time::UtcMillis;
use vigil_simulator::scenario::Scenario;
use vigil_tests::register::{Register, doctor, wait_for_farewells};
use vigil_tests::{
    Expected, Findings, Gateway, GatewayOptions, Place, Site, SiteOptions, check, journals, witness,
};

/// A run without any accident, kept as files.
struct Run {
    database: PathBuf,
    journals: Vec<vigil_tests::JournalEnd>,
    scenario: Scenario,
    start: UtcMillis,
}

fn run(place: &Place) -> Run {
    let scenario = Scenario::builtin("story").unwrap();
    let mut options = GatewayOptions::with_catalog(scenario.catalog_toml());
    options.config = "[core]\nack_interval_ms = 250\n".to_owned();
    let mut gateway = Gateway::start(place, options);
    let site = SiteOptions {
        scenario: "story".to_owned(),
        longer: 0,
        broker: gateway.broker(),
        speed: "max".to_owned(),
        settle: 60,
    };
    let mut site = Site::start(place, site);
    let report = site.finish(Duration::from_secs(90));
    let journals = journals(site.journals(), &scenario.site.group);
    let nodes: Vec<String> = journals.iter().map(|journal| journal.node.clone()).collect();
    wait_for_farewells(&gateway.database(), &nodes, Duration::from_secs(30))
        .expect("every node says goodbye");
    gateway.terminate();
    let start = UtcMillis(report["start"].as_i64().unwrap());
    Run {
        database: gateway.database(),
        journals,
        scenario,
        start,
    }
}

impl Run {
    fn check(&self, database: &Path) -> Findings {
        let taken = witness::readings(&self.scenario, self.start);
        let expected = Expected {
            truth: &self.scenario.truth,
            lateness: true,
            journals: &self.journals,
            readings: Some(&taken),
        };
        check(&Register::read(database), &expected)
    }

    /// The findings on a copy that `sql` has made wrong.
    fn doctored(&self, sql: &str) -> Findings {
        let copy = self.database.with_file_name("doctored.db");
        for part in ["db", "db-wal", "db-shm"] {
            let (from, to) = (self.database.with_extension(part), copy.with_extension(part));
            let _not_there = std::fs::remove_file(&to);
            if part != "db-shm" && from.exists() {
                std::fs::copy(from, to).unwrap();
            }
        }
        doctor(&copy, sql);
        self.check(&copy)
    }
}

const A_MESSAGE: &str =
    "(SELECT position FROM messages WHERE seq IS NOT NULL AND kind = 6 ORDER BY position LIMIT 1 OFFSET 700)";

#[test]
fn the_checker_accepts_a_good_log_and_finds_everything_that_can_be_wrong_with_one() {
    let place = Place::new("checker");
    let run = run(&place);
    let good = run.check(&run.database);
    assert!(good.ok(), "{good}");
    assert!(
        good.readings > 1_000 && good.hazards == 13 && good.journaled > 1_000,
        "{good}"
    );

    let lost = run.doctored(&format!("DELETE FROM messages WHERE position = {A_MESSAGE};"));
    assert_eq!((lost.lost, lost.ok()), (1, false), "{lost}");

    let twice = run.doctored(&format!(
        "INSERT INTO messages (position, node_id, device_id, kind, flags, epoch, seq, published, received, context_id, payload)
         SELECT position + 1000000, node_id, device_id, kind, flags, epoch, seq, published, received, context_id, payload
         FROM messages WHERE position = {A_MESSAGE};"
    ));
    assert_eq!((twice.duplicate, twice.ok()), (1, false), "{twice}");

    let invented = run.doctored(&format!(
        "INSERT INTO messages (position, node_id, device_id, kind, flags, epoch, seq, published, received, context_id, payload)
         SELECT position + 1000000, node_id, device_id, kind, flags, epoch, seq + 1000000, published, received, context_id, payload
         FROM messages WHERE position = {A_MESSAGE};"
    ));
    assert!(
        invented
            .problems
            .iter()
            .any(|p| p.contains("the node never wrote it")),
        "{invented}"
    );
    assert!(
        invented
            .problems
            .iter()
            .any(|p| p.contains("is 2 times in the log")),
        "{invented}"
    );

    let another_epoch = run.doctored(&format!(
        "DROP TRIGGER messages_no_update; UPDATE messages SET epoch = epoch + 1 WHERE position = {A_MESSAGE};"
    ));
    assert!(
        another_epoch
            .problems
            .iter()
            .any(|p| p.contains("which no journal knows")),
        "{another_epoch}"
    );

    let altered = run.doctored(&format!(
        "DROP TRIGGER messages_no_update;
         UPDATE messages SET payload = (SELECT other.payload FROM messages other
             WHERE other.device_id = messages.device_id AND other.kind = 6 AND other.position > messages.position LIMIT 1)
         WHERE position = {A_MESSAGE};"
    ));
    assert_eq!(
        altered.lost + altered.duplicate,
        0,
        "the numbers are all there: {altered}"
    );
    assert!(
        altered.problems.iter().any(|p| p.starts_with("reading ")),
        "{altered}"
    );

    let missed = run.doctored(
        "DROP TRIGGER hazards_no_delete; DROP TRIGGER hazard_events_no_delete;
         DELETE FROM hazard_windows WHERE hazard = (SELECT MIN(id) FROM hazards);
         DELETE FROM hazard_events WHERE hazard = (SELECT MIN(id) FROM hazards);
         DELETE FROM hazards WHERE id = (SELECT MIN(id) FROM hazards);",
    );
    assert_eq!((missed.missed, missed.ok()), (1, false), "{missed}");

    let opened_twice = run.doctored(
        "DROP INDEX hazards_one_open;
         INSERT INTO hazards (id, equipment, rule, episode, status, grade, severity, opened_at, late, condition_active, trips, events,
             changed, head, title_zh, title_en, clause)
         SELECT 'HZ-0000000000000000', equipment, rule, episode + 1, status, grade, severity, opened_at, late,
         condition_active, trips, events, changed, head, title_zh, title_en, clause FROM hazards WHERE id = (SELECT MIN(id) FROM hazards);",
    );
    assert_eq!(
        (opened_twice.missed, opened_twice.ok()),
        (1, false),
        "counted as not exactly once: {opened_twice}"
    );

    let wrong = run.doctored(
        "INSERT INTO hazards (id, equipment, rule, episode, status, grade, severity, opened_at, late, condition_active, trips, events,
             changed, head, title_zh, title_en, clause)
         SELECT 'HZ-0000000000000000', 'lift-5', rule, episode, status, grade, severity, opened_at, late,
         condition_active, trips, events, changed, head, title_zh, title_en, clause FROM hazards WHERE id = (SELECT MIN(id) FROM hazards);",
    );
    assert!(wrong.wrong == 1 && !wrong.ok(), "{wrong}");

    let tampered = run.doctored(
        "DROP TRIGGER hazard_events_no_update;
         UPDATE hazard_events SET json = replace(json, '\"severity\":\"S1\"', '\"severity\":\"S3\"');",
    );
    assert!(
        tampered
            .problems
            .iter()
            .any(|p| p.contains("its chain is broken")),
        "{tampered}"
    );
}

#[test]
fn a_run_in_which_no_node_kept_a_journal_is_no_proof() {
    let nothing = Register {
        integrity: "ok".to_owned(),
        ..Register::default()
    };
    let truth = vigil_simulator::truth::Truth::default();
    let findings = check(
        &nothing,
        &Expected {
            truth: &truth,
            lateness: true,
            journals: &[],
            readings: None,
        },
    );
    assert!(!findings.ok());
}
