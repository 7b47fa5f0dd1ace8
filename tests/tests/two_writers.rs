//! Two gateways: never on one database, and side by side on one broker.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use std::time::Duration;
use vigil_simulator::scenario::Scenario;
use vigil_tests::register::{Register, wait_for_farewells};
use vigil_tests::{Expected, Gateway, GatewayOptions, Mosquitto, Place, Site, SiteOptions, check, journals};

#[test]
fn a_second_gateway_on_the_same_data_refuses_and_the_first_one_does_not_notice() {
    let place = Place::new("two-writers");
    let mut first = Gateway::start(&place, GatewayOptions::default());
    let (status, said) = first.second();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("is in use by another vigil process"), "{said}");
    assert_eq!(first.api().get_text("/readyz").0, 200);
    // A lock of a process that was killed is no lock.
    first.kill();
    first.start_again();
    let (status, _) = first.terminate();
    assert!(status.success());
}

#[test]
fn two_gateways_with_their_own_data_and_names_share_a_broker_and_find_the_same() {
    let place = Place::new("two-gateways");
    let broker = Mosquitto::start_in(&place);
    let scenario = Scenario::builtin("story").unwrap();
    let mut gateways: Vec<Gateway> = ["one", "two"]
        .into_iter()
        .map(|name| {
            let mut options = GatewayOptions::with_catalog(scenario.catalog_toml()).on(&broker.url());
            options.name = Some(name.to_owned());
            options.broker_keys = format!("client_id = \"{name}\"\nhost_id = \"{name}\"");
            Gateway::start(&place, options)
        })
        .collect();
    let options = SiteOptions {
        scenario: "story".to_owned(),
        longer: 0,
        broker: broker.url(),
        speed: "30".to_owned(),
        settle: 60,
    };
    let mut site = Site::start(&place, options);
    site.finish(Duration::from_secs(100));
    let kept = journals(site.journals(), &scenario.site.group);
    let nodes: Vec<String> = kept.iter().map(|journal| journal.node.clone()).collect();
    for gateway in &mut gateways {
        wait_for_farewells(&gateway.database(), &nodes, Duration::from_secs(30))
            .expect("both hear every farewell");
        let (status, _) = gateway.terminate();
        assert!(status.success());
        let expected = Expected {
            truth: &scenario.truth,
            lateness: false,
            journals: &kept,
            readings: None,
        };
        let findings = check(&Register::read(&gateway.database()), &expected);
        assert!(findings.ok(), "{findings}");
        let connected = gateway.log().matches("connected to the MQTT broker").count();
        assert_eq!(connected, 1, "nobody took the session over:\n{}", gateway.log());
    }
}
