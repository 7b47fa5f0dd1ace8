//! The profiles shipped with the gateway.

/// Name (as in `profiles = ["builtin:flat-id-ts-values"]`) and text.
const PROFILES: &[(&str, &str)] = &[
    (
        "thingsboard-telemetry",
        include_str!("../../../profiles/thingsboard-telemetry.toml"),
    ),
    (
        "thingsboard-gateway",
        include_str!("../../../profiles/thingsboard-gateway.toml"),
    ),
    (
        "flat-id-ts-values",
        include_str!("../../../profiles/flat-id-ts-values.toml"),
    ),
    (
        "gbt-24476-lift",
        include_str!("../../../profiles/gbt-24476-lift.toml"),
    ),
    (
        "regulator-boiler-vessel",
        include_str!("../../../profiles/regulator-boiler-vessel.toml"),
    ),
];

/// Their names.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, _)| *name)
}

/// The text of one of them. A test holds that each loads without a finding.
#[must_use]
pub fn builtin_text(name: &str) -> Option<&'static str> {
    let found = PROFILES.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text)
}
