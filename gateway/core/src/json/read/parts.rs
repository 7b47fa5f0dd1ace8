//! Parts of a profile: paths, times, qualities, and what a value is for.

use crate::catalog::channels::read_unit;
use crate::diagnostic::document::{Table, Value};
use crate::diagnostic::suggestion;
use crate::json::path::{Each, Path, PathError};
use crate::json::target::{QualityMap, Reader, State, States, Target};
use crate::json::time::{TimeFormat, offset};
use crate::json::{QualitySource, TimeSource};
use vigil_protocol::vocabulary::{
    CarDirection, CarDriveStatus, Quality, Quantity, QuantityKind, ServiceMode,
};

/// A path that finds one value.
pub(super) fn path(value: &Value<'_, '_>) -> Option<Path> {
    let text = value.text()?;
    Path::parse(text)
        .map_err(|error| bad_path(value, text, error))
        .ok()
}

/// A path that finds many, and the names of its captures.
pub(super) fn each(value: &Value<'_, '_>) -> Option<(Each, Vec<String>)> {
    let text = value.text()?;
    Each::parse(text)
        .map_err(|error| bad_path(value, text, error))
        .ok()
}

fn bad_path(value: &Value<'_, '_>, text: &str, error: PathError) {
    let help = (!text.starts_with(['$', '@']))
        .then(|| format!("a path begins with `$` (the message) or `@` (the item of `each`): `$.{text}`"));
    value.report(value.place_within(error.at).error(error.what).maybe_help(help));
}

/// Keys of times and qualities, as they stand in the file: a form takes over what the root says, a reading what its
/// form says.
#[derive(Clone)]
pub(super) struct Common<'d, 'i> {
    time: Option<Value<'d, 'i>>,
    format: Option<Value<'d, 'i>>,
    offset: Option<Value<'d, 'i>>,
    quality: Option<Value<'d, 'i>>,
    quality_map: Option<Value<'d, 'i>>,
}

impl<'d, 'i> Common<'d, 'i> {
    pub(super) fn read(table: &Table<'d, 'i>) -> Self {
        Self {
            time: table.get("time"),
            format: table.get("time_format"),
            offset: table.get("utc_offset"),
            quality: table.get("quality"),
            quality_map: table.get("quality_map"),
        }
    }

    pub(super) fn or(self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            time: self.time.or(other.time),
            format: self.format.or(other.format),
            offset: self.offset.or(other.offset),
            quality: self.quality.or(other.quality),
            quality_map: self.quality_map.or(other.quality_map),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.time.is_none()
            && self.format.is_none()
            && self.offset.is_none()
            && self.quality.is_none()
            && self.quality_map.is_none()
    }
}

/// Where and how time and quality are written.
pub(super) fn time_and_quality(common: &Common<'_, '_>) -> (Option<TimeSource>, Option<QualitySource>) {
    let time = common.time.as_ref().and_then(|time| {
        let format = read_format(time, common);
        Some(TimeSource {
            path: path(time)?,
            format: format?,
        })
    });
    let map = common.quality_map.as_ref().map(read_quality_map);
    let quality = common.quality.as_ref().and_then(|quality| {
        Some(QualitySource {
            path: path(quality)?,
            map: map.unwrap_or_default(),
        })
    });
    (time, quality)
}

#[derive(Clone, Copy)]
enum Written {
    Millis,
    Seconds,
    Rfc3339,
    Local,
}

fn read_format(time: &Value<'_, '_>, common: &Common<'_, '_>) -> Option<TimeFormat> {
    const FORMATS: &[(&str, Written)] = &[
        ("ms", Written::Millis),
        ("s", Written::Seconds),
        ("rfc3339", Written::Rfc3339),
        ("local", Written::Local),
    ];
    let Some(format) = &common.format else {
        let help = "ms or s (since 1970), rfc3339, or local with `utc_offset`";
        time.error("`time` needs `time_format`", Some(help.into()));
        return None;
    };
    match format.choice(FORMATS)? {
        Written::Millis => Some(TimeFormat::Millis),
        Written::Seconds => Some(TimeFormat::Seconds),
        Written::Rfc3339 => Some(TimeFormat::Rfc3339),
        Written::Local => {
            let help = || Some("such as utc_offset = \"+08:00\"".to_owned());
            let Some(value) = &common.offset else {
                format.error("local time needs `utc_offset`", help());
                return None;
            };
            let text = value.str()?;
            let found = offset(text);
            if found.is_none() {
                value.error(format!("`{text}` is not an offset from UTC"), help());
            }
            found.map(TimeFormat::Local)
        }
    }
}

