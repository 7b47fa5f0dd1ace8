use crate::plant::PlantFault;
use crate::scenario::{Action, Scenario, ScenarioError};
use vigil_protocol::vocabulary::FaultKey;

fn scenario(body: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse(
        "test.toml",
        &format!("title = \"t\"\nseed = 1\nduration = \"1m\"\n{body}"),
    )
}

fn refusal(body: &str) -> String {
    scenario(body).expect_err(body).to_string()
}

#[test]
fn a_scenario_is_read_with_its_defaults() {
    let scenario = scenario(
        "[[event]]\nat = \"5s\"\nequipment = \"lift-1\"\nwhat = \"entrapment\"\ncode = \"ENTRAPMENT\"\n\
         [[must]]\nequipment = \"lift-1\"\nrule = \"LIFT-ENTRAPMENT\"\n",
    )
    .unwrap();
    assert_eq!(
        (scenario.step_ms, scenario.heartbeat_ms, scenario.duration_ms),
        (200, 5_000, 60_000)
    );
    assert_eq!(
        (scenario.events[0].from_ms, scenario.events[0].to_ms),
        (5_000, None)
    );
    let fault = PlantFault::Entrapment(Some(FaultKey::Entrapment));
    assert_eq!(
        scenario.events[0].action,
        Action::Plant {
            equipment: "lift-1".into(),
            fault
        }
    );
    assert_eq!(
        (scenario.truth.must[0].count, scenario.truth.must[0].late),
        (1, None)
    );
}

#[test]
fn a_key_that_does_not_exist_is_refused_with_its_line() {
    let message = refusal("colour = \"red\"");
    assert!(
        message.contains("line 4") && message.contains("colour"),
        "{message}"
    );
    let message = refusal("[[event]]\nat = \"5s\"\nwhat = \"broker_down\"\nuntill = \"6s\"");
    assert!(
        message.contains("line 7") && message.contains("untill"),
        "{message}"
    );
}

#[test]
fn every_problem_is_told_at_once_with_its_line_and_what_would_be_right() {
    let cases = [
        ("what = \"entrapmnt\"", "nothing is called `entrapmnt`"),
        ("what = \"entrapment\"", "`entrapment` needs `equipment`"),
        (
            "what = \"entrapment\"\nequipment = \"lift-9\"",
            "no equipment `lift-9`",
        ),
        (
            "what = \"entrapment\"\nequipment = \"lift-1\"\ncode = \"OOPS\"",
            "`OOPS` is no canonical fault key",
        ),
        (
            "what = \"entrapment\"\nequipment = \"boiler-1\"",
            "cannot have the fault",
        ),
        (
            "what = \"entrapment\"\nequipment = \"lift-3\"\ncode = \"ENTRAPMENT\"",
            "has no number for `ENTRAPMENT`",
        ),
        ("what = \"link_down\"\nnode = \"edge-77\"", "no node `edge-77`"),
        (
            "what = \"link_down\"\nnode = \"edge-01\"\nvalue = 1.0",
            "`value` means nothing to `link_down`",
        ),
        (
            "what = \"clock_offset\"\nnode = \"edge-01\"\noffset = \"soon\"",
            "`soon` is no time",
        ),
        (
            "what = \"stuck\"\nequipment = \"lift-1\"\nquantity = \"steam_pressure\"",
            "has no instrument",
        ),
        (
            "what = \"stuck\"\nequipment = \"lift-1\"\nquantity = \"phlogiston\"",
            "`phlogiston` is no quantity",
        ),
        (
            "what = \"drift\"\nequipment = \"boiler-1\"\nquantity = \"drum_level\"",
            "`drift` needs `per_minute`",
        ),
        ("what = \"mode\"\nequipment = \"lift-1\"", "`mode` needs `mode`"),
        (
            "what = \"controller_code\"\nequipment = \"lift-1\"",
            "`controller_code` needs `code`",
        ),
    ];
    for (body, wanted) in cases {
        let message = refusal(&format!("[[event]]\nat = \"5s\"\n{body}"));
        assert!(
            message.starts_with("test.toml:6: ") && message.contains(wanted),
            "{body}: {message}"
        );
    }
    let all: String = cases
        .iter()
        .map(|(body, _)| format!("[[event]]\nat = \"5s\"\n{body}\n"))
        .collect();
    assert!(refusal(&all).lines().count() >= cases.len());
}

#[test]
fn faults_of_slaves_are_checked_as_all_others() {
    let site = include_str!("../../../scenarios/wired.toml");
    let (site, _) = site.split_once("# ── What happens").unwrap();
    let read = |site: &str, event: &str| Scenario::parse("test.toml", &format!("{site}\n{event}"));
    let cases = [
        ("slave = \"remote-io\"\nwhat = \"slave_late\"", "needs `delay`"),
        (
            "slave = \"remote-io\"\nwhat = \"slave_slow\"\ngap = \"fast\"",
            "is no time",
        ),
        (
            "slave = \"remote-io\"\nwhat = \"slave_exception\"",
            "needs `exception`",
        ),
        (
            "slave = \"remote-io\"\nwhat = \"slave_silent\"\nshare = 0.0",
            "above 0 and up to 1",
        ),
        (
            "slave = \"remote-io\"\nwhat = \"slave_silent\"\nshare = 1.5",
            "above 0 and up to 1",
        ),
        ("slave = \"remote-io\"\nwhat = \"slave_asleep\"", "there are"),
        ("slave = \"remote\"\nwhat = \"slave_silent\"", "no slave `remote`"),
        ("what = \"slave_noise\"", "needs `slave`"),
        (
            "slave = \"remote-io\"\nwhat = \"slave_noise\"\ndelay = \"1s\"",
            "`delay` means nothing to `slave_noise`",
        ),
    ];
    for (event, wanted) in cases {
        let message = read(site, &format!("[[event]]\nat = \"5s\"\n{event}"))
            .unwrap_err()
            .to_string();
        assert!(message.contains(wanted), "{event}: {message}");
    }
    let fine = "[[event]]\nat = \"5s\"\nslave = \"remote-io\"\nwhat = \"slave_late\"\ndelay = \"300ms\"\nshare = 0.5";
    assert!(read(site, fine).is_ok());
}

