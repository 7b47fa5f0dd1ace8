//! The risk map.

use crate::desk::risk::MapRow;
use crate::view::time::Time;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::risk::Part;

/// How an area or a unit stands on the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MapStanding {
    /// There is a red risk point.
    Red,
    /// The worst is orange.
    Orange,
    /// The worst is yellow.
    Yellow,
    /// Everything is assessed, and all of it blue.
    Blue,
    /// Nothing worse than blue is known, but not everything is assessed: that is not blue.
    PartlyAssessed,
    /// Nobody has assessed anything.
    NotAssessed,
}

/// An area or a unit on the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MapTile {
    /// Beginning of an area code (empty: nobody has said), or code of a unit.
    pub key: String,
    /// Name of the unit.
    pub name: Option<String>,
    /// How it stands.
    pub standing: MapStanding,
    /// Red, orange, yellow and blue risk points.
    pub red: u32,
    /// Orange.
    pub orange: u32,
    /// Yellow.
    pub yellow: u32,
    /// Blue.
    pub blue: u32,
    /// Risk points nobody has assessed.
    pub not_assessed: u32,
    /// Pieces of equipment without any risk point.
    pub without_points: u32,
    /// Failed controls.
    pub failed_controls: u32,
    /// Open major hazards, suspected ones too.
    pub major_hazards: u32,
    /// Open general hazards.
    pub general_hazards: u32,
    /// Pieces of equipment.
    pub equipment: u32,
    /// Of them: no telemetry tells of them now; that they have no hazards means little.
    pub no_data: u32,
}

impl From<MapRow> for MapTile {
    fn from(row: MapRow) -> Self {
        let count = |part| row.counts.get(part);
        let (red, orange, yellow, blue) = (
            count(Part::RedPoints),
            count(Part::OrangePoints),
            count(Part::YellowPoints),
            count(Part::BluePoints),
        );
        // Equipment without risk points counts there too, for ranks.
        let unknown = count(Part::NotAssessed);
        let standing = if red > 0 {
            MapStanding::Red
        } else if orange > 0 {
            MapStanding::Orange
        } else if yellow > 0 {
            MapStanding::Yellow
        } else if blue > 0 && unknown == 0 {
            MapStanding::Blue
        } else if blue > 0 {
            MapStanding::PartlyAssessed
        } else {
            MapStanding::NotAssessed
        };
        Self {
            standing,
            red,
            orange,
            yellow,
            blue,
            not_assessed: unknown.saturating_sub(row.bare),
            without_points: row.bare,
            failed_controls: count(Part::FailedControls),
            major_hazards: count(Part::MajorHazards),
            general_hazards: count(Part::GeneralHazards),
            equipment: row.pieces,
            no_data: row.unheard,
            key: row.key,
            name: row.name,
        }
    }
}

/// The risk map.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RiskMap {
    /// As of when all was counted; `null`: not yet.
    pub as_of: Option<Time>,
    /// Areas or units, worst first.
    pub tiles: Vec<MapTile>,
}

#[cfg(test)]
mod tests {
    use super::{MapStanding, MapTile};
    use crate::desk::risk::MapRow;
    use vigil_core::risk::{Counts, Part};

    #[test]
    fn what_nobody_has_assessed_is_never_blue() {
        let standing = |counted: &[(Part, u32)]| {
            let mut counts = Counts::default();
            for (part, count) in counted {
                counts.set(*part, *count);
            }
            MapTile::from(MapRow {
                key: "210381".to_owned(),
                name: None,
                pieces: 1,
                unheard: 0,
                bare: 0,
                counts,
            })
            .standing
        };
        assert_eq!(standing(&[]), MapStanding::NotAssessed);
        assert_eq!(standing(&[(Part::NotAssessed, 3)]), MapStanding::NotAssessed);
        assert_eq!(
            standing(&[(Part::BluePoints, 9), (Part::NotAssessed, 1)]),
            MapStanding::PartlyAssessed
        );
        assert_eq!(standing(&[(Part::BluePoints, 1)]), MapStanding::Blue);
        assert_eq!(
            standing(&[
                (Part::BluePoints, 1),
                (Part::RedPoints, 1),
                (Part::NotAssessed, 5)
            ]),
            MapStanding::Red
        );
    }
}
