//! TOML → [`RulePack`], with every error at once.

mod condition;

use self::condition::read_condition;
use super::source::{ConditionSource, Derived, Formula, KindSource, QualityScope, RulePack, RuleSource};
use super::{Direction, Grade, Opens, PackInfo, Severity, canonical};
use crate::catalog::nameplate;
use crate::diagnostic::document::{Document, Table, Value};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::expr::Expr;
use crate::hash::ContentHash;
use std::collections::HashMap;
use std::sync::Arc;
use vigil_protocol::vocabulary::{FaultKey, Quantity, QuantityKind};

const SEVERITIES: &[(&str, Severity)] = &[
    ("S1", Severity::S1),
    ("S2", Severity::S2),
    ("S3", Severity::S3),
    ("S4", Severity::S4),
];
const OPENS: &[(&str, Opens)] = &[
    ("nothing", Opens::Nothing),
    ("general", Opens::Hazard(Grade::General)),
    ("major", Opens::Hazard(Grade::Major)),
];
const DIRECTIONS: &[(&str, Direction)] = &[("high", Direction::High), ("low", Direction::Low)];
const CONFIDENCES: &[(&str, &str)] = &[
    ("sourced", "sourced"),
    ("memory-high", "memory-high"),
    ("memory-low", "memory-low"),
    ("proposal", "proposal"),
];

#[derive(Clone, Copy)]
enum Kind {
    Limit,
    Rate,
    Code,
    Count,
    Silence,
    Quality,
    Interlock,
}

const KINDS: &[(&str, Kind)] = &[
    ("limit", Kind::Limit),
    ("rate", Kind::Rate),
    ("code", Kind::Code),
    ("count", Kind::Count),
    ("silence", Kind::Silence),
    ("quality", Kind::Quality),
    ("interlock", Kind::Interlock),
];

impl RulePack {
    /// Reads a pack. `name` is what findings call the file. No pack if there is any error.
    #[must_use]
    pub fn parse(name: &str, text: &str) -> (Option<Self>, Vec<Diagnostic>) {
        let document = Document::parse(name, text);
        let pack = document.root().and_then(|root| read(&document, &root));
        let findings = document.into_findings();
        (pack.filter(|_| !has_errors(&findings)), findings)
    }
}

/// What `[defaults]` gives to every rule that does not say otherwise.
#[derive(Default)]
struct Defaults {
    on_delay_ms: Option<i64>,
    off_delay_ms: Option<i64>,
    suppress_when: Option<ConditionSource>,
    clause: Option<Arc<str>>,
    source: Option<Arc<str>>,
    confidence: Option<Arc<str>>,
}

fn read(document: &Document<'_>, root: &Table<'_, '_>) -> Option<RulePack> {
    let head = root.require("pack").and_then(|v| v.table("[pack]"));
    let defaults = match root.get("defaults").and_then(|v| v.table("[defaults]")) {
        Some(table) => read_defaults(&table),
        None => Defaults::default(),
    };
    let derived = root
        .get("derive")
        .and_then(|v| v.table("[derive]"))
        .map(|t| read_derived(&t));
    let tables = root
        .require("rule")
        .and_then(|v| v.tables("a rule"))
        .unwrap_or_default();
    let rules: Vec<_> = tables
        .iter()
        .filter_map(|table| read_rule(document, table, &defaults))
        .collect();
    root.finish();
    report_duplicates(document, &rules);

    let head = head?;
    let info = PackInfo {
        id: head.require("id").and_then(|v| v.text()).unwrap_or("").into(),
        version: head
            .require("version")
            .and_then(|v| v.text())
            .unwrap_or("")
            .into(),
        hash: ContentHash::default(),
        canonical: "".into(),
        title_zh: head
            .require("title_zh")
            .and_then(|v| v.text())
            .unwrap_or("")
            .into(),
        title_en: head
            .require("title_en")
            .and_then(|v| v.text())
            .unwrap_or("")
            .into(),
        applies_to: head
            .require("applies_to")
            .and_then(|v| read_categories(&v))
            .unwrap_or_default(),
    };
    head.finish();
    let derived = derived.unwrap_or_default();
    let canonical: Arc<str> = canonical::content(&info, &derived, &rules).into();
    Some(RulePack {
        info: Arc::new(PackInfo {
            hash: ContentHash::of(canonical.as_bytes()),
            canonical,
            ..info
        }),
        derived,
        rules,
    })
}

