//! TOML → [`Catalog`], with every error of every file at once.
//!
//! Twenty thousand lifts of a handful of types share their channels, nameplates and rules: all three
//! are interned, so that loading and memory grow with the number of types.

use super::{Catalog, Channel, CodeScheme, Equipment, EquipmentIx, channels, nameplate, schemes};
use crate::diagnostic::document::{Document, Table, Value};
use crate::diagnostic::{Diagnostic, Place, has_errors, suggestion};
use crate::pack::source::{ConditionSource, KindSource};
use crate::pack::{Compilation, Rule, RulePack, SkippedRule};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use vigil_protocol::sparkplug::check_id;
use vigil_protocol::vocabulary::EquipmentClass;

impl Catalog {
    /// Loads catalog files (name and text) and compiles `packs` for every piece of equipment.
    ///
    /// No catalog if there is any error; warnings come along either way.
    #[must_use]
    pub fn load(files: &[(&str, &str)], packs: &[Arc<RulePack>]) -> (Option<Self>, Vec<Diagnostic>) {
        let mut loader = Loader::new(packs);
        for (name, text) in files {
            loader.file(name, text);
        }
        loader.finish()
    }
}

/// Loads file after file into one catalog.
pub struct Loader<'p> {
    packs: &'p [Arc<RulePack>],
    /// Nameplate keys any rule uses: others are suspicious.
    used_keys: BTreeSet<&'p str>,
    catalog: Catalog,
    findings: Vec<Diagnostic>,
    schemes: BTreeMap<String, Arc<CodeScheme>>,
    places: HashMap<Arc<str>, Place>,
    bindings: HashMap<(Arc<str>, Option<Arc<str>>), Place>,
    layouts: Interned<Arc<[Channel]>>,
    nameplates: Interned<Arc<BTreeMap<String, f64>>>,
    standard: HashMap<(EquipmentClass, i64), Arc<[Channel]>>,
    empty_register: Arc<BTreeMap<String, String>>,
    compiled: HashMap<RulesKey, (Arc<[Rule]>, Vec<SkipKey>)>,
    skipped: BTreeMap<SkipKey, Skipped>,
    nodes: HashMap<String, Arc<str>>,
}

/// Category, layout and nameplate (by address: interned, and alive as long as the loader).
type RulesKey = (String, usize, usize);

/// Missing nameplate keys, the rules that want them, and whether these are applied in part.
type SkipKey = (BTreeSet<String>, Vec<Arc<str>>, bool);

/// Equipment that lacks the same nameplate values for the same rules: one warning for all of it.
struct Skipped {
    place: Place,
    first: Arc<str>,
    count: usize,
}

/// Values by content, so that equal ones are one allocation.
struct Interned<T> {
    by_hash: HashMap<u64, Vec<T>>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self {
            by_hash: HashMap::new(),
        }
    }
}

impl<T: Clone> Interned<T> {
    fn get(&mut self, hash: u64, same: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> T {
        let bucket = self.by_hash.entry(hash).or_default();
        if let Some(found) = bucket.iter().find(|value| same(value)) {
            return found.clone();
        }
        let made = make();
        bucket.push(made.clone());
        made
    }
}

/// What `[template.NAME]` and `[[equipment]]` have in common.
#[derive(Default, Clone)]
struct Common<'d, 'i> {
    category: Option<Value<'d, 'i>>,
    scheme: Option<Value<'d, 'i>>,
    interval: Option<Value<'d, 'i>>,
    standard_channels: Option<Value<'d, 'i>>,
    channels: Option<Value<'d, 'i>>,
    nameplate: Option<Value<'d, 'i>>,
    register: Option<Value<'d, 'i>>,
}

impl<'d, 'i> Common<'d, 'i> {
    fn read(table: &Table<'d, 'i>) -> Self {
        Self {
            category: table.get("category"),
            scheme: table.get("scheme"),
            interval: table.get("interval"),
            standard_channels: table.get("standard_channels"),
            channels: table.get("channel"),
            nameplate: table.get("nameplate"),
            register: table.get("register"),
        }
    }

