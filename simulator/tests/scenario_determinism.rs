//! A scenario is a pure function of its seed.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use vigil_simulator::scenario::Scenario;
use vigil_simulator::simulation::{SimEvent, Simulation};

fn bytes(scenario: Scenario, step_ms: i64) -> String {
    let mut simulation = Simulation::new(scenario);
    let mut text = String::new();
    while !simulation.finished() {
        for event in simulation.advance(simulation.now_ms() + step_ms) {
            text.push_str(&format!("{event:?}\n"));
        }
    }
    text
}

#[test]
fn the_same_seed_gives_the_same_bytes_however_it_is_driven_and_another_seed_others() {
    for name in Scenario::builtin_names() {
        let scenario = Scenario::builtin(name).unwrap();
        let once = bytes(scenario.clone(), scenario.duration_ms);
        assert!(once == bytes(scenario.clone(), 1_000), "{name}: cut into seconds");
        assert!(once == bytes(scenario.clone(), 330), "{name}: cut anyhow");
        assert!(
            once != bytes(
                Scenario {
                    seed: scenario.seed + 1,
                    ..scenario
                },
                1_000
            ),
            "{name}: another seed"
        );
    }
}

#[test]
fn everything_is_reported_at_the_start_and_again_within_the_heartbeat() {
    let scenario = Scenario::builtin("story").unwrap();
    let heartbeat_ms = scenario.heartbeat_ms;
    let ids: Vec<String> = scenario
        .site
        .equipment
        .iter()
        .map(|equipment| equipment.id.clone())
        .collect();
    let mut simulation = Simulation::new(scenario);
    let first = simulation.advance(0);
    for id in &ids {
        let all = simulation.latest(id).unwrap();
        let sent = first.iter().find_map(|event| match event {
            SimEvent::Readings {
                equipment, values, ..
            } if **equipment == **id => Some(values.clone()),
            _ => None,
        });
        assert_eq!(sent.as_ref(), Some(&all), "{id}");
    }
    let events = simulation.advance(60_000);
    // lift-4's node is powered all this time; its readings go on without a link.
    for id in &ids {
        let full = simulation.latest(id).unwrap().len();
        let mut last = 0;
        for event in &events {
            if let SimEvent::Readings {
                at_ms,
                equipment,
                values,
                ..
            } = event
                && **equipment == **id
                && values.len() == full
            {
                assert!(
                    at_ms - last <= heartbeat_ms,
                    "{id}: silent from {last} to {at_ms}"
                );
                last = *at_ms;
            }
        }
        assert!(60_000 - last <= heartbeat_ms, "{id}");
    }
}

#[test]
fn reports_are_by_exception_and_in_order_of_time() {
    let events = Simulation::new(Scenario::builtin("quiet").unwrap()).advance(i64::MAX);
    assert!(events.windows(2).all(|pair| pair[0].at_ms() <= pair[1].at_ms()));
    let values: usize = events
        .iter()
        .map(|event| match event {
            SimEvent::Readings { values, .. } => values.len(),
            _ => 0,
        })
        .sum();
    // Nine pieces with some twenty values, sampled five times a second for ten minutes, would be half a million.
    assert!((20_000..120_000).contains(&values), "{values}");
}

#[test]
fn a_node_without_power_yields_nothing_and_tells_everything_when_it_is_back() {
    let events = Simulation::new(Scenario::builtin("gaps").unwrap()).advance(i64::MAX);
    let of = |from: i64, to: i64| {
        events.iter().filter(move |event| {
            matches!(event, SimEvent::Readings { node, .. } if &**node == "edge-02")
                && (from..to).contains(&event.at_ms())
        })
    };
    assert_eq!(of(30_000, 60_000).count(), 0);
    assert_eq!(of(60_000, 60_001).count(), 2, "both lifts behind it");
}

#[test]
fn the_catalog_of_the_site_names_every_piece_its_node_and_its_channels() {
    let scenario = Scenario::builtin("story").unwrap();
    let catalog: toml::Table = scenario.catalog_toml().parse().unwrap();
    let equipment = catalog["equipment"].as_array().unwrap();
    assert_eq!(equipment.len(), 9);
    let lift = &equipment[0];
    assert_eq!(lift["id"].as_str(), Some("lift-1"));
    assert_eq!(lift["node"].as_str(), Some("haicheng/edge-01"));
    assert_eq!(lift["device"].as_str(), Some("lift-1"));
    assert_eq!(lift["scheme"].as_str(), Some("se-platform-2020"));
    assert_eq!(lift["channel"].as_array().unwrap().len(), 24);
    assert_eq!(lift["channel"][0]["quantity"].as_str(), Some("service_mode"));
    assert_eq!(equipment[6]["nameplate"]["rated_pressure"].as_float(), Some(1.25));
}