/// Category prefixes; `""` means every category.
fn read_categories(value: &Value<'_, '_>) -> Option<Vec<String>> {
    let prefixes = value.strings()?;
    if prefixes.is_empty() {
        value.error(
            "`applies_to` must name at least one category",
            Some("`[\"\"]` means all".into()),
        );
    }
    for prefix in &prefixes {
        if prefix.len() > 4 || !prefix.chars().all(|c| c.is_ascii_alphanumeric()) {
            value.error(
                format!("`{prefix}` is not a category prefix"),
                Some("such as \"3\", \"11\" or \"2170\"".into()),
            );
        }
    }
    Some(prefixes.into_iter().map(str::to_owned).collect())
}

fn read_defaults(table: &Table<'_, '_>) -> Defaults {
    let defaults = Defaults {
        on_delay_ms: table.get("on_delay").and_then(|v| v.duration_ms()),
        off_delay_ms: table.get("off_delay").and_then(|v| v.duration_ms()),
        suppress_when: table.get("suppress_when").and_then(|v| read_condition(&v)),
        clause: table.get("clause").and_then(|v| v.text()).map(Arc::from),
        source: table.get("source").and_then(|v| v.text()).map(Arc::from),
        confidence: table
            .get("confidence")
            .and_then(|v| v.choice(CONFIDENCES))
            .map(Arc::from),
    };
    table.finish();
    defaults
}

fn read_derived(table: &Table<'_, '_>) -> Vec<Derived> {
    let entries = table.entries().into_iter();
    entries
        .filter_map(|(key, value)| {
            Some(Derived {
                key: key.into(),
                value: read_formula(&value)?,
            })
        })
        .collect()
}

fn report_duplicates(document: &Document<'_>, rules: &[RuleSource]) {
    let mut first: HashMap<&str, &RuleSource> = HashMap::new();
    for rule in rules {
        if let Some(earlier) = first.insert(&rule.id, rule) {
            document.report(
                rule.place
                    .error(format!("rule `{}` is defined twice", rule.id))
                    .help(format!("the other one is in line {}", earlier.place.line)),
            );
        }
    }
}

