//! TOML → [`Catalog`], with every error of every file at once.
//!
//! Twenty thousand lifts of a handful of types share their channels, nameplates and rules: all three
//! are interned, so that loading and memory grow with the number of types.

mod fields;
mod interned;
mod keys;
mod parts;
mod skipped;

use self::fields::{Common, read_category, read_device};
use self::interned::Interned;
use self::keys::keys_used;
use self::parts::split;
use self::skipped::{SkipKey, Skipped, group, skipped_warning};
use super::schemes::{Schemes, read_controller};
use super::{Catalog, Channel, Equipment, EquipmentIx, Register, channels, nameplate};
use crate::diagnostic::document::{Document, Table, Value};
use crate::diagnostic::{Diagnostic, Place, has_errors, suggestion};
use crate::pack::{Compilation, Rule, RulePack};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
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
    schemes: Schemes,
    places: HashMap<Arc<str>, Place>,
    bindings: HashMap<(Arc<str>, Option<Arc<str>>), Place>,
    layouts: Interned<Arc<[Channel]>>,
    nameplates: Interned<Arc<BTreeMap<String, f64>>>,
    standard: HashMap<(EquipmentClass, i64), Arc<[Channel]>>,
    texts: HashSet<Arc<str>>,
    compiled: HashMap<RulesKey, (Arc<[Rule]>, Vec<SkipKey>)>,
    skipped: BTreeMap<SkipKey, Skipped>,
    nodes: HashMap<String, Arc<str>>,
}

/// Category, layout and nameplate (by address: interned, and alive as long as the loader).
type RulesKey = (String, usize, usize);

impl<'p> Loader<'p> {
    /// A loader that will compile `packs`.
    #[must_use]
    pub fn new(packs: &'p [Arc<RulePack>]) -> Self {
        Self {
            packs,
            used_keys: packs.iter().flat_map(|pack| keys_used(pack)).collect(),
            catalog: Catalog::default(),
            findings: Vec::new(),
            schemes: Schemes::default(),
            places: HashMap::new(),
            bindings: HashMap::new(),
            layouts: Interned::default(),
            nameplates: Interned::default(),
            standard: HashMap::new(),
            texts: HashSet::new(),
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
            .into_known()
            .into_iter()
            .map(|(id, scheme)| (id.into(), scheme))
            .collect();
        // It stays as long as the gateway runs.
        self.catalog.equipment.shrink_to_fit();
        self.catalog.by_binding.values_mut().for_each(Vec::shrink_to_fit);
        (ok.then_some(self.catalog), self.findings)
    }

    /// Schemes and templates.
    fn head<'d, 'i>(&mut self, root: &Table<'d, 'i>) -> BTreeMap<&'d str, Common<'d, 'i>> {
        if let Some(table) = root.get("scheme").and_then(|v| v.table("[scheme]")) {
            for (id, value) in table.entries() {
                if let Some(table) = value.table(format!("[scheme.{id}]")) {
                    self.schemes.read(id, &table);
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
        let device = device.map(|device| self.shared(&device));
        table.finish();

        let class = category.map(|(_, class)| class);
        let scheme = common.scheme.as_ref();
        let controller = read_controller(common.controller.as_ref(), common.firmware.as_ref(), scheme);
        let scheme = scheme.and_then(|v| self.schemes.of(v, &controller));
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
        let category = self.shared(category);
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
            category,
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

    fn read_register<'d, 'i: 'd>(&mut self, tables: impl Iterator<Item = Value<'d, 'i>>) -> Register {
        let mut facts = Vec::new();
        for table in tables.filter_map(|v| v.table("[register]")) {
            for (key, value) in table.entries() {
                if let Some(text) = value.str() {
                    facts.push((self.shared(key), self.shared(text)));
                }
            }
        }
        Register::new(facts)
    }

    /// One copy of equal texts: names and sites are said again and again.
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let made: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&made));
        made
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
