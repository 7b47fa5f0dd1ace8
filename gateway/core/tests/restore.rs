//! Snapshots: small, tolerant of a changed catalog, honest about damage.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use support::*;
use vigil_core::pipeline::RestoreError;
use vigil_core::sample::Reading;
use vigil_core::{Output, Outputs, Pipeline, Settings};
use vigil_protocol::sparkplug::{Metric, MetricValue};
use vigil_protocol::vocabulary::Quantity;

fn stored(site: &mut Site) -> Vec<(String, Vec<u8>)> {
    let keys = site.pipeline.take_dirty(usize::MAX);
    keys.iter()
        .map(|key| (key.to_string(), site.pipeline.snapshot(key).unwrap()))
        .collect()
}

fn restored(site: &mut Site, text: &str) -> Site {
    let snapshots = stored(site);
    let mut other = Site::with(text, Settings::default());
    for context in site.fed.iter().flat_map(|(_, out)| contexts(out)) {
        other.pipeline.restore_context(context);
    }
    for (key, bytes) in &snapshots {
        other.pipeline.restore_node(key, bytes).unwrap();
    }
    (other.now, other.position) = (site.now, site.position);
    other
}

#[test]
fn what_changed_is_told_once_and_oldest_first() {
    let mut site = Site::new();
    site.births();
    site.send("spBv1.0/s/NBIRTH/n2", 0, &[]);
    let keys = site.pipeline.take_dirty(2);
    assert_eq!(keys.iter().map(|key| &**key).collect::<Vec<_>>(), ["", "s/n1"]);
    assert_eq!(&*site.pipeline.take_dirty(9)[0], "s/n2");
    assert_eq!(site.pipeline.take_dirty(9).len(), 0);
    site.wait(1);
    assert_eq!(site.pipeline.take_dirty(9).len(), 0);
    site.send(DDATA, 3, &[]);
    assert_eq!(site.pipeline.take_dirty(9).len(), 1);
    assert_eq!(site.pipeline.snapshot("nobody/here"), None);
}

#[test]
fn aliases_values_and_open_hazards_survive() {
    let mut site = Site::new();
    site.births();
    for n in 0..40_u8 {
        site.now += 1_000;
        site.send(DDATA, 3 + n, &[pressure(1.3)]);
    }
    let hazards = site.pipeline.equipment(site.ix("boiler")).state.hazards();
    assert!(!hazards.is_empty());
    let mut other = restored(&mut site, CATALOG);
    assert_eq!(
        other.pipeline.equipment(other.ix("boiler")).state.hazards(),
        hazards
    );
    other.now += 1_000;
    other.send(DDATA, 43, &[pressure(1.25)]);
    assert_eq!(
        other.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(1.25))
    );
    let action = vigil_core::OperatorAction {
        actor: "li".into(),
        reason: "gauge faulty".into(),
        idempotency_key: None,
        who: None,
        scope: None,
        action: vigil_core::Action::RejectHazard {
            hazard: hazards[0].id.clone(),
        },
    };
    let out = other.input(Kept::Action(action)).clone();
    assert!(matches!(out[0], Output::LogAction(_)), "{out:?}");
}

#[test]
fn without_its_births_a_node_is_asked_for_them() {
    let mut site = Site::new();
    site.births();
    let snapshots = stored(&mut site);
    let mut other = Site::new();
    for (key, bytes) in &snapshots {
        let wanted = Pipeline::contexts_of(key, bytes).unwrap();
        assert_eq!(wanted.len(), if key == "s/n1" { 3 } else { 0 });
        other.pipeline.restore_node(key, bytes).unwrap();
    }
    (other.now, other.position) = (site.now + 1_000, site.position);
    assert_eq!(rebirths(other.send(DDATA, 3, &[pressure(0.9)])), 1);
}

#[test]
fn a_changed_catalog_keeps_what_still_fits() {
    let mut site = Site::new();
    site.births();
    site.send(
        "spBv1.0/s/DDATA/n1/x",
        3,
        &[named("steam_pressure", MetricValue::Double(0.2))],
    );
    site.send("spBv1.0/s/DDATA/n7/y", 0, &[named("t", MetricValue::Int8(1))]);
    assert_eq!(site.pipeline.unregistered().len(), 2);
    // The lift has gone, the boiler has lost its channels but one, the stranger `x` has been entered.
    let text = r#"
[[equipment]]
id = "boiler"
category = "1100"
node = "s/n1"
device = "b"
[[equipment.channel]]
quantity = "drum_level"

[[equipment]]
id = "x"
category = "1100"
node = "s/n1"
device = "x"
"#;
    let mut other = restored(&mut site, text);
    assert_eq!(
        other.reading("boiler", Quantity::DrumLevel),
        Some(Reading::Number(5.0))
    );
    assert_eq!(other.pipeline.unregistered().len(), 1);
    other.now += 1_000;
    other.send(
        "spBv1.0/s/DDATA/n1/x",
        4,
        &[named("steam_pressure", MetricValue::Double(0.3))],
    );
    assert_eq!(
        other.reading("x", Quantity::SteamPressure),
        Some(Reading::Number(0.3))
    );
    assert_eq!(other.pipeline.nodes().count(), 2);
}

#[test]
fn messages_that_wait_for_others_survive() {
    let mut site = Site::new();
    site.births();
    site.now += 1_000;
    let missing = payload(Some(site.now), Some(3), &[pressure(0.5)]);
    site.now += 1;
    site.send(
        DDATA,
        4,
        &[pressure(0.6), Metric::aliased(2, MetricValue::Float(7.0))],
    );
    let mut other = restored(&mut site, CATALOG);
    other.raw(DDATA, missing);
    assert_eq!(
        other.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.6))
    );
}

#[test]
fn damaged_snapshots_are_refused_and_leave_a_working_pipeline() {
    let mut site = Site::new();
    site.births();
    let good = stored(&mut site)
        .into_iter()
        .find(|(key, _)| key == "s/n1")
        .unwrap()
        .1;
    for cut in [0, 1, good.len() / 2, good.len() - 1] {
        let mut other = Site::new();
        let result = other.pipeline.restore_node("s/n1", &good[..cut]);
        assert!(
            matches!(&result, Err(RestoreError::Malformed { node, .. }) if node == "s/n1"),
            "{result:?}"
        );
        other.births();
        assert_eq!(
            other.reading("boiler", Quantity::SteamPressure),
            Some(Reading::Number(0.8))
        );
    }
    assert!(Pipeline::contexts_of("s/n1", b"[]").is_err());
}

#[test]
fn inputs_that_a_snapshot_already_holds_are_skipped() {
    let mut site = Site::new();
    site.births();
    site.now += 1_000;
    site.send(DDATA, 3, &[pressure(0.9)]);
    let mut other = restored(&mut site, CATALOG);
    let before = other.pipeline.snapshot("s/n1");
    for (fed, _) in &site.fed {
        let mut out = Outputs::new();
        feed(&mut other.pipeline, fed, &mut out);
        assert_eq!(out, []);
    }
    assert_eq!(other.pipeline.snapshot("s/n1"), before);
}

#[test]
fn a_snapshot_of_a_quiet_boiler_is_small() {
    let mut site = Site::new();
    let birth = [named("bdSeq", MetricValue::Int64(0)), pressure(0.5)];
    site.send("spBv1.0/s/NBIRTH/n2", 0, &birth);
    let size = site.pipeline.snapshot("s/n2").unwrap().len();
    assert!(size < 1_500, "{size} bytes");
}
