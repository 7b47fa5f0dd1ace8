//! The shipped rule packs, their hash, and what they become for a piece of equipment.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use std::sync::Arc;
use vigil_core::catalog::{Catalog, Equipment};
use vigil_core::diagnostic::Diagnostic;
use vigil_core::pack::{
    Condition, Grade, Opens, Rule, RuleKind, RulePack, Severity, builtin, builtin_named, builtin_names,
};
use vigil_core::sample::ChannelIx;
use vigil_protocol::vocabulary::Quantity;

fn packs() -> Vec<Arc<RulePack>> {
    builtin().into_iter().map(Arc::new).collect()
}

fn load(text: &str) -> (Catalog, Vec<Diagnostic>) {
    let (catalog, findings) = Catalog::load(&[("equipment.toml", text)], &packs());
    let catalog = catalog.unwrap_or_else(|| panic!("{findings:#?}"));
    (catalog, findings)
}

fn steam_boiler(nameplate: &str) -> (Equipment, Vec<String>) {
    let text = format!(
        "[[equipment]]\nid = \"b\"\ncategory = \"1100\"\nnode = \"g/n\"\n[equipment.nameplate]\n{nameplate}"
    );
    let (catalog, findings) = load(&text);
    (
        catalog.equipment[0].clone(),
        findings.iter().map(ToString::to_string).collect(),
    )
}

const FULL_NAMEPLATE: &str = "rated_pressure = \"1.25 MPa\"\nlow_water_alarm = -50\nlow_water_limit = -75\n\
                              high_water_alarm = 50\nhigh_water_limit = 75\nrated_evaporation = \"4 t/h\"\n";

fn rule<'a>(equipment: &'a Equipment, id: &str) -> &'a Rule {
    equipment
        .rules
        .iter()
        .find(|rule| &*rule.id == id)
        .unwrap_or_else(|| panic!("no rule {id}"))
}