    /// Own values before the template's.
    fn or(self, template: &Self) -> Self {
        let template = template.clone();
        Self {
            category: self.category.or(template.category),
            scheme: self.scheme.or(template.scheme),
            interval: self.interval.or(template.interval),
            standard_channels: self.standard_channels.or(template.standard_channels),
            channels: self.channels.or(template.channels),
            nameplate: self.nameplate,
            register: self.register,
        }
    }
}

impl<'p> Loader<'p> {
    /// A loader that will compile `packs`.
    #[must_use]
    pub fn new(packs: &'p [Arc<RulePack>]) -> Self {
        Self {
            packs,
            used_keys: packs.iter().flat_map(|pack| keys_used(pack)).collect(),
            catalog: Catalog::default(),
            findings: Vec::new(),
            schemes: schemes::builtin_schemes(),
            places: HashMap::new(),
            bindings: HashMap::new(),
            layouts: Interned::default(),
            nameplates: Interned::default(),
            standard: HashMap::new(),
            empty_register: Arc::default(),
            compiled: HashMap::new(),
            skipped: BTreeMap::new(),
            nodes: HashMap::new(),
        }
    }

    /// Reads one file.
    pub fn file(&mut self, name: &str, text: &str) {
        let (head, parts) = split(text);
        let head = Document::parse(name, head);
        let mut findings = Vec::new();
        if let Some(root) = head.root() {
            let templates = self.head(&root);
            self.listed(&head, &head, &root, &templates);
            root.finish();
            for (before, part) in parts {
                let part = Document::parse_part(name, part, before);
                if let Some(root) = part.root() {
                    self.listed(&head, &part, &root, &templates);
                    root.finish();
                }
                findings.extend(part.into_findings());
            }
        }
        self.findings.extend(head.into_findings());
        self.findings.append(&mut findings);
    }

    /// The catalog, unless there was any error, and all findings.
    #[must_use]
    pub fn finish(mut self) -> (Option<Catalog>, Vec<Diagnostic>) {
        for (key, skipped) in std::mem::take(&mut self.skipped) {
            self.findings.push(skipped_warning(&key, &skipped));
        }
        let ok = !has_errors(&self.findings);
        self.catalog.packs = self.packs.iter().map(|pack| Arc::clone(&pack.info)).collect();
        self.catalog.schemes = self
            .schemes
            .into_iter()
            .map(|(id, scheme)| (id.into(), scheme))
            .collect();
        (ok.then_some(self.catalog), self.findings)
    }

    /// Schemes and templates.
    fn head<'d, 'i>(&mut self, root: &Table<'d, 'i>) -> BTreeMap<&'d str, Common<'d, 'i>> {
        if let Some(table) = root.get("scheme").and_then(|v| v.table("[scheme]")) {
            for (id, value) in table.entries() {
                if let Some(table) = value.table(format!("[scheme.{id}]")) {
                    let scheme = schemes::read(id, &table, &self.schemes);
                    self.schemes.insert(id.to_owned(), Arc::new(scheme));
                }
            }
        }
        let mut templates = BTreeMap::new();
        if let Some(table) = root.get("template").and_then(|v| v.table("[template]")) {
            for (name, value) in table.entries() {
                if let Some(table) = value.table(format!("[template.{name}]")) {
                    let common = Common::read(&table);
                    table.finish();
                    templates.insert(name, common);
                }
            }
        }
        templates
    }

    fn listed<'d, 'i>(
        &mut self,
        head: &'d Document<'i>,
        document: &'d Document<'i>,
        root: &Table<'d, 'i>,
        templates: &BTreeMap<&str, Common<'d, 'i>>,
    ) {
        let equipment = root.get("equipment").and_then(|v| v.tables("an equipment"));
        for table in equipment.iter().flatten() {
            self.equipment(head, document, table, templates);
        }
    }