fn read_rule(document: &Document<'_>, table: &Table<'_, '_>, defaults: &Defaults) -> Option<RuleSource> {
    let errors = document.errors();
    let place = table.get("id").map_or_else(|| table.place(), |v| v.place());
    let id: Arc<str> = table.require("id").and_then(|v| v.text()).unwrap_or("").into();
    let text = |key| table.get(key).and_then(|v| v.text()).map(Arc::<str>::from);
    let required = |key| table.require(key).and_then(|v| v.text()).map(Arc::<str>::from);
    let title_zh = required("title_zh");
    let title_en = required("title_en");
    let kind_key = table.require("kind").and_then(|v| v.choice(KINDS));
    let kind = kind_key.and_then(|kind| read_kind(table, kind));
    let severity_when = table
        .get("severity_when")
        .and_then(|v| v.tables("a severity_when entry"));
    let severity_when = severity_when
        .unwrap_or_default()
        .iter()
        .filter_map(read_severity_when)
        .collect();
    let suppress_when = match table.get("suppress_when") {
        Some(value) if value.is_str() => value.choice(&[("never", ())]).and(None),
        Some(value) => read_condition(&value),
        None => defaults.suppress_when.clone(),
    };
    let clause = text("clause")
        .or_else(|| defaults.clause.clone())
        .or_else(|| required("clause"));
    let source = text("source")
        .or_else(|| defaults.source.clone())
        .or_else(|| required("source"));
    let confidence = table
        .get("confidence")
        .and_then(|v| v.choice(CONFIDENCES))
        .map(Arc::<str>::from);
    let confidence = confidence
        .or_else(|| defaults.confidence.clone())
        .or_else(|| required("confidence"));
    let on_delay_ms = table
        .get("on_delay")
        .and_then(|v| v.duration_ms())
        .or(defaults.on_delay_ms);
    let off_delay_ms = table
        .get("off_delay")
        .and_then(|v| v.duration_ms())
        .or(defaults.off_delay_ms);
    let severity = table.require("severity").and_then(|v| v.choice(SEVERITIES));
    let opens = table.require("opens").and_then(|v| v.choice(OPENS));
    let latched = table.get("latched").and_then(|v| v.bool()).unwrap_or(false);
    let applies_to = table
        .get("applies_to")
        .and_then(|v| read_categories(&v))
        .unwrap_or_default();
    let requires = table
        .get("requires")
        .and_then(|v| v.strings())
        .unwrap_or_default();
    // Without a known kind nobody knows which keys belong: the one error is enough.
    if kind_key.is_some() {
        table.finish();
    }
    if document.errors() > errors {
        return None;
    }
    Some(RuleSource {
        place,
        id,
        title_zh: title_zh?,
        title_en: title_en?,
        applies_to,
        requires: requires.into_iter().map(str::to_owned).collect(),
        kind: kind?,
        on_delay_ms: on_delay_ms.unwrap_or(0),
        off_delay_ms: off_delay_ms.unwrap_or(0),
        severity: severity?,
        severity_when,
        suppress_when,
        opens: opens?,
        latched,
        clause: clause?,
        source: source?,
        confidence: confidence?,
    })
}

fn read_severity_when(table: &Table<'_, '_>) -> Option<(ConditionSource, Severity)> {
    let when = table.require("when").and_then(|v| read_condition(&v));
    let severity = table.require("severity").and_then(|v| v.choice(SEVERITIES));
    table.finish();
    Some((when?, severity?))
}

fn read_kind(table: &Table<'_, '_>, kind: Kind) -> Option<KindSource> {
    let quantity = || table.require("quantity").and_then(|v| read_quantity(&v));
    let numeric = || {
        let value = table.require("quantity")?;
        read_quantity_of(&value, "a number", &[QuantityKind::Analog, QuantityKind::Counter])
    };
    let direction = || table.require("direction").and_then(|v| v.choice(DIRECTIONS));
    let formula = |key| table.require(key).and_then(|v| read_formula(&v));
    // Each key is read before any is needed, so that all errors of the rule show.
    match kind {
        Kind::Limit => {
            let (quantity, direction, trip, clear) =
                (numeric(), direction(), formula("trip"), formula("clear"));
            Some(KindSource::Limit {
                quantity: quantity?,
                direction: direction?,
                trip: trip?,
                clear: clear?,
            })
        }
        Kind::Rate => {
            let (quantity, direction, trip, clear) =
                (numeric(), direction(), formula("trip"), formula("clear"));
            let window_ms = table.require("window").and_then(|v| read_positive_duration(&v))?;
            Some(KindSource::Rate {
                quantity: quantity?,
                direction: direction?,
                trip: trip?,
                clear: clear?,
                window_ms,
            })
        }
        Kind::Code => {
            let quantity = quantity();
            let keys = table.require("codes").and_then(|v| read_fault_keys(&v));
            let count = table.get("count").and_then(|v| v.whole(1..=1000)).unwrap_or(1);
            let window_ms = if count > 1 {
                table.require("window").and_then(|v| read_positive_duration(&v))?
            } else {
                if let Some(window) = table.get("window") {
                    window.error(
                        "`window` has no meaning without `count`",
                        Some("add `count = 3` or so".into()),
                    );
                }
                0
            };
            Some(KindSource::Code {
                quantity: quantity?,
                keys: keys?,
                count: count as u16,
                window_ms,
            })
        }
        Kind::Count => {
            let quantity = table
                .require("quantity")
                .and_then(|v| read_quantity_of(&v, "a two-state signal", &[QuantityKind::Binary]));
            let value = table.require("is").and_then(|v| v.bool());
            let count = table.require("count").and_then(|v| v.whole(2..=1000));
            let window_ms = table.require("window").and_then(|v| read_positive_duration(&v));
            Some(KindSource::Count {
                quantity: quantity?,
                value: value?,
                count: count? as u16,
                window_ms: window_ms?,
            })
        }
        Kind::Silence => {
            let after_ms = table.require("after").and_then(|v| read_positive_duration(&v))?;
            Some(KindSource::Silence { after_ms })
        }
        Kind::Quality => {
            let value = table.require("quantities")?;
            if value.is_str() {
                return value
                    .choice(&[("current_loop", ())])
                    .map(|()| KindSource::Quality(QualityScope::CurrentLoops));
            }
            let quantities: Option<Vec<_>> = value.list()?.iter().map(read_quantity).collect();
            Some(KindSource::Quality(QualityScope::Quantities(quantities?)))
        }
        Kind::Interlock => table
            .require("when")
            .and_then(|v| read_condition(&v))
            .map(KindSource::Interlock),
    }
}

