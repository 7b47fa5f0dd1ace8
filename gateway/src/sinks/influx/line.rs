//! Readings as lines of the InfluxDB line protocol.

use std::io::Write as _;
use vigil_core::catalog::Equipment;
use vigil_core::sample::{Reading, Sample};
use vigil_protocol::vocabulary::{FaultKey, Quantity, Unit, bare_code};

/// What the lines of a piece of equipment have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags(Box<[u8]>);

impl Tags {
    /// Of a piece of equipment.
    #[must_use]
    pub fn of(equipment: &Equipment) -> Self {
        let mut tags = Vec::new();
        let group = equipment.node.split('/').next().unwrap_or_default();
        // In the order of their keys, before `unit`: the server would have to sort them otherwise.
        for (key, value) in [
            ("area", equipment.register.get("area_code").unwrap_or("")),
            ("class", equipment.class.key()),
            ("equipment", &equipment.id),
            ("group", group),
        ] {
            tag(&mut tags, key, value);
        }
        Self(tags.into())
    }
}

/// A tag; one without a value may not be written.
fn tag(head: &mut Vec<u8>, key: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    head.push(b',');
    head.extend_from_slice(key.as_bytes());
    head.push(b'=');
    for byte in value.bytes() {
        match byte {
            b',' | b'=' | b' ' => head.extend_from_slice(&[b'\\', byte]),
            // Nothing can stand for these: a backslash at the end would swallow the comma behind it.
            b'\\' => head.push(b'/'),
            0..=0x1f | 0x7f => head.push(b'_'),
            _ => head.push(byte),
        }
    }
}

/// Lines on their way to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    bytes: Vec<u8>,
    /// Where each line ends.
    ends: Vec<u32>,
}

impl Lines {
    /// Lines in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes in it.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The lines, and where each ends.
    #[must_use]
    pub fn into_parts(self) -> (bytes::Bytes, Vec<u32>) {
        (self.bytes.into(), self.ends)
    }

