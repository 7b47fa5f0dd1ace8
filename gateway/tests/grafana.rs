//! The dashboards that come along ask for what the gateway sends. Their queries for VictoriaMetrics are run in
//! tests/tests/sinks.rs; those for InfluxDB cannot be run here and are looked at.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use serde_json::Value;
use std::collections::BTreeSet;
use vigil_protocol::vocabulary::Quantity;

const FLUX: &str = include_str!("../grafana/vigil-dashboard.json");
const METRICSQL: &str = include_str!("../grafana/vigil-dashboard-victoriametrics.json");

fn targets<'d>(dashboard: &'d Value, key: &str) -> Vec<&'d str> {
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "a panel's id is its own");
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target[key].as_str().unwrap()).collect()
}

/// What stands in quotes behind `before`.
fn quoted<'t>(text: &'t str, before: &str) -> Vec<&'t str> {
    let parts = text.split(before).skip(1);
    parts.map(|part| part.split('"').next().unwrap()).collect()
}

#[test]
fn the_flux_queries_name_quantities_and_fields_there_are() {
    let dashboard: Value = serde_json::from_str(FLUX).unwrap();
    let targets = targets(&dashboard, "query");
    assert!(targets.len() >= 8);
    for query in targets {
        for measurement in quoted(query, "r._measurement == \"") {
            assert!(
                measurement == "${quantity}" || Quantity::from_key(measurement).is_some(),
                "{query}"
            );
        }
        let fields = quoted(query, "r._field == \"");
        assert!(!fields.is_empty(), "{query}");
        for field in fields {
            assert!(["value", "quality", "fault"].contains(&field), "{query}");
        }
        assert_eq!(query.matches('(').count(), query.matches(')').count(), "{query}");
    }
}

#[test]
fn both_dashboards_show_the_same() {
    let titles = |text: &str| -> Vec<(Value, Value)> {
        let dashboard: Value = serde_json::from_str(text).unwrap();
        let panels = dashboard["panels"].as_array().unwrap().iter();
        panels
            .map(|panel| (panel["title"].clone(), panel["type"].clone()))
            .collect()
    };
    assert_eq!(titles(FLUX), titles(METRICSQL));
}