fn read_positive_duration(value: &Value<'_, '_>) -> Option<i64> {
    let ms = value.duration_ms()?;
    if ms == 0 {
        value.error("the duration must not be zero", None);
        return None;
    }
    Some(ms)
}

fn read_quantity(value: &Value<'_, '_>) -> Option<Quantity> {
    value.keyed("quantity", Quantity::KEYS, Quantity::from_key)
}

fn read_quantity_of(value: &Value<'_, '_>, what: &str, kinds: &[QuantityKind]) -> Option<Quantity> {
    let quantity = read_quantity(value)?;
    if !kinds.contains(&quantity.kind()) {
        value.error(
            format!("`{quantity}` is not {what}; its kind is `{}`", quantity.kind()),
            None,
        );
        return None;
    }
    Some(quantity)
}

fn read_fault_keys(value: &Value<'_, '_>) -> Option<Vec<FaultKey>> {
    let list = value.list()?;
    if list.is_empty() {
        value.error("the list of codes is empty", None);
    }
    let keys: Vec<_> = list
        .iter()
        .map(|v| v.keyed("fault key", FaultKey::KEYS, FaultKey::from_key))
        .collect();
    keys.into_iter().collect()
}

/// A number, or an expression over the nameplate.
fn read_formula(value: &Value<'_, '_>) -> Option<Formula> {
    let place = value.place();
    if value.is_number() {
        return Some(Formula {
            expr: Expr::constant(value.number()?),
            place,
        });
    }
    match Expr::parse(value.str()?) {
        Ok(expr) => {
            for name in expr.names().into_iter().filter(|name| *name != "trip") {
                warn_of_likely_typo(value, name);
            }
            Some(Formula { expr, place })
        }
        Err(error) => {
            // The place within the text, so that a long expression shows where it breaks.
            let finding = value
                .place_within(error.at)
                .error(format!("not an expression: {error}"));
            value.report(finding.maybe_help(error.help));
            None
        }
    }
}

/// Packs may use nameplate keys of their own, but one that is nearly a known key is a misspelt one.
fn warn_of_likely_typo(value: &Value<'_, '_>, name: &str) {
    let known = || nameplate::KNOWN.iter().map(|(key, _)| *key);
    let near = known().find(|key| strsim::damerau_levenshtein(key, name) <= 2);
    if let Some(near) = near.filter(|_| known().all(|key| key != name)) {
        value.warning(
            format!("unknown nameplate key `{name}`"),
            Some(format!("did you mean `{near}`?")),
        );
    }
}