#[test]
fn every_shipped_pack_loads_without_a_finding() {
    for name in builtin_names() {
        let text =
            std::fs::read_to_string(format!("{}/rules/{name}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let (pack, findings) = RulePack::parse(name, &text);
        assert_eq!(findings, [], "{name}");
        assert_eq!(&*pack.unwrap().info.id, name, "a pack is named as its file");
        assert!(text.lines().count() <= 600, "{name} is too long to read");
    }
    assert_eq!(builtin().len(), builtin_names().count());
}

#[test]
fn every_rule_names_its_clause_source_and_confidence() {
    for pack in builtin() {
        for rule in &pack.rules {
            let place = format!("{} {}", pack.info.id, rule.id);
            for (what, text) in [("clause", &rule.clause), ("source", &rule.source)] {
                assert!(
                    !text.trim().is_empty() && !text.contains('\n'),
                    "{place}: {what} is one line"
                );
            }
            assert!(
                ["sourced", "memory-high", "memory-low", "proposal"].contains(&&*rule.confidence),
                "{place}"
            );
            if rule.opens == Opens::Hazard(Grade::Major) {
                assert!(
                    rule.clause.starts_with("GB 45067-2024 4."),
                    "{place}: a major hazard needs its criterion"
                );
            }
        }
    }
}

#[test]
fn every_major_hazard_cites_a_letter_of_the_standard() {
    let table = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/rules/gb45067.tsv")).unwrap();
    let items: Vec<_> = table
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .collect();
    for pack in builtin() {
        for rule in pack
            .rules
            .iter()
            .filter(|rule| rule.opens == Opens::Hazard(Grade::Major))
        {
            let cited = rule.clause.trim_start_matches("GB 45067-2024 ");
            let known = items
                .iter()
                .any(|item| cited == format!("{} {}", item[0], item[1]));
            assert!(known, "{}: `{}` is no item of gb45067.tsv", rule.id, rule.clause);
        }
    }
}

#[test]
fn only_the_rules_that_must_speak_in_inspection_mode_do() {
    let lift = builtin_named("lift").unwrap();
    let speaking: Vec<_> = lift
        .rules
        .iter()
        .filter(|rule| rule.suppress_when.is_none())
        .map(|rule| &*rule.id)
        .collect();
    assert_eq!(
        speaking,
        [
            "LIFT-ALARM-BUTTON",
            "LIFT-PIT-WATER",
            "LIFT-MACHINE-ROOM-TEMP",
            "LIFT-INSPECTION-LONG"
        ]
    );
}

#[test]
fn the_content_hash_ignores_layout_and_sees_every_meaning() {
    let text = "# a comment\n[pack]\nid = \"p\"\nversion = \"1\"\ntitle_zh = \"甲\"\ntitle_en = \"A\"\napplies_to = [\"11\"]\n\
                [[rule]]\nid = \"R\"\ntitle_zh = \"乙\"\ntitle_en = \"B\"\nkind = \"limit\"\nquantity = \"steam_pressure\"\n\
                direction = \"high\"\ntrip = \"rated_pressure*1.0\"\nclear = \"trip - 0.01\"\non_delay = \"60s\"\n\
                severity = \"S3\"\nopens = \"nothing\"\nclause = \"c\"\nsource = \"s\"\nconfidence = \"proposal\"\n";
    let hash = |text: &str| {
        let (pack, findings) = RulePack::parse("p.toml", text);
        pack.unwrap_or_else(|| panic!("{findings:?}")).info.hash
    };
    let same = [
        text.replace("# a comment\n", ""),
        text.replace("rated_pressure*1.0", "rated_pressure * 1"),
        text.replace("\"60s\"", "\"1min\""),
        text.replace(
            "severity = \"S3\"\nopens = \"nothing\"",
            "opens   = \"nothing\"\nseverity = 'S3'",
        ),
    ];
    for other in &same {
        assert_eq!(hash(text), hash(other), "{other}");
    }
    let different = [
        ("\"60s\"", "\"61s\""),
        ("trip - 0.01", "trip - 0.02"),
        ("\"S3\"", "\"S2\""),
        ("nothing", "general"),
        ("clause = \"c\"", "clause = \"d\""),
        ("version = \"1\"", "version = \"2\""),
        ("high", "low"),
    ];
    for (from, to) in different {
        assert_ne!(hash(text), hash(&text.replace(from, to)), "{from} -> {to}");
    }
}

#[test]
fn thresholds_come_from_the_nameplate() {
    let (boiler, findings) = steam_boiler(FULL_NAMEPLATE);
    assert_eq!(findings, Vec::<String>::new());
    let channel = boiler.channel_of(Quantity::SteamPressure).unwrap();
    // 1.25 MPa lies in 0.8 … 5.3: the valves are set to 1.04 and 1.06 of it.
    let cases = [
        ("BLR-STEAM-P-H", 1.25),
        ("BLR-STEAM-P-HH", 1.275),
        ("BLR-STEAM-P-HHH", 1.325 * 1.03),
    ];
    for (id, expected) in cases {
        let RuleKind::Limit {
            channel: on,
            trip,
            clear,
            ..
        } = rule(&boiler, id).kind
        else {
            panic!("{id}")
        };
        assert_eq!(on, channel);
        assert!((trip - expected).abs() < 1e-9, "{id}: {trip}");
        assert!((trip - clear - 0.025).abs() < 1e-9, "{id}: {clear}");
    }
    assert_eq!(
        &*rule(&boiler, "BLR-STEAM-P-HHH").condition_text,
        "steam_pressure >= 1.3648 MPa for 30 s"
    );
    assert_eq!(
        &*rule(&boiler, "BLR-LEVEL-LL-FIRING").condition_text,
        "((drum_level <= -75 mm or extreme_low_water_alarm) and burner_firing) for 10 s"
    );
    assert_eq!(
        rule(&boiler, "BLR-LEVEL-LL-FIRING").opens,
        Opens::Hazard(Grade::Major)
    );
    assert_eq!(rule(&boiler, "BLR-LEVEL-LL-FIRING").severity, Severity::S1);
}

#[test]
fn a_nameplate_value_given_wins_over_the_derived_one() {
    let (boiler, _) = steam_boiler(&format!(
        "{FULL_NAMEPLATE}safety_valve_low = 1.4\nsafety_valve_high = 1.5\n"
    ));
    let RuleKind::Limit { trip, .. } = rule(&boiler, "BLR-STEAM-P-HH").kind else {
        panic!()
    };
    assert!((trip - 1.325).abs() < 1e-9);
}

#[test]
fn rules_without_their_nameplate_value_are_left_out_with_one_warning() {
    let (boiler, findings) = steam_boiler("rated_pressure = 1.25\n");
    let ids: Vec<_> = boiler.rules.iter().map(|rule| &*rule.id).collect();
    assert!(ids.contains(&"BLR-STEAM-P-HH"));
    assert!(!ids.contains(&"BLR-LEVEL-L"));
    // The contact alone can still say "extreme low water".
    assert_eq!(
        &*rule(&boiler, "BLR-LEVEL-LL").condition_text,
        "extreme_low_water_alarm for 2 s"
    );
    assert!(
        findings.iter().any(
            |finding| finding.contains("the nameplate of `b` has no `low_water_limit`")
                && finding.contains("applied in part")
                && finding.contains("BLR-LEVEL-LL, BLR-LEVEL-LL-FIRING")
        ),
        "{findings:#?}"
    );
}

#[test]
fn a_lift_gets_lift_rules_and_an_escalator_its_own() {
    let text = "[[equipment]]\nid = \"l\"\ncategory = \"3110\"\nnode = \"g/n\"\ndevice = \"l\"\n\
                [[equipment]]\nid = \"e\"\ncategory = \"3310\"\nnode = \"g/n\"\ndevice = \"e\"\n";
    let (catalog, findings) = load(text);
    assert_eq!(findings, []);
    let ids = |ix: usize| {
        catalog.equipment[ix]
            .rules
            .iter()
            .map(|r| r.id.to_string())
            .collect::<Vec<_>>()
    };
    let (lift, escalator) = (ids(0), ids(1));
    assert!(lift.len() > 30, "{lift:?}");
    for id in [
        "LIFT-ENTRAPMENT",
        "LIFT-ENTRAPMENT-INFERRED",
        "LIFT-DOOR-LOCK-BRIDGED",
        "DEV-OFFLINE",
    ] {
        assert!(lift.contains(&id.to_owned()), "{id}");
    }
    assert!(escalator.contains(&"ESC-REVERSAL".to_owned()));
    assert!(
        !escalator.contains(&"LIFT-ENTRAPMENT-INFERRED".to_owned()),
        "it measures no passengers"
    );
    assert!(!lift.contains(&"ESC-REVERSAL".to_owned()));
}

#[test]
fn an_alternative_that_is_not_measured_is_no_alternative() {
    let text = "[[equipment]]\nid = \"l\"\ncategory = \"3110\"\nnode = \"g/n\"\n\
                [[equipment.channel]]\nquantity = \"fault_code\"\n[[equipment.channel]]\nquantity = \"door_closed\"\n";
    let (catalog, _) = load(text);
    let bridged = rule(&catalog.equipment[0], "LIFT-DOOR-LOCK-BRIDGED");
    assert!(
        matches!(
            &bridged.kind,
            RuleKind::Interlock {
                condition: Condition::Code {
                    channel: ChannelIx(0),
                    ..
                }
            }
        ),
        "{bridged:?}"
    );
}

#[test]
fn known_alternatives_decide_and_only_their_lack_is_unknown() {
    let (catalog, _) = load("[[equipment]]\nid = \"l\"\ncategory = \"3110\"\nnode = \"g/n\"\n");
    let RuleKind::Interlock {
        condition: Condition::Any(members),
    } = &rule(&catalog.equipment[0], "LIFT-PIT-WATER").kind
    else {
        panic!()
    };
    let [
        Condition::All(code),
        Condition::All(contact),
        Condition::All(nothing_known),
    ] = members.as_slice()
    else {
        panic!("{members:?}")
    };
    assert!(matches!(
        code.as_slice(),
        [Condition::Not(_), Condition::Code { .. }]
    ));
    assert!(matches!(
        contact.as_slice(),
        [Condition::Not(_), Condition::Is { value: true, .. }]
    ));
    assert!(matches!(
        nothing_known.as_slice(),
        [Condition::Any(_), Condition::Any(_), Condition::NoChannel]
    ));
}

#[test]
fn a_count_that_is_written_wrong_is_told_what_would_be_right() {
    let findings = |body: &str| -> Vec<String> {
        let pack = format!(
            "[pack]\nid = \"p\"\nversion = \"1\"\ntitle_zh = \"甲\"\ntitle_en = \"A\"\napplies_to = [\"\"]\n\
             [[rule]]\nid = \"R\"\ntitle_zh = \"乙\"\ntitle_en = \"B\"\nkind = \"count\"\nseverity = \"S1\"\n\
             opens = \"general\"\nclause = \"c\"\nsource = \"s\"\nconfidence = \"proposal\"\n{body}"
        );
        let (_, findings) = RulePack::parse("p.toml", &pack);
        findings.iter().map(ToString::to_string).collect()
    };
    let right = "quantity = \"flame_failure_alarm\"\nis = true\ncount = 3\nwindow = \"24h\"\n";
    assert_eq!(findings(right), Vec::<String>::new());
    for (from, to, said) in [
        (
            "flame_failure_alarm",
            "steam_pressure",
            "is not a two-state signal",
        ),
        ("is = true", "is = \"on\"", "true"),
        ("is = true\n", "", "`is`"),
        ("count = 3", "count = 1", "2"),
        ("count = 3\n", "", "`count`"),
        ("window = \"24h\"\n", "", "`window`"),
        ("window = \"24h\"", "window = \"0s\"", "must not be zero"),
    ] {
        let found = findings(&right.replace(from, to));
        assert_eq!(found.len(), 1, "{to}: {found:#?}");
        assert!(
            found[0].contains(said) && found[0].starts_with("p.toml:"),
            "{to}: {found:#?}"
        );
    }
}
