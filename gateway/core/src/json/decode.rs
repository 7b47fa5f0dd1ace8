//! A message → what it says.

use super::path::{Key, Path};
use super::target::{Reader, Target};
use super::{DeviceSource, Form, Profile, QualitySource, Reading, TimeSource, UNNAMED, What, document};
use crate::field::{FieldReading, FieldValue};
use serde_json::{Map, Value};
use std::borrow::Cow;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{NoData, Quality};

/// More readings than this are not taken from one message: some sender is out of its mind.
const MAX_READINGS: usize = 20_000;
/// Longer names of devices and metrics are none.
const MAX_NAME: usize = 128;

/// Reads a message by the first form that fits.
pub(super) fn message<'a>(
    profile: &'a Profile,
    topic: &'a str,
    payload: &'a [u8],
    say: &mut dyn FnMut(FieldReading<'a>),
) -> Result<(), String> {
    let message = document::parse(payload)?;
    for form in &profile.forms {
        let fits = form
            .when
            .as_ref()
            .is_none_or(|when| when.find(&message, &message).is_some());
        if !fits {
            continue;
        }
        let mut items = Items {
            profile,
            form,
            topic,
            message: &message,
            say,
            items: 0,
            said: 0,
        };
        form.each
            .visit(&message, &mut |item, keys| items.item(item, keys));
        match (items.items, items.said) {
            (0, _) => {}
            (_, 0) => {
                return Err("nothing the profile reads is in it".to_owned());
            }
            (_, said) if said > MAX_READINGS => {
                return Err(format!("more than {MAX_READINGS} readings in one message"));
            }
            _ => return Ok(()),
        }
    }
    Err(match profile.forms.as_slice() {
        [form] if form.when.is_none() => format!("`{}` finds nothing in it", form.each.as_str()),
        _ => "no form of the profile fits it".to_owned(),
    })
}

/// The items of a message, one after the other.
struct Items<'m, 'a> {
    profile: &'a Profile,
    form: &'a Form,
    topic: &'a str,
    message: &'m Value,
    say: &'m mut dyn FnMut(FieldReading<'a>),
    items: usize,
    said: usize,
}

/// What all readings of an item have in common.
struct Common<'a> {
    device: Option<Cow<'a, str>>,
    at: Option<UtcMillis>,
    quality: Quality,
}

impl<'m, 'a> Items<'m, 'a> {
    /// Says what is in an item; false when it is enough.
    fn item(&mut self, item: &'m Value, keys: &[Key<'_>]) -> bool {
        self.items += 1;
        let form = self.form;
        let common = Common {
            device: form
                .device
                .as_ref()
                .map(|device| Cow::Owned(self.device(device, item, keys))),
            at: self.time(form.time.as_ref(), item),
            quality: self.quality(form.quality.as_ref(), item),
        };
        for reading in &form.readings {
            self.reading(reading, item, &common);
        }
        let members = form.values.as_ref().and_then(|path| self.find(path, item));
        if let Some(Value::Object(members)) = members {
            self.members(members, &common);
        }
        self.said <= MAX_READINGS
    }

    fn reading(&mut self, reading: &'a Reading, item: &'m Value, common: &Common<'a>) {
        let found = self.find(&reading.value, item);
        if found.is_none() && !reading.required {
            return;
        }
        let own = Common {
            device: common.device.clone(),
            at: match &reading.time {
                None => common.at,
                own => self.time(own.as_ref(), item),
            },
            quality: match &reading.quality {
                None => common.quality,
                own => self.quality(own.as_ref(), item),
            },
        };
        let missing = FieldValue::NoData(NoData::NotReported);
        match &reading.what {
            What::Target(target) => {
                let value = found.map_or(missing, |value| target.value(value));
                self.say_target(target, value, &own);
            }
            What::Named(name) => {
                let name = self.find(name, item).and_then(Value::as_str);
                if let (Some(name), Some(value)) = (name, found) {
                    self.member(name, value, &own);
                }
            }
        }
    }

    fn members(&mut self, members: &Map<String, Value>, common: &Common<'a>) {
        for (name, value) in members {
            if self.said > MAX_READINGS {
                return;
            }
            self.member(name, value, common);
        }
    }

    /// A value by the name the source gives it.
    fn member(&mut self, name: &str, value: &Value, common: &Common<'a>) {
        let profile = self.profile;
        if let Some(target) = profile.names.get(name) {
            self.say_target(target, target.value(value), common);
        } else if profile.pass && !profile.skip.contains(name) {
            let value = Reader::named(name, profile.text_numbers).read(value);
            let metric = name.get(..MAX_NAME.min(name.len())).unwrap_or(UNNAMED);
            self.say(Cow::Owned(metric.to_owned()), value, None, common);
        }
    }

    fn say_target(&mut self, target: &'a Target, value: FieldValue<'a>, common: &Common<'a>) {
        let unit = target.unit.as_deref().map(Cow::Borrowed);
        self.say(Cow::Borrowed(&target.metric), value, unit, common);
    }

    fn say(
        &mut self,
        metric: Cow<'a, str>,
        value: FieldValue<'a>,
        unit: Option<Cow<'a, str>>,
        common: &Common<'a>,
    ) {
        self.said += 1;
        (self.say)(FieldReading {
            device: common.device.clone(),
            metric,
            value,
            unit,
            at: common.at,
            polled: false,
            historical: false,
            quality: common.quality,
        });
    }

    fn find(&self, path: &Path, item: &'m Value) -> Option<&'m Value> {
        path.find(self.message, item)
    }

    fn device(&self, source: &DeviceSource, item: &Value, keys: &[Key<'_>]) -> String {
        match source {
            DeviceSource::Path(path) => match path.find(self.message, item) {
                Some(Value::String(text)) => id(text),
                Some(Value::Number(number)) => id(&number.to_string()),
                _ => UNNAMED.to_owned(),
            },
            DeviceSource::Template(template) => {
                let indices: Vec<String> = keys.iter().map(key_text).collect();
                let topic = self.profile.topic.names().count();
                let capture = |number: usize| match number.checked_sub(topic) {
                    None => self.profile.topic.capture(self.topic, number),
                    Some(key) => indices.get(key).map(String::as_str),
                };
                id(&template.fill(capture))
            }
        }
    }

    fn time(&self, source: Option<&TimeSource>, item: &Value) -> Option<UtcMillis> {
        let source = source?;
        source.format.read(source.path.find(self.message, item)?)
    }

    fn quality(&self, source: Option<&QualitySource>, item: &Value) -> Quality {
        let found = source.and_then(|source| Some((source, source.path.find(self.message, item)?)));
        found.map_or(Quality::Good, |(source, value)| source.map.of(value))
    }
}

fn key_text(key: &Key<'_>) -> String {
    match key {
        Key::Name(name) => (*name).to_owned(),
        Key::Index(index) => index.to_string(),
    }
}

/// A device id from what a source calls the device: characters an id cannot have become `_`.
pub(super) fn id(name: &str) -> String {
    let name = name.trim();
    if name.is_empty() || name.len() > MAX_NAME {
        return UNNAMED.to_owned();
    }
    let fits = |c: char| {
        if matches!(c, '/' | '+' | '#') || c.is_control() {
            '_'
        } else {
            c
        }
    };
    name.chars().map(fits).collect()
}
