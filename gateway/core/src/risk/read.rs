//! TOML → [`Scheme`]: everything that is wrong at once, each with its line.

use super::method::{Bands, Factor, FactorStep, Method, Threshold};
use super::rank::{Part, Weight, Weights};
use super::scheme::{Level, Scheme, Tier, Told};
use super::{BandFault, Colour};
use crate::diagnostic::document::{Document, Table, Value};
use crate::diagnostic::sheet::CONFIDENCES;
use crate::diagnostic::{Diagnostic, has_errors};
use crate::pack::{Grade, Severity};

const KEY_HELP: &str = "small letters, digits and `_`, at most 24";
/// Scores are products of a few of these: as many digits as a product keeps.
const DECIMALS: f64 = 100.0;
/// Steps of a factor, factors of a method, methods: what a form can show.
const MOST: usize = 12;

pub(super) fn scheme(document: Document<'_>) -> Result<Scheme, Vec<Diagnostic>> {
    let scheme = document.root().and_then(|root| read(&root));
    let findings = document.into_findings();
    match scheme {
        Some(scheme) if !has_errors(&findings) => Ok(scheme),
        _ => Err(findings),
    }
}

fn read(root: &Table<'_, '_>) -> Option<Scheme> {
    let list = |key: &'static str, what: &str| root.require(key).and_then(|value| value.tables(what));
    let methods = list("method", "[[method]]").map(|tables| read_methods(&tables));
    let tiers = list("tier", "[[tier]]").map(|tables| read_tiers(&tables));
    let levels = list("level", "[[level]]").map(|tables| {
        let levels = read_levels(&tables, tiers.as_deref().unwrap_or_default());
        // What is wrong with one has been said of it.
        if levels.len() == tables.len() {
            let given = levels.iter().map(|level| level.colour.key());
            all_there(root, "level", &Colour::KEYS, given);
        }
        levels
    });
    let reassess = root
        .require("reassess")
        .and_then(|value| value.table("[reassess]"))
        .and_then(|table| {
            let days = table.require("days").and_then(|value| days(&value));
            let told = told(&table);
            table.finish();
            days.zip(told)
        });
    let ranking = root
        .require("ranking")
        .and_then(|value| value.table("[ranking]"))
        .and_then(|table| {
            let told = told(&table);
            table.finish();
            told
        });
    let weights = list("weight", "[[weight]]").map(|tables| {
        let mut weights: Vec<Weight> = tables.iter().filter_map(read_weight).collect();
        if weights.len() == tables.len() {
            let given = weights.iter().map(|weight| weight.part.key());
            all_there(root, "weight", &Part::KEYS, given);
        }
        weights.sort_by_key(|weight| weight.part);
        weights
    });
    root.finish();
    let (reassess_days, reassess_told) = reassess?;
    Some(Scheme {
        methods: methods?,
        tiers: tiers?,
        levels: levels?,
        reassess_days,
        reassess_told,
        weights: Weights {
            weights: weights?,
            told: ranking?,
        },
    })
}

/// Every key once: what is missing or there twice is said at the table as a whole.
fn all_there<'k>(
    root: &Table<'_, '_>,
    what: &str,
    keys: &[&'static str],
    given: impl Iterator<Item = &'k str>,
) {
    let given: Vec<&str> = given.collect();
    for key in keys {
        match given.iter().filter(|known| *known == key).count() {
            1 => {}
            0 => root.error(format!("there is no [[{what}]] for `{key}`"), None),
            _ => root.error(format!("there are several [[{what}]] for `{key}`"), None),
        }
    }
}

fn text(table: &Table<'_, '_>, key: &'static str) -> Option<String> {
    table
        .require(key)
        .and_then(|value| value.text())
        .map(str::to_owned)
}

fn key_of(table: &Table<'_, '_>, taken: &[String]) -> Option<String> {
    let value = table.require("key")?;
    let key = value.text()?;
    let fits = key.len() <= 24
        && key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !fits {
        value.error(format!("`{key}` is no key"), Some(KEY_HELP.to_owned()));
        return None;
    }
    if taken.iter().any(|known| known == key) {
        value.error(format!("`{key}` is there twice"), None);
        return None;
    }
    Some(key.to_owned())
}

fn told(table: &Table<'_, '_>) -> Option<Told> {
    let source = text(table, "source");
    let value = table.require("confidence")?;
    let confidence = value.text()?;
    if !CONFIDENCES.contains(&confidence) {
        value.error(
            format!("`{confidence}` is no confidence"),
            Some(format!("one of {}", CONFIDENCES.join(", "))),
        );
        return None;
    }
    Some(Told {
        source: source?,
        confidence: confidence.to_owned(),
    })
}

