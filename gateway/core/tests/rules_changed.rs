//! A restart with other rules or channels: what still fits goes on, what does not is dropped.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod rules_support;

use rules_support::{START, load_catalog};
use vigil_core::catalog::Equipment;
use vigil_core::equipment::{EquipmentState, Moment};
use vigil_core::output::{Output, Outputs};
use vigil_core::sample::{Reading, Sample};
use vigil_core::{Position, UtcMillis};
use vigil_protocol::vocabulary::{Quality, Quantity};

const CATALOG: &str = r#"
[[equipment]]
id = "boiler-1"
category = "1100"
node = "g/n"
device = "boiler-1"
interval = "10s"
"#;

/// A boiler with limits (id, trip) on the steam pressure, 30 s each.
fn boiler(limits: &[(&str, f64)]) -> Equipment {
    let head = "[pack]\nid = \"t\"\nversion = \"1\"\ntitle_zh = \"t\"\ntitle_en = \"t\"\napplies_to = [\"\"]\n\
                [defaults]\nclause = \"t\"\nsource = \"t\"\nconfidence = \"proposal\"\n";
    let pack = limits.iter().fold(head.to_owned(), |pack, (id, trip)| {
        pack + &format!(
            "[[rule]]\nid = \"{id}\"\ntitle_zh = \"t\"\ntitle_en = \"t\"\nkind = \"limit\"\n\
             quantity = \"steam_pressure\"\ndirection = \"high\"\ntrip = {trip}\nclear = 1.0\n\
             on_delay = \"30s\"\noff_delay = \"0s\"\nseverity = \"S2\"\nopens = \"general\"\n"
        )
    });
    load_catalog(CATALOG, Some(&pack)).unwrap().equipment[0].clone()
}

fn says(state: &mut EquipmentState, boiler: &Equipment, second: i64, pressure: f64) -> Outputs {
    let at = UtcMillis(START.0 + second * 1_000);
    let moment = Moment {
        position: Position(second as u64 + 1),
        received: at,
        published: at,
        historical: false,
    };
    let sample = Sample {
        channel: boiler.channel_of(Quantity::SteamPressure).unwrap(),
        at,
        reading: Reading::Number(pressure),
        raw: Some(pressure),
        quality: Quality::Good,
    };
    let mut out = Outputs::new();
    state.on_samples(boiler, &moment, &[sample], &mut out);
    out
}

fn restored(state: &EquipmentState, before: &Equipment, after: &Equipment) -> EquipmentState {
    EquipmentState::restore(after, state.snapshot(before)).unwrap()
}

fn hazards(out: &Outputs) -> Vec<(String, &'static str)> {
    use vigil_core::hazard::HazardEventKind::{Opened, Recurred, Returned};
    let told = out.iter().filter_map(|output| match output {
        Output::Hazard { event, summary } => Some((
            summary.rule.to_string(),
            match event.kind {
                Opened { .. } => "opened",
                Recurred { .. } => "recurred",
                Returned { .. } => "returned",
                _ => "other",
            },
        )),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_changed_rule_starts_its_delay_anew_and_an_unchanged_one_goes_on() {
    let (before, after) = (
        boiler(&[("A", 1.3), ("B", 1.3)]),
        boiler(&[("A", 1.2), ("B", 1.3)]),
    );
    let mut state = EquipmentState::new(&before);
    says(&mut state, &before, 0, 1.4);
    says(&mut state, &before, 20, 1.4);
    let mut state = restored(&state, &before, &after);
    // The same reading again: the changed rule is looked at although nothing has changed.
    assert_eq!(
        hazards(&says(&mut state, &after, 30, 1.4)),
        [("B".into(), "opened")]
    );
    assert_eq!(hazards(&says(&mut state, &after, 59, 1.4)), []);
    assert_eq!(
        hazards(&says(&mut state, &after, 60, 1.4)),
        [("A".into(), "opened")]
    );
}

#[test]
fn a_changed_rule_keeps_its_alarm_and_its_hazard() {
    let (before, after) = (boiler(&[("A", 1.3)]), boiler(&[("A", 1.35)]));
    let mut state = EquipmentState::new(&before);
    says(&mut state, &before, 0, 1.4);
    assert_eq!(
        hazards(&says(&mut state, &before, 30, 1.4)),
        [("A".into(), "opened")]
    );
    let hazard = state.hazards();
    let mut state = restored(&state, &before, &after);
    assert_eq!(state.hazards(), hazard);
    assert_eq!(state.open_alarms().len(), 1);
    assert_eq!(hazards(&says(&mut state, &after, 40, 1.4)), []);
    assert_eq!(
        hazards(&says(&mut state, &after, 50, 0.9)),
        [("A".into(), "returned")]
    );
    says(&mut state, &after, 60, 1.4);
    assert_eq!(
        hazards(&says(&mut state, &after, 90, 1.4)),
        [("A".into(), "recurred")]
    );
}

#[test]
fn a_rule_that_is_gone_is_dropped_and_a_new_one_begins() {
    let (before, after) = (
        boiler(&[("A", 1.3), ("B", 1.3)]),
        boiler(&[("C", 1.3), ("B", 1.3)]),
    );
    let mut state = EquipmentState::new(&before);
    says(&mut state, &before, 0, 1.4);
    says(&mut state, &before, 30, 1.4);
    assert_eq!(state.open_alarms().len(), 2);
    let mut state = restored(&state, &before, &after);
    let rules: Vec<_> = state
        .open_alarms()
        .iter()
        .map(|alarm| alarm.rule.to_string())
        .collect();
    assert_eq!(rules, ["B"]);
    assert_eq!(hazards(&says(&mut state, &after, 40, 1.4)), []);
    assert_eq!(
        hazards(&says(&mut state, &after, 70, 1.4)),
        [("C".into(), "opened")]
    );
}

#[test]
fn a_quiet_state_is_small_on_disk_and_in_memory() {
    let limits: Vec<(String, f64)> = (0..20).map(|n| (format!("RULE-{n}"), 1.3)).collect();
    let limits: Vec<(&str, f64)> = limits.iter().map(|(id, trip)| (id.as_str(), *trip)).collect();
    let boiler = boiler(&limits);
    let mut state = EquipmentState::new(&boiler);
    assert!(state.is_default());
    for second in 0..100 {
        says(&mut state, &boiler, second, 1.0);
    }
    let json = state.snapshot(&boiler).to_string();
    assert!(json.len() < 600, "{}: {json}", json.len());
    assert!(
        size_of::<EquipmentState>() <= 256,
        "{}",
        size_of::<EquipmentState>()
    );
}

#[test]
fn what_is_no_snapshot_is_refused_with_the_name_of_the_equipment() {
    let boiler = boiler(&[("A", 1.3)]);
    let error = EquipmentState::restore(&boiler, serde_json::json!({"link": 7})).unwrap_err();
    assert!(error.to_string().contains("boiler-1"), "{error}");
}