fn read_quality_map(value: &Value<'_, '_>) -> QualityMap {
    let mut map = QualityMap::default();
    let table = value.table("`quality_map`");
    for (text, value) in table.iter().flat_map(Table::entries) {
        if let Some(quality) = value.keyed("quality", Quality::KEYS, Quality::from_key) {
            map.states.push((text.to_owned(), quality));
        }
    }
    map
}

/// A metric known by its name alone.
pub(super) fn named(metric: &str, text_numbers: bool) -> Target {
    Target {
        metric: metric.to_owned(),
        unit: None,
        states: None,
        reader: Reader::named(metric, text_numbers),
    }
}

/// What a value is for: `metric` or `quantity`, `unit`, `scale`, `offset`, `states`, `text_numbers`.
pub(super) fn target(table: &Table<'_, '_>, text_numbers: bool) -> Option<Target> {
    let given = table.get("quantity");
    let quantity = given
        .as_ref()
        .and_then(|v| v.keyed("quantity", Quantity::KEYS, Quantity::from_key));
    let metric = table.get("metric").and_then(|v| v.text());
    if given.is_none() && !table.has("metric") {
        let help = "`quantity`, or the `metric` a channel of the equipment takes";
        table.error("a reading needs a `quantity` or a `metric`", Some(help.into()));
    }
    let quantity = quantity.or_else(|| metric.and_then(Quantity::from_metric));
    let unit = table.get("unit").and_then(|v| {
        read_unit(&v, quantity);
        v.str()
    });
    let is_number = quantity.is_none_or(|q| matches!(q.kind(), QuantityKind::Analog | QuantityKind::Counter));
    let factor = |key: &'static str| {
        let value = table.get(key)?;
        if !is_number {
            value.error(format!("`{key}` belongs to measured quantities"), None);
        }
        let number = value.number()?;
        if key == "scale" && number == 0.0 {
            value.error("a scale of 0 makes every value 0", None);
            return None;
        }
        Some(number)
    };
    let (scale, offset) = (factor("scale"), factor("offset"));
    let states = table.get("states").map(|v| read_states(&v, quantity));
    let text_numbers = table
        .get("text_numbers")
        .and_then(|v| v.bool())
        .unwrap_or(text_numbers);
    let metric = metric.or_else(|| quantity.map(Quantity::metric))?;
    Some(Target {
        metric: metric.to_owned(),
        unit: unit.map(str::to_owned),
        states,
        reader: Reader {
            quantity,
            scale: scale.unwrap_or(1.0),
            offset: offset.unwrap_or(0.0),
            text_numbers,
        },
    })
}

/// `{ "1" = true, "2" = false }`: what a state of the source stands for.
fn read_states(value: &Value<'_, '_>, quantity: Option<Quantity>) -> States {
    let mut states = States {
        numbers: Vec::new(),
        texts: Vec::new(),
    };
    let table = value.table("`states`");
    for (key, value) in table.iter().flat_map(Table::entries) {
        let Some(state) = read_state(&value, quantity) else {
            continue;
        };
        match key.trim().parse() {
            Ok(number) => states.numbers.push((number, state)),
            Err(_) => states.texts.push((key.trim().to_owned(), state)),
        }
    }
    states
}

fn read_state(value: &Value<'_, '_>, quantity: Option<Quantity>) -> Option<State> {
    match quantity.map(Quantity::kind) {
        Some(QuantityKind::Binary) => value.bool().map(State::Bool),
        Some(QuantityKind::Analog | QuantityKind::Counter) => value.number().map(State::Number),
        _ if value.is_str() => {
            let text = value.text()?;
            let keys: &[&str] = match quantity {
                Some(Quantity::ServiceMode) => ServiceMode::KEYS,
                Some(Quantity::CarDriveStatus) => CarDriveStatus::KEYS,
                Some(Quantity::CarDirection) => CarDirection::KEYS,
                _ => &[],
            };
            if !keys.is_empty() && !keys.contains(&text) {
                let what = quantity.map_or("state", Quantity::key);
                let help = suggestion(text, keys.iter().copied());
                value.error(format!("`{text}` is not a state of {what}"), help);
                return None;
            }
            Some(State::Text(text.to_owned()))
        }
        _ if value.is_number() => value.number().map(State::Number),
        None => value.bool().map(State::Bool),
        // Asks for a text and says so.
        Some(_) => value.text().map(|text| State::Text(text.to_owned())),
    }
}
