//! Fault codes: the same code means different things to different schemes, models and firmware, and never the wrong one.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::collections::BTreeMap;
use vigil_core::catalog::{Catalog, CodeRow, builtin_schemes, code_rows, models_of};
use vigil_core::sample::RawCode;
use vigil_protocol::vocabulary::{FaultKey, bare_code};

#[test]
fn every_row_is_understood_and_no_two_compete_for_a_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/fault-codes.tsv");
    let text = std::fs::read_to_string(path).unwrap();
    for line in text.lines().skip(1) {
        assert!(CodeRow::parse(line).is_some(), "{line}");
    }
    let rows = code_rows();
    assert_eq!(rows.len(), text.lines().count() - 1);
    for (ix, row) in rows.iter().enumerate() {
        for other in &rows[..ix] {
            assert!(!row.competes(other), "{row:?}\n{other:?}");
        }
    }
}

#[test]
fn a_code_that_schemes_disagree_about_means_to_each_what_its_own_rows_say() {
    let schemes = builtin_schemes();
    let mut by_code: BTreeMap<&str, BTreeMap<&str, FaultKey>> = BTreeMap::new();
    for row in code_rows() {
        let meanings = by_code.entry(bare_code(row.code)).or_default();
        meanings.insert(row.scheme, row.key);
    }
    let mut conflicts = 0;
    for (code, meanings) in &by_code {
        let mut keys: Vec<_> = meanings.values().collect();
        keys.sort();
        keys.dedup();
        conflicts += usize::from(keys.len() > 1);
        for (scheme, key) in meanings {
            for raw in [(*code).to_owned(), format!("E{code}"), format!("{code:0>4}")] {
                let found = schemes[*scheme].lookup(RawCode::new(&raw));
                // A leading E belongs to numbers; other codes are taken as they are.
                if raw == **code || code.bytes().all(|b| b.is_ascii_digit()) {
                    assert_eq!(found, Some(*key), "{scheme} {raw}");
                }
            }
        }
    }
    assert!(
        conflicts > 30,
        "only {conflicts} codes in conflict: is the table whole?"
    );
}

#[test]
fn a_code_only_another_scheme_knows_is_unknown() {
    let schemes = builtin_schemes();
    for row in code_rows() {
        for (id, scheme) in &schemes {
            let own = code_rows()
                .iter()
                .any(|other| other.scheme == id && bare_code(other.code) == bare_code(row.code));
            if !own {
                assert_eq!(scheme.lookup(RawCode::new(row.code)), None, "{id} {}", row.code);
            }
        }
    }
}

fn catalog(keys: &str) -> Result<Catalog, Vec<String>> {
    let text = format!("[[equipment]]\nid = \"l\"\ncategory = \"3110\"\nnode = \"g/n\"\n{keys}");
    let (catalog, findings) = Catalog::load(&[("site.toml", &text)], &[]);
    catalog.ok_or_else(|| findings.iter().map(ToString::to_string).collect())
}

fn meaning(keys: &str, code: &str) -> Option<&'static str> {
    let catalog = catalog(keys).unwrap();
    let scheme = catalog.equipment[0].scheme.clone().unwrap();
    scheme.lookup(RawCode::new(code)).map(FaultKey::key)
}

#[test]
fn equipment_names_its_controller_and_gets_the_codes_of_that() {
    assert_eq!(models_of("monarch-nice3000plus"), ["NICE3000+"]);
    let monarch = "scheme = \"monarch-nice3000plus\"\n";
    assert_eq!(meaning(monarch, "E58"), Some("TERMINAL_SLOWDOWN_FAULT"));
    let named = format!("{monarch}controller = \"nice3000+\"\nfirmware = \"V33.10\"\n");
    assert_eq!(meaning(&named, "E58"), Some("TERMINAL_SLOWDOWN_FAULT"));
    assert_eq!(
        meaning("scheme = \"monarch-nice3000plus-old\"\n", "E58"),
        Some("POSITION_LOST")
    );
}

#[test]
fn wrong_controllers_are_refused_with_the_right_ones() {
    for (keys, wanted) in [
        (
            "scheme = \"monarch-nice3000plus\"\ncontroller = \"NICE3000\"\n",
            "site.toml:6:14: error: the scheme has no codes of a `NICE3000` (help: did you mean `NICE3000+`?)",
        ),
        (
            "scheme = \"monarch-nice3000plus\"\nfirmware = \"new\"\n",
            "site.toml:6:12: error: `new` is not a firmware version (help: numbers between dots, such as \"33.10\")",
        ),
        (
            "scheme = \"monach-nice3000plus\"\n",
            "site.toml:5:10: error: unknown fault-code scheme `monach-nice3000plus` (help: did you mean `monarch-nice3000plus`?)",
        ),
    ] {
        assert_eq!(catalog(keys).unwrap_err(), [wanted]);
    }
}

#[test]
fn a_catalog_adds_to_a_shipped_scheme_under_its_own_name() {
    let scheme =
        "[scheme.monarch-nice3000plus]\nbase = \"monarch-nice3000plus\"\ncodes = { E99 = \"PIT_WATER\" }\n";
    let keys = format!("scheme = \"monarch-nice3000plus\"\ncontroller = \"NICE3000+\"\n{scheme}");
    assert_eq!(meaning(&keys, "E99"), Some("PIT_WATER"));
    assert_eq!(meaning(&keys, "E41"), Some("SAFETY_CIRCUIT_OPEN"));
    let scheme = "[scheme.a]\nbase = \"gbt24476-2017\"\ncodes = { 77 = \"PIT_WATER\" }\n[scheme.b]\nbase = \"a\"\ncodes = { 78 = \"OTHER\" }\n";
    let keys = format!("scheme = \"b\"\nfirmware = \"1\"\n{scheme}");
    for (code, key) in [
        ("77", "PIT_WATER"),
        ("78", "OTHER"),
        ("05", "UNINTENDED_CAR_MOVEMENT"),
    ] {
        assert_eq!(meaning(&keys, code), Some(key), "{code}");
    }
}