    fn equipment<'d, 'i>(
        &mut self,
        head: &'d Document<'i>,
        document: &'d Document<'i>,
        table: &Table<'d, 'i>,
        templates: &BTreeMap<&str, Common<'d, 'i>>,
    ) {
        // What a template says is read anew for each piece of equipment: its errors count here too.
        let count = || document.errors() + head.errors();
        let errors = count();
        let id = table.require("id").and_then(|v| self.read_id(&v));
        let name_zh = table.get("name").and_then(|v| v.text());
        let name_en = table.get("name_en").and_then(|v| v.text());
        let own = Common::read(table);
        let template = table.get("template").and_then(|v| {
            let name = v.str()?;
            let template = templates.get(name);
            if template.is_none() {
                v.error(
                    format!("unknown template `{name}`"),
                    suggestion(name, templates.keys().copied()),
                );
            }
            template
        });
        let (own_nameplate, own_register) = (own.nameplate.clone(), own.register.clone());
        let common = template.map_or_else(|| own.clone(), |template| own.clone().or(template));
        let category = match &common.category {
            Some(value) => read_category(value),
            // An unknown template might have given it: one error is enough.
            None if template.is_none() && table.has("template") => None,
            None => table.require("category").and_then(|v| read_category(&v)),
        };
        let node = table.require("node").and_then(|v| self.read_node(&v));
        let device = table.get("device").and_then(|v| read_device(&v));
        table.finish();

        let class = category.map(|(_, class)| class);
        let scheme = common.scheme.as_ref().and_then(|v| self.read_scheme(v));
        let interval = common
            .interval
            .as_ref()
            .and_then(|v| v.duration_ms())
            .filter(|ms| *ms > 0);
        let interval_ms = interval.unwrap_or(channels::DEFAULT_INTERVAL_MS);
        let standard = common
            .standard_channels
            .as_ref()
            .and_then(|v| v.bool())
            .unwrap_or(false);
        let channels = class.map(|class| self.layout(common.channels.as_ref(), class, interval_ms, standard));

        let mut values = BTreeMap::new();
        let nameplates = [
            template.and_then(|template| template.nameplate.clone()),
            own_nameplate,
        ];
        let nameplates: Vec<_> = nameplates
            .into_iter()
            .flatten()
            .filter_map(|v| v.table("[nameplate]"))
            .collect();
        for table in &nameplates {
            nameplate::read(table, &mut values);
        }
        let registers = [
            template.and_then(|template| template.register.clone()),
            own_register,
        ];
        let register = self.read_register(registers.into_iter().flatten());
        if let (Some(node), Some(id)) = (&node, &id) {
            self.bind(table, node, device.as_ref(), id);
        }
        let (Some(id), Some((category, class)), Some(node), Some(channels)) = (id, category, node, channels)
        else {
            return;
        };
        for pack in self.packs.iter().filter(|pack| pack.applies_to(category)) {
            pack.derive(&mut values);
        }
        if let Some(last) = nameplates.last() {
            nameplate::check_order(last, &values)
                .into_iter()
                .for_each(|finding| document.report(finding));
        }
        for table in &nameplates {
            nameplate::check_keys(table, &self.used_keys)
                .into_iter()
                .for_each(|finding| document.report(finding));
        }
        if count() > errors {
            return;
        }
        let nameplate = self.intern_nameplate(values);
        let rules = self.rules(document, &table.place(), &id, category, &channels, &nameplate);
        let name_zh: Arc<str> = name_zh.or(name_en).map_or_else(|| Arc::clone(&id), Arc::from);
        let name_en = name_en.map_or_else(|| Arc::clone(&name_zh), Arc::from);
        let ix = EquipmentIx(self.catalog.equipment.len() as u32);
        self.catalog.by_id.insert(Arc::clone(&id), ix);
        self.catalog
            .by_binding
            .entry(Arc::clone(&node))
            .or_default()
            .push((device.clone(), ix));
        self.catalog.equipment.push(Equipment {
            id,
            name_zh,
            name_en,
            category: category.into(),
            class,
            register,
            node,
            device,
            scheme,
            nameplate,
            channels,
            rules,
        });
    }

