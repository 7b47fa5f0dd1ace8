//! Whatever stands in a file, reading it ends with findings and never with a panic.

use proptest::prelude::*;
use std::sync::Arc;
use vigil_core::catalog::Catalog;
use vigil_core::diagnostic::has_errors;
use vigil_core::expr::Expr;
use vigil_core::pack::{RulePack, builtin_named};

const PACK: &str = include_str!("../rules/boiler-steam.toml");
const CATALOG: &str = "[template.t]\ncategory = \"1100\"\n[template.t.nameplate]\nrated_pressure = \"1.25 MPa\"\n\
    [[equipment]]\nid = \"b\"\ntemplate = \"t\"\nnode = \"g/n\"\ndevice = \"b\"\n[equipment.nameplate]\nlow_water_limit = -75\n\
    [[equipment.channel]]\nquantity = \"steam_pressure\"\nunit = \"kPa\"\ncurrent_loop = { low = \"0 MPa\", high = \"1.6 MPa\" }\n";

/// Replaces, removes or inserts pieces at places of `text`.
fn damaged(text: &'static str) -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "", "\"", "'", "[", "]", "{", "}", "=", "\n", ".", ",", "0", "-1", "1e999", "true", "名", "\\u0000",
        "#", "[[rule]]",
    ]);
    prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, piece), 1..6).prop_map(move |edits| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, remove, insert) in edits {
            let at = at.index(chars.len() + 1);
            let end = (at + remove).min(chars.len());
            chars.splice(at..end, insert.chars());
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_damaged_pack_gives_findings_or_a_pack(text in damaged(PACK)) {
        let (pack, findings) = RulePack::parse("p.toml", &text);
        prop_assert_eq!(pack.is_none(), has_errors(&findings));
        for finding in &findings {
            prop_assert!(finding.line >= 1 && finding.column >= 1, "{}", finding);
        }
    }

    #[test]
    fn a_damaged_catalog_gives_findings_or_a_catalog(text in damaged(CATALOG)) {
        let packs: Vec<_> = builtin_named("boiler-steam").into_iter().map(Arc::new).collect();
        let (catalog, findings) = Catalog::load(&[("c.toml", &text)], &packs);
        prop_assert_eq!(catalog.is_none(), has_errors(&findings));
    }

    #[test]
    fn a_parsed_expression_is_what_its_canonical_spelling_says(text in "[a-c0-9+*/<>=(), .-]{0,24}|(min|if|t_sat)\\([ab0-9,+]{0,12}\\)") {
        if let Ok(expr) = Expr::parse(&text) {
            let again = Expr::parse(&expr.to_string());
            prop_assert_eq!(again.as_ref().map(ToString::to_string), Ok(expr.to_string()));
            let lookup = |name: &str| Some(name.len() as f64);
            prop_assert_eq!(again.unwrap().eval(&lookup).ok(), expr.eval(&lookup).ok());
        }
    }
}
