//! Broken configurations and what `vigil check` says about them: `tests/data/check/CASE/vigil.toml`
//! with the files it names, and `expected.txt`, one finding a line, then the last line of the report.
//!
//! `VIGIL_UPDATE=1` writes what is said now; read the difference before committing it.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::path::{Path, PathBuf};
use vigil_gateway::cli::check::check;

fn cases() -> Vec<PathBuf> {
    let root = Path::new("tests/data/check");
    let mut cases: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    cases
}

/// The report without the case's own directory, and without the packs' hashes and counts.
fn said(case: &Path) -> String {
    let report = check(Some(&case.join("vigil.toml")));
    let text = report.to_string();
    let last = text.lines().last().unwrap_or_default();
    let findings = report.findings.iter().map(|finding| format!("{finding}\n"));
    let text: String = findings.chain([format!("{last}\n")]).collect();
    text.replace(&format!("{}/", case.display()), "")
}

#[test]
fn every_error_is_named_with_its_place_and_remedy_all_at_once() {
    let cases = cases();
    assert!(cases.len() >= 30);
    let mut wrong = Vec::new();
    for case in cases {
        let said = said(&case);
        let expected = case.join("expected.txt");
        if std::env::var_os("VIGIL_UPDATE").is_some() {
            std::fs::write(&expected, &said).unwrap();
        }
        let expected = std::fs::read_to_string(&expected).unwrap_or_default();
        if said != expected {
            wrong.push(format!(
                "── {}\nexpected:\n{expected}\nsaid:\n{said}",
                case.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn addresses_of_the_command_line_are_judged_like_those_of_the_file() {
    use vigil_gateway::config::{BrokerMode, BrokerUser, Config};
    let everywhere = Some("0.0.0.0:1883".parse().unwrap());
    let here = Some("127.0.0.1:1883".parse().unwrap());
    let mut open = Config::default();
    assert_eq!(open.listen_on(here, here), Ok(Vec::new()));
    let refused = open.clone().listen_on(None, everywhere).unwrap_err();
    assert!(
        refused.contains("from anybody on 0.0.0.0:1883; add [[broker.user]]"),
        "{refused}"
    );
    let warned = open.listen_on(everywhere, None).unwrap();
    assert!(warned[0].contains("can be read by everybody"), "{warned:?}");
    let mut guarded = Config::default();
    guarded.broker.user.push(BrokerUser {
        name: "n".into(),
        password_file: "p".into(),
    });
    assert_eq!(guarded.listen_on(None, everywhere), Ok(Vec::new()));
    let mut external = Config::default();
    external.broker.mode = BrokerMode::External;
    let useless = external.listen_on(None, everywhere).unwrap();
    assert!(useless[0].contains("external broker"), "{useless:?}");
}

#[test]
fn the_report_for_programs_says_the_same() {
    let report = check(Some(Path::new("tests/data/check/rules-kind-unknown/vigil.toml")));
    let json = report.to_json();
    assert_eq!(report.exit_code(), 1);
    assert_eq!(json["ok"], false);
    assert_eq!(json["findings"][0]["level"], "error");
    assert_eq!(json["findings"][0]["line"], 17);
    assert!(
        json["findings"][0]["file"]
            .as_str()
            .unwrap()
            .ends_with("rules-kind-unknown/rules.toml")
    );
}

#[test]
fn a_good_configuration_says_what_will_run() {
    let report = check(Some(Path::new("tests/data/check/good/vigil.toml")));
    assert_eq!((report.exit_code(), report.findings.len()), (0, 0), "{report}");
    let summary = report.summary.unwrap();
    assert_eq!(summary.equipment, 2);
    assert!(summary.rules > 50);
    assert!(
        summary
            .packs
            .iter()
            .any(|pack| pack.id == "boiler-steam" && pack.equipment == 1)
    );
}

#[test]
fn a_file_that_is_not_there_is_an_error_not_the_defaults() {
    let report = check(Some(Path::new("tests/data/check/none/vigil.toml")));
    assert_eq!(report.exit_code(), 1);
    assert!(
        report.findings[0].message.starts_with("cannot be read: "),
        "{report}"
    );
}
