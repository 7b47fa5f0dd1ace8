//! `vigil import`, as a person or a program runs it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const GOOD: &str = "设备代码,类别,名称,使用单位,区划代码\n31101001920150001,3110,1号梯,某商场,210381\n";
const BAD: &str = "设备代码,类别,名称,使用单位,区划代码\n31101001920150001,3110,1号梯,某商场,210381\n31101001920150002,9999,2号梯,某商场,210381\n";

fn vigil(dir: &Path, file: &str, arguments: &[&str]) -> Output {
    std::fs::write(dir.join("register.csv"), file).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigil"));
    command
        .current_dir(dir)
        .args(["import", "register.csv"])
        .args(arguments);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_file_is_looked_at_applied_and_compared_when_it_comes_again() {
    let dir = tempfile::tempdir().unwrap();
    let looked = vigil(dir.path(), GOOD, &["--preview"]);
    assert!(looked.status.success(), "{}", said(&looked));
    assert!(
        said(&looked).contains("1 new") && said(&looked).contains("nothing was changed"),
        "{}",
        said(&looked)
    );
    let applied = vigil(dir.path(), GOOD, &["--apply"]);
    assert!(
        applied.status.success() && said(&applied).contains("applied"),
        "{}",
        said(&applied)
    );
    let again = vigil(dir.path(), GOOD, &["--preview", "--json"]);
    let json: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(
        (&json["counts"]["unchanged"], &json["applied"]),
        (&Value::from(1), &Value::from(false))
    );
}

#[test]
fn a_row_that_cannot_be_taken_stops_all_of_it_and_the_report_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let refused = vigil(dir.path(), BAD, &["--apply", "--report", "report.csv"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("nothing was imported"),
        "{}",
        said(&refused)
    );
    assert!(
        std::fs::read_to_string(dir.path().join("report.csv"))
            .unwrap()
            .contains("9999")
    );
    let without = vigil(dir.path(), BAD, &["--apply", "--without-refused", "--json"]);
    let json: Value = serde_json::from_slice(&without.stdout).unwrap();
    assert_eq!(
        (&json["left_out"], without.status.code()),
        (&Value::from(1), Some(1)),
        "not clean: the row is missing"
    );
}

#[test]
fn what_is_no_table_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let refused = vigil(dir.path(), "%PDF-1.7", &["--preview"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("a PDF cannot be read"),
        "{}",
        said(&refused)
    );
    let neither = vigil(dir.path(), GOOD, &[]);
    assert_eq!(neither.status.code(), Some(2), "say what to do");
}