#[test]
fn slaves_that_cannot_be_are_refused() {
    let site = include_str!("../../../scenarios/wired.toml");
    let (site, _) = site.split_once("# ── What happens").unwrap();
    let cases = [
        ("unit = 3", "unit = 0", "everybody's"),
        ("unit = 3", "unit = 2", "has the address of `boiler-4-pressure`"),
        (
            "id = \"remote-io\"",
            "id = \"boiler-4-pressure\"",
            "is there twice",
        ),
        ("decimals = 0", "decimals = 4", "at most 3 decimals"),
        (
            "unit = \"kPa\"",
            "unit = \"mA\"",
            "no unit `mA`; there are MPa, kPa",
        ),
        (
            "quantity = \"steam_pressure\"",
            "quantity = \"drum_level\"",
            "is no pressure",
        ),
        (
            "quantity = \"drum_level\"",
            "quantity = \"outlet_pressure\"",
            "which `boiler-4` has not",
        ),
        (
            "quantity = \"drum_level\"",
            "quantity = \"steam_flow\"",
            "no span for 4–20 mA",
        ),
        (
            "quantity = \"burner_firing\"",
            "quantity = \"drum_level\"",
            "is no contact",
        ),
        ("input = 9", "input = 8", "input 8 is wired twice"),
        ("input = 9", "input = 16", "the last input is 15"),
        ("channel = 1", "channel = 8", "the last channel is 7"),
        (
            "scheme = \"monarch-nice3000plus\"",
            "scheme = \"gbt24476-2017\"",
            "needs the scheme",
        ),
        (
            "kind = \"nice3000\"\nequipment = \"lift-7\"",
            "kind = \"nice3000\"\nequipment = \"boiler-4\"",
            "has not",
        ),
        (
            "kind = \"nice3000\"",
            "kind = \"toaster\"",
            "pressure_transmitter",
        ),
        ("turnaround_ms = 5", "delay_ms = 5", "delay_ms"),
    ];
    for (was, is, wanted) in cases {
        assert!(site.contains(was), "{was}");
        let message = Scenario::parse("test.toml", &site.replacen(was, is, 1))
            .unwrap_err()
            .to_string();
        assert!(message.contains(wanted), "{is}: {message}");
    }
}

#[test]
fn times_outside_the_scenario_and_truth_about_nothing_are_refused() {
    let event = |times: &str| format!("[[event]]\n{times}\nwhat = \"broker_down\"");
    assert!(refusal(&event("at = \"61s\"")).contains("test.toml:5: `at` has to lie within"));
    assert!(refusal(&event("at = \"6s\"\nuntil = \"5s\"")).contains("`until` has to come after"));
    assert!(refusal("step = \"5s\"").contains("between 1ms and 1000ms"));
    assert!(refusal("[[must]]\nequipment = \"lift-9\"\nrule = \"X\"").contains("no equipment `lift-9`"));
    assert!(
        refusal("[[must]]\nequipment = \"lift-1\"\nrule = \"X\"\nseverity = \"S9\"").contains("one of S1")
    );
    assert!(refusal("[[must_not]]\nequipment = \"lift-9\"\nrule = \"*\"").contains("no equipment"));
}

#[test]
fn a_scenario_may_bring_its_own_site() {
    let site = "[site]\ngroup = \"g\"\nname = \"n\"\nname_en = \"n\"\n[[site.node]]\nid = \"a\"\n";
    let vessel = "[[site.equipment]]\nid = \"v\"\nname = \"v\"\nname_en = \"v\"\nkind = \"pressure_vessel\"\n\
                  category = \"2170\"\nnode = \"a\"\nnameplate = { design_pressure = 1.6 }\n";
    let own = scenario(&format!("{site}{vessel}")).unwrap();
    assert_eq!(own.site.find("v").unwrap().nameplate["design_pressure"], 1.6);
    assert!(
        refusal(&format!("{site}{}", vessel.replace("\"a\"", "\"b\"")))
            .contains("node `b`, which is not there")
    );
    assert!(refusal(&format!("{site}{vessel}{vessel}")).contains("`v` is there twice"));
}

#[test]
fn the_built_in_scenarios_are_valid() {
    for name in Scenario::builtin_names() {
        let scenario = Scenario::builtin(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(scenario.name, name);
    }
    assert!(
        Scenario::builtin("nonsense")
            .unwrap_err()
            .to_string()
            .contains("story, quiet")
    );
}