    fn read_id(&mut self, value: &Value<'_, '_>) -> Option<Arc<str>> {
        let text = value.text()?;
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.len() > 64 || !text.chars().all(fits) {
            let help = "letters, digits, `-`, `_` and `.`, at most 64 bytes: it is used in addresses";
            value.error(format!("`{text}` is not an equipment id"), Some(help.into()));
            return None;
        }
        let id: Arc<str> = text.into();
        let place = value.place();
        // Ids that differ only by case are mixed up by people and by some file systems.
        if let Some(other) = self.places.insert(text.to_lowercase().into(), place) {
            let help = format!("the other one is in {}:{}", other.file, other.line);
            value.error(format!("two pieces of equipment are called `{text}`"), Some(help));
            return None;
        }
        Some(id)
    }

    fn read_node(&mut self, value: &Value<'_, '_>) -> Option<Arc<str>> {
        let text = value.text()?;
        if let Some(known) = self.nodes.get(text) {
            return Some(Arc::clone(known));
        }
        let help = Some("`group/node`, such as \"haicheng/node-1\"".to_owned());
        let Some((group, node)) = text.split_once('/') else {
            value.error(format!("`{text}` does not name a node"), help);
            return None;
        };
        for (what, id) in [("group", group), ("node", node)] {
            if let Err(error) = check_id(id) {
                value.error(format!("`{id}` is not a Sparkplug {what} id: {error}"), help);
                return None;
            }
        }
        let node: Arc<str> = text.into();
        self.nodes.insert(text.to_owned(), Arc::clone(&node));
        Some(node)
    }

    fn read_scheme(&self, value: &Value<'_, '_>) -> Option<Arc<CodeScheme>> {
        let name = value.str()?;
        let found = self.schemes.get(name).cloned();
        if found.is_none() {
            value.error(
                format!("unknown fault-code scheme `{name}`"),
                suggestion(name, self.schemes.keys().map(String::as_str)),
            );
        }
        found
    }

    fn bind(&mut self, table: &Table<'_, '_>, node: &Arc<str>, device: Option<&Arc<str>>, id: &str) {
        let key = (Arc::clone(node), device.cloned());
        if let Some(other) = self.bindings.insert(key, table.place()) {
            let source = device.map_or_else(|| node.to_string(), |device| format!("{node}/{device}"));
            table.error(
                format!("`{id}` gets its data from `{source}`, and so does other equipment"),
                Some(format!("the other one is in {}:{}", other.file, other.line)),
            );
        }
    }