fn days(value: &Value<'_, '_>) -> Option<u16> {
    value.whole(1..=3_660).and_then(|days| u16::try_from(days).ok())
}

fn read_methods(tables: &[Table<'_, '_>]) -> Vec<Method> {
    let mut methods: Vec<Method> = Vec::new();
    for table in tables {
        let taken: Vec<String> = methods.iter().map(|method| method.key.clone()).collect();
        let key = key_of(table, &taken);
        let (zh, en) = (text(table, "zh"), text(table, "en"));
        let bands = table.require("bands").and_then(|value| read_bands(&value));
        let factors = table
            .require("factor")
            .and_then(|value| value.tables("[[method.factor]]"))
            .map(|tables| read_factors(&tables));
        let told = told(table);
        table.finish();
        let read = (|| {
            Some(Method {
                key: key?,
                zh: zh?,
                en: en?,
                factors: factors?,
                bands: bands?,
                told: told?,
            })
        })();
        if let Some(method) = read {
            all_reached(table, &method);
            methods.push(method);
        }
        if methods.len() > MOST {
            table.error(format!("more than {MOST} methods"), None);
        }
    }
    if let (true, Some(table)) = (methods.is_empty(), tables.first()) {
        table.error("no method can be used: nothing could be assessed", None);
    }
    methods
}

/// A colour nothing can have is a mistake in the bands.
fn all_reached(table: &Table<'_, '_>, method: &Method) {
    let scores = method.scores();
    for colour in Colour::ALL {
        if !scores.iter().any(|score| method.bands.colour(*score) == colour) {
            let place = table.key_place("bands");
            let range = match (scores.first(), scores.last()) {
                (Some(least), Some(most)) => format!("scores go from {least} to {most}"),
                _ => "there are no scores".to_owned(),
            };
            table.report(
                place
                    .error(format!(
                        "no score of `{}` is {}: the bands do not fit its factors",
                        method.key,
                        colour.key()
                    ))
                    .help(range),
            );
        }
    }
}

fn read_bands(value: &Value<'_, '_>) -> Option<Bands> {
    let table = value.table("bands")?;
    let threshold = |key| table.require(key).and_then(|value| read_threshold(&value));
    let (yellow, orange, red) = (threshold("yellow"), threshold("orange"), threshold("red"));
    if table.has("blue") {
        table.report(
            table
                .key_place("blue")
                .error("`blue` begins at nothing: it is whatever is below yellow")
                .help("leave it out"),
        );
    }
    table.finish();
    match Bands::new(yellow?, orange?, red?) {
        Ok(bands) => Some(bands),
        Err(fault) => {
            let at = match fault {
                BandFault::Order { upper, .. } => upper,
                BandFault::NotPositive(colour) => colour,
            };
            table.report(
                table
                    .key_place(at.key())
                    .error(format!("these are no bands: {fault}")),
            );
            None
        }
    }
}

/// `{ over = 70 }` or `{ from = 9 }`.
fn read_threshold(value: &Value<'_, '_>) -> Option<Threshold> {
    let table = value.table(format!("`{}`", value.key()))?;
    let (over, from) = (table.get("over"), table.get("from"));
    table.finish();
    let (number, inclusive) = match (over, from) {
        (Some(over), None) => (over, false),
        (None, Some(from)) => (from, true),
        _ => {
            value.error(
                "a band begins `over` a number or `from` a number",
                Some("such as { over = 70 }, or { from = 9 }".to_owned()),
            );
            return None;
        }
    };
    Some(Threshold {
        at: number.number()?,
        inclusive,
    })
}

fn read_factors(tables: &[Table<'_, '_>]) -> Vec<Factor> {
    let mut factors: Vec<Factor> = Vec::new();
    for table in tables {
        let taken: Vec<String> = factors.iter().map(|factor| factor.key.clone()).collect();
        let key = key_of(table, &taken);
        let (zh, en) = (text(table, "zh"), text(table, "en"));
        let steps = table.require("steps").and_then(|value| read_steps(&value));
        table.finish();
        if let (Some(key), Some(zh), Some(en), Some(steps)) = (key, zh, en, steps) {
            factors.push(Factor { key, zh, en, steps });
        }
        if factors.len() > MOST / 2 {
            table.error(format!("more than {} factors", MOST / 2), None);
        }
    }
    factors
}