    /// Adds what a sample of a quantity of a piece of equipment says.
    pub fn push(&mut self, tags: &Tags, quantity: Quantity, sample: &Sample) {
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(quantity.key().as_bytes());
        bytes.extend_from_slice(&tags.0);
        if quantity.unit() != Unit::None_ {
            tag(bytes, "unit", quantity.unit().key());
        }
        bytes.push(b' ');
        let usable = sample.quality.is_usable();
        let value = match sample.reading {
            _ if !usable => None,
            Reading::Code { raw, .. } => bare_code(raw.as_str()).parse().ok(),
            reading => reading.number(),
        };
        if let Some(value) = value.filter(|value: &f64| value.is_finite()) {
            // Writing to a vector cannot fail; here and below.
            let _ok = write!(bytes, "value={value},");
        }
        if quantity == Quantity::FaultCode
            && usable
            && let Reading::Code { key, raw } = sample.reading
        {
            let fault = match key {
                Some(key) => key != FaultKey::None,
                None => bare_code(raw.as_str()) != "0",
            };
            let _ok = write!(bytes, "fault={}i,", u8::from(fault));
        }
        let _ok = writeln!(bytes, "quality={}i {}", sample.quality.sparkplug(), sample.at.0);
        // A batch has some megabytes at most.
        self.ends.push(bytes.len() as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Tags};
    use std::sync::Arc;
    use vigil_core::catalog::{Catalog, Equipment};
    use vigil_core::pack::builtin;
    use vigil_core::sample::{RawCode, Reading, Sample};
    use vigil_protocol::time::UtcMillis;
    use vigil_protocol::vocabulary::{Bad, FaultKey, NoData, Quality, Quantity, Uncertain};

    const CATALOG: &str = r#"
        [[equipment]]
        id = "boiler-1"
        category = "1100"
        node = "海城 east/n1"
        device = "b"
        [equipment.register]
        area_code = "210381"
        [equipment.nameplate]
        rated_pressure = "1.0 MPa"

        [[equipment]]
        id = "lift-1"
        category = "3110"
        node = "g,1=\\/n1"
        device = "l"
    "#;

    fn equipment(at: usize) -> Equipment {
        let packs: Vec<_> = builtin().into_iter().map(Arc::new).collect();
        let (catalog, findings) = Catalog::load(&[("equipment.toml", CATALOG)], &packs);
        catalog.unwrap_or_else(|| panic!("{findings:#?}")).equipment[at].clone()
    }

    fn line(at: usize, quantity: Quantity, reading: Reading, quality: Quality) -> String {
        let equipment = equipment(at);
        let channel = equipment.channel_of(quantity).unwrap();
        let mut lines = Lines::default();
        let sample = Sample {
            channel,
            at: UtcMillis(1_795_420_800_123),
            reading,
            raw: None,
            quality,
        };
        lines.push(&Tags::of(&equipment), quantity, &sample);
        assert_eq!(lines.len(), 1);
        String::from_utf8(lines.into_parts().0.to_vec()).unwrap()
    }

    #[test]
    fn a_number_stands_with_its_unit_and_its_quality() {
        let head =
            "steam_pressure,area=210381,class=steam_boiler,equipment=boiler-1,group=海城\\ east,unit=MPa";
        for (reading, quality, fields) in [
            (Reading::Number(0.8), Quality::Good, "value=0.8,quality=192i"),
            (
                Reading::Number(0.8),
                Quality::Uncertain(Uncertain::ClockSkew),
                "value=0.8,quality=192i",
            ),
            (
                Reading::Number(-1e-7),
                Quality::Good,
                "value=-0.0000001,quality=192i",
            ),
            (Reading::Number(f64::NAN), Quality::Good, "quality=192i"),
            (Reading::Number(f64::INFINITY), Quality::Good, "quality=192i"),
            (
                Reading::Number(99.0),
                Quality::Bad(Bad::Implausible),
                "quality=0i",
            ),
            (
                Reading::NoData(NoData::Sensor),
                Quality::Bad(Bad::Sensor),
                "quality=0i",
            ),
            (Reading::Number(0.8), Quality::Stale, "quality=500i"),
        ] {
            assert_eq!(
                line(0, Quantity::SteamPressure, reading, quality),
                format!("{head} {fields} 1795420800123\n"),
                "{reading:?} {quality:?}"
            );
        }
    }

    #[test]
    fn contacts_and_codes_are_numbers_and_texts_are_left_out() {
        let code = |key, raw| Reading::Code {
            key,
            raw: RawCode::new(raw),
        };
        let head = |quantity| format!("{quantity},class=lift,equipment=lift-1,group=g\\,1\\=/");
        for (reading, fields) in [
            (code(Some(FaultKey::None), "0"), "value=0,fault=0i,quality=192i"),
            (code(None, "E05"), "value=5,fault=1i,quality=192i"),
            (code(None, "00"), "value=0,fault=0i,quality=192i"),
            (code(None, "P137=0"), "fault=1i,quality=192i"),
        ] {
            assert_eq!(
                line(1, Quantity::FaultCode, reading, Quality::Good),
                format!("{} {fields} 1795420800123\n", head("fault_code")),
            );
        }
        assert_eq!(
            line(1, Quantity::CarPosition, code(None, "B1"), Quality::Good),
            format!("{} quality=192i 1795420800123\n", head("car_position"))
        );
    }

    /// influxdb2 writes its own points in its own way; both must mean the same to a server.
    #[test]
    fn the_lines_are_those_of_another_encoder() {
        use influxdb2::models::{DataPoint, WriteDataPoint as _};
        let theirs = DataPoint::builder("steam_pressure")
            .tag("area", "210381")
            .tag("class", "steam_boiler")
            .tag("equipment", "boiler-1")
            .tag("group", "海城 east")
            .tag("unit", "MPa")
            .field("value", 0.8125)
            .field("quality", 192_i64)
            .timestamp(1_795_420_800_123)
            .build()
            .unwrap();
        let mut text = Vec::new();
        theirs.write_data_point_to(&mut text).unwrap();
        let ours = line(0, Quantity::SteamPressure, Reading::Number(0.8125), Quality::Good);
        // Fields have no order.
        let fields = |line: &str| {
            let parts: Vec<_> = line.trim_end().rsplitn(3, ' ').map(str::to_owned).collect();
            let mut fields: Vec<_> = parts[1].split(',').map(str::to_owned).collect();
            fields.sort();
            (parts[2].clone(), fields, parts[0].clone())
        };
        assert_eq!(fields(&ours), fields(std::str::from_utf8(&text).unwrap()));
    }
}
