//! TOML → [`Profile`], with every error at once.

mod parts;
mod together;

pub use together::check_together;

use super::path::Each;
use super::target::Target;
use super::template::{Template, TemplateError};
use super::topic::TopicPattern;
use super::{CONTEXT, DeviceSource, Form, Profile, Reading, What};
use crate::diagnostic::document::{Document, Table, Value};
use crate::diagnostic::{Diagnostic, has_errors, suggestion};
use crate::hash::ContentHash;
use parts::{Common, each, path, target, time_and_quality};
use std::collections::{HashMap, HashSet};
use vigil_protocol::sparkplug::check_id;

/// Reads a profile; none if there is any error.
pub(super) fn profile(file: &str, text: &str) -> (Option<Profile>, Vec<Diagnostic>) {
    let document = Document::parse(file, text);
    let profile = document.root().and_then(|root| read(&root, text));
    let findings = document.into_findings();
    (profile.filter(|_| !has_errors(&findings)), findings)
}

fn read(root: &Table<'_, '_>, text: &str) -> Option<Profile> {
    let id = root.require("id").and_then(|v| read_id(&v));
    let _title = root.get("title").and_then(|v| v.text());
    let topic = root.require("topic");
    let written = topic.as_ref().and_then(|v| v.str()).unwrap_or("");
    let topic = topic.as_ref().and_then(read_topic);
    // Of a wrong topic too: what follows from its mistake is not said again.
    let captures: Vec<String> = match &topic {
        Some(topic) => topic.names().map(str::to_owned).collect(),
        None => braced(written),
    };
    let node = root.require("node").and_then(|v| read_node(&v, &captures));
    let text_numbers = root.get("text_numbers").and_then(|v| v.bool()).unwrap_or(false);
    let backfill = root.get("backfill").and_then(|v| v.bool()).unwrap_or(false);
    let others = &[("pass", true), ("skip", false)];
    let pass = root.get("others").and_then(|v| v.choice(others)).unwrap_or(true);
    let skip = root.get("skip").and_then(|v| v.strings()).unwrap_or_default();
    let names = read_names(root, text_numbers);
    let common = Common::read(root);
    let device = root.get("device");

    let mut forms = Vec::new();
    let mut own_devices = false;
    let listed = root.get("form").and_then(|v| v.tables("a form"));
    match &listed {
        Some(tables) => {
            for key in ["when", "each", "values", "reading"] {
                if let Some(value) = root.get(key) {
                    let help = Some("move it into the form".to_owned());
                    value.error(format!("`{key}` stands beside [[form]]"), help);
                }
            }
            for table in tables {
                let own = Common::read(table).or(&common);
                own_devices |= table.has("device");
                let device = table.get("device").or_else(|| device.clone());
                forms.extend(read_form(table, &own, device.as_ref(), &captures, text_numbers));
                table.finish();
            }
        }
        None => forms.extend(read_form(root, &common, device.as_ref(), &captures, text_numbers)),
    }
    root.finish();

    let topic_names: Vec<&str> = captures.iter().map(String::as_str).collect();
    let of_topic = device
        .filter(|_| !own_devices)
        .and_then(|v| v.str())
        .filter(|text| !is_path(text))
        .and_then(|text| Template::parse(text, &topic_names).ok());
    if of_topic.is_some() {
        forms.iter_mut().for_each(|form| form.device = None);
    }
    let id = id?;
    let name = format!("{CONTEXT}{id}");
    Some(Profile {
        hash: ContentHash::of_parts(&[name.as_bytes(), text.as_bytes()]),
        id: id.to_owned(),
        name,
        text: text.to_owned(),
        topic: topic?,
        node: node?,
        device: of_topic,
        forms,
        names,
        skip: skip.into_iter().map(str::to_owned).collect::<HashSet<_>>(),
        pass,
        text_numbers,
        backfill,
    })
}

fn read_id<'d>(value: &Value<'d, '_>) -> Option<&'d str> {
    let text = value.text()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.len() > 64 || !text.chars().all(fits) {
        let help = "letters, digits, `-`, `_` and `.`, at most 64".to_owned();
        value.error(format!("`{text}` is not a profile id"), Some(help));
        return None;
    }
    Some(text)
}

fn read_topic(value: &Value<'_, '_>) -> Option<TopicPattern> {
    let text = value.text()?;
    let error = |at: usize, what: String, help: &str| {
        value.report(value.place_within(at).error(what).help(help));
        None
    };
    match TopicPattern::parse(text) {
        Err(wrong) => error(
            wrong.at,
            wrong.what,
            "such as \"site/{site}/lift/{device}/status\"; `+` and `#` as in MQTT",
        ),
        Ok(_) if text.starts_with('$') => error(
            0,
            "topics that begin with `$` are the broker's own".into(),
            "name the topics the devices publish to",
        ),
        Ok(pattern) if text.starts_with("spBv1.0/") || pattern.matches("spBv1.0/group/NDATA/node") => error(
            0,
            format!("`{text}` would take Sparkplug's own messages"),
            "begin with the first level of your topics",
        ),
        Ok(pattern) => Some(pattern),
    }
}

/// What stands between braces.
fn braced(text: &str) -> Vec<String> {
    let parts = text.split('{').skip(1);
    let names = parts.filter_map(|part| Some(part.split_once('}')?.0.to_owned()));
    names.collect()
}

