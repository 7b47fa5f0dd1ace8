//! The packs shipped with the gateway.

use super::RulePack;

/// Name (as in `rules = ["builtin:lift"]`) and text.
const PACKS: &[(&str, &str)] = &[
    ("common", include_str!("../../rules/common.toml")),
    ("lift", include_str!("../../rules/lift.toml")),
    ("escalator", include_str!("../../rules/escalator.toml")),
    ("boiler-steam", include_str!("../../rules/boiler-steam.toml")),
    (
        "boiler-hot-water",
        include_str!("../../rules/boiler-hot-water.toml"),
    ),
    ("boiler-organic", include_str!("../../rules/boiler-organic.toml")),
    (
        "pressure-vessel",
        include_str!("../../rules/pressure-vessel.toml"),
    ),
];

/// All packs shipped with the gateway. A test holds that each of them loads without a finding.
#[must_use]
pub fn builtin() -> Vec<RulePack> {
    PACKS
        .iter()
        .filter_map(|(name, text)| RulePack::parse(&file_name(name), text).0)
        .collect()
}

/// One of them by name.
#[must_use]
pub fn builtin_named(name: &str) -> Option<RulePack> {
    let (name, text) = PACKS.iter().find(|(known, _)| *known == name)?;
    RulePack::parse(&file_name(name), text).0
}

/// Their names.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    PACKS.iter().map(|(name, _)| *name)
}

fn file_name(name: &str) -> String {
    format!("builtin:{name}")
}