    fn read_register<'d, 'i: 'd>(
        &self,
        tables: impl Iterator<Item = Value<'d, 'i>>,
    ) -> Arc<BTreeMap<String, String>> {
        let mut register = BTreeMap::new();
        for table in tables.filter_map(|v| v.table("[register]")) {
            for (key, value) in table.entries() {
                if let Some(text) = value.str() {
                    register.insert(key.to_owned(), text.to_owned());
                }
            }
        }
        if register.is_empty() {
            Arc::clone(&self.empty_register)
        } else {
            Arc::new(register)
        }
    }

    fn layout(
        &mut self,
        listed: Option<&Value<'_, '_>>,
        class: EquipmentClass,
        interval_ms: i64,
        with_standard: bool,
    ) -> Arc<[Channel]> {
        let Some(tables) = listed.and_then(|v| v.tables("a channel")) else {
            let standard = self.standard.entry((class, interval_ms));
            return Arc::clone(
                standard.or_insert_with(|| channels::standard_layout(class, interval_ms).into()),
            );
        };
        let mut layout = channels::read(&tables, class, interval_ms);
        if with_standard {
            for channel in channels::standard_layout(class, interval_ms) {
                let taken = layout
                    .iter()
                    .any(|c| c.quantity == channel.quantity || c.metric == channel.metric);
                if !taken {
                    layout.push(channel);
                }
            }
        }
        let mut hasher = DefaultHasher::new();
        for channel in &layout {
            (
                channel.quantity,
                &channel.metric,
                channel.unit,
                channel.interval_ms,
            )
                .hash(&mut hasher);
        }
        self.layouts.get(
            hasher.finish(),
            |known| **known == *layout,
            || layout.clone().into(),
        )
    }

    fn intern_nameplate(&mut self, values: BTreeMap<String, f64>) -> Arc<BTreeMap<String, f64>> {
        let mut hasher = DefaultHasher::new();
        for (key, value) in &values {
            (key, value.to_bits()).hash(&mut hasher);
        }
        self.nameplates.get(
            hasher.finish(),
            |known| **known == values,
            || Arc::new(values.clone()),
        )
    }

    fn rules(
        &mut self,
        document: &Document<'_>,
        place: &Place,
        id: &Arc<str>,
        category: &str,
        channels: &Arc<[Channel]>,
        nameplate: &Arc<BTreeMap<String, f64>>,
    ) -> Arc<[Rule]> {
        let layout = channels.as_ptr() as usize;
        let key = (category.to_owned(), layout, Arc::as_ptr(nameplate) as usize);
        if let Some((rules, skipped)) = self.compiled.get(&key) {
            for key in skipped {
                if let Some(skipped) = self.skipped.get_mut(key) {
                    skipped.count += 1;
                }
            }
            return Arc::clone(rules);
        }
        let mut compilation = Compilation::default();
        for pack in self.packs {
            pack.compile(id, category, channels, nameplate, &mut compilation);
        }
        let Compilation {
            rules,
            skipped,
            findings,
        } = compilation;
        self.findings.extend(findings);
        report_twice(document, place, id, &rules);
        if rules.is_empty() {
            document.report(place.warning(format!("no rule watches `{id}` (category {category})")));
        }
        let skipped = group(skipped);
        for key in &skipped {
            let known = self.skipped.entry(key.clone());
            let first = || Skipped {
                place: place.clone(),
                first: Arc::clone(id),
                count: 0,
            };
            known.or_insert_with(first).count += 1;
        }
        let rules: Arc<[Rule]> = rules.into();
        self.compiled.insert(key, (Arc::clone(&rules), skipped));
        rules
    }
}

/// Equipment in one part of a file.
const PART: usize = 500;

/// Cuts a file of many pieces of equipment into parts that are TOML by themselves, each with the number
/// of lines before it: the parsed form of a whole large file would take ten times its size in memory.
///
/// Only a file whose equipment comes last and that has no multi-line strings is cut.
fn split(text: &str) -> (&str, Vec<(usize, &str)>) {
    let is_equipment = |line: &str| line.starts_with("[[equipment]]");
    let whole = (text, Vec::new());
    if text.contains("\"\"\"") || text.contains("'''") {
        return whole;
    }
    let mut cuts = Vec::new();
    let (mut at, mut seen) = (0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if is_equipment(line) {
            if seen % PART == 0 {
                cuts.push((number, at));
            }
            seen += 1;
        } else if seen > 0 && line.trim_start().starts_with('[') && !line.contains("equipment.") {
            return whole;
        }
        at += line.len();
    }
    if seen <= PART {
        return whole;
    }
    let ends = cuts.iter().skip(1).map(|(_, start)| *start).chain([text.len()]);
    let parts = cuts
        .iter()
        .zip(ends)
        .filter_map(|((before, start), end)| Some((*before, text.get(*start..end)?)));
    let head = cuts
        .first()
        .and_then(|(_, start)| text.get(..*start))
        .unwrap_or(text);
    (head, parts.collect())
}

/// Rules that lack the same keys, together.
fn group(skipped: Vec<SkippedRule>) -> Vec<SkipKey> {
    let mut groups: BTreeMap<(BTreeSet<String>, bool), Vec<Arc<str>>> = BTreeMap::new();
    for SkippedRule {
        rule,
        missing,
        partly,
    } in skipped
    {
        groups.entry((missing, partly)).or_default().push(rule);
    }
    groups
        .into_iter()
        .map(|((missing, partly), rules)| (missing, rules, partly))
        .collect()
}