/// `group/node`; captures may stand in either.
fn read_node(value: &Value<'_, '_>, captures: &[String]) -> Option<Template> {
    let text = value.text()?;
    let template = read_template(value, text, captures)?;
    let names: Vec<String> = captures.iter().map(|_| "x".to_owned()).collect();
    let sample = template.fill(|number| names.get(number).map(String::as_str));
    let good = sample
        .split_once('/')
        .is_some_and(|(group, node)| check_id(group).is_ok() && check_id(node).is_ok());
    if !good {
        let help = "`group/node`, such as \"{site}/json\" or \"haicheng/json\"";
        value.error(format!("`{text}` does not name a node"), Some(help.into()));
        return None;
    }
    Some(template)
}

fn read_template(value: &Value<'_, '_>, text: &str, captures: &[String]) -> Option<Template> {
    let names: Vec<&str> = captures.iter().map(String::as_str).collect();
    let (at, what, help) = match Template::parse(text, &names) {
        Ok(template) => return Some(template),
        Err(TemplateError::Brace(at)) => {
            let help = Some("such as \"{site}/json\"".to_owned());
            (
                at,
                "this brace does not enclose the name of a capture".to_owned(),
                help,
            )
        }
        Err(TemplateError::Unknown(at, name)) => {
            let help = suggestion(name, names)
                .or_else(|| Some(format!("capture it in `topic` or `each`: {{{name}}}")));
            (at, format!("nothing is captured as `{name}`"), help)
        }
    };
    value.report(value.place_within(at).error(what).maybe_help(help));
    None
}

fn is_path(text: &str) -> bool {
    text.starts_with(['$', '@'])
}

fn read_device(value: &Value<'_, '_>, captures: &[String]) -> Option<DeviceSource> {
    let text = value.text()?;
    if is_path(text) {
        return path(value).map(DeviceSource::Path);
    }
    read_template(value, text, captures).map(DeviceSource::Template)
}

fn read_form(
    table: &Table<'_, '_>,
    common: &Common<'_, '_>,
    device: Option<&Value<'_, '_>>,
    topic: &[String],
    text_numbers: bool,
) -> Option<Form> {
    let when = table.get("when").and_then(|v| path(&v));
    let given = table.get("each");
    let each = match &given {
        Some(value) => each(value),
        None => Each::parse("$").ok(),
    };
    let mut captures = topic.to_vec();
    let (each, keys) = match each {
        Some((each, keys)) => (Some(each), keys),
        None => (None, given.and_then(|v| v.str()).map(braced).unwrap_or_default()),
    };
    for key in keys {
        if captures.contains(&key) {
            table.error(format!("`{{{key}}}` is captured in `topic` and in `each`"), None);
        }
        captures.push(key);
    }
    let (time, quality) = time_and_quality(common);
    let values = table.get("values").and_then(|v| path(&v));
    let tables = table.get("reading").and_then(|v| v.tables("a reading"));
    if tables.as_ref().is_none_or(Vec::is_empty) && !table.has("values") {
        let help = "`values` (an object of names and values) or [[reading]]".to_owned();
        table.error("nothing is read", Some(help));
    }
    let readings = tables
        .iter()
        .flatten()
        .filter_map(|table| read_reading(table, common, text_numbers))
        .collect();
    Some(Form {
        when,
        each: each?,
        device: device.and_then(|v| read_device(v, &captures)),
        time,
        quality,
        readings,
        values,
    })
}

fn read_reading(table: &Table<'_, '_>, common: &Common<'_, '_>, text_numbers: bool) -> Option<Reading> {
    let value = table.require("value").and_then(|v| path(&v));
    let name = table.get("name");
    let what = match &name {
        Some(name) => {
            for key in ["metric", "quantity", "unit", "scale", "offset", "states"] {
                if let Some(value) = table.get(key) {
                    let help = Some("say it in [names]".to_owned());
                    value.error(
                        format!("`{key}` is not for a reading that is named by `name`"),
                        help,
                    );
                }
            }
            path(name).map(What::Named)
        }
        None => target(table, text_numbers).map(What::Target),
    };
    let own = Common::read(table);
    let (time, quality) = if own.is_empty() {
        (None, None)
    } else {
        time_and_quality(&own.or(common))
    };
    let required = table.get("required").and_then(|v| v.bool()).unwrap_or(false);
    table.finish();
    Some(Reading {
        value: value?,
        what: what?,
        time,
        quality,
        required,
    })
}

/// `[names]`: a metric, or a table of what a reading says.
fn read_names(root: &Table<'_, '_>, text_numbers: bool) -> HashMap<String, Target> {
    let mut names = HashMap::new();
    let table = root.get("names").and_then(|v| v.table("[names]"));
    for (name, value) in table.iter().flat_map(Table::entries) {
        let target = if value.is_str() {
            value.text().map(|metric| parts::named(metric, text_numbers))
        } else {
            value.table(format!("the name `{name}`")).and_then(|table| {
                let target = target(&table, text_numbers);
                table.finish();
                target
            })
        };
        if let Some(target) = target {
            names.insert(name.to_owned(), target);
        }
    }
    names
}