fn read_steps(value: &Value<'_, '_>) -> Option<Vec<FactorStep>> {
    let tables = value.tables("a step")?;
    if !(2..=MOST).contains(&tables.len()) {
        value.error(format!("a factor has 2 to {MOST} steps"), None);
        return None;
    }
    let mut steps: Vec<FactorStep> = Vec::new();
    for table in &tables {
        let (zh, en) = (text(table, "zh"), text(table, "en"));
        let number = table.require("score");
        let score = number.as_ref().and_then(Value::number);
        table.finish();
        let (Some(number), Some(score), Some(zh), Some(en)) = (number, score, zh, en) else {
            continue;
        };
        let hundredths = score * DECIMALS;
        if !(0.01..=1_000.0).contains(&score) || (hundredths - hundredths.round()).abs() > 1e-9 {
            number.error(
                format!("{score} is no step"),
                Some("0.01 to 1000, with at most two decimals".to_owned()),
            );
        } else if steps.last().is_some_and(|before| before.score <= score) {
            number.error(
                format!("{score} is not below the step before it"),
                Some("the highest first, each once".to_owned()),
            );
        } else {
            steps.push(FactorStep { score, zh, en });
        }
    }
    Some(steps)
}

fn read_tiers(tables: &[Table<'_, '_>]) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = Vec::new();
    for table in tables {
        let taken: Vec<String> = tiers.iter().map(|tier| tier.key.clone()).collect();
        let key = key_of(table, &taken);
        let (zh, en) = (text(table, "zh"), text(table, "en"));
        table.finish();
        if let (Some(key), Some(zh), Some(en)) = (key, zh, en) {
            tiers.push(Tier { key, zh, en });
        }
    }
    tiers
}

fn read_levels(tables: &[Table<'_, '_>], tiers: &[Tier]) -> Vec<Level> {
    let read = |table: &Table<'_, '_>| {
        let colour = table
            .require("colour")
            .and_then(|value| value.keyed("colour", &Colour::KEYS, Colour::from_key));
        let (zh, en) = (text(table, "zh"), text(table, "en"));
        let tier = table.require("tier").and_then(|value| {
            let key = value.text()?;
            if !tiers.iter().any(|tier| tier.key == key) {
                value.error(format!("there is no tier `{key}`"), None);
            }
            Some(key.to_owned())
        });
        let check_days = table.require("check_days").and_then(|value| days(&value));
        let grade = table
            .require("grade")
            .and_then(|value| value.choice(&[("general", Grade::General), ("major", Grade::Major)]));
        let severity = table.require("severity").and_then(|value| {
            value.choice(&[
                ("S1", Severity::S1),
                ("S2", Severity::S2),
                ("S3", Severity::S3),
                ("S4", Severity::S4),
            ])
        });
        let told = told(table);
        table.finish();
        Some(Level {
            colour: colour?,
            zh: zh?,
            en: en?,
            tier: tier?,
            check_days: check_days?,
            grade: grade?,
            severity: severity?,
            told: told?,
        })
    };
    let mut levels: Vec<Level> = tables.iter().filter_map(read).collect();
    levels.sort_by_key(|level| std::cmp::Reverse(level.colour));
    // The worse a risk, the higher who controls it.
    let place = |key: &str| tiers.iter().position(|tier| tier.key == key);
    for pair in levels.windows(2) {
        if let [worse, better] = pair
            && place(&worse.tier) > place(&better.tier)
            && let Some(table) = tables.first()
        {
            table.error(
                format!(
                    "{} is controlled below {}: the worse a risk, the higher its tier",
                    worse.colour.key(),
                    better.colour.key()
                ),
                None,
            );
        }
    }
    levels
}

fn read_weight(table: &Table<'_, '_>) -> Option<Weight> {
    let part = table
        .require("key")
        .and_then(|value| value.keyed("part of a rank", &Part::KEYS, Part::from_key));
    let (zh, en, reason) = (text(table, "zh"), text(table, "en"), text(table, "reason"));
    let number = |key: &'static str| {
        let value = table.require(key)?;
        let number = value.whole(0..=100_000)?;
        u32::try_from(number).ok()
    };
    let (each, most, unit_most) = (number("each"), number("most"), number("unit_most"));
    table.finish();
    let (each, most, unit_most) = (each?, most?, unit_most?);
    if each > most || most > unit_most {
        table.error("`each` is at most `most`, and that at most `unit_most`", None);
    }
    Some(Weight {
        part: part?,
        zh: zh?,
        en: en?,
        each,
        most,
        unit_most,
        reason: reason?,
    })
}
