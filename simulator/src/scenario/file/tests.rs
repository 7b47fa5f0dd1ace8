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
