//! Which assertion of the Sparkplug specification is shown by which test: read from the tests
//! themselves, so that the table cannot say what is not so. `VIGIL_BLESS=1` writes `SPARKPLUG.md`.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test file"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A line of the table: why an assertion is not covered is written there, that it is covered is found
/// by scanning.
struct Assertion<'a> {
    id: &'a str,
    role: &'a str,
    level: &'a str,
    what: &'a str,
    /// `not-applicable`, `not-yet` or empty.
    status: &'a str,
    reason: &'a str,
}

/// A test that claims to show assertions.
#[derive(Debug, PartialEq)]
struct Claim {
    test: String,
    /// Ids as the specification writes them, or what the name of the test makes of one.
    ids: Vec<String>,
    /// Whether a `#[test]` attribute stands above it.
    is_test: bool,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

fn assertions(tsv: &str) -> Vec<Assertion<'_>> {
    let mut lines = tsv.lines();
    assert_eq!(lines.next(), Some("id\trole\tlevel\twhat\tstatus\treason"));
    lines
        .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [id, role, level, what, status, reason] => Assertion {
                id,
                role,
                level,
                what,
                status,
                reason,
            },
            _ => panic!("not six columns: {line}"),
        })
        .collect()
}

/// Ids differ from test names in case and in `-` for `_` only.
fn normalized(id: &str) -> String {
    id.to_lowercase().replace('-', "_")
}