fn skipped_warning((missing, rules, partly): &SkipKey, skipped: &Skipped) -> Diagnostic {
    let keys = missing
        .iter()
        .map(|key| format!("`{key}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let rules = rules.iter().map(|rule| &**rule).collect::<Vec<_>>().join(", ");
    let who = match skipped.count {
        1 => format!("`{}`", skipped.first),
        count => format!("`{}` and {} more", skipped.first, count - 1),
    };
    let how = if *partly { "applied in part" } else { "not applied" };
    skipped
        .place
        .warning(format!("the nameplate of {who} has no {keys}; {how}: {rules}"))
        .help("add it to [equipment.nameplate] or to the template")
}

/// Two packs may use the same rule id, but not for the same equipment.
fn report_twice(document: &Document<'_>, place: &Place, id: &str, rules: &[Rule]) {
    let mut seen: HashMap<&str, &Rule> = HashMap::new();
    for rule in rules {
        if let Some(other) = seen.insert(&rule.id, rule) {
            document.report(
                place
                    .error(format!(
                        "rule `{}` applies to `{id}` twice: from pack `{}` and from pack `{}`",
                        rule.id, other.pack.id, rule.pack.id
                    ))
                    .help("leave one of the packs out of `rules`, or rename the rule"),
            );
        }
    }
}

/// The category code and the class it belongs to.
fn read_category<'d>(value: &Value<'d, '_>) -> Option<(&'d str, EquipmentClass)> {
    let text = value.text()?;
    // Codes like `23T0` have a letter: its class follows from the digits before it.
    let digits: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { c } else { '0' })
        .collect();
    let well_formed = text.len() == 4 && text.is_ascii() && text.starts_with(|c: char| c.is_ascii_digit());
    let class = digits
        .parse()
        .ok()
        .filter(|_| well_formed)
        .and_then(EquipmentClass::from_category_code);
    match class {
        Some(class) => Some((text, class)),
        None => {
            let help = "four characters of the 2014 catalogue: 11xx steam boiler, 12xx hot-water boiler, \
                        13xx organic heat-carrier boiler, 2xxx pressure vessel, 3xxx lift, 33xx escalator";
            value.error(
                format!("`{text}` is not a category Vigil watches"),
                Some(help.into()),
            );
            None
        }
    }
}

fn read_device(value: &Value<'_, '_>) -> Option<Arc<str>> {
    let text = value.text()?;
    if let Err(error) = check_id(text) {
        value.error(format!("`{text}` is not a Sparkplug device id: {error}"), None);
        return None;
    }
    Some(text.into())
}

/// Every nameplate key the rules of a pack mention.
fn keys_used(pack: &RulePack) -> BTreeSet<&str> {
    let mut keys = BTreeSet::new();
    for derived in &pack.derived {
        keys.insert(&*derived.key);
        keys.extend(derived.value.expr.names());
    }
    for rule in &pack.rules {
        keys.extend(rule.requires.iter().map(String::as_str));
        match &rule.kind {
            KindSource::Limit { trip, clear, .. } | KindSource::Rate { trip, clear, .. } => {
                keys.extend(trip.expr.names());
                keys.extend(clear.expr.names());
            }
            KindSource::Interlock(condition) => condition_keys(condition, &mut keys),
            KindSource::Code { .. } | KindSource::Silence { .. } | KindSource::Quality(_) => {}
        }
        let conditions = rule.severity_when.iter().map(|(condition, _)| condition);
        conditions
            .chain(&rule.suppress_when)
            .for_each(|condition| condition_keys(condition, &mut keys));
    }
    keys
}

fn condition_keys<'a>(condition: &'a ConditionSource, keys: &mut BTreeSet<&'a str>) {
    match condition {
        ConditionSource::All(members)
        | ConditionSource::Any(members)
        | ConditionSource::AnyKnown(members) => {
            members.iter().for_each(|member| condition_keys(member, keys));
        }
        ConditionSource::Not(inner) | ConditionSource::Assume(inner, _) => condition_keys(inner, keys),
        ConditionSource::Number { value, .. } => keys.extend(value.expr.names()),
        ConditionSource::Is { .. }
        | ConditionSource::Code { .. }
        | ConditionSource::Mode { .. }
        | ConditionSource::Bad { .. } => {}
    }
}
