//! The maps shipped with the gateway: `gateway/register-maps`.

use super::RegisterMap;

/// Id and text.
const MAPS: &[(&str, &str)] = &[
    (
        "generic-8ch-4-20ma",
        include_str!("../../../../register-maps/generic-8ch-4-20ma.toml"),
    ),
    (
        "generic-pressure-transmitter",
        include_str!("../../../../register-maps/generic-pressure-transmitter.toml"),
    ),
    (
        "monarch-nice3000plus",
        include_str!("../../../../register-maps/monarch-nice3000plus.toml"),
    ),
    (
        "sdcsoft-steam-boiler",
        include_str!("../../../../register-maps/sdcsoft-steam-boiler.toml"),
    ),
];

/// A shipped map by id. A test holds that each of them loads without a finding.
#[must_use]
pub fn shipped_map(id: &str) -> Option<RegisterMap> {
    RegisterMap::parse(&format!("shipped:{id}"), shipped_map_text(id)?).0
}

/// Its text, to be copied and changed.
#[must_use]
pub fn shipped_map_text(id: &str) -> Option<&'static str> {
    MAPS.iter().find(|(known, _)| *known == id).map(|(_, text)| *text)
}

/// Their ids.
pub fn shipped_map_ids() -> impl Iterator<Item = &'static str> {
    MAPS.iter().map(|(id, _)| *id)
}