/// The claims in one source file: functions named `tck_id_…` (a suffix after `__` tells several tests
/// of one assertion apart), and tests below a comment `covers: tck-id-…, tck-id-…`.
fn claims(source: &str) -> Vec<Claim> {
    let mut found = Vec::new();
    let mut covers: Vec<String> = Vec::new();
    let (mut in_covers, mut is_test) = (false, false);
    for line in source.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("//") {
            let comment = comment.trim_start_matches(['/', '!']).trim();
            let list = match comment.strip_prefix("covers:") {
                Some(list) => Some(list),
                // A list goes on while its lines end with a comma.
                None => Some(comment).filter(|_| in_covers),
            };
            if let Some(list) = list {
                covers.extend(
                    list.split(',')
                        .map(str::trim)
                        .filter(|id| !id.is_empty())
                        .map(str::to_owned),
                );
                in_covers = list.trim_end().ends_with(',');
            }
            continue;
        }
        in_covers = false;
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test") || line.contains("::test");
            continue;
        }
        if let Some(name) = function_name(line) {
            let mut ids = std::mem::take(&mut covers);
            if name.starts_with("tck_id_") {
                ids.push(name.split("__").next().unwrap_or(name).to_owned());
            }
            if !ids.is_empty() {
                found.push(Claim {
                    test: name.to_owned(),
                    ids,
                    is_test,
                });
            }
        }
        covers.clear();
        is_test = false;
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let rest = line
        .trim_start_matches("pub ")
        .trim_start_matches("async ")
        .strip_prefix("fn ")?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != "artefacts" && !name.starts_with('.') {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_assertion_table_is_true() {
    let tsv = include_str!("data/sparkplug_assertions.tsv");
    let assertions = assertions(tsv);
    assert_eq!(
        assertions.len(),
        299,
        "Sparkplug 3.0.0 has this many testable assertions"
    );
    let known: BTreeMap<String, &str> = assertions
        .iter()
        .map(|assertion| (normalized(assertion.id), assertion.id))
        .collect();
    assert_eq!(known.len(), assertions.len(), "ids differ by more than case");

    let root = repository();
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    let mut wrong = Vec::new();
    let mut covered: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in &files {
        // This file holds claims as examples.
        if file.ends_with("protocol/tests/sparkplug_table.rs") {
            continue;
        }
        let place = file.strip_prefix(&root).unwrap().display().to_string();
        // A file may vanish while the others are read.
        for claim in claims(&fs::read_to_string(file).unwrap_or_default()) {
            if !claim.is_test {
                wrong.push(format!(
                    "{place}: {} claims assertions but is no test",
                    claim.test
                ));
            }
            for id in &claim.ids {
                match known.get(&normalized(id)) {
                    Some(known) => {
                        let tests = covered.entry(known).or_default();
                        tests.push(format!("`{}` in {place}", claim.test));
                    }
                    None => wrong.push(format!("{place}: {} names no assertion: {id}", claim.test)),
                }
            }
        }
    }
    for assertion in &assertions {
        let is_covered = covered.contains_key(assertion.id);
        match assertion.status {
            "" if !is_covered => wrong.push(format!("{}: no test, and no reason why not", assertion.id)),
            "not-applicable" if is_covered => {
                wrong.push(format!(
                    "{}: called not applicable, but a test covers it",
                    assertion.id
                ));
            }
            "not-applicable" | "not-yet" if assertion.reason.is_empty() => {
                wrong.push(format!("{}: {} without a reason", assertion.id, assertion.status));
            }
            "" | "not-applicable" | "not-yet" => {}
            other => wrong.push(format!("{}: unknown status {other}", assertion.id)),
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));

    let page = page(&assertions, &covered);
    let path = root.join("protocol/SPARKPLUG.md");
    if std::env::var_os("VIGIL_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let current = fs::read_to_string(&path).unwrap_or_default();
    if current != page {
        let line = page
            .lines()
            .zip(current.lines())
            .position(|(a, b)| a != b)
            .unwrap_or(0)
            + 1;
        panic!(
            "protocol/SPARKPLUG.md is not current (line {line}):\n  is:     {}\n  should: {}\nrun: VIGIL_BLESS=1 cargo test -p vigil-protocol --test sparkplug_table",
            current.lines().nth(line - 1).unwrap_or_default(),
            page.lines().nth(line - 1).unwrap_or_default(),
        );
    }
}

fn page(assertions: &[Assertion<'_>], covered: &BTreeMap<&str, Vec<String>>) -> String {
    let status = |assertion: &Assertion<'_>| match assertion.status {
        _ if covered.contains_key(assertion.id) => "covered",
        "not-applicable" => "not applicable",
        _ => "not yet",
    };
    let count = |wanted: &str| {
        assertions
            .iter()
            .filter(|assertion| status(assertion) == wanted)
            .count()
    };
    let mut page = String::from(
        "# Sparkplug 3.0 conformance\n\n\
         Generated from the tests: do not edit. Ids are those of the specification; the wording is ours.\n\
         To renew: `VIGIL_BLESS=1 cargo test -p vigil-protocol --test sparkplug_table`.\n\n\
         | status | assertions |\n|---|---|\n",
    );
    for name in ["covered", "not applicable", "not yet"] {
        writeln!(page, "| {name} | {} |", count(name)).unwrap();
    }
    page.push_str(
        "\n| id | role | level | what | status | shown by, or why not |\n|---|---|---|---|---|---|\n",
    );
    for assertion in assertions {
        let Assertion {
            id,
            role,
            level,
            what,
            reason,
            ..
        } = assertion;
        let why = covered
            .get(id)
            .map_or_else(|| (*reason).to_owned(), |tests| tests.join("<br>"));
        writeln!(
            page,
            "| {id} | {role} | {level} | {what} | {} | {why} |",
            status(assertion)
        )
        .unwrap();
    }
    page
}

#[test]
fn claims_are_read_from_names_and_comments() {
    let source = "
        // covers: tck-id-a, tck-id-b,
        // tck-id-c
        // Why this is so.
        #[test]
        fn one() {
            let x = 1;
        }

        // covers: tck-id-lost

        fn helper() {}

        #[tokio::test(flavor = \"current_thread\")]
        async fn tck_id_d__in_two_ways() {}

        fn tck_id_e() {}
    ";
    let claim = |test: &str, ids: &[&str], is_test| Claim {
        test: test.into(),
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        is_test,
    };
    assert_eq!(
        claims(source),
        [
            claim("one", &["tck-id-a", "tck-id-b", "tck-id-c"], true),
            claim("tck_id_d__in_two_ways", &["tck_id_d"], true),
            claim("tck_id_e", &["tck_id_e"], false),
        ]
    );
    assert_eq!(
        normalized("tck-id-payloads-timestamp-in-UTC"),
        "tck_id_payloads_timestamp_in_utc"
    );
}
